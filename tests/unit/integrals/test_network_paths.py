"""Integrated gradients of networks: against brute force, and complete."""

import numpy as np
import pytest

from derivata.integrals.activations import ACTIVATIONS
from derivata.integrals.bent_pieces import bent_integral
from derivata.integrals.by_shape import integrate
from derivata.integrals.gauss_legendre import GaussLegendre
from derivata.integrals.kinks import BetweenKinks, kinks, pieces
from derivata.integrals.links import (
    Identity,
    Logistic,
    LogOddsOfMean,
    MeanOfOutputs,
    MeanOfResponses,
    ScoresOfMean,
    Softmax,
)
from derivata.integrals.shapes import SmoothOutputs
from derivata.integrals.smooth_path import function_integral, network_integral
from derivata.integrals.straight_pieces import piecewise_integral
from tests.unit.integrals.networks import brute_force, plain_outputs, random_paths, random_shape

SMOOTH = [name for name, one in ACTIVATIONS.items() if not one.is_piecewise_linear]
LINKS = [
    (1, Identity()),
    (1, Softmax()),
    (2, MeanOfOutputs(2)),
    (2, MeanOfResponses(Softmax(), 2)),
    (2, ScoresOfMean(2)),
]


@pytest.mark.parametrize("activation", ["relu", "identity", "selu", "tanh"])
def test_paths_give_the_networks_own_outputs(activation):
    path = random_paths(activation)[0]
    row, t = np.array([0, 1, 3, 3]), np.array([0.0, 0.4, 0.9, 1.0])
    x = path.start[row] + t[:, None] * path.step[row]
    np.testing.assert_allclose(path.outputs(row, t), plain_outputs(path, x), atol=1e-13)


@pytest.mark.parametrize("activation", ["relu", "selu"])
def test_kinks_are_where_units_change_sides(activation):
    path = random_paths(activation, m=3)[0]
    row, t = kinks(path)
    place = np.linspace(0.0, 1.0, 20_001)
    for number in range(3):
        sums = path.sums(np.full(len(place), number), place, len(path.layers) - 1)
        sides = np.concatenate([one > 0.0 for one in sums], axis=1)
        changed = (sides[1:] != sides[:-1]).sum(axis=1)
        assert changed.sum() == (row == number).sum()
        found = np.histogram(t[row == number], place)[0]
        np.testing.assert_array_equal(found, changed)


def test_a_network_without_kinks_is_one_piece():
    path = random_paths("identity")[0]
    row, begin, end = pieces(4, [kinks(path)])
    assert row.tolist() == [0, 1, 2, 3] and (begin == 0.0).all() and (end == 1.0).all()


@pytest.mark.parametrize(("n_members", "link"), LINKS)
def test_relu_networks_are_integrated_exactly(n_members, link):
    paths = random_paths("relu", n_members=n_members)
    found = piecewise_integral(paths, link)
    assert found.completeness_error.max() < 1e-13
    np.testing.assert_allclose(found.values, brute_force(paths, link), atol=2e-4)


@pytest.mark.parametrize(("n_members", "link"), LINKS)
def test_selu_networks_are_integrated_between_their_kinks(n_members, link):
    paths = random_paths("selu", n_members=n_members)
    found = bent_integral(paths, link, GaussLegendre())
    assert found.completeness_error.max() < 1e-8
    np.testing.assert_allclose(found.values, brute_force(paths, link), atol=2e-4)


def test_a_kink_that_was_overlooked_is_found_by_halving(monkeypatch):
    paths = random_paths("selu", (6, 30, 30, 30, 1), m=10)
    expected = bent_integral(paths, Identity(), GaussLegendre())
    none = np.zeros(0, int), np.zeros(0)
    monkeypatch.setattr("derivata.integrals.bent_pieces.kinks", lambda path: none)
    found = bent_integral(paths, Identity(), GaussLegendre())
    assert found.completeness_error.max() < 1e-5  # of every piece a tenth of what a row may have
    np.testing.assert_allclose(found.values, expected.values, atol=1e-4)
    assert found.n_evaluations.sum() > expected.n_evaluations.sum()


@pytest.mark.parametrize("sizes", [(5, 1), (5, 400, 1), (5, 12, 12, 12, 12, 12, 12, 1)])
def test_relu_networks_of_any_depth_are_complete(sizes):
    path = random_paths("relu", sizes, m=7)[0]
    for link in (Identity(), Logistic()):
        found = piecewise_integral([path], link)
        size = np.abs(found.values).sum(axis=1).max()
        assert found.completeness_error.max() < 1e-13 * max(size, 1.0)


@pytest.mark.parametrize("activation", sorted(set(SMOOTH) - {"selu"}))
@pytest.mark.parametrize(("n_members", "link"), LINKS)
def test_smooth_networks_are_complete_to_1e_6_within_64_gradients(activation, n_members, link):
    paths = random_paths(activation, m=20, n_members=n_members)
    found = network_integral(paths, link, GaussLegendre())
    change = np.abs(found.end - found.start)
    assert (found.completeness_error <= 1e-6 * change).all()
    assert found.n_evaluations.max() <= 64


def test_smooth_networks_are_integrated_as_by_brute_force():
    for n_members, link in LINKS:
        paths = random_paths("tanh", m=2, n_members=n_members)
        found = network_integral(paths, link, GaussLegendre(1e-10, 200))
        np.testing.assert_allclose(found.values, brute_force(paths, link), atol=1e-7)


def test_rows_do_not_depend_on_their_neighbours(monkeypatch):
    from derivata.integrals import smooth_path, straight_pieces

    shape = random_shape("relu", Softmax())
    smooth = random_shape("tanh", Softmax())
    rng = np.random.default_rng(5)
    start, end = rng.normal(size=(2, 9, 6))
    whole = [integrate(one, start, end, response=True).values for one in (shape, smooth)]
    monkeypatch.setattr(straight_pieces, "BLOCK", 1)  # a row at a time
    monkeypatch.setattr(smooth_path, "BLOCK", 1)
    each = [integrate(one, start, end, response=True).values for one in (shape, smooth)]
    np.testing.assert_allclose(each[0], whole[0], atol=1e-15)
    np.testing.assert_allclose(each[1], whole[1], atol=1e-14)


def test_a_function_with_a_gradient_is_integrated_like_the_network_that_it_is():
    path = random_paths("tanh", (4, 10, 2))[0]

    def gradient(x):
        row = np.arange(len(x))
        alone = type(path)(path.layers, path.activation, x, np.zeros_like(x))
        slopes, outputs = alone.slopes(row, np.zeros(len(x)))
        each = []
        for output in range(2):
            cotangent = np.zeros_like(outputs)
            cotangent[:, output] = 1.0
            each.append(alone.pulled_back(slopes, cotangent) @ path.layers[0][0].T)
        return np.stack(each, axis=1)

    end = path.start + path.step
    for link in (Identity(), Softmax()):
        expected = network_integral([path], link, GaussLegendre(1e-9))
        found = function_integral(
            lambda x: plain_outputs(path, x), gradient, path.start, end, link, GaussLegendre(1e-9)
        )
        np.testing.assert_allclose(found.values, expected.values, atol=1e-12)
        assert found.completeness_error.max() < 1e-8


def test_a_quadratic_function_needs_one_try():
    shape = SmoothOutputs(
        ("a", "b"),
        lambda x: (x[:, :1] * x[:, 1:]) + x[:, :1] ** 2,
        lambda x: np.stack([x[:, 1] + 2 * x[:, 0], x[:, 0]], axis=1)[:, None],
        np.asarray,
    )
    start, end = np.zeros((1, 2)), np.array([[2.0, 3.0]])
    found = integrate(shape, start, end, response=False)
    np.testing.assert_allclose(found.values[0, :, 0], [7.0, 3.0], rtol=1e-14)
    assert found.n_evaluations.tolist() == [16]


def test_the_rule_is_chosen_by_the_activation_unless_given():
    start, end = np.zeros((2, 6)), np.ones((2, 6))
    relu, tanh = random_shape("relu", Softmax()), random_shape("tanh", Softmax())
    assert "kinks" in integrate(relu, start, end, response=False).method
    assert "Gauss" in integrate(tanh, start, end, response=False).method
    selu = random_shape("selu", Softmax())
    assert "between the kinks" in integrate(selu, start, end, response=False).method
    smooth = integrate(tanh, start, end, response=False, rule=BetweenKinks())
    assert smooth.completeness_error.max() < 1e-5
    coarse = integrate(relu, start, end, response=False, rule=GaussLegendre(max_evaluations=8))
    exact = integrate(relu, start, end, response=False, rule=BetweenKinks())
    assert coarse.n_evaluations.tolist() == [8, 8]
    assert coarse.completeness_error.max() > 1e-6 > exact.completeness_error.max()


def test_averages_of_two_classes_are_explained_on_their_log_odds():
    paths = random_paths("relu", (6, 15, 1), n_members=3)
    for link in (LogOddsOfMean(3), MeanOfResponses(Logistic(), 3)):
        found = piecewise_integral(paths, link)
        assert found.completeness_error.max() < 1e-13
        np.testing.assert_allclose(found.values, brute_force(paths, link), atol=2e-4)
