"""Sparse fits at equal strength against scikit-learn 1.9's coordinate descent and its saga."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet as TheirElasticNet
from sklearn.linear_model import ElasticNetCV, LassoCV, LogisticRegression, LogisticRegressionCV
from sklearn.linear_model import Lasso as TheirLasso
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata import LinearRegressor, LogisticClassifier
from derivata.penalties import ElasticNet, GroupLasso, Lasso

# Coordinate descent to a gap of 1e-14 leaves about 1e-8 in the coefficients.
EXACT = 1e-6


def standardized(X):
    return StandardScaler().fit_transform(X)


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return standardized(X), y / y.std()


@pytest.mark.parametrize("strength", [0.5, 5.0, 50.0, 150.0])
def test_lasso_equals_scikit_learns_lasso_at_n_times_its_alpha(strength):
    X, y = diabetes()
    theirs = TheirLasso(alpha=strength / len(y), tol=1e-14, max_iter=100_000).fit(X, y)
    ours = LinearRegressor(alpha=strength, penalty=Lasso()).fit(X, y)
    assert np.array_equal(ours.coef_ != 0.0, theirs.coef_ != 0.0)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=EXACT)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, abs=EXACT)
    assert ours.effective_params_ == pytest.approx(np.count_nonzero(theirs.coef_) + 1)


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_elastic_net_equals_scikit_learns_at_n_times_its_alpha_and_the_same_ratio(ratio):
    X, y = diabetes()
    theirs = TheirElasticNet(alpha=0.05, l1_ratio=ratio, tol=1e-14, max_iter=100_000).fit(X, y)
    ours = LinearRegressor(alpha=0.05 * len(y), penalty=ElasticNet(ratio)).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=EXACT)
    total = 0.05 * len(y)
    each = {"l1": ratio * total, "l2": (1.0 - ratio) * total}
    apart = LinearRegressor(alpha=each, penalty=ElasticNet()).fit(X, y)
    np.testing.assert_allclose(apart.coef_, theirs.coef_, atol=EXACT)


def test_weights_and_no_intercept_are_as_scikit_learns():
    X, y = diabetes()
    weight = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    theirs = TheirLasso(alpha=0.05, fit_intercept=False, tol=1e-14, max_iter=100_000)
    theirs.fit(X, y, sample_weight=weight)
    ours = LinearRegressor(
        # scikit-learn divides by the summed weight; ours is a sum.
        alpha=0.05 * weight.sum(),
        penalty=Lasso(),
        standardize=False,
        fit_intercept=False,
    ).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=EXACT)


def test_more_columns_than_rows_are_fitted_as_by_scikit_learn():
    rng = np.random.default_rng(0)
    X = standardized(rng.standard_normal((40, 300)))
    y = X[:, :3] @ [2.0, -1.5, 1.0] + 0.3 * rng.standard_normal(40)
    for strength in (1.0, 5.0, 20.0):
        theirs = TheirLasso(alpha=strength / 40, tol=1e-14, max_iter=200_000).fit(X, y)
        ours = LinearRegressor(alpha=strength, penalty=Lasso()).fit(X, y)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=EXACT)


@pytest.mark.parametrize("strength", [2.0, 20.0])
@pytest.mark.parametrize("store", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_logistic_lasso_equals_scikit_learns_at_one_over_its_c(strength, store):
    X, y = load_breast_cancer(return_X_y=True)
    X = standardized(X)[:, :12]
    theirs = LogisticRegression(C=1 / strength, l1_ratio=1.0, solver="saga", tol=1e-9)
    theirs.set_params(max_iter=100_000).fit(X, y)
    ours = LogisticClassifier(alpha=strength, penalty=Lasso(), standardize=False).fit(store(X), y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-5)

    def objective(model):
        loss = len(y) * log_loss(y, model.predict_proba(X))
        return loss + strength * np.abs(model.coef_).sum()

    assert objective(ours) <= objective(theirs) + 1e-9  # saga is the less exact of the two


def test_with_classes_a_column_is_in_for_all_or_for_none():
    X, y = load_iris(return_X_y=True)
    noisy = np.hstack([X, np.random.default_rng(0).standard_normal((len(X), 6))])
    model = LogisticClassifier(alpha=8.0, penalty=Lasso()).fit(noisy, y)
    used = (model.coef_ != 0.0).any(axis=0)
    assert 0 < used.sum() < 10
    assert (model.coef_[:, used] != 0.0).all()
    # Which class is coded how does not matter.
    renamed = LogisticClassifier(alpha=8.0, penalty=Lasso()).fit(noisy, (y + 1) % 3)
    np.testing.assert_allclose(renamed.coef_[[1, 2, 0]], model.coef_, atol=1e-6)


def test_group_lasso_of_single_columns_is_the_lasso():
    X, y = diabetes()
    lasso = LinearRegressor(alpha=20.0, penalty=Lasso()).fit(X, y)
    groups = LinearRegressor(alpha=20.0, penalty=GroupLasso()).fit(X, y)
    np.testing.assert_allclose(groups.coef_, lasso.coef_, atol=1e-9)


def test_group_lasso_meets_its_conditions_and_selects_whole_groups():
    X, y = diabetes()
    labels = ["a", "a", "b", "b", "b", "c", "c", "d", "d", "d"]
    model = LinearRegressor(alpha=40.0, penalty=GroupLasso(), groups=labels).fit(X, y)
    pull = X.T @ (y - model.predict(X))
    for label in "abcd":
        members = [name == label for name in labels]
        coef, strength = model.coef_[members], 40.0 * np.sqrt(sum(members))
        if coef.any():
            assert coef.all()
            np.testing.assert_allclose(pull[members], strength * coef / np.linalg.norm(coef))
        else:
            assert np.linalg.norm(pull[members]) <= strength * (1.0 + 1e-9)
    assert 0 < np.count_nonzero(model.coef_) < 10


def products(X):
    first, second = np.triu_indices(X.shape[1], 1)
    return np.hstack([X, X**2, X[:, first] * X[:, second]])


def test_tuned_lasso_predicts_about_as_well_as_lasso_cv():
    X, y = diabetes()
    ours, theirs = [], []
    for split in range(5):
        train, test, y_train, y_test = train_test_split(products(X), y, random_state=split)
        model = LinearRegressor(penalty=Lasso()).fit(train, y_train)
        peer = make_pipeline(StandardScaler(), LassoCV(cv=5, max_iter=10_000)).fit(train, y_train)
        ours.append(np.mean((model.predict(test) - y_test) ** 2))
        theirs.append(np.mean((peer.predict(test) - y_test) ** 2))
    apart = np.array(ours) - theirs
    assert apart.mean() < 2.0 * apart.std(ddof=1) / 5**0.5 + 0.002


def test_tuned_elastic_net_predicts_about_as_well_as_elastic_net_cv():
    X, y = diabetes()
    train, test, y_train, y_test = train_test_split(products(X), y, random_state=0)
    model = LinearRegressor(penalty=ElasticNet()).fit(train, y_train)
    peer = ElasticNetCV(l1_ratio=[0.1, 0.5, 0.9, 1.0], cv=5, max_iter=10_000)
    peer = make_pipeline(StandardScaler(), peer).fit(train, y_train)
    ours = np.mean((model.predict(test) - y_test) ** 2)
    assert ours < 1.05 * np.mean((peer.predict(test) - y_test) ** 2)


def test_tuned_logistic_lasso_predicts_about_as_well_as_logistic_regression_cv():
    X, y = load_breast_cancer(return_X_y=True)
    train, test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
    model = LogisticClassifier(penalty=Lasso()).fit(train, y_train)
    search = LogisticRegressionCV(
        Cs=10,
        cv=5,
        l1_ratios=(1.0,),
        solver="liblinear",
        scoring="neg_log_loss",
        use_legacy_attributes=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer = make_pipeline(StandardScaler(), search).fit(train, y_train)
    ours = log_loss(y_test, model.predict_proba(test))
    assert ours < log_loss(y_test, peer.predict_proba(test)) + 0.02
