"""The five contracts that everything else is written against.

    F(params, hyper) = sum_i s_i loss(y_i, z_i(params)) + R(params, hyper)

A ``Loss`` sees only outputs z, a ``Predictor`` knows only how outputs move with parameters, a
``Penalty`` sees only parameters and hyperparameters, a ``HessianInverse`` answers questions about
H^-1, and a ``Criterion`` says what hyperparameters should minimise. F is a **sum in nats**, never a
mean, so a penalty is a prior precision and H is a posterior precision.

Shapes used throughout: n rows, k outputs, p parameters, h hyperparameters. ``hyper`` is the log of
the penalty strengths. Arrays are float64. Outputs are always (n, k), also when k = 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from derivata.objective import Expansion, Objective

Array = np.ndarray
Rows = slice | Array


class RowDerivatives(Protocol):
    """A loss at given outputs: every derivative on demand, sharing its exponentials."""

    @property
    def value(self) -> Array:
        """The losses, (n,)."""
        ...

    @property
    def gradient(self) -> Array:
        """First derivatives by the outputs, (n, k)."""
        ...

    @property
    def hessian(self) -> Array:
        """Second derivatives by the outputs, (n, k, k)."""
        ...

    def third(self, matrices: Array) -> Array | None:
        """Third derivatives contracted with one symmetric matrix a row, (n, k).

        The tensor itself, (n, k, k, k), is never formed. None stands for zero.
        """
        ...

    def cubic(self, directions: Array) -> Array:
        """Third derivative along one direction (n, k) a row, applied three times: (n,)."""
        ...


class Loss(Protocol):
    """What one row costs, as a function of its outputs alone.

    A loss that is not convex in its outputs says so by an attribute ``may_curve_down``, True.
    """

    @property
    def name(self) -> str:
        """As printed."""
        ...

    @property
    def n_outputs(self) -> int:
        """Outputs a row."""
        ...

    @property
    def scale_is_free(self) -> bool:
        """Whether the noise has a scale that the loss leaves out: squared error yes, counts no.

        Then the scale is near twice the mean of the loss less ``saturated``, the mean deviance.
        """
        ...

    @property
    def targets_are_classes(self) -> bool:
        """Whether targets are labels, so that folds must spread each over all parts."""
        ...

    @property
    def curvature_is_constant(self) -> bool:
        """Whether second derivatives depend on neither y nor outputs."""
        ...

    def at(self, y: Array, outputs: Array) -> RowDerivatives:
        """Derivatives at ``outputs`` (n, k) for targets ``y`` (n,)."""
        ...

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """The best constant outputs, (k,)."""
        ...

    def saturated(self, y: Array) -> Array:
        """The smallest value each row's loss can take over outputs, (n,): often a limit."""
        ...

    def validate(self, y: Array) -> None:
        """Raise ``InvalidTarget`` if some target is illegal."""
        ...


class Design(Protocol):
    """A matrix of n rows and p columns; the only place that knows how it is stored."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        ...

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        ...

    def matvec(self, coefs: Array) -> Array:
        """X @ coefs: (p, k) -> (n, k)."""
        ...

    def rmatvec(self, values: Array) -> Array:
        """X.T @ values: (n, k) -> (p, k)."""
        ...

    def gram(self, weights: Array) -> Array:
        """X.T diag(weights[:, m]) X for each m: (n, m) -> (m, p, p)."""
        ...

    def quadratics(self, matrices: Array) -> Array:
        """x_i.T M x_i for each symmetric M: (m, p, p) -> (n, m)."""
        ...

    def column_squares(self, weights: Array) -> Array:
        """sum_i weights_i x_ij^2 for each column: (n,) -> (p,)."""
        ...

    def dense(self, rows: Rows) -> Array:
        """The chosen rows as an array (len(rows), p)."""
        ...

    def take(self, rows: Rows) -> Design:
        """The design of the chosen rows."""
        ...

    def select(self, columns: Array) -> Design:
        """The design of the chosen columns, by index."""
        ...


class Predictor(Protocol):
    """Outputs as a function of parameters, and how they move."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        ...

    @property
    def n_outputs(self) -> int:
        """Outputs a row."""
        ...

    @property
    def n_params(self) -> int:
        """Number of parameters."""
        ...

    @property
    def is_linear(self) -> bool:
        """Whether outputs are linear in the parameters: J is then the same everywhere."""
        ...

    @property
    def reference(self) -> Array:
        """Typical parameters, (p,): where a fit may start, and where ``column_squares`` takes J."""
        ...

    def predict(self, params: Array) -> Array:
        """Outputs (n, k)."""
        ...

    def jvp(self, params: Array, direction: Array) -> Array:
        """J @ direction: (p,) -> (n, k)."""
        ...

    def vjp(self, params: Array, cotangent: Array) -> Array:
        """J.T @ cotangent: (n, k) -> (p,)."""
        ...

    def jacobian(self, params: Array, rows: Rows) -> Array:
        """J of the chosen rows, (m, k, p)."""
        ...

    def gram(self, params: Array, weights: Array) -> Array:
        """sum_i J_i.T W_i J_i for symmetric W_i: (n, k, k) -> (p, p)."""
        ...

    def leverage(self, params: Array, matrix: Array) -> Array:
        """J_i A J_i.T for a symmetric A: (p, p) -> (n, k, k)."""
        ...

    def curvature_vp(self, params: Array, cotangent: Array, direction: Array) -> Array | float:
        """sum_i u_i . (second derivative of z_i) @ direction; 0 for a linear predictor."""
        ...

    def row_curvature_vp(self, params: Array, directions: Array) -> Array | float:
        """sum_ia (second derivative of z_ia) @ d_ia: (n, k, p) -> (p,); 0 if linear."""
        ...

    def curvature(self, params: Array, cotangent: Array) -> Array | float:
        """sum_i u_i . (second derivative of z_i): (n, k) -> (p, p); 0 for a linear predictor."""
        ...

    def leverage_vjp(self, params: Array, matrix: Array, cotangents: Array) -> Array | float:
        """Derivative by params of sum_i trace(C_i J_i A J_i.T), A held: (p,); 0 if linear.

        It prices the change of J in whatever was computed from leverages, or from a Gram product:
        trace(M gram(W)) is the same sum with A = M and C = W.
        """
        ...

    def column_squares(self, weights: Array) -> Array:
        """sum_i weights_i |J_ij|^2 for each parameter, at ``reference``: (n,) -> (p,)."""
        ...

    def take(self, rows: Rows) -> Predictor:
        """The predictor of the chosen rows."""
        ...


class HasDiagonal(Protocol):
    """A symmetric matrix of which perhaps only the diagonal is ever formed."""

    def diagonal(self) -> Array:
        """The diagonal, (p,)."""
        ...


class Penalty(Protocol):
    """R(params, hyper): smooth, with a Hessian in params that is mostly diagonal."""

    @property
    def n_params(self) -> int:
        """Number of parameters."""
        ...

    @property
    def n_hyper(self) -> int:
        """Number of hyperparameters."""
        ...

    @property
    def hyper_names(self) -> tuple[str, ...]:
        """A name for each hyperparameter."""
        ...

    @property
    def is_diagonal(self) -> bool:
        """Whether the Hessian by params has nothing beside its diagonal."""
        ...

    @property
    def curvature_is_constant(self) -> bool:
        """Whether the Hessian by params depends on hyper alone."""
        ...

    @property
    def compared(self) -> Array | None:
        """The number of the set in which each parameter is compared with others, (p,), or None."""
        ...

    def value(self, params: Array, hyper: Array) -> float:
        """R itself."""
        ...

    def hyper_gradient(self, params: Array, hyper: Array) -> Array:
        """By hyper, (h,)."""
        ...

    def gradient(self, params: Array, hyper: Array) -> Array:
        """By params, (p,)."""
        ...

    def hessian_diagonal(self, params: Array, hyper: Array) -> Array:
        """Diagonal of the Hessian by params, (p,); zero for a free parameter."""
        ...

    def coupling(self, params: Array, hyper: Array) -> Array | None:
        """The Hessian beside its diagonal, (p, p), or None if it has nothing there."""
        ...

    def hvp(self, params: Array, hyper: Array, direction: Array) -> Array:
        """Hessian by params times a direction, (p,) or (p, m)."""
        ...

    def mixed_vjp(self, params: Array, hyper: Array, cotangent: Array) -> Array:
        """cotangent . d2R / dparams dhyper: (p,) -> (h,)."""
        ...

    def mixed_jvp(self, params: Array, hyper: Array, direction: Array) -> Array:
        """How the gradient by params moves along ``direction`` (h,) of hyper: (p,)."""
        ...

    def hessian_vjp(self, params: Array, hyper: Array, matrix: HasDiagonal) -> Array:
        """Derivative of trace(matrix @ Hessian) by hyper, (h,).

        Where the Hessian is not diagonal the matrix must have ``entries`` as well.
        """
        ...

    def hessian_params_vjp(self, params: Array, hyper: Array, matrix: HasDiagonal) -> Array:
        """The same by params, (p,): zero if curvature is constant."""
        ...

    def logdet(self, hyper: Array) -> tuple[float, Array]:
        """-2 log of the integral of exp(-R) + m log 2 pi, and its gradient, (h,).

        m is the number of directions that R penalises. If R is quadratic this is the log of the
        product of its Hessian's eigenvalues above zero.
        """
        ...

    def merged(self, kinds: Array, names: tuple[str, ...]) -> Penalty:
        """The penalty with one hyperparameter a kind; ``kinds`` (h,) are numbers into names."""
        ...


class KinkedPenalty(Penalty, Protocol):
    """A penalty with kinks, smooth elsewhere: what it shares with ``Penalty`` is about there."""

    def shortest(self, params: Array, hyper: Array, loss_gradient: Array) -> Array:
        """The shortest subgradient of the sum of the losses and R, (p,)."""
        ...

    def prox(self, params: Array, hyper: Array, step: Array | float) -> Array:
        """argmin over v of sum_j (v_j - params_j)^2 / 2 step_j + R(v), (p,)."""
        ...


class SparsePenalty(KinkedPenalty, Protocol):
    """A penalty with a kink where blocks of parameters are zero, smooth where they are not.

    Params are one number a column, output by output, and a block holds whole columns; ``prox``
    needs equal steps within a block.
    """

    @property
    def blocks(self) -> Array:
        """The block of each column; -1 where free."""
        ...

    @property
    def is_separable(self) -> bool:
        """Whether every block is a single parameter."""
        ...

    @property
    def block_weights(self) -> Array:
        """The weight of each block's norm, (n_blocks,)."""
        ...

    @property
    def param_blocks(self) -> Array:
        """The block of each parameter, (p,); -1 where free."""
        ...

    @property
    def param_weights(self) -> Array:
        """The weight of each parameter's block, (p,); zero where free."""
        ...

    def strengths(self, hyper: Array) -> tuple[float, float]:
        """Of the norms and of half the squares."""
        ...

    def norms(self, values: Array) -> Array:
        """For each parameter the norm of its block, (p,)."""
        ...

    def active(self, params: Array) -> Array:
        """Columns that are free or whose block is not zero, bool."""
        ...

    def select(self, columns: Array) -> SparsePenalty:
        """The penalty of chosen columns, whole blocks, by index."""
        ...


class Sandwich(HasDiagonal, Protocol):
    """M = H^-1 (sum_i J_i.T C_i J_i) H^-1, asked only what is needed of it."""

    def leverage(self) -> Array:
        """J_i M J_i.T for every row, (n, k, k)."""
        ...


class HessianInverse(Protocol):
    """Everything that is asked of H^-1 of one expansion."""

    @property
    def reason(self) -> str:
        """What was chosen and why."""
        ...

    @property
    def null_space(self) -> Array | None:
        """Flat directions left out, (p, m), or None."""
        ...

    def solve(self, right: Array) -> Array:
        """H^-1 @ right: (p,) or (p, m)."""
        ...

    def leverage(self, predictor: Predictor | None = None) -> Array:
        """J_i H^-1 J_i.T for the rows of the expansion, or of another predictor: (n, k, k)."""
        ...

    def sandwich(self, cotangents: Array) -> Sandwich:
        """H^-1 (J.T C J) H^-1 for symmetric C_i: (n, k, k)."""
        ...

    def logdet(self) -> float:
        """log det H."""
        ...

    def diagonal(self) -> Array:
        """Diagonal of H^-1, (p,): variances of the parameters."""
        ...

    def entries(self, first: Array, second: Array) -> Array:
        """Chosen entries of H^-1, (m,): covariances of parameters that are both free or neither."""
        ...


class Surrogate(Protocol):
    """A cheap stand-in for a criterion near one minimiser, and where the minimiser would move."""

    def at(self, hyper: Array) -> tuple[float, Array]:
        """Value and gradient by hyper."""
        ...

    def params(self, hyper: Array) -> Array:
        """Approximate minimiser for other hyperparameters, (p,): a warm start."""
        ...


@runtime_checkable
class CurvedSurrogate(Surrogate, Protocol):
    """A stand-in that knows its second derivative too."""

    def curvature(self, hyper: Array) -> Array:
        """Second derivative by hyper, (h, h)."""
        ...


@dataclass(frozen=True)
class Partials:
    """A criterion at one minimiser, with its partial derivatives."""

    value: float
    by_params: Array  # (p,)
    by_hyper: Array  # (h,) direct part: what moves when params stay
    row_losses: Array  # (m,) what each judged row contributes
    row_gradients: Array  # (m, k) derivative of each judged row's loss by its own outputs
    stand_in: Callable[[], Surrogate | None] = lambda: None  # around this point, if worthwhile


@dataclass(frozen=True)
class Subproblem:
    """One fit that a criterion asks for, and how it judges the minimiser."""

    objective: Objective
    judge: Callable[[Expansion, HessianInverse], Partials]
    judged: Predictor  # whose rows `Partials.row_losses` are
    judged_weight: float  # summed weight of those rows
    needs_leverage: bool = False  # whether `judge` asks more of H^-1 than solves
    in_nats: bool = False  # also where the loss leaves its scale out
    is_frozen_exact: bool = False  # whether its stand-in is the criterion itself


class Criterion(Protocol):
    """What hyperparameters should minimise: a sum over one or more fits, in nats."""

    @property
    def name(self) -> str:
        """As printed."""
        ...

    def subproblems(self, objective: Objective) -> list[Subproblem]:
        """The fits it needs and the judge of each."""
        ...
