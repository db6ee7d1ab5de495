"""A strength for every layer of a network, and what is not a network."""

import numpy as np
import pytest

from derivata.errors import InvalidParameter
from derivata.penalties import FREE, weight_decay

NETWORK = {
    "layers": [
        {"weight": (3, 2), "bias": (2,)},
        {"weight": (2, 1), "bias": (1,)},
    ],
    "embeddings": [(4, 2), None],
}


def test_weights_have_a_strength_each_and_biases_none():
    penalty = weight_decay(NETWORK)
    # Keys are sorted, as JAX flattens them: embeddings, then of each layer the bias first.
    expected = [0] * 8 + [FREE] * 2 + [1] * 6 + [FREE] + [2] * 2
    assert penalty.groups.tolist() == expected
    assert penalty.hyper_names == ("embeddings.0", "layers.0.weight", "layers.1.weight")


def test_biases_share_the_strength_of_the_weights_beside_them():
    penalty = weight_decay(NETWORK, biases=True)
    assert penalty.groups.tolist() == [0] * 8 + [1] * 8 + [2] * 3


def test_arrays_and_their_shapes_mean_the_same():
    arrays = {
        "layers": [
            {"weight": np.ones((3, 2)), "bias": np.ones(2)},
            {"weight": np.ones((2, 1)), "bias": np.ones(1)},
        ],
        "embeddings": [np.ones((4, 2)), None],
    }
    assert np.array_equal(weight_decay(arrays).groups, weight_decay(NETWORK).groups)


def test_the_order_is_that_of_jax():
    flatten_util = pytest.importorskip("jax.flatten_util")
    rng = np.random.default_rng(0)
    params = {
        "layers": [{"weight": rng.random((3, 2)), "bias": np.zeros(2)}],
        "embeddings": [rng.random((4, 2))],
    }
    flat = np.asarray(flatten_util.ravel_pytree(params)[0])
    penalty = weight_decay(params)
    weights = np.sort(np.concatenate([params["embeddings"][0].ravel(), *_weights(params)]))
    assert np.allclose(np.sort(flat[penalty.penalised]), weights, rtol=1e-6)


def _weights(params):
    return [layer["weight"].ravel() for layer in params["layers"]]


def test_what_holds_no_weights_is_refused():
    with pytest.raises(InvalidParameter, match="`params` holds no weights"):
        weight_decay([{"bias": (3,)}])
    with pytest.raises(InvalidParameter, match=r"`params` holds 'many' at 'layers.0'"):
        weight_decay({"layers": ["many"]})
