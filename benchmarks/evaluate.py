"""Evaluating models by calculus: every claim against refits, simulations and the peers.

Run with ``./dev bench evaluate``, or name parts: ``./dev bench evaluate leave_one_out influence``.
Each part is a file of ``benchmarks/evaluate_parts``, which says what it measures and how; a claim
that falls short says NO in the table. One thread; times are CPU seconds, medians.

captum, cleanlab and pyDVL are compared with where they are installed by hand.
"""

from __future__ import annotations

import harness  # first: it sets the number of BLAS threads

import sys
import time
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

PARTS = (
    "leave_one_out",
    "influence",
    "label_errors",
    "standard_errors",
    "structure",
    "attribution",
    "sensitivity",
    "scoring",
)
PEERS = ("scikit-learn", "statsmodels", "cleanlab", "pydvl", "captum", "torch")


def main() -> None:
    asked = sys.argv[1:] or list(PARTS)
    unknown = [name for name in asked if name not in PARTS]
    if unknown:
        raise SystemExit(f"unknown part {unknown[0]!r}; there are {', '.join(PARTS)}.")
    print(harness.machine())
    print(", ".join(_version(name) for name in PEERS), end="\n\n")
    print("| what | at least | reached | figure |\n|---|---|---|---|")
    for name in asked:
        start = time.process_time()
        for row in import_module(f"evaluate_parts.{name}").rows():
            print(row, flush=True)
        print(f"{name}: {time.process_time() - start:.0f} CPU s", file=sys.stderr, flush=True)


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"


if __name__ == "__main__":
    main()
