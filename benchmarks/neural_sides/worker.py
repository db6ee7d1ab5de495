"""One side on one split of one table: python -m neural_sides.worker TABLE SIDE SPLIT SECONDS."""

from __future__ import annotations

import harness  # noqa: F401 - first: it sets the number of BLAS threads

import json
import resource
import sys
import warnings
from dataclasses import asdict
from statistics import median

import numpy as np
import pandas as pd
from additive.worker import cpu_seconds, pace, versions_of
from neural_sides.data import EVERY, Task, held_out_loss, split
from neural_sides.results import Result, failure
from neural_sides.sides import SIDES

SHORT = 2.0  # seconds: fits faster than this are measured three times


def main(table: str, side: str, number: str, limit: str) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
    warnings.simplefilter("ignore")
    whole = EVERY[table]()
    task, y = split(whole, int(number))
    try:
        predicted, seconds, repeats = timed(SIDES[side], task)
        loss = held_out_loss(whole, y, predicted)
        versions = versions_of(SIDES[side].packages)
        result = Result(loss, seconds, repeats, pace(), versions)
    except Exception as error:  # a peer's failure is a result too
        result = failure(f"{type(error).__name__}: {error}"[:300])
    print(json.dumps(asdict(result)))


def timed(side, task: Task) -> tuple[np.ndarray, float, int]:
    """Predictions, CPU seconds of fit and predict, and how often they were measured."""
    side.fit_predict(task if side.compiles else warm_up(task.n_classes))
    predicted, seconds = np.empty(0), []
    while not seconds or (seconds[0] < SHORT and len(seconds) < 3):
        start = cpu_seconds()
        predicted = side.fit_predict(task)
        seconds.append(cpu_seconds() - start)
    return predicted, median(seconds), len(seconds)


def warm_up(n_classes: int) -> Task:
    """A small task of the same kind: its fit imports modules."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200), "f": pd.Categorical(list("abcd") * 50)})
    y = np.tile(np.arange(max(n_classes, 1)), 200)[:200] if n_classes else rng.normal(size=200)
    return Task(frame, y, frame, {"x": "number", "f": "category"}, n_classes)


if __name__ == "__main__":
    main(*sys.argv[1:])
