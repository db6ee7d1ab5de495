"""What errors of measurement do, against simulations of them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.linear_model import ElasticNet, LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import derivata
from derivata.criteria import KFold
from derivata.evaluation.sensitivity import sensitivity
from derivata.tables import table_from_frame
from derivata.terms import Spline
from tests.unit.evaluation.test_sensitivity import classes, numbers

ERRORS = {"x0": 0.3, "x2": 0.2}


def column(made, name):
    return next(each for each in made.columns if each.name == name)


def test_predictions_of_a_linear_model_move_by_the_coefficient_times_the_error():
    X, y = numbers()
    model = Ridge(alpha=2.0).fit(X, y)
    made = sensitivity(model, X, y, measurement_error=ERRORS)
    assert [each.name for each in made.columns] == ["x0", "x2"]
    for name, error in ERRORS.items():
        found = column(made, name)
        move = abs(model.coef_[int(name[1])]) * error
        assert found.error == error
        assert found.prediction_change == pytest.approx(move, rel=1e-9)
        # Expected change of half a square: half the variance that the error adds.
        assert found.loss_change == pytest.approx(0.5 * move**2, rel=1e-6)


def test_without_a_word_errors_are_one_per_cent_of_each_columns_spread():
    X, y = numbers()
    made = sensitivity(Ridge(alpha=2.0).fit(X, y), X, y)
    np.testing.assert_allclose([each.error for each in made.columns], 0.01 * X.std(axis=0))
    assert "one per cent" in str(made)


def test_the_held_out_loss_of_a_classifier_moves_as_in_a_simulation():
    X, y = classes()
    model = LogisticRegression(C=3.0, tol=1e-10).fit(X, y)
    made = column(sensitivity(model, X, y, criterion=KFold(3), measurement_error=ERRORS), "x0")
    rng, total = np.random.default_rng(0), 0.0
    moves, n = 0.0, 2_000
    start = model.predict_proba(X)
    for _ in range(n):
        e = ERRORS["x0"] * rng.standard_normal(len(X))
        for sign in (1.0, -1.0):
            moved = X.copy()
            moved[:, 0] += sign * e
            p = model.predict_proba(moved)
            total -= np.log(p[np.arange(len(y)), y]).mean() / (2 * n)
            moves += ((p - start)[:, 0] ** 2).mean() / (2 * n)
    truth = total + np.log(start[np.arange(len(y)), y]).mean()
    assert made.loss_change == pytest.approx(truth, rel=0.01)
    assert made.prediction_change == pytest.approx(np.sqrt(moves), rel=0.01)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Ridge(alpha=3.0),
        lambda: LogisticRegression(C=0.5, tol=1e-10),
        lambda: PoissonRegressor(alpha=0.05, tol=1e-10),
    ],
    ids=["ridge", "logistic", "poisson"],
)
def test_coefficients_shrink_and_spread_as_in_refits_to_noisy_columns(make):
    # Few rows a parameter, so that more than the leading order in n is needed.
    X, y = numbers(n=30) if isinstance(make(), Ridge) else classes()
    X, y = X[:30], y[:30]
    error = 0.1
    found = column(sensitivity(make().fit(X, y), X, y, measurement_error={"x0": error}), "x0")
    first = make().fit(X, y).coef_.ravel()[0]
    rng, n = np.random.default_rng(0), 500
    changes = np.empty((n, 2))
    for draw in range(n):
        e = error * rng.standard_normal(30)
        for place, sign in enumerate((1.0, -1.0)):  # pairs: what is linear in e cancels
            moved = X.copy()
            moved[:, 0] += sign * e
            changes[draw, place] = make().fit(moved, y).coef_.ravel()[0] - first
    means = changes.mean(axis=1)
    sampled = means.std() / np.sqrt(n)
    assert found.coefficient == pytest.approx(first, rel=1e-5)
    assert abs(found.coefficient_bias - means.mean()) < 4.0 * sampled + 0.03 * abs(means.mean())
    assert found.coefficient_spread == pytest.approx(changes.std(), rel=0.05)
    assert found.attenuation == pytest.approx(-found.coefficient_bias / first, rel=1e-5)


def test_a_column_in_other_units_or_scaled_by_a_pipeline_says_the_same():
    X, y = numbers()
    made = column(
        sensitivity(
            make_pipeline(StandardScaler(), Ridge(alpha=2.0)).fit(X, y),
            X,
            y,
            measurement_error=ERRORS,
        ),
        "x0",
    )
    scaled = StandardScaler().fit(X)
    Z = scaled.transform(X)
    inner = column(
        sensitivity(
            Ridge(alpha=2.0).fit(Z, y), Z, y, measurement_error={"x0": 0.3 / scaled.scale_[0]}
        ),
        "x0",
    )
    assert made.prediction_change == pytest.approx(inner.prediction_change, rel=1e-9)
    assert made.coefficient == pytest.approx(inner.coefficient / scaled.scale_[0], rel=1e-6)
    assert made.attenuation == pytest.approx(inner.attenuation, rel=1e-6)


def test_a_coefficient_held_at_zero_stays_there():
    X, y = numbers()
    model = ElasticNet(alpha=0.5, l1_ratio=0.9, tol=1e-12).fit(X, y)
    zero = int(np.flatnonzero(model.coef_ == 0.0)[0])
    name = f"x{zero}"
    made = column(sensitivity(model, X, y, measurement_error={name: 0.2}), name)
    assert made.prediction_change == 0.0
    assert made.coefficient == made.coefficient_bias == made.coefficient_spread == 0.0


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_frames_are_moved_column_by_column_and_words_are_left_out(kind):
    X, y = numbers()
    columns = {"a": X[:, 0], "word": np.where(X[:, 1] > 0, "up", "down"), "b": X[:, 2]}
    frame = kind(columns)
    pipeline = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(sparse_output=False), ["word"]), remainder=StandardScaler()
        ),
        Ridge(alpha=1.0),
    ).fit(frame, y)
    made = sensitivity(pipeline, frame, y, measurement_error={"a": 0.1})
    moved = pd.DataFrame(columns).assign(a=X[:, 0] + 0.1)
    truth = pipeline.predict(kind(moved.to_dict("list"))) - pipeline.predict(frame)
    assert column(made, "a").prediction_change == pytest.approx(abs(truth[0]), rel=1e-9)
    assert column(made, "a").coefficient == pytest.approx(truth[0] / 0.1, rel=1e-6)
    assert [each.name for each in sensitivity(pipeline, frame, y).columns] == ["a", "b"]


def test_a_curve_is_moved_as_it_bends():
    rng = np.random.default_rng(1)
    X = rng.uniform(-2.0, 2.0, (150, 1))
    y = np.sin(2.0 * X[:, 0]) + 0.2 * rng.standard_normal(150)
    model = derivata.AdditiveRegressor().fit(X, y)
    name = "x0"
    made = sensitivity(model, X, y, measurement_error={name: 0.2}).columns[0]
    draws = [model.predict(X + 0.2 * rng.standard_normal(X.shape)) for _ in range(3_000)]
    square = np.mean((np.array(draws) - model.predict(X)) ** 2)
    assert made.prediction_change == pytest.approx(np.sqrt(square), rel=0.02)
    assert np.isnan(made.coefficient)


def test_a_model_that_reads_one_column_of_an_array_is_asked_of_that_one():
    X, y = numbers()
    model = derivata.AdditiveRegressor([Spline("x0", monotone="increasing")]).fit(X, y)
    made = sensitivity(model, X, y)
    assert [each.name for each in made.columns] == ["x0"]


def test_a_sparse_matrix_is_not_moved_and_that_is_said():
    X, y = numbers()
    rows = sparse.csr_array(X)
    made = sensitivity(Ridge(alpha=1.0, solver="sparse_cg", tol=1e-12).fit(rows, y), rows, y)
    assert made.columns == ()
    assert "hand in an array or a frame" in str(made)


def test_a_table_is_moved_by_the_columns_that_its_model_reads():
    rng = np.random.default_rng(4)
    n = 120
    frame = pd.DataFrame(
        {
            "age": rng.normal(size=n),
            "town": rng.choice(["Bath", "Ely", "York"], n),
            "times": rng.integers(0, 3, n),
        }
    )
    frame["size"] = frame["age"] + (frame["town"] == "Ely") + 0.3 * rng.normal(size=n)
    frame.loc[5, "size"] = np.nan
    model = derivata.TableModel.fit(frame, "size", weights="times", drop_missing_target=True)
    used = np.flatnonzero((frame["times"] > 0) & frame["size"].notna())
    for X in (frame, pl.DataFrame(frame.to_dict("list")), table_from_frame(frame)):
        made = sensitivity(model, X, None, measurement_error={"age": 0.1})
        np.testing.assert_array_equal(made.rows, used)
        (found,) = made.columns
        assert found.prediction_change == pytest.approx(0.1, rel=0.2)
        assert [each.name for each in sensitivity(model, X, None).columns] == ["age"]
    start = model.predict(frame)["prediction"][used]
    moved = [
        model.predict(frame.assign(age=frame["age"] + by))["prediction"][used] - start
        for by in (0.1 * np.sqrt(3.0), -0.1 * np.sqrt(3.0))
    ]
    weight = frame["times"].to_numpy()[used]
    square = np.average(moved[0] ** 2 + moved[1] ** 2, weights=weight) / 6.0
    assert found.prediction_change == pytest.approx(np.sqrt(square), rel=1e-9)
