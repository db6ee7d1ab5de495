"""Bad input to the additive models; numbered as in the list of faults.

Each is refused by a named error or told by a coded warning, with the column, the row and the cure;
or it is sound, and then the result is what it should be.
"""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from derivata import (
    AdditiveClassifier,
    AdditiveRegressor,
    Category,
    Cyclic,
    KFold,
    LeaveOneOut,
    Linear,
    Missing,
    Product,
    Spline,
    Surface,
)
from derivata.errors import (
    BoundWarning,
    ConstantColumnWarning,
    DerivataError,
    ExtremeValueWarning,
    InvalidData,
    InvalidParameter,
    InvalidTarget,
    InvalidWeight,
    PerfectFitWarning,
    ShapeMismatch,
    TableError,
    TableWarning,
    UnseenCategoryWarning,
)

N_ROWS = 200
FAMILIES = ("squared", "huber", "poisson", "negative-binomial", "gamma", "tweedie", "quantile")


def columns(seed=0, n_rows=N_ROWS):
    """A curve, a straight line, and a word."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": rng.uniform(size=n_rows),
            "z": rng.normal(size=n_rows),
            "town": rng.choice(["Bath", "Hull", "York"], n_rows),
        }
    )


def target(X, family="squared", seed=1):
    rng = np.random.default_rng(seed)
    outputs = np.sin(6.0 * X["x"].to_numpy()) + 0.5 * X["z"].to_numpy()
    if family in ("squared", "huber", "quantile"):
        return outputs + 0.3 * rng.standard_normal(len(X))
    if family == "gamma":
        return rng.gamma(3.0, np.exp(outputs))
    return rng.poisson(np.exp(outputs + 1.0)).astype(float)


def labels(X, seed=1):
    rng = np.random.default_rng(seed)
    return np.where(np.sin(6.0 * X["x"]) + rng.logistic(size=len(X)) > 0, "yes", "no")


def assert_same(one, other, tolerance=0.0):
    np.testing.assert_allclose(
        one.model_.params, other.model_.params, rtol=tolerance, atol=tolerance
    )


# 1 to 10, 13 to 16: values


def test_1_missing_cells_need_no_treatment_and_move_little():
    X = columns()
    y = target(X)
    whole = AdditiveRegressor().fit(X, y)
    gaps = X.copy()
    gaps.loc[::20, "x"] = np.nan
    gaps.loc[::15, "town"] = None
    model = AdditiveRegressor().fit(gaps, y)
    assert {"x=(missing)", "x", "town"} <= {term.label for term in model.terms_}
    assert np.isfinite(model.predict(gaps)).all()
    apart = (
        model.predict(gaps)[np.arange(N_ROWS) % 20 != 0]
        - whole.predict(X)[np.arange(N_ROWS) % 20 != 0]
    )
    assert np.sqrt((apart**2).mean()) < 0.15
    # A gap at predict, of a column that had none, is an average cell.
    empty = columns()[:1].assign(x=np.nan)
    assert np.isfinite(whole.predict(empty)).all()


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_2_an_infinite_cell_is_named(value):
    X = columns()
    X.loc[7, "z"] = value
    with pytest.raises(InvalidData, match="row 7 .*column 'z': an infinite value"):
        AdditiveRegressor().fit(X, target(columns()))
    model = AdditiveRegressor().fit(columns(), target(columns()))
    with pytest.raises(InvalidData, match="row 7 .*column 'z': an infinite value"):
        model.predict(X)


@pytest.mark.parametrize("value", [np.nan, np.inf, None], ids=str)
def test_3_a_target_that_is_missing_or_infinite_is_named(value):
    X = columns()
    y = target(X).astype(object if value is None else float)
    y[5] = value
    with pytest.raises(InvalidTarget, match="`y` is .* in row 5"):
        AdditiveRegressor().fit(X, y)
    words = labels(X).astype(object)
    words[5] = value
    with pytest.raises(InvalidTarget, match="`y` is .* in row 5|mixes labels"):
        AdditiveClassifier().fit(X, words)


def test_4_a_cell_of_1e200_is_named_as_ruling_its_column():
    X = columns()
    X.loc[7, "x"] = 1e200
    with pytest.warns(ExtremeValueWarning, match=r"rules column 'x' \(`X`, row 7"):
        model = AdditiveRegressor().fit(X, target(columns()))
    assert np.isfinite(model.predict(X)).all()


def test_4_a_ruling_cell_is_named_by_its_own_row_where_rows_are_left_out():
    X, weight = columns(), np.ones(N_ROWS)
    X.loc[7, "x"] = 1e200
    weight[:5] = 0.0
    with pytest.warns(ExtremeValueWarning, match=r"'x' \(`X`, row 7"):
        AdditiveRegressor().fit(X, target(columns()), weight)


def test_an_indicator_of_a_single_row_is_sound():
    X = columns()
    X["one"] = (np.arange(N_ROWS) == 3).astype(float)
    AdditiveRegressor().fit(X, target(X))


@pytest.mark.parametrize("unit", [1e200, 1e12, 1e-12, 1e-310])
def test_5_6_the_unit_of_a_column_does_not_matter(unit):
    X = columns()
    y = target(X)
    plain = AdditiveRegressor().fit(X, y)
    model = AdditiveRegressor().fit(X.assign(z=X["z"] * unit), y)
    # Subnormal numbers have some ten digits.
    tolerance = 1e-4 if unit < 1e-300 else 1e-6
    np.testing.assert_allclose(
        model.predict(X.assign(z=X["z"] * unit)), plain.predict(X), atol=tolerance
    )


@pytest.mark.parametrize("offset", [1e6, -1e9])
def test_7_an_offset_of_a_column_does_not_matter(offset):
    X = columns()
    y = target(X)
    plain = AdditiveRegressor().fit(X, y)
    model = AdditiveRegressor().fit(X.assign(z=X["z"] + offset), y)
    np.testing.assert_allclose(
        model.predict(X.assign(z=X["z"] + offset)), plain.predict(X), atol=1e-4
    )


def test_7_a_column_in_float32_that_lost_its_digits_is_constant_and_named():
    X = columns()
    X["z"] = (1e-3 * X["z"] + 1e8).astype(np.float32)
    with pytest.warns(ConstantColumnWarning, match="column 'z' holds the same value"):
        AdditiveRegressor().fit(X, target(columns()))


def test_8_whole_numbers_beyond_2_to_the_53_are_told():
    X = columns()
    X["id"] = 2**60 + np.arange(N_ROWS) * 10_000_000
    with pytest.warns(TableWarning, match="column 'id': whole numbers of 2"):
        AdditiveRegressor().fit(X, target(X))


def test_9_a_whole_number_beyond_every_float_is_named():
    X = np.array([[1], [2], [10**400], [3]] * 10, dtype=object)
    with pytest.raises(InvalidData, match=r"row 2.*column 'x0': a whole number of 1329 bits"):
        AdditiveRegressor().fit(X, np.arange(40.0))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.float16, np.float32])
def test_10_11_narrow_numbers_are_widened_before_anything_is_computed(dtype):
    X = columns()
    whole = np.clip(np.round(50.0 + 20.0 * X["z"]), 0, 120)
    y = target(X)
    plain = AdditiveRegressor().fit(X.assign(z=whole), y)
    assert_same(AdditiveRegressor().fit(X.assign(z=whole.astype(dtype)), y), plain)


@pytest.mark.parametrize("where", ["X", "y"])
def test_12_complex_numbers_are_refused(where):
    X, y = columns()[["x", "z"]].to_numpy(), target(columns())
    with pytest.raises(InvalidData, match="[Cc]omplex"):
        AdditiveRegressor().fit(X + 1j * (where == "X"), y + 1j * (where == "y"))


def test_13_true_and_false_are_two_words_in_a_frame_and_two_numbers_in_an_array():
    rng = np.random.default_rng(0)
    flag = rng.random(N_ROWS) < 0.3
    y = 2.0 * flag + 0.3 * rng.standard_normal(N_ROWS)
    model = AdditiveRegressor().fit(pd.DataFrame({"flag": flag}), y)
    assert model.terms_[0].names == ("flag=false", "flag=true")
    numbers = AdditiveRegressor().fit(flag[:, None], y)
    np.testing.assert_allclose(
        model.predict(pd.DataFrame({"flag": flag})), numbers.predict(flag[:, None]), atol=0.02
    )


@pytest.mark.parametrize("argument", ["X", "y", "sample_weight"])
def test_14_a_masked_cell_is_refused(argument):
    X = np.ma.array(columns()[["x", "z"]].to_numpy())
    y, weight = np.ma.array(target(columns())), np.ma.ones(N_ROWS)
    {"X": X, "y": y, "sample_weight": weight}[argument][3] = np.ma.masked
    with pytest.raises(InvalidData, match=f"`{argument}` is a masked array with a masked cell in"):
        AdditiveRegressor().fit(X, y, weight)


def test_15_missing_cells_of_nullable_types_are_missing():
    X = columns()
    gaps = X.assign(z=pd.array(np.where(X["z"] > 1.0, None, np.round(X["z"] * 10)), "Int64"))
    floats = X.assign(z=np.where(X["z"] > 1.0, np.nan, np.round(X["z"] * 10)))
    y = target(X)
    assert_same(AdditiveRegressor().fit(gaps, y), AdditiveRegressor().fit(floats, y))


def test_16_memory_that_may_not_be_written_is_read():
    X, y = columns()[["x", "z"]].to_numpy(), target(columns())
    X.flags.writeable = y.flags.writeable = False
    AdditiveRegressor().fit(X, y).predict(X)


# 17 to 34: shapes, names, kinds of columns


def test_17_to_22_shapes_are_refused_with_the_shape():
    X, y = columns()[["x", "z"]].to_numpy(), target(columns())
    for bad, error, match in (
        (pd.DataFrame(), DerivataError, "no columns|0 feature|no rows|0 sample"),
        (X[:0], InvalidData, "has no rows"),
        (X[:, :0], InvalidData, "has no columns"),
        (X[:, 0], ShapeMismatch, r"shape \(200,\).*reshape\(-1, 1\)"),
        (X[None], ShapeMismatch, r"shape \(1, 200, 2\)"),
    ):
        with pytest.raises(error, match=match):
            AdditiveRegressor().fit(bad, y)
    with pytest.raises(InvalidTarget, match=r"inconsistent numbers of samples: \[200, 199\]"):
        AdditiveRegressor().fit(X, y[:-1])
    with pytest.raises(InvalidTarget, match="1d array"):
        AdditiveRegressor().fit(X, np.column_stack([y, y]))


def test_23_24_names_that_repeat_or_mix_types_are_refused():
    X = columns()
    with pytest.raises(InvalidData, match="more than one column named 'x'"):
        AdditiveRegressor().fit(X.set_axis(["x", "x", "town"], axis=1), target(X))
    with pytest.raises(DerivataError, match="names of mixed types|'int'|type int"):
        AdditiveRegressor().fit(X.set_axis(["x", 1, "town"], axis=1), target(X))


def test_25_columns_that_are_renamed_missing_extra_or_moved_are_named():
    X = columns()
    model = AdditiveRegressor().fit(X, target(X))
    for other, match in (
        (X.rename(columns={"z": "Z"}), "unseen at fit time:\n- Z"),
        (X[["x", "town"]], "yet now missing:\n- z"),
        (X.assign(more=1.0), "unseen at fit time:\n- more"),
        (X[["town", "x", "z"]], "same order"),
    ):
        with pytest.raises(InvalidData, match=match):
            model.predict(other)


def test_26_an_array_after_a_frame_is_told_from_a_misspelling():
    X = columns()[["x", "z"]]
    model = AdditiveRegressor().fit(X, target(columns()))
    with (
        pytest.warns(UserWarning, match="does not have valid feature names"),
        pytest.raises(TableError, match="An array has no column names"),
    ):
        model.predict(X.to_numpy())


def test_27_the_target_among_the_features_is_a_perfect_fit_and_told():
    X = columns()
    y = target(X)
    with pytest.warns(PerfectFitWarning, match="reproduces every target exactly"):
        AdditiveRegressor(interactions=None).fit(X.assign(copy=y), y)


def test_29_dates_become_a_trend_and_weekdays_and_times_are_left_out():
    X = columns()
    days = pd.date_range("2020-01-01", periods=N_ROWS)
    y = target(X) + 0.01 * np.arange(N_ROWS)
    with pytest.warns(TableWarning, match="column 'span' holds times, durations"):
        model = AdditiveRegressor().fit(X.assign(day=days, span=days - days[0]), y)
    day = next(row for row in model.summary().terms if row.label == "day")
    assert day.p_value < 1e-6 and "straight" in day.kind


def test_30_unseen_levels_add_nothing_and_are_named():
    X = columns()
    y = target(X) + X["town"].map({"Bath": 0.0, "Hull": 1.0, "York": -1.0}).to_numpy()
    model = AdditiveRegressor().fit(X, y)
    new = X[:3].assign(town=["Rome", "Bath", "Pisa"])
    with pytest.warns(UnseenCategoryWarning, match="column 'town' has 'Rome', 'Pisa'"):
        predicted = model.predict(new)
    effects = model.partial_effect("town")
    bath = effects.effect[effects.cells["town"].tolist().index("Bath"), 0]
    known = model.predict(X[:3].assign(town="Bath"))
    # An unseen level is at the mean of its prior, zero; effects are given about the rows' mean.
    zero = -model.model_.strengths.mean[model.model_.term_number("town"), 0]
    assert predicted[0] - known[0] == pytest.approx(zero - bath, abs=1e-10)
    with pytest.warns(UnseenCategoryWarning):
        lower, upper = model.predict_interval(new).T
    assert upper[0] - lower[0] > (upper - lower)[1]  # its level is not known


def test_30_thousands_of_levels_are_merged_and_fitted():
    rng = np.random.default_rng(0)
    town = rng.integers(0, 1_500, 5_000)
    effects = 0.5 * rng.standard_normal(1_500)
    X = pd.DataFrame({"town": [f"t{i}" for i in town]})
    y = effects[town] + 0.5 * rng.standard_normal(5_000)
    with pytest.warns(TableWarning, match="levels; the 1,000 most frequent get a coefficient each"):
        model = AdditiveRegressor().fit(X, y)
    assert len(model.terms_[0].names) == 1_001
    assert 300 < model.effective_params_ < 1_001  # shrunk, as about three rows each ask for
    assert model.score(X, y) > 0.3


def test_31_a_sparse_matrix_is_told_where_it_belongs():
    with pytest.raises(InvalidData, match="sparse matrix.*LinearRegressor"):
        AdditiveRegressor().fit(sparse.csr_array(np.eye(5)), np.arange(5.0))


def test_32_ragged_lists_are_refused_with_the_row():
    with pytest.raises(InvalidData, match="row 1"):
        AdditiveRegressor().fit([[1.0, 2.0], [3.0]], [1.0, 2.0])


def test_33_one_row_is_refused():
    with pytest.raises(InvalidTarget, match="n_samples = 1: one row .*at least 2 are needed"):
        AdditiveRegressor().fit([[1.0]], [1.0])
    with pytest.raises(InvalidTarget, match="one row"):
        AdditiveClassifier().fit([[1.0]], ["a"])


@pytest.mark.parametrize("n_rows", [2, 3, 4, 5, 8])
def test_33_a_few_rows_are_fitted_and_their_intervals_are_finite(n_rows):
    X = columns(n_rows=n_rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        warnings.simplefilter("ignore", ConstantColumnWarning)
        for family in ("squared", "poisson", "gamma"):
            y = target(X, family) + (family != "squared")
            model = AdditiveRegressor(family=family).fit(X, y)
            assert np.isfinite(model.predict(X)).all()
            assert np.isfinite(model.predict_interval(X)).all()
            assert str(model.summary())
        model = AdditiveClassifier().fit(X, np.arange(n_rows) % 2)
        assert np.isfinite(model.predict_proba(X)).all()


def test_34_more_columns_than_rows_stay_straight_and_it_is_told():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 60))
    y = X[:, 0] + 0.1 * rng.standard_normal(40)
    with pytest.warns(TableWarning, match="60 columns of numbers for 40 rows are too many"):
        model = AdditiveRegressor().fit(X, y)
    assert {type(term).__name__ for term in model.terms_} == {"FittedLinear"}
    assert model.effective_params_ < 40


# 35 to 48: statistics


@pytest.mark.parametrize("copy", [lambda x: x, lambda x: 2.0 * x + 1.0], ids=["equal", "scaled"])
def test_35_columns_that_repeat_each_other_share_the_effect(copy):
    X = columns()
    y = target(X)
    plain = AdditiveRegressor(interactions=None).fit(X, y)
    twice = X.assign(w=copy(X["x"]))
    model = AdditiveRegressor(interactions=None).fit(twice, y)
    assert np.sqrt(np.mean((model.predict(twice) - plain.predict(X)) ** 2)) < 0.05
    error = model.predict_interval(twice)
    assert np.isfinite(error).all()
    assert np.mean(np.diff(error)) == pytest.approx(
        np.mean(np.diff(plain.predict_interval(X))), rel=0.05
    )


def test_36_columns_that_nearly_repeat_each_other_do_too():
    X = columns()
    y = target(X)
    near = X["x"] * (1.0 + 1e-13 * np.random.default_rng(2).standard_normal(N_ROWS))
    model = AdditiveRegressor(interactions=None).fit(X.assign(w=near), y)
    plain = AdditiveRegressor(interactions=None).fit(X, y)
    assert np.abs(model.predict(X.assign(w=near)) - plain.predict(X)).max() < 0.2


def test_37_constant_and_empty_columns_are_left_out_and_named():
    X = columns()
    with (
        pytest.warns(ConstantColumnWarning, match="column 'one' holds the same value"),
        pytest.warns(TableWarning, match="column 'none' holds no cell present"),
    ):
        model = AdditiveRegressor().fit(X.assign(one=1.0, none=np.nan), target(X))
    assert_same(model, AdditiveRegressor().fit(X, target(X)))


def test_37_nothing_but_constant_columns_is_refused():
    with (
        pytest.warns(ConstantColumnWarning),
        pytest.raises(TableError, match="no column can be used as a feature"),
    ):
        AdditiveRegressor().fit(np.ones((20, 2)), np.arange(20.0))


def test_37_a_term_of_an_empty_column_is_refused_or_says_nothing():
    X = columns().assign(none=np.nan)
    with pytest.raises(InvalidData, match="column 'none' has no cell with a number"):
        AdditiveRegressor(terms=[Linear("none"), Spline("x")]).fit(X, target(X))
    model = AdditiveRegressor(terms=[Missing("none"), Spline("x"), Spline("z")]).fit(X, target(X))
    assert model.model_.strengths.strength[0] < 1e-12


def test_37_a_term_of_a_constant_column_that_is_asked_for_is_shrunk():
    X = columns().assign(one=1.0)
    model = AdditiveRegressor(terms=[Linear("one"), Spline("x")]).fit(X, target(X))
    row = next(row for row in model.summary().terms if row.label == "one")
    assert row.shrunk and row.strength == 0.0


@pytest.mark.parametrize("values", [[1.0], [0.0, 1.0], [0.0, 1.0, 2.0]])
def test_37_a_spline_of_fewer_than_four_values_names_the_cure(values):
    X = pd.DataFrame({"x": np.resize(values, 50)})
    with pytest.raises(InvalidData, match="column 'x' has . distinct values.*Use `Linear"):
        AdditiveRegressor(terms=[Spline("x")]).fit(X, np.arange(50.0))


def test_38_separable_classes_are_fitted_with_finite_effects_and_told_by_no_one():
    X = columns()
    y = X["x"] > 0.5
    model = AdditiveClassifier().fit(X, y)
    outputs = model.decision_function(X)
    assert model.score(X, y) > 0.97 and np.abs(outputs).max() < 60.0
    lower, upper = model.predict_interval(X)
    assert ((0.0 <= lower) & (lower <= upper) & (upper <= 1.0)).all()


def test_40_one_class_is_refused_also_where_the_other_has_weight_zero():
    X, y = columns(), np.zeros(N_ROWS, dtype=int)
    with pytest.raises(InvalidTarget, match="one class only, 0,"):
        AdditiveClassifier().fit(X, y)
    y[:5] = 1
    with pytest.raises(InvalidTarget, match="one class only, 0,"):
        AdditiveClassifier().fit(X, y, (y == 0).astype(float))


def test_42_a_class_of_one_row_is_fitted():
    X = columns()
    y = np.array(labels(X), dtype=object)
    y[3] = "rare"
    model = AdditiveClassifier().fit(X, y)
    probabilities = model.predict_proba(X)
    assert model.classes_.tolist() == ["no", "rare", "yes"]
    assert probabilities.sum(axis=1) == pytest.approx(1.0)
    assert probabilities[:, 1].mean() < 0.02


def test_43_fractions_for_a_classifier_and_words_for_a_regressor_are_refused():
    X = columns()
    with pytest.raises(InvalidTarget, match="Unknown label type: continuous"):
        AdditiveClassifier().fit(X, target(X))
    with pytest.raises(InvalidTarget, match="`y` is (yes|no) in row 0, which is no number"):
        AdditiveRegressor().fit(X, labels(X))


@pytest.mark.parametrize(
    ("family", "value"),
    [("poisson", -1.0), ("negative-binomial", -1.0), ("gamma", 0.0), ("gamma", -1.0),
     ("tweedie", -1e-9)],
)  # fmt: skip
def test_44_a_target_that_its_family_forbids_is_named(family, value):
    X = columns()
    y = target(X, family) + 1.0
    y[9] = value
    with pytest.raises(InvalidTarget, match=f"`y` is {value} in row 9, but a .* must be >"):
        AdditiveRegressor(family=family).fit(X, y)


@pytest.mark.parametrize("family", ["poisson", "negative-binomial", "tweedie"])
def test_44_counts_and_amounts_that_are_all_zero_are_refused(family):
    with pytest.raises(InvalidTarget, match="zero in every row"):
        AdditiveRegressor(family=family).fit(columns(), np.zeros(N_ROWS))


@pytest.mark.parametrize("size", [1e80, 1e-80])
def test_44_targets_too_large_or_small_to_be_squared_are_refused(size):
    X = columns()
    with pytest.raises(InvalidTarget, match="Measure the target in another unit"):
        AdditiveRegressor().fit(X, size * target(X))


@pytest.mark.parametrize("unit", [1e60, 1e-8])
@pytest.mark.parametrize("family", ["squared", "huber", "gamma", "quantile"])
def test_44_the_unit_of_a_target_with_a_scale_does_not_matter(family, unit):
    X = columns()
    y = target(X, family)
    plain = AdditiveRegressor(family=family, interactions=None).fit(X, y)
    model = AdditiveRegressor(family=family, interactions=None).fit(X, unit * y)
    # Tuning stops within a thousandth of a nat, and where exactly is up to rounding.
    np.testing.assert_allclose(model.predict(X) / unit, plain.predict(X), rtol=0.01, atol=0.01)
    assert model.score(X, unit * y) == pytest.approx(plain.score(X, y), abs=1e-3)


def test_45_a_prediction_that_overflows_is_named():
    X = columns()[["z"]]
    model = AdditiveRegressor(family="poisson").fit(X, target(columns(), "poisson"))
    with pytest.warns(ExtremeValueWarning, match=r"expected value of row 1 is exp\(.*overflows"):
        predicted = model.predict(pd.DataFrame({"z": [0.0, 1e6]}))
    assert np.isfinite(predicted).all()


def test_46_a_perfect_fit_is_told():
    X = columns()
    with pytest.warns(PerfectFitWarning, match="reproduces every target exactly"):
        model = AdditiveRegressor().fit(X, 2.0 * X["z"] - 1.0)
    assert model.predict(X) == pytest.approx(2.0 * X["z"] - 1.0, abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("constant", [1.0, 7.0, 0.3])
def test_46_of_a_constant_target_nothing_is_explained_and_that_is_told(family, constant):
    if (family, constant) == ("negative-binomial", 1.0):
        pytest.skip("the first fit is the minimum to rounding, which no search can judge")
    X = columns()
    with pytest.warns(BoundWarning, match="no column helps to predict"):
        model = AdditiveRegressor(family=family).fit(X, np.full(N_ROWS, constant))
    assert model.predict(X) == pytest.approx(constant, rel=1e-6)
    assert model.score(X, np.full(N_ROWS, constant)) == 1.0
    assert model.score(X, np.full(N_ROWS, constant + 1.0)) == 0.0
    assert all(row.shrunk for row in model.summary().terms)
    assert np.isfinite(model.predict_interval(X)).all()


def test_47_rows_given_many_times_are_no_trouble():
    X = columns(n_rows=20)
    y = target(X)
    many = np.repeat(np.arange(20), 10)
    model = AdditiveRegressor().fit(X.iloc[many], y[many])
    assert np.isfinite(model.predict_interval(X)).all()
    weighted = AdditiveRegressor(interactions=None, terms=[Spline("x", 6), Linear("z")])
    copies = AdditiveRegressor(interactions=None, terms=[Spline("x", 6), Linear("z")])
    weighted.fit(X, y, np.full(20, 10.0))
    copies.fit(X.iloc[many], y[many])
    np.testing.assert_allclose(weighted.predict(X), copies.predict(X), atol=1e-3)


@pytest.mark.parametrize("family", ["huber", "quantile"])
def test_48_outliers_rule_squared_loss_and_not_those_that_bound_their_pull(family):
    X = columns()
    y = target(X)
    clean = AdditiveRegressor(family=family, interactions=None).fit(X, y).predict(X)
    y[[3, 50, 120]] += 10.0  # thirty standard deviations of the noise
    robust, squared = (
        AdditiveRegressor(family=name, interactions=None).fit(X, y).predict(X)
        for name in (family, "squared")
    )
    assert np.sqrt(np.mean((robust - clean) ** 2)) < 0.05
    assert np.sqrt(np.mean((squared - clean) ** 2)) > 0.15


def test_48_a_target_that_rules_all_others_is_named():
    X = columns()
    y = target(X)
    y[3] += 1e6
    with pytest.warns(ExtremeValueWarning, match=r"`y` is .* \(`X`, row 3 .*family huber"):
        AdditiveRegressor(interactions=None).fit(X, y)


# All effects shrunk away


@pytest.mark.parametrize("seed", range(4))
def test_of_pure_noise_little_is_explained(seed):
    rng = np.random.default_rng(seed)
    X, y = columns(seed), rng.standard_normal(N_ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundWarning)
        model = AdditiveRegressor(interactions=None).fit(X, y)
    assert model.effective_params_ < 12.0
    assert model.score(X, y) < 0.15
    assert min(row.p_value for row in model.summary().terms) > 1e-3


def test_effects_that_are_all_shrunk_are_told_and_shown():
    # Noise from which everything that the columns could explain has been taken out.
    X = columns()
    terms = [Linear("x"), Linear("z"), Category("town")]
    rng = np.random.default_rng(0)
    A = np.column_stack(
        [X["x"], X["z"], *(X["town"] == town for town in ("Bath", "Hull", "York"))]
    ).astype(float)
    noise = rng.standard_normal(N_ROWS)
    noise -= A @ np.linalg.lstsq(A, noise, rcond=None)[0]
    with pytest.warns(BoundWarning, match="the effects of all 3 terms are shrunk to nothing"):
        model = AdditiveRegressor(terms=terms, interactions=None).fit(X, noise)
    assert str(model.summary()).count("shrunk to nothing") == 3
    assert np.ptp(model.predict(X)) < 1e-2
    effect = model.partial_effect("x")
    assert (effect.lower <= 0.0).all() and (effect.upper >= 0.0).all()


# 49 to 54: weights, exposures, offsets


def test_49_to_51_weights_that_cannot_be_are_named():
    X = columns()
    y = target(X)
    for value, match in ((-1.0, "a weight must be >= 0"), (np.nan, "finite"), (np.inf, "finite")):
        weight = np.ones(N_ROWS)
        weight[3] = value
        with pytest.raises(InvalidWeight, match=f"`sample_weight` is {value} in row 3.*{match}"):
            AdditiveRegressor().fit(X, y, weight)
        with pytest.raises(InvalidWeight, match=f"`sample_weight` is {value} in row 3"):
            AdditiveClassifier().fit(X, labels(X), weight)
    with pytest.raises(InvalidWeight, match="zero in every row"):
        AdditiveRegressor().fit(X, y, np.zeros(N_ROWS))
    with pytest.raises(InvalidWeight, match="zero in every row but row 5"):
        AdditiveRegressor().fit(X, y, (np.arange(N_ROWS) == 5).astype(float))


def test_52_a_weight_that_dominates_is_told():
    X, weight = columns(), np.ones(N_ROWS)
    weight[3] = 1e6
    with pytest.warns(ExtremeValueWarning, match="row 3 holds .* of all `sample_weight`"):
        AdditiveRegressor().fit(X, target(X), weight)


@pytest.mark.parametrize("family", ["squared", "poisson", "gamma"])
def test_53_a_row_of_weight_zero_is_not_there(family):
    X = columns()
    y = target(X, family)
    weight = np.ones(N_ROWS)
    weight[::7] = 0.0
    kept = weight > 0
    bad = y.copy()
    bad[::7] = y[::7] * 100.0 + 1.0  # whatever stands there
    wild = X.copy()
    wild.loc[::7, "x"] = -5.0
    model = AdditiveRegressor(family=family).fit(wild, bad, weight)
    assert_same(model, AdditiveRegressor(family=family).fit(X[kept], y[kept]))
    proba = AdditiveClassifier().fit(wild, labels(X), weight)
    assert_same(proba, AdditiveClassifier().fit(X[kept], labels(X)[kept]))


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_an_exposure_that_cannot_be_is_named_at_fit_at_predict_and_in_intervals(value):
    X = columns()
    y = target(X, "poisson")
    exposure = np.ones(N_ROWS)
    model = AdditiveRegressor(family="poisson", interactions=None).fit(X, y, exposure=exposure)
    exposure[4] = value
    for use in (
        lambda: AdditiveRegressor(family="poisson").fit(X, y, exposure=exposure),
        lambda: model.predict(X, exposure),
        lambda: model.predict_interval(X, exposure=exposure),
        lambda: model.score(X, y, exposure=exposure),
    ):
        with pytest.raises(InvalidWeight, match=f"`exposure` is {value} in row 4; it must be"):
            use()


@pytest.mark.parametrize("family", ["squared", "huber", "quantile"])
def test_an_exposure_of_a_family_without_one_is_refused(family):
    X = columns()
    with pytest.raises(InvalidParameter, match=f"family is {family}: only amounts on a log scale"):
        AdditiveRegressor(family=family).fit(X, target(X), exposure=np.ones(N_ROWS))


def test_an_offset_that_would_overflow_is_named():
    X = columns()
    offset = np.zeros(N_ROWS)
    offset[2] = 600.0
    with pytest.raises(InvalidWeight, match="`offset` is 600.0 in row 2"):
        AdditiveRegressor(family="poisson").fit(X, target(X, "poisson"), offset=offset)


@pytest.mark.parametrize("unit", [1e-6, 1e9])
def test_the_unit_of_an_exposure_does_not_matter(unit):
    X = columns()
    exposure = np.random.default_rng(3).uniform(0.5, 2.0, N_ROWS)
    y = np.random.default_rng(4).poisson(exposure * np.exp(np.sin(6.0 * X["x"]))).astype(float)
    plain = AdditiveRegressor(family="poisson").fit(X, y, exposure=exposure)
    model = AdditiveRegressor(family="poisson").fit(X, y, exposure=unit * exposure)
    np.testing.assert_allclose(
        model.predict(X, unit * exposure), plain.predict(X, exposure), rtol=1e-6
    )
    # Predictions without an exposure are per unit of it.
    np.testing.assert_allclose(unit * model.predict(X), plain.predict(X), rtol=1e-6)


# Arguments


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"terms": 3}, "`terms` is 3; expected a list"),
        ({"terms": []}, "`terms` is empty"),
        ({"terms": ["x"]}, "`terms` holds 'x'"),
        ({"terms": [Spline]}, "`terms` holds <class"),
        ({"interactions": -1}, "`interactions` is -1; expected 'auto', a number of pairs, or None"),
        ({"interactions": True}, "`interactions` is True"),
        ({"interactions": "all"}, "`interactions` is 'all'"),
        ({"alpha": -1.0}, "`alpha` is -1.0; penalties must be finite and >= 0"),
        ({"alpha": np.inf}, "`alpha` is inf"),
        ({"alpha": "auto"}, "`alpha` is 'auto'"),
        ({"alpha": {"x": 1.0}}, "`alpha` names the groups"),
        ({"criterion": "loo"}, "`criterion` is 'loo'; expected an object"),
        ({"criterion": LeaveOneOut}, "`criterion` is <class"),
        ({"n_basis": 3}, "`n_basis` is 3; it must be an integer from 4 to 200"),
        ({"tol": 0.0}, "`tol` is 0.0; it must be a positive number"),
        ({"max_iter": 0}, "`max_iter` is 0; it must be an integer >= 1"),
        ({"random_state": -1}, "`random_state` is -1; it must be an integer >= 0"),
        ({"family": "normal"}, "`family` is 'normal'; expected 'auto' or one of squared"),
        ({"family": "logistic"}, "For classes use AdditiveClassifier"),
        ({"family": 3}, "`family` is 3; expected a name or a Family"),
        ({"level": 0.9}, "`level` is 0.9, but the family is squared"),
        ({"family": "quantile", "level": 1.5}, "`level` is 1.5"),
    ],
    ids=str,
)
def test_an_argument_that_cannot_be_is_named_with_what_was_expected(arguments, match):
    X = columns()
    with pytest.raises(InvalidParameter, match=match):
        AdditiveRegressor(**arguments).fit(X, target(X))


@pytest.mark.parametrize(
    ("terms", "error", "match"),
    [
        ([Spline("age")], TableError, "no column 'age'"),
        ([Spline("x"), Linear("x")], TableError, "two features are called 'x'"),
        ([Spline("town")], InvalidData, "column 'town' holds words, and this term needs numbers"),
        ([Surface("town", "place")], InvalidData, "both hold words"),
        ([Cyclic("town", 3.0)], InvalidData, "column 'town' holds words"),
    ],
    ids=str,
)
def test_a_term_that_the_columns_cannot_be_is_named(terms, error, match):
    X = columns().assign(place=lambda X: X["town"].str.upper())
    with pytest.raises(error, match=match):
        AdditiveRegressor(terms=terms).fit(X, target(X))


def test_a_column_of_numbers_can_be_a_category():
    X = pd.DataFrame({"code": np.random.default_rng(0).integers(1, 5, N_ROWS)})
    y = np.where(X["code"] == 3, 2.0, 0.0) + 0.1 * np.random.default_rng(1).normal(size=N_ROWS)
    model = AdditiveRegressor(terms=[Category("code")]).fit(X, y)
    assert sorted(model.terms_[0].names) == ["code=1", "code=2", "code=3", "code=4"]
    assert model.score(X, y) > 0.9


def test_asking_for_an_effect_that_is_not_there_names_those_that_are():
    X = columns()
    model = AdditiveRegressor(terms=[Spline("x"), Product("town", "z")]).fit(X, target(X))
    with pytest.raises(InvalidParameter, match="no term 'z'; the terms are .'x', 'town × z'"):
        model.partial_effect("z")
    for use in (
        lambda: model.partial_effect("x", level=1.0),
        lambda: model.predict_interval(X, level=0.0),
        lambda: AdditiveClassifier(terms=[Spline("x")]).fit(X, labels(X)).predict_interval(X, 2.0),
    ):
        with pytest.raises(InvalidParameter, match="`level` is"):
            use()
    with pytest.raises(InvalidParameter, match="`n_points` is 1"):
        model.partial_effect("x", n_points=1)


def test_shapes_that_are_asked_for_are_refused_for_three_classes():
    X = columns()
    with pytest.raises(InvalidParameter, match="more than two classes"):
        AdditiveClassifier(terms=[Spline("x", monotone="increasing")]).fit(
            X, np.digitize(X["x"], [0.3, 0.6])
        )


def test_65_a_fit_that_runs_out_of_steps_is_told():
    X = columns()
    with pytest.warns(UserWarning, match="D101.*did not converge"):
        model = AdditiveRegressor(family="poisson", alpha=1e-3, max_iter=1, interactions=None).fit(
            X, target(X, "poisson")
        )
    assert not model.converged_ and np.isfinite(model.predict(X)).all()


# 66: the same bits

RUN = """
import numpy as np, pandas as pd, warnings
warnings.simplefilter("ignore")
from derivata import AdditiveClassifier, AdditiveRegressor
rng = np.random.default_rng(0)
X = pd.DataFrame({"x": rng.uniform(size=3000), "z": rng.normal(size=3000),
                  "c": rng.choice(list("abcd"), 3000)})
y = np.sin(6 * X["x"]) + X["z"] * (X["c"] == "a") + rng.normal(size=3000)
model = AdditiveRegressor().fit(X, y)
two = AdditiveClassifier(interactions=None).fit(X[:500], y[:500] > 0)
bits = [model.model_.params, model.predict(X), model.predict_interval(X[:50]),
        two.model_.params, two.predict_proba(X[:50])]
print(" ".join(str(hash(part.tobytes())) for part in bits), list(model.alphas_.items()))
"""


def run(threads):
    environment = {
        "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "PYTHONHASHSEED": "0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_66_a_fit_gives_the_same_bits_every_time_and_on_any_number_of_threads():
    one = run("1")
    assert run("1") == one
    assert run("2") == one


def test_66_another_random_state_changes_only_how_folds_are_dealt():
    X = columns()
    y = target(X)
    one, other = (AdditiveRegressor(random_state=seed).fit(X, y) for seed in (0, 1))
    assert_same(one, other)  # squared loss needs no folds
    dealt = [
        AdditiveRegressor(criterion=KFold(3, seed), interactions=None).fit(X, y) for seed in (0, 1)
    ]
    assert dealt[0].alphas_ != dealt[1].alphas_
