"""The quadratic model of F at its minimiser, seen along its eigenvectors.

    F(w* + e) - F* = 1/2 e^T H e + ...,    H = V diag(lambda) V^T,    e = V c

A method that treats all directions alike moves each c_j by itself, so what it does after k steps is
known from the spectrum and the start. For a squared loss the model is F.

Maths: docs/math/convergence.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.convergence.rates import Recurrence
from derivata.lazy import lazy

# Steps that are looked at one by one; beyond, the last crossing is found by halving.
SCANNED = 20_000
# So many multiplications are spent on looking, or so many looks if that is more.
MOST_MULTIPLIED, FEWEST_LOOKS = 2 * 10**9, 100
# Numbers of steps beyond this are as good as endless.
MOST_STEPS = 10**12
# Curvatures below this share of the largest are flat: rounding alone moves a parameter there.
FLAT = 1e-14


@dataclass(frozen=True, eq=False)
class QuadraticModel:
    """A quadratic around a minimiser, and the distance at which a descent begins.

    Attributes
    ----------
    curvature : array (m,)         eigenvalues above zero, ascending
    vectors : array (p, m)         their eigenvectors
    distance : array (m,)          the start less the minimiser, along each
    scale : array (p,)             what each entry of the gradient is small against
    """

    curvature: Array
    vectors: Array
    distance: Array
    scale: Array

    @classmethod
    def of(cls, hessian: Array, distance: Array, scale: Array) -> QuadraticModel:
        """The model of a Hessian (p, p); p^3 operations.

        Parameters
        ----------
        hessian : array (p, p)
        distance : array (p,)          the start less the minimiser
        scale : array (p,)             of the gradient

        Returns
        -------
        QuadraticModel                 without the directions in which the Hessian is flat
        """
        # No row moves an entry of infinite scale, nor does its curvature meet that of others.
        kept = np.isfinite(scale)
        if not kept.all():
            hessian, distance, scale = hessian[np.ix_(kept, kept)], distance[kept], scale[kept]
        curvature, vectors = np.linalg.eigh(hessian)
        steep = curvature > FLAT * max(float(curvature[-1]), 0.0)
        vectors = vectors[:, steep]
        return cls(curvature[steep], vectors, vectors.T @ distance, scale)

    @lazy
    def _gradient_map(self) -> Array:
        """From distances along eigenvectors to relative gradients by parameter, (p, m)."""
        return self.vectors * self.curvature / self.scale[:, None]

    def relative_gradient(self, distance: Array) -> float:
        """max_j |gradient_j| / scale_j at distances (m,) along the eigenvectors."""
        return float(np.abs(self._gradient_map @ distance).max(initial=0.0))

    def gap(self, distance: Array) -> float:
        """F - F* at distances (m,) along the eigenvectors."""
        return 0.5 * float(self.curvature @ (distance * distance))

    def after(self, recurrence: Recurrence, n_steps: int) -> Array:
        """Distances along the eigenvectors after ``n_steps`` >= 0 steps, (m,): a power a mode."""
        if n_steps == 0:
            return self.distance
        a, b = recurrence.terms(self.curvature)
        first = recurrence.first(self.curvature)
        # [e_k, e_{k-1}] = [[a, b], [1, 0]]^(k-1) [e_1, e_0]
        matrices = np.zeros((len(a), 2, 2))
        matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 0] = a, b, 1.0
        power = np.linalg.matrix_power(matrices, n_steps - 1)
        return (power[:, 0, 0] * first + power[:, 0, 1]) * self.distance

    def iterations(self, recurrence: Recurrence, tol: float) -> int | None:
        """Steps until the relative gradient is at most ``tol``.

        Exact up to `SCANNED` steps, fewer where parameters are many. Beyond, a step before which
        it is above and after which below, by halving; with momentum the gradient swings, and the
        first time may be a few per cent earlier.

        Parameters
        ----------
        recurrence : Recurrence
        tol : float

        Returns
        -------
        n_steps : int or None          None where it does not arrive within `MOST_STEPS`
        """
        a, b = recurrence.terms(self.curvature)
        before, here = self.distance, recurrence.first(self.curvature) * self.distance
        if self.relative_gradient(before) <= tol:
            return 0
        looks = max(MOST_MULTIPLIED // max(self.vectors.size, 1), FEWEST_LOOKS)
        # |V lambda c| = |lambda c| <= max_j |gradient_j / scale_j| |scale|: while that is too large
        # there is no need to look at each entry.
        large = (tol * float(np.linalg.norm(self.scale))) ** 2
        count = 0
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            while count < SCANNED and looks > 0:
                count += 1
                slope = self.curvature * here
                size = float(slope @ slope)
                if not np.isfinite(size):
                    return None
                if size <= large:
                    looks -= 1
                    if self.relative_gradient(here) <= tol:
                        return count
                before, here = here, a * here + b * before
            return self._halved(recurrence, tol, count)

    def _halved(self, recurrence: Recurrence, tol: float, low: int) -> int | None:
        high = 2 * low
        while not self.relative_gradient(self.after(recurrence, high)) <= tol:
            low, high = high, 2 * high
            if high > MOST_STEPS:
                return None
        while high - low > max(1, low // 10_000):
            middle = (low + high) // 2
            below = self.relative_gradient(self.after(recurrence, middle)) <= tol
            low, high = (low, middle) if below else (middle, high)
        return high


def iterations_from_rate(rate: float, start: float, tol: float) -> int | None:
    """Steps to bring a relative gradient from ``start`` to ``tol`` if each multiplies it by a rate.

    This is what L and mu alone can say: it takes every direction for the slowest.

    Returns
    -------
    n_steps : int or None          None if the rate is 1 or more
    """
    if start <= tol:
        return 0
    if not 0.0 <= rate < 1.0:
        return None
    return 1 if rate == 0.0 else int(np.ceil(np.log(start / tol) / -np.log(rate)))
