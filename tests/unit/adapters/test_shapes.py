"""Shapes give the outputs and responses of the models they were read off."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model as lm
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import LinearSVC

from derivata import (
    AdditiveClassifier,
    AdditiveRegressor,
    LinearRegressor,
    LogisticClassifier,
    PoissonRegressor,
    TableModel,
)
from derivata.adapters.column_owners import owners
from derivata.adapters.shapes import SHAPES, shape_of
from derivata.errors import InvalidParameter
from derivata.evaluation.attribute import attribute

X, Y = load_diabetes(return_X_y=True)
X = X * 20.0
AMOUNTS = Y / Y.mean()
IRIS = load_iris(return_X_y=True)
TWO = IRIS[0][50:], IRIS[1][50:]


def fitted(model, rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # small fits, not all at their minimum
        return model.fit(*rows), rows[0]


REGRESSIONS = [
    lm.LinearRegression(),
    lm.Ridge(),
    lm.Lasso(0.1),
    lm.HuberRegressor(),
    lm.QuantileRegressor(alpha=0.01),
    lm.BayesianRidge(),
    lm.SGDRegressor(),
    lm.PoissonRegressor(),
    lm.GammaRegressor(),
    lm.TweedieRegressor(power=1.5),
    lm.TweedieRegressor(power=0),
    MLPRegressor(hidden_layer_sizes=(8,), activation="tanh", max_iter=30),
    MLPRegressor(loss="poisson", hidden_layer_sizes=(8,), max_iter=30),
    LinearRegressor(alpha=1.0),
    LinearRegressor(alpha=1.0, fit_intercept=False),
    PoissonRegressor(alpha=1.0),
    AdditiveRegressor(family="gamma", alpha=1.0, interactions=0),
    AdditiveRegressor(alpha=1.0, interactions=0),
]
CLASSIFIERS = [
    lm.LogisticRegression(max_iter=50),
    LinearDiscriminantAnalysis(),
    MLPClassifier((8, 8), max_iter=30),
    LogisticClassifier(alpha=1.0),
    AdditiveClassifier(alpha=1.0, interactions=0),
]


@pytest.mark.parametrize("model", REGRESSIONS, ids=repr)
def test_responses_of_regressions_are_their_predictions(model):
    model, rows = fitted(model, (X, AMOUNTS))
    found = attribute(model, rows[:5], background=rows, on="response")
    np.testing.assert_allclose(found.output, model.predict(rows[:5]), rtol=1e-12)
    assert found.completeness_error.max() < 1e-5


@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
@pytest.mark.parametrize("rows", [IRIS, TWO], ids=["three classes", "two classes"])
def test_responses_of_classifiers_are_their_probabilities(model, rows):
    model, X = fitted(model, rows)
    probability = model.predict_proba(X[:5])
    found = attribute(model, X[:5], background=X, on="response")
    logs = np.log(probability)
    if len(model.classes_) == 2:
        probability, logs = probability[:, 1], logs[:, 1] - logs[:, 0]
    else:
        logs = logs - logs.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found.output, probability, rtol=1e-9)
    outputs = attribute(model, X[:5], background=X).output
    np.testing.assert_allclose(outputs, logs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("model", [LinearSVC(), lm.RidgeClassifier(), lm.SGDClassifier()], ids=repr)
@pytest.mark.parametrize("rows", [IRIS, TWO], ids=["three classes", "two classes"])
def test_scores_are_explained_where_there_are_no_probabilities(model, rows):
    model, X = fitted(model, rows)
    found = attribute(model, X[:5], background=X)
    np.testing.assert_allclose(found.output, model.decision_function(X[:5]), rtol=1e-12)
    assert found.scale.startswith("score")


def test_one_class_against_the_rest_has_scores_alone():
    model = lm.SGDClassifier(loss="log_loss").fit(*IRIS)
    assert shape_of(model).link is None


def frame():
    rng = np.random.default_rng(0)
    cells = pd.DataFrame(X[:200, :3], columns=["age", "sex", "bmi"])
    cells["town"] = rng.choice(["Bath", "Rye", "York"], 200)
    cells.loc[::9, "age"] = np.nan
    return cells, Y[:200] + 40.0 * (cells["town"] == "Rye")


def column_by_column():
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    return ColumnTransformer(
        [
            ("town", OneHotEncoder(handle_unknown="ignore"), ["town"]),
            ("numbers", numbers, ["age", "bmi"]),
            ("curve", SplineTransformer(4), ["sex"]),
        ]
    )


def test_contributions_of_transformed_columns_come_back_to_the_users():
    cells, y = frame()
    model = make_pipeline(column_by_column(), lm.Ridge(0.1)).fit(cells, y)
    found = attribute(model, cells[:4], background=cells)
    assert found.names == ("age", "sex", "bmi", "town")
    np.testing.assert_allclose(found.output, model.predict(cells[:4]), rtol=1e-12)
    # A column that is at its baseline contributes nothing, whatever became of it.
    moved = cells.iloc[[3]].assign(town="York" if cells["town"][3] != "York" else "Rye")
    change = attribute(model, moved, baseline=cells.iloc[3])
    np.testing.assert_allclose(change.values[0, :3], 0.0, atol=1e-12)
    assert abs(change.values[0, 3]) > 1.0


def test_owners_are_those_of_each_transformer():
    numbers = X[:50, :3]
    cells = np.round(numbers)
    assert owners(StandardScaler().fit(numbers), 3).tolist() == [0, 1, 2]
    spline = SplineTransformer(4, degree=2).fit(numbers)
    assert owners(spline, 3).tolist() == np.repeat([0, 1, 2], 5).tolist()
    levels = OneHotEncoder().fit(cells)
    counts = [len(np.unique(column)) for column in cells.T]
    assert owners(levels, 3).tolist() == np.repeat([0, 1, 2], counts).tolist()
    bins = KBinsDiscretizer(3, encode="onehot", strategy="uniform")
    assert owners(bins.fit(numbers), 3).tolist() == np.repeat([0, 1, 2], 3).tolist()
    chosen = SelectKBest(k=1).fit(numbers, (numbers[:, 2] > 0).astype(int))
    assert owners(chosen, 3).tolist() == [2]
    assert owners("passthrough", 2).tolist() == [0, 1]
    assert owners(PCA(2).fit(numbers), 3) is None
    assert owners(PolynomialFeatures().fit(numbers), 3) is None


def test_mixed_columns_are_explained_under_their_own_names():
    cells = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    model = make_pipeline(PolynomialFeatures(2, include_bias=False), lm.Ridge()).fit(cells, Y)
    found = attribute(model, cells[:2], background=cells)
    assert found.names[:4] == ("a", "b", "c", "a^2")
    np.testing.assert_allclose(found.output, model.predict(cells[:2]), rtol=1e-12)


def test_a_pipeline_that_ends_in_a_scaler_knows_its_mean():
    model = make_pipeline(StandardScaler(), lm.LogisticRegression()).fit(*IRIS)
    found = attribute(model, IRIS[0][:3])
    expected = attribute(model, IRIS[0][:3], background=IRIS[0])
    np.testing.assert_allclose(found.values, expected.values, atol=1e-12)
    assert "mean of the rows" in found.notes[0]


def test_a_search_is_explained_as_its_best_model():
    search = GridSearchCV(make_pipeline(StandardScaler(), lm.Ridge()), {"ridge__alpha": [1.0]})
    search.fit(X, Y)
    found = attribute(search, X[:3])
    expected = attribute(search.best_estimator_, X[:3])
    np.testing.assert_array_equal(found.values, expected.values)


def test_an_exposure_is_a_term_of_its_own():
    rng = np.random.default_rng(1)
    cells = pd.DataFrame({"a": rng.normal(size=300), "time": rng.uniform(0.5, 3.0, 300)})
    cells["n"] = rng.poisson(cells["time"] * np.exp(0.5 * cells["a"]))
    model = TableModel.fit(cells, "n", exposure="time", interactions=0)
    found = attribute(model, cells[:6])
    assert found.names[-1] == "time"
    np.testing.assert_allclose(found.values[:, -1], np.log(cells["time"][:6]), rtol=1e-14)
    np.testing.assert_allclose(np.exp(found.output), model.predict(cells[:6])["prediction"])


def test_a_class_that_is_named_here_is_there():
    import sklearn.experimental.enable_halving_search_cv  # noqa: F401
    from sklearn import discriminant_analysis, model_selection, neural_network, pipeline, svm

    homes = (lm, discriminant_analysis, model_selection, neural_network, pipeline, svm)
    theirs = {name for home in homes for name in dir(home)}
    assert {name for library, name in SHAPES if library == "sklearn"} <= theirs


def test_other_models_are_refused_with_those_that_are_supported():
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(2).fit(X, Y)
    with pytest.raises(InvalidParameter, match="RandomForestRegressor.*AdditiveRegressor.*Ridge"):
        shape_of(forest)
    with pytest.raises(InvalidParameter, match="the class Ridge"):
        shape_of(lm.Ridge)
    for model, lacks in ((lm.Ridge(), "coef_"), (MLPClassifier(), "coefs_")):
        with pytest.raises(InvalidParameter, match=f"not fitted .it has no `{lacks}`"):
            shape_of(model)
    with pytest.raises(InvalidParameter, match="not fitted"):
        shape_of(make_pipeline(StandardScaler(), lm.Ridge()))
    with pytest.raises(InvalidParameter, match="not fitted"):
        shape_of(AdditiveRegressor())


def test_a_users_subclass_is_explained_as_its_parent():
    class OwnRidge(lm.Ridge):
        """A Ridge of a user's own."""

    model = OwnRidge().fit(X, Y)
    np.testing.assert_array_equal(shape_of(model).weight, model.coef_[None])


def test_sparse_rows_are_taken():
    from scipy.sparse import csr_array

    model = lm.Ridge().fit(csr_array(X), Y)
    found = attribute(model, csr_array(X[:3]), baseline=np.zeros(10))
    np.testing.assert_allclose(found.values, X[:3] * model.coef_, rtol=1e-13)


def test_breast_cancer_is_explained_as_a_frame():
    cells, y = load_breast_cancer(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), lm.LogisticRegression()).fit(cells, y)
    found = attribute(model, cells.iloc[0])
    scaled = model[0].transform(cells[:1])[0]
    np.testing.assert_allclose(found.values[0], scaled * model[1].coef_[0], rtol=1e-12)
    assert found.names == tuple(cells.columns)


def test_a_loss_of_ones_own_is_explained_whatever_its_predictor():
    jnp = pytest.importorskip("jax.numpy")
    from derivata.estimators.custom import LossEstimator
    from derivata.losses import HuberLoss

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 3))
    y = np.sin(rows[:, 0]) * rows[:, 1] + 0.01 * rng.normal(size=60)
    linear = LossEstimator(HuberLoss(1.0), alpha=1.0).fit(rows, y)
    found = attribute(linear, rows[:4])  # standardised: it knows the mean
    np.testing.assert_allclose(found.values, (rows[:4] - rows.mean(axis=0)) * linear.coef_)

    def waves(params, x):
        return params["size"] * jnp.sin(params["speed"] * x[0]) * x[1]

    start = {"size": np.array(0.9), "speed": np.array(1.1)}
    curved = LossEstimator(predictor=waves, params=start, alpha=1e-3).fit(rows, y)
    found = attribute(curved, rows[:4], baseline=np.zeros(3))
    np.testing.assert_allclose(found.output, curved.predict(rows[:4]), rtol=1e-12)
    assert found.completeness_error.max() < 1e-8 and not found.values[:, 2].any()
