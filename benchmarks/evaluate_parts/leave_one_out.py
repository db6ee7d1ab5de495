"""Certified leave-one-out: its error, whether it knows its error, and its speed.

Truth is a refit without each row, by Newton's method to a relative gradient of 1e-12. Errors are
shares of the optimism, the difference between the score and that on the rows fitted.

Run alone: ``PYTHONPATH=benchmarks python -m evaluate_parts.leave_one_out``.
"""

from __future__ import annotations

import harness  # first: it sets the number of BLAS threads

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from derivata.adapters import adapt
from derivata.certified.leave_one_out import certify
from derivata.certified.refits import refit_without
from derivata.evaluation.leave_one_out import leave_one_out
from derivata.solvers import Newton, ProximalNewton
from evaluate_parts import Row

ALPHAS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
REPEATS, TURNS = 200, 7
TENTH = 0.1
TRUE = Newton(tol=1e-12, precision=1e-9)
# Below this share of the score an approximation error is rounding, and covers nothing.
ROUNDING = 1e-8


def rows() -> list[Row]:
    """Every claim, in the order of the table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [*_errors(), *_coverage(), *_silent(), *_speed()]


# ------------------------------------------------------------------------------- data and truth


@cache
def _classes(name: str) -> tuple[Any, Any] | None:
    """Standardised columns and labels; None where the shared data are not there."""
    from sklearn.datasets import load_breast_cancer, load_digits

    X: Any
    y: Any
    if name == "breast cancer":
        X, y = load_breast_cancer(return_X_y=True)
    elif name == "digits 3 against 8":
        X, digits = load_digits(return_X_y=True)
        chosen = np.isin(digits, [3, 8])
        X, y = X[chosen], digits[chosen] == 8
    else:
        read = _shared(name)
        if read is None:
            return None
        X, y = read
    spread = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0), np.asarray(y, dtype=int)


def _shared(name: str) -> tuple[Any, Any] | None:
    path = harness.SHARED / f"{name}.csv.gz"
    if not path.exists():
        return None
    import pandas as pd

    table = pd.read_csv(path)
    target = {"german_credit": "credit_risk"}.get(name, "label")
    inputs = table.drop(columns=[target, *(c for c in ("split",) if c in table)])
    X = pd.get_dummies(inputs, drop_first=True).to_numpy(dtype=float)
    return X, (table[target] == table[target].iloc[0]).to_numpy()


def _logistic(X: Any, y: Any, alpha: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    many = X.shape[1] > len(y)
    solver = "lbfgs" if many else "newton-cholesky"
    return LogisticRegression(C=1.0 / alpha, solver=solver, tol=1e-9, max_iter=100_000).fit(X, y)


def _truth(expansion: Any, solver: Any, metric: Any = None) -> float:
    """The score of refits without each row, one after the other."""
    objective = expansion.objective
    outputs = np.empty_like(expansion.outputs)
    for row in range(len(objective.y)):
        removed = np.minimum(objective.weight[[row]], 1.0)
        fit = refit_without(expansion, solver, np.array([row]), removed=removed)
        outputs[row] = objective.take(np.array([row])).outputs(fit.expansion.params)[0]
    judge = metric or (lambda y, z: objective.loss.at(y, z).value)
    return float(np.average(judge(objective.y, outputs), weights=objective.weight))


# ------------------------------------------------------------------------------- error of the risk


def _errors() -> Iterator[Row]:
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import Ridge

    wanted = {"golub_leukemia": 1e-2}
    names = ("breast cancer", "digits 3 against 8", "german_credit", "ionosphere", "golub_leukemia")
    for name in names:
        data = _classes(name)
        most = wanted.get(name, 1e-3)
        what = f"error of certified leave-one-out, {name}, alpha 1e-4 … 1e2"
        if data is None:
            yield Row(what, f"<= {most:g}", None, "skipped: the shared data are not here")
            continue
        yield _error_row(what, most, [_logistic(*data, alpha) for alpha in ALPHAS], *data)
    X, y = load_diabetes(return_X_y=True)
    X = X / X.std(axis=0)
    models = [Ridge(alpha).fit(X, y) for alpha in ALPHAS]
    yield _error_row("the same, diabetes (ridge)", 1e-3, models, X, y)


def _error_row(what: str, most: float, models: list[Any], X: Any, y: Any) -> Row:
    free, tenth, once, refits = [], [], [], []
    for model in models:
        fitted = adapt(model, X, y)
        truth = _truth(fitted.at_minimum, TRUE)
        found = [leave_one_out(fitted, X, y, budget=budget) for budget in (None, TENTH, 0)]
        optimism = abs(truth - found[0].fitted_score)
        off = [abs(each.score - truth) / optimism for each in found]
        for values, value in zip((free, tenth, once), off, strict=True):
            values.append(value)
        refits.append(found[0].n_refits)
    figure = (
        f"largest {max(free):.1e} of the optimism, {min(refits)}–{max(refits)} of {len(y)} rows "
        f"refitted; a tenth of them: {max(tenth):.1e}; none: {max(once):.1e}"
    )
    return Row(what, f"<= {most:g}", max(free) <= most, figure)


# ------------------------------------------------------------------------------- coverage


def _coverage() -> Iterator[Row]:
    shares = []
    for name, alpha in (
        ("breast cancer", 1e-2),
        ("breast cancer", 1.0),
        ("digits 3 against 8", 1e-2),
        ("ionosphere", 1e-4),
        ("ionosphere", 1.0),
        ("german_credit", 1e-4),
        ("german_credit", 1.0),
    ):
        data = _classes(name)
        if data is None:
            continue
        fitted = adapt(_logistic(*data, alpha), *data)
        end = fitted.at_minimum
        truth = _truth(end, TRUE)
        covered = counted = 0
        for seed in range(REPEATS):
            found = certify(end, fitted.solver, budget=TENTH, random_state=seed)
            if found.approximation_error > ROUNDING * abs(found.score):
                counted += 1
                covered += abs(found.score - truth) <= 2.0 * found.approximation_error
        shares.append((covered / max(counted, 1), counted, f"{name} at {alpha:g}"))
    figure = ", ".join(f"{where} {share:.2f}" for share, _, where in shares)
    counted = min(count for _, count, _ in shares)
    reached = min(share for share, _, _ in shares) >= 0.9
    yield Row(
        f"the truth is within two stated errors, {REPEATS} samples of a tenth of the rows",
        ">= .90",
        reached and counted > REPEATS // 2,
        figure,
    )


# ------------------------------------------------------------------------------- silently wrong


@dataclass(frozen=True)
class _Case:
    """A model and its rows, drawn from a seed."""

    name: str
    draw: Callable[[np.random.Generator], tuple[Any, Any, Any, Any]]  # model, X, y, weight
    metric: str = "loss"


def _cases() -> list[_Case]:
    from sklearn.linear_model import (
        ElasticNet,
        GammaRegressor,
        HuberRegressor,
        Lasso,
        LogisticRegression,
        PoissonRegressor,
    )

    tight = {"tol": 1e-10, "max_iter": 50_000}
    tight_lasso = {"tol": 1e-12, "max_iter": 200_000}

    def logistic(X: Any, z: Any, rng: Any, C: float, weight: Any = None) -> Any:
        y = (rng.random(len(z)) < 1.0 / (1.0 + np.exp(-z))).astype(int)
        # Each class has rows, whatever was drawn.
        y[:2] = 0, 1
        return LogisticRegression(C=C, solver="newton-cholesky", **tight), X, y, weight

    def separable(C: float) -> Callable[..., Any]:
        def draw(rng: Any) -> Any:
            X = rng.normal(size=(80, 5))
            return logistic(X, 1e3 * X[:, 0], rng, C)

        return draw

    def small(rng: Any) -> Any:
        X = rng.normal(size=(60, 20))
        return logistic(X, X[:, 0], rng, 10.0)

    def collinear(rng: Any) -> Any:
        X = rng.normal(size=(100, 6))
        X[:, 3:] = X[:, :3] + 1e-5 * X[:, 3:]
        return logistic(X, X[:, 0], rng, 100.0)

    def weighted(rng: Any) -> Any:
        X = rng.normal(size=(100, 6))
        return logistic(X, 2 * X[:, 0], rng, 5.0, rng.choice([0.0, 0.3, 1.0, 2.5, 20.0], 100))

    def multinomial(rng: Any) -> Any:
        X = rng.normal(size=(90, 6))
        y = np.argmax(1.5 * X[:, :4] + rng.gumbel(size=(90, 4)), axis=1)
        y[:4] = range(4)
        return LogisticRegression(C=10.0, **tight), X, y, None

    def wide_lasso(rng: Any) -> Any:
        X = rng.normal(size=(60, 65))
        return Lasso(0.1, **tight_lasso), X, X[:, :5].sum(axis=1) + rng.normal(size=60), None

    def correlated_net(rng: Any) -> Any:
        X = rng.normal(size=(60, 65)) + 2.0 * rng.normal(size=(60, 1))
        y = X[:, :5].sum(axis=1) + rng.normal(size=60)
        return ElasticNet(0.05, l1_ratio=0.5, **tight_lasso), X, y, None

    def large_counts(rng: Any) -> Any:
        X = rng.normal(size=(80, 5))
        y = rng.poisson(np.exp(6.0 + X[:, 0] + rng.normal(size=80)))
        return PoissonRegressor(alpha=1e-4, solver="newton-cholesky", **tight), X, y, None

    def gamma(rng: Any) -> Any:
        X = rng.standard_t(3, size=(60, 5))
        y = rng.gamma(0.3, np.exp(0.5 * X[:, 0])) + 1e-9
        return GammaRegressor(alpha=1e-3, solver="newton-cholesky", **tight), X, y, None

    def huber(rng: Any) -> Any:
        X = rng.normal(size=(60, 5))
        y = X[:, 0] + rng.standard_t(1.5, size=60)
        return HuberRegressor(alpha=1e-3, tol=1e-10, max_iter=20_000), X, y, None

    return [
        _Case("separable, C = 1e3", separable(1e3)),
        _Case("separable, C = 1e6", separable(1e6)),
        _Case("separable, 0-1 loss", separable(1e3), "error"),
        _Case("n = 60, p = 20", small),
        _Case("n = 60, 0-1 loss", small, "error"),
        _Case("nearly collinear", collinear),
        _Case("weights 0 … 20", weighted),
        _Case("four classes", multinomial),
        _Case("lasso, p > n", wide_lasso),
        _Case("elastic net, p > n, correlated", correlated_net),
        _Case("Poisson, counts of thousands", large_counts),
        _Case("gamma, heavy tails", gamma),
        _Case("Huber with its scale", huber),
    ]


def _silent() -> Iterator[Row]:
    wrong, refused, tried, worst = [], 0, 0, {}
    for case in _cases():
        for seed in range(5):
            rng = np.random.default_rng(seed)
            model, X, y, weight = case.draw(rng)
            model = model.fit(X, y, sample_weight=weight)
            try:
                fitted = adapt(model, X, y, weight)
                end = fitted.at_minimum
            except ValueError:
                refused += 1
                continue
            metric = None if case.metric == "loss" else fitted.response.metric(case.metric)
            solver = fitted.solver
            if isinstance(solver, ProximalNewton):
                solver = replace(solver, tol=1e-11)
            if isinstance(solver, Newton):
                solver = TRUE
            truth = _truth(end, solver, metric)
            for budget in (None, 0.3, TENTH):
                found = leave_one_out(
                    fitted, X, y, metric=case.metric, budget=budget, random_state=seed
                )
                tried += 1
                off = abs(found.score - truth)
                allowed = 3.0 * found.approximation_error + 0.01 * abs(found.optimism)
                if not off <= max(allowed, ROUNDING * abs(truth)):
                    wrong.append(f"{case.name}, seed {seed}, budget {budget}: off {off:.2g}, "
                                 f"stated {found.approximation_error:.2g}")  # fmt: skip
                if budget is None:
                    share = off / max(abs(found.optimism), 1e-12 * abs(truth))
                    worst[case.name] = max(worst.get(case.name, 0.0), share)
    figure = f"{len(wrong)} of {tried} ({refused} fits refused)"
    if wrong:
        figure += ": " + "; ".join(wrong)
    figure += ". Largest error of the default, shares of the optimism: " + ", ".join(
        f"{name} {share:.0e}" for name, share in worst.items()
    )
    yield Row("silently wrong: off by more than 3 stated errors + 1 %", "0", not wrong, figure)


# ------------------------------------------------------------------------------- speed


def _speed() -> Iterator[Row]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss, make_scorer
    from sklearn.model_selection import LeaveOneOut, cross_val_score

    data = _classes("breast cancer")
    assert data is not None
    X, y = data
    scorer = make_scorer(
        log_loss, greater_is_better=False, response_method="predict_proba", labels=[0, 1]
    )
    for words, settings in (
        ("default tolerance", {}),
        ("tol 1e-8", {"tol": 1e-8, "max_iter": 10_000}),
    ):
        model = LogisticRegression(**settings)
        handed = LogisticRegression(tol=1e-8, max_iter=10_000).fit(X, y)

        def theirs(model: Any = model) -> Any:
            return -cross_val_score(model, X, y, cv=LeaveOneOut(), scoring=scorer).mean()

        sides = [
            theirs,
            lambda handed=handed: leave_one_out(handed, X, y).score,
            lambda handed=handed: leave_one_out(handed, X, y, budget=0).score,
        ]
        (slow, other), (certified, ours), (once, near) = harness.interleaved(sides, TURNS)
        for what, times, score, least in (
            ("certified", certified, ours, 30.0),
            ("one step alone", once, near, 1000.0),
        ):
            ratio, low, high = harness.ratio(slow, times)
            figure = (
                f"{harness.seconds(times)} against {harness.seconds(slow)}: {ratio:,.0f} × "
                f"({low:,.0f}–{high:,.0f}); scores {score:.6f} and {other:.6f}"
            )
            yield Row(
                f"leave-one-out of LogisticRegression ({words}), n = {len(y)}, {what}, against "
                "`cross_val_score(LeaveOneOut())`",
                f">= {least:,.0f} ×",
                ratio >= least,
                figure,
            )


if __name__ == "__main__":
    for row in rows():
        print(row)
