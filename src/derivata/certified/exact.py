"""Exact leave-one-out outputs of chosen rows: many refits at once, then one by one what is left.

Maths: docs/math/certified_leave_one_out.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from derivata.certified.batch import can_batch, refit_rows
from derivata.certified.refits import refit_without, remaining
from derivata.contracts import Array, HessianInverse
from derivata.curvature.active import ActiveExpansion
from derivata.curvature.exact import invert_exact
from derivata.curvature.inverse import invert
from derivata.errors import DerivataError
from derivata.objective import Expansion, Objective
from derivata.solvers import ConstrainedNewton, Newton, ProximalNewton
from derivata.tuning import Solver

# Outputs that move further than this are asked whether they would move on; F beyond them is flat if
# it rises by less than this, in nats.
FAR, FLAT = 4.0, 1e-9
# A row's Jacobian along directions in which the fit without it is flat, up to rounding.
DECIDED = 1e-7
# Where Newton's method ends: standard errors from the minimum, and the relative gradient.
SHARP, SHARP_GRADIENT = 1e-8, 1e-10


@dataclass(frozen=True, eq=False)
class ExactOutputs:
    """Outputs of rows by fits without one observation of each.

    Attributes
    ----------
    outputs : array (m, k)
    reached : bool array (m,)       False where the fit without the row has no minimum in reach
    """

    outputs: Array
    reached: Array


def exact_outputs(
    expansion: Expansion, solver: Solver, inverse: HessianInverse, rows: Array
) -> ExactOutputs:
    """Refit without one observation of each of some rows.

    Parameters
    ----------
    expansion : Expansion
        At a minimiser.
    solver : Solver
        For the rows that cannot be refitted together.
    inverse : HessianInverse
        Of the expansion: it gives the starts.
    rows : int array (m,)

    Returns
    -------
    ExactOutputs
    """
    if can_batch(expansion):
        batch = refit_rows(expansion, rows)
        outputs, reached, starts = batch.outputs.copy(), batch.reached.copy(), batch.params
    else:
        shape = (len(rows), expansion.objective.predictor.n_outputs)
        outputs, reached = np.full(shape, np.nan), np.zeros(len(rows), dtype=bool)
        starts = _newton_starts(expansion, inverse, rows)
    far = np.abs(outputs - expansion.outputs[rows]).max(axis=1) > FAR
    far &= not expansion.objective.is_quadratic
    for number in np.flatnonzero(reached & far):
        reached[number] = not _runs_away(expansion, rows[number], starts[number])
    sharp = _sharpened(solver)
    for number in np.flatnonzero(~reached):
        outputs[number], reached[number] = _one(expansion, sharp, rows[number], starts[number])
    return ExactOutputs(outputs, reached)


def runs_away(expansion: Expansion, kept: Objective, params: Array) -> bool:
    """Whether twice the way to a fit of the rows that are kept costs no more: it has no minimum.

    So do classes that are separated once some rows are gone: the fit stops where its gradient is
    rounding, at outputs that mean nothing.
    """
    there = kept.at(params, expansion.hyper)
    beyond = kept.at(2.0 * params - expansion.params, expansion.hyper)
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(beyond.value - there.value <= FLAT * expansion.nat)


def _runs_away(expansion: Expansion, row: int, params: Array) -> bool:
    objective = expansion.objective
    removed = np.minimum(objective.weight[[row]], 1.0)
    return runs_away(expansion, remaining(objective, np.array([row]), removed), params)


def _one(expansion: Expansion, solver: Solver, row: int, start: Array) -> tuple[Array, bool]:
    objective = expansion.objective
    removed = np.minimum(objective.weight[[row]], 1.0)
    own = objective.take(np.array([row]))
    jacobian = own.predictor.jacobian
    for params in (start, expansion.params):
        try:
            fit = refit_without(expansion, solver, np.array([row]), params, removed)
        except (DerivataError, np.linalg.LinAlgError):
            continue  # from another start, perhaps
        if fit.converged:
            end = fit.expansion.params
            outputs = own.outputs(end)[0]
            far = np.abs(outputs - expansion.outputs[row]).max() > FAR
            if far and _runs_away(expansion, row, end):
                break
            flat = _flat_directions(fit.expansion)
            if flat is not None and np.abs(jacobian(end, np.array([0])) @ flat).max() > DECIDED:
                break
            return outputs, True
    return expansion.outputs[row], False


def _flat_directions(expansion: Expansion) -> Array | None:
    """Directions in which F is flat, (p, m), or None; where outputs bend, of the exact Hessian.

    A unit of a network that nothing weighs is flat in Gauss-Newton's, and held by its penalty.
    """
    linear = expansion.objective.predictor.is_linear
    return (invert(expansion) if linear else invert_exact(expansion)).null_space


def _sharpened(solver: Solver) -> Solver:
    """Newton's method to the end: steps near it cost little, and a refit must not add an error."""
    if isinstance(solver, Newton | ConstrainedNewton):
        precision = min(solver.precision, SHARP)
        return replace(solver, tol=min(solver.tol, SHARP_GRADIENT), precision=precision)
    if isinstance(solver, ProximalNewton):
        return replace(solver, tol=min(solver.tol, SHARP_GRADIENT))
    return solver


def _newton_starts(expansion: Expansion, inverse: HessianInverse, rows: Array) -> Array:
    """One Newton step from the fit with all rows, (m, p); the fit itself where that is no start."""
    objective, params = expansion.objective, expansion.params
    if isinstance(expansion, ActiveExpansion) or not hasattr(inverse, "matrix"):
        return np.broadcast_to(params, (len(rows), len(params)))
    starts = np.empty((len(rows), len(params)))
    for number, row in enumerate(rows):
        J = objective.predictor.jacobian(params, np.array([row]))[0]  # (k, p)
        u = min(objective.weight[row], 1.0)
        W, g = u * expansion.rows.hessian[row], u * expansion.rows.gradient[row]
        solved = inverse.solve(np.asfortranarray(J.T))
        share = np.eye(len(W)) - W @ (J @ solved)
        starts[number] = params + solved @ np.linalg.lstsq(share, g)[0]
    return starts
