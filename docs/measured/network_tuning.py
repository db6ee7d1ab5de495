"""Networks tuned without search: how effective parameters are counted, and what tuning is worth.

    python docs/measured/network_tuning.py counted
    python docs/measured/network_tuning.py digits diabetes breast_cancer
    python docs/measured/network_tuning.py madelon FOLDER_OF_TABLES

`counted`: on 650 rows of digits, log det (I + K) and effective parameters of a trained network,
exactly, by random signs and by Kronecker factors. With names: held-out loss and processor time of
one network, of four averaged, of the held-out choice and of a step by the range test, mean over
three splits (75 % to fit), compile time excluded.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import train_test_split

from derivata.estimators.neural import MLPClassifier, MLPRegressor
from derivata.estimators.neural_defaults import default_training
from derivata.neural import evidence
from derivata.neural.ensemble import FoldEnsemble
from derivata.neural.evidence_kronecker import kronecker_effective
from derivata.neural.holdout import HeldOutChoice
from derivata.neural.losses import ManyClasses
from derivata.neural.method import OneNetwork
from derivata.neural.network import Inputs, Network
from derivata.neural.range_test import RangeTest
from derivata.neural.rows import Rows
from derivata.neural.training import train

SPLITS = 3
METHODS = {
    "one network": OneNetwork(),
    "4 averaged (default)": FoldEnsemble(4),
    "held-out choice": HeldOutChoice(),
    "held-out choice, one network": HeldOutChoice(then=OneNetwork()),
    "range test, one network": HeldOutChoice((RangeTest(),), OneNetwork()),
}


def load(name, folder):
    if name in ("digits", "diabetes", "breast_cancer"):
        bunch = getattr(datasets, f"load_{name}")()
        return bunch.data, bunch.target, name != "diabetes"
    frame = pd.read_csv(Path(folder) / f"{name}.csv.gz").drop(columns="split", errors="ignore")
    targets = {"madelon": "label", "adult": "income", "california_housing": "median_house_value"}
    y = frame.pop(targets[name]).to_numpy()
    return frame, y, name != "california_housing"


def judged(name, folder):
    X, y, classifies = load(name, folder)
    found = {}
    for seed in range(SPLITS):
        for label, method in METHODS.items():
            estimator = MLPClassifier if classifies else MLPRegressor
            halves = train_test_split(X, y, random_state=seed, stratify=y if classifies else None)
            X_fit, X_test, y_fit, y_test = halves
            for warm in (True, False):
                if warm and seed:
                    continue
                since = time.process_time()
                model = estimator(method=method, random_state=seed).fit(X_fit, y_fit)
                spent = time.process_time() - since
            if classifies:
                loss = log_loss(y_test, model.predict_proba(X_test), labels=model.classes_)
            else:
                loss = mean_squared_error(y_test, model.predict(X_test)) / np.var(y_test)
            found.setdefault(label, []).append((loss, spent))
            if isinstance(method, HeldOutChoice) and not seed:
                print("   ", *model.notes_, sep="\n    ")
    for label, pairs in found.items():
        losses, spent = np.array(pairs).T
        each = " ".join(f"{loss:.4f}" for loss in losses)
        print(f"{name:20s}{label:30s}{losses.mean():.4f}  ({each})  {np.median(spent):6.2f} s")


def counted():
    X, y = datasets.load_digits(return_X_y=True)
    X, y = X[:650], y[:650]
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
    loss = ManyClasses(10)
    network = Network(n_numbers=X.shape[1], n_outputs=loss.n_outputs)
    inputs = Inputs(X.astype(np.float32), np.zeros((len(X), 0), np.int32))
    rows = Rows(inputs, loss.targets(y), np.ones(len(X), np.float32))
    settings = replace(default_training(len(X), True), alpha=1.0, n_epochs=100)
    params = train(network, loss, rows, settings).params
    alpha = np.ones(3)
    fitted = evidence.network_evidence(network, loss, params, rows, alpha, signs=1)
    total = evidence.summed_loss(network, loss, params, rows) + 0.5 * fitted.squares.sum()
    for label, signs in (("exact", None), ("1 sign", 1), ("2 signs", 2)):
        since = time.process_time()
        found = evidence.network_evidence(network, loss, params, rows, alpha, signs=signs)
        spent = time.process_time() - since
        log_det = 2.0 * (found.value - total)
        print(
            f"{label:10s}log det {log_det:7.1f}",
            f"effective {found.effective.round(1)}",
            f"{spent:.1f} s",
        )
    kronecker = kronecker_effective(network, loss, params, rows, alpha)
    print(f"Kronecker                    effective {kronecker.layers.round(1)}")


if __name__ == "__main__":
    names = [name for name in sys.argv[1:] if not Path(name).is_dir()]
    folder = next((name for name in sys.argv[1:] if Path(name).is_dir()), None)
    for name in names:
        if name == "counted":
            counted()
        else:
            judged(name, folder)
