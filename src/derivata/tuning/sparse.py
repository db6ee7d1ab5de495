"""Tuning the strengths of a sparse penalty: a path, a check, a descent.

1. A path of fits from alpha_max down, each judged by leave-one-out on its active set
   (``sparse_path``).
2. At its best point, does the active set outlive the loss of a row (``criteria.support``)? If it
   does for nearly all rows, leave-one-out is the criterion; otherwise folds are.
3. From there a descent on the criterion by its exact derivative (``sparse_search``).
4. If it judged fits of fewer rows, the norm's strength for all rows is raised by the root of their
   ratio, as the noise that it has to hold is.

With several outputs a path judged by leave-one-out would cost more than folds do, and leave-one-out
has no derivative there; so the folds themselves are followed down from alpha_max.

Maths: docs/math/sparse_penalties.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from derivata.contracts import Array, Criterion
from derivata.criteria.distinct_folds import DistinctFolds, distinct_rows
from derivata.criteria.leave_one_out import LeaveOneOut
from derivata.criteria.resampling import HoldOut
from derivata.criteria.support import SupportChanges, support_changes
from derivata.criteria.trust import leave_one_out_error
from derivata.curvature import invert
from derivata.curvature.active import ActiveExpansion
from derivata.objective import Objective
from derivata.solvers.proximal import ProximalNewton
from derivata.tuning.guard import no_guard
from derivata.tuning.problem import Problem
from derivata.tuning.result import TuneResult, TuneStep
from derivata.tuning.sparse_path import PathPoint, best_point, first_point, walk
from derivata.tuning.sparse_search import search

N_FOLDS, FEWEST_ROWS = 5, 10
# From this many rows on, one held-out part says as much as is needed.
MANY_ROWS, HELD_SHARE = 50_000, 0.25
# Precise enough while strengths move: the criterion's error is second order in what is left. The
# path is a guide only.
TUNING_TOLERANCE, PATH_TOLERANCE = 1e-4, 1e-3
# The best strength of a norm grows with this power of the number of rows.
GROWTH = 0.5
UNKNOWN_TO_GROUPS = "the derivative of leave-one-out is not known for norms of several coefficients"


@dataclass(frozen=True)
class SparseTuning:
    """A tuning result, the criterion that gave it and why it was chosen.

    Attributes
    ----------
    result : TuneResult
    criterion : Criterion
    reason : str
    changes : SupportChanges or None
        What was found of the active set at the best point of the path, if it was examined.
    """

    result: TuneResult
    criterion: Criterion
    reason: str
    changes: SupportChanges | None = None


def tune_sparse(
    objective: Objective,
    solver: ProximalNewton | None = None,
    *,
    criterion: Criterion | None = None,
    random_state: int = 0,
    progress: Callable[[TuneStep], None] | None = None,
) -> SparseTuning:
    """Tune the strengths of an objective's sparse penalty.

    Parameters
    ----------
    objective : Objective
        With a ``SparsePenalty``.
    solver : ProximalNewton, optional
        For all fits, warm-started.
    criterion : Criterion, optional
        What to minimise; by default leave-one-out or folds, as the check of the active set says.
    random_state : int
        How rows are dealt to folds, and which are examined.
    progress : callable, optional
        Receives each accepted step.
    """
    guide = solver or ProximalNewton(PATH_TOLERANCE)
    solver = solver or ProximalNewton(TUNING_TOLERANCE)
    points = [first_point(objective, solver)]
    changes, reason = None, "given by the user"
    if objective.predictor.n_outputs == 1:
        points = walk(objective, guide, points[0])
        if criterion is None:
            criterion, changes, reason = _choose(points, random_state)
    elif criterion is None:
        criterion, reason = folds_for(objective, random_state), UNKNOWN_TO_GROUPS
    problem = Problem(criterion.subproblems(objective), solver, no_guard(objective.penalty.n_hyper))
    result = search(problem, points, progress)
    n_steps = result.n_solver_steps + sum(point.n_steps for point in points)
    hyper = _for_all_rows(result.hyper, problem, float(objective.weight.sum()))
    result = replace(result, hyper=hyper, n_solver_steps=n_steps)
    return SparseTuning(result, criterion, reason, changes)


def _for_all_rows(hyper: Array, problem: Problem, weight: float) -> Array:
    """Log strengths for a fit of all rows, where the criterion's fits had fewer.

    A norm has to hold what noise pulls with, which grows as the root of the number of rows. (A
    precision, the strength of squares, does not grow.)
    """
    fitted = float(np.mean([part.objective.weight.sum() for part in problem.parts]))
    moved = hyper.copy()
    moved[0] += GROWTH * float(np.log(weight / fitted))
    return moved


def _choose(
    points: list[PathPoint], random_state: int
) -> tuple[Criterion, SupportChanges | None, str]:
    """Leave-one-out if active sets last and it is exact enough, else folds; and why."""
    best = points.index(best_point(points))
    objective = points[best].expansion.objective
    if not points[best].expansion.penalty.is_separable:
        return folds_for(objective, random_state), None, UNKNOWN_TO_GROUPS
    # Beside the best point too, as leave-one-out may be lowest where a set happens to last.
    near = dict.fromkeys([best, *range(max(best - 1, 1), min(best + 2, len(points)))])
    worst, told = None, ""
    for number in near:
        # Precisely, as a column held by its kink to rounding alone would seem to enter.
        start = points[number].expansion.params
        fit = ProximalNewton().minimize(objective, start, points[number].hyper)
        expansion = cast(ActiveExpansion, fit.expansion)
        changes = support_changes(expansion, invert(expansion), random_state)
        worst = changes if worst is None or changes.share > worst.share else worst
        told = f"the active set changes for {worst.share:.0%} of the rows when they are left out"
        if len(objective.y) < MANY_ROWS and len(distinct_rows(objective)[1]) < FEWEST_ROWS:
            return LeaveOneOut(), worst, f"too few rows for folds; {told}"
        if not worst.tolerable:
            return folds_for(objective, random_state), worst, told
        error = leave_one_out_error(expansion, invert(expansion))
        if not error.tolerable:
            told = (
                f"leave-one-out by one Newton step would be off by about {error.error:.1f} of the "
                f"{abs(error.change):.1f} nats that leaving rows out changes"
            )
            return folds_for(objective, random_state), worst, told
    return LeaveOneOut(), worst, told


def folds_for(objective: Objective, random_state: int) -> Criterion:
    """Five folds of distinct rows, or one hold-out where rows are many."""
    if len(objective.y) >= MANY_ROWS:
        return HoldOut(HELD_SHARE, random_state)
    return DistinctFolds(N_FOLDS, random_state)
