"""Tuning with a criterion chosen for the user: by predicted cost, then by what it proves worth.

Leave-one-out is cheapest and judges nearly the model that is kept, but it is a Newton step, which
can fall short where single rows decide the fit. Its error is estimated at the start and at the end
(``criteria.trust``); if it is not small, folds take over from where the fit stands.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from derivata.contracts import Array, Criterion
from derivata.criteria.choice import N_FOLDS, PRODUCT_SPEED, choose_criterion
from derivata.criteria.leave_one_out import LeaveOneOut
from derivata.criteria.resampling import HoldOut, KFold
from derivata.criteria.trust import LeaveOneOutError, leave_one_out_error
from derivata.curvature.inverse import invert
from derivata.objective import Objective
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.sampled import sampled_start
from derivata.tuning import Solver, TuneResult, TuneStep, first_hyper
from derivata.tuning.guarded import tune_guarded

# From this many rows on, one held-out part says as much as is needed, at a fifth of the cost.
MANY_ROWS, HELD_SHARE = 20_000, 0.25
# Precise enough for a fold: the adjoint corrects the criterion's value to second order.
FOLD_TOLERANCE = 1e-4
# A Newton step dearer than this many passes is not taken in folds (unless it is quick anyway).
DEAR_STEP, SMALL_STEP = 6.0, 2e6
# Gram products of more multiplications than this are worth a look at the start.
LARGE_PRODUCT = 5e6


@dataclass(frozen=True)
class AutomaticTuning:
    """A tuning result, the criterion that gave it and why it was chosen."""

    result: TuneResult
    criterion: Criterion
    reason: str


def tune_automatically(
    objective: Objective,
    solver: Solver,
    *,
    fold_solver: Solver | None = None,
    kinds: Array | None = None,
    random_state: int = 0,
    progress: Callable[[TuneStep], None] | None = None,
) -> AutomaticTuning:
    """Tune all penalties by leave-one-out if it is cheap and can be trusted, else by folds.

    Parameters are those of ``tune_guarded``, which does the work, and ``fold_solver``: for folds;
    by default ``solver``, or L-BFGS where a Hessian is dear.
    """
    criterion, reason = choose_criterion(objective)
    params = sampled_start(objective, first_hyper(objective))
    settings = {"kinds": kinds, "random_state": random_state, "progress": progress}
    if fold_solver is None:
        fold_solver = LBFGS(FOLD_TOLERANCE) if dear_hessian(objective) else solver
    if not isinstance(criterion, LeaveOneOut):
        return _tune_by_folds(objective, fold_solver, reason, params, settings)
    if objective.is_quadratic and objective.penalty.curvature_is_constant:  # it is exact
        result = tune_guarded(objective, criterion, solver, params=params, **settings)
        return AutomaticTuning(result, criterion, reason)
    if _is_large(objective):
        # Worth a look before many passes are spent; the fit serves as a start in any case.
        params, error = _look(objective, solver, params)
        if not error.tolerable:
            return _tune_by_folds(objective, fold_solver, _distrust(error), params, settings)
    result = tune_guarded(objective, criterion, solver, params=params, **settings)
    end = result.fits[0].expansion
    error = leave_one_out_error(end, invert(end))
    if error.tolerable or len(objective.y) < 2 * N_FOLDS:
        return AutomaticTuning(result, criterion, reason)
    settings["start"] = result.hyper
    return _tune_by_folds(objective, fold_solver, _distrust(error), end.params, settings)


def _distrust(error: LeaveOneOutError) -> str:
    return (
        f"leave-one-out by one Newton step would be off by about {error.error:.1f} of the "
        f"{abs(error.change):.1f} nats that leaving rows out changes, as single rows decide parts "
        "of the fit"
    )


def _look(objective: Objective, solver: Solver, params: Array) -> tuple[Array, LeaveOneOutError]:
    """The fit where tuning starts, and how far leave-one-out is off there."""
    expansion = solver.minimize(objective, params, first_hyper(objective)).expansion
    return expansion.params, leave_one_out_error(expansion, invert(expansion))


def _tune_by_folds(
    objective: Objective,
    solver: Solver,
    reason: str,
    params: Array,
    settings: dict[str, Any],
) -> AutomaticTuning:
    seed = settings["random_state"]
    many = len(objective.y) >= MANY_ROWS
    criterion = HoldOut(HELD_SHARE, seed) if many else KFold(N_FOLDS, seed)
    result = tune_guarded(objective, criterion, solver, params=params, **settings)
    # What is kept is a fit of all rows; its start is the nearest one known.
    return AutomaticTuning(
        replace(result, full_params=params), criterion, f"{criterion.name}: {reason}"
    )


def dear_hessian(objective: Objective) -> bool:
    """Whether a Newton step costs more than ``DEAR_STEP`` quasi-Newton steps."""
    predictor = objective.predictor
    n_numbers, n_params = predictor.n_rows * predictor.n_outputs, predictor.n_params
    small, large = sorted((n_numbers, n_params))
    step = (large * small**2 / predictor.n_outputs + small**3 / 3.0) / PRODUCT_SPEED
    return step > DEAR_STEP * 4.0 * predictor.n_rows * n_params and step > SMALL_STEP


def _is_large(objective: Objective) -> bool:
    predictor = objective.predictor
    # With several outputs the look itself takes as long as an evaluation.
    return predictor.n_outputs == 1 and predictor.n_rows * predictor.n_params**2 > LARGE_PRODUCT
