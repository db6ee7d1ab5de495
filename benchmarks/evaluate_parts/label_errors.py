"""Planted label errors: how many of the 5 % of labels flipped are among as many most doubted.

Each planting flips 5 % of the labels at random; every method ranks the rows of one model fitted to
the flipped labels, and is judged by the precision at the number planted and by average precision.
Differences are paired over plantings; one counts as reached above its standard error. The peers:

    training loss   of the model itself
    cleanlab        self-confidence by probabilities of 5 folds, as its `find_label_issues` ranks
    pyDVL           self-influence: the model in torch, `DirectInfluence` with the same penalty

Natural errors of the tables count as false findings, for everyone alike.
"""

from __future__ import annotations

import harness  # first: it sets the number of BLAS threads

import gzip
import sys
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata import LogisticClassifier
from derivata.evaluation.label_errors import label_errors
from evaluate_parts import Row

Array = np.ndarray
HERE = Path(__file__).resolve().parents[1]
SHARE = 0.05
PLANTINGS = {"breast_cancer": 50, "spambase": 10}
WANTED = "higher precision than {}"


def rows() -> list[Row]:
    """A row for each table, model and peer."""
    found: list[Row] = []
    for table, count in PLANTINGS.items():
        data = _table(table)
        if data is None:
            found.append(Row(f"label errors: {table}", "-", None, "table not here: skipped"))
            continue
        for name, make in MODELS.items():
            found += _rows_of(table, name, make, *data, count)
    return found


def _rows_of(
    table: str, name: str, make: Callable[[], Any], X: Array, y: Array, count: int
) -> list[Row]:
    results: dict[str, list[tuple[float, float]]] = {}
    for seed in range(count):
        rng = np.random.default_rng(seed)
        planted = np.zeros(len(y), dtype=bool)
        planted[rng.choice(len(y), round(SHARE * len(y)), replace=False)] = True
        labels = np.where(planted, 1 - y, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = make().fit(X, labels)
            for method, score in METHODS.items():
                ranked = score(model, make, X, labels)
                if ranked is not None:
                    results.setdefault(method, []).append(_judged(ranked, planted))
    ours = np.array(results.pop(OURS))
    what = f"label errors: {table}, {name}, {count} plantings"
    lines = []
    for method in METHODS:
        if method == OURS:
            continue
        if method not in results:
            lines.append(Row(what, WANTED.format(method), None, f"{method} does not run here"))
            continue
        theirs = np.array(results[method])
        gain = ours - theirs
        mean, error = gain.mean(axis=0), gain.std(axis=0, ddof=1) / np.sqrt(count)
        figure = (
            f"precision {ours[:, 0].mean():.3f} against {theirs[:, 0].mean():.3f} "
            f"({mean[0]:+.3f} ± {error[0]:.3f}); average precision {ours[:, 1].mean():.3f} against "
            f"{theirs[:, 1].mean():.3f} ({mean[1]:+.3f} ± {error[1]:.3f})"
        )
        lines.append(Row(what, WANTED.format(method), bool(mean[0] > error[0]), figure))
    return lines


def _judged(score: Array, planted: Array) -> tuple[float, float]:
    """Precision at the number planted, and average precision."""
    hits = planted[np.argsort(-score, kind="stable")]
    at_each = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(hits[: planted.sum()].mean()), float(at_each[hits].mean())


def _ours(model: Any, make: Callable[[], Any], X: Array, labels: Array) -> Array:
    return label_errors(model, X, labels).score


def _loss(model: Any, make: Callable[[], Any], X: Array, labels: Array) -> Array:
    return -np.log(model.predict_proba(X)[np.arange(len(labels)), labels])


def _cleanlab(model: Any, make: Callable[[], Any], X: Array, labels: Array) -> Array | None:
    if find_spec("cleanlab") is None or find_spec("termcolor") is None:
        return None
    from cleanlab.rank import get_label_quality_scores

    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    held_out = cross_val_predict(make(), X, labels, cv=folds, method="predict_proba")
    return -get_label_quality_scores(labels, held_out, method="self_confidence")


def _pydvl(model: Any, make: Callable[[], Any], X: Array, labels: Array) -> Array | None:
    peer = _pydvl_here()
    if peer is None:
        return None
    torch, DirectInfluence = peer
    weight, intercept, strength, Z = _in_columns(model, X)
    layer = torch.nn.Linear(Z.shape[1], 1).double()
    with torch.no_grad():
        layer.weight[:] = torch.tensor(weight)
        layer.bias[:] = torch.tensor(intercept)
    inputs = torch.tensor(Z)
    targets = torch.tensor(labels[:, None].astype(float))
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    penalty: dict[str, float | None] = {"weight": strength / len(labels), "bias": None}
    data = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(inputs, targets), batch_size=len(labels)
    )
    influence = DirectInfluence(layer, loss, regularization=penalty).fit(data)
    return influence.influences(inputs, targets).abs().diagonal().numpy()


@cache
def _pydvl_here() -> tuple[Any, Any] | None:
    """torch and pyDVL's `DirectInfluence`, or None."""
    paths = list(sys.path)
    # dask, which pyDVL needs, takes `sparse.py` beside this folder for the library of that name.
    sys.path[:] = [path for path in paths if Path(path).resolve() != HERE]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch
            from pydvl.influence.torch import DirectInfluence
    except Exception:  # its own imports fail in many ways
        return None
    finally:
        sys.path[:] = paths
    return torch, DirectInfluence


def _in_columns(model: Any, X: Array) -> tuple[Array, Array, float, Array]:
    """Coefficients, intercept, strength and the scaled columns that the penalty sees."""
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    if isinstance(model, LogisticClassifier):
        weight = model.coef_ * X.std(axis=0)
        return weight, model.intercept_ + model.coef_ @ X.mean(axis=0), float(model.alpha_), Z
    inner = model[-1]
    return inner.coef_, inner.intercept_, 1.0 / inner.C, Z


OURS = "label_errors"
METHODS = {OURS: _ours, "training loss": _loss, "cleanlab": _cleanlab, "pyDVL": _pydvl}
MODELS = {
    "LogisticRegression()": lambda: make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=10_000)
    ),
    "LogisticClassifier()": LogisticClassifier,
}


def _table(name: str) -> tuple[Array, Array] | None:
    if name == "breast_cancer":
        return load_breast_cancer(return_X_y=True)
    path = harness.SHARED / f"{name}.csv.gz"
    if not path.exists():
        return None
    with gzip.open(path, "rt") as lines:
        values = np.loadtxt(lines, delimiter=",", skiprows=1)
    return values[:, :-1], values[:, -1].astype(int)


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
