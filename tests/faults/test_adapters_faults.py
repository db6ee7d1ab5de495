"""Models, rows and targets that cannot be evaluated: each ends in words that name the cure."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    MultiTaskLasso,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata.adapters import adapt
from derivata.errors import (
    InvalidData,
    InvalidParameter,
    InvalidTarget,
    InvalidWeight,
    NotAvailable,
    NotConverged,
    NotConvergedWarning,
    ShapeMismatch,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 3))
Y = X @ [1.0, -1.0, 0.5] + RNG.standard_normal(50)
LABELS = np.where(Y > 0.2, "yes", "no")
FRAME = pd.DataFrame(X, columns=["age", "bmi", "dose"])
RIDGE = Ridge().fit(X, Y)
NAMED = Ridge().fit(FRAME, Y)
CLASSES = LogisticRegression().fit(X, LABELS)
SUPPORTED = "Ridge, RidgeCV, .*LogisticRegression, .*HuberRegressor"


def quietly(fit):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit()


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(),
        RidgeClassifier(),
        MultiTaskLasso().fit(X, np.column_stack([Y, Y])),
        make_pipeline(StandardScaler(), RandomForestRegressor(n_estimators=2)).fit(X, Y),
        "ridge",
        None,
    ],
)
def test_a_model_of_another_kind_is_told_which_there_are(model):
    with pytest.raises(InvalidParameter, match=SUPPORTED):
        adapt(model, X, Y)


@pytest.mark.parametrize(
    "model",
    [
        Ridge(),
        Lasso(),
        LinearRegression(),
        LogisticRegression(),
        PoissonRegressor(),
        HuberRegressor(),
        Pipeline([("ridge", Ridge())]),
        GridSearchCV(Ridge(), {"alpha": [1.0]}),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_model_that_is_not_fitted_is_told_to_be(model):
    with pytest.raises(InvalidParameter, match=r"is not fitted .*model.fit\(X, y\)"):
        adapt(model, X, Y)


def test_a_pipeline_that_is_not_fitted_is_refused_by_its_transformers():
    with pytest.raises(InvalidData, match="not fitted"):
        adapt(make_pipeline(StandardScaler(), Ridge()), X, Y)


def test_a_class_in_the_place_of_a_model_is_named():
    with pytest.raises(InvalidParameter, match=r"the class Ridge; .*Ridge\(\).fit"):
        adapt(Ridge, X, Y)


def test_a_search_that_kept_no_model_is_told_how_to():
    search = GridSearchCV(Ridge(), {"alpha": [1.0]}, refit=False).fit(X, Y)
    with pytest.raises(InvalidParameter, match="refit=True"):
        adapt(search, X, Y)


def test_a_pipeline_without_a_model_is_refused():
    with pytest.raises(InvalidParameter, match="its last must be a model"):
        adapt(Pipeline([("nothing", "passthrough")]), X, Y)
    with pytest.raises(InvalidParameter, match="StandardScaler, which cannot"):
        adapt(make_pipeline(StandardScaler()).fit(X), X, Y)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Ridge(positive=True).fit(X, Y), "positive=False"),
        (Lasso(alpha=0.01, positive=True).fit(X, Y), "positive=False"),
        (LinearRegression(positive=True).fit(X, Y), "positive=False"),
        (Ridge().fit(X, np.column_stack([Y, Y])), r"2 targets.*y\[:, j\]"),
        (
            TweedieRegressor(power=3.0).fit(X, np.exp(Y)),
            "powers from 1 to 2",
        ),
        (TweedieRegressor(power=0.0, link="log").fit(X, np.abs(Y)), "power 0 with the identity"),
    ],
)
def test_what_has_no_such_objective_is_told_the_cure(model, words):
    with pytest.raises(NotAvailable, match=words):
        adapt(model, X, Y)


def test_an_l1_penalty_of_three_classes_is_refused_with_what_there_is_instead():
    data, target = load_wine(return_X_y=True)
    data = StandardScaler().fit_transform(data)
    model = LogisticRegression(solver="saga", l1_ratio=1.0, C=0.1, max_iter=10_000)
    with pytest.raises(NotAvailable, match=r"of 3 classes.*LogisticClassifier\(penalty=Lasso"):
        adapt(model.fit(data, target), data, target)


def test_coefficients_that_are_means_over_folds_are_refused():
    model = LogisticRegressionCV(
        Cs=3, refit=False, l1_ratios=(0.0,), use_legacy_attributes=True, scoring="neg_log_loss"
    )
    with pytest.raises(NotAvailable, match="refit=True"):
        adapt(model.fit(X, LABELS), X, LABELS)


def test_a_huber_fit_of_most_rows_exactly_is_refused():
    target = X @ [1.0, 2.0, 3.0]
    model = quietly(lambda: HuberRegressor(max_iter=500).fit(X, target))
    model.scale_ = 1e-9
    with pytest.raises(NotAvailable, match="fits most rows exactly"):
        adapt(model, X, target)


def test_columns_in_another_order_or_of_other_names_are_refused():
    for frame in (
        FRAME[["bmi", "age", "dose"]],
        FRAME.rename(columns={"bmi": "weight"}),
        FRAME[["age", "bmi"]],
    ):
        with pytest.raises(InvalidData, match="feature names should match"):
            adapt(NAMED, frame, Y)
        with pytest.raises(InvalidData, match="feature names should match"):
            adapt(NAMED, FRAME, Y).judged(frame, Y)


def test_columns_in_another_order_are_refused_by_pipelines_too():
    model = make_pipeline(StandardScaler(), Ridge()).fit(FRAME, Y)
    with pytest.raises(InvalidData, match="feature names should match"):
        adapt(model, FRAME[["bmi", "age", "dose"]], Y)


def test_another_number_of_columns_is_refused():
    with pytest.raises(InvalidData, match="expecting 3 features"):
        adapt(RIDGE, X[:, :2], Y)


def test_a_cell_that_is_no_number_is_named():
    wrong = X.copy()
    wrong[4, 1] = np.nan
    with pytest.raises(InvalidData, match="row 4, column 'x1'"):
        adapt(RIDGE, wrong, Y)


def test_targets_of_another_length_or_shape_are_refused():
    with pytest.raises(ShapeMismatch, match="each of 50 rows"):
        adapt(RIDGE, X, Y[:-1])
    with pytest.raises(NotAvailable, match="2 targets"):
        adapt(RIDGE, X, np.column_stack([Y, Y]))
    adapt(RIDGE, X, Y[:, None])


@pytest.mark.parametrize("strange", ["maybe", "", "zzz"])
def test_a_class_that_the_model_does_not_know_is_named_with_its_row(strange):
    labels = LABELS.astype(object)
    labels[7] = strange
    with pytest.raises(InvalidTarget, match="in row 7, a class .*knows no, yes"):
        adapt(CLASSES, X, labels)
    with pytest.raises(InvalidTarget, match="in row 7"):
        adapt(CLASSES, X, LABELS).judged(X, labels)


def test_labels_of_another_kind_are_refused():
    with pytest.raises(InvalidTarget, match="class that the model was not fitted to"):
        adapt(CLASSES, X, Y > 0.2)


def test_targets_that_the_loss_forbids_are_named():
    model = GammaRegressor().fit(X, np.exp(Y))
    target = np.exp(Y)
    target[3] = 0.0
    with pytest.raises(InvalidTarget, match="in row 3"):
        adapt(model, X, target)
    broken = Y.copy()
    broken[5] = np.nan
    with pytest.raises(InvalidTarget, match="in row 5"):
        adapt(RIDGE, X, broken)
    with pytest.raises(InvalidTarget, match="no number"):
        adapt(RIDGE, X, LABELS)


def test_weights_that_cannot_be_used_are_named():
    with pytest.raises(InvalidWeight, match="row 2"):
        adapt(RIDGE, X, Y, np.where(np.arange(50) == 2, -1.0, 1.0))
    with pytest.raises(ShapeMismatch, match="49 numbers for 50 rows"):
        adapt(RIDGE, X, Y, np.ones(49))


def test_a_fit_that_stopped_early_is_refused_with_its_gradient():
    data, target = load_breast_cancer(return_X_y=True)
    model = quietly(lambda: LogisticRegression(max_iter=3).fit(data, target))
    with pytest.raises(NotConverged, match=r"standard errors .*gradient as fitted is [\d.e+-]+"):
        _ = adapt(model, data, target).at_minimum


@pytest.mark.parametrize("case", ["targets", "rows", "weights"])
def test_other_rows_targets_or_weights_than_those_of_the_fit_are_noticed(case):
    data, target = load_diabetes(return_X_y=True)
    model = Ridge(alpha=0.1).fit(data, target)
    weight = None
    if case == "targets":
        target = target[::-1]
    elif case == "rows":
        data, target = data[:200], target[:200]
    else:
        weight = np.where(data[:, 2] > 0.0, 3.0, 1.0)
    with pytest.raises(NotConverged, match="not the rows, targets or weights"):
        _ = adapt(model, data, target, weight).at_minimum


def test_a_fit_that_is_near_its_minimum_but_not_very_is_warned_of():
    data, target = load_breast_cancer(return_X_y=True)
    data = StandardScaler().fit_transform(data)
    model = quietly(lambda: LogisticRegression(solver="saga", random_state=0).fit(data, target))
    found = adapt(model, data, target)
    with pytest.warns(NotConvergedWarning, match="what is evaluated is the minimum"):
        assert found.at_minimum.relative_gradient < 1e-8
    assert 0.5 < found.distance < 2.0


def test_separated_classes_without_a_penalty_have_no_minimum_and_columns_are_named():
    data = X.copy()
    target = (data[:, 1] > 0.0).astype(int)
    model = quietly(lambda: LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000))
    model = quietly(lambda: model.fit(data, target))
    with pytest.raises(NotConverged, match=r"has no minimum.*\(x1, .*`C` below infinity"):
        _ = adapt(model, data, target).at_minimum


def test_a_weak_penalty_of_separated_classes_does_have_a_minimum():
    target = (X[:, 1] > 0.0).astype(int)
    model = LogisticRegression(C=1e4, solver="newton-cholesky", tol=1e-10).fit(X, target)
    found = adapt(model, X, target)
    assert found.at_minimum.relative_gradient < 1e-6
