"""Folds of distinct rows: equal rows are in one fold, and the order of rows does not matter.

A row of weight 2 then tunes as two equal rows do, and no row is judged by a fit of its own copy.
Rows are told apart by their targets and by their outputs for one vector of random parameters, which
differ by more than rounding unless the rows are equal (with probability one).

Maths: docs/math/resampling.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, Subproblem
from derivata.criteria.resampling import KFold, deal_folds, held_out
from derivata.objective import Objective

# Outputs this close, as a share of their spread, belong to equal rows.
ROUNDING = 1e-9


@dataclass(frozen=True)
class DistinctFolds:
    """Criterion: the summed loss of all rows, each from a fit of the folds without its equals.

    Parameters
    ----------
    n_folds : int
        At least 2.
    random_state : int
        How distinct rows are dealt.
    """

    n_folds: int = 5
    random_state: int = 0

    def __post_init__(self) -> None:
        KFold(self.n_folds, self.random_state)  # refuses what folds refuse

    @property
    def name(self) -> str:
        """As printed."""
        return f"{self.n_folds}-fold"

    def subproblems(self, objective: Objective) -> list[Subproblem]:
        """One fit a fold, of the rows outside it."""
        number, targets = distinct_rows(objective)
        classes = objective.loss.targets_are_classes
        n_folds = min(self.n_folds, len(targets))
        fold = deal_folds(targets, n_folds, self.random_state, classes=classes)[number]
        return [held_out(objective, fold == each) for each in range(n_folds)]


def distinct_rows(objective: Objective) -> tuple[Array, Array]:
    """A number for each row, equal for equal rows, and the target of each number.

    Numbers are in order of the targets, and within one target of the random outputs, so they are
    the same for the same rows in any order.
    """
    predictor = objective.predictor
    params = np.random.default_rng(0).standard_normal(predictor.n_params)
    outputs = objective.outputs(params)
    key = outputs @ np.sqrt(np.arange(2.0, 2.0 + outputs.shape[1]))
    order = np.lexsort((key, objective.y))
    near = ROUNDING * float(np.ptp(key))
    differs = (np.diff(key[order]) > near) | (np.diff(objective.y[order]) != 0.0)
    number = np.empty(len(order), dtype=np.intp)
    number[order] = np.concatenate([[0], np.cumsum(differs)])
    return number, objective.y[order][np.concatenate([[True], differs])]
