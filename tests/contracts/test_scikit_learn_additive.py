"""Additive estimators keep scikit-learn's contract: its checks, pipelines, searches, routing."""

import pickle
import warnings
from contextlib import contextmanager
from unittest import SkipTest

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator

from derivata import AdditiveClassifier, AdditiveRegressor, Category, Linear, Spline
from derivata.errors import BoundWarning, PerfectFitWarning, TableWarning

CHECKED = {
    "regressor": AdditiveRegressor(),
    "classifier": AdditiveClassifier(),
    "poisson": AdditiveRegressor(family="poisson"),
    "no interactions": AdditiveRegressor(interactions=None),
}
EACH = pytest.mark.parametrize("estimator", CHECKED.values(), ids=list(CHECKED))
# Checks that scikit-learn has but does not yield for estimators that do not transform.
UNLISTED = (
    "check_dataframe_column_names_consistency",
    "check_param_validation",
    "check_inplace_ensure_writeable",
)
# Needs SCIPY_ARRAY_API=1 in the environment before SciPy is imported.
SKIPPED = {"check_array_api_input"}


def _listed_checks():
    for label, estimator in CHECKED.items():
        for made, check in estimator_checks_generator(clone(estimator)):
            name = getattr(check, "func", check).__name__
            arguments = [str(value) for value in getattr(check, "keywords", {}).values()]
            yield pytest.param(made, check, name, id="-".join([label, name, *arguments]))


@contextmanager
def _true_warnings_ignored():
    """Targets of the checks are random, or a column of X, and rows are few; derivata says so."""
    with warnings.catch_warnings():
        for kind in (BoundWarning, PerfectFitWarning, TableWarning):
            warnings.simplefilter("ignore", kind)
        yield


def data(estimator, n_rows=80, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 3))
    outputs = np.sin(2.0 * X[:, 0]) - X[:, 1] + 0.3
    if isinstance(estimator, AdditiveClassifier):
        return X, np.where(2.0 * outputs + rng.logistic(size=n_rows) > 0, "yes", "no")
    if estimator.family == "poisson":
        return X, rng.poisson(np.exp(0.5 * outputs))
    return X, outputs + 0.3 * rng.standard_normal(n_rows)


def assert_same_model(one, other):
    np.testing.assert_array_equal(one.model_.params, other.model_.params)
    assert one.alphas_ == other.alphas_


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
def test_checks_that_scikit_learn_does_not_list_find_nothing(estimator, check):
    with _true_warnings_ignored():
        getattr(estimator_checks, check)(type(estimator).__name__, clone(estimator))


# Cloning, pickling


@EACH
def test_a_clone_has_the_same_parameters_and_fits_the_same(estimator):
    X, y = data(estimator)
    terms = [Spline("x0", 8), Linear("x1")]
    model = clone(estimator).set_params(terms=terms, n_basis=7).fit(X, y)
    copy = clone(model)
    assert repr(copy) == repr(model)
    assert copy.terms is not None and not hasattr(copy, "model_")
    assert_same_model(copy.fit(X, y), model)


@EACH
def test_a_second_fit_remembers_nothing_of_the_first(estimator):
    X, y = data(estimator)
    other_X, other_y = data(estimator, 60, seed=1)
    refitted = clone(estimator).fit(other_X[:, :2], other_y).fit(X, y)
    assert_same_model(refitted, clone(estimator).fit(X, y))
    assert refitted.n_features_in_ == 3
    assert refitted.set_params(alpha=1.0).fit(X, y).tuning_ is None


@EACH
def test_a_fitted_model_can_be_pickled_where_the_user_wants_to(estimator):
    X, y = data(estimator)
    model = clone(estimator).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    assert str(copy.summary()) == str(model.summary())


@EACH
def test_an_unfitted_model_says_so(estimator):
    X, _ = data(estimator)
    for use in (
        lambda model: model.predict(X),
        lambda model: model.predict_interval(X),
        lambda model: model.partial_effect("x0"),
        lambda model: model.summary(),
        lambda model: model.to_state(),
    ):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            use(clone(estimator))


# Composition


@EACH
def test_grid_search_over_alpha_finds_the_best_of_the_grid(estimator):
    X, y = data(estimator)
    pipeline = make_pipeline(FunctionTransformer(), clone(estimator))
    name = f"{type(estimator).__name__.lower()}__alpha"
    search = GridSearchCV(pipeline, {name: [10.0, 1e6]}, cv=3).fit(X, y)
    assert search.best_params_[name] == 10.0
    fixed = clone(pipeline).set_params(**search.best_params_).fit(X, y)
    np.testing.assert_array_equal(search.predict(X), fixed.predict(X))


@EACH
def test_cross_validation_tunes_inside_every_fold(estimator):
    X, y = data(estimator)
    found = cross_validate(clone(estimator), X, y, cv=3, return_estimator=True)
    assert len({tuple(model.alphas_.values()) for model in found["estimator"]}) == 3
    assert np.isfinite(found["test_score"]).all()


@EACH
def test_sample_weights_are_routed_through_a_pipeline_and_a_search(estimator):
    X, y = data(estimator)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    with config_context(enable_metadata_routing=True):
        model = clone(estimator).set_fit_request(sample_weight=True)
        model = model.set_score_request(sample_weight=True)
        pipeline = make_pipeline(FunctionTransformer(), model).fit(X, y, sample_weight=weight)
        assert_same_model(pipeline[-1], clone(estimator).fit(X, y, weight))
        search = GridSearchCV(model, {"alpha": [1.0, 10.0]}, cv=3).fit(X, y, sample_weight=weight)
        scores = cross_val_score(model, X, y, cv=3, params={"sample_weight": weight})
    best = clone(estimator).set_params(**search.best_params_).fit(X, y, weight)
    assert_same_model(search.best_estimator_, best)
    assert np.isfinite(scores).all()


def test_exposures_and_offsets_are_routed_through_a_pipeline():
    X, y = data(CHECKED["poisson"])
    exposure = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    offset = np.linspace(0.0, 0.1, len(y))
    with config_context(enable_metadata_routing=True):
        model = clone(CHECKED["poisson"]).set_fit_request(exposure=True, offset=True)
        model = model.set_predict_request(exposure=True, offset=True)
        pipeline = make_pipeline(FunctionTransformer(), model)
        pipeline.fit(X, y, exposure=exposure, offset=offset)
        counts = pipeline.predict(X, exposure=exposure, offset=offset)
    direct = clone(CHECKED["poisson"]).fit(X, y, exposure=exposure, offset=offset)
    np.testing.assert_array_equal(counts, direct.predict(X, exposure, offset))


# Tables of every library


@EACH
def test_tables_of_every_library_give_the_same_bits_and_keep_their_names(estimator):
    pyarrow = pytest.importorskip("pyarrow")
    X, y = data(estimator)
    names = ["größe", "x 1", "x[2]"]
    frame = pd.DataFrame(X, columns=names)
    frame["word"] = np.resize(["a", "b", "c"], len(y))
    plain = clone(estimator).fit(frame, y)
    for table, target in (
        (frame, pd.Series(y, index=np.arange(len(y))[::-1])),
        (pl.from_pandas(frame), pl.Series(y)),
        (pyarrow.Table.from_pandas(frame), y),
    ):
        model = clone(estimator).fit(table, target)
        assert_same_model(model, plain)
        assert model.feature_names_in_.tolist() == [*names, "word"]
        np.testing.assert_array_equal(model.predict(table), plain.predict(frame))
        assert [term.label for term in model.terms_][:4] == [*names, "word"]


@EACH
def test_arrays_of_any_layout_and_lists_give_the_same_bits(estimator):
    X, y = data(estimator)
    plain = clone(estimator).fit(X, y)
    for same in (np.asfortranarray(X), X.tolist(), np.repeat(X, 2, axis=0)[::2]):
        model = clone(estimator).fit(same, list(y))
        assert_same_model(model, plain)
        np.testing.assert_array_equal(model.predict(same), plain.predict(X))


@EACH
def test_the_input_is_left_as_it_was(estimator):
    X, y = data(estimator)
    X[3, 1] = np.nan
    kept, kept_y, weight = X.copy(), y.copy(), np.ones(len(y))
    clone(estimator).fit(X, y, weight).predict(X)
    np.testing.assert_array_equal(X, kept)
    np.testing.assert_array_equal(y, kept_y)
    np.testing.assert_array_equal(weight, 1.0)


def test_words_in_lists_and_arrays_are_columns_of_words():
    words, y = np.resize(["a", "b", "b"], 60), np.resize([1.0, 2.0, 2.1], 60)
    plain = AdditiveRegressor(terms=[Category("x0")]).fit(pd.DataFrame({"x0": words}), y)
    for X in (words[:, None], words.astype(object)[:, None], [[word] for word in words]):
        model = AdditiveRegressor(terms=[Category("x0")]).fit(X, y)
        np.testing.assert_array_equal(model.predict(X), plain.predict(pd.DataFrame({"x0": words})))
