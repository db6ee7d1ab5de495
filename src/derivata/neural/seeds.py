"""One seed, many independent generators: one for each purpose and number.

Nothing is drawn in sequence, so epoch 40 has the same order whether training ran through or was
resumed.
"""

from __future__ import annotations

import numpy as np

# What the seed of a fit is for.
WEIGHTS, ORDER, DROPS, HOLD_OUT = 0, 1, 2, 3


def generator(seed: int, purpose: int, number: int = 0) -> np.random.Generator:
    """Random numbers for one purpose and, say, one epoch, independent of all others of the seed."""
    return np.random.default_rng([seed, purpose, number])
