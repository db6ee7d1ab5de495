"""Proximal Newton on a working set, for penalties with a kink at zero.

At w the losses are replaced by their quadratic expansion, and the penalty is kept as it is:

    d = argmin  g^T d + d^T G d / 2 + R(w + d) - R(w)       over the working set

which is solved by ``minimize_lasso``, ``minimize_groups`` or ``minimize_chain``; then a step along
d is shortened until F falls by a share of what the model promised. The working set is the active
set and the columns whose kink does not hold the pull of the losses; only its Gram product is
formed, never p x p. At a minimiser no column is left to join. (Total variation joins neighbours, so
all parameters take part in every step.)

Sources: Lee, Sun & Saunders (2014), SIAM J. Optim. 24, 1420-1443 (proximal Newton); Massias,
Gramfort & Salmon (2018), ICML, 3321-3330 (working sets).

Maths: docs/math/sparse_penalties.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from derivata.contracts import Array
from derivata.curvature.active import ActiveExpansion, params_of
from derivata.curvature.chain import ChainExpansion, expand
from derivata.curvature.exact import newton_step
from derivata.curvature.inverse import LARGEST_DENSE
from derivata.errors import NotAvailable
from derivata.objective import Expansion, Objective, add_to_diagonal
from derivata.solvers.quadratic_chain import minimize_chain
from derivata.solvers.quadratic_groups import minimize_groups
from derivata.solvers.quadratic_lasso import minimize_lasso
from derivata.solvers.result import SHORTEST_STEP, SUFFICIENT_DECREASE, FitResult, descend

# The quadratic is solved to this share of the tolerance of the fit.
INNER = 0.1
# Columns that may join at a time: this many, or as many as are active.
FEWEST_JOINING = 20
# Where second derivatives are constant and columns are at most this many and no more than outputs,
# the whole Gram product is made once.
LARGEST_GRAM = 1_000
# Steps shorter than this say that the model is of no use, unless the gradient is this small. Then
# these multiples of the curvature of the best constant fit are added to it.
SHORT, NEAR = 0.02, 1e-6
DAMPINGS = (1e-3, 1e-1, 10.0, 1e3)

Kinked = ActiveExpansion | ChainExpansion


@dataclass(frozen=True)
class ProximalNewton:
    """Damped Newton's method for a penalty with kinks.

    Parameters
    ----------
    tol : float
        Stop when the relative gradient, that of the shortest subgradient, is at most this.
    max_iter : int
        Largest number of steps; 3 to 8 are usual.

    Notes
    -----
    A step costs a Gram product of the working set (n m^2), a pass over all columns (n p), and some
    factors of the active set.
    """

    tol: float = 1e-8
    max_iter: int = 100

    def minimize(self, objective: Objective, params: Array, hyper: Array) -> FitResult:
        """Minimise F(., hyper) from ``params``.

        The result's expansion is an ``ActiveExpansion`` (``duality_gap`` of it bounds how far F is
        above its minimum), or a ``ChainExpansion`` for total variation. Where the penalty is smooth
        the model is solved by Newton's step, and the reason says so.

        Raises
        ------
        NotAvailable
            For total variation of more parameters than a dense Hessian may have.
        """
        here = expand(objective, params, hyper)
        if not isinstance(here, (ActiveExpansion, ChainExpansion)):
            fit = descend(here, newton_step, self.tol, self.max_iter)
            return replace(fit, reason=f"by Newton's steps, as the penalty is smooth; {fit.reason}")
        if isinstance(here, ChainExpansion) and len(params) > LARGEST_DENSE:
            raise NotAvailable(
                f"`ProximalNewton` needs a dense Hessian of {len(params):,} parameters for total "
                f"variation; at most {LARGEST_DENSE:,} are possible. Use `solver=Nesterov()`."
            )
        values, gradients = [here.value], [here.relative_gradient]
        n_iter, stuck = 0, False
        while here.relative_gradient > self.tol and n_iter < self.max_iter and not stuck:
            following = _step(here, self.tol)
            stuck = following is None
            if following is not None:
                here, n_iter = following, n_iter + 1
                values.append(here.value)
                gradients.append(here.relative_gradient)
        return self._result(here, n_iter, values, gradients)

    def _result(
        self, end: Expansion, n_iter: int, values: list[float], gradients: list[float]
    ) -> FitResult:
        relative = end.relative_gradient
        converged = relative <= self.tol
        told = f"relative gradient {relative:.1e}"
        if converged:
            reason = f"{told} is at most tol {self.tol:.0e}"
        elif n_iter >= self.max_iter:
            reason = f"max_iter = {self.max_iter} reached with a {told} (tol {self.tol:.0e})"
        else:
            rounding = 1e4 * np.finfo(float).eps
            converged = relative <= max(rounding, 100 * self.tol)
            reason = f"no step lowers the objective further; {told} (tol {self.tol:.0e})"
        return FitResult(end, converged, n_iter, reason, tuple(values), tuple(gradients))


def has_kink(objective: Any) -> bool:
    """Whether the objective has a penalty, and one with a kink."""
    return hasattr(getattr(objective, "penalty", None), "prox")


def instead_of(solver: Any, objective: Objective, params: Array, hyper: Array) -> FitResult:
    """The fit by proximal Newton steps where ``solver`` knows no kinks, with that as a reason."""
    proximal = ProximalNewton(solver.tol, solver.max_iter)
    fit = proximal.minimize(objective, params, hyper)
    told = f"by ProximalNewton, as {type(solver).__name__} knows no kinks and the penalty has one"
    return replace(fit, reason=f"{told}; {fit.reason}", solver=proximal)


def _step(here: Kinked, tol: float) -> Kinked | None:
    """The next point, or None if F cannot be lowered along the model's direction.

    Where the model is of no use (rows in Huber's straight tails have no curvature), the curvature
    of the best constant fit is mixed in until it is.
    """
    best, length = _search(here, _end(here, tol, 0.0))
    if length > SHORT or here.relative_gradient < NEAR:
        return best
    for damping in DAMPINGS:
        other, length = _search(here, _end(here, tol, damping))
        if other is not None and (best is None or other.value < best.value):
            best = other
        if length == 1.0:
            break
    return best


def _search(here: Kinked, end: Array) -> tuple[Kinked | None, float]:
    """The first of the steps 1, 1/2, 1/4 ... that lowers F enough, and its length; or None, 0."""
    penalty, direction = here.penalty, end - here.params
    promised = float(here.loss_gradient @ direction)
    promised += penalty.value(end, here.hyper) - here.penalty_value
    losses = float(here.objective.weight @ np.abs(here.rows.value))
    rounding = 1e-15 * (losses + here.penalty_value + 1.0)
    length = 1.0
    with np.errstate(over="ignore", invalid="ignore"):  # a trial beyond float64 is refused
        while length >= SHORTEST_STEP:
            # The end itself, as only there coefficients are exactly zero, or equal.
            point = end if length == 1.0 else here.params + length * direction
            trial = cast(Kinked, expand(here.objective, point, here.hyper))
            enough = here.value + SUFFICIENT_DECREASE * length * min(promised, 0.0)
            if trial.value <= min(enough, np.nextafter(here.value, -np.inf)):
                return trial, length
            # Near the minimum F changes by less than its rounding; there the gradient decides.
            if trial.value <= here.value + rounding:
                if trial.relative_gradient < 0.5 * here.relative_gradient:
                    return trial, length
            if -promised * length < rounding:
                break
            length *= 0.5
    return None, 0.0


def _end(here: Kinked, tol: float, damping: float) -> Array:
    """The minimiser of the model over the working set, (p,)."""
    if isinstance(here, ChainExpansion):
        return _chain_end(here, tol, damping)
    objective, penalty = here.objective, here.penalty
    columns = _working_columns(here, tol)
    chosen = params_of(columns, objective)
    start, gradient = here.params[chosen], here.loss_gradient[chosen]
    gram = _gram(here, columns, chosen)
    if damping > 0.0:
        gram = add_to_diagonal(gram, damping * _sizes(objective)[chosen])
    linear = gram @ start - gradient
    alpha1, alpha2 = penalty.strengths(here.hyper)
    pull = alpha1 * penalty.param_weights[chosen]
    blocks = penalty.param_blocks[chosen]
    hessian = add_to_diagonal(gram, np.where(blocks >= 0, alpha2, 0.0)) if alpha2 > 0.0 else gram
    least = INNER * tol * objective.gradient_scale[chosen]
    if penalty.is_separable:
        end = minimize_lasso(hessian, linear, pull, start, least)
    else:
        end = minimize_groups(hessian, linear, pull, blocks, start, least)
    params = here.params.copy()
    params[chosen] = end
    return params


def _chain_end(here: ChainExpansion, tol: float, damping: float) -> Array:
    """The minimiser of the model, (p,)."""
    hessian = here.gram
    if damping > 0.0:
        hessian = add_to_diagonal(hessian.copy(), damping * _sizes(here.objective))
    linear = hessian @ here.params - here.loss_gradient
    least = INNER * tol * here.objective.gradient_scale
    return minimize_chain(hessian, linear, here.penalty, here.hyper, here.params, least)


def _sizes(objective: Objective) -> Array:
    """A typical second derivative of the losses by each parameter, (p,); positive."""
    sizes = objective.null_diagonal
    if not sizes.any():
        sizes = objective.column_squares
    return np.where(sizes > 0.0, sizes, sizes.mean() or 1.0)


def _working_columns(here: ActiveExpansion, tol: float) -> Array:
    """Columns that are active, and those of others that pull hardest on their kinks."""
    columns, penalty = here.columns, here.penalty
    relative = penalty.norms(here.gradient / here.objective.gradient_scale)
    if len(relative) > len(penalty.blocks):
        relative = relative[: len(penalty.blocks)]
    relative[columns] = 0.0
    joining = np.flatnonzero(relative > INNER * tol)
    most = max(FEWEST_JOINING, len(columns))
    if len(joining) > most:  # whole blocks: their columns have equal norms
        sizes = relative[joining]
        joining = joining[sizes >= np.partition(sizes, -most)[-most]]
    return np.sort(np.concatenate([columns, joining])) if len(joining) else columns


def _gram(here: ActiveExpansion, columns: Array, chosen: Array) -> Array:
    """J^T W J of the working set, a new array (m, m)."""
    objective = here.objective
    predictor = objective.predictor
    n_params = predictor.n_params
    small = n_params <= LARGEST_GRAM and n_params <= predictor.n_rows * predictor.n_outputs
    gram = objective.constant_gram if small and objective.loss.curvature_is_constant else None
    if gram is None and not hasattr(predictor, "select"):
        gram = predictor.gram(here.params, here.output_hessian)
    if gram is not None:
        return gram[chosen[:, None], chosen]
    part = predictor if len(chosen) == n_params else cast(Any, predictor).select(columns)
    return part.gram(here.params, here.output_hessian)
