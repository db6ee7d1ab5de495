"""Estimators with penalties on neighbours, and with smoothed ones."""

import numpy as np
import pytest
from scipy import sparse

import derivata
from derivata import LinearRegressor, LogisticClassifier
from derivata.errors import InvalidParameter, NoFeatureWarning
from derivata.penalties import (
    FusedLasso,
    Lasso,
    SmoothedLasso,
    SmoothedVariation,
    TotalVariation,
)
from derivata.solvers import Nesterov, ProximalNewton

STEPS = np.repeat([0.0, 1.5, -0.5, 0.0], 8)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = 3.0 + 1.7 * rng.standard_normal((120, 32))
    return X, X @ STEPS + 4.0 * rng.standard_normal(120)


def test_total_variation_finds_a_staircase_that_ridge_and_lasso_do_not(rows):
    X, y = rows
    model = LinearRegressor(penalty=TotalVariation()).fit(X, y)
    others = [LinearRegressor(penalty=penalty).fit(X, y).coef_ for penalty in (None, Lasso())]
    error = np.linalg.norm(model.coef_ - STEPS)
    assert error < 0.6 * min(np.linalg.norm(coef - STEPS) for coef in others)
    runs = np.count_nonzero(np.diff(model.coef_)) + 1
    assert runs < 16
    # A number a run, and the intercept.
    assert model.effective_params_ == pytest.approx(runs + 1, abs=1e-6)
    assert model.tuning_ is not None and list(model.alphas_per_group_) == ["variation"]
    assert "above its minimum" in model.convergence_


def test_the_fit_is_the_one_minimum_at_a_given_strength(rows):
    X, y = rows
    model = LinearRegressor(20.0, penalty=TotalVariation()).fit(X, y)
    scale = np.sqrt(np.mean(X.std(axis=0) ** 2))
    centred = X - X.mean(axis=0)

    def value(coef):
        residual = y - y.mean() - centred @ coef
        return 0.5 * residual @ residual + 20.0 * scale * np.abs(np.diff(coef)).sum()

    best = value(model.coef_)
    rng = np.random.default_rng(1)
    for size in (1e-5, 1e-3, 1e-1):
        for _ in range(30):
            assert value(model.coef_ + size * rng.standard_normal(32)) > best
    assert model.intercept_ == pytest.approx(y.mean() - X.mean(axis=0) @ model.coef_)


def test_storage_and_units_do_not_matter(rows):
    X, y = rows
    given = LinearRegressor(30.0, penalty=TotalVariation())
    stored = LinearRegressor(30.0, penalty=TotalVariation()).fit(sparse.csr_array(X), y)
    assert np.allclose(stored.coef_, given.fit(X, y).coef_, rtol=0.0, atol=1e-7)
    model = LinearRegressor(penalty=TotalVariation()).fit(X, y)
    scaled = LinearRegressor(penalty=TotalVariation()).fit(1e3 * X, y)
    assert np.allclose(1e3 * scaled.coef_, model.coef_, rtol=0.0, atol=1e-6)
    before = X.copy()
    LinearRegressor(penalty=TotalVariation()).fit(X, y)
    assert np.array_equal(X, before)


def test_groups_are_chains_and_a_column_of_none_is_free(rows):
    X, y = rows
    groups = ["left"] * 16 + [None] + ["right"] * 15
    model = LinearRegressor(1e6, penalty=TotalVariation(), groups=groups)
    with pytest.warns(NoFeatureWarning, match="no two neighbours differ"):
        model.fit(X, y)
    assert np.ptp(model.coef_[:16]) == 0.0 and np.ptp(model.coef_[17:]) == 0.0
    assert len(np.unique(model.coef_)) == 3


def test_a_column_of_one_value_keeps_its_place_in_the_chain(rows):
    X, y = rows
    X = X.copy()
    X[:, 12] = 7.0
    with pytest.warns(derivata.errors.ConstantColumnWarning):
        model = LinearRegressor(20.0, penalty=TotalVariation()).fit(X, y)
    assert model.coef_[12] == 0.0 and np.isfinite(model.coef_).all()
    assert np.abs(model.coef_ - STEPS)[np.arange(32) != 12].max() < 1.0


def test_levels_of_an_ordered_factor_are_joined():
    rng = np.random.default_rng(2)
    level = rng.integers(0, 12, 400)
    y = np.where(level < 5, 0.0, 2.0) + 0.5 * rng.standard_normal(400)
    # The level of a chain of indicators is the intercept's.
    with pytest.warns(derivata.errors.CollinearWarning):
        model = LinearRegressor(penalty=TotalVariation()).fit(np.eye(12)[level], y)
    apart = np.diff(model.coef_)
    assert abs(apart[4] - 2.0) < 0.3 and np.abs(np.delete(apart, 4)).max() < 0.3


@pytest.mark.parametrize("penalty", [SmoothedLasso(), SmoothedVariation(0.05)])
def test_smoothed_penalties_are_tuned_and_have_error_bars(rows, penalty):
    X, y = rows
    model = LinearRegressor(penalty=penalty).fit(X, y)
    assert model.converged_ and model.tuning_ is not None
    summary = model.summary()
    assert (summary.standard_error[:-1] > 0.0).all()
    assert 1.0 < model.effective_params_ < 33.0
    kinked = Lasso() if isinstance(penalty, SmoothedLasso) else TotalVariation()
    near = LinearRegressor(penalty=kinked).fit(X, y)
    assert np.abs(model.coef_ - near.coef_).max() < 0.3


def test_effective_parameters_count_what_couples_neighbours(rows):
    X, y = rows
    loose = LinearRegressor(1e-8, penalty=SmoothedVariation(0.05)).fit(X, y)
    assert loose.effective_params_ == pytest.approx(33.0, abs=1e-3)
    tight = LinearRegressor(1e9, penalty=SmoothedVariation(0.05)).fit(X, y)
    assert tight.effective_params_ == pytest.approx(2.0, abs=1e-3)  # a level and the intercept


def test_the_range_of_a_smoothed_strength_follows_the_unit_of_the_target(rows):
    X, y = rows
    alphas = [
        LinearRegressor(penalty=SmoothedLasso(0.01 * unit)).fit(X, unit * y).alpha_ / unit
        for unit in (1.0, 1e-6, 1e6)
    ]
    assert alphas == pytest.approx([alphas[0]] * 3, rel=1e-6)


def test_classes_are_told_apart_with_neighbours_joined(rows):
    X, y = rows
    label = (y > np.median(y)).astype(int)
    for penalty in (TotalVariation(), SmoothedVariation(), SmoothedLasso()):
        model = LogisticClassifier(penalty=penalty).fit(X, label)
        assert model.score(X, label) > 0.8
    with pytest.raises(InvalidParameter, match="with 3 classes"):
        LogisticClassifier(penalty=TotalVariation()).fit(X, np.arange(120) % 3)


def test_a_fused_lasso_is_tuned_by_folds_and_no_worse_than_total_variation_alone(rows):
    X, y = rows
    fused = LinearRegressor(penalty=FusedLasso()).fit(X, y)
    alone = LinearRegressor(penalty=TotalVariation()).fit(X, y)
    assert fused.tuning_.criterion_name == "5-fold" and fused.converged_
    assert list(fused.alphas_per_group_) == ["variation", "l1"]
    # Up to a last step that is not evaluated.
    assert fused.tuning_.criterion <= 1.01 * alone.tuning_.criterion
    again = LinearRegressor(penalty=FusedLasso()).fit(X, y)
    assert np.array_equal(again.coef_, fused.coef_)


def test_a_fused_lasso_takes_both_strengths(rows):
    X, y = rows
    model = LinearRegressor({"variation": 50.0, "l1": 60.0}, penalty=FusedLasso()).fit(X, y)
    assert model.converged_
    assert (model.coef_[:6] == 0.0).all()
    assert np.count_nonzero(np.diff(model.coef_)) < 12


def test_without_neighbours_there_is_no_variation(rows):
    X, y = rows
    with pytest.raises(InvalidParameter, match="no two columns share a group"):
        LinearRegressor(penalty=TotalVariation(), groups="columns").fit(X, y)


def test_a_saved_model_knows_its_penalty(rows, tmp_path):
    X, y = rows
    for penalty in (TotalVariation(), SmoothedVariation(0.5), SmoothedLasso(0.2)):
        model = LinearRegressor(3.0, penalty=penalty, solver=None).fit(X, y)
        model.save(tmp_path / "model.derivata")
        back = derivata.load(tmp_path / "model.derivata")
        assert back.penalty == penalty
        assert np.array_equal(back.predict(X), model.predict(X))


def test_a_solver_of_the_users_own_is_taken(rows):
    X, y = rows
    model = LinearRegressor(20.0, penalty=TotalVariation(), solver=ProximalNewton(1e-10)).fit(X, y)
    assert np.allclose(
        model.coef_, LinearRegressor(20.0, penalty=TotalVariation()).fit(X, y).coef_, atol=1e-7
    )


@pytest.mark.parametrize("penalty", [Lasso(), TotalVariation()], ids=["lasso", "variation"])
def test_a_first_order_solver_ends_where_the_proximal_newton_method_does(rows, penalty):
    X, y = rows
    model = LinearRegressor(penalty=penalty).fit(X, y)
    by_steps = LinearRegressor(penalty=penalty, solver=Nesterov(max_iter=10_000)).fit(X, y)
    assert by_steps.alpha_ == model.alpha_  # tuned alike: the solver is that of the last fit
    # Both stop at a relative gradient of 1e-8; coefficients are of order one.
    np.testing.assert_allclose(by_steps.coef_, model.coef_, atol=1e-5)
    assert by_steps.n_iter_ > model.n_iter_
