"""Expected values under a normal error of the output, against adaptive quadrature."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, logit

from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.integrals.expectation import (
    expected_exp,
    expected_sigmoid,
    expected_sigmoid_slopes,
    normal_expectation,
)
from derivata.integrals.expectation_many import expected_outputs, kronecker_normals

DEVIATIONS = (0.01, 0.5, 1.0, 1.0001, 1.7, 3.0, 8.0, 40.0, 1000.0)


def adaptive(function, mean, deviation):
    """The integral in pieces that meet where the sigmoid turns, each to rounding."""

    def integrand(u):
        return function(mean + deviation * u, u) * np.exp(-0.5 * u * u) / np.sqrt(2.0 * np.pi)

    turns = (np.array([-40.0, -5.0, 0.0, 5.0, 40.0]) - mean) / deviation
    ends = np.unique(np.clip([-12.0, 12.0, 0.0, deviation, *turns], -12.0, 12.0))
    pieces = zip(ends[:-1], ends[1:], strict=True)
    return sum(quad(integrand, a, b, epsabs=1e-17, epsrel=1e-12, limit=300)[0] for a, b in pieces)


def slope(z):
    return expit(z) * expit(-z)


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")  # at 1e-17, by rounding
@pytest.mark.parametrize("deviation", DEVIATIONS)
def test_the_expected_sigmoid_is_exact_for_any_mean_and_deviation(deviation):
    reach = 5.0 * deviation + 6.0
    means = np.array([*np.linspace(-reach, reach, 9), deviation**2, -0.5 * deviation**2, 0.0])
    by_mean, by_deviation = expected_sigmoid_slopes(means, np.array(deviation))
    wanted = [adaptive(lambda z, u: expit(z), mean, deviation) for mean in means]
    np.testing.assert_allclose(expected_sigmoid(means, deviation), wanted, rtol=0, atol=1e-14)
    wanted = [adaptive(lambda z, u: slope(z), mean, deviation) for mean in means]
    np.testing.assert_allclose(by_mean, wanted, rtol=0, atol=2e-13)
    wanted = [adaptive(lambda z, u: u * slope(z), mean, deviation) for mean in means]
    np.testing.assert_allclose(by_deviation, wanted, rtol=0, atol=2e-13)


def test_without_uncertainty_the_expected_sigmoid_is_the_sigmoid():
    outputs = np.linspace(-30.0, 30.0, 7)
    np.testing.assert_allclose(expected_sigmoid(outputs, 0.0), expit(outputs), rtol=1e-14)


def test_small_probabilities_keep_their_digits():
    # Far below, the sigmoid is an exponential.
    means = np.array([-40.0, -100.0, -300.0])
    np.testing.assert_allclose(expected_sigmoid(means, 0.8), expected_exp(means, 0.8), rtol=1e-13)


def test_the_probit_formula_is_off_where_the_quadrature_is_not():
    mean, deviation = np.meshgrid(np.linspace(-20.0, 20.0, 81), np.linspace(0.5, 8.0, 16))
    probit = expit(mean / np.sqrt(1.0 + np.pi * deviation**2 / 8.0))
    apart = np.abs(probit - expected_sigmoid(mean, deviation))
    assert 0.01 < apart.max() < 0.02


def test_uncertainty_pulls_probabilities_to_a_half():
    means = np.linspace(-6.0, 6.0, 25)
    sure, unsure = expected_sigmoid(means, 1.0), expected_sigmoid(means, 2.0)
    assert (np.abs(unsure - 0.5) <= np.abs(sure - 0.5)).all()
    np.testing.assert_allclose(unsure + unsure[::-1], 1.0, atol=1e-15)


def test_means_and_deviations_broadcast_in_any_number():
    mean, deviation = np.zeros((3, 1)), np.linspace(0.0, 3.0, 5)
    assert expected_sigmoid(mean, deviation).shape == (3, 5)
    assert expected_sigmoid(np.zeros(20_000), 2.0).shape == (20_000,)
    assert expected_sigmoid(np.zeros(0), 1.0).shape == (0,)


def test_the_generic_rule_integrates_smooth_functions():
    mean, deviation = np.array([-1.0, 0.3]), np.array([0.2, 1.4])
    square = normal_expectation(lambda z: z * z, mean, deviation)
    np.testing.assert_allclose(square, mean**2 + deviation**2, rtol=1e-13)
    grown = normal_expectation(np.exp, mean, deviation)
    np.testing.assert_allclose(grown, expected_exp(mean, deviation), rtol=1e-12)
    finer = normal_expectation(expit, mean, 4.0 * deviation, step=0.05)
    np.testing.assert_allclose(finer, expected_sigmoid(mean, 4.0 * deviation), atol=1e-13)


@pytest.mark.parametrize(
    ("mean", "deviation", "says"),
    [([0.0, 1.0], [1.0, -1e-9], "at (1,)"), ([np.nan], [1.0], "nan"), ([0.0], [np.inf], "inf")],
)
def test_what_is_no_deviation_is_refused_with_its_place(mean, deviation, says):
    with pytest.raises(InvalidParameter, match="deviation") as said:
        expected_sigmoid(np.array(mean), np.array(deviation))
    assert says in str(said.value)


def test_shapes_that_do_not_meet_are_refused():
    with pytest.raises(ShapeMismatch, match="broadcast"):
        expected_sigmoid(np.zeros(3), np.ones(2))
    with pytest.raises(InvalidParameter, match="`step`"):
        normal_expectation(np.exp, np.zeros(1), np.ones(1), step=2.0)


# several outputs


def softmax(outputs):
    scores = np.column_stack([np.zeros(len(outputs)), outputs])
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def some(n_outputs, size, n_rows=8):
    rng = np.random.default_rng(n_outputs)
    half = size * rng.standard_normal((n_rows, n_outputs, n_outputs)) / n_outputs**0.5
    return 2.0 * rng.standard_normal((n_rows, n_outputs)), half @ half.swapaxes(1, 2)


def test_one_output_is_the_case_of_one_sigmoid():
    mean, covariance = some(1, 2.0)
    expected = expected_outputs(expit, mean, covariance)[:, 0]
    deviation = np.sqrt(covariance[:, 0, 0])
    np.testing.assert_allclose(expected, expected_sigmoid(mean[:, 0], deviation), atol=1e-12)


@pytest.mark.parametrize(("n_outputs", "within"), [(2, 1e-6), (3, 3e-3), (6, 5e-3)])
def test_expected_probabilities_agree_with_many_more_points(n_outputs, within):
    mean, covariance = some(n_outputs, 1.0)
    expected = expected_outputs(softmax, mean, covariance)
    points = kronecker_normals(2**16, n_outputs)
    points = np.concatenate([points, -points])
    values, vectors = np.linalg.eigh(covariance)
    for row, own in enumerate(expected):
        z = mean[row] + points @ (vectors[row] * np.sqrt(np.maximum(values[row], 0.0))).T
        np.testing.assert_allclose(own, softmax(z).mean(axis=0), atol=max(within, 2e-4))
    np.testing.assert_allclose(expected.sum(axis=1), 1.0, rtol=1e-12)


def test_linear_functions_of_outputs_are_exact():
    for n_outputs in (1, 2, 4):
        mean, covariance = some(n_outputs, 3.0)
        np.testing.assert_allclose(
            expected_outputs(lambda z: 3.0 * z - 1.0, mean, covariance), 3.0 * mean - 1.0, atol=1e-9
        )


def test_a_covariance_of_rank_one_is_one_uncertain_number():
    # Both outputs move together: softmax of (0, z, z) is 1 / (1 + 2 exp z), a sigmoid.
    mean, covariance = np.full((1, 2), 0.7), np.full((1, 2, 2), 1.5)
    first = expected_outputs(softmax, mean, covariance)[0, 0]
    wanted = expected_sigmoid(-(0.7 + np.log(2.0)), np.sqrt(1.5))
    np.testing.assert_allclose(first, wanted, atol=1e-7)
    assert logit(first) > -(0.7 + np.log(2.0))


def test_what_is_no_covariance_is_refused():
    mean, covariance = some(2, 1.0)
    with pytest.raises(ShapeMismatch, match="n, k, k"):
        expected_outputs(softmax, mean, covariance[:, 0])
    covariance[3] = [[1.0, 2.0], [2.0, 1.0]]
    with pytest.raises(InvalidParameter, match="row 3 .* eigenvalue -1"):
        expected_outputs(softmax, mean, covariance)
    covariance[3] = np.nan
    with pytest.raises(InvalidParameter, match="row 3"):
        expected_outputs(softmax, mean, covariance)
