"""What predictors share whose outputs are linear in the parameters: nothing bends.

Maths: docs/math/objective.md
"""

from __future__ import annotations

from derivata.contracts import Array


class Straight:
    """The part of a ``Predictor`` that is zero where the Jacobian does not move."""

    @property
    def is_linear(self) -> bool:
        """True."""
        return True

    def curvature_vp(self, params: Array, cotangent: Array, direction: Array) -> float:
        """Zero: outputs are linear in the parameters."""
        return 0.0

    def row_curvature_vp(self, params: Array, directions: Array) -> float:
        """Zero."""
        return 0.0

    def curvature(self, params: Array, cotangent: Array) -> float:
        """Zero."""
        return 0.0

    def leverage_vjp(self, params: Array, matrix: Array, cotangents: Array) -> float:
        """Zero: J does not move."""
        return 0.0
