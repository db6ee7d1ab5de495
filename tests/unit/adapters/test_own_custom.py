"""Losses of a user's own as objectives: at their minimum, and refitted without a row."""

import numpy as np
import pytest

from derivata.adapters.own_custom import adapt_custom
from derivata.errors import InvalidData, InvalidParameter, NotAvailable, NotConverged
from derivata.estimators.custom import LossEstimator
from derivata.losses import PoissonLoss, SoftmaxLoss
from derivata.losses.identity import IdentityLoss
from derivata.penalties import Lasso

N = 60


def rows(seed=0):
    rng = np.random.default_rng(seed)
    X = 2.0 + rng.normal(size=(N, 3)) * [0.1, 1.0, 5.0]
    z = (X - 2.0) @ [5.0, -0.5, 0.1]
    return X, z, rng.poisson(np.exp(z)).astype(float)


@pytest.mark.parametrize("settings", [{}, {"penalty": Lasso()}, {"groups": ["a", "b", None]}])
def test_a_linear_model_is_at_the_minimum_of_its_objective(settings):
    X, _, y = rows()
    weight = np.random.default_rng(1).integers(0, 3, N)
    model = LossEstimator(PoissonLoss(), alpha=1.0, **settings).fit(X, y, weight)
    fitted = adapt_custom(model, X, y, weight)
    assert np.array_equal(fitted.kept, np.flatnonzero(weight))
    assert fitted.as_fitted.relative_gradient < 1e-7
    outputs = fitted.response.mean(fitted.at_minimum.outputs)
    assert np.allclose(outputs, model.predict(X)[fitted.kept], atol=1e-7)
    assert np.allclose(fitted.coefficients.of(fitted.params), model.param_values_)


def test_several_outputs_have_names_of_their_own():
    X, z, _ = rows()
    y = np.digitize(z + np.random.default_rng(2).normal(size=N), [-0.5, 0.5]).astype(float)
    model = LossEstimator(SoftmaxLoss(3), alpha=1.0).fit(X, y)
    fitted = adapt_custom(model, X, y)
    assert fitted.coefficients.names == tuple(model.param_names_)
    assert np.allclose(fitted.coefficients.of(fitted.params), model.param_values_)
    assert np.allclose(fitted.response.mean(fitted.at_minimum.outputs), model.predict(X))


def test_the_fit_without_a_row_is_that_of_the_estimator_with_its_alpha():
    X, _, y = rows()
    model = LossEstimator(PoissonLoss(), alpha=1.0, standardize=False).fit(X, y)
    fitted = adapt_custom(model, X, y)
    without = np.arange(N) != 7
    start = fitted.at_minimum
    rest = fitted.solver.minimize(fitted.objective.without(~without), start.params, start.hyper)
    again = LossEstimator(PoissonLoss(), alpha=1.0, standardize=False).fit(X[without], y[without])
    found = fitted.coefficients.of(rest.expansion.params)
    assert np.allclose(found, again.param_values_, atol=1e-7)


def test_a_function_of_the_users_own_is_built_again_on_the_rows_handed_in():
    jnp = pytest.importorskip("jax.numpy")
    X, z, _ = rows()
    y = np.tanh(z) + 0.2 * np.random.default_rng(3).normal(size=N)

    def curve(params, x):
        return params["size"] * jnp.tanh(params["slope"] @ x + params["at"])

    start = {"size": np.array(1.0), "slope": np.array([1.0, -0.1, 0.1]), "at": np.array(-2.0)}
    model = LossEstimator(predictor=curve, params=start, alpha=0.1).fit(X, y)
    weight = (np.arange(N) != 7).astype(float)
    fitted = adapt_custom(model, X, y)
    assert fitted.at_minimum.relative_gradient < 1e-7
    assert np.allclose(fitted.response.mean(fitted.at_minimum.outputs), model.predict(X))
    rest = fitted.solver.minimize(
        fitted.objective.without(weight == 0), fitted.params, fitted.hyper
    )
    again = LossEstimator(predictor=curve, params=model.params_, alpha=0.1)
    again.fit(X, y, weight)
    assert np.allclose(rest.expansion.params, again.param_values_, atol=1e-6)
    assert fitted.coefficients.names == tuple(model.param_names_)
    with pytest.raises(NotConverged, match="not the rows"):
        _ = adapt_custom(model, X, y[::-1].copy()).at_minimum


def test_what_does_not_fit_the_model_is_named():
    X, _, y = rows()
    with pytest.raises(InvalidParameter, match="not fitted"):
        adapt_custom(LossEstimator(), X, y)
    model = LossEstimator(PoissonLoss(), alpha=1.0).fit(X, y)
    with pytest.raises(InvalidData, match="features"):
        adapt_custom(model, X[:, :2], y)
    pytest.importorskip("jax")
    whole = LossEstimator(
        IdentityLoss(),
        predictor=lambda params, X, y: ((y - X @ params) ** 2).sum(),
        params=np.zeros(3),
        alpha=1.0,
    )
    with pytest.raises(NotAvailable, match="given whole"):
        adapt_custom(whole.fit(X, y), X, y)
