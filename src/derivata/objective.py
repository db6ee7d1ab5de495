"""The objective and its second-order Taylor expansion at one point.

    F(params, hyper) = sum_i s_i loss(y_i, z_i(params) + offset_i) + R(params, hyper)

F is a sum in nats, never a mean. Then R is minus the log of a prior, the Hessian is the posterior
precision, and standard errors, evidence and leave-one-out need no 1/n anywhere. Conversions to
other libraries' scalings happen in ``estimators`` alone.

Maths: docs/math/objective.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.contracts import Array, Loss, Penalty, Predictor, RowDerivatives, Rows
from derivata.errors import NotConverged, ShapeMismatch
from derivata.lazy import lazy

# Newton steps for a constant beside an offset; each is a pass over n k numbers.
NULL_STEPS = 30
# Of the scales of gradients, where the Jacobian moves: the smallest, as a share of the largest.
LEAST_SCALE = 1e-6
# Designs up to this many numbers (8 MB) are copied for a part of their rows.
LARGEST_COPY = 2**20


@dataclass(frozen=True, eq=False)
class Objective:
    """Loss of outputs plus penalty, for given data.

    Parameters
    ----------
    loss : Loss
    predictor : Predictor             n_rows, n_outputs, n_params
    penalty : Penalty                 on the same n_params
    y : array (n_rows,)               targets
    weight : array (n_rows,)          row weights, >= 0
    offset : array (n_rows, n_outputs) or None
        Added to the outputs.

    Raises
    ------
    ShapeMismatch
        If the parts disagree about rows, outputs or parameters.
    """

    loss: Loss
    predictor: Predictor
    penalty: Penalty
    y: Array
    weight: Array
    offset: Array | None = None

    def __post_init__(self) -> None:
        predictor = self.predictor
        if len(self.y) != predictor.n_rows or len(self.weight) != predictor.n_rows:
            raise ShapeMismatch(
                f"the predictor has {predictor.n_rows} rows, but `y` has {len(self.y)} and "
                f"`weight` has {len(self.weight)}."
            )
        if self.penalty.n_params != predictor.n_params:
            raise ShapeMismatch(
                f"the penalty has {self.penalty.n_params} parameters but the predictor has "
                f"{predictor.n_params}. Was the intercept counted? Give it the free group -1."
            )
        if self.loss.n_outputs != predictor.n_outputs:
            raise ShapeMismatch(
                f"the loss needs {self.loss.n_outputs} outputs a row but the predictor gives "
                f"{predictor.n_outputs}."
            )

    def at(self, params: Array, hyper: Array) -> Expansion:
        """The expansion of F at ``params`` (n_params,) for ``hyper`` (n_hyper,)."""
        return Expansion(self, params, hyper)

    def take(self, rows: Rows) -> Objective:
        """The objective of the chosen rows, with the same penalty."""
        offset = None if self.offset is None else self.offset[rows]
        return Objective(
            self.loss,
            self.predictor.take(rows),
            self.penalty,
            self.y[rows],
            self.weight[rows],
            offset,
        )

    def without(self, rows: Array) -> Objective:
        """The objective without the rows marked in a bool array (n_rows,).

        A small design is copied; a large one is shared and its rows get weight zero instead.
        """
        predictor = self.predictor
        if predictor.n_rows * predictor.n_params <= LARGEST_COPY:
            return self.take(np.flatnonzero(~rows))
        return replace(self, weight=np.where(rows, 0.0, self.weight))

    def outputs(self, params: Array) -> Array:
        """Outputs with the offset, (n_rows, n_outputs)."""
        outputs = self.predictor.predict(params)
        return outputs if self.offset is None else outputs + self.offset

    @property
    def is_quadratic(self) -> bool:
        """Whether the summed losses are a quadratic of the parameters."""
        return self.loss.curvature_is_constant and self.predictor.is_linear

    @lazy
    def gradient_scale(self) -> Array:
        """What a gradient is small against, (n_params,).

        The Cauchy-Schwarz bound |g|_s |J_j|_s on the gradient at the best constant outputs (norms
        weighted by rows): it has the gradient's units, so a tolerance relative to it means the
        same on any data.
        """
        residual = self.null_rows.gradient
        size = float(self.weight @ np.einsum("nk,nk->n", residual, residual))
        # Residuals of a target that is constant are rounding, and no gradient is small against it:
        # that of outputs z moves a residual by l'' z times the unit roundoff.
        rounded = np.einsum("nkl,nl->nk", self.null_rows.hessian, self.null_outputs)
        size = max(size, 1e-15 * float(self.weight @ np.einsum("nk,nk->n", rounded, rounded)))
        squares, sets = self.column_squares, self.penalty.compared
        if sets is not None:  # gradients of parameters that are compared trade with each other
            squares = (np.bincount(sets, squares) / np.maximum(np.bincount(sets), 1))[sets]
        scale = np.sqrt(size * squares)
        if not self.predictor.is_linear:
            # Where a parameter does nothing at the reference (a saturated unit), it may elsewhere.
            scale = np.maximum(scale, LEAST_SCALE * (scale.max(initial=0.0) or 1.0))
        return np.maximum(scale, np.finfo(float).tiny)

    @lazy
    def column_squares(self) -> Array:
        """sum_i s_i |J_ij|^2 for each parameter, (n_params,)."""
        return self.predictor.column_squares(self.weight)

    @lazy
    def null_diagonal(self) -> Array:
        """Diagonal of J^T W J at the best constant outputs, (n_params,): averaged over outputs."""
        each = np.einsum("naa->n", self.null_rows.hessian) / self.predictor.n_outputs
        if np.ptp(each) <= 1e-12 * each[0]:  # without offsets most losses are curved alike there
            return each[0] * self.column_squares
        return self.predictor.column_squares(self.weight * each)

    @lazy
    def null_rows(self) -> RowDerivatives:
        """The unweighted losses at the best constant outputs, beside the offset if there is one."""
        return self.loss.at(self.y, self.null_outputs)

    @lazy
    def null_outputs(self) -> Array:
        """The best constant outputs, beside the offset if there is one, (n_rows, n_outputs)."""
        constant = self.loss.null_outputs(self.y, self.weight)
        shape = (self.predictor.n_rows, len(constant))
        if self.offset is None:
            return np.broadcast_to(constant, shape)
        constant = constant - np.average(self.offset, axis=0, weights=self.weight)
        for _ in range(NULL_STEPS):  # Newton in k numbers: the offset has moved the best constant
            rows = self.loss.at(self.y, constant + self.offset)
            slope = self.weight @ rows.gradient
            curvature = np.einsum("n,nab->ab", self.weight, rows.hessian)
            step = np.linalg.lstsq(curvature, slope)[0]
            constant = constant - np.clip(step, -2.0, 2.0)
            if np.abs(step).max() < 1e-8:
                break
        return constant + self.offset

    @lazy
    def saturated(self) -> float:
        """The smallest value that the summed losses could take, whatever the outputs."""
        return float(self.weight @ self.loss.saturated(self.y))

    @lazy
    def constant_gram(self) -> Array | None:
        """J.T W J if no parameter moves it (squared loss, linear predictor), else None."""
        if not self.is_quadratic:
            return None
        return self.predictor.gram(np.zeros(self.predictor.n_params), self.weight[:, None, None])


class Expansion:
    """F to second order at one point: immutable, lazy, each quantity computed once.

    Every solver step returns one and every analysis receives one.
    """

    def __init__(self, objective: Objective, params: Array, hyper: Array):
        self.objective, self.params, self.hyper = objective, params, hyper
        self._kept: dict[str, Any] = {}

    @property
    def n_moving(self) -> int:
        """Parameters that move when anything else does: all, but for those held at a kink."""
        return self.objective.predictor.n_params

    def keep(self, name: str, compute: Callable[[], Any]) -> Any:
        """What a higher floor derives from this expansion, computed once under a name."""
        if name not in self._kept:
            self._kept[name] = compute()
        return self._kept[name]

    @lazy
    def outputs(self) -> Array:
        """Outputs, (n, k)."""
        return self.objective.outputs(self.params)

    @lazy
    def rows(self) -> RowDerivatives:
        """The unweighted loss of each row with its derivatives by the outputs."""
        return self.objective.loss.at(self.objective.y, self.outputs)

    @lazy
    def penalty_value(self) -> float:
        """R(params, hyper)."""
        return self.objective.penalty.value(self.params, self.hyper)

    @lazy
    def loss_value(self) -> float:
        """The weighted sum of the losses."""
        return float(self.objective.weight @ self.rows.value)

    @property
    def value(self) -> float:
        """F, in nats."""
        return self.loss_value + self.penalty_value

    @lazy
    def output_gradient(self) -> Array:
        """Weighted first derivatives of the losses by the outputs, (n, k)."""
        return self.objective.weight[:, None] * self.rows.gradient

    @lazy
    def output_hessian(self) -> Array:
        """Weighted second derivatives of the losses by the outputs, (n, k, k)."""
        return self.objective.weight[:, None, None] * self.rows.hessian

    @property
    def deviance(self) -> float:
        """Twice what the summed losses are above the smallest they could be."""
        return 2.0 * max(self.loss_value - self.objective.saturated, 0.0)

    @property
    def nat(self) -> float:
        """What one nat is in F's units: the mean deviance where the loss leaves its scale out."""
        if not self.objective.loss.scale_is_free:
            return 1.0
        return self.deviance / float(self.objective.weight.sum())

    @property
    def curvature_left(self) -> float:
        """Summed curvature of the losses as a share of that at the best constant fit.

        It falls towards zero where a classifier fits every row with certainty.
        """
        weight = self.objective.weight
        null = float(weight @ np.einsum("naa->n", self.objective.null_rows.hessian))
        return float(np.einsum("naa->", self.output_hessian)) / max(null, np.finfo(float).tiny)

    @lazy
    def loss_gradient(self) -> Array:
        """Gradient of the summed losses by params, (p,)."""
        return self.objective.predictor.vjp(self.params, self.output_gradient)

    @lazy
    def gradient(self) -> Array:
        """Gradient of F by params, (p,)."""
        return self.loss_gradient + self.objective.penalty.gradient(self.params, self.hyper)

    @lazy
    def relative_gradient(self) -> float:
        """max |gradient_j| / gradient_scale_j: zero at a minimiser, of order one far from it."""
        return float((np.abs(self.gradient) / self.objective.gradient_scale).max(initial=0.0))

    @lazy
    def gram(self) -> Array:
        """J.T W J, the Gauss-Newton Hessian of the losses, (p, p)."""
        constant = self.objective.constant_gram
        if constant is not None:
            return constant
        return self.objective.predictor.gram(self.params, self.output_hessian)

    @lazy
    def hessian(self) -> Array:
        """Gauss-Newton Hessian of F, (p, p); exact for a linear predictor."""
        hessian = add_to_diagonal(self.gram.copy(order="F"), self.penalty_diagonal)
        penalty = self.objective.penalty
        if not penalty.is_diagonal:
            hessian += penalty.coupling(self.params, self.hyper)
        return hessian

    @lazy
    def exact_hessian(self) -> Array:
        """Hessian of F with the curvature of the outputs, (p, p): perhaps indefinite.

        Gauss-Newton's leaves out sum_i g_i . (second derivative of z_i), which a linear predictor
        does not have.
        """
        objective = self.objective
        curvature = objective.predictor.curvature(self.params, self.output_gradient)
        return self.hessian + curvature

    @lazy
    def penalty_diagonal(self) -> Array:
        """Diagonal of the penalty's Hessian, (p,)."""
        return self.objective.penalty.hessian_diagonal(self.params, self.hyper)

    def hvp(self, direction: Array, *, gauss_newton: bool = False) -> Array:
        """Hessian of F times a direction (p,); two passes over the data, no p x p array."""
        objective = self.objective
        moved = objective.predictor.jvp(self.params, direction)
        weighted = np.einsum("nab,nb->na", self.output_hessian, moved)
        product = objective.predictor.vjp(self.params, weighted)
        product += objective.penalty.hvp(self.params, self.hyper, direction)
        if gauss_newton:
            return product
        curvature = objective.predictor.curvature_vp(self.params, self.output_gradient, direction)
        return product + curvature

    def row_gradients(self, rows: Rows) -> Array:
        """Gradient by params of the weighted loss of each chosen row, (m, p)."""
        jacobian = self.objective.predictor.jacobian(self.params, rows)
        return np.einsum("nkp,nk->np", jacobian, self.output_gradient[rows])

    def require_minimiser(self, tolerance: float, need: str) -> None:
        """Raise ``NotConverged`` if the relative gradient exceeds ``tolerance``."""
        if not self.relative_gradient <= tolerance:
            raise NotConverged(
                f"{need} needs a minimiser, but the relative gradient here is "
                f"{self.relative_gradient:.1e} (at most {tolerance:.0e} is allowed): the result "
                "may be wrong by tens of percent. Raise `max_iter`, or use `solver=Newton()`."
            )


def add_to_diagonal(matrix: Array, diagonal: Array) -> Array:
    """Add to the diagonal of a contiguous square array, in place; the same array."""
    matrix.ravel(order="K")[:: len(matrix) + 1] += diagonal
    return matrix
