"""Gauss and Legendre's rule with its tries, and the product rule for steep links."""

import numpy as np
import pytest

from derivata.errors import InvalidParameter
from derivata.integrals.gauss_legendre import GaussLegendre, nodes
from derivata.integrals.links import Identity, Logistic, Softmax
from derivata.integrals.product_rule import link_weights


def test_n_nodes_integrate_polynomials_of_degree_2n_less_1():
    place, weight = nodes(5)
    for degree in range(10):
        assert weight @ place**degree == pytest.approx(1.0 / (degree + 1), rel=1e-13)


def test_tries_double_and_stay_within_what_is_allowed():
    for most in (1, 5, 16, 40, 64, 100, 500):
        tries = GaussLegendre(max_evaluations=most).tries
        assert sum(tries) == most
        assert all(later >= 2 * sooner for sooner, later in zip(tries, tries[1:], strict=False))


def test_only_rows_that_do_not_add_up_get_more_nodes():
    speed = np.array([1.0, 60.0])

    def integral(rows, place):
        weight = nodes(len(place))[1]
        slopes = speed[rows, None] * np.cos(speed[rows, None] * place)
        return (slopes @ weight)[:, None, None]

    values, spent = GaussLegendre().integrate(integral, np.sin(speed)[:, None], 1)
    assert spent.tolist() == [16, 64]
    np.testing.assert_allclose(values[:, 0, 0], np.sin(speed), rtol=1e-6)


def test_how_many_nodes_are_enough_is_told_row_by_row():
    speed, asked = np.array([1.0, 60.0, 1e4]), []

    def sums(rows, count):
        asked.append((rows.tolist(), count))
        place, weight = nodes(count)
        steps = speed[rows, None] * np.cos(speed[rows, None] * place) * weight
        return steps.sum(axis=1)[:, None], np.abs(steps).sum(axis=1)[:, None]

    assert GaussLegendre().enough(sums, np.sin(speed)[:, None]).tolist() == [8, 32, 64]
    assert asked == [([0, 1, 2], 8), ([1, 2], 16), ([1, 2], 32)]
    assert GaussLegendre(max_evaluations=5).doublings == (5,)
    assert GaussLegendre(max_evaluations=100).doublings == (8, 16, 32, 64, 100)


@pytest.mark.parametrize("bad", [{"tol": 0.0}, {"tol": np.nan}, {"max_evaluations": 0}])
def test_settings_that_are_not_positive_are_refused(bad):
    with pytest.raises(InvalidParameter, match=next(iter(bad))):
        GaussLegendre(**bad)


def test_weights_of_a_linear_link_are_the_usual_ones():
    outputs = np.random.default_rng(0).normal(size=(3, 7, 2))
    weights = link_weights(Identity(), outputs, 7)
    np.testing.assert_allclose(weights, nodes(7)[1][None, :, None, None] * np.eye(2) + 0 * weights)


@pytest.mark.parametrize("steepness", [1.0, 30.0, 300.0])
def test_a_steep_link_of_smooth_outputs_needs_no_more_nodes(steepness):
    place, _ = nodes(16)

    def outputs(t):
        return steepness * np.stack([np.sin(t), t - 0.3, 0.2 * np.exp(-t)], axis=-1)

    def slopes(t):
        return steepness * np.stack([np.cos(t), np.ones_like(t), -0.2 * np.exp(-t)], axis=-1)

    for link, k in ((Softmax(), 3), (Logistic(), 2)):
        weights = link_weights(link, outputs(place)[None, :, :k], 16)[0]
        found = np.einsum("nqk,nk->q", weights, slopes(place)[:, :k])
        ends = link.value(outputs(np.array([0.0, 1.0]))[:, :k])
        np.testing.assert_allclose(found, ends[1] - ends[0], atol=1e-9)
