"""Bad input to ``sensitivity``: each is refused in words that name it and the cure."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge

from derivata.criteria import Evidence
from derivata.errors import InvalidData, InvalidParameter, NotAvailable, NotConverged
from derivata.evaluation.sensitivity import sensitivity

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
Y = X[:, 0] + RNG.standard_normal(40)
MODEL = Ridge(alpha=2.0).fit(X, Y)


@pytest.mark.parametrize("rows", [[40], [-1], [0.5], [], "all", [[0, 1]], [True, False]])
def test_rows_that_are_not_there(rows):
    with pytest.raises(InvalidParameter, match="numbers of rows of `X`.* from 0 to 39"):
        sensitivity(MODEL, X, Y, rows=rows)


def test_rows_of_weight_zero():
    weight = np.ones(40)
    weight[3] = 0.0
    with pytest.raises(InvalidParameter, match="weight is above zero"):
        model = Ridge(alpha=2.0).fit(X, Y, sample_weight=weight)
        sensitivity(model, X, Y, rows=[3], sample_weight=weight)


@pytest.mark.parametrize("criterion", ["loo", 5, LogisticRegression()])
def test_a_criterion_that_is_none(criterion):
    with pytest.raises(InvalidParameter, match="expected LeaveOneOut"):
        sensitivity(MODEL, X, Y, criterion=criterion)


@pytest.mark.parametrize("n_refitted", [-1, 2.5, "all"])
def test_a_number_of_refits_that_is_none(n_refitted):
    with pytest.raises(InvalidParameter, match="`n_refitted` is"):
        sensitivity(MODEL, X, Y, n_refitted=n_refitted)


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        (0.1, "expected a dict of column names"),
        ({"age": 0.1}, "names 'age', which is none.*Numeric columns are: x0, x1, x2"),
        ({"x0": 0.0}, "`measurement_error\\['x0'\\]` is 0.0"),
        ({"x0": -1.0}, "expected a standard deviation above zero"),
        ({"x0": np.nan}, "expected a standard deviation above zero"),
        ({"x0": np.inf}, "expected a standard deviation above zero"),
        ({"x0": "much"}, "expected a standard deviation above zero"),
        ({"x0": True}, "expected a standard deviation above zero"),
    ],
)
def test_errors_of_measurement_that_are_none(errors, told):
    with pytest.raises(InvalidParameter, match=told):
        sensitivity(MODEL, X, Y, measurement_error=errors)


def test_an_error_of_measurement_of_a_column_of_two_values():
    Z = np.column_stack([X, X[:, 0] > 0]).astype(float)
    with pytest.raises(InvalidParameter, match="'x3', which has no numbers of more than two"):
        sensitivity(Ridge().fit(Z, Y), Z, Y, measurement_error={"x3": 0.1})


def test_models_that_are_not_fitted_or_of_another_kind():
    with pytest.raises(InvalidParameter, match="not fitted"):
        sensitivity(Ridge(), X, Y)
    with pytest.raises(InvalidParameter, match="Supported are"):
        sensitivity(RandomForestRegressor(n_estimators=2).fit(X, Y), X, Y)


def test_other_columns_and_other_rows():
    with pytest.raises(InvalidData):
        sensitivity(MODEL, X[:, :2], Y)
    with pytest.raises(NotConverged, match="not the rows, targets or weights"):
        sensitivity(MODEL, X, RNG.permutation(Y) + 3.0)


def test_a_criterion_that_a_penalty_has_none_of():
    with pytest.raises(NotAvailable, match="KFold"):
        sensitivity(Lasso(alpha=0.1, tol=1e-10).fit(X, Y), X, Y, criterion=Evidence())


def test_rows_fitted_with_certainty():
    labels = (X[:, 0] > 0).astype(int)
    model = LogisticRegression(C=1e9, tol=1e-12, max_iter=10_000).fit(X, labels)
    with pytest.raises(NotConverged):
        sensitivity(model, X, labels)


def test_a_frame_in_another_order():
    import pandas as pd

    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = Ridge().fit(frame, Y)
    with pytest.raises((InvalidData, ValueError), match="order|match"):
        sensitivity(model, frame[["b", "a", "c"]], Y)


def test_targets_of_one_value_are_no_reason_to_fail():
    made = sensitivity(Ridge().fit(X, np.ones(40)), X, np.ones(40))
    assert "unknown" not in made.hyper[0].verdict
    assert str(made)


@pytest.mark.parametrize("model", [Ridge(alpha=1e-8), LinearRegression()], ids=str)
def test_a_perfect_fit_is_no_reason_to_fail(model):
    made = sensitivity(model.fit(X, X.sum(axis=1)), X, X.sum(axis=1))
    assert made.value < 1e-15
    assert str(made)


def test_repeated_columns_and_one_value_columns_are_no_reason_to_fail():
    Z = np.column_stack([X, X[:, 0], np.ones(40)])
    for model in (Ridge(), LinearRegression()):
        made = sensitivity(model.fit(Z, Y), Z, Y)
        assert np.isfinite(made.value)
        assert [each.name for each in made.columns] == ["x0", "x1", "x2", "x3"]


def test_more_columns_than_rows():
    Z = RNG.standard_normal((25, 60))
    made = sensitivity(Ridge(alpha=5.0).fit(Z, Y[:25]), Z, Y[:25])
    near = made.hyper[0].at(1.01)
    assert near.predicted == pytest.approx(near.refitted, rel=0.02)
    assert len(made.columns) == 60
