"""Evidence: the probability of the targets with the parameters integrated out, by Laplace.

    -log evidence = F(w) + 1/2 log det H - 1/2 log det+ Lambda          (nats, up to a constant)

at the minimiser w, with H Gauss-Newton's Hessian, Lambda the penalty's and det+ the product of its
eigenvalues above zero. Parameters without a penalty get a flat prior, so for squared loss this is
restricted maximum likelihood (REML). Where the noise has a scale phi that the loss leaves out, F is
in units of phi and phi is profiled, m being the number of parameters without a penalty and n the
summed weight:

    -log evidence = (n - m) / 2 log(2 F) + 1/2 log det H - 1/2 log det+ Lambda,  phi = 2 F / (n - m)

Exact for squared loss; else the error of Laplace's approximation. Derivatives:

    by z_i                u_i + 1/2 s_i third_i : L_i      (leverage L_i moves through l''; u: of F)
    by J_i                s_i W_i J_i H^-1                 (nothing for a linear predictor)
    by hyper, directly    1/2 w^T dLambda w + 1/2 trace(H^-1 dLambda) - 1/2 d log det+ Lambda
    by params, directly   1/2 trace(H^-1 dLambda)          (nothing for a quadratic penalty)

Its minimum is far better determined than that of a held-out score where penalties are many: each
costs the half logarithm of a determinant, so a term that the data do not support is worth less than
none. It judges the model as written, so it is the better judge of structure and the worse one of a
wrong family. Cost: for squared loss p^3 once the Gram product is known, for the others one leverage
pass (n p^2) more. Sources: MacKay (1992), Neural Computation 4, 415-447; Wood (2011), J. R.
Statist. Soc. B 73, 3-36, doi:10.1111/j.1467-9868.2010.00749.x.

Maths: docs/math/evidence.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from derivata.contracts import Array, HessianInverse, Partials, Subproblem
from derivata.criteria.frozen import FrozenFit, can_freeze
from derivata.criteria.jacobian import moving_jacobian, require_rows
from derivata.curvature import cholesky
from derivata.objective import Expansion, Objective

# Evidence needs a minimiser: its derivative is off by about as much as the relative gradient.
LARGEST_GRADIENT = 1e-3
# Relative error of outputs and summed losses; and a positive number whose square is one, too.
ROUNDING, LEAST = 1e-12, 1e-150


@dataclass(frozen=True)
class Evidence:
    """Criterion: minus the log evidence of a fit by Laplace's approximation.

    Parameters
    ----------
    dispersion : float or None
        phi where it is known of a loss that leaves its scale out, such as Huber's, whose profiled
        phi would be ruled by the very rows that the loss was chosen for; None: profiled.
    """

    dispersion: float | None = None
    name = "evidence"

    def subproblems(self, objective: Objective) -> list[Subproblem]:
        """One fit, of all rows."""
        require_rows(objective, "the evidence")
        return [
            Subproblem(
                objective,
                lambda expansion, inverse: evidence_partials(expansion, inverse, self.dispersion),
                objective.predictor,
                float(objective.weight.sum()),
                needs_leverage=True,
                in_nats=True,
                is_frozen_exact=(
                    objective.is_quadratic and objective.penalty.curvature_is_constant
                ),
            )
        ]


def evidence_partials(
    expansion: Expansion, inverse: HessianInverse, dispersion: float | None = None
) -> Partials:
    """Minus the log evidence at a minimiser, with its partial derivatives."""
    expansion.require_minimiser(LARGEST_GRADIENT, "the evidence")
    objective, penalty = expansion.objective, expansion.objective.penalty
    params, hyper = expansion.params, expansion.hyper
    fitted, unit = _fitted(expansion, inverse, expansion.value, dispersion)
    by_outputs = expansion.output_gradient / unit
    if not objective.loss.curvature_is_constant:
        third = expansion.rows.third(objective.weight[:, None, None] * inverse.leverage())
        if third is not None:
            by_outputs = by_outputs + 0.5 * third
    by_params = objective.predictor.vjp(params, by_outputs)
    by_params += penalty.gradient(params, hyper) / unit
    if not objective.predictor.is_linear:
        by_params += 0.5 * moving_jacobian(expansion, inverse, expansion.output_hessian)
    if not penalty.curvature_is_constant:
        by_params += 0.5 * penalty.hessian_params_vjp(params, hyper, inverse)
    log_det, log_det_by_hyper = _prior(expansion, unit)
    by_hyper = penalty.hyper_gradient(params, hyper) / unit
    by_hyper += 0.5 * (penalty.hessian_vjp(params, hyper, inverse) - log_det_by_hyper)
    return Partials(
        value=fitted + 0.5 * (inverse.logdet() - log_det),
        by_params=by_params,
        by_hyper=by_hyper,
        row_losses=objective.weight * expansion.rows.value / unit,
        row_gradients=expansion.output_gradient / unit,
        stand_in=lambda: (
            FrozenEvidence(expansion, inverse, dispersion)
            if can_freeze(expansion, inverse)
            else None
        ),
    )


def _fitted(
    expansion: Expansion, inverse: HessianInverse, value: float, dispersion: float | None
) -> tuple[float, float]:
    """The part of the evidence that F decides, and phi: what F is measured in."""
    objective = expansion.objective
    if not objective.loss.scale_is_free:
        return value, 1.0
    if dispersion is not None:
        return value / dispersion, dispersion
    least = expansion.keep("rounding", lambda: _rounding(objective))
    above = max(value - objective.saturated, least)
    if not objective.penalty.curvature_is_constant:
        return _profiled(expansion, inverse, above)
    freedom = _freedom(expansion, inverse)
    return 0.5 * freedom * float(np.log(2.0 * above / freedom)), 2.0 * above / freedom


def _prior(expansion: Expansion, unit: float) -> tuple[float, Array]:
    """-2 log of the prior's integral and its gradient by hyper, up to a constant.

    phi divides a penalty's strengths; for a quadratic one that is in phi's own power already.
    """
    penalty = expansion.objective.penalty
    constant = penalty.curvature_is_constant
    return penalty.logdet(expansion.hyper if constant else expansion.hyper - np.log(unit))


def _profiled(expansion: Expansion, inverse: HessianInverse, above: float) -> tuple[float, float]:
    """The same for a penalty that is no quadratic: phi solves 2 F / phi = n - p + sum d log det+.

    phi is in the prior's integral too, so that d log det+ / d hyper, between one and two for each
    absolute value, takes the place of a count. The sum grows with phi: there is one solution.
    """
    flat = 0 if inverse.null_space is None else inverse.null_space.shape[1]
    n_kept = len(expansion.params) - flat
    spare = float(expansion.objective.weight.sum()) - n_kept

    def beyond(log_phi: float) -> float:
        freedom = spare + float(_prior(expansion, float(np.exp(log_phi)))[1].sum())
        return max(freedom, 1.0) - 2.0 * above * float(np.exp(-log_phi))

    largest = float(np.log(2.0 * above))
    smallest = largest - float(np.log(max(spare + 2.0 * n_kept, 1.0)))
    log_phi = float(brentq(beyond, smallest - 1.0, largest + 1.0, xtol=1e-13))  # pyright: ignore
    unit = float(np.exp(log_phi))
    return above / unit + 0.5 * spare * log_phi, unit


def _rounding(objective: Objective) -> float:
    """What F is above its smallest value where a fit is perfect: the rounding of losses, outputs.

    Without it phi would be whatever rounding leaves, and constant targets an effect to explain.
    """
    constant = objective.loss.null_outputs(objective.y, objective.weight)
    curvature = np.einsum("n,nab->ab", objective.weight, objective.null_rows.hessian)
    null = abs(float(objective.weight @ objective.null_rows.value) - objective.saturated)
    square = null + 0.5 * float(constant @ curvature @ constant)
    return max(ROUNDING * abs(objective.saturated) + ROUNDING**2 * square, LEAST)


def _freedom(expansion: Expansion, inverse: HessianInverse) -> float:
    """Summed weight less the parameters that are free and determined."""
    flat = 0 if inverse.null_space is None else inverse.null_space.shape[1]
    n_free = int(np.count_nonzero(expansion.penalty_diagonal == 0.0)) - flat
    return max(float(expansion.objective.weight.sum()) - n_free, 1.0)


class FrozenEvidence(FrozenFit):
    """Evidence of the quadratic expansion of the losses: p^3 an evaluation, no pass of the rows.

    For squared loss and a linear predictor it is the evidence itself.
    """

    def __init__(
        self, expansion: Expansion, inverse: HessianInverse, dispersion: float | None = None
    ):
        super().__init__(expansion)
        self.inverse, self.dispersion = inverse, dispersion
        self._last: _Frozen | None = None

    def at(self, hyper: Array) -> tuple[float, Array]:
        """Value and gradient by hyper."""
        frozen, penalty = self._frozen(hyper), self.penalty
        fitted, unit = _fitted(self.expansion, self.inverse, frozen.value, self.dispersion)
        log_det, log_det_by_hyper = penalty.logdet(hyper)
        value = fitted + float(np.log(np.diagonal(frozen.factor)).sum()) - 0.5 * log_det
        # At the frozen minimiser the gradient by params is zero: only the direct part is left.
        gradient = 0.5 * penalty.mixed_vjp(frozen.params, hyper, frozen.params) / unit
        squares = _Diagonal(np.einsum("ij,ij->j", frozen.root, frozen.root))
        gradient += 0.5 * (penalty.hessian_vjp(frozen.params, hyper, squares) - log_det_by_hyper)
        return value, gradient

    def curvature(self, hyper: Array) -> Array:
        """Second derivative by hyper, (n_hyper, n_hyper): p^3 / 3 beside ``at``'s.

        F_gh = -(dR_g)^T H^-1 dR_h + [g = h] F_g,    dR_g = D_g w,  D_g = dLambda / dhyper_g
        1/2 log det H: -1/2 trace(D_g H^-1 D_h H^-1), and 1/2 trace(D_g H^-1) where g = h
        """
        frozen, penalty = self._frozen(hyper), self.penalty
        params = frozen.params
        # Penalties are diagonal and quadratic: the gradient at ones is the diagonal itself.
        moves = np.stack(
            [penalty.mixed_jvp(np.ones(len(params)), hyper, u) for u in np.eye(len(hyper))], axis=1
        )
        reduced = frozen.root @ (params[:, None] * moves)
        first = 0.5 * penalty.mixed_vjp(params, hyper, params)
        _, unit = _fitted(self.expansion, self.inverse, frozen.value, self.dispersion)
        second = (np.diag(first) - reduced.T @ reduced) / unit
        if self.expansion.objective.loss.scale_is_free and self.dispersion is None:
            freedom = _freedom(self.expansion, self.inverse)
            second -= 2.0 / freedom * np.outer(first / unit, first / unit)
        inverse = frozen.root.T @ frozen.root
        traces = np.diagonal(inverse) @ moves
        np.multiply(inverse, inverse, out=inverse)
        return second + 0.5 * (np.diag(traces) - moves.T @ (inverse @ moves))

    def _frozen(self, hyper: Array) -> _Frozen:
        """The frozen fit at ``hyper``; the last one is kept, as value and curvature share it."""
        if self._last is None or not np.array_equal(self._last.hyper, hyper):
            factor = self.factor(hyper)
            params = cholesky.solve(factor, self.right)
            step = params - self.expansion.params
            value = self.expansion.loss_value + float(step @ self.expansion.loss_gradient)
            value += 0.5 * float(step @ (self.gram @ step)) + self.penalty.value(params, hyper)
            root = cholesky.triangular_inverse(factor)
            self._last = _Frozen(hyper.copy(), factor, root, params, value)
        return self._last


@dataclass(frozen=True, eq=False)
class _Frozen:
    """The quadratic's minimiser, F there, and H = L L^T with L^-1."""

    hyper: Array
    factor: Array
    root: Array
    params: Array
    value: float


class _Diagonal:
    def __init__(self, values: Array):
        self.values = values

    def diagonal(self) -> Array:
        return self.values
