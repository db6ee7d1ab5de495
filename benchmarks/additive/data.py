"""The tables, their splits and the held-out loss that every side is judged by.

A table is a pandas frame whose category columns have the dtype `category`; missing cells stay
missing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Literal

import harness  # first: it sets the number of BLAS threads

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split

Family = Literal["gaussian", "binomial", "poisson"]

# Probabilities and means are kept this far from 0 (and 1), on every side: one wrong certainty would
# otherwise be the whole figure.
FLOOR = 1e-6


@dataclass(frozen=True)
class Table:
    """Features, target (0/1 for classes), kinds of columns and, for rates, the exposure."""

    name: str
    frame: pd.DataFrame
    kinds: dict[str, str]  # column: "number" or "category"
    y: np.ndarray
    family: Family
    exposure: np.ndarray | None = None

    @property
    def shape(self) -> str:
        return f"{len(self.frame):,} × {self.frame.shape[1]}"


@dataclass(frozen=True)
class Task:
    """What a peer is given; it returns means (probabilities, expected counts) of the test rows."""

    train: pd.DataFrame
    y: np.ndarray
    test: pd.DataFrame
    kinds: dict[str, str]
    family: Family
    exposure: np.ndarray | None = None
    test_exposure: np.ndarray | None = None

    @property
    def numbers(self) -> list[str]:
        return [name for name, kind in self.kinds.items() if kind == "number"]

    @property
    def categories(self) -> list[str]:
        return [name for name, kind in self.kinds.items() if kind == "category"]


def split(table: Table, seed: int) -> tuple[Task, np.ndarray]:
    """The 70/30 split of this seed (stratified for classes), and the test rows' target."""
    rows = np.arange(len(table.y))
    classes = table.y if table.family == "binomial" else None
    train, test = train_test_split(rows, test_size=0.3, random_state=seed, stratify=classes)
    exposure = table.exposure
    task = Task(
        table.frame.iloc[train].reset_index(drop=True),
        table.y[train],
        table.frame.iloc[test].reset_index(drop=True),
        table.kinds,
        table.family,
        None if exposure is None else exposure[train],
        None if exposure is None else exposure[test],
    )
    return task, table.y[test]


def held_out_loss(table: Table, y: np.ndarray, means: np.ndarray) -> float:
    """RMSE / sd of the whole table's target, log-loss, or mean Poisson deviance."""
    means = np.asarray(means, dtype=float)
    if means.shape != y.shape or not np.all(np.isfinite(means)):
        raise ValueError(f"predictions of shape {means.shape} for {y.shape}, or not finite.")
    match table.family:
        case "gaussian":
            return float(np.sqrt(np.mean((y - means) ** 2)) / table.y.std())
        case "binomial":
            likely = np.clip(np.where(y == 1, means, 1.0 - means), FLOOR, 1.0)
            return float(-np.mean(np.log(likely)))
        case "poisson":
            means = np.maximum(means, FLOOR)
            log_ratio = np.log(np.maximum(y, 1.0) / means)  # multiplied by y = 0 where y is 0
            return float(2.0 * np.mean(y * log_ratio - (y - means)))


def shared(name: str, target: str, family: Family) -> Table | None:
    """A table of the shared folder with its columns' kinds; None where the folder is absent."""
    path = harness.SHARED / f"{name}.csv.gz"
    if not path.exists():
        return None
    schema = json.loads((harness.SHARED.parent / "schema.json").read_text())[name]
    whole = pd.read_csv(path)
    unused = [target, *schema["drop"], *schema["other_targets"]]
    exposure = schema["exposure"]
    frame = whole.drop(columns=unused + ([exposure] if exposure else []))
    if family == "binomial":
        y = np.unique(whole[target].astype(str), return_inverse=True)[1]
    else:
        y = whole[target].to_numpy(dtype=float)
    return Table(
        name,
        *with_kinds(frame, schema["categorical"]),
        y=y,
        family=family,
        exposure=None if exposure is None else whole[exposure].to_numpy(dtype=float),
    )


def with_kinds(frame: pd.DataFrame, categories: list[str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """The frame with categories as such, without constant columns, and each column's kind."""
    frame = frame.loc[:, frame.nunique() > 1]
    kinds = {name: "category" if name in categories else "number" for name in frame}
    dtypes = {name: "category" if kinds[name] == "category" else float for name in frame}
    return frame.astype(dtypes), kinds


def california() -> Table | None:
    """Its target's logarithm: prices vary by ratios."""
    table = shared("california_housing", "median_house_value", "gaussian")
    return table and replace(table, y=np.log(table.y))


def diabetes() -> Table:
    frame, y = load_diabetes(return_X_y=True, as_frame=True)
    return Table("diabetes", *with_kinds(frame, []), y=y.to_numpy(dtype=float), family="gaussian")


def breast_cancer() -> Table:
    frame, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return Table("breast_cancer", *with_kinds(frame, []), y=y.to_numpy(), family="binomial")


def fremtpl2() -> Table | None:
    """Claims a policy; clipped as is usual with this table: 4 claims, one year."""
    table = shared("fremtpl2", "ClaimNb", "poisson")
    if table is None:
        return None
    years = np.minimum(table.exposure, 1.0)
    return replace(table, y=np.minimum(table.y, 4.0), exposure=years)


# From small to large, so that a run that is cut short has done most tables.
TABLES = {
    "diabetes": diabetes,
    "concrete": lambda: shared("concrete", "strength_mpa", "gaussian"),
    "breast_cancer": breast_cancer,
    "ionosphere": lambda: shared("ionosphere", "label", "binomial"),
    "german_credit": lambda: shared("german_credit", "credit_risk", "binomial"),
    "abalone": lambda: shared("abalone", "rings", "gaussian"),
    "kin8nm": lambda: shared("kin8nm", "y", "gaussian"),
    "bike_hourly": lambda: shared("bike_hourly", "count", "poisson"),
    "spambase": lambda: shared("spambase", "spam", "binomial"),
    "california_housing": california,
    "adult": lambda: shared("adult", "income", "binomial"),
    "fremtpl2": fremtpl2,
}
# Under 5,000 rows; spambase too has fewer, but its 57 word counts are nothing like smooth.
SMALL_AND_SMOOTH = tuple(TABLES)[:6]
