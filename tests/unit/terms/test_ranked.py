"""Ranks: the share of training rows below a value, as a smooth function that never falls."""

import copy
import json

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator
from scipy.stats import rankdata

from derivata.errors import InvalidData, ModelFileError
from derivata.terms.ranked import N_POINTS, RankedCurve, Ranks

# What floats can lose in a sum of a few shares of rows.
ROUNDING = 1e-14


def draw(n_rows=1500, seed=0):
    return np.random.default_rng(seed).normal(size=n_rows)


COLUMNS = {
    "normal": draw(),
    "few": draw(30),
    "two values": np.arange(40.0) % 2,
    "ties": draw().round(1),
    "mostly zeros": np.where(draw(seed=1) > 1, draw() ** 2, 0.0),
    "a long tail": np.exp(3 * draw()),
    "a tail beyond all measure": np.exp(60 * draw()),
    "codes for missing cells": np.append(draw(), [-1e20, 1e20]),
    "numbers next to zero": np.append(np.abs(draw()), [0.0, 5e-324, 1e-320]),
    "a large number plus a little": 1e8 + np.arange(1000) / 1024,
    "nearly constant": 7.0 + 1e-15 * np.sign(draw()),
    "huge": 2e307 * draw(),
    "tiny": 1e-310 * draw(),
}
EACH = pytest.mark.parametrize("x", COLUMNS.values(), ids=list(COLUMNS))


def fit(x, weight=None):
    return Ranks.fit(x, np.ones(x.size) if weight is None else weight)


def between(x):
    """Numbers in and around the values of a column."""
    distinct = np.unique(x)
    inside = distinct[:-1] + np.linspace(0, 1, 9)[:, None] * np.diff(distinct)
    return np.unique(np.concatenate([inside.ravel(), distinct, distinct[[0, -1]] * [1.5, 0.5]]))


@pytest.mark.parametrize("column", COLUMNS.values(), ids=list(COLUMNS))
def test_ranks_never_fall_and_lie_between_0_and_1(column):
    ranks = fit(column)
    r = ranks.at(between(column))
    assert np.diff(r).min() >= -ROUNDING
    assert (ranks.values[0], ranks.values[-1]) == (column.min(), column.max())
    assert r.min() > 0 and r.max() < 1
    assert len(ranks.values) == len(ranks.shares) <= N_POINTS


@EACH
def test_ranks_are_constant_beyond_the_training_values(x):
    ranks, ends = fit(x), np.array([x.min(), x.max()])
    far = np.array([-np.finfo(float).max, np.finfo(float).max])
    np.testing.assert_array_equal(ranks.at(far), ranks.at(ends))
    np.testing.assert_array_equal(ranks.at(np.nextafter(ends, far)), ranks.at(ends))


@EACH
def test_ranks_are_the_shares_of_rows_below_with_ties_at_their_middle_rank(x):
    truth = (rankdata(x) - 0.5) / x.size  # SciPy's average ranks
    # Between points, a hundredth of the rows or one row apart, r is interpolated.
    apart = 0.01 + 1 / x.size if np.unique(x).size > N_POINTS else ROUNDING
    assert np.abs(fit(x).at(x) - truth).max() <= apart


def test_ranks_of_few_values_are_exact_at_each_of_them():
    x = np.array([5.0, 1.0, 1.0, 1.0, 2.0, 5.0, 9.0, 9.0])
    assert fit(x).values == (1.0, 2.0, 5.0, 9.0)
    assert fit(x).shares == (1.5 / 8, 3.5 / 8, 5 / 8, 7 / 8)
    np.testing.assert_allclose(fit(x).at(np.array([1.0, 2, 5, 9])), fit(x).shares, rtol=1e-15)


def test_a_value_of_many_rows_leaves_quantiles_to_the_others():
    x = COLUMNS["mostly zeros"]
    ranks = fit(x)
    n_zeros = np.count_nonzero(x == 0)
    assert ranks.at(np.zeros(1))[0] == n_zeros / 2 / x.size
    assert len(ranks.values) > 0.8 * N_POINTS * (1 - n_zeros / x.size)


@pytest.mark.parametrize("name", ["normal", "few", "ties", "a long tail", "mostly zeros"])
def test_between_the_outer_cells_ranks_are_the_monotone_cubic_of_scipy(name):
    # In the outer ones SciPy 1.17 has another slope at the end.
    ranks = fit(COLUMNS[name])
    truth = PchipInterpolator(ranks.values, ranks.shares)
    x = np.linspace(ranks.values[1], ranks.values[-2], 999)
    np.testing.assert_allclose(ranks.at(x), truth(x), atol=1e-13)


def test_ranks_are_smooth():
    # The slope has no jumps: at half the step its differences are half as large.
    ranks, jumps = fit(np.exp(draw())), []
    for n in (40_001, 80_001):
        x = np.linspace(ranks.values[0], ranks.values[-1], n)
        jumps.append(np.abs(np.diff(np.diff(ranks.at(x)) / np.diff(x))).max())
    assert jumps[1] < 0.6 * jumps[0]


@EACH
def test_a_weight_of_k_is_k_rows(x):
    counts = 1.0 + np.arange(x.size) % 3
    assert fit(x, counts) == fit(np.repeat(x, counts.astype(int)))


@EACH
@pytest.mark.parametrize("unit", [0.1, 1 / 3, 1e-9, 1e9])
def test_the_unit_of_the_weights_does_not_matter(x, unit):
    plain, scaled = fit(x), fit(x, np.full(x.size, unit))
    assert scaled.values == plain.values
    np.testing.assert_allclose(scaled.shares, plain.shares, rtol=1e-12)


@pytest.mark.parametrize(
    ("move", "stretch"), [(0.0, 1e-30), (0.0, 2.0**900), (1e6, 2.0), (-77.0, 1.0)]
)
@pytest.mark.parametrize("name", ["normal", "few", "ties", "a long tail"])
def test_units_and_origins_do_not_matter(name, move, stretch):
    x, new = COLUMNS[name], np.linspace(-3, 20, 99)
    moved = fit(move + stretch * x)
    assert moved.shares == fit(x).shares
    np.testing.assert_allclose(moved.at(move + stretch * new), fit(x).at(new), atol=1e-7)


@pytest.mark.parametrize("rising", [np.exp, np.arctan, np.cbrt, lambda x: x**3 + x])
def test_rising_functions_of_a_column_change_nothing_at_the_points(rising):
    x = draw()
    plain, bent = fit(x), fit(rising(x))
    assert bent.shares == plain.shares
    np.testing.assert_allclose(bent.values, rising(np.array(plain.values)), rtol=1e-12)
    np.testing.assert_allclose(bent.at(rising(x)), plain.at(x), atol=1 / N_POINTS)
    few = x[:50]  # each of whose values is a point
    np.testing.assert_allclose(fit(rising(few)).at(rising(few)), fit(few).at(few), atol=ROUNDING)


def test_falling_functions_of_a_column_turn_its_ranks_round():
    x, new = COLUMNS["few"], np.linspace(-4, 4, 99)
    np.testing.assert_allclose(fit(-x).at(-new), 1 - fit(x).at(new), atol=ROUNDING)


@pytest.mark.parametrize("level", [0.0, 1.0, -3e300, 1e-300])
def test_a_constant_column_is_at_its_middle_rank_everywhere(level):
    ranks = fit(np.full(9, level))
    assert (ranks.at(np.array([-1e9, 0.0, 0.3, level, 1e9])) == 0.5).all()
    curve = RankedCurve.fit("x", np.full(9, level), np.ones(9), 18, 4)
    assert curve.n_features == 1 and not curve.block(np.array([level, level + 1, np.nan])).any()


@EACH
def test_curves_over_ranks_are_finite_and_of_mean_length_one(x):
    x = np.append(x, [np.nan, np.nan])
    curve = RankedCurve.fit("x", x, np.ones(x.size), 18, 4)
    block = curve.block(x)
    assert block.shape == (x.size, curve.n_features) and curve.n_features == 1 + curve.n_bends
    assert curve.n_features == (5 if np.unique(x).size > 5 else 1)
    assert not block[-2:].any()
    gram = block[:-2].T @ block[:-2] / (x.size - 2)
    assert (
        gram[0, 0] == pytest.approx(1)
        and not curve.n_bends
        or np.trace(gram[1:, 1:]) == pytest.approx(1)
    )
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-10)
    assert np.isfinite(curve.block(between(x[:-2]))).all()


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (np.full(3, np.nan), "column 'x' has no cell with a number"),
        (np.array([-1.7e308, 0.0, 1.7e308]), "column 'x' goes from -1.7e"),
    ],
)
def test_what_has_no_ranks_is_refused_by_name(x, match):
    with pytest.raises(InvalidData, match=match):
        RankedCurve.fit("x", x, np.ones(3), 18, 4)


@EACH
def test_a_saved_curve_gives_the_same_block_to_the_bit(x):
    curve = RankedCurve.fit("x", x, np.ones(x.size), 18, 4)
    loaded = RankedCurve.from_dict(json.loads(json.dumps(curve.to_dict())), "curve")
    assert loaded == curve and hash(loaded) == hash(curve)
    np.testing.assert_array_equal(loaded.block(between(x)), curve.block(between(x)))


def spoil(**fields):
    record = copy.deepcopy(RankedCurve.fit("x", draw(), np.ones(1500), 18, 4).to_dict())
    return record | fields


SPOILED = {
    "no points": spoil(values=[], shares=[]),
    "one point": spoil(values=[0.0], shares=[0.5]),
    "a share too few": spoil(values=[0.0, 1.0, 2.0], shares=[0.1, 0.9]),
    "values that fall": spoil(values=[1.0, 0.0], shares=[0.1, 0.9]),
    "a value twice": spoil(values=[1.0, 1.0], shares=[0.1, 0.9]),
    "a range beyond floats": spoil(values=[-1.7e308, 1.7e308], shares=[0.1, 0.9]),
    "shares that fall": spoil(values=[0.0, 1.0], shares=[0.9, 0.1]),
    "a negative share": spoil(values=[0.0, 1.0], shares=[-0.1, 0.9]),
    "a share beyond one": spoil(values=[0.0, 1.0], shares=[0.1, 1.1]),
    "words": spoil(values=["0", "1"]),
    "no number": spoil(values=[0.0, float("nan")], shares=[0.1, 0.9]),
    "no curve": spoil(curve=None),
    "another key": spoil(more=1),
    "a list": [],
}


@pytest.mark.parametrize("record", SPOILED.values(), ids=list(SPOILED))
def test_a_malformed_record_is_refused_with_its_path(record):
    with pytest.raises(ModelFileError, match=r"terms\[3\]"):
        RankedCurve.from_dict(record, "terms[3]")


def test_equal_shares_in_a_record_are_a_level_stretch():
    ranks = Ranks((0.0, 1.0, 2.0, 3.0, 4.0), (0.2, 0.2, 0.2, 0.6, 0.6))
    r = ranks.at(np.linspace(0, 4, 401))
    assert (r[:201] == 0.2).all() and (np.diff(r) >= 0).all() and r[-1] == 0.6
