"""Predicted change of a criterion against refits at +-1 % of every hyperparameter.

    error = |predicted - refitted| / max(|refitted|, 1e-8 |criterion|)

predicted = slope t + curvature t^2 / 2, t the log of the factor. Slope and curvature are those at
the fit; refits at +-1 % take no part in them. Away from the criterion's minimum the slope does the
work; at the minimum it vanishes and the curvature does, so there the change that is predicted is
itself second order. Changes below 1e-8 of the criterion are near what fits are known to, and are
measured against that. Where the active set of a penalty changes before the refit, a row crosses the
kink of Huber's loss, or a network ends in another minimum, the criterion leaps and has no
derivative; the result says so, and these are counted apart.

Run: PYTHONPATH=benchmarks .venv/bin/python -m evaluate_parts.sensitivity
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import harness  # noqa: F401  (one thread, before NumPy)
import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import derivata
from derivata.criteria import Evidence, HoldOut, KFold, LeaveOneOut
from derivata.evaluation.sensitivity import sensitivity
from evaluate_parts import Row

WANTED, SMALLEST = 0.02, 1e-8
CRITERIA = (LeaveOneOut(), KFold(5), HoldOut(0.3), Evidence())
SAMPLED = (LeaveOneOut(), KFold(5))  # penalties with kinks have no evidence
AWAY = (0.01, 1.0, 50.0)
SEEDS = (0, 1, 2)
AT = "at the criterion's minimum along alpha"


@dataclass(frozen=True)
class Kind:
    """A family of models: how targets are drawn and how one is fitted at a strength."""

    name: str
    targets: Callable[[np.random.Generator, np.ndarray], np.ndarray]
    fitted: Callable[[np.ndarray, np.ndarray, float], Any]
    criteria: tuple[Any, ...] = CRITERIA
    strengths: tuple[float, ...] = AWAY
    seeds: tuple[int, ...] = SEEDS
    rows: Callable[[], Any] | None = None
    at_minimum: bool = False
    place: str = "away from the criterion's minimum"


def _real(rng: np.random.Generator, z: np.ndarray) -> np.ndarray:
    return z + rng.standard_normal(len(z))


def _heavy(rng: np.random.Generator, z: np.ndarray) -> np.ndarray:
    return z + rng.standard_t(2.0, len(z))


def _two(rng: np.random.Generator, z: np.ndarray) -> np.ndarray:
    return (rng.random(len(z)) < 1.0 / (1.0 + np.exp(-z))).astype(int)


def _four(rng: np.random.Generator, z: np.ndarray) -> np.ndarray:
    return np.digitize(z + rng.logistic(size=len(z)), [-1.0, 0.0, 1.0])


def _counts(rng: np.random.Generator, z: np.ndarray) -> np.ndarray:
    return rng.poisson(np.exp(np.clip(z, -3.0, 2.0))).astype(float)


def _amounts(rng: np.random.Generator, z: np.ndarray) -> np.ndarray:
    return rng.gamma(2.0, 0.5 * np.exp(np.clip(z, -3.0, 3.0)))


GROUPS = ["even", "odd"] * 4
KINDS = (
    Kind("Ridge", _real, lambda X, y, a: Ridge(alpha=a).fit(X, y), at_minimum=True),
    Kind(
        "LogisticRegression",
        _two,
        lambda X, y, a: _logistic(1.0 / a).fit(X, y),
        at_minimum=True,
    ),
    Kind(
        "LogisticRegression, 4 classes",
        _four,
        lambda X, y, a: _logistic(1.0 / a).fit(X, y),
        at_minimum=True,
    ),
    Kind(
        "Ridge, diabetes",
        _real,
        lambda X, y, a: make_pipeline(StandardScaler(), Ridge(alpha=a)).fit(X, y),
        seeds=(0,),
        rows=lambda: load_diabetes(return_X_y=True),
        at_minimum=True,
    ),
    Kind(
        "LogisticRegression, breast cancer",
        _two,
        lambda X, y, a: make_pipeline(StandardScaler(), _logistic(1.0 / a)).fit(X, y),
        seeds=(0,),
        rows=lambda: load_breast_cancer(return_X_y=True),
        at_minimum=True,
    ),
    Kind(
        "Pipeline of LogisticRegression",
        _two,
        lambda X, y, a: make_pipeline(StandardScaler(), _logistic(1.0 / a)).fit(X, y),
    ),
    Kind(
        "PoissonRegressor",
        _counts,
        lambda X, y, a: PoissonRegressor(alpha=a / len(y), tol=1e-9, max_iter=5000).fit(X, y),
        at_minimum=True,
    ),
    Kind(
        "GammaRegressor",
        _amounts,
        lambda X, y, a: GammaRegressor(alpha=a / len(y), tol=1e-9, max_iter=5000).fit(X, y),
        at_minimum=True,
    ),
    Kind(
        "HuberRegressor",
        _heavy,
        lambda X, y, a: HuberRegressor(alpha=a, tol=1e-9, max_iter=5000).fit(X, y),
    ),
    Kind(
        "ElasticNet",
        _real,
        lambda X, y, a: ElasticNet(a / len(y), l1_ratio=0.4, tol=1e-10).fit(X, y),
        SAMPLED,
        (0.5, 5.0, 20.0),
    ),
    Kind(
        "Lasso",
        _real,
        lambda X, y, a: Lasso(a / len(y), tol=1e-10).fit(X, y),
        SAMPLED,
        (0.5, 5.0, 20.0),
    ),
    Kind(
        "LinearRegressor, 2 groups",
        _real,
        lambda X, y, a: derivata.LinearRegressor([a, 0.3 * a], groups=GROUPS).fit(X, y),
    ),
    Kind(
        "LogisticClassifier, 2 groups",
        _two,
        lambda X, y, a: derivata.LogisticClassifier([a, 0.3 * a], groups=GROUPS).fit(X, y),
    ),
    Kind(
        "LogisticClassifier, 2 groups",
        _two,
        lambda X, y, a: derivata.LogisticClassifier(groups=GROUPS, criterion=LeaveOneOut()).fit(
            X, y
        ),
        (LeaveOneOut(),),
        (1.0,),
        place="as leave-one-out tuned it",
    ),
    Kind(
        "MLPRegressor of 5 tanh",
        _real,
        lambda X, y, a: _network(a).fit(X, y),
        (LeaveOneOut(), KFold(3)),
        (3.0, 30.0),
        (0,),
    ),
    Kind(
        "AdditiveRegressor",
        _real,
        lambda X, y, a: derivata.AdditiveRegressor(alpha=a, interactions=None).fit(X, y),
        strengths=(1.0, 50.0),
    ),
    Kind(
        "AdditiveClassifier",
        _two,
        lambda X, y, a: derivata.AdditiveClassifier(alpha=a, interactions=None).fit(X, y),
        (LeaveOneOut(), Evidence()),
        (5.0, 50.0),
    ),
)


def _logistic(C: float) -> LogisticRegression:
    return LogisticRegression(C=C, tol=1e-9, max_iter=10_000)


def _network(alpha: float) -> MLPRegressor:
    return MLPRegressor(
        hidden_layer_sizes=(5,),
        activation="tanh",
        alpha=alpha,
        solver="lbfgs",
        tol=1e-12,
        max_iter=50_000,
        max_fun=200_000,
        random_state=0,
    )


def draw(kind: Kind, seed: int, n: int = 160, p: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """The kind's own rows, or correlated columns, some without an effect, and drawn targets."""
    if kind.rows is not None:
        return kind.rows()
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) @ (np.eye(p) + 0.3 * rng.standard_normal((p, p)))
    coefs = rng.standard_normal(p) * (rng.random(p) < 0.7) / 2.0
    return X, kind.targets(rng, X @ coefs)


@dataclass
class Tally:
    """Errors of a kind's predictions at +-1 %."""

    errors: list[float]
    first_order: list[float]
    tenth: list[float] = field(default_factory=list)
    n_changed: int = 0
    n_unjudged: int = 0

    def add(
        self, kind: Kind, X: np.ndarray, y: np.ndarray, strength: float, criterion: Any
    ) -> None:
        """Every hyperparameter of one model, both ways."""
        made = sensitivity(
            kind.fitted(X, y, strength), X, y, criterion=criterion, measurement_error={}
        )
        for moved in (moved for each in made.hyper for moved in each.moved):
            near = moved.factor in (0.99, 1.01)
            if moved.leaps or np.isnan(moved.refitted):
                self.n_changed += near and moved.leaps
                self.n_unjudged += near and not moved.leaps
                continue
            size = max(abs(moved.refitted), SMALLEST * abs(made.value))
            if not near:
                self.tenth.append(abs(moved.predicted - moved.refitted) / size)
                continue
            self.errors.append(abs(moved.predicted - moved.refitted) / size)
            self.first_order.append(abs(moved.first_order - moved.refitted) / size)


def best_strength(kind: Kind, X: np.ndarray, y: np.ndarray, criterion: Any) -> float:
    """Where the criterion is lowest along one strength, to rounding's root; NaN if at an end."""

    def value(log_strength: float) -> float:
        model = kind.fitted(X, y, float(np.exp(log_strength)))
        made = sensitivity(model, X, y, criterion=criterion, measurement_error={}, n_refitted=0)
        return made.value

    low, high = np.log(0.02), np.log(500.0)
    found = minimize_scalar(value, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    inside = low + 0.1 < found.x < high - 0.1
    return float(np.exp(found.x)) if inside else float("nan")


def measured(kind: Kind) -> tuple[Tally, Tally]:
    """Away from the criterion's minimum, and at it."""
    away, at = Tally([], []), Tally([], [])
    for seed in kind.seeds:
        X, y = draw(kind, seed)
        for criterion in kind.criteria:
            for strength in kind.strengths:
                away.add(kind, X, y, strength, criterion)
            if kind.at_minimum:
                best = best_strength(kind, X, y, criterion)
                if np.isfinite(best):
                    at.add(kind, X, y, best, criterion)
    return away, at


def rows() -> list[Row]:
    """A row a kind and place, with its worst and its median error."""
    made = []
    for kind in KINDS:
        for place, tally in zip((kind.place, AT), measured(kind), strict=True):
            if tally.errors or tally.n_changed:
                made.append(_row(kind, place, tally))
    return made


def _row(kind: Kind, place: str, tally: Tally) -> Row:
    errors = np.array(tally.errors or [np.nan])
    first = np.array(tally.first_order or [np.nan])
    tenth = np.array(tally.tenth or [np.nan])
    figure = (
        f"worst {errors.max():.2g}, median {np.median(errors):.2g} over {len(tally.errors)}; "
        f"slope alone: worst {first.max():.2g}; at ±10 %: median {np.median(tenth):.2g}"
    )
    if tally.n_changed:
        figure += f"; {tally.n_changed} more told to be beyond a leap"
    if tally.n_unjudged:
        figure += f"; {tally.n_unjudged} refits could not be judged"
    return Row(
        f"{kind.name}, {place}: criterion at ±1 % of each hyperparameter",
        "within 2 % of refits",
        bool((errors <= WANTED).all()),
        figure,
    )


if __name__ == "__main__":
    for row in rows():
        print(row)
