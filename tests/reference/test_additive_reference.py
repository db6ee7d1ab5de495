"""Additive models at given smoothing parameters: a dense computation of our own, and R's mgcv.

A penalty alpha on the bends of a curve is alpha / r times the integral of f''^2, r the roughness of
coefficients of square-sum 1; on a category it is alpha times the square-sum of its effects. mgcv's
B-splines (``bs="bs", m=c(3, 2)``) on the same knots span the same curves, so that at equal
smoothing parameters the fits are the same. Compared with mgcv 1.8-41 of R 4.2.
"""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from scipy.interpolate import BSpline
from scipy.linalg import block_diag

from derivata import AdditiveClassifier, AdditiveRegressor, Category, Evidence, Spline
from derivata.curvature import invert
from derivata.designs import DenseDesign
from derivata.losses import PoissonLoss, SquaredLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton
from derivata.tables import table_from_frame
from derivata.tuning import tune

N_ROWS, N_BASIS = 400, 9
TERMS = [Spline("x", N_BASIS), Spline("z", N_BASIS), Category("g")]
# Of the bends of x and z, and of g; lines are free.
ALPHAS = {
    "x: straight": 0.0, "x: wiggly": 3.0, "z: straight": 0.0, "z: wiggly": 40.0, "g: category": 2.0,
}  # fmt: skip


def drawn():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "x": rng.gamma(2.0, size=N_ROWS),
            "z": rng.normal(size=N_ROWS),
            "g": rng.choice(list("abcd"), N_ROWS),
        }
    )
    outputs = np.sin(2.0 * X["x"]) + 0.3 * X["z"] ** 2 + X["g"].map(dict(a=0.5, b=-0.5, c=0, d=0))
    y = pd.DataFrame(
        {
            "number": outputs + 0.5 * rng.standard_normal(N_ROWS),
            "count": rng.poisson(np.exp(outputs)),
            "amount": rng.gamma(3.0, np.exp(outputs) / 3.0),
            "two": (rng.random(N_ROWS) < 1.0 / (1.0 + np.exp(-outputs))).astype(int),
        }
    )
    return X, y, rng.integers(1, 4, N_ROWS).astype(float)


FAMILIES = {
    "number": "squared", "count": "poisson", "amount": "gamma", "two": "logistic",
}  # fmt: skip
EACH = pytest.mark.parametrize("name", FAMILIES)


def fitted(name):
    X, y, weight = drawn()
    if name == "two":
        model = AdditiveClassifier(terms=TERMS, alpha=ALPHAS)
    else:
        model = AdditiveRegressor(terms=TERMS, family=FAMILIES[name], alpha=ALPHAS)
    model.fit(X, y[name], weight)
    outputs = model.model_.outputs(table_from_frame(X, "`X`"))[:, 0]
    return model, outputs


def full_knots(term):
    """Knots of the curve's cubic B-splines, in the column's own unit."""
    standard, knots = term.curve.standard, np.array(term.curve.splines.knots)
    inner = standard.low + standard.span * knots
    inner[[0, -1]] += [-1e-12 * standard.span, 1e-12 * standard.span]  # rounding of the outer rows
    return np.r_[[inner[0]] * 3, inner, [inner[-1]] * 3]


def second_gram(knots):
    """The integrals of B_i'' B_j'', by three-point Gauss-Legendre an interval: exact."""
    nodes, weights = np.polynomial.legendre.leggauss(3)
    bends, total = BSpline(knots, np.eye(len(knots) - 4), 3).derivative(2), 0.0
    distinct = knots[3:-3]
    for a, b in zip(distinct[:-1], distinct[1:], strict=True):
        values = bends(0.5 * (a + b) + 0.5 * (b - a) * nodes)
        total = total + 0.5 * (b - a) * (values.T * weights) @ values
    return total


def smoothing(term, alpha):
    """What a penalty on the bends multiplies the integral of f''^2 by."""
    knots = full_knots(term)
    grid = np.linspace(knots[0], knots[-1], 500)[1:-1]
    coef = np.zeros(len(term.names))
    coef[1] = 1.0
    values = term.block({term.column: grid}) @ coef
    splines = np.linalg.lstsq(BSpline.design_matrix(grid, knots, 3).toarray(), values, rcond=None)
    return alpha / float(splines[0] @ second_gram(knots) @ splines[0])


def derivatives(name, y, z):
    """First and second derivative of the loss by the output."""
    mean = 1.0 / (1.0 + np.exp(-z)) if name == "two" else np.exp(z)
    return {
        "number": (z - y, np.ones(len(z))),
        "count": (mean - y, mean),
        "amount": (1.0 - y / mean, y / mean),
        "two": (mean - y, mean * (1.0 - mean)),
    }[name]


@EACH
def test_fits_equal_a_dense_computation_on_b_splines(name):
    model, outputs = fitted(name)
    X, y, weight = drawn()
    blocks, penalties = [np.ones((N_ROWS, 1))], [np.zeros((1, 1))]
    for term in model.terms_[:2]:
        knots = full_knots(term)
        blocks.append(BSpline.design_matrix(X[term.column].to_numpy(), knots, 3).toarray())
        alpha = ALPHAS[f"{term.column}: wiggly"]
        penalties.append(smoothing(term, alpha) * second_gram(knots))
    blocks.append(np.stack([X["g"] == level for level in "abcd"], axis=1).astype(float))
    penalties.append(ALPHAS["g: category"] * np.eye(4))
    design, penalty = np.hstack(blocks), block_diag(*penalties)
    coef = np.zeros(design.shape[1])
    for _ in range(30):  # Newton; constants are in three blocks, so the Hessian is singular
        slope, curvature = derivatives(name, y[name].to_numpy(float), design @ coef)
        gradient = design.T @ (weight * slope) + penalty @ coef
        hessian = (design.T * (weight * curvature)) @ design + penalty
        coef = coef - np.linalg.lstsq(hessian, gradient, rcond=1e-13)[0]
    assert np.abs(gradient).max() < 1e-8
    np.testing.assert_allclose(design @ coef, outputs, atol=1e-7)


# R's mgcv, in one run.

SCRIPT = """
library(mgcv)
folder <- commandArgs(trailingOnly = TRUE)[1]
rows <- read.csv(file.path(folder, "rows.csv")); rows$g <- factor(rows$g)
knots <- list(x = scan(file.path(folder, "x.txt"), quiet = TRUE),
              z = scan(file.path(folder, "z.txt"), quiet = TRUE))
sp <- read.csv(file.path(folder, "sp.csv"))
families <- list(number = gaussian(), count = poisson(), amount = Gamma(log), two = binomial())
control <- gam.control(scalePenalty = FALSE, epsilon = 1e-12)
found <- list()
for (name in names(families)) {
  formula <- reformulate(c("s(x, bs='bs', k=K, m=c(3, 2))", "s(z, bs='bs', k=K, m=c(3, 2))",
                           "s(g, bs='re')"), name)
  environment(formula) <- list2env(list(K = length(knots$x) - 4), parent = environment(gam))
  fit <- gam(formula, families[[name]], rows, weights = rows$weight, knots = knots,
             sp = unlist(sp[1, ]), control = control)
  found[[paste0(name, ".outputs")]] <- fit$linear.predictors
  found[[paste0(name, ".error")]] <- predict(fit, se.fit = TRUE)$se.fit
  found[[paste0(name, ".edf")]] <- rep(sum(fit$edf), nrow(rows))
  found[[paste0(name, ".scale")]] <- rep(fit$sig2, nrow(rows))
}
write.csv(found, file.path(folder, "fits.csv"), row.names = FALSE)
formula <- count ~ s(x, bs='bs', k=K, m=c(3, 2)) + s(z, bs='bs', k=K, m=c(3, 2)) + s(g, bs='re')
environment(formula) <- list2env(list(K = length(knots$x) - 4), parent = environment(gam))
scores <- sapply(seq_len(nrow(sp)), function(i) gam(formula, poisson(), rows, knots = knots,
  sp = unlist(sp[i, ]), control = control, method = "REML")$gcv.ubre)
write.csv(data.frame(scores = scores), file.path(folder, "scores.csv"), row.names = FALSE)
best <- gam(formula, poisson(), rows, knots = knots, control = control, method = "REML")
write.csv(data.frame(sp = best$sp), file.path(folder, "best.csv"), row.names = FALSE)
"""
# Factors on the smoothing parameters at which restricted likelihoods are compared.
FACTORS = np.array([[1.0, 1.0, 1.0], [10.0, 1.0, 1.0], [0.1, 3.0, 1.0], [1.0, 0.2, 20.0]])


def rscript():
    """The command, or None with the reason."""
    command = shutil.which("Rscript")
    if command is None:
        return None, "Rscript is not installed"
    asked = subprocess.run(
        [command, "-e", "library(mgcv)"], capture_output=True, text=True, check=False
    )
    return (command, "") if asked.returncode == 0 else (None, "R's mgcv is not installed")


@pytest.fixture(scope="module")
def mgcv(tmp_path_factory):
    command, why_not = rscript()
    if command is None:
        pytest.skip(why_not)
    folder = tmp_path_factory.mktemp("mgcv")
    X, y, weight = drawn()
    pd.concat([X, y], axis=1).assign(weight=weight).to_csv(folder / "rows.csv", index=False)
    terms = fitted("number")[0].terms_
    for term in terms[:2]:
        text = "\n".join(map(repr, full_knots(term).tolist()))
        (folder / f"{term.column}.txt").write_text(text)
    smooth = [smoothing(term, ALPHAS[f"{term.column}: wiggly"]) for term in terms[:2]]
    parameters = FACTORS * [*smooth, ALPHAS["g: category"]]
    pd.DataFrame(parameters, columns=["x", "z", "g"]).to_csv(folder / "sp.csv", index=False)
    (folder / "run.R").write_text(SCRIPT)
    done = subprocess.run(
        [command, str(folder / "run.R"), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {
        "fits": pd.read_csv(folder / "fits.csv"),
        "scores": pd.read_csv(folder / "scores.csv")["scores"].to_numpy(),
        "best": pd.read_csv(folder / "best.csv")["sp"].to_numpy(),
        "smoothing": parameters[0],
    }


@EACH
def test_fits_equal_those_of_mgcv(name, mgcv):
    model, outputs = fitted(name)
    found = mgcv["fits"]
    np.testing.assert_allclose(outputs, found[f"{name}.outputs"], atol=1e-6)
    # Its weights are no counts: scales and error bars of squared and gamma loss differ.
    if name in ("count", "two"):
        X, _, _ = drawn()
        variance = model.model_.output_variance(table_from_frame(X, "`X`"))[:, 0, 0]
        np.testing.assert_allclose(np.sqrt(variance), found[f"{name}.error"], rtol=1e-5)
        assert model.effective_params_ == pytest.approx(found[f"{name}.edf"][0], rel=1e-6)


def counts_objective():
    """The Poisson objective with the lines free: bends of x, bends of z, effects of g."""
    X, y, _ = drawn()
    encoder = fitted("number")[0].model_.encoder
    number = {"x: wiggly": 0, "z: wiggly": 1, "g: category": 2}
    groups = [number.get(name, FREE) for name in encoder.penalty_names]
    return Objective(
        PoissonLoss(),
        LinearPredictor(encoder.design(table_from_frame(X, "`X`"))),
        GroupRidge(np.array([*groups, FREE]), ("x", "z", "g")),
        y["count"].to_numpy(float),
        np.ones(N_ROWS),
    )


def test_differences_of_evidence_are_those_of_restricted_likelihoods(mgcv):
    objective = counts_objective()
    base = np.log([ALPHAS["x: wiggly"], ALPHAS["z: wiggly"], ALPHAS["g: category"]])
    values = []
    for factors in FACTORS:
        hyper = base + np.log(factors)
        start = np.zeros(objective.predictor.n_params)
        end = Newton(tol=1e-12).minimize(objective, start, hyper).expansion
        values.append(Evidence().subproblems(objective)[0].judge(end, invert(end)).value)
    np.testing.assert_allclose(
        np.diff(values), np.diff(mgcv["scores"]), atol=1e-6 * np.abs(values).max()
    )


def test_the_penalties_of_largest_evidence_are_those_of_restricted_likelihood(mgcv):
    objective = counts_objective()
    result = tune(objective, Evidence(), Newton(tol=1e-8))
    alphas = np.exp(result.hyper)
    ratio = mgcv["smoothing"] / [ALPHAS["x: wiggly"], ALPHAS["z: wiggly"], ALPHAS["g: category"]]
    # Both stop where a nat or less is to be had: penalties are known to some per cent.
    np.testing.assert_allclose(alphas * ratio, mgcv["best"], rtol=0.05)


def test_for_squared_loss_evidence_is_the_restricted_likelihood_of_a_mixed_model():
    statsmodels = pytest.importorskip("statsmodels.api")
    X, y, _ = drawn()
    groups = X["g"].to_numpy()
    exog = np.column_stack([np.ones(N_ROWS), X["z"]])
    reference = statsmodels.MixedLM(y["number"], exog, groups).fit(reml=True)
    one_hot = np.stack([groups == level for level in "abcd"], axis=1).astype(float)
    objective = Objective(
        SquaredLoss(),
        LinearPredictor(DenseDesign.from_array(np.hstack([one_hot, exog]))),
        GroupRidge(np.array([0, 0, 0, 0, FREE, FREE]), ("g",)),
        y["number"].to_numpy(),
        np.ones(N_ROWS),
    )
    result = tune(objective, Evidence(), Newton(tol=1e-8))
    # alpha is the variance of the noise over that of the effects.
    ratio = float(reference.scale / reference.cov_re.iloc[0, 0])
    assert np.exp(result.hyper[0]) == pytest.approx(ratio, rel=0.03)
    end = Newton(tol=1e-12).minimize(objective, np.zeros(6), np.log([ratio])).expansion
    effects = np.array([reference.random_effects[level].iloc[0] for level in "abcd"])
    np.testing.assert_allclose(end.params[:4], effects, atol=1e-6)
    np.testing.assert_allclose(end.params[4:], reference.fe_params, atol=1e-6)
