"""The evidence of a network's decays against the dense Gauss-Newton matrix."""

import numpy as np
import pytest

pytest.importorskip("jax")
import jax

from derivata.errors import InvalidParameter, NotAvailable, ShapeMismatch
from derivata.neural.activations import Tanh
from derivata.neural.evidence import class_codes, network_evidence
from derivata.neural.evidence_kronecker import kronecker_effective
from derivata.neural.losses import ManyClasses, SquaredError, TwoClasses
from derivata.neural.network import Inputs, Network
from derivata.neural.rows import Rows

ALPHA = np.array([0.7, 2.0])


def small(loss, n_rows=12, hidden=(4,)):
    rng = np.random.default_rng(5)
    network = Network(n_numbers=3, n_outputs=loss.n_outputs, hidden=hidden, activation=Tanh())
    numbers = rng.standard_normal((n_rows, 3))
    y = {
        "SquaredError": rng.standard_normal(n_rows),
        "TwoClasses": rng.integers(0, 2, n_rows),
        "ManyClasses": np.arange(n_rows) % 3,
    }[type(loss).__name__]
    weight = rng.uniform(0.5, 1.5, n_rows)
    rows = Rows(Inputs(numbers, np.zeros((n_rows, 0), int)), loss.targets(y).astype(float), weight)
    params = network.init(rng)
    params["layers"][0]["bias"] += 0.3
    return network, loss, params, rows


def dense(network, loss, params, rows, alpha):
    """-log evidence and effective parameters from the whole matrix of all weights, and F."""
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda leaf: np.asarray(leaf, float), params)
        weights = [layer["weight"] for layer in wide["layers"]]

        def outputs(weights):
            layers = [
                {"weight": weight, "bias": layer["bias"]}
                for weight, layer in zip(weights, wide["layers"], strict=True)
            ]
            return network.apply({**wide, "layers": layers}, rows.inputs)

        z = outputs(weights)
        each = jax.jit(jax.jacobian(outputs))(weights)
        n_rows, k = z.shape
        J = np.concatenate([np.asarray(one).reshape(n_rows, k, -1) for one in each], axis=2)
    at = loss.classic.at(class_codes(loss, rows), np.asarray(z))
    total = float(rows.weight @ at.value)
    curvature = rows.weight[:, None, None] * at.hessian
    gram = np.einsum("nap,nab,nbq->pq", J, np.broadcast_to(curvature, (n_rows, k, k)), J)
    group = np.repeat(np.arange(len(weights)), [weight.size for weight in weights])
    prior = alpha[group]
    hessian = gram + np.diag(prior)
    squares = np.array([(weight**2).sum() for weight in weights])
    minimum = total + 0.5 * alpha @ squares
    value, phi = minimum, 1.0
    if loss.classic.scale_is_free:
        phi = 2.0 * minimum / rows.weight.sum()
        value = 0.5 * rows.weight.sum() * np.log(phi)
    value += 0.5 * (np.linalg.slogdet(hessian)[1] - np.log(prior).sum())
    share = 1.0 - prior * np.diagonal(np.linalg.inv(hessian))
    return value, np.bincount(group, share), phi


LOSSES = [SquaredError(), TwoClasses(), ManyClasses(3)]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_evidence_is_that_of_the_dense_gauss_newton_matrix(loss):
    problem = small(loss)
    found = network_evidence(*problem, ALPHA)
    value, effective, phi = dense(*problem, ALPHA)
    assert found.value == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(found.effective, effective, rtol=1e-9)
    assert found.phi == pytest.approx(phi, rel=1e-10)
    assert found.column_effective.sum() == pytest.approx(found.effective[0], rel=1e-9)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_derivative_of_the_evidence_is_a_difference_of_its_values(loss):
    problem = small(loss)
    found = network_evidence(*problem, ALPHA)
    for place in range(len(ALPHA)):
        move = 1e-4 * (np.arange(len(ALPHA)) == place)
        above = network_evidence(*problem, ALPHA * np.exp(move)).value
        below = network_evidence(*problem, ALPHA * np.exp(-move)).value
        assert found.by_log_alpha[place] == pytest.approx((above - below) / 2e-4, abs=1e-6)


def test_the_fixed_point_makes_the_derivative_zero_where_effective_parameters_stay():
    found = network_evidence(*small(TwoClasses()), ALPHA)
    fitted = found.fixed_point * found.squares / found.phi
    np.testing.assert_allclose(fitted, found.effective)


def test_random_signs_give_nearly_the_log_determinant_and_never_need_all_outputs():
    network, loss, params, rows = small(ManyClasses(3))
    exact = network_evidence(network, loss, params, rows, ALPHA)
    drawn = [
        network_evidence(
            network, loss, params, rows, ALPHA, signs=1, rng=np.random.default_rng(seed)
        ).effective.sum()
        for seed in range(20)
    ]
    # Unbiased for the matrix, so a concave function of it comes out low.
    assert 0.6 * exact.effective.sum() < np.mean(drawn) < exact.effective.sum()


def test_rows_that_stand_for_all_are_weighted_up():
    network, loss, params, rows = small(TwoClasses())
    twice = jax.tree.map(lambda leaf: np.concatenate([leaf, leaf]), rows)
    half = network_evidence(network, loss, params, twice, ALPHA, sampled=np.arange(12))
    whole = network_evidence(network, loss, params, twice, ALPHA)
    assert half.value == pytest.approx(whole.value, rel=1e-9)


def test_kronecker_factors_are_exact_for_one_row_of_a_linear_network():
    network, loss, params, rows = small(TwoClasses(), n_rows=1, hidden=())
    alpha = np.array([0.4])
    exact = network_evidence(network, loss, params, rows, alpha)
    counted = kronecker_effective(network, loss, params, rows, alpha)
    np.testing.assert_allclose(counted.layers, exact.effective, rtol=1e-9)
    np.testing.assert_allclose(counted.columns, exact.column_effective, rtol=1e-9)


def test_kronecker_factors_count_too_many_parameters():
    problem = small(TwoClasses())
    exact = network_evidence(*problem, ALPHA).effective.sum()
    assert kronecker_effective(*problem, ALPHA).layers.sum() > exact


def test_a_decay_that_is_missing_or_not_positive_is_refused():
    problem = small(TwoClasses())
    with pytest.raises(ShapeMismatch, match="2 layers"):
        network_evidence(*problem, np.ones(3))
    with pytest.raises(InvalidParameter, match="positive"):
        network_evidence(*problem, np.array([1.0, 0.0]))


def test_a_matrix_too_large_is_refused_with_the_cure():
    network, loss, params, rows = small(ManyClasses(3), n_rows=3001)
    with pytest.raises(NotAvailable, match="signs=1"):
        network_evidence(network, loss, params, rows, ALPHA)
