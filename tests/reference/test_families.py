"""Families against statsmodels (0.15), glum (3.4) and SciPy: coefficients, errors, shapes.

Each is fitted as an objective of its own: unpenalised, where the posterior is the sampling
distribution, against statsmodels; with one ridge penalty against glum, which minimises the mean
half deviance plus alpha / 2 |coef|^2, so its alpha is ours over the summed weight.
"""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize

from derivata.curvature import invert
from derivata.designs import DenseDesign
from derivata.estimators.families import (
    GammaFamily,
    HuberFamily,
    NegativeBinomialFamily,
    PoissonFamily,
    QuantileFamily,
    TweedieFamily,
    overdispersed,
)
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton

N, P = 400, 3
THETA = 2.5
# What is asked; measured agreement is 1e-9 or better, both sides being converged.
AGREES = 1e-6


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, P))
    exposure = rng.uniform(0.2, 3.0, N)
    mean = exposure * np.exp(0.6 + X @ [0.5, -0.3, 0.0])
    number = rng.poisson(mean**0.5 / (1.2 * 0.5))
    return {
        "X": X,
        "exposure": exposure,
        "weight": rng.integers(1, 4, N).astype(float),
        "poisson": rng.poisson(mean).astype(float),
        "negative-binomial": rng.poisson(mean * rng.gamma(THETA, 1 / THETA, N)).astype(float),
        "gamma": mean * rng.gamma(3.0, 1 / 3.0, N),
        "tweedie": rng.gamma(np.maximum(number, 1e-300)) * 1.2 * 0.5 * mean**0.5,
        "number": X @ [2.0, -1.0, 0.0] + rng.standard_t(2.0, N),
    }


def fit(family, X, y, weight=None, offset=None, alpha=0.0, start=None):
    """The minimiser for features and a free intercept, which comes first as in statsmodels."""
    columns = np.column_stack([np.ones(len(y)), X])
    objective = Objective(
        family.loss(),
        LinearPredictor(DenseDesign.from_array(columns)),
        GroupRidge(np.append(FREE, np.zeros(X.shape[1], dtype=int)), ("all",)),
        y,
        np.ones(len(y)) if weight is None else weight,
        None if offset is None else offset[:, None],
    )
    start = np.zeros(columns.shape[1]) if start is None else start
    with np.errstate(divide="ignore"):  # alpha = 0 is log alpha = -inf: no penalty
        fit = Newton(1e-13, 200).minimize(objective, start, np.log([alpha]))
    assert fit.converged
    return fit.expansion


def errors(family, expansion):
    """Standard errors: the root of dispersion times the diagonal of H^-1."""
    objective, n_params = expansion.objective, len(expansion.params)
    scale = family.dispersion(objective.y, expansion.outputs, objective.weight, n_params)
    return np.sqrt(scale * invert(expansion).diagonal())


def assert_close(found, truth):
    np.testing.assert_allclose(found, truth, rtol=AGREES, atol=AGREES * np.abs(truth).max())


STATSMODELS = {
    "poisson": (PoissonFamily(), sm.families.Poisson()),
    "negative-binomial": (
        NegativeBinomialFamily(THETA),
        sm.families.NegativeBinomial(alpha=1.0 / THETA),
    ),
    "gamma": (GammaFamily(), sm.families.Gamma(sm.families.links.Log())),
    "tweedie": (TweedieFamily(1.5), sm.families.Tweedie(sm.families.links.Log(), var_power=1.5)),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["alike", "weighted"])
@pytest.mark.parametrize("name", STATSMODELS)
def test_generalised_linear_models_equal_statsmodels(rows, name, weighted):
    family, theirs = STATSMODELS[name]
    y, offset = rows[name], np.log(rows["exposure"])
    weight = rows["weight"] if weighted else None
    design = sm.add_constant(rows["X"])
    model = sm.GLM(y, design, theirs, offset=offset, freq_weights=weight)
    reference = model.fit(tol=1e-14, maxiter=200)
    expansion = fit(family, rows["X"], y, weight, offset)
    assert_close(expansion.params, reference.params)
    objective = expansion.objective
    assert_close(family.mean(expansion.outputs), reference.fittedvalues)
    deviance = objective.weight @ family.deviance(y, expansion.outputs)
    assert deviance == pytest.approx(reference.deviance, rel=AGREES)
    assert expansion.deviance == pytest.approx(reference.deviance, rel=AGREES)
    scale = family.dispersion(y, expansion.outputs, objective.weight, P + 1)
    assert scale == pytest.approx(reference.scale, rel=AGREES)
    # Ours are of the observed curvature, which they offer beside Fisher's.
    information = -model.hessian(reference.params, scale=reference.scale, observed=True)
    if name in ("poisson", "negative-binomial"):
        assert scale == 1.0
    assert_close(errors(family, expansion), np.sqrt(np.diag(np.linalg.inv(information))))


@pytest.mark.parametrize("alpha", [0.0, 5.0, 200.0])
@pytest.mark.parametrize("name", STATSMODELS)
def test_penalised_coefficients_equal_glum(rows, name, alpha):
    glum = pytest.importorskip("glum", reason="glum is not installed: `bench` has it")
    family = STATSMODELS[name][0]
    theirs = {
        "negative-binomial": glum.NegativeBinomialDistribution(1.0 / THETA),
        "tweedie": glum.TweedieDistribution(1.5),
    }
    y, offset, weight = rows[name], np.log(rows["exposure"]), rows["weight"]
    reference = glum.GeneralizedLinearRegressor(
        alpha=alpha / weight.sum(),
        l1_ratio=0,
        family=theirs.get(name, name),
        link="log",
        gradient_tol=1e-12,
        max_iter=500,
    ).fit(rows["X"], y, sample_weight=weight, offset=offset)
    params = fit(family, rows["X"], y, weight, offset, alpha).params
    assert_close(params, np.append(reference.intercept_, reference.coef_))


def alternate(family, X, y, until=1e-10, **data):
    """Fit and estimate the shape in turn; more precisely than `settled` asks."""
    weight = np.ones(len(y))
    family = family.started(y, weight)
    for _ in range(100):
        expansion = fit(family, X, y, **data)
        following = family.restated(y, expansion.outputs, weight, len(expansion.params))
        apart = max(abs(following.shape[k] / family.shape[k] - 1.0) for k in family.shape)
        if apart < until:
            return family, expansion
        family = following
    raise AssertionError("the shape does not settle")


def test_theta_of_largest_likelihood_equals_statsmodels(rows):
    y, offset = rows["negative-binomial"], np.log(rows["exposure"])
    family, expansion = alternate(NegativeBinomialFamily(), rows["X"], y, offset=offset)
    model = sm.NegativeBinomial(y, sm.add_constant(rows["X"]), offset=offset)
    start = np.append(expansion.params, 0.5)
    reference = model.fit(start, method="newton", disp=0, tol=1e-13, maxiter=200)
    assert family.theta == pytest.approx(1.0 / reference.params[-1], rel=1e-4)
    assert_close(expansion.params, reference.params[:-1])


def test_a_poisson_fit_says_which_counts_are_overdispersed(rows):
    for name, truth in (("poisson", False), ("negative-binomial", True)):
        offset = np.log(rows["exposure"])
        outputs = fit(PoissonFamily(), rows["X"], rows[name], offset=offset).outputs
        clearly, sentence = overdispersed(rows[name], outputs, np.ones(N), P + 1)
        assert clearly is truth, sentence


@pytest.mark.parametrize("power, scale", [(1.3, 2.0), (1.7, 3.0)])
def test_the_power_of_simulated_amounts_is_found_within_its_error(power, scale):
    rng = np.random.default_rng(1)
    n = 8_000
    X = rng.standard_normal((n, 2))
    mean = np.exp(1.0 + X @ [0.7, -0.4])
    number = rng.poisson(mean ** (2 - power) / (scale * (2 - power)))
    shape = np.maximum((2 - power) / (power - 1) * number, 1e-300)
    y = rng.gamma(shape) * scale * (power - 1) * mean ** (power - 1)
    assert (y == 0).mean() > 0.1
    family, expansion = alternate(TweedieFamily(), X, y, until=1e-5)
    assert family.power == pytest.approx(power, abs=0.02)  # its standard error is .007
    assert family.dispersion(y, expansion.outputs, np.ones(n), 3) == pytest.approx(scale, rel=0.06)
    np.testing.assert_allclose(expansion.params, [1.0, 0.7, -0.4], atol=0.08)


def test_huber_equals_the_robust_linear_model_at_its_scale(rows):
    design = sm.add_constant(rows["X"])
    model = sm.RLM(rows["number"], design, sm.robust.norms.HuberT(1.345))
    reference = model.fit(tol=1e-12, maxiter=500)
    family = HuberFamily(1.345 * reference.scale)
    expansion = fit(family, rows["X"], rows["number"])
    assert_close(expansion.params, reference.params)
    # Theirs has Huber's correction of small samples, and the mean curvature in place of H.
    np.testing.assert_allclose(errors(family, expansion), reference.bse, rtol=0.05)
    # The scale is theirs but for the degrees of freedom, and the lower of two middle residuals.
    again = family.restated(rows["number"], expansion.outputs, np.ones(N), P + 1)
    assert again.scale == pytest.approx(reference.scale * (N / (N - P - 1)) ** 0.5, rel=0.02)


def test_huber_with_its_own_scale_settles(rows):
    family, expansion = alternate(HuberFamily(), rows["X"], rows["number"], until=1e-6)
    np.testing.assert_allclose(expansion.params[1:], [2.0, -1.0, 0.0], atol=0.25)
    residual = np.abs(rows["number"] - expansion.outputs[:, 0])
    assert family.scale == pytest.approx(1.4826 * np.median(residual), rel=0.01)


@pytest.mark.parametrize("loss", ["huber", "quantile"])
def test_robust_fits_equal_a_direct_minimisation(rows, loss):
    y, design, alpha = rows["number"], sm.add_constant(rows["X"]), 3.0

    def value(params):
        r = y - design @ params
        if loss == "huber":
            losses = np.where(np.abs(r) <= 1.2, 0.5 * r * r, 1.2 * np.abs(r) - 0.72)
        else:
            losses = 0.7 * r + 0.3 * np.logaddexp(0.0, -r / 0.3)
        return losses.sum() + 0.5 * alpha * (params[1:] @ params[1:])

    found = optimize.minimize(value, np.zeros(P + 1), method="BFGS", options={"gtol": 1e-4})
    precise = optimize.minimize(
        value, found.x, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12}
    )
    family = HuberFamily(1.2) if loss == "huber" else QuantileFamily(0.7, 0.3)
    expansion = fit(family, rows["X"], y, alpha=alpha)
    # Values alone determine a minimiser to the root of their rounding, about 1e-7.
    np.testing.assert_allclose(expansion.params, precise.x, atol=1e-6)
    assert expansion.value <= precise.fun + 1e-10


@pytest.mark.parametrize("level", [0.25, 0.5, 0.9])
def test_the_smoothed_quantile_nears_quantile_regression_as_its_width_falls(rows, level):
    y, design = rows["number"], sm.add_constant(rows["X"])
    reference = sm.QuantReg(y, design).fit(q=level, p_tol=1e-10, max_iter=5_000)

    def pinball(params):
        r = y - design @ params
        return float(np.maximum(level * r, (level - 1.0) * r).sum())

    distances, start = [], None
    for width in (0.3, 0.03, 0.003):
        # Each from the last: far from its minimum so sharp a loss has no curvature to go by.
        expansion = fit(QuantileFamily(level, width), rows["X"], y, start=start)
        start = expansion.params
        distances.append(np.abs(start - reference.params).max())
        # The smooth loss lies above the sharp one by at most width log 2 a row.
        assert pinball(expansion.params) <= pinball(reference.params) + N * width * np.log(2.0)
    assert distances[2] < 0.02 and distances[2] < distances[0]


def test_standard_errors_of_a_quantile_are_near_those_of_quantile_regression():
    rng = np.random.default_rng(2)
    n = 4_000
    X = rng.standard_normal((n, 2))
    y = X @ [1.0, -1.0] + rng.standard_normal(n)
    family, expansion = alternate(QuantileFamily(0.75), X, y, until=1e-4)
    reference = sm.QuantReg(y, sm.add_constant(X)).fit(q=0.75)
    # Both estimate a density at the quantile, each with its own kernel.
    np.testing.assert_allclose(errors(family, expansion), reference.bse, rtol=0.1)
    below = np.mean(y < expansion.outputs[:, 0])
    assert below == pytest.approx(0.75, abs=0.01)
