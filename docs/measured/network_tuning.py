"""Networks tuned without search: how effective parameters are counted, and what tuning is worth.

    python docs/measured/network_tuning.py counted
    python docs/measured/network_tuning.py guard
    python docs/measured/network_tuning.py digits diabetes breast_cancer
    python docs/measured/network_tuning.py madelon FOLDER_OF_TABLES
    python docs/measured/network_tuning.py wide

`counted`: on 650 rows of digits, log det (I + K) and effective parameters of a trained network,
exactly, by random signs and by Kronecker factors. `guard`: on diabetes, decays after six and twelve
phases, with and without the guard, from strong and from weak ones. With names: held-out loss and
processor time of one network, of four averaged, of the held-out choice and of a step by the range
test, mean over three splits (75 % to fit), compile time excluded. `wide`: the same of four averaged
and of inputs by evidence, on drawn tables of many columns, few of which matter, or all.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import train_test_split

from derivata.estimators.neural import MLPClassifier, MLPRegressor
from derivata.neural import evidence
from derivata.neural.ensemble import FoldEnsemble
from derivata.neural.evidence_columns import ColumnEvidence
from derivata.neural.evidence_decays import LayerEvidence
from derivata.neural.evidence_kronecker import kronecker_effective
from derivata.neural.holdout import HeldOutChoice
from derivata.neural.losses import ManyClasses, SquaredError
from derivata.neural.method import NetworkProblem, OneNetwork
from derivata.neural.network import Inputs, Network
from derivata.neural.range_test import RangeTest
from derivata.neural.rows import Rows
from derivata.neural.settings import Training
from derivata.neural.training import train
from derivata.solvers.first_order import Adam

SPLITS = 3
METHODS = {
    "one network": OneNetwork(),
    "4 averaged (default)": FoldEnsemble(4),
    "held-out choice": HeldOutChoice(),
    "held-out choice, one network": HeldOutChoice(then=OneNetwork()),
    "range test, one network": HeldOutChoice((RangeTest(),), OneNetwork()),
}


WIDE = {
    "4 averaged": FoldEnsemble(4),
    "inputs by evidence (default)": HeldOutChoice((ColumnEvidence(),), FoldEnsemble(4)),
}


def draw(name):
    """Friedman's function of 5 columns of 120; diabetes with 100 more; all of 200 columns."""
    rng = np.random.default_rng(0)
    if name == "friedman":
        X, y = datasets.make_friedman1(800, 120, noise=1.0, random_state=0)
    elif name == "diabetes and noise":
        X, y = datasets.load_diabetes(return_X_y=True)
        X = np.column_stack([X, rng.standard_normal((len(y), 100))])
    else:
        X = rng.standard_normal((1_000, 200))
        z = X @ rng.standard_normal(200) / np.sqrt(200)
        y = z + np.tanh(z) + 0.3 * rng.standard_normal(1_000)
    return X, y, False


def load(name, folder):
    if name in ("digits", "diabetes", "breast_cancer"):
        bunch = getattr(datasets, f"load_{name}")()
        return bunch.data, bunch.target, name != "diabetes"
    frame = pd.read_csv(Path(folder) / f"{name}.csv.gz").drop(columns="split", errors="ignore")
    targets = {"madelon": "label", "adult": "income", "california_housing": "median_house_value"}
    y = frame.pop(targets[name]).to_numpy()
    return frame, y, name != "california_housing"


def judged(name, table, methods):
    X, y, classifies = table
    found = {}
    for seed in range(SPLITS):
        for label, method in methods.items():
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
    settings = Training(Adam(step=2e-3), n_epochs=100, batch_size=32, alpha=1.0)
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


def guard():
    X, y = datasets.load_diabetes(return_X_y=True)
    X, y = X / X.std(axis=0), (y - y.mean()) / y.std()
    loss = SquaredError()
    inputs = Inputs(X.astype(np.float32), np.zeros((len(X), 0), np.int32))
    rows = Rows(inputs, loss.targets(y), np.ones(len(X), np.float32))
    network = Network(n_numbers=X.shape[1], n_outputs=1)
    problem = NetworkProblem(network, loss, rows, Training(Adam(step=2e-3), batch_size=16))
    for start in (30.0, 0.1):
        for strength in (50.0, 0.0):
            path = LayerEvidence(start=start, guard=strength, n_phases=12).path(problem)
            for phase in (5, 11):
                point = path[phase]
                shown = f"{point.alpha.round(3)}, -log evidence {point.evidence.value:.0f}"
                print(f"start {start:4.1f}, guard {strength:4.1f}, phase {phase + 1:2d}: {shown}")


if __name__ == "__main__":
    names = [name for name in sys.argv[1:] if not Path(name).is_dir()]
    folder = next((name for name in sys.argv[1:] if Path(name).is_dir()), None)
    for name in names:
        if name == "counted":
            counted()
        elif name == "guard":
            guard()
        elif name == "wide":
            for drawn in ("friedman", "diabetes and noise", "dense"):
                judged(drawn, draw(drawn), WIDE)
        else:
            judged(name, load(name, folder), METHODS)
