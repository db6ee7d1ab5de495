"""Tuning as an estimator does it: tied first, then apart, guarded where penalties are many.

1. All penalties of a kind move together (one number a kind), coarsely.
2. From there each moves on its own.
3. With more penalties than one in 30 rows, tuning them freely would overfit the criterion. A guard
   then pulls them together, its strength chosen by outer folds among infinite (tied), 10, 3, 1, .3
   and .1 nats (``tuning.loss_unit``): the strongest whose loss is within one standard error of the
   lowest. The same folds give a score of the whole procedure that tuning did not see, optimistic
   only by having picked one of six strengths.

Maths: docs/math/tuning.md, with what the guard is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from derivata.contracts import Array, Criterion
from derivata.criteria.resampling import deal_folds, hold_out_partials
from derivata.objective import Objective
from derivata.tuning import OuterScore, Solver, TuneResult, TuneStep, loss_unit, tune
from derivata.tuning.guard import Guard

ROWS_PER_PENALTY = 30
OUTER_FOLDS = 5
FEWEST_ROWS = 4 * OUTER_FOLDS
# In decreasing order, so that each is started from the optimum under the next stronger one.
STRENGTHS = (np.inf, 10.0, 3.0, 1.0, 0.3, 0.1)
COARSE_STEP = 0.3


def tune_guarded(
    objective: Objective,
    criterion: Criterion,
    solver: Solver,
    *,
    kinds: Array | None = None,
    start: Array | None = None,
    params: Array | None = None,
    random_state: int = 0,
    progress: Callable[[TuneStep], None] | None = None,
) -> TuneResult:
    """Tune all penalties of an objective, guarded if there are many for the rows.

    Parameters
    ----------
    objective : Objective
    criterion : Criterion
    solver : Solver
    kinds : int array (n_hyper,), optional
        Penalties of equal number are pulled together; default: all.
    start : array (n_hyper,), optional
        Log penalties to start from, in place of the coarse search for tied ones.
    params : array (n_params,), optional
        Where the first fit starts.
    random_state : int
        How rows are dealt to outer folds.
    progress : callable, optional
        Receives each accepted step of the final tuning.

    Returns
    -------
    TuneResult
        With ``outer`` set if outer folds were run.
    """
    n_hyper = objective.penalty.n_hyper
    kinds = np.zeros(n_hyper, dtype=np.intp) if kinds is None else np.asarray(kinds)
    alone = n_hyper == len(np.unique(kinds))  # one penalty a kind: nothing to pull together
    if alone or n_hyper <= objective.weight.sum() / ROWS_PER_PENALTY:
        return _tune_apart(objective, criterion, solver, Guard(0.0, kinds), progress, start, params)
    if len(objective.y) < FEWEST_ROWS:  # too few to be dealt: penalties of a kind stay tied
        tied = Guard(np.inf, kinds)
        return _tune_apart(objective, criterion, solver, tied, progress, start, params)
    scores, folds = (
        [],
        deal_folds(
            objective.y, OUTER_FOLDS, random_state, classes=objective.loss.targets_are_classes
        ),
    )
    tied = _tune_tied(objective, criterion, solver, Guard(np.inf, kinds))
    unit = loss_unit(objective, tied.criterion, tied.judged_weight)
    for number in range(OUTER_FOLDS):
        train = objective.take(np.flatnonzero(folds != number))
        held = objective.take(np.flatnonzero(folds == number))
        scores.append(_score_strengths(train, held, criterion, solver, kinds, unit))
    best = _strongest_as_good(scores)
    result = _tune_apart(
        objective, criterion, solver, Guard(STRENGTHS[best] * unit, kinds), progress, start, params
    )
    return replace(result, outer=_outer_score([fold[best] for fold in scores]))


class _Held:
    """Loss of held-out rows under one guard strength, and what tuning believed."""

    def __init__(self, row_losses: Array, weight: Array, inner: float):
        self.row_losses, self.weight, self.inner = row_losses, weight, inner
        self.value = float(row_losses.sum())


def _strongest_as_good(scores: list[list[_Held]]) -> int:
    """The strongest guard whose loss is within one paired standard error of the lowest."""
    losses = [
        np.concatenate([fold[s].row_losses for fold in scores]) for s in range(len(STRENGTHS))
    ]
    best = int(np.argmin([each.sum() for each in losses]))
    for number, each in enumerate(losses):
        apart = each - losses[best]
        error = float(apart.std()) * len(apart) ** 0.5
        if float(apart.sum()) <= error:
            return number
    return best


def _score_strengths(
    train: Objective,
    held: Objective,
    criterion: Criterion,
    solver: Solver,
    kinds: Array,
    unit: float,
) -> list[_Held]:
    result, scored = None, []
    for strength in STRENGTHS:
        guard = Guard(strength * unit, kinds)
        if result is None or np.isinf(strength):
            result = _tune_tied(train, criterion, solver, guard)
        else:
            result = tune(train, criterion, solver, start=result.hyper, guard=guard)
        params = solver.minimize(train, result.fits[0].expansion.params, result.hyper)
        judged = hold_out_partials(held, params.expansion.params)
        inner = result.criterion / result.judged_weight
        scored.append(_Held(judged.row_losses, held.weight, inner))
    return scored


def _outer_score(held: Sequence[_Held]) -> OuterScore:
    weight = np.concatenate([h.weight for h in held])
    losses = np.concatenate([h.row_losses for h in held])
    total = float(weight.sum())
    score = float(losses.sum()) / total
    spread = losses - weight * score
    inner = float(np.mean([h.inner for h in held]))
    return OuterScore(score, float(np.sqrt(spread @ spread)) / total, inner)


def _tune_apart(
    objective: Objective,
    criterion: Criterion,
    solver: Solver,
    guard: Guard,
    progress: Callable[[TuneStep], None] | None,
    start: Array | None = None,
    params: Array | None = None,
) -> TuneResult:
    settings = {"start": start, "params": params, "progress": progress}
    if np.isinf(guard.strength) or objective.penalty.n_hyper == guard.ties().shape[1]:
        return _tune_tied(objective, criterion, solver, guard, **settings)
    if start is not None:
        return tune(objective, criterion, solver, guard=guard, **settings)
    coarse = _tune_tied(
        objective,
        criterion,
        solver,
        guard,
        params=params,
        step_tol=COARSE_STEP,
        judge_optimism=False,
    )
    settings.update(start=coarse.hyper, params=coarse.full_params)
    fine = tune(objective, criterion, solver, guard=guard, **settings)
    return replace(
        fine,
        path=coarse.path + fine.path,
        n_evaluations=coarse.n_evaluations + fine.n_evaluations,
        n_solver_steps=coarse.n_solver_steps + fine.n_solver_steps,
    )


def _tune_tied(
    objective: Objective, criterion: Criterion, solver: Solver, guard: Guard, **settings: Any
) -> TuneResult:
    result = tune(objective, criterion, solver, ties=guard.ties(), **settings)
    return replace(result, guard_strength=guard.strength)
