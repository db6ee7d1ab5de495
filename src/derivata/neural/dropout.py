"""Dropout: each hidden unit of each row left out with some chance, and the others made larger.

    values * keep / (1 - rate),    keep_ij = hash(seed, i, j) >= rate 2^32

The random bits are a hash of the place of the number: a few multiplications, where JAX's own
generator would cost more than the layer. The mixing function is the last step of MurmurHash3
(A. Appleby), in which every bit of the input flips every bit of the result about half of the time.

Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov (2014), JMLR 15, 1929-1958.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

# An odd number near 2^32 over the golden ratio: neighbouring places are far apart before mixing.
SPREAD = 0x9E3779B9


def dropout(seed: Any, rate: Any) -> Callable[[Any, int], Any]:
    """What `Network.apply` takes as ``drop``: a function of hidden values and their layer.

    Parameters
    ----------
    seed : uint32 number           another one for each step
    rate : float32 number          in [0, 1)
    """
    threshold = (rate * 2.0**32).astype(jnp.uint32)

    def drop(values: Any, layer: int) -> Any:
        place = jax.lax.broadcasted_iota(jnp.uint32, values.shape, 0) * jnp.uint32(
            values.shape[1]
        ) + jax.lax.broadcasted_iota(jnp.uint32, values.shape, 1)
        bits = mixed(
            place * jnp.uint32(SPREAD) + seed + jnp.uint32(layer * 0x85EBCA77 & 0xFFFFFFFF)
        )
        return jnp.where(bits >= threshold, values / (1.0 - rate), 0.0)

    return drop


def mixed(bits: Any) -> Any:
    """Each 32-bit integer as another one, one to one, without a trace of its order."""
    bits = bits ^ (bits >> 16)
    bits = bits * jnp.uint32(0x85EBCA6B)
    bits = bits ^ (bits >> 13)
    bits = bits * jnp.uint32(0xC2B2AE35)
    return bits ^ (bits >> 16)
