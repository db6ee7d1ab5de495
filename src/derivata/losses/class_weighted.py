"""A loss of labels, times a number for each class: losses of a rare class made dearer.

    loss(y, z) = c_y loss_0(y, z)

The rows stay what they are. A ``sample_weight`` of 2 says that there are two such rows, so that
leave-one-out takes one of them away and standard errors shrink; a class weight of 2 says that one
row costs twice as much.

Maths: docs/math/losses.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, Loss, RowDerivatives
from derivata.errors import InvalidParameter
from derivata.lazy import lazy


@dataclass(frozen=True, eq=False)
class ClassWeighted:
    """A loss whose targets are labels 0, 1, ..., with a factor for each.

    Parameters
    ----------
    loss : Loss
    factors : array (n_classes,)
        Positive.
    """

    loss: Loss
    factors: Array
    curvature_is_constant = False
    scale_is_free = False
    targets_are_classes = True

    def __post_init__(self) -> None:
        factors = np.asarray(self.factors, dtype=float)
        if not ((factors > 0.0) & np.isfinite(factors)).all():
            bad = int(np.flatnonzero(~((factors > 0.0) & np.isfinite(factors)))[0])
            raise InvalidParameter(
                f"the weight of class number {bad} is {factors[bad]}; it must be a positive "
                "number. Leave out the rows of a class that shall not count."
            )
        object.__setattr__(self, "factors", factors)

    @property
    def name(self) -> str:
        """As printed."""
        return f"{self.loss.name}, classes weighted"

    @property
    def n_outputs(self) -> int:
        """Outputs a row."""
        return self.loss.n_outputs

    def at(self, y: Array, outputs: Array) -> _WeightedRows:
        """Derivatives at outputs (n, k)."""
        return _WeightedRows(self.loss.at(y, outputs), self._of(y))

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """The best constant outputs."""
        return self.loss.null_outputs(y, weight * self._of(y))

    def saturated(self, y: Array) -> Array:
        """The smallest value of each row's loss, (n,)."""
        return self._of(y) * self.loss.saturated(y)

    def validate(self, y: Array) -> None:
        """Refuse what the loss refuses."""
        self.loss.validate(y)

    def _of(self, y: Array) -> Array:
        return self.factors[y.astype(np.intp)]


class _WeightedRows:
    def __init__(self, rows: RowDerivatives, factor: Array):
        self.rows, self.factor = rows, factor

    @lazy
    def value(self) -> Array:
        return self.factor * self.rows.value

    @lazy
    def gradient(self) -> Array:
        return self.factor[:, None] * self.rows.gradient

    @lazy
    def hessian(self) -> Array:
        return self.factor[:, None, None] * self.rows.hessian

    def third(self, matrices: Array) -> Array | None:
        third = self.rows.third(matrices)
        return None if third is None else self.factor[:, None] * third

    def cubic(self, directions: Array) -> Array:
        return self.factor * self.rows.cubic(directions)
