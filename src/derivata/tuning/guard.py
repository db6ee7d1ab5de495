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

    def curvature(self, hyper: Array) -> Array:
        """Second derivative by hyper, (n_hyper, n_hyper)."""
        if self.strength == 0.0:
            return np.zeros((len(hyper), len(hyper)))
        ties = self.ties()
        return self.strength * (np.eye(len(hyper)) - (ties / ties.sum(axis=0)) @ ties.T)

    def ties(self) -> Array:
        """The directions that an infinitely strong guard leaves free, (n_hyper, n_kinds)."""
        return np.eye(int(self.kinds.max(initial=-1)) + 1)[self.kinds]


@dataclass(frozen=True, eq=False)
class WeakPrior:
    """A prior on log penalties for criteria that are likelihoods: a guard, and rare large effects.

        -log prior = guard(hyper) + sum_g rate_g exp(-hyper_g / 2)        (nats)

    exp(-hyper_g / 2) is the standard deviation that penalty g allows its block of the outputs. Its
    prior is exponential with the given rate, and so is largest where the block is absent: the
    penalised-complexity prior of Simpson, Rue, Riebler, Martins & Sorbye (2017), Statist. Sci. 32,
    1-28, doi:10.1214/16-STS576. On a scale of log-odds or of log-means a rate of 1 says that an
    effect of more than 3 is had by one block in twenty, whatever the data; without it penalties of
    separable rows fall for ever.

    Parameters
    ----------
    guard : Guard
    rate : float, or array (n_hyper,)
        >= 0; 0 where outputs have no scale of their own.
    """

    guard: Guard
    rate: float | Array

    @property
    def strength(self) -> float:
        """The guard's."""
        return self.guard.strength

    def at(self, hyper: Array) -> tuple[float, Array]:
        """Value and gradient by hyper, (n_hyper,)."""
        value, gradient = self.guard.at(hyper)
        spread = self.rate * np.exp(-0.5 * hyper)
        return value + float(spread.sum()), gradient - 0.5 * spread

    def curvature(self, hyper: Array) -> Array:
        """Second derivative by hyper, (n_hyper, n_hyper)."""
        return self.guard.curvature(hyper) + np.diag(0.25 * self.rate * np.exp(-0.5 * hyper))

    def ties(self) -> Array:
        """As the guard's."""
        return self.guard.ties()


def no_guard(n_hyper: int) -> Guard:
    """A guard of strength zero."""
    return Guard(0.0, np.zeros(n_hyper, dtype=np.intp))
