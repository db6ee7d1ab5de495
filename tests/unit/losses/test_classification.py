"""Softmax in contrasts: nothing is lost against K scores, and two classes are logistic."""

import numpy as np
import pytest

from derivata.errors import InvalidParameter
from derivata.losses import LogisticLoss, SoftmaxLoss
from derivata.losses.classification import helmert


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_contrasts_are_orthonormal_and_orthogonal_to_the_constant(n_classes):
    contrasts = helmert(n_classes)
    assert np.abs(contrasts @ contrasts.T - np.eye(n_classes - 1)).max() < 1e-15 * n_classes
    assert np.abs(contrasts.sum(axis=1)).max() < 1e-15 * n_classes


def test_contrasts_give_the_loss_of_the_scores_they_stand_for():
    rng = np.random.default_rng(0)
    loss = SoftmaxLoss(4)
    scores = rng.standard_normal((20, 4))
    y = rng.integers(0, 4, 20).astype(float)
    # The constant part of the scores changes nothing.
    value = loss.at(y, (scores + rng.standard_normal((20, 1))) @ loss.contrasts.T).value
    truth = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(20), y.astype(int)]
    assert value == pytest.approx(truth, rel=1e-13)


def test_a_ridge_on_contrasts_is_the_ridge_on_scores_that_sum_to_zero():
    coefs = np.random.default_rng(0).standard_normal((3, 5))
    scores = SoftmaxLoss(4).contrasts.T @ coefs
    assert np.sum(scores**2) == pytest.approx(np.sum(coefs**2), rel=1e-14)
    assert np.abs(scores.sum(axis=0)).max() < 1e-14


def test_softmax_of_two_classes_is_logistic_in_other_units():
    rng = np.random.default_rng(0)
    z, y = 3.0 * rng.standard_normal((30, 1)), rng.integers(0, 2, 30).astype(float)
    # Scores (z, -z) / sqrt 2 differ by sqrt 2 z in favour of class 0.
    softmax = SoftmaxLoss(2).at(y, z)
    logistic = LogisticLoss().at(1.0 - y, np.sqrt(2.0) * z)
    one = np.ones((30, 1, 1))
    assert softmax.value == pytest.approx(logistic.value, rel=1e-12)
    assert np.abs(softmax.gradient - np.sqrt(2.0) * logistic.gradient).max() < 1e-14
    assert np.abs(softmax.hessian - 2.0 * logistic.hessian).max() < 1e-14
    assert np.abs(softmax.third(one) - np.sqrt(8.0) * logistic.third(one)).max() < 1e-14


def test_logistic_keeps_its_digits_where_probabilities_round_to_one():
    z = np.array([[-700.0], [-40.0], [40.0], [700.0]])
    rows = LogisticLoss().at(np.array([0.0, 0.0, 1.0, 1.0]), z)
    assert rows.value == pytest.approx(np.exp(-np.abs(z[:, 0])), rel=1e-13)
    assert rows.hessian[:, 0, 0] == pytest.approx(np.exp(-np.abs(z[:, 0])), rel=1e-13)


def test_fewer_than_two_classes_are_refused():
    with pytest.raises(InvalidParameter, match="`n_classes` is 1"):
        SoftmaxLoss(1)


def test_a_class_without_rows_gets_a_small_finite_share():
    null = SoftmaxLoss(3).null_outputs(np.array([0.0, 0.0, 1.0]), np.ones(3))
    assert np.isfinite(null).all()
