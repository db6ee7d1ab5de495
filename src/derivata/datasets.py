"""Tables to try things on: what scikit-learn bundles, with real names, and some with known truth.

    load_dataset("diabetes")             a `Dataset`: a table, its target and what it is
    simulate("poisson", 500)             a `Simulated` one: also the coefficients it was drawn from
    make_additive(500), make_bike_rentals(500)
                                         tables with known effects, from `known_effects`

Nothing is loaded from a network. Simulated rows are

    x ~ N(0, 1),  y ~ family with outputs z = x w + b,   |w| = 1, one of three shapes:
    sparse     w_j equal for every tenth column, 0 elsewhere
    decaying   w_j proportional to 1 / j
    dense      w_j equal up to sign
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.known_effects import Effect, KnownEffects, make_additive, make_bike_rentals
from derivata.tables import Table
from derivata.tables.columns import Column

__all__ = [
    "DATASETS",
    "TRUTHS",
    "Dataset",
    "Effect",
    "KnownEffects",
    "Simulated",
    "csv_text",
    "load_dataset",
    "make_additive",
    "make_bike_rentals",
    "simulate",
]

TRUTHS = ("sparse", "decaying", "dense")

_DIABETES = {
    "bmi": "body_mass_index",
    "bp": "blood_pressure",
    "s1": "total_cholesterol",
    "s2": "ldl",
    "s3": "hdl",
    "s4": "cholesterol_ratio",
    "s5": "log_triglycerides",
    "s6": "glucose",
}


@dataclass(frozen=True, eq=False)
class Dataset:
    """A table with its target.

    Parameters
    ----------
    name : str
    table : Table
    target : str                   a column of the table
    about : str                    what it is, a sentence
    """

    name: str
    table: Table
    target: str
    about: str


@dataclass(frozen=True, eq=False)
class Simulated(Dataset):
    """A table drawn from a model.

    Parameters
    ----------
    coef : array (n_features,)     the truth, in the order of the table's features
    intercept : float
    """

    coef: Array
    intercept: float


def load_dataset(name: str) -> Dataset:
    """A table that scikit-learn bundles, its columns named for what they are.

    Parameters
    ----------
    name : str                     "breast_cancer", "diabetes", "digits", "iris" or "wine"

    Returns
    -------
    Dataset

    Raises
    ------
    InvalidParameter               if there is no such table
    """
    if name not in DATASETS:
        raise InvalidParameter(
            f"`name` is {name!r}; expected one of {', '.join(sorted(DATASETS))}."
        )
    return DATASETS[name]()


def simulate(
    family: str,
    n_rows: int,
    n_features: int = 10,
    *,
    truth: str = "decaying",
    noise: float = 1.0,
    random_state: int = 0,
) -> Simulated:
    """A table of standard normal columns x0, x1, ... and a target y drawn from a linear model.

    Parameters
    ----------
    family : str                   "squared", "logistic" or "poisson"
    n_rows, n_features : int
    truth : str                    "sparse", "decaying" or "dense"
    noise : float                  standard deviation of the target about its mean; squared only
    random_state : int

    Returns
    -------
    Simulated                      logistic targets are the words "no" and "yes"

    Raises
    ------
    InvalidParameter               if an argument is none of these
    """
    rng = np.random.default_rng(random_state)
    coef = _truth(truth, n_features, rng)
    X = rng.standard_normal((n_rows, n_features))
    outputs = X @ coef
    if family == "squared":
        target = outputs + noise * rng.standard_normal(n_rows)
    elif family == "logistic":
        is_yes = rng.random(n_rows) < 1.0 / (1.0 + np.exp(-outputs))
        target = np.array(["no", "yes"], dtype=object)[is_yes.astype(int)]
    elif family == "poisson":
        target = rng.poisson(np.exp(outputs)).astype(float)
    else:
        raise InvalidParameter(
            f"`family` is {family!r}; expected 'squared', 'logistic' or 'poisson'."
        )
    columns = [Column(f"x{j}", values) for j, values in enumerate(X.T)]
    return Simulated(
        name=f"{family}_{truth}",
        table=Table((*columns, Column("y", target)), "the simulated table"),
        target="y",
        about=f"{family} target of {n_features} normal columns with {truth} coefficients.",
        coef=coef,
        intercept=0.0,
    )


def csv_text(table: Table) -> str:
    """The table as CSV text that `read_table` reads back equal; a missing cell is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.names)
    writer.writerows(zip(*map(_cells, table.columns), strict=True))
    return text.getvalue()


def _diabetes() -> Dataset:
    from sklearn.datasets import load_diabetes

    bunch: Any = load_diabetes(scaled=False)
    names = [_DIABETES.get(name, str(name)) for name in bunch.feature_names]
    table = _table("diabetes", names, bunch.data, Column("progression", bunch.target))
    about = "Progression of diabetes a year on, for 442 patients (Efron et al. 2004)."
    return Dataset("diabetes", table, "progression", about)


def _breast_cancer() -> Dataset:
    from sklearn.datasets import load_breast_cancer

    bunch: Any = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in bunch.feature_names]
    diagnosis = Column("diagnosis", _words(bunch))
    table = _table("breast_cancer", names, bunch.data, diagnosis)
    about = "Malignant or benign, from 30 measures of cell nuclei in 569 images."
    return Dataset("breast_cancer", table, "diagnosis", about)


def _digits() -> Dataset:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    digit = Column("digit", bunch.target.astype(float))
    table = _table("digits", list(bunch.feature_names), bunch.data, digit)
    about = "Which of ten digits 1,797 images of 8 by 8 pixels show."
    return Dataset("digits", table, "digit", about)


def _iris() -> Dataset:
    from sklearn.datasets import load_iris

    bunch: Any = load_iris()
    names = [name.removesuffix(" (cm)").replace(" ", "_") + "_cm" for name in bunch.feature_names]
    table = _table("iris", names, bunch.data, Column("species", _words(bunch)))
    return Dataset("iris", table, "species", "The species of 150 irises (Fisher 1936).")


def _wine() -> Dataset:
    from sklearn.datasets import load_wine

    bunch: Any = load_wine()
    names = [name.replace("/", "_") for name in bunch.feature_names]
    table = _table("wine", names, bunch.data, Column("cultivar", _words(bunch)))
    return Dataset("wine", table, "cultivar", "The grape of 178 Italian wines, by chemistry.")


DATASETS: dict[str, Callable[[], Dataset]] = {
    "breast_cancer": _breast_cancer,
    "diabetes": _diabetes,
    "digits": _digits,
    "iris": _iris,
    "wine": _wine,
}


def _table(name: str, names: list[str], X: Any, target: Column) -> Table:
    values = np.asarray(X, dtype=np.float64)
    columns = [Column(label, values[:, j].copy()) for j, label in enumerate(names)]
    return Table((*columns, Column(target.name, _as_float(target.values))), name)


def _as_float(values: Any) -> Array:
    return values if values.dtype == object else np.asarray(values, dtype=np.float64)


def _words(bunch: Any) -> Array:
    """The target as an object array of its classes' names."""
    names = np.array([str(name) for name in bunch.target_names], dtype=object)
    return names[bunch.target]


def _truth(truth: str, n_features: int, rng: np.random.Generator) -> Array:
    signs = rng.choice([-1.0, 1.0], n_features)
    if truth == "sparse":
        coef = np.where(np.arange(n_features) % 10 == 0, 1.0, 0.0)
    elif truth == "decaying":
        coef = 1.0 / np.arange(1, n_features + 1)
    elif truth == "dense":
        coef = np.ones(n_features)
    else:
        raise InvalidParameter(f"`truth` is {truth!r}; expected one of {', '.join(TRUTHS)}.")
    return signs * coef / np.linalg.norm(coef)


def _cells(column: Column) -> list[str]:
    if column.kind == "numeric":
        cells = (repr(value).removesuffix(".0") for value in column.values.tolist())
        return ["" if cell == "nan" else cell for cell in cells]
    return ["" if cell is None else cell for cell in column.values]
