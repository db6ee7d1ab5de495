"""Additive models of the bike rentals of known effects, beside gradient-boosted trees.

Each model is fitted to hours drawn with one seed and judged on as many drawn with another. Prints
the table of docs/how_to/bike_rentals.md: mean Poisson deviance of the new rows (Poisson's, so that
all are judged by one measure that favours none of their losses), its excess over that of the true
means, and seconds of one thread.

    python docs/measured/bike_rentals.py [DRAWS]
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_poisson_deviance
from sklearn.model_selection import GridSearchCV

from derivata import AdditiveRegressor, Category, Spline, Surface
from derivata.datasets import make_bike_rentals

N_ROWS = 3_000
WORDS = ("working_day", "weekday", "weather")


def additive(**settings: Any) -> Callable[[pd.DataFrame, pd.Series], Any]:
    return lambda X, y: AdditiveRegressor(family="negative-binomial", **settings).fit(X, y)


def trees(X: pd.DataFrame, y: pd.Series) -> Any:
    return HistGradientBoostingRegressor(
        loss="poisson", categorical_features="from_dtype", random_state=0
    ).fit(X, y)


def tuned_trees(X: pd.DataFrame, y: pd.Series) -> Any:
    grid = {"learning_rate": [0.03, 0.1], "max_leaf_nodes": [4, 8, 16], "max_iter": [100, 300]}
    return GridSearchCV(
        HistGradientBoostingRegressor(
            loss="poisson", categorical_features="from_dtype", random_state=0
        ),
        grid,
        scoring="neg_mean_poisson_deviance",
        cv=5,
    ).fit(X, y)


TERMS = (
    *(Spline(name) for name in ("hour", "month", "temperature", "humidity", "wind", "reading")),
    *(Category(name) for name in WORDS),
    Surface("hour", "working_day"),
)
WAYS = {
    "the mean": None,
    "additive, no interactions": additive(interactions=None),
    "additive": additive(),
    "additive, hour × working_day named": additive(terms=TERMS, interactions=None),
    "HistGradientBoostingRegressor, as it comes": trees,
    "HistGradientBoostingRegressor, best of 12 by 5 folds": tuned_trees,
}


def main(draws: int) -> None:
    deviances = {way: [] for way in (*WAYS, "the true means")}
    seconds: dict[str, list[float]] = {way: [] for way in deviances}
    for seed in range(draws):
        (X, y, _), (new, new_y, truth) = rows(seed), rows(seed + 1_000)
        deviances["the true means"].append(mean_poisson_deviance(new_y, truth))
        for way, fit in WAYS.items():
            start = time.process_time()
            predicted = np.full(len(new), y.mean()) if fit is None else fit(X, y).predict(new)
            seconds[way].append(time.process_time() - start)
            deviances[way].append(mean_poisson_deviance(new_y, predicted))
    least = np.array(deviances["the true means"])
    print("| model | deviance | above the true means | seconds |\n|---|---|---|---|")
    for way, values in deviances.items():
        spent = f"{np.median(seconds[way]):.1f}" if WAYS.get(way) else ""
        above = np.array(values) - least
        error = above.std(ddof=1) / np.sqrt(draws) if draws > 1 else np.nan
        print(f"| {way} | {np.mean(values):.2f} | {above.mean():.2f} ± {error:.2f} | {spent} |")


def rows(seed: int) -> tuple[pd.DataFrame, pd.Series, np.ndarray]:
    """Features, targets and their true means."""
    drawn = make_bike_rentals(N_ROWS, seed)
    frame = pd.DataFrame({column.name: column.values for column in drawn.table.columns})
    y = frame.pop(drawn.target)
    return frame.astype(dict.fromkeys(WORDS, "category")), y, np.exp(drawn.outputs)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
