"""Neural estimators keep scikit-learn's contract: its checks, pipelines, searches, frames."""

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
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator

from derivata.errors import ConstantColumnWarning, TableWarning
from derivata.estimators.neural import MLPClassifier, MLPRegressor
from derivata.neural.method import OneNetwork
from derivata.neural.settings import Training
from derivata.persistence import load
from derivata.solvers.first_order import Adam

BRIEF = Training(solver=Adam(step=1e-2), n_epochs=60, batch_size=32)
CHECKED = {
    "regressor": MLPRegressor(hidden=(16,), training=BRIEF, method=OneNetwork()),
    "classifier": MLPClassifier(hidden=(16,), training=BRIEF, method=OneNetwork()),
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
# Asks for seven equal digits from a row of weight 2 and from two rows. Rows are dealt to batches,
# and weights are summed in float32: over all rows the two agree to 1e-4, which a test of training
# proves.
UNEQUAL = {"check_sample_weight_equivalence_on_dense_data"}


def _listed_checks():
    for label, estimator in CHECKED.items():
        for made, check in estimator_checks_generator(clone(estimator)):
            name = getattr(check, "func", check).__name__
            arguments = [str(value) for value in getattr(check, "keywords", {}).values()]
            if name not in UNEQUAL:
                yield pytest.param(made, check, name, id="-".join([label, name, *arguments]))


@contextmanager
def _true_warnings_ignored():
    with warnings.catch_warnings():
        for kind in (TableWarning, ConstantColumnWarning):
            warnings.simplefilter("ignore", kind)
        yield


def data(estimator, n_rows=80, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 3))
    outputs = np.sin(2.0 * X[:, 0]) - X[:, 1] + 0.3
    if isinstance(estimator, MLPClassifier):
        return X, np.where(outputs + 0.3 * rng.logistic(size=n_rows) > 0, "yes", "no")
    return X, outputs + 0.3 * rng.standard_normal(n_rows)


def answer(model, X):
    return model.predict_proba(X) if isinstance(model, MLPClassifier) else model.predict(X)


def assert_same_model(one, other, X):
    np.testing.assert_array_equal(answer(one, X), answer(other, X))


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


@EACH
def test_a_clone_has_the_same_parameters_and_fits_the_same(estimator):
    X, y = data(estimator)
    model = clone(estimator).fit(X, y)
    copy = clone(model)
    assert repr(copy) == repr(model) and not hasattr(copy, "model_")
    assert_same_model(copy.fit(X, y), model, X)


@EACH
def test_a_second_fit_remembers_nothing_of_the_first(estimator):
    X, y = data(estimator)
    other_X, other_y = data(estimator, 60, seed=1)
    refitted = clone(estimator).fit(other_X[:, :2], other_y).fit(X, y)
    assert_same_model(refitted, clone(estimator).fit(X, y), X)
    assert refitted.n_features_in_ == 3


@EACH
def test_a_fitted_model_can_be_pickled_where_the_user_wants_to(estimator):
    X, y = data(estimator)
    model = clone(estimator).fit(X, y)
    assert_same_model(pickle.loads(pickle.dumps(model)), model, X)


@EACH
def test_saved_and_loaded_models_predict_to_the_bit(estimator, tmp_path):
    X, y = data(estimator)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = clone(estimator).set_params(held_out=0.2).fit(frame, y)
    model.save(tmp_path / "model.derivata")
    loaded = load(tmp_path / "model.derivata")
    assert_same_model(loaded, model, frame)
    assert loaded.n_iter_ == model.n_iter_
    np.testing.assert_array_equal(loaded.history_.held_out_loss, model.history_.held_out_loss)
    assert list(loaded.feature_names_in_) == ["a", "b", "c"]
    assert loaded.training is None is loaded.method and loaded.hidden == (16,)


@EACH
def test_unfitted_models_say_so(estimator, tmp_path):
    X, _ = data(estimator)
    for ask in (answer, lambda model, X: model.predict(X), lambda model, X: model.save(tmp_path)):
        with pytest.raises(NotFittedError):
            ask(clone(estimator), X)


@EACH
def test_frames_of_any_library_and_arrays_give_the_same_model(estimator):
    X, y = data(estimator)
    names = ["a", "b", "c"]
    model = clone(estimator).fit(X, y)
    for frame in (pd.DataFrame(X, columns=names), pl.DataFrame(X, schema=names)):
        fitted = clone(estimator).fit(frame, y)
        np.testing.assert_array_equal(answer(fitted, frame), answer(model, X))
        assert list(fitted.feature_names_in_) == names


@EACH
def test_columns_may_come_in_any_order_only_by_leave_of_scikit_learn(estimator):
    X, y = data(estimator)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = clone(estimator).fit(frame, y)
    with pytest.raises(ValueError, match="order"):
        model.predict(frame[["c", "b", "a"]])


@EACH
def test_pipelines_searches_and_cross_validation_take_them(estimator):
    X, y = data(estimator)
    pipeline = make_pipeline(FunctionTransformer(), clone(estimator))
    assert cross_val_score(pipeline, X, y, cv=2).shape == (2,)
    search = GridSearchCV(clone(estimator), {"hidden": [(16,), ()]}, cv=2).fit(X, y)
    assert search.best_params_["hidden"] in [(16,), ()]


@EACH
def test_sample_weight_is_routed(estimator):
    X, y = data(estimator)
    weight = np.r_[np.zeros(20), np.ones(len(y) - 20)]
    with config_context(enable_metadata_routing=True):
        asked = clone(estimator).set_fit_request(sample_weight=True)
        asked.set_score_request(sample_weight=False)
        scores = cross_val_score(asked, X, y, cv=2, params={"sample_weight": weight})
    assert np.isfinite(scores).all()
    dropped = clone(estimator).fit(X[20:], y[20:])
    assert_same_model(clone(estimator).fit(X, y, weight), dropped, X)


def test_class_weights_multiply_sample_weights():
    estimator = CHECKED["classifier"]
    X, y = data(estimator)
    weight = np.where(y == "yes", 3.0, 1.0)
    one = clone(estimator).set_params(class_weight={"yes": 3.0, "no": 1.0}).fit(X, y)
    assert_same_model(one, clone(estimator).fit(X, y, weight), X)
    balanced = clone(estimator).set_params(class_weight="balanced").fit(X, y)
    assert balanced.predict_proba(X)[:, 0].mean() != pytest.approx(
        one.predict_proba(X)[:, 0].mean(), abs=1e-3
    )
