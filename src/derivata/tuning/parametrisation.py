"""Hyperparameters as users know them, and the log strengths that follow from them.

    alpha                 hyper_g = log alpha + constant        of every strength
    C                     hyper_g = - log C + constant
    alpha, l1_ratio r     hyper = (log r alpha, log (1 - r) alpha) + constant
    each of its own       hyper_g = log strength_g

Derivatives are by the logs of the users' values: a change of 1 % is 0.01. By log r the strengths of
an elastic net move by 1 and -r / (1 - r).

Maths: docs/math/sensitivity.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array


@dataclass(frozen=True, eq=False)
class Parametrisation:
    """Positive numbers that decide the strengths of a penalty.

    Attributes
    ----------
    names : tuple of str           "alpha", "C", "l1_ratio", or the penalty's own
    values : array (m,)            as they are
    below : array (m,)             what each must stay below; infinite but for shares
    hyper : callable               values (m,) -> log strengths (n_hyper,)
    jacobian : callable            values (m,) -> their derivative by log values, (n_hyper, m)
    """

    names: tuple[str, ...]
    values: Array
    below: Array
    hyper: Callable[[Array], Array]
    jacobian: Callable[[Array], Array]

    def __len__(self) -> int:
        return len(self.names)

    def moved(self, place: int, factor: float) -> Array:
        """The values with one of them multiplied, (m,)."""
        values = self.values.copy()
        values[place] *= factor
        return values


def each_strength(names: tuple[str, ...], hyper: Array) -> Parametrisation:
    """Every strength is a hyperparameter; those of zero stay zero and are left out."""
    moving = np.flatnonzero(np.isfinite(hyper))

    def hyper_at(values: Array) -> Array:
        moved = hyper.copy()
        moved[moving] = np.log(values)
        return moved

    return Parametrisation(
        tuple(names[place] for place in moving),
        np.exp(hyper[moving]),
        np.full(len(moving), np.inf),
        hyper_at,
        lambda values: np.eye(len(hyper))[:, moving],
    )


def one_for_all(name: str, value: float, hyper: Array, power: int = 1) -> Parametrisation:
    """One number that all strengths are in proportion to, or (power -1) its inverse is."""
    return Parametrisation(
        (name,),
        np.array([value]),
        np.array([np.inf]),
        lambda values: hyper + power * np.log(values[0] / value),
        lambda values: np.full((len(hyper), 1), float(power)),
    )


def strength_and_share(
    name: str, value: float, share: float, hyper: float, power: int = 1
) -> Parametrisation:
    """Of an elastic net: its strength alpha (or C, power -1) and its ``l1_ratio``.

    ``hyper`` is the log of the strength that the share is of; the strengths are those of absolute
    values and of half the squares.
    """

    def hyper_at(values: Array) -> Array:
        strength = hyper + power * np.log(values[0] / value)
        return strength + np.log([values[1], 1.0 - values[1]])

    def jacobian(values: Array) -> Array:
        odds = values[1] / (1.0 - values[1])
        return np.array([[power, 1.0], [power, -odds]], dtype=float)

    return Parametrisation(
        (name, "l1_ratio"), np.array([value, share]), np.array([np.inf, 1.0]), hyper_at, jacobian
    )
