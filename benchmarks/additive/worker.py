"""One side on one split of one table: python -m additive.worker TABLE SIDE SPLIT SECONDS."""

from __future__ import annotations

import harness  # noqa: F401 - first: it sets the number of BLAS threads

import json
import resource
import sys
import time
import warnings
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from statistics import median

import numpy as np
import pandas as pd
from additive.data import TABLES, Task, held_out_loss, split
from additive.mgcv import OutOfTime, TimedByItself
from additive.results import Result, failure
from additive.sides import SIDES

SHORT = 2.0  # seconds: fits faster than this are measured three times


def main(table: str, side: str, number: str, limit: str) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
    warnings.simplefilter("ignore")
    whole = TABLES[table]()
    task, y = split(whole, int(number))
    try:
        means, seconds, repeats, versions = timed(SIDES[side], task)
        result = Result(held_out_loss(whole, y, means), seconds, repeats, pace(), versions)
    except OutOfTime:
        result = failure(f"stopped after {limit} CPU s")
    except Exception as error:  # a peer's failure is a result too
        result = failure(f"{type(error).__name__}: {error}"[:300])
    print(json.dumps(asdict(result)))


def timed(side, task: Task) -> tuple[np.ndarray, float, int, dict[str, str]]:
    """Means, CPU seconds of fit and predict, how often measured, versions."""
    if side.measures_itself:
        said: TimedByItself = side.fit_predict(task)
        return said.means, said.seconds, said.repeats, said.versions
    side.fit_predict(warm_up(task.family, task.exposure is not None))
    seconds = []
    while not seconds or (seconds[0] < SHORT and len(seconds) < 3):
        start = cpu_seconds()
        means = side.fit_predict(task)
        seconds.append(cpu_seconds() - start)
    return means, median(seconds), len(seconds), versions_of(side.packages)


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def warm_up(family: str, exposure: bool) -> Task:
    """A small task of the same family: its fit imports modules and compiles what is compiled."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200), "f": pd.Categorical(list("abcd") * 50)})
    y = (frame["x"] + rng.normal(size=200) > 0).to_numpy(dtype=float)
    some = np.ones(200) if exposure else None
    if exposure:  # glum's adapter knows its table's columns
        table = TABLES["fremtpl2"]()
        rows = rng.permutation(len(table.y))[:2_000]
        frame, y, some = table.frame.iloc[rows], table.y[rows], table.exposure[rows]
        return Task(frame, y, frame, table.kinds, table.family, some, some)
    return Task(frame, y, frame, {"x": "number", "f": "category"}, family, some, some)


def versions_of(packages: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in ("numpy", "scipy", "scikit-learn", *packages):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "?"
    return found


def pace() -> float:
    """CPU seconds of a fixed piece of work, the least of three: to compare times of two days."""
    rng = np.random.default_rng(0)
    square, values = rng.normal(size=(400, 400)), rng.normal(size=400_000)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        np.linalg.eigh(square @ square.T)
        np.sort(values)
        sum(number * number for number in range(200_000))
        seconds.append(time.process_time() - start)
    return min(seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
