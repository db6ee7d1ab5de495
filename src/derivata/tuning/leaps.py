"""What may lie between two fits beyond which no derivative reaches.

* A column enters or leaves the active set of a penalty with kinks.
* A row crosses a kink of its loss: beyond those of Huber's losses a row is straight, and its second
  derivative is zero, exactly.
* A bound of a constrained fit (a rising curve) is met or left.
* A fit whose outputs are not linear ends in another minimum: it is further from where the implicit
  derivative said it would be than that is from where it was.

Leave-one-out, evidence and the second derivative of any criterion leap there.

Maths: docs/math/sensitivity.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.curvature.active import ActiveExpansion
from derivata.objective import Expansion


@dataclass(frozen=True)
class Leaps:
    """Leaps between fits, summed over the fits of a criterion.

    Attributes
    ----------
    entered, left : tuple of int   columns by index
    n_crossed : int                rows that crossed a kink of their loss
    n_bounds : int                 fits that rest on other bounds
    n_minima : int                 fits that ended in another minimum
    """

    entered: tuple[int, ...] = ()
    left: tuple[int, ...] = ()
    n_crossed: int = 0
    n_bounds: int = 0
    n_minima: int = 0

    def __bool__(self) -> bool:
        counts = len(self.entered) + len(self.left) + self.n_crossed + self.n_bounds + self.n_minima
        return counts > 0

    @classmethod
    def between(
        cls, before: Sequence[Expansion], after: Sequence[Expansion], starts: Sequence[Array]
    ) -> Leaps:
        """Leaps from fits to others that were predicted to end at ``starts``."""
        entered, left, crossed, bounds, minima = set(), set(), 0, 0, 0
        for old, new, start in zip(before, after, starts, strict=True):
            entered |= _active(new) - _active(old)
            left |= _active(old) - _active(new)
            crossed += _n_crossed(old, new)
            bounds += not np.array_equal(_pinned(old), _pinned(new))
            minima += _is_elsewhere(old, new, start)
        return cls(tuple(sorted(entered)), tuple(sorted(left)), crossed, bounds, minima)


def _active(expansion: Expansion) -> set[int]:
    return set(expansion.columns.tolist()) if isinstance(expansion, ActiveExpansion) else set()


def _pinned(expansion: Expansion) -> Array:
    return getattr(expansion, "pinned", np.zeros(0))


def _n_crossed(old: Expansion, new: Expansion) -> int:
    if old.objective.loss.curvature_is_constant:
        return 0
    straight = [~each.output_hessian.any(axis=(1, 2)) for each in (old, new)]
    return int(np.count_nonzero(straight[0] != straight[1]))


def _is_elsewhere(old: Expansion, new: Expansion, start: Array) -> bool:
    """Distances are those of H, in which a standard error is one."""
    if old.objective.predictor.is_linear:
        return False
    expected, missed = start - old.params, new.params - start
    lengths = [float(d @ old.hvp(d, gauss_newton=True)) for d in (missed, expected)]
    return lengths[0] > lengths[1]
