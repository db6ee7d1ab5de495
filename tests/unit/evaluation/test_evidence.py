"""The evidence of fitted models: units, priors without a constant, words."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln
from sklearn.linear_model import (
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.neural_network import MLPRegressor

from derivata import AdditiveRegressor, LinearRegressor
from derivata.errors import NotAvailable
from derivata.evaluation.evidence import evidence
from derivata.terms import Linear, Spline


def drawn(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3)) + 1.0
    return X, X @ [1.0, -0.5, 0.0], rng


def test_ridge_is_students_density_of_the_targets():
    X, signal, rng = drawn(20)
    y = signal + rng.standard_normal(20)
    found = evidence(Ridge(alpha=2.0, fit_intercept=False).fit(X, y), X, y)
    # With phi ~ inverse gamma(a, b), a and b near 0, times b^-a Gamma(a): the prior 1 / phi.
    a = b = 1e-7
    shape = (b / a) * (np.eye(20) + X @ X.T / 2.0)
    student = stats.multivariate_t(np.zeros(20), shape, df=2 * a).logpdf(y)
    assert found.log_evidence == pytest.approx(student + gammaln(a) - a * np.log(b), abs=1e-4)
    assert found.error == 0.0 and found.correction == 0.0
    assert str(found.improper) == "1 / phi for the noise's scale"


def test_units_of_columns_do_not_matter_to_a_free_intercept():
    X, signal, rng = drawn()
    y = signal + rng.standard_normal(60)
    near, far = (
        evidence(Ridge(alpha=1.0).fit(X + shift, y), X + shift, y) for shift in (0.0, 100.0)
    )
    assert near.log_evidence == pytest.approx(far.log_evidence, abs=1e-7)


def test_free_coefficients_are_per_unit_of_the_users_columns():
    X, signal, rng = drawn()
    y = signal + rng.standard_normal(60)
    one = evidence(LinearRegression().fit(X, y), X, y)
    # derivata's own regressor standardises columns: parameters in other units, the same evidence.
    other = evidence(LinearRegressor(alpha=0.0).fit(X, y), X, y)
    assert one.log_evidence == pytest.approx(other.log_evidence, abs=1e-6)
    assert one.improper == other.improper
    # In centimetres in place of metres a flat prior is a hundred times as dense a coefficient.
    scaled = evidence(LinearRegression().fit(100.0 * X, y), 100.0 * X, y)
    assert one.log_evidence - scaled.log_evidence == pytest.approx(3 * np.log(100.0), abs=1e-6)


def test_words_say_what_the_number_is_and_what_it_is_not():
    X, signal, rng = drawn()
    labels = (signal + rng.logistic(size=60) > 0).astype(int)
    found = evidence(LogisticRegression(C=3.0).fit(X, labels), X, labels)
    text = str(found)
    assert "log evidence of LogisticRegression" in text and "Gauss-Hermite" in text
    assert "improper priors: flat for (intercept)" in text and "flat prior has no constant" in text
    assert "Penalties count as known; they are those given" in text
    assert found.log_evidence - found.laplace == pytest.approx(found.correction)
    assert 0.0 < found.error < abs(found.correction)
    unchecked = evidence(LogisticRegression(C=3.0).fit(X, labels), X, labels, correction=False)
    assert np.isnan(unchecked.error) and unchecked.log_evidence == found.laplace


def test_a_lasso_is_sampled():
    X, signal, rng = drawn()
    y = signal + rng.standard_normal(60)
    found = evidence(Lasso(alpha=0.1).fit(X, y), X, y)
    assert found.laplace is None and found.correction is None and found.is_trusted
    assert found.effective_sample_size > 1_000 and "effective sample size" in str(found)
    again = evidence(Lasso(alpha=0.1).fit(X, y), X, y)
    assert again.log_evidence == found.log_evidence


def test_a_sample_that_is_not_to_be_trusted_says_so():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((40, 60))
    counts = rng.poisson(np.exp(0.4 * X[:, 0]))
    found = evidence(
        PoissonRegressor(alpha=1e-5, tol=1e-8, max_iter=2_000).fit(X, counts),
        X,
        counts,
        n_samples=200,
    )
    assert not found.is_trusted and "Do not trust this evidence" in str(found)


def test_a_loss_without_a_density_is_refused():
    X, signal, rng = drawn(100)
    y = signal + rng.standard_t(3, 100)
    with pytest.raises(NotAvailable, match="normalisation of the loss 'huber with its scale'"):
        evidence(HuberRegressor(alpha=0.1, tol=1e-8).fit(X, y), X, y)


def test_hubers_scale_is_that_of_its_corner():
    X, signal, rng = drawn(80)
    y = signal + rng.standard_t(3, 80)
    found = evidence(AdditiveRegressor([Linear("x0")], family="huber").fit(X, y), X, y)
    assert found.improper.scale == "" and found.error > 0.0


def test_monotone_terms_have_no_evidence():
    X, signal, rng = drawn(80)
    y = signal + rng.standard_normal(80)
    model = AdditiveRegressor([Spline("x0", monotone="increasing")]).fit(X, y)
    with pytest.raises(NotAvailable, match="monotone or convex term"):
        evidence(model, X, y)


def test_networks_are_judged_near_their_mode():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((60, 1))
    y = np.tanh(2.0 * X[:, 0]) + 0.2 * rng.standard_normal(60)
    model = MLPRegressor(
        hidden_layer_sizes=(1,),
        activation="tanh",
        solver="lbfgs",
        alpha=1.0,
        max_iter=5_000,
        tol=1e-10,
        random_state=0,
    ).fit(X, y)
    found = evidence(model, X, y)
    assert "near one mode" in str(found) and found.error < 0.2
