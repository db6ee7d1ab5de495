"""Sparse penalties on bad input: an answer, a coded warning, or an error with its cure."""

import warnings

import numpy as np
import pytest

from derivata import (
    KFold,
    LeaveOneOut,
    LinearRegressor,
    LogisticClassifier,
    Newton,
    PoissonRegressor,
)
from derivata.criteria import Evidence
from derivata.errors import (
    BoundWarning,
    ConstantColumnWarning,
    InvalidParameter,
    NoFeatureWarning,
    NotAvailable,
    PerfectFitWarning,
)
from derivata.penalties import ElasticNet, GroupLasso, Lasso
from derivata.solvers import ProximalNewton

PENALTY = pytest.mark.parametrize("penalty", [Lasso(), ElasticNet(), ElasticNet(0.5), GroupLasso()])


def data(n_rows=60, n_features=8, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_features))
    return X, X[:, 0] - X[:, 1] + 0.5 * rng.standard_normal(n_rows)


def labels(y):
    return np.where(y > 0, "yes", "no")


@PENALTY
def test_many_more_columns_than_rows_are_fitted_and_most_left_out(penalty):
    X, y = data(30, 2_000)
    model = LinearRegressor(penalty=penalty).fit(X, y)
    assert 0 < np.count_nonzero(model.coef_) < 1_500
    classifier = LogisticClassifier(penalty=penalty).fit(X, labels(y))
    assert np.isfinite(classifier.coef_).all()


@PENALTY
def test_more_columns_than_a_dense_hessian_holds(penalty):
    X, y = data(40, 6_500)
    X[:, 2:4] = X[:, :1] + 0.1 * X[:, 2:4]
    model = LinearRegressor(penalty=penalty).fit(X, 5.0 * X[:, 0] + y)
    assert model.converged_ and model.coef_.any()


@PENALTY
def test_columns_that_repeat_each_other_share_one_role(penalty):
    X, y = data()
    twice = np.hstack([X, X, -X[:, :2], X[:, :1] + X[:, 1:2]])
    model = LinearRegressor(penalty=penalty).fit(twice, y)
    single = LinearRegressor(penalty=penalty).fit(X, y)
    assert np.isfinite(model.coef_).all()
    apart = model.predict(twice) - single.predict(X)
    assert np.abs(apart).max() < 0.5 * y.std()


def test_of_two_equal_columns_a_lasso_keeps_one():
    X, y = data()
    twice = np.hstack([X, X])
    model = LinearRegressor(alpha=10.0, penalty=Lasso()).fit(twice, y)
    assert not ((model.coef_[:8] != 0.0) & (model.coef_[8:] != 0.0)).any()
    single = LinearRegressor(alpha=10.0, penalty=Lasso()).fit(X, y)
    np.testing.assert_allclose(model.coef_[:8] + model.coef_[8:], single.coef_, atol=1e-9)


@PENALTY
def test_a_constant_column_is_named_and_gets_zero(penalty):
    X, y = data()
    X[:, 3] = 7.0
    with pytest.warns(ConstantColumnWarning, match="x3"):
        model = LinearRegressor(penalty=penalty).fit(X, y)
    assert model.coef_[3] == 0.0


@PENALTY
@pytest.mark.parametrize("n_rows", [2, 3, 4, 6])
def test_a_handful_of_rows_gives_an_answer(penalty, n_rows):
    X, y = data(n_rows, 5)
    with warnings.catch_warnings():
        for category in (NoFeatureWarning, PerfectFitWarning, BoundWarning):
            warnings.simplefilter("ignore", category)
        model = LinearRegressor(penalty=penalty).fit(X, y)
        assert np.isfinite(model.predict(X)).all()
        y = np.arange(n_rows) % 2
        probability = LogisticClassifier(penalty=penalty).fit(X, y).predict_proba(X)
    assert np.isfinite(probability).all()


@PENALTY
def test_a_strength_above_the_largest_leaves_nothing_and_says_so(penalty):
    X, y = data()
    with pytest.warns(NoFeatureWarning, match=r"D207.*`alpha` is so strong.*tune") as told:
        model = LinearRegressor(alpha=1e6, penalty=penalty).fit(X, y)
    assert not model.coef_.any()
    assert model.predict(X) == pytest.approx(np.full(60, y.mean()))
    assert told[0].filename == __file__


def test_data_that_support_no_feature_are_told():
    told = 0
    for seed in range(6):
        X, _ = data(50, 6, seed)
        y = np.random.default_rng(100 + seed).standard_normal(50)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = LinearRegressor(penalty=Lasso()).fit(X, y)
        empty = [w for w in caught if issubclass(w.category, NoFeatureWarning)]
        assert bool(empty) == (not model.coef_.any())
        told += bool(empty)
        if empty:
            assert "the data support no feature" in str(empty[0].message)
            assert model.tuning_.reason.startswith("no strength does better")
    assert told >= 2


@pytest.mark.parametrize("ratio", [0.0, 1.5, -0.1, "auto", True, None, np.nan])
def test_an_illegal_ratio_is_refused_with_its_range(ratio):
    with pytest.raises(InvalidParameter, match=r"`l1_ratio` is .*\(0, 1\]"):
        ElasticNet(ratio)


@pytest.mark.parametrize("penalty", [Lasso(), ElasticNet()])
def test_groups_beside_a_lasso_are_refused_with_the_penalty_that_takes_them(penalty):
    X, y = data()
    model = LinearRegressor(penalty=penalty, groups=list("aabbccdd"))
    with pytest.raises(InvalidParameter, match=r"4 groups.*GroupLasso\(\)"):
        model.fit(X, y)


def test_a_label_none_leaves_its_column_free():
    X, y = data()
    with pytest.warns(NoFeatureWarning):
        model = LinearRegressor(alpha=1e5, penalty=Lasso(), groups=["all"] * 7 + [None]).fit(X, y)
    assert not model.coef_[:7].any() and model.coef_[7] != 0.0
    model = LinearRegressor(penalty=GroupLasso(), groups=[None, *"aabbccd"]).fit(X, y)
    assert model.coef_[0] != 0.0


def test_all_columns_free_is_an_ordinary_fit():
    X, y = data()
    with pytest.warns(NoFeatureWarning):
        model = LinearRegressor(alpha=1.0, penalty=Lasso(), groups=[None] * 8).fit(X, y)
    plain = LinearRegressor(alpha=0.0).fit(X, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-8)


@pytest.mark.parametrize("penalty", [Lasso, "lasso", 1.0])
def test_a_penalty_that_is_no_object_is_refused_with_one_that_is(penalty):
    X, y = data()
    with pytest.raises(InvalidParameter, match=r"`penalty` is .*`Lasso\(\)`"):
        LinearRegressor(penalty=penalty).fit(X, y)


def test_a_solver_for_smooth_penalties_is_refused():
    X, y = data()
    with pytest.raises(InvalidParameter, match=r"`solver` is Newton.*ProximalNewton\(\)"):
        LinearRegressor(penalty=Lasso(), solver=Newton()).fit(X, y)
    model = LinearRegressor(penalty=Lasso(), solver=ProximalNewton(1e-10)).fit(X, y)
    assert model.converged_


def test_criteria_that_need_a_smooth_penalty_are_refused():
    X, y = data()
    with pytest.raises(NotAvailable, match="kink"):
        LinearRegressor(penalty=Lasso(), criterion=Evidence()).fit(X, y)
    with pytest.raises(NotAvailable, match=r"KFold\(\)"):
        LinearRegressor(penalty=GroupLasso(), groups=list("aabbccdd"), criterion=LeaveOneOut()).fit(
            X, y
        )


@pytest.mark.parametrize("alpha", ["auto", -1.0, np.nan, [1.0, 2.0, 3.0], {"l2": 1.0}])
def test_an_illegal_strength_is_refused(alpha):
    X, y = data()
    with pytest.raises(InvalidParameter, match="`alpha`"):
        LinearRegressor(alpha=alpha, penalty=Lasso()).fit(X, y)


@PENALTY
def test_separable_classes_are_fitted_without_probabilities_of_zero_and_one(penalty):
    X, y = data()
    classes = labels(X[:, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundWarning)
        model = LogisticClassifier(penalty=penalty).fit(X, classes)
    assert np.isfinite(model.coef_).all()
    assert (model.predict(X) == classes).mean() > 0.9


def test_a_target_that_is_a_copy_of_a_column_is_told():
    X, _ = data()
    with pytest.warns(PerfectFitWarning, match="x2"):
        LinearRegressor(penalty=Lasso()).fit(X, 3.0 * X[:, 2])


@PENALTY
def test_columns_of_any_size_and_offsets_are_taken(penalty):
    X, y = data(80, 5)
    X = X * [1e-6, 1e6, 1.0, 1e3, 1e-3]
    counts = np.random.default_rng(0).poisson(np.exp(0.5 * y))
    model = PoissonRegressor(penalty=penalty, criterion=KFold(4))
    model.fit(X, counts, exposure=np.linspace(0.5, 2.0, 80))
    assert np.isfinite(model.predict(X)).all()
    assert model.coef_[0] != 0.0
