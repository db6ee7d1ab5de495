"""Tables drawn from known effects: the truth is a function of the table, and the rows follow it."""

import numpy as np
import pytest

from derivata.datasets import csv_text, make_additive, make_bike_rentals
from derivata.errors import InvalidParameter
from derivata.known_effects import GAP_EFFECT, LEVELS, RENTAL_SIZE, WEEKDAYS
from derivata.tables import read_table

MAKERS = pytest.mark.parametrize(
    "make",
    [
        lambda seed, n=400: make_bike_rentals(n, seed),
        lambda seed, n=400: make_additive(n, 3, "squared", seed),
        lambda seed, n=400: make_additive(n, 3, "poisson", seed),
        lambda seed, n=400: make_additive(n, 3, "logistic", seed),
    ],
    ids=["bike rentals", "squared", "poisson", "logistic"],
)


@MAKERS
def test_the_same_random_state_draws_the_same_bits_and_another_other_rows_of_the_same_truth(make):
    one, two, other = make(7), make(7), make(8)
    assert csv_text(one.table) == csv_text(two.table) != csv_text(other.table)
    assert np.array_equal(one.outputs, two.outputs)
    for effect, same in zip(one.effects, other.effects, strict=True):
        cells = [one.table[name].values for name in effect.columns]
        assert np.array_equal(effect.at(*cells), same.at(*cells))


@MAKERS
def test_the_truth_is_a_function_of_what_is_written(make, tmp_path):
    drawn = make(0)
    path = tmp_path / "table.csv"
    path.write_text(csv_text(drawn.table), encoding="utf-8")
    again = read_table(path)
    assert again.names == drawn.table.names
    total = np.full(400, drawn.intercept)
    for effect in drawn.effects:
        total += effect.at(*(again[name].values for name in effect.columns))
        assert abs(drawn.contribution(effect).sum()) < 1e-10
    assert np.abs(total - drawn.outputs).max() < 1e-14
    assert drawn.target in drawn.table.names and drawn.about.endswith(".")


def test_least_squares_finds_each_effect_once():
    drawn = make_additive(4000, 2, "squared", 1, noise=0.5)
    parts = np.stack([drawn.contribution(effect) for effect in drawn.effects], axis=1)
    parts = np.column_stack([parts, np.ones(4000)])
    target = drawn.table["y"].values
    found = np.linalg.lstsq(parts, target)[0]
    errors = 0.5 * np.sqrt(np.diagonal(np.linalg.inv(parts.T @ parts)))
    assert (np.abs(found[:-1] - 1.0) < 4.0 * errors[:-1]).all()
    assert np.std(target - drawn.outputs) == pytest.approx(0.5, rel=0.05)


def test_counts_and_classes_follow_their_outputs():
    counts = make_additive(20_000, 0, "poisson", 2)
    mean, y = np.exp(counts.outputs), counts.table["y"].values
    # Four standard errors of a mean of 20,000 standardised counts are 0.03.
    assert np.mean((y - mean) / np.sqrt(mean)) == pytest.approx(0.0, abs=0.03)
    assert np.mean((y - mean) ** 2 / mean) == pytest.approx(1.0, abs=0.1)
    words = make_additive(20_000, 0, "logistic", 2)
    probability = 1.0 / (1.0 + np.exp(-words.outputs))
    is_yes = words.table["y"].values == "yes"
    error = (is_yes - probability) / np.sqrt(probability * (1.0 - probability))
    assert error.mean() == pytest.approx(0.0, abs=0.03)
    assert 0.5 < is_yes.mean() < 0.8


def test_rentals_scatter_more_than_poisson_counts_by_as_much_as_stated():
    drawn = make_bike_rentals(20_000, 3)
    mean, y = np.exp(drawn.outputs), drawn.table["rentals"].values
    variance = mean + mean**2 / RENTAL_SIZE
    assert np.mean((y - mean) / np.sqrt(variance)) == pytest.approx(0.0, abs=0.03)
    assert np.mean((y - mean) ** 2 / variance) == pytest.approx(1.0, abs=0.1)
    assert np.mean((y - mean) ** 2) > 5.0 * mean.mean()
    assert (y == np.round(y)).all() and y.min() >= 0.0


def test_working_days_have_two_peaks_and_others_one():
    rush = make_bike_rentals(10).effects[0]
    assert rush.columns == ("hour", "working_day")
    hours = np.arange(24.0)

    def peaks(word):
        curve = rush.at(hours, np.full(24, word, dtype=object))
        rises = curve > np.maximum(np.roll(curve, 1), np.roll(curve, -1))
        return np.flatnonzero(rises & (curve > 1.5)).tolist()

    assert peaks("yes") in ([8, 17], [8, 18])
    assert peaks("no") == [14]
    # Midnight is near eleven at night: the clock goes round.
    around = rush.at(np.array([0.0, 24.0]), np.array(["no", "no"], dtype=object))
    assert around[0] == pytest.approx(around[1], abs=1e-15)


def test_warmth_helps_until_it_flattens_and_rain_keeps_riders_away():
    effects = {effect.columns: effect.at for effect in make_bike_rentals(10).effects}
    warmth = effects[("temperature",)](np.array([-10.0, 0.0, 10.0, 25.0, 35.0]))
    slopes = np.diff(warmth) / [10.0, 10.0, 15.0, 10.0]
    assert (slopes > 0.0).all() and (np.diff(slopes) < 0.0).all()
    assert slopes[0] == pytest.approx(0.06, rel=0.05) and slopes[-1] < 0.01
    weather = effects[("weather",)](np.array(["clear", "cloud", "rain"], dtype=object))
    assert (np.diff(weather) < 0.0).all()
    assert not any("reading" in columns for columns in effects)


def test_rentals_have_every_kind_of_cell_in_its_range():
    table = make_bike_rentals(3000, 4).table
    assert set(table["weekday"].values) == set(WEEKDAYS)
    assert set(table["working_day"].values) == {"yes", "no"}
    at_rest = np.isin(table["weekday"].values, ["Sat", "Sun"])
    assert (table["working_day"].values[at_rest] == "no").all()
    assert 0.0 < np.mean(table["working_day"].values[~at_rest] == "no") < 0.06  # holidays
    assert set(table["hour"].values) == set(range(24))
    assert set(table["month"].values) == set(range(1, 13))
    assert 15.0 <= table["humidity"].values.min() and table["humidity"].values.max() <= 100.0
    # Warm months are warm, so the effects of both must be told apart.
    assert np.corrcoef(table["temperature"].values, np.abs(table["month"].values - 7))[0, 1] < -0.7


def test_levels_are_of_unequal_size_and_gaps_add_what_is_stated():
    drawn = make_additive(3000, 4, "poisson", 5)
    level = drawn.table["level"].values
    counts = np.array([np.sum(level == word) for word in LEVELS])
    assert len(LEVELS) == 12 and counts.sum() == 3000
    assert counts[0] > 8 * counts[-1] > 0
    gappy = drawn.table["gappy"].values
    assert np.mean(np.isnan(gappy)) == pytest.approx(0.15, abs=0.03)
    at = next(effect.at for effect in drawn.effects if effect.columns == ("gappy",))
    assert (at(gappy)[np.isnan(gappy)] == GAP_EFFECT).all()
    explained = {name for effect in drawn.effects for name in effect.columns}
    noise = {"flat", "noise0", "noise1", "noise2", "noise3"}
    assert set(drawn.table.names) - explained == noise | {"y"}


def test_a_family_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(InvalidParameter, match="`family` is 'gamma'; expected 'squared'"):
        make_additive(10, 0, "gamma")
