"""Against statsmodels (0.15): unpenalised coefficients and standard errors, exposures, weights.

With alpha = 0 the posterior is the sampling distribution: H^-1, times the residual variance with
n - p degrees of freedom for squared loss. A row of weight s stands for s equal rows, which is what
statsmodels calls a frequency weight.
"""

import numpy as np
import pytest
import statsmodels.api as sm

from derivata import LinearRegressor, LogisticClassifier, PoissonRegressor

N, P = 200, 4


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    sizes = np.logspace(-2.0, 2.0, P)
    X = rng.standard_normal((N, P)) * sizes + 3.0
    outputs = (X - 3.0) @ (rng.standard_normal(P) / sizes)
    exposure = rng.uniform(0.1, 5.0, N)
    return {
        "X": X,
        "design": sm.add_constant(X),
        "number": outputs + rng.standard_normal(N),
        "two": (outputs + rng.logistic(size=N) > 0).astype(int),
        "three": np.digitize(outputs + rng.logistic(size=N), [-1.0, 1.0]),
        "exposure": exposure,
        "count": rng.poisson(exposure * np.exp(0.3 * outputs)),
        "weight": rng.integers(1, 4, N).astype(float),
    }


def assert_equal(model, reference):
    """Coefficients and standard errors to 1e-8; statsmodels has the intercept first."""
    summary = model.summary()
    np.testing.assert_allclose(np.roll(summary.coef, 1), reference.params, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(np.roll(summary.standard_error, 1), reference.bse, rtol=1e-8)


def test_least_squares_equals_ols(rows):
    model = LinearRegressor(0).fit(rows["X"], rows["number"])
    reference = sm.OLS(rows["number"], rows["design"]).fit()
    assert_equal(model, reference)
    assert model.dispersion_ == pytest.approx(reference.scale, rel=1e-10)  # n - p in it
    assert model.effective_params_ == pytest.approx(P + 1, abs=1e-8)


def test_least_squares_without_intercept_equals_ols(rows):
    model = LinearRegressor(0, fit_intercept=False).fit(rows["X"], rows["number"])
    reference = sm.OLS(rows["number"], rows["X"]).fit()
    summary = model.summary()
    np.testing.assert_allclose(summary.coef, reference.params, rtol=1e-8)
    np.testing.assert_allclose(summary.standard_error, reference.bse, rtol=1e-8)


def test_weighted_least_squares_equals_frequency_weights(rows):
    model = LinearRegressor(0).fit(rows["X"], rows["number"], rows["weight"])
    gaussian = sm.GLM(rows["number"], rows["design"], freq_weights=rows["weight"])
    assert_equal(model, gaussian.fit())


def test_logistic_regression_equals_logit(rows):
    model = LogisticClassifier(0, tol=1e-12).fit(rows["X"], rows["two"])
    logit = sm.Logit(rows["two"], rows["design"])
    assert_equal(model, logit.fit(disp=0, method="newton", tol=1e-12))


def test_weighted_logistic_regression_equals_frequency_weights(rows):
    model = LogisticClassifier(0, tol=1e-12).fit(rows["X"], rows["two"], rows["weight"])
    binomial = sm.GLM(
        rows["two"], rows["design"], sm.families.Binomial(), freq_weights=rows["weight"]
    )
    assert_equal(model, binomial.fit(tol=1e-13))


def test_multinomial_differences_between_classes_equal_mnlogit(rows):
    model = LogisticClassifier(0, tol=1e-12).fit(rows["X"], rows["three"])
    reference = sm.MNLogit(rows["three"], rows["design"]).fit(
        disp=0,
        method="newton",
        maxiter=50,
        warn_convergence=False,  # judged by its result below
    )
    ours = np.column_stack([model.intercept_, model.coef_])
    np.testing.assert_allclose((ours[1:] - ours[0]).T, reference.params, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("unit", [1.0, 1e6, 1e-6])
def test_poisson_regression_with_exposure_equals_poisson_whatever_the_unit(rows, unit):
    exposure = unit * rows["exposure"]
    model = PoissonRegressor(0, tol=1e-12).fit(rows["X"], rows["count"], exposure=exposure)
    family = sm.families.Poisson()
    poisson = sm.GLM(rows["count"], rows["design"], family, exposure=exposure)
    assert_equal(model, poisson.fit(tol=1e-13, maxiter=200))


def test_weighted_poisson_regression_equals_frequency_weights(rows):
    model = PoissonRegressor(0, tol=1e-12)
    model.fit(rows["X"], rows["count"], rows["weight"], exposure=rows["exposure"])
    poisson = sm.GLM(
        rows["count"],
        rows["design"],
        sm.families.Poisson(),
        exposure=rows["exposure"],
        freq_weights=rows["weight"],
    )
    assert_equal(model, poisson.fit(tol=1e-13))


@pytest.mark.parametrize(
    "model_class, target, family",
    [
        (LinearRegressor, "number", sm.families.Gaussian),
        (LogisticClassifier, "two", sm.families.Binomial),
        (PoissonRegressor, "count", sm.families.Poisson),
    ],
    ids=["linear", "logistic", "poisson"],
)
def test_offsets_equal_those_of_generalised_linear_models(rows, model_class, target, family):
    offset = 2.0 + np.sin(np.arange(N))
    model = model_class(0, tol=1e-12).fit(rows["X"], rows[target], offset=offset)
    reference = sm.GLM(rows[target], rows["design"], family(), offset=offset).fit(tol=1e-13)
    assert_equal(model, reference)
    predict = model.predict
    if model_class is LogisticClassifier:
        predict = lambda X, offset: model.predict_proba(X, offset)[:, 1]
    found = predict(rows["X"], offset=offset)
    np.testing.assert_allclose(found, reference.fittedvalues, rtol=1e-8)
