"""Ranking scores and calibration curves equal scikit-learn's (1.9), with ties and weights."""

import numpy as np
import pytest
from sklearn.isotonic import isotonic_regression
from sklearn.metrics import (
    auc,
    average_precision_score,
    brier_score_loss,
    log_loss,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from derivata.scoring import ranking, reliability


def drawn(seed, ties):
    rng = np.random.default_rng(seed)
    n_rows = 400
    hit = (rng.random(n_rows) < 0.2).astype(float)
    p = 1 / (1 + np.exp(1.0 - rng.normal(size=n_rows) - 1.5 * hit))
    return hit, np.round(p, 2) if ties else p, rng.exponential(size=n_rows)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_areas_equal_scikit_learns(seed, ties):
    hit, p, weight = drawn(seed, ties)
    found = ranking.roc_area(hit, p, weight).value
    assert found == pytest.approx(roc_auc_score(hit, p, sample_weight=weight), rel=1e-12)
    found = ranking.average_precision(hit, p, weight).value
    wanted = average_precision_score(hit, p, sample_weight=weight)
    assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("most_false", [0.05, 0.2, 0.9])
def test_standardised_partial_areas_equal_scikit_learns(most_false):
    hit, p, weight = drawn(0, True)
    _, found = ranking.roc_partial_area(hit, p, weight, most_false=most_false)
    wanted = roc_auc_score(hit, p, sample_weight=weight, max_fpr=most_false)
    assert found == pytest.approx(wanted, rel=1e-10)


def test_curves_equal_scikit_learns():
    hit, p, weight = drawn(1, True)
    steps = ranking.ranking_steps(hit, p, weight)
    x, y, _ = roc_curve(hit, p, sample_weight=weight, drop_intermediate=False)
    np.testing.assert_allclose(steps.roc, (x, y), atol=1e-12)
    precision, recall, _ = precision_recall_curve(hit, p, sample_weight=weight)
    ours = steps.precision_recall
    np.testing.assert_allclose(ours[0], recall[::-1], atol=1e-12)
    np.testing.assert_allclose(ours[1][1:], precision[::-1][1:], atol=1e-12)


def test_a_straight_line_between_precisions_promises_more_than_thresholds_give():
    hit, p, weight = drawn(2, True)
    coarse = np.round(p, 1)
    precision, recall, _ = precision_recall_curve(hit, coarse, sample_weight=weight)
    assert auc(recall, precision) > ranking.precision_recall_area(hit, coarse, weight)


def test_scores_equal_scikit_learns():
    hit, p, weight = drawn(0, False)
    found = reliability.decomposition(hit, p, weight, score=reliability.brier, name="Brier")
    assert found.score == pytest.approx(brier_score_loss(hit, p, sample_weight=weight), rel=1e-12)
    found = reliability.decomposition(hit, p, weight, score=reliability.log_loss, name="log-loss")
    assert found.score == pytest.approx(log_loss(hit, p, sample_weight=weight), rel=1e-12)


def test_the_reliability_curve_is_the_isotonic_regression():
    hit, p, weight = drawn(1, False)
    curve = reliability.reliability_curve(hit, p, weight)
    order = np.argsort(p)
    wanted = isotonic_regression(hit[order], sample_weight=weight[order])
    np.testing.assert_allclose(curve.recalibrated(p[order]), wanted, atol=1e-12)
