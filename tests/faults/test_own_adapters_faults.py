"""This package's models beside rows that they cannot be evaluated on: words that name the cure."""

import numpy as np
import pandas as pd
import pytest

from derivata import (
    AdditiveClassifier,
    AdditiveRegressor,
    LinearRegressor,
    LogisticClassifier,
    PoissonRegressor,
    TableModel,
)
from derivata.adapters import adapt
from derivata.errors import DerivataError, InvalidParameter, NotConverged
from derivata.estimators.custom import LossEstimator
from derivata.losses import SquaredLoss

N = 60
RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(N, 3)), columns=["age", "bmi", "dose"])
MEAN = X["age"].to_numpy() - 0.5 * X["dose"].to_numpy()
NUMBERS = MEAN + 0.3 * RNG.standard_normal(N)
COUNTS = RNG.poisson(np.exp(MEAN)).astype(float)
LABELS = np.where(MEAN + RNG.logistic(size=N) > 0, "yes", "no")
ESTIMATORS = {
    "linear": (LinearRegressor(1.0), NUMBERS),
    "counts": (PoissonRegressor(1.0), COUNTS),
    "classes": (LogisticClassifier(1.0), LABELS),
    "a loss": (LossEstimator(SquaredLoss(), alpha=1.0), NUMBERS),
    "additive": (AdditiveRegressor(interactions=None), NUMBERS),
    "additive classes": (AdditiveClassifier(interactions=None), LABELS),
}
FITTED = {name: (model.fit(X, y), y) for name, (model, y) in ESTIMATORS.items()}
EVERY = pytest.mark.parametrize(("model", "y"), FITTED.values(), ids=list(FITTED))


@EVERY
def test_a_model_that_is_not_fitted_and_a_class_are_refused(model, y):
    with pytest.raises(InvalidParameter, match=r"not fitted.*fit\(X, y\)"):
        adapt(type(model)(), X, y)
    with pytest.raises(InvalidParameter, match="is the class"):
        adapt(type(model), X, y)


@EVERY
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda X, y: (X[["bmi", "age", "dose"]], y), "order|feature names"),
        (lambda X, y: (X.rename(columns={"age": "years"}), y), "years|feature names"),
        (lambda X, y: (X[["age", "bmi"]], y), "dose|features"),
        (lambda X, y: (X, y[:-1]), "59"),
        (lambda X, y: (X, np.column_stack([y, y])), "targets|column|1d"),
        (lambda X, y: (X, None), "y"),
        (lambda X, y: (X.assign(age=np.inf), y), "age|infin"),
    ],
    ids=["order", "name", "fewer", "shorter y", "two targets", "no y", "infinite"],
)
def test_rows_that_do_not_fit_are_named(model, y, change, words):
    with pytest.raises(DerivataError, match=words):
        adapt(model, *change(X, y))


@EVERY
@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (np.full(N, -1.0), "-1.0 in row 0"),
        (np.zeros(N), "zero in every row"),
        (np.ones(N - 1), "59"),
    ],
    ids=["negative", "none left", "shorter"],
)
def test_weights_that_are_none_are_named(model, y, weight, words):
    with pytest.raises(DerivataError, match=words):
        adapt(model, X, y, weight)


@EVERY
def test_rows_of_another_fit_are_refused_once_a_minimum_is_asked_for(model, y):
    if y.dtype.kind == "U":
        other = np.where(y == "yes", "no", "yes")
    else:
        other = y.max() + 3.0 * y[::-1]
    with pytest.raises(NotConverged, match="not the rows, targets or weights"):
        _ = adapt(model, X, other).at_minimum
    assert adapt(model, X, y).at_minimum.relative_gradient < 1e-7


def test_a_table_needs_its_columns_and_no_target_beside_it():
    table = X.assign(price=NUMBERS)
    model = TableModel.fit(table, "price", interactions=None)
    with pytest.raises(InvalidParameter, match="whole table"):
        adapt(model, table, NUMBERS)
    with pytest.raises(DerivataError, match="price"):
        adapt(model, X, None)
    with pytest.raises(DerivataError, match="age"):
        adapt(model, table.drop(columns="age"), None)
