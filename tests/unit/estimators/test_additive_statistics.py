"""Additive models in many draws of tables whose truth is known: coverage, p-values, what is found.

Every number is an average over seeded draws; tolerances are those of the averages, given beside.
"""

import numpy as np
import pandas as pd
import pytest

from derivata import AdditiveClassifier, AdditiveRegressor
from derivata.estimators.term_effect import effect_at
from derivata.known_effects import make_additive, make_bike_rentals
from derivata.tables import Table


def split(drawn):
    """Features and target of a table of known effects."""
    names = [name for name in drawn.table.names if name != drawn.target]
    table = Table(tuple(drawn.table[name] for name in names), drawn.table.source)
    return table, drawn.table[drawn.target].values


def estimator(family, **settings):
    if family == "logistic":
        return AdditiveClassifier(**settings)
    return AdditiveRegressor(family=family.replace("_", "-"), **settings)


def covered(drawn, table, model):
    """Shares of the rows at which each effect's 95 % band holds the truth, both centred alike."""
    shares = []
    for effect in drawn.effects:
        number = model.model_.term_number(effect.columns[0])
        term = model.terms_[number]
        column = table[effect.columns[0]]
        kept = np.flatnonzero(~column.missing)
        cells = {column.name: column.values[kept]}
        band = effect_at(model.model_, number, cells)
        assert term.label == column.name
        truth = effect.at(*cells.values())
        middle = band.effect.mean() - truth.mean()
        shares.append(
            np.mean((band.lower[:, 0] - middle <= truth) & (truth <= band.upper[:, 0] - middle))
        )
    return shares


@pytest.mark.parametrize(
    ("family", "n_rows", "n_draws"),
    [("squared", 600, 16), ("poisson", 600, 12), ("logistic", 2500, 8)],
)
def test_bands_hold_the_truth_nineteen_times_in_twenty_on_average(family, n_rows, n_draws):
    shares = []
    for seed in range(n_draws):
        drawn = make_additive(n_rows, 2, family, seed)
        table, y = split(drawn)
        model = estimator(family, interactions=None).fit(table, y)
        shares.append(covered(drawn, table, model))
    # Five effects a draw, each smooth: shares of a draw have a standard deviation of about .05,
    # averages of eight draws or more one of .02. Bands are a little wide, with penalties uncertain.
    assert 0.92 <= np.mean(shares) <= 0.995
    # No kind of effect is missed altogether.
    assert np.mean(shares, axis=0).min() > 0.85


def exposed(family, n_rows, rng):
    """A table and a target of a family with a wave, a straight line and levels."""
    x, z, g = rng.uniform(size=n_rows), rng.uniform(size=n_rows), rng.integers(0, 5, n_rows)
    outputs = np.sin(2.0 * np.pi * x) + z + np.array([0.0, 0.3, -0.3, 0.5, -0.5])[g]
    X = pd.DataFrame({"x": x, "z": z, "g": np.array(list("abcde"))[g]})
    mean = np.exp(outputs + 1.0)
    draw = {
        "squared": lambda: outputs + 0.5 * rng.standard_normal(n_rows),
        "poisson": lambda: rng.poisson(mean),
        "negative-binomial": lambda: rng.poisson(rng.gamma(2.0, mean / 2.0)),
        "gamma": lambda: rng.gamma(3.0, mean / 3.0),
        # Gammas of mean (a third) times the root of the mean, Poisson many: power 3 / 2.
        "tweedie": lambda: (
            rng.gamma(np.maximum(2.0 * rng.poisson(1.5 * mean**0.5), 1e-300)) * mean**0.5 / 3.0
        ),
    }
    return X, draw[family]().astype(float)


@pytest.mark.parametrize(
    ("family", "n_draws", "low", "high"),
    [
        ("squared", 8, 0.935, 0.965),
        ("gamma", 8, 0.935, 0.965),
        # Whole numbers, and amounts of which many are zero, cannot be cut at a level exactly:
        # intervals hold at least their share.
        ("poisson", 6, 0.94, 0.985),
        ("negative-binomial", 6, 0.94, 0.985),
        ("tweedie", 3, 0.94, 0.985),
    ],
)
def test_intervals_hold_new_rows_as_often_as_they_say(family, n_draws, low, high):
    shares = []
    for seed in range(n_draws):
        rng = np.random.default_rng(seed)
        X, y = exposed(family, 500, rng)
        new, new_y = exposed(family, 1_000, rng)
        settings = {"interactions": None, "n_basis": 8}
        bounds = AdditiveRegressor(family=family, **settings).fit(X, y).predict_interval(new)
        shares.append(np.mean((bounds[:, 0] <= new_y) & (new_y <= bounds[:, 1])))
    # Of 1,000 rows a draw .007, and the noise's scale is known to 3 % or so: another .006.
    assert low <= np.mean(shares) <= high
    assert np.std(shares) < 0.03


def test_other_levels_hold_their_share_too():
    rng = np.random.default_rng(0)
    X, y = exposed("squared", 800, rng)
    new, new_y = exposed("squared", 4_000, rng)
    model = AdditiveRegressor(interactions=None, n_basis=8).fit(X, y)
    for level in (0.5, 0.8, 0.99):
        low, high = model.predict_interval(new, level=level).T
        share = np.mean((low <= new_y) & (new_y <= high))
        # The scale of the noise is known to 2.5 %, which moves the middle level by .01.
        assert share == pytest.approx(level, abs=0.03)


@pytest.mark.parametrize("family", ["squared", "logistic"])
def test_p_values_of_terms_without_an_effect_are_uniform_or_larger(family):
    found = []
    for seed in range(200 if family == "squared" else 100):
        rng = np.random.default_rng(seed)
        X = pd.DataFrame(
            {
                "x": rng.uniform(size=150),
                "u": rng.uniform(size=150),
                "v": rng.standard_normal(150),
                "c": rng.choice(list("abcd"), 150),
            }
        )
        outputs = np.sin(6.0 * X["x"]) * (1.0 if family == "squared" else 2.0)
        y = outputs + rng.standard_normal(150)
        if family == "logistic":
            y = (rng.random(150) < 1.0 / (1.0 + np.exp(-outputs))).astype(int)
        model = estimator(family, interactions=None, n_basis=8).fit(X, y)
        p_values = {row.label: row.p_value for row in model.summary().terms}
        assert p_values["x"] < (1e-4 if family == "squared" else 0.05)
        found.append([p_values[name] for name in ("u", "v", "c")])
    found = np.array(found)
    for level in (0.01, 0.05, 0.2):
        # Three binomial standard deviations above the level, for each of three terms.
        most = level + 3.0 * np.sqrt(level * (1.0 - level) / len(found))
        assert (found < level).mean(axis=0).max() <= most
    # And they are no mere ones: half of those of numbers lie below .7.
    assert np.median(found[:, :2]) < 0.7


@pytest.mark.parametrize("family", ["squared", "logistic"])
def test_columns_of_noise_are_shrunk_to_little(family):
    strengths, effective, useful = [], [], []
    for seed in range(6):
        drawn = make_additive(800, 6, family, seed)
        table, y = split(drawn)
        rows = {row.label: row for row in estimator(family, interactions=None).fit(table, y)
                .summary().terms}  # fmt: skip
        noise = [row for name, row in rows.items() if name.startswith("noise") or name == "flat"]
        strengths += [row.strength for row in noise]
        effective += [row.effective_params for row in noise]
        useful += [rows[name].strength for name in ("straight", "wiggly", "level")]
    # Unpenalised, each would take 19 parameters; the useful ones are of strength .4 to .7.
    assert np.mean(effective) < 1.5 and np.mean(strengths) < 0.1
    assert np.min(useful) > 0.2


# Interactions.


def surfaces(model):
    return [term.label for term in model.terms_ if len(term.columns) > 1]


@pytest.mark.parametrize("seed", range(2))
def test_an_interaction_that_is_there_is_found(seed):
    drawn, fresh = make_bike_rentals(2_000, seed), make_bike_rentals(2_000, seed + 100)
    (table, y), (new, new_y) = split(drawn), split(fresh)
    model = estimator(drawn.family).fit(table, y)
    assert surfaces(model)[0] == "hour × working_day"
    without = estimator(drawn.family, interactions=None).fit(table, y)
    assert model.score(new, new_y) > without.score(new, new_y) + 0.01


@pytest.mark.parametrize(
    "family", ["squared", "poisson", "negative-binomial", "gamma", "tweedie", "huber", "logistic"]
)
def test_an_interaction_is_found_in_every_family(family):
    rng = np.random.default_rng(0)
    x, z, u = rng.uniform(size=(3, 600))
    outputs = np.sin(2.0 * np.pi * x) + z + 6.0 * (x - 0.5) * (u - 0.5)
    X, mean = pd.DataFrame({"x": x, "z": z, "u": u}), np.exp(outputs + 2.0)
    y = {
        "squared": lambda: outputs + 0.5 * rng.standard_normal(600),
        "huber": lambda: outputs + 0.3 * rng.standard_t(3.0, 600),
        "poisson": lambda: rng.poisson(mean),
        "negative-binomial": lambda: rng.poisson(rng.gamma(3.0, mean / 3.0)),
        "gamma": lambda: rng.gamma(3.0, mean / 3.0),
        "tweedie": lambda: rng.gamma(np.maximum(2.0 * rng.poisson(mean**0.5), 1e-300)) * mean**0.5,
        "logistic": lambda: (rng.random(600) < 1.0 / (1.0 + np.exp(-2.0 * outputs))).astype(int),
    }[family]()
    assert "x × u" in surfaces(estimator(family).fit(X, y))


@pytest.mark.parametrize("family", ["squared", "poisson", "logistic"])
def test_of_additive_effects_no_surface_is_kept(family):
    kept, ratios = 0, []
    for seed in range(10):
        drawn, fresh = (
            make_additive(600, 2, family, seed),
            make_additive(2_000, 2, family, seed + 99),
        )
        (table, y), (new, _) = split(drawn), split(fresh)
        model = estimator(family).fit(table, y)
        kept += bool(surfaces(model))
        without = model
        if surfaces(model):
            without = estimator(family, interactions=None).fit(table, y)
        errors = [
            np.mean((each.model_.outputs(new)[:, 0] - fresh.outputs) ** 2)
            for each in (model, without)
        ]
        ratios.append(errors[0] / errors[1])
    assert kept <= 1
    # Where one is kept it does next to no harm.
    assert max(ratios) < 1.25
