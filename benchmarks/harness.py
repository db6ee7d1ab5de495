"""How benchmarks here measure: two sides in one process, taken in turns, CPU seconds, medians.

Every side is a function that returns a fitted model; its quality is judged before its time is
believed. One thread unless a script says otherwise. Import this module before NumPy: it sets the
number of BLAS threads.
"""

from __future__ import annotations

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import platform
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "tabular"


@dataclass(frozen=True)
class Row:
    """One line of a printed table."""

    work: str
    against: str
    ours: str
    theirs: str
    quality: str
    target: str
    reached: bool | None


def interleaved(sides: Sequence[Callable[[], Any]], repeats: int) -> list[tuple[list[float], Any]]:
    """CPU seconds of each repeat of each side, taken in turns, and each side's last result."""
    times: list[list[float]] = [[] for _ in sides]
    results: list[Any] = [None for _ in sides]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for side in sides:  # first calls import modules and warm caches: not counted
            side()
        for _ in range(repeats):
            for number, side in enumerate(sides):
                start = time.process_time()
                results[number] = side()
                times[number].append(time.process_time() - start)
    return list(zip(times, results, strict=True))


def once(side: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of one call and its result."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        result = side()
        return time.process_time() - start, result


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> tuple[float, float, float]:
    """Median of theirs / ours over repeats, with its quartiles."""
    each = np.asarray(theirs) / np.asarray(ours)
    return float(np.median(each)), float(np.quantile(each, 0.25)), float(np.quantile(each, 0.75))


def compared(theirs: Sequence[float], ours: Sequence[float]) -> str:
    """The other side's median and how many times ours it is, with quartiles."""
    middle, low, high = ratio(theirs, ours)
    return f"{seconds(theirs)} ({middle:.2g} ×, {low:.2g}–{high:.2g})"


def seconds(times: Sequence[float]) -> str:
    """A median in units that read well."""
    middle = median(times)
    return f"{middle * 1e3:.3g} ms" if middle < 1.0 else f"{middle:.3g} s"


def paired(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Mean losses of both sides and the mean difference with its standard error over splits."""
    difference = np.asarray(ours) - np.asarray(theirs)
    error = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else 0.0
    return (
        f"{np.mean(ours):.4f} / {np.mean(theirs):.4f} (difference {difference.mean():+.4f} "
        f"± {error:.4f})"
    )


def no_worse(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether ours is at most one paired standard error above theirs."""
    difference = np.asarray(ours) - np.asarray(theirs)
    error = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else 0.0
    return bool(difference.mean() <= error)


def print_table(rows: Sequence[Row]) -> None:
    """The rows as a Markdown table."""
    print("| work | against | ours | theirs | held-out loss, ours / theirs | target | reached |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        reached = "–" if row.reached is None else ("yes" if row.reached else "**no**")
        print(
            f"| {row.work} | {row.against} | {row.ours} | {row.theirs} | {row.quality} "
            f"| {row.target} | {reached} |",
            flush=True,
        )


def machine() -> str:
    """The machine and the versions that figures depend on."""
    names = ["numpy", "scipy", "scikit-learn", "glum", "bbai", "skglm", "celer", "adelie"]
    found = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except Exception:  # a peer that is not installed has no version
            continue
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, one thread used; Python "
        f"{platform.python_version()}, " + ", ".join(found)
    )
