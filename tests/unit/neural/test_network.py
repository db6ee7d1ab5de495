"""A network's shape, first weights and outputs."""

import jax
import numpy as np
import pytest

from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.neural.activations import ACTIVATIONS, ReLU
from derivata.neural.network import Inputs, Network
from tests.neural_cases import inputs, network


def test_outputs_are_those_of_the_formula():
    net = network(scaled=True)
    params = net.init(np.random.default_rng(0))
    params["scale"][:] = np.linspace(0.5, 2.0, 6)
    read = inputs(7)
    values = np.hstack([read.numbers, params["embeddings"][0][read.codes[:, 0]]]) * params["scale"]
    for layer in params["layers"][:-1]:
        values = np.maximum(values @ layer["weight"] + layer["bias"], 0.0)
    expected = values @ params["layers"][-1]["weight"] + params["layers"][-1]["bias"]
    np.testing.assert_allclose(net.apply(params, read), expected, rtol=1e-6)


def test_one_row_gives_the_outputs_it_has_among_others():
    net, read = network(), inputs(7)
    params = net.init(np.random.default_rng(0))
    one = net.apply(params, read.take(3))
    assert one.shape == (1,)
    np.testing.assert_allclose(one, net.apply(params, read)[3], rtol=1e-5)


def test_n_params_counts_every_number():
    for net in (network(), network(scaled=True), network(hidden=())):
        leaves = jax.tree.leaves(net.init(np.random.default_rng(0)))
        assert net.n_params == sum(leaf.size for leaf in leaves)


def test_first_weights_keep_the_size_of_what_flows_through():
    net = Network(n_numbers=200, n_outputs=200, hidden=(400, 400, 400))
    params = net.init(np.random.default_rng(0))
    rows = np.random.default_rng(1).standard_normal((200, 200))
    outputs = net.apply(params, Inputs(rows, np.zeros((200, 0), np.int32)))
    assert 0.08 < np.sqrt((outputs**2).mean()) < 0.12  # a tenth: the last layer starts small


def test_the_level_of_the_unseen_starts_at_zero_and_the_last_bias_at_the_constant():
    params = network().init(np.random.default_rng(0), constant=np.array([0.7]))
    assert (params["embeddings"][0][-1] == 0).all()
    assert params["layers"][-1]["bias"] == np.float32(0.7)
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(params))


def test_a_network_is_found_again_by_its_description():
    assert hash(network()) == hash(network())
    assert network() == network() != network(hidden=(8,))


@pytest.mark.parametrize("activation", [kind() for kind in ACTIVATIONS], ids=repr)
def test_gains_are_one_over_the_root_of_the_mean_square(activation):
    nodes, weights = np.polynomial.hermite_e.hermegauss(180)
    mean_square = weights @ activation(nodes) ** 2 / weights.sum()
    assert activation.gain == pytest.approx(mean_square**-0.5, rel=2e-5)


@pytest.mark.parametrize(
    "activation, named",
    [(kind(), getattr(jax.nn, kind.__name__.lower())) for kind in ACTIVATIONS],
    ids=lambda value: getattr(value, "__name__", repr(value)),
)
def test_activations_and_their_slopes_are_those_of_jax(activation, named):
    # Below -40 exponentials are held: some 1e-15 in place of zero.
    values = np.array([-300.0, -50.0, -3.0, -0.1, 0.2, 5.0, 60.0, 400.0])
    with jax.enable_x64(True):
        np.testing.assert_allclose(activation(values), named(values), rtol=1e-13, atol=2e-15)
        slope, expected = (jax.vmap(jax.grad(f))(values) for f in (activation, named))
        np.testing.assert_allclose(slope, expected, rtol=1e-12, atol=1e-16)


def test_relu_is_flat_at_zero():
    assert jax.grad(ReLU())(0.0) == 0.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden": [8]},
        {"hidden": (0,)},
        {"hidden": (True,)},
        {"levels": (3, 4)},
        {"n_outputs": 0},
        {"n_numbers": 0, "levels": (), "widths": ()},
    ],
    ids=repr,
)
def test_impossible_shapes_are_refused(wrong):
    values = {"n_numbers": 4, "n_outputs": 1, "levels": (3,), "widths": (2,)} | wrong
    with pytest.raises(InvalidParameter, match="whole numbers|both"):
        Network(**values)


def test_inputs_of_other_columns_are_refused():
    with pytest.raises(ShapeMismatch, match="3 numbers and 1 codes"):
        network().require(Inputs(np.zeros((2, 3)), np.zeros((2, 1), int)))
