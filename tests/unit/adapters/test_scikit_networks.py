"""scikit-learn's networks as objectives: their scalings, their minima, what they are refused."""

import sys

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from derivata.adapters.network_solver import NetworkNewton
from derivata.adapters.scikit_networks import adapt_mlp
from derivata.errors import (
    InvalidParameter,
    InvalidTarget,
    NotAvailable,
    NotConverged,
)
from derivata.evaluation.leave_one_out import leave_one_out

pytest.importorskip("jax")

N, P = 60, 3
TIGHT = {"solver": "lbfgs", "tol": 1e-10, "max_iter": 20_000, "max_fun": 100_000}


def rows(kind, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, P))
    z = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
    if kind == "numbers":
        return X, z + 0.3 * rng.standard_normal(N)
    if kind == "counts":
        return X, rng.poisson(np.exp(0.5 * z)).astype(float)
    scores = 2.0 * np.column_stack([z, -z, np.zeros(N)])[:, : int(kind[0])]
    labels = np.array(["ash", "birch", "cedar"])
    return X, labels[np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)]


def network(kind, **settings):
    settings = {"hidden_layer_sizes": (3,), "activation": "tanh", "random_state": 0} | settings
    settings = TIGHT | {"alpha": 0.5} | settings
    if "classes" in kind:
        return MLPClassifier(**settings)
    return MLPRegressor(loss="poisson" if kind == "counts" else "squared_error", **settings)


def predicted(model, X):
    return model.predict_proba(X) if hasattr(model, "classes_") else model.predict(X)


KINDS = ("numbers", "counts", "2 classes", "3 classes")


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_trained_to_its_minimum_is_at_that_of_its_objective(kind):
    X, y = rows(kind)
    weight = np.random.default_rng(1).integers(0, 3, N).astype(float)
    model = network(kind).fit(X, y, sample_weight=weight)
    fitted = adapt_mlp(model, X, y, weight)
    assert np.array_equal(fitted.kept, np.flatnonzero(weight))
    expected = predicted(model, X)[fitted.kept]
    assert np.allclose(fitted.response.mean(fitted.as_fitted.outputs), expected, atol=1e-12)
    assert fitted.as_fitted.relative_gradient < 1e-3
    assert fitted.at_minimum.relative_gradient < 1e-8
    assert fitted.distance < 0.01
    assert np.allclose(fitted.response.mean(fitted.at_minimum.outputs), expected, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_fit_without_a_row_is_that_of_the_network_trained_on(kind):
    X, y = rows(kind)
    model = network(kind, warm_start=True).fit(X, y)
    fitted = adapt_mlp(model, X, y)
    without = np.arange(N) != 7
    start = fitted.at_minimum
    rest = fitted.solver.minimize(fitted.objective.without(~without), start.params, start.hyper)
    model.fit(X[without], y[without])  # goes on from its weights
    found = fitted.response.mean(fitted.judged(X, y).outputs(rest.expansion.params))
    assert np.allclose(found, predicted(model, X), atol=2e-3)
    assert np.abs(found - fitted.response.mean(start.outputs)).max() > 5e-3


def test_the_shape_gives_the_scores_of_the_network():
    X, y = rows("3 classes")
    model = network("3 classes", max_iter=5, tol=1.0).fit(X, y)
    fitted = adapt_mlp(model, X, y)
    (layers,) = fitted.shape.networks
    hidden = np.tanh(fitted.shape.inputs(X) @ layers[0][0] + layers[0][1])
    scores = hidden @ layers[1][0] + layers[1][1]
    assert np.allclose(scores, fitted.as_fitted.outputs @ fitted.objective.loss.contrasts)


def test_batches_multiply_the_penalty_as_scikit_learn_does():
    # Adam ends near the minimum of the objective with alpha n mean(1 / batch), far from alpha's.
    X, y = rows("numbers")
    settings = {"solver": "adam", "batch_size": 25, "max_iter": 3_000, "tol": 0.0, "alpha": 1.0}
    settings["n_iter_no_change"] = 3_000  # all of them
    with pytest.warns(match="iterations"):
        model = network("numbers", learning_rate_init=1e-3, **settings).fit(X, y)
    fitted = adapt_mlp(model, X, y)
    strength = np.exp(fitted.hyper[0])
    assert np.isclose(strength, N * (2 / 25 + 1 / 10) / 3)
    assert "3.6 times `alpha`" in fitted.notes[0]
    near = fitted.as_fitted.relative_gradient
    far = fitted.objective.at(fitted.params, np.zeros(1)).relative_gradient
    assert near < 0.2 * far


def test_a_network_left_far_from_a_minimum_is_refused_with_its_gradient_and_a_cure():
    X, y = rows("2 classes")
    with pytest.warns(match="iterations"):
        model = network("2 classes", solver="adam", max_iter=3).fit(X, y)
    with pytest.raises(NotConverged, match=r"relative gradient.*`solver='lbfgs'`"):
        _ = adapt_mlp(model, X, y).at_minimum
    stopped = network("2 classes", solver="adam", early_stopping=True, max_iter=300).fit(X, y)
    with pytest.raises(NotConverged, match="early_stopping"):
        _ = adapt_mlp(stopped, X, y).at_minimum


def test_a_network_too_large_for_a_hessian_is_refused_with_what_does_without():
    X, y = rows("2 classes")
    model = network("2 classes", hidden_layer_sizes=(500,), max_iter=2, tol=1.0).fit(X, y)
    fitted = adapt_mlp(model, X, y)
    assert isinstance(fitted.solver, NetworkNewton)
    with pytest.raises(NotAvailable, match=r"2,501 weights.*`hidden_layer_sizes`.*`attribute`"):
        _ = fitted.at_minimum


def test_without_jax_a_network_has_a_shape_and_outputs_but_no_derivatives(monkeypatch):
    X, y = rows("2 classes")
    model = network("2 classes").fit(X, y)
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "derivata.predictors.autodiff", raising=False)
    fitted = adapt_mlp(model, X, y)
    assert fitted.shape.activation == "tanh"
    assert np.allclose(fitted.response.mean(fitted.as_fitted.outputs), model.predict_proba(X))
    with pytest.raises(NotAvailable, match=r"derivata\[jax\]"):
        _ = fitted.at_minimum


def test_several_targets_and_other_rows_are_named():
    X, y = rows("2 classes")
    model = network("2 classes", max_iter=5, tol=1.0)
    with pytest.raises(InvalidParameter, match="not fitted"):
        adapt_mlp(model, X, y)
    several = network("2 classes", max_iter=5, tol=1.0).fit(X, X > 0.0)
    with pytest.raises(NotAvailable, match="3 labels"):
        adapt_mlp(several, X, X > 0.0)
    amounts = network("numbers", max_iter=5, tol=1.0).fit(X, X)
    with pytest.raises(NotAvailable, match="3 targets"):
        adapt_mlp(amounts, X, X)
    model.fit(X, y)
    with pytest.raises(InvalidTarget, match="'?zelkova'? in row 3"):
        adapt_mlp(model, X, np.where(np.arange(N) == 3, "zelkova", y))


def test_a_unit_that_nothing_weighs_is_no_reason_to_call_a_refit_lost():
    # A strong penalty empties units: flat in Gauss-Newton's Hessian, which their penalty holds.
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    settings = {"solver": "lbfgs", "tol": 1e-9, "max_iter": 5_000}
    model = MLPClassifier((8,), activation="tanh", alpha=1.0, random_state=0, **settings).fit(X, y)
    found = leave_one_out(model, X, y, budget=29)
    assert 11 in found.refitted
    assert 0.0 < found.approximation_error < 0.1 * found.optimism
