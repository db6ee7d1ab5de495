"""Tuned models compared by the loss of rows left out, at the penalties that each has found.

Leave-one-out where it is exact or can be trusted for all of them (``criteria.trust``), else five
folds; of many rows, one of the five. All are judged alike, so their losses can be compared. The
penalties have seen the rows left out: the more of them a model has tuned, the more it is flattered.

Maths: docs/math/evidence.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.criteria.left_out import leave_out
from derivata.criteria.resampling import deal_folds, hold_out_partials
from derivata.criteria.trust import leave_one_out_error
from derivata.curvature.inverse import invert
from derivata.objective import Objective
from derivata.tuning.result import Solver

FOLDS = 5
# From this many rows on one fold says as much as is needed.
MANY_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model at given penalties, and where its fit starts (None: at zero)."""

    objective: Objective
    params: Array | None
    hyper: Array


def left_out_losses(
    candidates: Sequence[Candidate], solver: Solver, random_state: int
) -> list[float]:
    """The summed loss of the same rows for each candidate, from fits without them."""
    expansions = []
    for each in candidates:
        start = each.params
        if start is None:
            start = np.zeros(each.objective.predictor.n_params)
        expansions.append(solver.minimize(each.objective, start, each.hyper).expansion)
    if all(leave_one_out_error(each, invert(each)).tolerable for each in expansions):
        return [float(leave_out(each, invert(each))[1].row_losses.sum()) for each in expansions]
    return [
        _folds_loss(each.objective, expansion.params, each.hyper, solver, random_state)
        for each, expansion in zip(candidates, expansions, strict=True)
    ]


def _folds_loss(
    objective: Objective, params: Array, hyper: Array, solver: Solver, random_state: int
) -> float:
    classes = objective.loss.targets_are_classes
    fold = deal_folds(objective.y, FOLDS, random_state, classes=classes)
    total = 0.0
    for number in range(FOLDS if len(fold) < MANY_ROWS else 1):
        held = fold == number
        if held.any():
            kept = solver.minimize(objective.without(held), params, hyper)
            rows = objective.take(np.flatnonzero(held))
            total += hold_out_partials(rows, kept.expansion.params).value
    return total
