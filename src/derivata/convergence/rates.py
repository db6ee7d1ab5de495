"""Descent on a quadratic, one eigenvector at a time: the rate at which each distance shrinks.

Along an eigenvector of curvature lambda the distance to the minimiser follows a recurrence of two
terms, e_{k+1} = a(lambda) e_k + b(lambda) e_{k-1}, whose larger root is the rate:

    gradient descent   a = 1 - s lambda                b = 0
    heavy ball         a = 1 + m - s lambda            b = -m
    Nesterov           a = (1 + m) (1 - s lambda)      b = -m (1 - s lambda)

s is the step and m the momentum. With mu <= lambda <= L and kappa = L / mu the best constants give
(kappa - 1) / (kappa + 1), (sqrt kappa - 1) / (sqrt kappa + 1) and 1 - 1 / sqrt kappa (the last for
Nesterov's own s = 1 / L). Rates are of the distance; the gap F - F* falls by their squares.

Sources: Polyak (1964), USSR Comp. Math. Math. Phys. 4, 1-17; Nesterov (2004), Introductory Lectures
on Convex Optimization, section 2.2; Lessard, Recht & Packard (2016), SIAM J. Optim. 26, 57-95,
table 1 and section 2.2.

Maths: docs/math/convergence.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from derivata.contracts import Array

# Constants this near to those of a theorem are those.
ROUNDING = 1e-9


class Recurrence(Protocol):
    """How a distance along an eigenvector goes on, from its last two values."""

    @property
    def step(self) -> float:
        """The step size."""
        ...

    def terms(self, curvature: Array) -> tuple[Array, Array]:
        """The coefficients a and b for each curvature (m,)."""
        ...

    def first(self, curvature: Array) -> Array:
        """What the first step multiplies each distance by, (m,)."""
        ...

    def guaranteed(self, smallest: float, largest: float) -> float | None:
        """The rate that holds for every F of such curvatures, quadratic or not; None if none is."""
        ...


@dataclass(frozen=True)
class Plain:
    """Gradient descent: w - s g."""

    step: float

    def terms(self, curvature: Array) -> tuple[Array, Array]:
        """a = 1 - s lambda, b = 0."""
        return 1.0 - self.step * curvature, np.zeros_like(curvature)

    def first(self, curvature: Array) -> Array:
        """The same as every other step."""
        return 1.0 - self.step * curvature

    def guaranteed(self, smallest: float, largest: float) -> float | None:
        """That of the quadratic: gradient descent does no worse on any other F."""
        return rate(self, smallest, largest)


@dataclass(frozen=True)
class HeavyBall:
    """Polyak's momentum: w - s g + m (w - w_before)."""

    step: float
    momentum: float

    def terms(self, curvature: Array) -> tuple[Array, Array]:
        """a = 1 + m - s lambda, b = -m."""
        return 1.0 + self.momentum - self.step * curvature, np.full_like(curvature, -self.momentum)

    def first(self, curvature: Array) -> Array:
        """Without a step before it, that of gradient descent."""
        return 1.0 - self.step * curvature

    def guaranteed(self, smallest: float, largest: float) -> float | None:
        """None: there are F of bounded curvature on which it runs in circles for ever."""
        return None


@dataclass(frozen=True)
class LookAhead:
    """Nesterov's: the gradient is taken where the momentum leads to."""

    step: float
    momentum: float

    def terms(self, curvature: Array) -> tuple[Array, Array]:
        """a = (1 + m) (1 - s lambda), b = -m (1 - s lambda)."""
        shrunk = 1.0 - self.step * curvature
        return (1.0 + self.momentum) * shrunk, -self.momentum * shrunk

    def first(self, curvature: Array) -> Array:
        """Parameters are the point that looks ahead: s (1 + m) times the gradient."""
        return 1.0 - (1.0 + self.momentum) * self.step * curvature

    def guaranteed(self, smallest: float, largest: float) -> float | None:
        """(1 - sqrt(s mu))^(1/2) for s <= 1 / L and Nesterov's momentum for that s, else None."""
        root = float(np.sqrt(self.step * smallest))
        own = (1.0 - root) / (1.0 + root)
        if self.step * largest > 1.0 + ROUNDING or abs(self.momentum - own) > ROUNDING:
            return None
        return float(np.sqrt(1.0 - root))


def rates(recurrence: Recurrence, curvature: Array) -> Array:
    """The size of the larger root of z^2 = a z + b for each curvature, (m,): below 1 it arrives."""
    a, b = recurrence.terms(np.asarray(curvature, float))
    discriminant = a * a + 4.0 * b
    real = (np.abs(a) + np.sqrt(np.maximum(discriminant, 0.0))) / 2.0
    return np.where(discriminant >= 0.0, real, np.sqrt(np.maximum(-b, 0.0)))


def rate(recurrence: Recurrence, smallest: float, largest: float) -> float:
    """The rate on every quadratic with curvatures from ``smallest`` to ``largest``.

    The root grows towards both ends of the range, so the ends decide.
    """
    return float(rates(recurrence, np.array([smallest, largest])).max())
