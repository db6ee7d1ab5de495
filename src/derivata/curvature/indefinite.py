"""A Hessian with a negative direction: no minimum, so nothing that a minimum would give.

    H = S V diag(e) V^T S,   S = diag |H|^(1/2),   some e < 0

A loss that is not convex, or a predictor that is not linear, can leave a solver at a saddle. There
H^-1 is no covariance, leverages mean nothing and the implicit derivative is that of no fit: all is
refused, with the parameters along which F still falls. What can be had is a direction downhill,
    - S^-1 V diag(1 / max(|e|, floor)) V^T S^-1 gradient,
Newton's step with every curvature taken upwards, which leaves a saddle where Newton's own would
walk into it. Source: Dauphin, Pascanu, Gulcehre, Cho, Ganguli & Bengio (2014), NeurIPS 27
(saddle-free Newton).

Maths: docs/math/autodiff.md
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from derivata.contracts import Array, Predictor, Sandwich
from derivata.curvature.pseudo import SMALLEST_DIAGONAL
from derivata.errors import NotConverged

# An eigenvalue of the scaled Hessian below minus this share of the largest is no rounding.
NEGATIVE = 1e-9
# Curvatures smaller than this share of the largest are raised to it: a step stays bounded.
FLOOR = 1e-6
# A parameter takes part in a direction if its entry is at least this share of the largest.
LOADING, NAMED = 0.3, 3


class IndefiniteInverse:
    """Refuses what needs a minimum; ``downhill`` is a step towards one.

    Parameters
    ----------
    hessian : array (p, p)             symmetric, finite, with an eigenvalue below zero
    """

    null_space: Array | None = None

    def __init__(self, hessian: Array):
        diagonal = np.abs(np.diagonal(hessian))
        self._size = np.sqrt(np.where(diagonal > SMALLEST_DIAGONAL, diagonal, 1.0))
        scaled = hessian / self._size[:, None] / self._size
        self.values, self._vectors = np.linalg.eigh(0.5 * (scaled + scaled.T))
        self.n_negative = int(np.count_nonzero(self.values < 0.0))
        self.reason = f"indefinite: {self.n_negative} directions of the Hessian are negative"

    def downhill(self, gradient: Array) -> Array:
        """|H|^-1 @ gradient, (p,)."""
        size = np.abs(self.values)
        raised = np.maximum(size, FLOOR * size.max())
        inner = self._vectors.T @ (gradient / self._size)
        return (self._vectors @ (inner / raised)) / self._size

    @property
    def escape(self) -> Array:
        """The direction of most negative curvature, (p,), of length one in the scaled Hessian."""
        return self._vectors[:, 0] / self._size

    def solve(self, right: Array) -> Array:
        """Refused."""
        self._refuse("a derivative of the fit")

    def leverage(self, predictor: Predictor | None = None) -> Array:
        """Refused."""
        self._refuse("a leverage")

    def sandwich(self, cotangents: Array) -> Sandwich:
        """Refused."""
        self._refuse("a leverage")

    def logdet(self) -> float:
        """Refused."""
        self._refuse("the evidence")

    def diagonal(self) -> Array:
        """Refused."""
        self._refuse("a standard error")

    def entries(self, first: Array, second: Array) -> Array:
        """Refused."""
        self._refuse("a standard error")

    def _refuse(self, what: str) -> NoReturn:
        direction = self.escape
        order = np.argsort(-np.abs(direction), kind="stable")
        part = [int(j) for j in order if abs(direction[j]) >= LOADING * abs(direction[order[0]])]
        named = ", ".join(str(j) for j in part[:NAMED]) + (", ..." if len(part) > NAMED else "")
        raise NotConverged(
            f"{what} needs a minimum, but the Hessian here has {self.n_negative} negative "
            f"direction{'s' * (self.n_negative > 1)} (the steepest moves parameter {named}; its "
            f"curvature is {self.values[0]:.1e} of the scaled Hessian): this is a saddle, or not "
            "yet a fit. Start from other parameters, raise the penalty, or use "
            "`criterion=KFold()`, which judges fits by their predictions alone."
        )
