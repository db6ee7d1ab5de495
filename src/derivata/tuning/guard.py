"""A pull of penalties towards each other, so that many of them cannot overfit the criterion.

    guard(hyper) = strength / 2 * sum over kinds of sum_{g in kind} (hyper_g - mean of the kind)^2

With one penalty a feature, the criterion's minimum can be far too optimistic; pulling the log
penalties of one kind towards their mean restores honesty. Infinite strength ties them.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array


@dataclass(frozen=True, eq=False)
class Guard:
    """A quadratic pull of log penalties to the mean of their kind.

    Parameters
    ----------
    strength : float
        In the criterion's units, >= 0; 0 for no guard.
    kinds : int array (n_hyper,)
        Penalties with equal number are pulled together.
    """

    strength: float
    kinds: Array

    def __post_init__(self) -> None:
        # Numbers may have gaps; means are taken over those that occur.
        object.__setattr__(self, "kinds", np.unique(self.kinds, return_inverse=True)[1])

    def at(self, hyper: Array) -> tuple[float, Array]:
        """Value and gradient by hyper, (n_hyper,)."""
        if self.strength == 0.0:
            return 0.0, np.zeros(len(hyper))
        sizes = np.bincount(self.kinds)
        means = np.bincount(self.kinds, hyper) / sizes
        apart = hyper - means[self.kinds]
        return 0.5 * self.strength * float(apart @ apart), self.strength * apart

    def ties(self) -> Array:
        """The directions that an infinitely strong guard leaves free, (n_hyper, n_kinds)."""
        return np.eye(int(self.kinds.max(initial=-1)) + 1)[self.kinds]


def no_guard(n_hyper: int) -> Guard:
    """A guard of strength zero."""
    return Guard(0.0, np.zeros(n_hyper, dtype=np.intp))
