"""The first fit of a new process on digits: ours with an empty and a warm compile cache, theirs.

Each is a process of its own; CPU seconds are counted by it, imports apart from the fit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

PROBE = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
start = time.process_time()
{imports}
imported = time.process_time()
{fit}
fitted = time.process_time()
{fit}
again = time.process_time()
loss = log_loss(y_test, model.predict_proba(X_test))
print(json.dumps([imported - start, fitted - imported, again - fitted, loss]))
"""
OURS = PROBE.format(
    imports="import jax\nfrom derivata.estimators.neural import MLPClassifier",
    fit="model = MLPClassifier({{options}}).fit(X, y)",
)
THEIRS = PROBE.format(
    imports=(
        "from sklearn.neural_network import MLPClassifier\n"
        "from sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import StandardScaler"
    ),
    fit="model = make_pipeline(StandardScaler(), MLPClassifier(random_state=0)).fit(X, y)",
)
ONE_NETWORK = "method=__import__('derivata.neural.method', fromlist=['x']).OneNetwork()"


@dataclass(frozen=True)
class Start:
    """Medians over processes, CPU seconds, and the held-out log-loss."""

    imports: float
    first: float
    second: float
    loss: float


def ours(repeats: int, options: str = "") -> tuple[Start, Start]:
    """With an empty cache, once, and with the cache that this left."""
    code = OURS.replace("{{options}}", options)
    with TemporaryDirectory() as folder:
        cold = probe(code, Path(folder))
        return cold, middle([probe(code, Path(folder)) for _ in range(repeats)])


def theirs(repeats: int) -> Start:
    return middle([probe(THEIRS, None) for _ in range(repeats)])


def probe(code: str, cache: Path | None) -> Start:
    surroundings = dict(os.environ) | ({} if cache is None else {"XDG_CACHE_HOME": str(cache)})
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=surroundings
    )
    return Start(*json.loads(done.stdout.splitlines()[-1]))


def middle(each: list[Start]) -> Start:
    return Start(
        median(one.imports for one in each),
        median(one.first for one in each),
        median(one.second for one in each),
        each[0].loss,
    )
