"""Every estimator keeps scikit-learn's contract: its own checks, pipelines, searches, routing."""

import pickle
import warnings
from contextlib import contextmanager
from unittest import SkipTest

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator

from derivata import KFold, LinearRegressor, LogisticClassifier, Newton, PoissonRegressor
from derivata.errors import BoundWarning, PerfectFitWarning

ESTIMATORS = (LinearRegressor, LogisticClassifier, PoissonRegressor)
EACH = pytest.mark.parametrize("estimator_class", ESTIMATORS, ids=lambda made: made.__name__)
# Checks that scikit-learn has but does not yield for estimators that do not transform.
UNLISTED = (
    "check_dataframe_column_names_consistency",
    "check_param_validation",
    "check_inplace_ensure_writeable",
)
# Needs SCIPY_ARRAY_API=1 in the environment before SciPy is imported.
SKIPPED = {"check_array_api_input"}


def _listed_checks():
    for estimator_class in ESTIMATORS:
        for estimator, check in estimator_checks_generator(estimator_class()):
            name = getattr(check, "func", check).__name__
            arguments = [str(value) for value in getattr(check, "keywords", {}).values()]
            label = "-".join([estimator_class.__name__, name, *arguments])
            yield pytest.param(estimator, check, name, id=label)


@contextmanager
def _true_warnings_ignored():
    """Targets of the checks are random, or a column of X, and derivata says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundWarning)
        warnings.simplefilter("ignore", PerfectFitWarning)
        yield


def data(estimator_class, n_rows=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 3))
    outputs = X @ [1.0, -1.0, 0.5] + 0.3
    if estimator_class is LogisticClassifier:
        return X, np.where(outputs + rng.logistic(size=n_rows) > 0, "yes", "no")
    if estimator_class is PoissonRegressor:
        return X, rng.poisson(np.exp(0.5 * outputs))
    return X, outputs + 0.3 * rng.standard_normal(n_rows)


def assert_same_model(one, other):
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.intercept_, other.intercept_)
    np.testing.assert_array_equal(one.alpha_, other.alpha_)


# scikit-learn's own checks


@pytest.mark.parametrize("estimator, check, name", list(_listed_checks()))
def test_check_estimator_finds_nothing(estimator, check, name):
    with _true_warnings_ignored():
        try:
            check(estimator)
        except SkipTest as skipped:
            assert name in SKIPPED, f"{name} was skipped: {skipped}"


@EACH
@pytest.mark.parametrize("check", UNLISTED)
def test_checks_that_scikit_learn_does_not_list_find_nothing(estimator_class, check):
    with _true_warnings_ignored():
        getattr(estimator_checks, check)(estimator_class.__name__, estimator_class())


# Cloning, pickling


@EACH
def test_a_clone_has_the_same_parameters_and_fits_the_same(estimator_class):
    X, y = data(estimator_class)
    model = estimator_class(2.0, groups=["a", "b", "a"], solver=Newton(tol=1e-9)).fit(X, y)
    copy = clone(model)
    assert repr(copy) == repr(model)
    assert not hasattr(copy, "coef_")
    assert_same_model(copy.fit(X, y), model)


@EACH
def test_a_second_fit_remembers_nothing_of_the_first(estimator_class):
    X, y = data(estimator_class)
    other_X, other_y = data(estimator_class, 40, seed=1)
    refitted = estimator_class().fit(other_X[:, :2], other_y).fit(X, y)
    assert_same_model(refitted, estimator_class().fit(X, y))
    assert refitted.set_params(alpha=1.0).fit(X, y).tuning_ is None


@EACH
def test_a_fitted_model_can_be_pickled_where_the_user_wants_to(estimator_class):
    X, y = data(estimator_class)
    model = estimator_class(groups="columns", criterion=KFold(3)).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    assert str(copy.summary()) == str(model.summary())
    assert copy.tuning_.criterion == model.tuning_.criterion


@EACH
def test_an_unfitted_model_says_so(estimator_class):
    X, _ = data(estimator_class)
    for use in (
        lambda model: model.predict(X),
        lambda model: model.summary(),
        lambda model: model.to_state(),
    ):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            use(estimator_class())


# Composition


@EACH
def test_grid_search_over_alpha_finds_the_best_of_the_grid(estimator_class):
    X, y = data(estimator_class)
    pipeline = make_pipeline(StandardScaler(), estimator_class())
    name = f"{estimator_class.__name__.lower()}__alpha"
    search = GridSearchCV(pipeline, {name: [0.1, 10.0, 1e4]}, cv=3).fit(X, y)
    assert search.best_params_[name] in (0.1, 10.0)
    fixed = clone(pipeline).set_params(**search.best_params_).fit(X, y)
    np.testing.assert_array_equal(search.predict(X), fixed.predict(X))


@EACH
def test_cross_validation_tunes_inside_every_fold(estimator_class):
    X, y = data(estimator_class)
    found = cross_validate(estimator_class(), X, y, cv=3, return_estimator=True)
    alphas = {model.alpha_ for model in found["estimator"]}
    assert len(alphas) == 3
    assert np.isfinite(found["test_score"]).all()


@EACH
def test_sample_weights_are_routed_through_a_pipeline_and_a_search(estimator_class):
    X, y = data(estimator_class)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    with config_context(enable_metadata_routing=True):
        model = estimator_class().set_fit_request(sample_weight=True)
        model = model.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model).fit(X, y, sample_weight=weight)
        direct = estimator_class().fit(StandardScaler().fit_transform(X), y, weight)
        assert_same_model(pipeline[-1], direct)
        search = GridSearchCV(model, {"alpha": [0.1, 1.0]}, cv=3).fit(X, y, sample_weight=weight)
        scores = cross_val_score(model, X, y, cv=3, params={"sample_weight": weight})
    best = estimator_class(**search.best_params_).fit(X, y, weight)
    assert_same_model(search.best_estimator_, best)
    assert np.isfinite(scores).all()


def test_exposures_and_offsets_are_routed_through_a_pipeline():
    X, y = data(PoissonRegressor)
    exposure = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    with config_context(enable_metadata_routing=True):
        model = PoissonRegressor().set_fit_request(exposure=True, offset=True)
        model = model.set_predict_request(exposure=True, offset=True)
        pipeline = make_pipeline(StandardScaler(), model)
        offset = np.linspace(0.0, 0.1, len(y))
        pipeline.fit(X, y, exposure=exposure, offset=offset)
        counts = pipeline.predict(X, exposure=exposure, offset=offset)
    scaled = StandardScaler().fit_transform(X)
    direct = PoissonRegressor().fit(scaled, y, exposure=exposure, offset=offset)
    np.testing.assert_array_equal(counts, direct.predict(scaled, exposure, offset))


# Tables of every library


@EACH
def test_tables_of_every_library_give_the_same_bits_and_keep_their_names(estimator_class):
    pyarrow = pytest.importorskip("pyarrow")
    X, y = data(estimator_class)
    names = ["größe", "x 1", "x[2]"]
    frame = pd.DataFrame(X, columns=names)
    plain = estimator_class().fit(X, y)
    for table, target in (
        (frame, pd.Series(y, index=np.arange(len(y))[::-1])),
        (pl.from_pandas(frame), pl.Series(y)),
        (pyarrow.Table.from_pandas(frame), y),
    ):
        model = estimator_class().fit(table, target)
        assert_same_model(model, plain)
        assert model.feature_names_in_.tolist() == names
        np.testing.assert_array_equal(model.predict(table), plain.predict(X))
        assert model.summary().names[:3] == names


@EACH
@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
def test_sparse_layouts_give_the_same_bits(estimator_class, layout):
    X, y = data(estimator_class)
    X = sparse.csr_array(X * (np.abs(X) > 0.5))
    model = estimator_class().fit(X, y)
    assert_same_model(estimator_class().fit(X.asformat(layout), y), model)
    np.testing.assert_array_equal(model.predict(X.asformat(layout)), model.predict(X))


@EACH
def test_the_input_is_left_as_it_was(estimator_class):
    X, y = data(estimator_class)
    matrix = sparse.csr_array(X)
    kept, kept_data = X.copy(), matrix.data.copy()
    weight = np.ones(len(y))
    estimator_class().fit(X, y, weight).predict(X)
    estimator_class().fit(matrix, y, weight).predict(matrix)
    np.testing.assert_array_equal(X, kept)
    np.testing.assert_array_equal(matrix.data, kept_data)
    np.testing.assert_array_equal(weight, 1.0)
