"""Additive models of R's mgcv: `gam` (REML) and `bam` (fREML on discretised columns).

Smooths of at most ten basis functions, categories as random effects, every term with its own
penalty on its null space too (`select=TRUE`), so that each can vanish.
"""

from __future__ import annotations

import json
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from additive.data import Task

BASIS = 10
FEWEST_VALUES = 8  # a number with fewer distinct values gets a straight line


class OutOfTime(Exception):
    """The fit used up its CPU seconds."""


@dataclass(frozen=True)
class TimedByItself:
    """Means with the CPU seconds that a peer outside Python measured by itself."""

    means: np.ndarray
    seconds: float
    repeats: int
    versions: dict[str, str]


def present() -> bool:
    if which("Rscript") is None:
        return False
    asked = ["Rscript", "-e", "quit(status = !requireNamespace('mgcv', quietly = TRUE))"]
    return subprocess.run(asked, capture_output=True).returncode == 0


def gam(task: Task) -> TimedByItself:
    return fit_in_r("gam", task)


def bam(task: Task) -> TimedByItself:
    return fit_in_r("bam", task)


def fit_in_r(fitter: str, task: Task) -> TimedByItself:
    renamed = {name: f"x{number}" for number, name in enumerate(task.train)}
    train, test = (
        complete(frame, task).rename(columns=renamed) for frame in (task.train, task.test)
    )
    formula = additive_formula(train)
    train["y"] = task.y
    if task.exposure is not None:
        formula += " + offset(log(exposure))"
        train["exposure"], test["exposure"] = task.exposure, task.test_exposure
    with TemporaryDirectory() as folder:
        train.to_csv(f"{folder}/train.csv", index=False)
        test.to_csv(f"{folder}/test.csv", index=False)
        Path(folder, "formula.txt").write_text(formula)
        script = str(Path(__file__).with_name("mgcv.R"))
        done = subprocess.run(
            ["Rscript", script, fitter, task.family, folder], capture_output=True, text=True
        )
        if done.returncode in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
            raise OutOfTime
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise RuntimeError(" ".join(said[-3:])[:300])
        means = pd.read_csv(f"{folder}/means.csv")["mean"].to_numpy()
    said = json.loads(done.stdout.splitlines()[-1])
    return TimedByItself(means, said["seconds"], said["repeats"], said["versions"])


def complete(frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The frame without missing cells: mgcv drops such rows. Medians; a level of its own."""
    filled = frame.copy()
    for name in task.numbers:
        filled[name] = frame[name].fillna(task.train[name].median())
    for name in task.categories:
        filled[name] = ("level " + frame[name].astype(object).astype(str)).astype(object)
    return filled


def additive_formula(train: pd.DataFrame) -> str:
    """`y ~ s(x0, k=10) + x1 + s(x2, bs='re')`: fewer basis functions where rows are few.

    mgcv refuses more coefficients than rows: all smooths get the largest equal k <= 10 that keeps
    the coefficients below .8 of the rows, and straight lines where not even 4 fit.
    """
    distinct = {name: train[name].nunique() for name in train}
    factors = [name for name in train if not pd.api.types.is_numeric_dtype(train[name])]
    smooth = [n for n in train if n not in factors and distinct[n] >= FEWEST_VALUES]
    others = sum(distinct[name] for name in factors) + train.shape[1]
    most = BASIS
    while most > 3 and len(smooth) * (most - 1) + others > 0.8 * len(train):
        most -= 1
    terms = []
    for name in train:
        if name in factors:
            terms.append(f"s({name}, bs='re')")
        elif name in smooth and most > 3:
            terms.append(f"s({name}, k={min(most, distinct[name] - 1)})")
        else:
            terms.append(name)
    return "y ~ " + " + ".join(terms)
