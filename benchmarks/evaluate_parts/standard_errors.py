"""Standard errors: equal to statsmodels' without a penalty, and coverage of smooth effects.

Coverage is across the function: the share of rows at which the 95 % band of an effect holds the
true effect, both centred over the rows, averaged over simulations (Marra & Wood 2012). The
functions are those of Gu & Wahba (1991) and, apart, one that is nothing.

    PYTHONPATH=benchmarks python -m evaluate_parts.standard_errors
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from importlib.util import find_spec

import harness  # noqa: F401  sets threads before NumPy
import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor

from derivata import AdditiveClassifier, AdditiveRegressor
from derivata.adapters import adapt
from derivata.covariance import posterior_covariance
from derivata.estimators.term_effect import effect_at
from derivata.evaluation.standard_errors import standard_errors
from evaluate_parts import Row

REPEATS, FIRST_SEED = 200, 1_000
EFFECTS = (
    lambda x: 2.0 * np.sin(np.pi * x),
    lambda x: np.exp(2.0 * x),
    lambda x: 0.2 * x**11 * (10 * (1 - x)) ** 6 + 10 * (10 * x) ** 3 * (1 - x) ** 10,
    lambda x: 0.0 * x,
)
# Families, rows, and what the summed effects are multiplied by. 600 labels say little of three
# curves.
SETTINGS = (
    ("gaussian", 400, 1.0),
    ("poisson", 400, 0.15),
    ("logistic", 1_000, 0.35),
    ("logistic", 600, 0.35),
)


def rows() -> list[Row]:
    """Both claims."""
    return [*_against_statsmodels(), *(row for setting in SETTINGS for row in _coverage(*setting))]


def _against_statsmodels() -> list[Row]:
    if find_spec("statsmodels") is None:
        return [Row("standard errors against statsmodels", "1e-8", None, "statsmodels is missing")]
    import statsmodels.api as sm

    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 5)) + 2.0
    signal = (X - 2.0) @ [0.5, -0.3, 0.2, 0.0, 0.4]
    clusters = np.repeat(np.arange(50), 10)
    numbers = signal + rng.standard_normal(500) * (1.0 + 0.5 * np.abs(X[:, 0]))
    labels = (rng.random(500) < 1.0 / (1.0 + np.exp(-signal))).astype(int)
    counts = rng.poisson(np.exp(0.5 * signal))
    exact = {"disp": 0, "tol": 1e-13, "maxiter": 200}
    with_one = sm.add_constant(X)
    fits = {
        "OLS": (LinearRegression(), numbers, lambda **how: sm.OLS(numbers, with_one).fit(**how)),
        "Logit": (
            LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000),
            labels,
            lambda **how: sm.Logit(labels, with_one).fit(**exact, **how),
        ),
        "Poisson": (
            PoissonRegressor(alpha=0.0, tol=1e-10, max_iter=1_000),
            counts,
            lambda **how: sm.Poisson(counts, with_one).fit(**exact, **how),
        ),
    }
    ways = {
        "bayes": ({}, {}),
        "sandwich": ({"kind": "sandwich"}, {"cov_type": "HC0"}),
        "cluster": (
            {"kind": "cluster", "clusters": clusters},
            {"cov_type": "cluster", "cov_kwds": {"groups": clusters}},
        ),
    }
    found = []
    for name, (model, y, theirs) in fits.items():
        model.fit(X, y)
        for way, (ours, how) in ways.items():
            mine = standard_errors(model, X, y, **ours).errors
            peer = np.asarray(theirs(**how).bse)
            apart = float(np.abs(mine / np.append(peer[1:], peer[0]) - 1.0).max())
            what = f"{way} errors against statsmodels' {name}"
            found.append(Row(what, "1e-8", apart <= 1e-8, f"{apart:.1e}"))
    return found


def _coverage(family: str, n_rows: int, size: float) -> list[Row]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        each = np.array(
            [_covered(family, n_rows, size, FIRST_SEED + repeat) for repeat in range(REPEATS)]
        )
    found = []
    for which, name in ((0, "penalties' uncertainty included"), (1, "penalties as known")):
        smooth = each[:, which, :3].mean(axis=1)
        mean, error = smooth.mean(), smooth.std(ddof=1) / REPEATS**0.5
        shares = ", ".join(f"{share:.3f}" for share in each[:, which].mean(axis=0))
        figure = f"{mean:.3f} ± {error:.3f} (each effect, the last one nothing: {shares})"
        reached = bool(0.93 <= mean <= 0.97) if which == 0 else None
        what = f"coverage of smooth effects, {family}, {n_rows} rows, {name}"
        found.append(Row(what, ".93-.97", reached, figure))
    return found


def _covered(family: str, n_rows: int, size: float, seed: int) -> list[list[float]]:
    """Shares of rows covered by effect, with the penalties' uncertainty and without."""
    rng = np.random.default_rng(seed)
    X = rng.random((n_rows, len(EFFECTS)))
    truth = [size * effect(X[:, j]) for j, effect in enumerate(EFFECTS)]
    truth = [each - each.mean() for each in truth]
    outputs = np.sum(truth, axis=0)
    if family == "gaussian":
        y, model = outputs + 2.0 * rng.standard_normal(n_rows), AdditiveRegressor(interactions=None)
    elif family == "poisson":
        y = rng.poisson(np.exp(1.0 + outputs)).astype(float)
        model = AdditiveRegressor(family="poisson", interactions=None)
    else:
        y = (rng.random(n_rows) < 1.0 / (1.0 + np.exp(-outputs))).astype(int)
        model = AdditiveClassifier(interactions=None)
    value = model.fit(X, y).model_
    expansion = adapt(model, X, y).at_minimum
    known = replace(value, covariance=posterior_covariance(expansion, phi=value.dispersion))
    shares = []
    for each in (value, known):
        bands = [
            effect_at(each, number, {term.columns[0]: X[:, number]})
            for number, term in enumerate(each.encoder.terms)
        ]
        shares.append(
            [
                float(np.mean((band.lower[:, 0] <= f) & (f <= band.upper[:, 0])))
                for band, f in zip(bands, truth, strict=True)
            ]
        )
    return shares


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
