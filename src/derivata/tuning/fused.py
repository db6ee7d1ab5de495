"""Tuning the two strengths of a fused lasso: of the differences alone, then of both.

1. The strength of the differences as if there were no other: a lasso in differences, whose path is
   cheap (``tuning.sparse``).
2. Beside it, or a little weaker, some strengths of the sizes from weak to strong are judged.
3. From the best of them a descent on the criterion by its exact derivative on the face
   (``tuning.search``), both strengths at once.
4. As for any norm, strengths are raised where the criterion judged fits of fewer rows.

Folds judge, as leave-one-out is not checked for faces.

Maths: docs/math/penalties.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from derivata.contracts import Array, Criterion
from derivata.curvature.chain import in_differences
from derivata.errors import NotConverged
from derivata.objective import Objective
from derivata.solvers.proximal import ProximalNewton
from derivata.tuning.guard import no_guard
from derivata.tuning.problem import Problem
from derivata.tuning.result import TuneResult, TuneStep
from derivata.tuning.scale import mean_pull
from derivata.tuning.search import tune
from derivata.tuning.sparse import (
    GROWTH,
    TUNING_TOLERANCE,
    SparseTuning,
    folds_for,
    tune_sparse,
)

# What is judged first: logs of the differences' strength, beside that found for it alone, and of
# the sizes', beside the typical gradient at zero.
WEAKER, SIZES = (0.0, -0.7), (-3.0, -1.5, -0.5, 0.3)
WHY = "leave-one-out is not checked for faces of a fused lasso"


def tune_fused(
    objective: Objective,
    solver: ProximalNewton | None = None,
    *,
    criterion: Criterion | None = None,
    random_state: int = 0,
    progress: Callable[[TuneStep], None] | None = None,
) -> SparseTuning:
    """Tune both strengths of an objective's fused lasso.

    Parameters
    ----------
    objective : Objective
        With a linear predictor and a ``ChainVariation`` of two strengths.
    solver : ProximalNewton, optional
        For all fits, warm-started.
    criterion : Criterion, optional
        What to minimise; folds by default.
    random_state : int
        How rows are dealt to folds.
    progress : callable, optional
        Receives each accepted step of the second descent.
    """
    solver = solver or ProximalNewton(TUNING_TOLERANCE)
    reason = WHY if criterion is None else "given by the user"
    criterion = criterion or folds_for(objective, random_state)
    alone = tune_sparse(
        in_differences(objective), solver, criterion=criterion, random_state=random_state
    ).result
    start = _best_start(objective, criterion, solver, alone)
    result = tune(objective, criterion, solver, start=start, progress=progress)
    raised = _for_all_rows(result, objective, criterion)
    steps = result.n_solver_steps + alone.n_solver_steps
    result = replace(result, hyper=raised, n_solver_steps=steps)
    return SparseTuning(result, criterion, reason)


def _best_start(
    objective: Objective, criterion: Criterion, solver: ProximalNewton, alone: TuneResult
) -> Array:
    """The log strengths, of a few, at which the criterion is lowest."""
    problem = Problem(criterion.subproblems(objective), solver, no_guard(2))
    pull = mean_pull(objective)
    lowest, best = np.inf, np.array([alone.hyper[0], pull + SIZES[0]])
    for weaker in WEAKER:
        starts = [np.zeros(objective.predictor.n_params)] * len(problem.parts)
        for size in SIZES:
            hyper = np.array([alone.hyper[0] + weaker, pull + size])
            try:
                there = problem.evaluate(hyper, starts)
            except NotConverged:
                continue
            starts = [fit.expansion.params for fit in there.fits]
            if there.value < lowest:
                lowest, best = there.value, hyper
    return best


def _for_all_rows(result: TuneResult, objective: Objective, criterion: Criterion) -> Array:
    """Log strengths for a fit of all rows, where the criterion's fits had fewer."""
    parts = criterion.subproblems(objective)
    fitted = float(np.mean([part.objective.weight.sum() for part in parts]))
    return result.hyper + GROWTH * float(np.log(objective.weight.sum() / fitted))
