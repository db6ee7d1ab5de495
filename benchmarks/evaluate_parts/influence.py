"""Removing rows and groups, against refits by scikit-learn itself without them.

Groups take up to 10 % of the training rows: at random, of one class or tail of the target, nearest
neighbours of a row, and the rows whose removal alone hurts most (they pull the same way). Their
effect on the mean loss of the validation rows is compared with that of a refit from scratch, as a
share of the true change; a change below a millionth of the loss counts as one of that size. Shown
beside it: one Newton step for the group, and the sum of its rows' effects.

Rows: the effects of all training rows, at the default budget, against refits without each.
scikit-learn's Poisson divides its loss by the number of rows; its refits keep the penalty.
"""

from __future__ import annotations

import harness  # first: it sets the number of BLAS threads

import csv
import gzip
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge

from derivata.adapters import adapt
from derivata.evaluation.influence import influence
from derivata.removal import group_influence
from evaluate_parts import Row

Array = np.ndarray
SIZES = (0.01, 0.05, 0.1)
SEEDS = range(3)
# Of rows refitted one by one by scikit-learn.
REFITTED_ROWS = 120
SMALLEST_CHANGE = 1e-6


@dataclass(frozen=True)
class Case:
    """A table and a model: how it is fitted to n rows, and the loss a row that it minimises."""

    name: str
    X: Array
    y: Array
    make: Callable[[int], Any]
    loss: Callable[[Any, Array, Array], Array]


def rows() -> list[Row]:
    """A row for each table and model, twice: groups, and single rows."""
    found = []
    for case in _cases():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append(_groups(case))
            found.append(_rows(case))
    return found


def _groups(case: Case) -> Row:
    errors, steps, sums, changes = [], [], [], []
    for seed in SEEDS:
        train, judged, model = _fitted(case, seed)
        X, y = case.X[train], case.y[train]
        alone = influence(model, X, y, judged=judged, budget=0).effect
        groups = dict(_adversaries(X, y, alone, np.random.default_rng(seed)))
        together = influence(model, X, y, judged=judged, groups=groups).effect
        fitted = adapt(model, X, y)
        base = case.loss(model, *judged).mean()
        other = fitted.judged(*judged)
        for effect, members in zip(together, groups.values(), strict=True):
            truth = case.loss(_without(case, X, y, members), *judged).mean() - base
            least = max(abs(truth), SMALLEST_CHANGE * abs(base))
            errors.append(abs(effect - truth) / least)
            step = group_influence(fitted.at_minimum, members).loss_change(other)[0] / len(other.y)
            steps.append(abs(step - truth) / least)
            sums.append(abs(alone[members].sum() - truth) / least)
            changes.append(abs(truth / base))
    figure = (
        f"largest error {_share(max(errors))} of the true change, median "
        f"{_share(np.median(errors))} (one Newton step: {_share(max(steps))}, "
        f"{_share(np.median(steps))}; rows' effects summed: {_share(max(sums))}, "
        f"{_share(np.median(sums))}); {len(errors)} groups change the loss by up to "
        f"{_share(max(changes))}"
    )
    what = f"groups of up to 10 % removed: {case.name}"
    return Row(what, "≤ 1 % of the true change", max(errors) <= 0.01, figure)


def _rows(case: Case) -> Row:
    train, judged, model = _fitted(case, 0)
    X, y = case.X[train], case.y[train]
    start = time.process_time()
    found = influence(model, X, y, judged=judged)
    ours = time.process_time() - start
    chosen = np.random.default_rng(0).permutation(len(y))[:REFITTED_ROWS]
    base = case.loss(model, *judged).mean()
    start = time.process_time()
    truth = [case.loss(_without(case, X, y, [row]), *judged).mean() - base for row in chosen]
    theirs = (time.process_time() - start) / len(chosen) * len(y)
    wrong = found.effect[chosen] - truth
    size = float(np.sqrt(np.mean(np.square(truth))))
    left = wrong[~found.refitted[chosen]]
    figure = (
        f"correlation {np.corrcoef(found.effect[chosen], truth)[0, 1]:.6f}, error "
        f"{_share(np.sqrt(np.mean(wrong**2)) / size)} of the effects' size; of rows not refitted "
        f"{_share(np.sqrt(np.mean(left**2)) / size) if len(left) else 'none'}, told "
        f"{_share(found.error / size)}; {len(y):,} rows in {harness.seconds([ours])}, refits "
        f"{harness.seconds([theirs])}"
    )
    return Row(f"rows removed: {case.name}", "-", None, figure)


def _adversaries(
    X: Array, y: Array, alone: Array, rng: np.random.Generator
) -> Iterator[tuple[str, Array]]:
    """Groups by name: random, one class or tail, neighbours, and rows that pull the same way."""
    high = np.flatnonzero(y >= np.quantile(y, 0.8))
    for share in SIZES:
        count = max(round(share * len(y)), 2)
        yield f"random {share}", rng.choice(len(y), count, replace=False)
        yield f"one class {share}", rng.choice(high, min(count, len(high) // 2), replace=False)
        middle = X[rng.integers(len(y))]
        yield f"neighbours {share}", np.argsort(((X - middle) ** 2).sum(axis=1))[:count]
        yield f"most harmful {share}", np.argsort(-alone)[:count]
        yield f"most helpful {share}", np.argsort(alone)[:count]


def _fitted(case: Case, seed: int) -> tuple[Array, tuple[Array, Array], Any]:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(case.y))
    cut = round(0.7 * len(order))
    train, test = order[:cut], order[cut:]
    model = case.make(len(train)).fit(case.X[train], case.y[train])
    return train, (case.X[test], case.y[test]), model


def _without(case: Case, X: Array, y: Array, members: Any) -> Any:
    keep = np.setdiff1d(np.arange(len(y)), members)
    return case.make(len(keep)).fit(X[keep], y[keep])


def _share(value: float) -> str:
    return f"{100.0 * value:.2g} %"


def _squared(model: Any, X: Array, y: Array) -> Array:
    return 0.5 * (y - model.predict(X)) ** 2


def _log_loss(model: Any, X: Array, y: Array) -> Array:
    # From the scores, as a probability may round to zero.
    scores = model.decision_function(X)
    if scores.ndim == 1:
        return np.logaddexp(0.0, np.where(y == 1, -scores, scores))
    return logsumexp(scores, axis=1) - scores[np.arange(len(y)), y]


def _poisson(model: Any, X: Array, y: Array) -> Array:
    mean = model.predict(X)
    return mean - y * np.log(mean)


def _logistic(strength: float) -> Callable[[int], Any]:
    return lambda n_rows: LogisticRegression(
        C=1.0 / strength, solver="newton-cholesky", tol=1e-12, max_iter=1000
    )


def _cases() -> Iterator[Case]:
    diabetes, target = load_diabetes(return_X_y=True)
    yield Case("diabetes, Ridge", _scaled(diabetes), target, lambda n: Ridge(1.0), _squared)
    yield Case(
        "diabetes, PoissonRegressor",
        _scaled(diabetes),
        np.round(target / 20.0),
        lambda n: PoissonRegressor(
            alpha=10.0 / n, solver="newton-cholesky", tol=1e-12, max_iter=1000
        ),
        _poisson,
    )
    X, y = load_breast_cancer(return_X_y=True)
    for strength in (0.01, 1.0):
        name = f"breast_cancer, LogisticRegression(C={1 / strength:g})"
        yield Case(name, _scaled(X), y, _logistic(strength), _log_loss)
    X, y = load_wine(return_X_y=True)
    yield Case("wine (3 classes), LogisticRegression()", _scaled(X), y, _logistic(1.0), _log_loss)
    X, y = load_digits(return_X_y=True)
    chosen = np.isin(y, (3, 8))
    X, y = X[chosen][:, X[chosen].std(axis=0) > 0], (y[chosen] == 3).astype(int)
    yield Case("digits 3 against 8, LogisticRegression()", _scaled(X), y, _logistic(1.0), _log_loss)
    for name in ("ionosphere", "german_credit", "spambase"):
        table = _table(name)
        if table is not None:
            what = f"{name}, LogisticRegression()"
            yield Case(what, _scaled(table[0]), table[1], _logistic(1.0), _log_loss)


def _scaled(X: Array) -> Array:
    deviation = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(deviation > 0.0, deviation, 1.0)


def _table(name: str) -> tuple[Array, Array] | None:
    """Numbers and indicators of words; the last column is the target."""
    path = harness.SHARED / f"{name}.csv.gz"
    if not path.exists():
        return None
    with gzip.open(path, "rt") as lines:
        _, *cells = list(csv.reader(lines))
    columns = []
    for values in zip(*cells, strict=True):
        try:
            columns.append(np.array(values, dtype=float)[:, None])
        except ValueError:
            levels, codes = np.unique(values, return_inverse=True)
            columns.append(np.eye(len(levels))[codes][:, 1:])
    X = np.column_stack(columns[:-1])
    return X[:, X.std(axis=0) > 0], columns[-1][:, 0].astype(int)


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
