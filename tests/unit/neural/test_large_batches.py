"""Batches too large for the cache are taken in parts: the same sum, padding counts for nothing."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from derivata.neural import epochs


@pytest.mark.parametrize("n_rows", [1_000, 1_024, 1_025, 1_536, 2_100])
def test_the_sum_over_parts_is_that_over_the_whole_batch(n_rows):
    rng = np.random.default_rng(n_rows)
    values = np.append(rng.normal(size=n_rows), 0.0).astype(np.float32)
    chosen = jnp.asarray(rng.permutation(n_rows).astype(np.int32))

    def of_part(rows, seed):
        picked = jnp.asarray(values)[rows]
        return picked.sum(), {"weight": (picked * picked).sum()}

    value, gradient = epochs.in_parts(of_part, chosen, jnp.uint32(0), n_rows)
    np.testing.assert_allclose(value, values.sum(dtype=float), atol=1e-3)
    np.testing.assert_allclose(gradient["weight"], (values.astype(float) ** 2).sum(), rtol=1e-5)


def test_each_part_drops_units_of_its_own():
    seeds = []

    def of_part(rows, seed):
        seeds.append(seed)
        return jnp.float32(seed), {"weight": jnp.float32(0.0)}

    value, _ = epochs.in_parts(of_part, jnp.arange(1_536), jnp.uint32(7), 1_536)
    assert float(value) == 7 + 8 + 9
