"""Estimators with sparse penalties keep scikit-learn's contract, are saved and summed up."""

import warnings
from unittest import SkipTest

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import estimator_checks_generator

from derivata import KFold, LinearRegressor, LogisticClassifier, PoissonRegressor, load
from derivata.errors import BoundWarning, NoFeatureWarning, PerfectFitWarning
from derivata.penalties import ElasticNet, GroupLasso, Lasso, TotalVariation

ESTIMATORS = (
    LinearRegressor(penalty=Lasso()),
    LinearRegressor(penalty=ElasticNet()),
    LogisticClassifier(penalty=Lasso()),
    PoissonRegressor(penalty=GroupLasso()),
    LinearRegressor(penalty=TotalVariation()),
)
# Needs SCIPY_ARRAY_API=1 in the environment before SciPy is imported.
SKIPPED = {"check_array_api_input"}


def _checks():
    for number, made in enumerate(ESTIMATORS):
        for estimator, check in estimator_checks_generator(made):
            name = getattr(check, "func", check).__name__
            arguments = [str(value) for value in getattr(check, "keywords", {}).values()]
            label = "-".join([str(number), type(made).__name__, name, *arguments])
            yield pytest.param(estimator, check, name, id=label)


@pytest.mark.parametrize(("estimator", "check", "name"), list(_checks()))
def test_scikit_learns_own_checks(estimator, check, name):
    if name in SKIPPED:
        pytest.skip("needs an environment variable")
    with warnings.catch_warnings():
        # Targets of the checks are random, or a column of X, and derivata says so.
        for category in (BoundWarning, NoFeatureWarning, PerfectFitWarning):
            warnings.simplefilter("ignore", category)
        try:
            check(estimator)
        except SkipTest as reason:
            pytest.skip(str(reason))


def test_a_penalty_is_cloned_searched_and_shown_as_any_parameter():
    model = LinearRegressor(penalty=ElasticNet(0.5))
    assert clone(model).get_params()["penalty"] == ElasticNet(0.5)
    assert "ElasticNet(l1_ratio=0.5)" in repr(model)
    X, y = load_diabetes(return_X_y=True)
    penalties = [None, Lasso(), ElasticNet(), GroupLasso()]
    found = GridSearchCV(LinearRegressor(), {"penalty": penalties}, cv=3).fit(X, y)
    assert found.best_params_["penalty"] in penalties


@pytest.mark.parametrize(
    "penalty", [Lasso(), ElasticNet(), ElasticNet(0.3), GroupLasso()], ids=repr
)
def test_a_saved_model_comes_back_with_its_penalty_and_predictions(penalty, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    model = LinearRegressor(penalty=penalty, criterion=KFold(4)).fit(X, y)
    model.save(tmp_path / "model.derivata")
    again = load(tmp_path / "model.derivata")
    assert again.penalty == penalty and again.criterion == KFold(4)
    assert np.array_equal(again.predict(X), model.predict(X))
    assert again.alphas_per_group_ == model.alphas_per_group_
    assert str(again.summary()) == str(model.summary())


def test_strengths_have_the_names_of_their_norms():
    X, y = load_diabetes(return_X_y=True)
    lasso = LinearRegressor(penalty=Lasso()).fit(X, y)
    assert list(lasso.alphas_per_group_) == ["l1"] and isinstance(lasso.alpha_, float)
    net = LinearRegressor(penalty=ElasticNet()).fit(X, y)
    assert list(net.alphas_per_group_) == ["l1", "l2"] and net.alpha_.shape == (2,)
    given = LinearRegressor(alpha=net.alphas_per_group_, penalty=ElasticNet()).fit(X, y)
    np.testing.assert_allclose(given.coef_, net.coef_, rtol=1e-6, atol=1e-6)
    assert given.tuning_ is None


def test_the_summary_gives_no_error_bars_and_says_why():
    X, y = load_breast_cancer(return_X_y=True)
    model = LogisticClassifier(penalty=Lasso()).fit(X, y)
    told = str(model.summary())
    assert "No standard errors: the same data chose the columns" in told
    assert model.effective_params_ == pytest.approx(np.count_nonzero(model.coef_) + 1, rel=1e-6)
    assert f"{model.effective_params_:.1f} effective parameters" in told


def test_tuning_says_what_it_judged_by_and_why():
    X, y = load_diabetes(return_X_y=True)
    model = LinearRegressor(penalty=Lasso()).fit(X, y)
    tuning = model.tuning_
    assert tuning.criterion_name in ("leave-one-out", "5-fold")
    assert "% of the rows" in tuning.criterion_reason
    assert np.isfinite([tuning.criterion, tuning.optimism, tuning.hypergradient_norm]).all()


def test_the_seed_deals_the_folds_and_nothing_else_is_random():
    X, y = load_iris(return_X_y=True)
    one, two = (LogisticClassifier(penalty=Lasso(), random_state=s).fit(X, y) for s in (0, 1))
    again = LogisticClassifier(penalty=Lasso(), random_state=0).fit(X, y)
    assert np.array_equal(one.coef_, again.coef_)
    assert one.alpha_ != two.alpha_


def test_a_fit_says_how_far_it_can_be_from_the_best_one():
    X, y = load_diabetes(return_X_y=True)
    model = LinearRegressor(penalty=Lasso()).fit(X, y)
    gap = float(model.convergence_.split("at most ")[2].split()[0])
    assert "above its minimum" in model.convergence_ and 0.0 <= gap < 1e-6 * len(y) * y.var()
