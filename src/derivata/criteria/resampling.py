"""Criteria that judge a fit on rows it has not seen: hold-out and K folds.

Folds are dealt from rows sorted by target (ties in random order), so each fold has nearly the same
distribution of targets: stratified for classes, balanced for numbers. A fold whose training part
lacked a class would otherwise be possible.

Maths: docs/math/resampling.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np

from derivata.contracts import Array, HessianInverse, Partials, Subproblem
from derivata.criteria.frozen import FrozenHoldOut, can_freeze
from derivata.errors import InvalidParameter
from derivata.objective import Expansion, Objective

# A hold-out takes whole parts of this many, each balanced over the target.
HOLD_OUT_PARTS = 60
# As in leave-one-out: a hypergradient is off by about as much as the relative gradient.
LARGEST_GRADIENT = 1e-3


@dataclass(frozen=True)
class HoldOut:
    """Criterion: the summed loss of a share of rows, from a fit of the others.

    Parameters
    ----------
    share : float
        Share of rows held out, in (0, 1).
    random_state : int
        Which rows.
    """

    share: float = 0.25
    random_state: int = 0
    name = "hold-out"

    def __post_init__(self) -> None:
        if not 0.0 < self.share < 1.0:
            raise InvalidParameter(f"`share` is {self.share!r}; expected a number in (0, 1).")
        _require_seed(self.random_state)

    def subproblems(self, objective: Objective) -> list[Subproblem]:
        """One fit, of the rows kept."""
        n_parts = min(HOLD_OUT_PARTS, len(objective.y))
        fold = _dealt(objective, n_parts, self.random_state)
        n_held = min(max(round(self.share * n_parts), 1), n_parts - 1)
        return [held_out(objective, (fold >= 0) & (fold < n_held))]


@dataclass(frozen=True)
class KFold:
    """Criterion: the summed loss of all rows, each from a fit of the other folds.

    Parameters
    ----------
    n_folds : int
        At least 2.
    random_state : int
        How rows are dealt.
    """

    n_folds: int = 5
    random_state: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.n_folds, Integral) or self.n_folds < 2:
            raise InvalidParameter(
                f"`n_folds` is {self.n_folds!r}; expected at least 2, and an integer."
            )
        _require_seed(self.random_state)

    @property
    def name(self) -> str:
        """As printed."""
        return f"{self.n_folds}-fold"

    def subproblems(self, objective: Objective) -> list[Subproblem]:
        """One fit a fold, of the rows outside it."""
        n_rows = len(objective.y)
        if n_rows < self.n_folds:
            raise InvalidParameter(
                f"{self.n_folds} folds need at least {self.n_folds} rows, but there are {n_rows}. "
                "Lower `n_folds`, or use LeaveOneOut()."
            )
        fold = _dealt(objective, self.n_folds, self.random_state)
        return [held_out(objective, fold == number) for number in range(self.n_folds)]


def _require_seed(random_state: int) -> None:
    if not isinstance(random_state, Integral) or random_state < 0:
        raise InvalidParameter(f"`random_state` is {random_state!r}; expected an integer >= 0.")


def deal_folds(y: Array, n_folds: int, random_state: int, *, classes: bool = False) -> Array:
    """A fold number for each row, balanced over the target: (n,) integers below ``n_folds``.

    Numbers: each run of ``n_folds`` neighbours in target order gets every fold once, in random
    order. Classes: each class's rows go round the folds, so every training part has some of each
    class that occurs twice; the row of a class that occurs once gets fold -1 and is never held
    out, as nothing could predict it.
    """
    rng = np.random.default_rng(random_state)
    shuffled = rng.permutation(len(y))
    order = shuffled[np.argsort(y[shuffled], kind="stable")]
    fold = np.empty(len(y), dtype=np.intp)
    if classes:
        _, value, count = np.unique(y, return_inverse=True, return_counts=True)
        fold[order] = rng.permutation(n_folds)[np.arange(len(y)) % n_folds]
        fold[count[value] == 1] = -1
        return fold
    n_runs = -(-len(y) // n_folds)
    runs = rng.permuted(np.tile(np.arange(n_folds), (n_runs, 1)), axis=1)
    fold[order] = runs.ravel()[: len(y)]
    return fold


def _dealt(objective: Objective, n_folds: int, random_state: int) -> Array:
    classes = objective.loss.targets_are_classes
    return deal_folds(objective.y, n_folds, random_state, classes=classes)


def held_out(objective: Objective, held: Array) -> Subproblem:
    """The fit of rows that are not marked in a bool array (n_rows,), judged by those that are."""
    valid = objective.take(np.flatnonzero(held))

    def judge(expansion: Expansion, inverse: HessianInverse) -> Partials:
        def stand_in() -> FrozenHoldOut | None:
            if not can_freeze(expansion, inverse):
                return None
            return FrozenHoldOut(expansion, lambda params: hold_out_partials(valid, params))

        expansion.require_minimiser(LARGEST_GRADIENT, "a hold-out's hypergradient")
        return replace(hold_out_partials(valid, expansion.params), stand_in=stand_in)

    return Subproblem(objective.without(held), judge, valid.predictor, float(valid.weight.sum()))


def hold_out_partials(valid: Objective, params: Array) -> Partials:
    """The summed loss of held-out rows and its derivative by params."""
    rows = valid.loss.at(valid.y, valid.outputs(params))
    row_losses = valid.weight * rows.value
    row_gradients = valid.weight[:, None] * rows.gradient
    return Partials(
        value=float(row_losses.sum()),
        by_params=valid.predictor.vjp(params, row_gradients),
        by_hyper=np.zeros(valid.penalty.n_hyper),
        row_losses=row_losses,
        row_gradients=row_gradients,
    )
