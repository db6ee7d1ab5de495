"""Links: Jacobians against differences, and links of several networks against what they average."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from derivata.integrals.links import (
    Composed,
    Exponential,
    Identity,
    Logistic,
    LogOddsOfMean,
    MeanOfOutputs,
    MeanOfResponses,
    ScoresOfMean,
    Softmax,
)

LINKS = {
    "identity": (Identity(), 3),
    "exponential": (Exponential(), 2),
    "logistic": (Logistic(), 2),
    "softmax": (Softmax(), 4),
    "mean of outputs": (MeanOfOutputs(3), 6),
    "mean of probabilities": (MeanOfResponses(Softmax(), 2), 6),
    "mean of means": (MeanOfResponses(Exponential(), 3), 3),
    "log-odds of the mean": (LogOddsOfMean(3), 3),
    "scores of the mean": (ScoresOfMean(2), 6),
    "one after another": (Composed(Softmax(), MeanOfOutputs(2)), 6),
}


@pytest.mark.parametrize("name", LINKS)
def test_jacobians_are_the_slopes_of_values(name):
    link, k = LINKS[name]
    outputs = np.random.default_rng(0).normal(size=(5, k))
    jacobian = link.jacobian(outputs)
    for a in range(k):
        step = np.zeros(k)
        step[a] = 1e-6
        slope = (link.value(outputs + step) - link.value(outputs - step)) / 2e-6
        np.testing.assert_allclose(jacobian[:, :, a], slope, atol=1e-8)


@pytest.mark.parametrize("name", LINKS)
def test_linear_links_are_those_whose_jacobian_does_not_move(name):
    link, k = LINKS[name]
    outputs = np.random.default_rng(1).normal(size=(2, k))
    constant = np.allclose(link.jacobian(outputs), link.jacobian(outputs + 1.0 + np.arange(k)))
    assert link.is_linear == constant


def test_scores_and_log_odds_are_those_of_averaged_probabilities():
    outputs = np.random.default_rng(2).normal(size=(4, 3, 5))
    mean = softmax(outputs, axis=2).mean(axis=1)
    logs = np.log(mean)
    found = ScoresOfMean(3).value(outputs.reshape(4, 15))
    np.testing.assert_allclose(found, logs - logs.mean(axis=1, keepdims=True), atol=1e-14)
    second = expit(outputs[:, :, 0]).mean(axis=1)
    found = LogOddsOfMean(3).value(outputs[:, :, 0])
    np.testing.assert_allclose(found[:, 0], np.log(second / (1.0 - second)), atol=1e-13)


def test_outputs_far_out_give_finite_numbers():
    far = np.array([[800.0, -800.0]])
    for link in (Exponential(), Logistic(), Softmax(), LogOddsOfMean(2)):
        assert np.isfinite(link.value(far)).all() and np.isfinite(link.jacobian(far)).all()
