"""Hypergradients of small networks: against refits, and refused where they mean nothing."""

import numpy as np
import pytest

pytest.importorskip("jax")

from derivata.criteria.evidence import Evidence
from derivata.criteria.resampling import HoldOut
from derivata.errors import InvalidParameter, NotAvailable, NotConverged
from derivata.neural.activations import Tanh
from derivata.neural.hypergradient import network_hypergradient, network_objective
from derivata.neural.losses import SquaredError
from derivata.neural.network import Inputs, Network
from derivata.neural.rows import Rows

ALPHA = np.array([0.05, 0.1])


def small():
    rng = np.random.default_rng(2)
    numbers = rng.standard_normal((40, 3))
    y = np.sin(2.0 * numbers[:, 0]) * numbers[:, 1] + 0.3 * rng.standard_normal(40)
    loss = SquaredError()
    network = Network(n_numbers=3, n_outputs=1, hidden=(3,), activation=Tanh())
    rows = Rows(Inputs(numbers, np.zeros((40, 0), int)), loss.targets(y), np.ones(40))
    return network, loss, network.init(rng), rows


@pytest.mark.parametrize("criterion", [HoldOut(), Evidence()], ids=lambda one: one.name)
def test_hypergradient_is_the_slope_between_refits(criterion):
    found = network_hypergradient(*small(), ALPHA, criterion, distance=1e-3)
    assert found.disagreement < 1e-4


def test_the_network_as_an_objective_has_a_decay_for_each_layer():
    network, loss, params, rows = small()
    objective = network_objective(network, loss, params, rows)
    expansion = objective.at(objective.predictor.reference, np.log(ALPHA))
    weights = [layer["weight"].astype(float) for layer in params["layers"]]
    expected = 0.5 * sum(a * (w**2).sum() for a, w in zip(ALPHA, weights, strict=True))
    assert expansion.penalty_value == pytest.approx(expected, rel=1e-12)
    losses = np.asarray(loss.rows(network.apply(params, rows.inputs), rows.targets, 0.0))
    assert expansion.loss_value == pytest.approx(losses.sum(), rel=1e-5)


def test_slopes_that_disagree_are_refused():
    with pytest.raises(NotAvailable, match="two refits"):
        network_hypergradient(*small(), ALPHA, HoldOut(), distance=0.5, tolerance=1e-9)


def test_a_network_that_reaches_no_minimum_is_refused():
    with pytest.raises(NotConverged, match="did not reach a minimum"):
        network_hypergradient(*small(), 1e-9 * ALPHA, HoldOut(), max_iter=2)


def test_a_large_network_is_refused_with_the_cure():
    network = Network(n_numbers=3, n_outputs=1, hidden=(600,))
    _, loss, _, rows = small()
    params = network.init(np.random.default_rng(0))
    with pytest.raises(NotAvailable, match="LayerEvidence"):
        network_hypergradient(network, loss, params, rows, ALPHA, HoldOut())


def test_a_decay_that_is_not_positive_is_refused():
    with pytest.raises(InvalidParameter, match="positive"):
        network_hypergradient(*small(), np.zeros(2), HoldOut())
