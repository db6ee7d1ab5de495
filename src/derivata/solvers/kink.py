"""A penalty with a kink at fixed strengths, as a proximal step sees it.

    prox(u, s) = argmin over v of sum_j (v_j - u_j)^2 / 2 s_j + R(v)

A step of a first-order method goes down the gradient of the losses alone, and the prox takes the
penalty as it is: parameters land on zero exactly.

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from derivata.contracts import Array, SparsePenalty
from derivata.objective import Objective


@dataclass(frozen=True)
class Kink:
    """The penalty's part in a step."""

    penalty: SparsePenalty
    hyper: Array

    @classmethod
    def of(cls, objective: Objective, hyper: Array) -> Kink | None:
        """Of the objective's penalty; None if it is smooth."""
        if not hasattr(objective.penalty, "prox"):
            return None
        return cls(cast(SparsePenalty, objective.penalty), hyper)

    def prox(self, point: Array, step: Array | float) -> Array:
        """The params that a step of this size ends at, (p,)."""
        return self.penalty.prox(point, self.hyper, step)

    def common(self, scale: Array) -> Array:
        """The largest scale in each block, (p,): its prox is known for equal scales only.

        Where blocks are single parameters, and for penalties whose prox takes any step, the scale
        as it is.
        """
        blocks = getattr(self.penalty, "param_blocks", None)
        if blocks is None or self.penalty.is_separable:
            return scale
        largest = np.zeros(int(blocks.max(initial=-1)) + 1)
        inside = blocks >= 0
        np.maximum.at(largest, blocks[inside], scale[inside])
        return np.where(inside, largest[np.maximum(blocks, 0)], scale)
