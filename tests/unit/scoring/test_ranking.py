"""Areas under ranking curves, against pairs counted one by one, dense curves and resampling."""

import numpy as np
import pytest

from derivata.errors import (
    InvalidData,
    InvalidParameter,
    InvalidTarget,
    InvalidWeight,
    NotAvailable,
)
from derivata.scoring.ranking import (
    average_precision,
    precision_recall_area,
    ranking_steps,
    roc_area,
    roc_partial_area,
)


def drawn(n_rows=120, ties=True, seed=0):
    rng = np.random.default_rng(seed)
    hit = (rng.random(n_rows) < 0.35).astype(float)
    score = rng.standard_normal(n_rows) + 0.9 * hit
    return hit, np.round(score, 1) if ties else score, rng.integers(1, 5, n_rows).astype(float)


def test_the_roc_area_is_the_share_of_pairs_in_order():
    hit, score, weight = drawn()
    ours, theirs = hit == 1, hit == 0
    above = score[ours, None] - score[theirs]
    pairs = weight[ours, None] * weight[theirs]
    share = (pairs * (np.sign(above) + 1) / 2).sum() / pairs.sum()
    assert roc_area(hit, score, weight).value == pytest.approx(share, rel=1e-12)


@pytest.mark.parametrize("area", [roc_area, average_precision, precision_recall_area])
def test_a_row_of_weight_three_counts_as_three_rows(area):
    hit, score, weight = drawn()
    copies = np.repeat(np.arange(len(hit)), weight.astype(int))
    whole, copied = area(hit, score, weight), area(hit[copies], score[copies])
    assert getattr(whole, "value", whole) == pytest.approx(getattr(copied, "value", copied))


@pytest.mark.parametrize("area", [roc_area, average_precision, precision_recall_area])
def test_only_the_order_of_scores_counts(area):
    hit, score, weight = drawn()
    order = np.random.default_rng(1).permutation(len(hit))
    one, other = area(hit, score, weight), area(hit[order], np.exp(score[order]), weight[order])
    assert getattr(one, "value", one) == pytest.approx(getattr(other, "value", other), rel=1e-12)


def test_the_standard_error_is_that_of_new_samples_of_rows():
    areas, errors, precisions, own = [], [], [], []
    for seed in range(300):
        hit, score, weight = drawn(150, ties=False, seed=seed)
        found, precision = roc_area(hit, score, weight), average_precision(hit, score, weight)
        areas.append(found.value)
        errors.append(found.standard_error)
        precisions.append(precision.value)
        own.append(precision.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.12)
    # The share of hits varies too, and the jackknife is a little too small for so few rows.
    assert np.mean(own) == pytest.approx(np.std(precisions), rel=0.15)


def test_delongs_error_equals_its_formula_for_equal_weights():
    hit, score, _ = drawn()
    ours, theirs = score[hit == 1], score[hit == 0]
    wins = (np.sign(ours[:, None] - theirs) + 1) / 2
    variance = wins.mean(1).var(ddof=1) / len(ours) + wins.mean(0).var(ddof=1) / len(theirs)
    assert roc_area(hit, score).standard_error == pytest.approx(variance**0.5, rel=1e-12)


def test_the_error_of_average_precision_is_its_slope_by_weights():
    hit, score, weight = drawn(40)
    base, step = average_precision(hit, score, weight), 1e-6
    slopes = []
    for row in range(len(hit)):
        moved = weight.copy()
        moved[row] += step
        slopes.append((average_precision(hit, score, moved).value - base.value) / step)
    wanted = np.sqrt(((weight * slopes) ** 2).sum())
    assert base.standard_error == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("most_false", [0.05, 0.33, 1.0])
def test_a_partial_roc_area_is_that_under_the_drawn_curve(most_false):
    hit, score, weight = drawn()
    area, standardised = roc_partial_area(hit, score, weight, most_false=most_false)
    x, y = ranking_steps(hit, score, weight).roc
    grid = np.linspace(0.0, most_false, 400_001)
    heights = np.interp(grid, x, y)
    dense = float(np.sum(0.5 * (heights[1:] + heights[:-1]) * np.diff(grid)))
    # The curve may rise straight up at 0, which a grid smears over one of its steps.
    assert area == pytest.approx(dense, abs=2e-6)
    assert 0.5 < standardised < 1.0
    if most_false == 1.0:
        assert area == pytest.approx(roc_area(hit, score, weight).value, rel=1e-12)


@pytest.mark.parametrize("least_recall", [0.0, 0.5, 0.93])
def test_the_precision_recall_area_is_that_of_every_threshold_between(least_recall):
    # A step of many equal scores, taken in any share of its rows, is the hyperbola.
    hit, score, weight = drawn()
    steps = ranking_steps(hit, score, weight)
    parts = np.linspace(0.0, 1.0, 2001)[1:]
    t = steps.hits[:-1, None] + np.diff(steps.hits)[:, None] * parts
    f = steps.others[:-1, None] + np.diff(steps.others)[:, None] * parts
    recall, precision = (t / steps.hits[-1]).ravel(), (t / (t + f)).ravel()
    middle = 0.5 * (precision[1:] + precision[:-1])
    inside = np.diff(np.maximum(np.append(0.0, recall), least_recall))[1:]
    dense = float(middle @ inside) / (1.0 - least_recall)
    found = precision_recall_area(hit, score, weight, least_recall=least_recall)
    assert found == pytest.approx(dense, abs=1e-3)


def test_perfect_reversed_and_absent_orders_have_known_areas():
    hit = np.array([0.0, 0, 0, 1, 1])
    assert roc_area(hit, hit).value == average_precision(hit, hit).value == 1.0
    assert precision_recall_area(hit, hit) == pytest.approx(1.0)
    assert roc_partial_area(hit, hit, most_false=0.1) == (pytest.approx(0.1), pytest.approx(1.0))
    assert roc_area(hit, -hit).value == 0.0
    same = np.zeros(5)
    assert roc_area(hit, same).value == 0.5 and roc_area(hit, same).standard_error == 0.0
    assert average_precision(hit, same).value == pytest.approx(0.4)
    assert precision_recall_area(hit, same) == pytest.approx(0.4)
    assert roc_partial_area(hit, same)[1] == pytest.approx(0.5)


def test_rows_of_weight_zero_are_as_if_they_were_not_there():
    hit, score, weight = drawn()
    weight[::3] = 0.0
    kept = weight > 0
    assert roc_area(hit, score, weight) == roc_area(hit[kept], score[kept], weight[kept])


def test_what_cannot_be_ranked_is_refused():
    score = np.array([0.2, 0.4, 0.1])
    with pytest.raises(NotAvailable, match="both outcomes"):
        roc_area(np.ones(3), score)
    with pytest.raises(InvalidTarget, match="expected 0 or 1"):
        roc_area(np.array([0.0, 1.0, 2.0]), score)
    with pytest.raises(InvalidData, match="prediction of row 1 is nan"):
        roc_area(np.array([0.0, 1.0, 1.0]), np.array([0.1, np.nan, 0.2]))
    with pytest.raises(InvalidWeight, match="row 2 is -1"):
        roc_area(np.array([0.0, 1.0, 1.0]), score, np.array([1.0, 1.0, -1.0]))
    with pytest.raises(InvalidWeight, match="nothing to score"):
        roc_area(np.array([0.0, 1.0, 1.0]), score, np.zeros(3))
    with pytest.raises(InvalidData, match="shape"):
        roc_area(np.array([0.0, 1.0]), score)
    with pytest.raises(InvalidParameter, match="most_false"):
        roc_partial_area(np.array([0.0, 1.0, 1.0]), score, most_false=0.0)
    with pytest.raises(InvalidParameter, match="least_recall"):
        precision_recall_area(np.array([0.0, 1.0, 1.0]), score, least_recall=1.0)
