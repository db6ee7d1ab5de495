"""The estimator of a user's loss: the same answers as derivata's own models, and its analyses."""

import pickle

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import GridSearchCV

from derivata import (
    Evidence,
    KFold,
    Lasso,
    LeaveOneOut,
    LinearRegressor,
    LogisticClassifier,
    Newton,
)
from derivata.errors import NotAvailable
from derivata.estimators.custom import LossEstimator
from derivata.losses import LogisticLoss, PoissonLoss, SoftmaxLoss
from derivata.losses.autodiff import AutodiffLoss
from tests.jax_cases import logistic_row, network_params, student_row, tanh_network


def network_start(random_state, n_features):
    return network_params(n_features, 3, 1, random_state)


def bumps(n_rows=150, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2.0, 2.0, (n_rows, 2))
    return X, np.sin(2.0 * X[:, 0]) + X[:, 1] + 0.3 * rng.standard_normal(n_rows)


@pytest.fixture(scope="module")
def network():
    X, y = bumps()
    groups = ["first", None, "second", "first"]  # in, mean, out, shift
    model = LossEstimator(predictor=tanh_network, params=network_start, groups=groups)
    return model.fit(X, y)


# The linear predictor


def test_squared_loss_is_the_linear_regressor():
    X, y = load_diabetes(return_X_y=True)
    own, truth = LossEstimator().fit(X, y), LinearRegressor().fit(X, y)
    np.testing.assert_allclose(own.coef_, truth.coef_, rtol=1e-12)
    assert own.alpha_ == pytest.approx(truth.alpha_, rel=1e-12)
    np.testing.assert_allclose(own.predict(X), truth.predict(X), rtol=1e-12)
    assert own.score(X, y) == pytest.approx(-0.5 * np.mean((y - truth.predict(X)) ** 2))
    errors = truth.summary().standard_error
    np.testing.assert_allclose(own.standard_errors(), errors, rtol=1e-9)
    assert own.summary().names == own.param_names_


def test_a_user_s_logistic_loss_tunes_to_the_classifier_s_answer():
    X, y = load_breast_cancer(return_X_y=True)
    own, truth = LossEstimator(logistic_row).fit(X, y), LogisticClassifier().fit(X, y)
    np.testing.assert_allclose(own.coef_, truth.coef_[0], atol=1e-10)
    assert own.alpha_ == pytest.approx(truth.alpha_, rel=1e-10)
    assert own.tuning_.criterion == pytest.approx(truth.tuning_.criterion, rel=1e-10)
    assert own.leave_one_out().loss == pytest.approx(truth.tuning_.criterion, rel=2e-3)


def test_a_loss_that_is_not_convex_is_fitted_tuned_and_judged():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 3))
    y = X @ [1.0, -2.0, 0.0] + rng.standard_t(3, 120)
    y[:6] += 30.0  # outliers, which squared loss would follow
    model = LossEstimator(student_row).fit(X, y)
    assert model.converged_ and np.abs(model.coef_ - [1.0, -2.0, 0.0]).max() < 0.35
    left = model.leave_one_out()
    assert left.outputs.shape == (120, 1) and left.loss > left.fitted_loss and left.error.tolerable
    for row in (0, 50):
        weight = np.ones(120)
        weight[row] = 0.0
        without = LossEstimator(student_row, alpha=model.alpha_, standardize=False)
        base = LossEstimator(student_row, alpha=model.alpha_, standardize=False).fit(X, y)
        without.fit(X, y, weight)
        truth = without.param_values_ - base.param_values_
        np.testing.assert_allclose(base.group_influence([row]).params[0], truth, atol=1e-8)
        assert np.abs(base.influence([row]).params[0] - truth).max() < 0.2 * np.abs(truth).max()


def test_several_outputs_and_classes():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((90, 2))
    y = np.argmax(X @ rng.standard_normal((2, 3)) + rng.gumbel(size=(90, 3)), axis=1)

    def scores_row(y, z):
        return jnp.log(1.0 + jnp.sum(jnp.exp(z))) - jnp.append(z, 0.0)[y]

    own = LossEstimator(AutodiffLoss(scores_row, 2, classes=True), alpha=0.0).fit(X, y)
    truth = LossEstimator(SoftmaxLoss(3), alpha=0.0).fit(X, y)
    assert own.predict(X).shape == (90, 2) and own.coef_.shape == (2, 2)
    assert own.score(X, y) == pytest.approx(truth.score(X, y), rel=1e-10)
    assert own.param_names_[:3] == ["output 0: x0", "output 0: x1", "output 0: (intercept)"]
    assert own.influence([4]).outputs.shape == (1, 90, 2)


def test_a_lasso_penalty_and_weights_of_zero():
    X, y = load_diabetes(return_X_y=True)
    weight = np.where(np.arange(len(y)) % 5 == 0, 0.0, 1.0)
    own = LossEstimator(penalty=Lasso(), alpha=2e3).fit(X, y, weight)
    truth = LinearRegressor(penalty=Lasso(), alpha=2e3).fit(X[weight > 0], y[weight > 0])
    np.testing.assert_allclose(own.coef_, truth.coef_, atol=1e-6)
    assert (own.coef_ == 0.0).any()
    left = own.leave_one_out()
    np.testing.assert_array_equal(left.rows, np.flatnonzero(weight))
    assert own.influence([1]).params.shape == (1, 11)
    with pytest.raises(NotAvailable, match="sparse penalty"):
        own.standard_errors()


def test_the_intercept_may_be_left_out():
    X, y = load_diabetes(return_X_y=True)
    own = LossEstimator(fit_intercept=False, alpha=0.0).fit(X, y)
    np.testing.assert_allclose(own.param_values_, np.linalg.lstsq(X, y)[0], rtol=1e-6)
    assert len(own.standard_errors()) == len(own.param_names_) == 10


def test_a_grid_search_takes_the_loss_as_its_score():
    X, y = load_diabetes(return_X_y=True)
    search = GridSearchCV(LossEstimator(), {"alpha": [0.1, 1e5]}, cv=3).fit(X, y)
    assert search.best_params_ == {"alpha": 0.1} and search.best_score_ < 0.0


# A predictor that is any function


def test_a_network_is_tuned_by_evidence_and_fits_what_a_line_cannot(network):
    X, y = bumps(500, seed=1)
    assert network.converged_ and network.tuning_.criterion_name == "evidence"
    assert set(network.alphas_per_group_) == {"first", "second"}
    line = LossEstimator().fit(*bumps())
    assert network.score(X, y) > 0.4 * line.score(X, y)  # minus a loss: nearer to zero
    assert 5.0 < network.effective_params_ < 13.0
    assert network.dispersion_ == pytest.approx(0.09, rel=0.5)  # noise of standard deviation 0.3


def test_its_parameters_come_in_the_user_s_tree_and_flat(network):
    assert set(network.params_) == {"in", "mean", "out", "shift"}
    assert network.params_["in"].shape == (2, 3)
    assert network.param_names_[:2] == ["in[0, 0]", "in[0, 1]"]
    np.testing.assert_array_equal(network.param_values_[:6], network.params_["in"].ravel())
    x = np.array([0.3, -0.2])
    by_hand = tanh_network(network.params_, x)
    np.testing.assert_allclose(network.predict(x[None])[0], float(by_hand[0]), rtol=1e-5)


def test_it_has_standard_errors_influence_and_leave_one_out(network):
    posterior, sandwich = network.standard_errors(), network.standard_errors("sandwich")
    assert posterior.shape == sandwich.shape == (13,)
    assert (posterior > 0).all() and (sandwich > 0).all()
    left = network.leave_one_out()
    assert left.loss > left.fitted_loss
    near, exact = network.influence([7]), network.group_influence([7])
    assert np.abs(near.outputs - exact.outputs).max() < np.abs(exact.outputs).max()
    assert "in[0, 0]" in str(network.summary()) and "std. error" in str(network.summary())


@pytest.mark.parametrize("criterion", [LeaveOneOut(), KFold(3), Evidence()], ids=lambda c: c.name)
def test_a_network_may_be_tuned_by_any_criterion(criterion):
    X, y = bumps(60)
    model = LossEstimator(
        predictor=tanh_network, params=network_start, criterion=criterion, tol=1e-6
    ).fit(X, y)
    assert model.tuning_.criterion_name == criterion.name
    assert model.converged_ and np.isfinite(model.tuning_.criterion)


def test_the_same_seed_gives_the_same_bits(network):
    again = clone(network).fit(*bumps())
    np.testing.assert_array_equal(again.param_values_, network.param_values_)
    other = clone(network).set_params(random_state=1).fit(*bumps())
    assert not np.array_equal(other.param_values_, network.param_values_)


def growth(params, x):
    """A curve of meaning: level and rate, both positive."""
    return jnp.exp(params["log_level"]) * (1.0 - jnp.exp(-jnp.exp(params["log_rate"]) * x[0]))


def test_a_curve_of_a_few_parameters_is_found_with_its_errors():
    rng = np.random.default_rng(0)
    x = rng.uniform(0.0, 5.0, 200)
    y = 3.0 * (1.0 - np.exp(-0.8 * x)) + 0.1 * rng.standard_normal(200)
    start = {"log_level": np.zeros(()), "log_rate": np.zeros(())}
    model = LossEstimator(predictor=growth, params=start, alpha=0.0).fit(x[:, None], y)
    found, errors = np.exp(model.param_values_), model.standard_errors()
    assert model.param_names_ == ["log_level", "log_rate"]
    assert (np.abs(np.log(found / [3.0, 0.8])) < 3.0 * errors).all() and (errors < 0.05).all()


def test_penalties_a_leaf():
    X, y = bumps(60)
    model = LossEstimator(
        predictor=tanh_network, params=network_start, groups="leaves", alpha=[1.0, 0.0, 2.0, 3.0]
    ).fit(X, y)
    expected = {"in": 1.0, "mean": 0.0, "out": 2.0, "shift": 3.0}
    assert model.alphas_per_group_ == pytest.approx(expected)


# As an object


def test_a_fitted_estimator_survives_a_pickle_with_its_analyses(network):
    X, _ = bumps()
    copy = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(copy.predict(X), network.predict(X))
    np.testing.assert_allclose(copy.standard_errors(), network.standard_errors())


def test_code_is_not_saved_to_a_model_file(network, tmp_path):
    with pytest.raises(NotAvailable, match="holds code"):
        network.save(tmp_path / "model.derivata")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("loss", [LogisticLoss(), PoissonLoss()], ids=lambda loss: loss.name)
def test_any_loss_object_serves_with_a_solver_of_choice(loss):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 2))
    y = (X[:, 0] + rng.logistic(size=60) > 0).astype(float)
    model = LossEstimator(loss, alpha=1.0, solver=Newton(1e-10)).fit(X, y)
    assert model.converged_ and model.summary().loss == loss.name
