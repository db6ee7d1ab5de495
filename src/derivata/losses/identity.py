"""The loss whose value is the output itself: for objectives that are no sum of losses of rows.

    loss(y, z) = z,    so    F = sum_i s_i z_i(params) + R(params, hyper)

A whole objective g(params, data) becomes a predictor with one row and one output. Fits and standard
errors from the Hessian work as for any other loss; leave-one-out, influence and evidence need to
know what a row costs and how curved that is in its outputs, and are refused.

Maths: docs/math/autodiff.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.losses.targets import require_finite


@dataclass(frozen=True)
class IdentityLoss:
    """The output itself; targets have no part in it."""

    name = "identity"
    n_outputs = 1
    curvature_is_constant = True
    scale_is_free = False
    targets_are_classes = False

    def at(self, y: Array, outputs: Array) -> _IdentityRows:
        """Derivatives at outputs (n, 1): one, and then zero."""
        return _IdentityRows(outputs[:, 0])

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """Zero: no constant is better than any other."""
        return np.zeros(1)

    def saturated(self, y: Array) -> Array:
        """Minus infinity: the output has no bound of its own; (n,)."""
        return np.full(len(y), -np.inf)

    def validate(self, y: Array) -> None:
        """Refuse NaN and infinite targets."""
        require_finite(y)


class _IdentityRows:
    def __init__(self, outputs: Array):
        self.value = outputs

    @property
    def gradient(self) -> Array:
        return np.ones((len(self.value), 1))

    @property
    def hessian(self) -> Array:
        return np.zeros((len(self.value), 1, 1))

    def third(self, matrices: Array) -> None:
        return None

    def cubic(self, directions: Array) -> Array:
        return np.zeros(len(directions))
