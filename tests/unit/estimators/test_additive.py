"""Additive models: their parts add up, and each part says what it is."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import norm

import derivata
from derivata import (
    AdditiveClassifier,
    AdditiveRegressor,
    Category,
    Date,
    KFold,
    LeaveOneOut,
    Linear,
    Product,
    Spline,
    Surface,
)
from derivata.errors import InvalidParameter, ModelFileError, NotAvailable
from derivata.estimators import additive_fit
from derivata.estimators.families import NegativeBinomialFamily, PoissonFamily
from derivata.files.model_state import ModelState
from derivata.known_effects import make_additive
from derivata.tables import Table, table_from_frame

N_ROWS = 300


def columns(n_rows=N_ROWS, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "x": rng.uniform(size=n_rows),
            "z": rng.normal(size=n_rows),
            "town": rng.choice(["Bath", "Hull", "York"], n_rows, p=[0.6, 0.3, 0.1]),
        }
    )
    X.loc[::17, "z"] = np.nan
    return X


def outputs(X):
    town = X["town"].map({"Bath": 0.4, "Hull": -0.2, "York": -0.6})
    return (np.sin(6.0 * X["x"]) + 0.5 * X["z"].fillna(1.0) + town).to_numpy()


def target(X, family="squared", seed=1):
    rng = np.random.default_rng(seed)
    z = outputs(X)
    return {
        "squared": lambda: z + 0.3 * rng.standard_normal(len(X)),
        "poisson": lambda: rng.poisson(np.exp(z)).astype(float),
        "gamma": lambda: rng.gamma(4.0, np.exp(z) / 4.0),
        "two": lambda: np.where(rng.random(len(X)) < expit(2.0 * z), "yes", "no"),
        "three": lambda: np.digitize(z + 0.5 * rng.standard_normal(len(X)), [-0.5, 0.8]),
    }[family]()


def fitted(family="squared", **settings):
    X = columns()
    if family in ("two", "three"):
        return AdditiveClassifier(**settings).fit(X, target(X, family)), X
    return AdditiveRegressor(family=family, **settings).fit(X, target(X, family)), X


EACH = pytest.mark.parametrize("family", ["squared", "poisson", "gamma", "two", "three"])


# Parts of a model.


@EACH
def test_effects_and_the_intercept_add_up_to_the_outputs(family):
    model, X = fitted(family)
    table = table_from_frame(X, "`X`")
    effects = model.model_.effects(table)
    assert effects.mean(axis=1) == pytest.approx(np.zeros(effects.shape[::2]), abs=1e-12)
    whole = model.model_.outputs(table)
    # What is left is the same for every row: the mean output.
    rest = whole - effects.sum(axis=0)
    assert np.ptp(rest, axis=0).max() < 1e-10
    assert rest[0] == pytest.approx(whole.mean(axis=0), abs=1e-10)


@EACH
def test_a_partial_effect_is_the_difference_that_a_cell_makes(family):
    model, X = fitted(family, interactions=None)
    effect = model.partial_effect("x", n_points=11)
    assert effect.cells["x"] == pytest.approx(np.linspace(X["x"].min(), X["x"].max(), 11))
    row = pd.concat([X[:1]] * 11).assign(x=effect.cells["x"])
    moved = model.model_.outputs(table_from_frame(row, "`X`"))
    np.testing.assert_allclose(effect.effect - effect.effect[0], moved - moved[0], atol=1e-10)
    levels = model.partial_effect("town")
    assert levels.cells["town"].tolist() == ["Bath", "Hull", "York"]  # most frequent first
    row = pd.concat([X[:1]] * 3).assign(town=levels.cells["town"])
    moved = model.model_.outputs(table_from_frame(row, "`X`"))
    np.testing.assert_allclose(levels.effect - levels.effect[0], moved - moved[0], atol=1e-10)


def test_a_band_widens_with_its_level_and_lies_about_the_effect():
    model, _ = fitted()
    narrow, wide = (model.partial_effect("x", level=level) for level in (0.5, 0.99))
    assert (wide.upper - wide.lower > narrow.upper - narrow.lower).all()
    for band in (narrow, wide):
        np.testing.assert_allclose(0.5 * (band.lower + band.upper), band.effect, atol=1e-12)
    ratio = (wide.upper - wide.effect) / (narrow.upper - narrow.effect)
    assert ratio == pytest.approx(norm.ppf(0.995) / norm.ppf(0.75), rel=1e-9)


def test_a_surface_is_shown_on_a_grid_and_a_curve_a_level_for_every_level():
    X = columns()
    terms = [Spline("x"), Surface("x", "z", 3), Surface("z", "town", 3)]
    model = AdditiveRegressor(terms=terms).fit(X, target(X))
    grid = model.partial_effect("x × z", n_points=100)
    assert grid.effect.shape == (100, 1) and len(np.unique(grid.cells["x"])) == 10
    curves = model.partial_effect("z × town", n_points=100)
    assert curves.effect.shape == (30, 1) and set(curves.cells["town"]) == set(X["town"])


@EACH
def test_the_summary_is_sorted_by_strength_and_its_shares_add_up_to_one(family):
    model, _ = fitted(family)
    rows = model.summary().terms
    strengths = [row.strength for row in rows]
    assert strengths == sorted(strengths, reverse=True)
    assert sum(row.share for row in rows) == pytest.approx(1.0, abs=1e-10)
    k = len(model.model_.params)
    # The intercepts are decided by the data alone.
    assert sum(row.effective_params for row in rows) + k == pytest.approx(
        model.effective_params_, abs=1e-6
    )
    assert {row.label for row in rows} >= {"x", "z", "z=(missing)", "town"}
    assert next(row for row in rows if row.label == "x").p_value < 1e-4
    text = str(model.summary())
    for word in (model.family_.name, "300 rows", "tuned by", "strength: standard deviation"):
        assert word in text


def test_without_a_covariance_error_bars_are_not_to_be_had(monkeypatch):
    monkeypatch.setattr(additive_fit, "LARGEST_COVARIANCE", 3)
    model, X = fitted()
    effect = model.partial_effect("x")
    assert np.isfinite(effect.effect).all() and np.isnan(effect.lower).all()
    with pytest.raises(NotAvailable, match="too many for the covariance"):
        model.predict_interval(X)
    assert all(np.isnan(row.p_value) for row in model.summary().terms)
    assert "unknown" in str(model.summary())
    assert np.isfinite(model.predict(X)).all()


# Targets, exposures, offsets.


def test_classes_are_predicted_by_their_probabilities():
    model, X = fitted("three")
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (N_ROWS, 3)
    assert probabilities.sum(axis=1) == pytest.approx(1.0)
    scores = model.decision_function(X)
    np.testing.assert_array_equal(model.predict(X), scores.argmax(axis=1))
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    np.testing.assert_allclose(probabilities, shifted / shifted.sum(axis=1)[:, None], atol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(probabilities), atol=1e-12)
    lower, upper = model.predict_interval(X)
    assert ((lower <= probabilities) & (probabilities <= upper)).all()


def test_two_classes_are_one_outcome_and_its_opposite():
    model, X = fitted("two")
    probabilities = model.predict_proba(X)
    assert model.classes_.tolist() == ["no", "yes"]
    np.testing.assert_allclose(probabilities[:, 1], expit(model.decision_function(X)), atol=1e-12)
    swapped = AdditiveClassifier().fit(X, np.where(target(X, "two") == "yes", "a no", "b yes"))
    np.testing.assert_allclose(swapped.predict_proba(X)[:, ::-1], probabilities, atol=1e-3)
    lower, upper = model.predict_interval(X, level=0.9)
    np.testing.assert_allclose(lower[:, 0], 1.0 - upper[:, 1], atol=1e-12)
    assert ((lower < probabilities) & (probabilities < upper)).all()


def test_an_exposure_is_an_offset_of_its_logarithm():
    X = columns()
    exposure = np.random.default_rng(2).uniform(0.2, 5.0, N_ROWS)
    y = np.random.default_rng(3).poisson(exposure * np.exp(outputs(X)))
    one = AdditiveRegressor(family="poisson").fit(X, y, exposure=exposure)
    other = AdditiveRegressor(family="poisson").fit(X, y, offset=np.log(exposure))
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-10)
    np.testing.assert_allclose(one.predict(X, exposure), exposure * one.predict(X), rtol=1e-10)
    np.testing.assert_allclose(
        one.predict(X, offset=np.full(N_ROWS, 0.5)), np.exp(0.5) * one.predict(X), rtol=1e-10
    )
    # Rates are found, not counts.
    rates = np.corrcoef(np.log(one.predict(X)), outputs(X))[0, 1]
    assert rates > 0.95
    assert one.score(X, y, exposure=exposure) > 0.5


def test_an_offset_of_squared_loss_is_taken_from_the_target():
    X = columns()
    y = target(X)
    shift = np.random.default_rng(2).normal(100.0, 5.0, N_ROWS)
    plain = AdditiveRegressor().fit(X, y)
    model = AdditiveRegressor().fit(X, y + shift, offset=shift)
    np.testing.assert_allclose(model.predict(X), plain.predict(X), atol=1e-4)
    np.testing.assert_allclose(model.predict(X, offset=shift), plain.predict(X) + shift, atol=1e-4)


def test_scores_are_shares_of_the_deviance():
    model, X = fitted()
    y = target(X)
    residual = y - model.predict(X)
    truth = 1.0 - residual @ residual / ((y - y.mean()) @ (y - y.mean()))
    assert model.score(X, y) == pytest.approx(truth, rel=1e-12)
    classifier, X = fitted("two")
    accuracy = np.mean(classifier.predict(X) == target(X, "two"))
    assert classifier.score(X, target(X, "two")) == accuracy


# The family, told from the target.


def test_the_family_is_told_from_the_target_with_the_reason():
    X = columns()
    counts = AdditiveRegressor(family="auto").fit(X, target(X, "poisson"))
    assert isinstance(counts.family_, PoissonFamily)
    assert "count" in counts.family_reason_
    amounts = AdditiveRegressor(family="auto").fit(X, target(X, "gamma"))
    assert amounts.family_.name in ("gamma", "squared") and amounts.family_reason_
    assert AdditiveRegressor().fit(X, target(X)).family_reason_ == "given by the user."


def test_counts_that_vary_more_than_a_poissons_become_negative_binomial():
    X = columns()
    rng = np.random.default_rng(1)
    y = rng.poisson(rng.gamma(1.5, np.exp(outputs(X) + 1.0) / 1.5))
    model = AdditiveRegressor(family="auto").fit(X, y)
    assert isinstance(model.family_, NegativeBinomialFamily)
    assert 0.9 < model.family_.theta < 2.5
    assert "Poisson" in model.family_reason_
    assert AdditiveRegressor(family="poisson").fit(X, y).family_.name == "poisson"


def test_a_family_can_be_given_as_a_value():
    X = columns()
    family = NegativeBinomialFamily(2.0)
    model = AdditiveRegressor(family=family).fit(X, target(X, "poisson"))
    assert model.family_.name == "negative-binomial"


def test_a_quantile_has_its_share_of_targets_below():
    X = columns()
    y = target(X)
    low, high = (
        AdditiveRegressor(family="quantile", level=level, interactions=None).fit(X, y).predict(X)
        for level in (0.1, 0.9)
    )
    # Binomial standard deviation .017, and the fit takes some rows' word.
    assert np.mean(y < low) == pytest.approx(0.1, abs=0.06)
    assert np.mean(y < high) == pytest.approx(0.9, abs=0.06)
    assert np.mean(low < high) == 1.0


# Penalties.


def test_penalties_can_be_given_one_for_all_or_by_name():
    X = columns()
    y = target(X)
    terms = [Spline("x", 6), Linear("z"), Category("town")]
    tuned = AdditiveRegressor(terms=terms, interactions=None).fit(X, y)
    assert list(tuned.alphas_) == [
        "x: straight", "x: wiggly", "z: straight", "town: category",
    ]  # fmt: skip
    given = AdditiveRegressor(terms=terms, alpha=tuned.alphas_).fit(X, y)
    np.testing.assert_allclose(given.predict(X), tuned.predict(X), atol=1e-8)
    assert given.tuning_ is None and "penalties given" in str(given.summary())
    equal = AdditiveRegressor(terms=terms, alpha=2.0).fit(X, y)
    assert equal.alphas_ == dict.fromkeys(tuned.alphas_, pytest.approx(2.0))


def test_without_penalties_it_is_least_squares_on_the_features():
    X = columns()
    y = target(X)
    model = AdditiveRegressor(terms=[Spline("x", 6), Linear("z")], alpha=0.0).fit(X, y)
    design = model.model_.encoder.design(table_from_frame(X, "`X`")).dense(slice(None))
    expected = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-8)
    assert model.effective_params_ == pytest.approx(design.shape[1])


@pytest.mark.parametrize("criterion", [LeaveOneOut(), KFold(4)], ids=["leave-one-out", "folds"])
def test_another_criterion_can_be_asked_for(criterion):
    model, X = fitted(criterion=criterion)
    assert model.tuning_.criterion_name == criterion.name
    assert model.tuning_.criterion_reason == "given by the user"
    plain, _ = fitted()
    assert np.sqrt(np.mean((model.predict(X) - plain.predict(X)) ** 2)) < 0.15


def test_penalties_that_are_uncertain_widen_the_error_bars():
    X = columns()
    y = target(X)
    tuned = AdditiveRegressor(interactions=None).fit(X, y)
    known = AdditiveRegressor(alpha=tuned.alphas_).fit(X, y)
    wider = np.diff(tuned.predict_interval(X)) - np.diff(known.predict_interval(X))
    assert (wider > -1e-9).all() and wider.max() > 1e-6


@pytest.mark.parametrize("most", [0, 1, 2])
def test_no_more_pairs_than_asked_for_get_a_surface(most):
    X = columns()
    y = target(X) + 2.0 * X["x"] * X["z"].fillna(0.0) + (X["town"] == "Bath") * X["x"]
    model = AdditiveRegressor(interactions=most).fit(X, y)
    assert sum(len(term.columns) > 1 for term in model.terms_) <= most


def test_a_shape_that_is_asked_for_is_kept_where_the_data_say_otherwise():
    X = columns()
    free = AdditiveRegressor(terms=[Spline("x"), Linear("z")], interactions=None)
    rises = np.diff(free.fit(X, target(X)).partial_effect("x").effect[:, 0])
    assert rises.max() > 0.01
    terms = [Spline("x", monotone="decreasing"), Linear("z")]
    model = AdditiveRegressor(terms=terms).fit(X, target(X))
    effect = model.partial_effect("x").effect[:, 0]
    assert (np.diff(effect) <= 1e-10).all() and np.ptp(effect) > 0.5
    assert np.isfinite(model.predict_interval(X)).all()


def test_dates_are_terms_like_others():
    X = columns()
    X["day"] = (np.datetime64("2020-01-01") + np.arange(N_ROWS)).astype("datetime64[s]")
    y = target(X) + np.isin(np.arange(N_ROWS) % 7, (0, 1))
    model = AdditiveRegressor(terms=[Spline("x"), Category("town"), Date("day")]).fit(X, y)
    parts = {name for name in model.alphas_ if name.startswith("day")}
    assert parts == {"day: straight", "day: wiggly", "day: weekday"}
    assert next(row for row in model.summary().terms if row.label == "day").p_value < 1e-6


def test_products_of_columns_are_terms_like_others():
    X = columns()
    y = target(X) + 1.5 * (X["town"] == "Bath") * X["x"]
    plain = AdditiveRegressor(terms=[Spline("x"), Category("town")]).fit(X, y)
    model = AdditiveRegressor(terms=[Spline("x"), Category("town"), Product("town", "x")])
    assert model.fit(X, y).score(X, y) > plain.score(X, y)


# Tables and files.


def test_a_table_is_taken_as_a_frame_is():
    X = columns()
    table = table_from_frame(X, "`X`")
    one, other = AdditiveRegressor().fit(X, target(X)), AdditiveRegressor().fit(table, target(X))
    np.testing.assert_array_equal(one.predict(X), other.predict(table))
    assert other.feature_names_in_.tolist() == list(X.columns)


@EACH
def test_a_saved_model_predicts_the_same_bits_and_explains_the_same(family, tmp_path):
    model, X = fitted(family)
    model.save(tmp_path / "model.derivata")
    copy = derivata.load(tmp_path / "model.derivata")
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    assert str(copy.summary()) == str(model.summary())
    assert copy.alphas_ == model.alphas_ and copy.family_ == model.family_
    assert copy.terms is None and copy.get_params()["n_basis"] == model.n_basis
    # Covariances are kept in single precision.
    one, other = (each.partial_effect("x") for each in (model, copy))
    np.testing.assert_array_equal(one.effect, other.effect)
    np.testing.assert_allclose(one.upper, other.upper, rtol=1e-5, atol=1e-6)
    intervals = [np.asarray(each.predict_interval(X)) for each in (model, copy)]
    np.testing.assert_allclose(*intervals, rtol=1e-5, atol=1e-5)
    if family in ("two", "three"):
        assert copy.classes_.tolist() == model.classes_.tolist()
        assert copy.classes_.dtype == model.classes_.dtype


@pytest.mark.parametrize(
    "damage",
    [
        lambda state, arrays: state.pop("encoder"),
        lambda state, arrays: arrays.pop("params"),
        lambda state, arrays: arrays.update(params=arrays["params"][:, :-1]),
        lambda state, arrays: arrays.update(effect_means=arrays["effect_means"][:-1]),
        lambda state, arrays: arrays.update(covariance=arrays["covariance"][:-1]),
        lambda state, arrays: arrays.update(alphas=arrays["alphas"][:-1]),
        lambda state, arrays: state.update(family={"family": "normal"}),
        lambda state, arrays: state.update(pairs=[["x"]]),
        lambda state, arrays: state["ranges"].update(x={"quantiles": []}),
        lambda state, arrays: state["parameters"].update(unknown=1),
    ],
)  # fmt: skip
def test_a_damaged_state_is_refused(damage):
    model, _ = fitted()
    whole = model.to_state()
    state, arrays = dict(whole.state), dict(whole.arrays)
    state["ranges"], state["parameters"] = dict(state["ranges"]), dict(state["parameters"])
    damage(state, arrays)
    with pytest.raises(ModelFileError):
        AdditiveRegressor.from_state(ModelState(whole.kind, state, arrays))


# Known effects are found.


def test_effects_that_are_there_are_found_and_others_are_small():
    drawn = make_additive(1500, 4, random_state=0)
    names = [name for name in drawn.table.names if name != drawn.target]
    table = Table(tuple(drawn.table[name] for name in names), drawn.table.source)
    model = AdditiveRegressor().fit(table, drawn.table[drawn.target].values)
    rows = {row.label: row for row in model.summary().terms}
    labels = [term.label for term in model.terms_]
    effects = dict(zip(labels, model.model_.effects(table)[:, :, 0], strict=True))
    for effect in drawn.effects:
        label = effect.columns[0]
        truth = drawn.contribution(effect)
        seen = effects[label] + effects.get(f"{label}=(missing)", 0.0)
        # Root mean squared errors of about a tenth of the noise, where effects are a half or more.
        assert np.sqrt(np.mean((seen - truth) ** 2)) < 0.15, label
        assert rows[label].p_value < 1e-6
    for name in ("flat", "noise0", "noise1", "noise2", "noise3"):
        assert rows[name].strength < 0.1 and rows[name].effective_params < 4.0
        assert rows[name].p_value > 1e-3


def test_asking_for_a_term_that_is_not_there_is_refused():
    model, _ = fitted()
    with pytest.raises(InvalidParameter, match="there is no term 'y'"):
        model.partial_effect("y")
