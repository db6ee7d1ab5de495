"""An objective that is no sum over rows, as a predictor of one row whose output is its value.

    z(params) = function(params, X, y),    with ``IdentityLoss``: F = z + R

Maths: docs/math/autodiff.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.predictors.autodiff import AutodiffPredictor


def whole_objective(
    function: Callable[[Any, Any, Any], Any], X: Array, y: Array, params: Any
) -> WholeObjective:
    """The predictor whose only output is ``function(params, X, y)``.

    Parameters
    ----------
    function : callable
        In ``jax.numpy``, giving one number.
    X, y : array
        Handed on as they are.
    params : tree of arrays
        Where a fit starts.
    """
    return WholeObjective(_OnAll(function), {"X": X[None], "y": y[None]}, params)


class WholeObjective(AutodiffPredictor):
    """The one-row predictor of a function of params and data."""

    def column_squares(self, weights: Array) -> Array:
        """|J_j|^2, the largest of some points near ``reference``: it may itself be a minimum."""
        size = 1.0 + np.abs(self.reference)
        moves = np.random.default_rng(0).standard_normal((4, self.n_params))
        points = [self.reference, *(self.reference + moves * size)]
        squares = np.array([self.vjp(point, np.ones((1, 1))) ** 2 for point in points])
        return float(weights[0]) * np.where(np.isfinite(squares), squares, 0.0).max(axis=0)


@dataclass(frozen=True)
class _OnAll:
    """The function of params and one row that holds all of the data."""

    function: Callable[[Any, Any, Any], Any]

    def __call__(self, params: Any, row: Any) -> Any:
        return self.function(params, row["X"], row["y"])
