"""How unequally F is curved: L, mu and kappa, as the parameters are and with each in its own unit.

    mu |v|^2 <= v^T H v <= L |v|^2,     kappa = L / mu,     D^(-1/2) H D^(-1/2),  D = diag H

Descent needs a number of steps in proportion to kappa, with momentum to its root. Columns measured
in large and small units make kappa large for no other reason; scaling them takes that part away
(within a factor p of the best diagonal scaling: van der Sluis 1969, Numer. Math. 14, 14-23), and
what is left is correlation.

Maths: docs/math/convergence.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from derivata.curvature.spectrum import Spectrum, spectrum
from derivata.plain_text import number, plural

# Scaling is worth saying where it divides kappa by at least this.
WORTH_SCALING = 2.0


@dataclass(frozen=True)
class Conditioning:
    """The spectrum of a Hessian as it is, and with every parameter in its own unit."""

    spectrum: Spectrum
    scaled: Spectrum

    @classmethod
    def of(cls, expansion: Any) -> Conditioning:
        """At one point, best a minimiser; p^3 operations, or Lanczos beyond 2,000 parameters."""
        return cls(spectrum(expansion), spectrum(expansion, scaled=True))

    @property
    def largest(self) -> float:
        """L."""
        return self.spectrum.largest

    @property
    def smallest(self) -> float:
        """Mu, the smallest curvature above rounding."""
        return self.spectrum.smallest

    @property
    def condition(self) -> float:
        """Kappa."""
        return self.spectrum.condition

    @property
    def largest_step(self) -> float:
        """2 / L, the largest stable step of gradient descent; infinite where F is flat."""
        return 2.0 / self.largest if self.largest > 0.0 else float("inf")

    @property
    def gains_by_scaling(self) -> bool:
        """Whether scaling the columns would divide kappa by two or more."""
        return self.condition > WORTH_SCALING * self.scaled.condition

    def __str__(self) -> str:
        words = (
            f"L = {number(self.largest, 3)}, mu = {number(self.smallest, 3)}, "
            f"kappa = {number(self.condition, 3)}"
        )
        if self.gains_by_scaling:
            words += f" ({number(self.scaled.condition, 3)} with each column in its own unit)"
        lost = self.spectrum.n_flat - self.scaled.n_flat
        if lost > 0:
            words += f"; {plural(lost, 'curvature')} below L's rounding, so kappa is larger still"
        if self.scaled.n_flat:
            words += f"; F is flat along {plural(self.scaled.n_flat, 'direction')}"
        if self.spectrum.n_negative:
            words += f"; F bends down along {plural(self.spectrum.n_negative, 'direction')}"
        return words
