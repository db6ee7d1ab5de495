"""Tuned sparse models against scikit-learn, skglm, celer and adelie: held-out loss, then CPU time.

Run with ``./dev bench sparse``, or name tables: ``./dev bench sparse diabetes golub``. Losses are
over five splits of 70 % and 30 %; times are of the same fits, peers after one that compiles their
code. A peer that takes minutes is run on fewer splits, which its line says. A peer that is not
installed, or does not run beside this scikit-learn, is told and left out.
"""

from __future__ import annotations

import harness  # first: it sets the number of BLAS threads

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from harness import Row, compared, no_worse, once, paired, print_table, ratio, seconds
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import ElasticNetCV, LassoCV, LogisticRegressionCV
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata import LinearRegressor, LogisticClassifier
from derivata.penalties import ElasticNet, Lasso

SPLITS = 5
# A peer whose first fit takes longer than this many CPU seconds is run on that split alone.
LONG = 60.0


@dataclass(frozen=True)
class Peer:
    """Another library's tuned model: how it is made, and against which of ours, with what aim."""

    name: str
    make: Callable[[Any, Any], Any]  # of the training rows, as grids depend on them
    penalty: Any
    target: float


def scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


def alpha_grid(X: Any, y: Any, size: int) -> np.ndarray:
    """From the strongest penalty that does anything down to a thousandth of it, as peers do."""
    Z = StandardScaler().fit_transform(X)
    return np.abs(Z.T @ (y - y.mean())).max() / len(y) * np.geomspace(0.999, 1e-3, size)


def on_grid(model: Any, name: str, values: np.ndarray, scoring: str, step: str) -> Any:
    return GridSearchCV(scaled(model), {f"{step}__{name}": values}, cv=5, scoring=scoring)


def skglm_lasso(X: Any, y: Any) -> Any:
    from skglm import Lasso as Model

    return on_grid(Model(), "alpha", alpha_grid(X, y, 20), "neg_mean_squared_error", "lasso")


def skglm_logistic(X: Any, y: Any) -> Any:
    from skglm import SparseLogisticRegression as Model

    grid = alpha_grid(X, y, 20)
    return on_grid(Model(), "alpha", grid, "neg_log_loss", "sparselogisticregression")


def celer_lasso(X: Any, y: Any) -> Any:
    from celer import Lasso as Model

    return on_grid(Model(), "alpha", alpha_grid(X, y, 20), "neg_mean_squared_error", "lasso")


def celer_logistic(X: Any, y: Any) -> Any:
    from celer import LogisticRegression as Model

    grid = 1.0 / (len(y) * alpha_grid(X, y, 20))
    return on_grid(Model(), "C", grid, "neg_log_loss", "logisticregression")


class Adelie:
    """adelie's own cross-validation over 100 strengths, and the fit at the best of them.

    The path goes down to a thousandth of the strongest, as the others' do; its own default ends so
    early that its losses are worse.
    """

    def __init__(self, l1_ratio: float, classes: bool):
        self.l1_ratio, self.classes = l1_ratio, classes

    def fit(self, X: Any, y: Any) -> Adelie:
        import adelie as ad

        self.scaler = StandardScaler().fit(X)
        Z = np.asfortranarray(self.scaler.transform(X))
        glm = (ad.glm.binomial if self.classes else ad.glm.gaussian)(y=np.asarray(y, dtype=float))
        how = {"alpha": self.l1_ratio, "progress_bar": False, "n_threads": 1}
        search = ad.cv.cv_grpnet(
            Z, glm, n_folds=5, seed=0, lmda_path_size=100, min_ratio=1e-3, **how
        )
        path = search.fit(Z, glm, **how)
        self.coef = path.betas[-1].toarray().ravel()
        self.intercept = float(path.intercepts[-1])
        return self

    def predict(self, X: Any) -> Any:
        return self.scaler.transform(X) @ self.coef + self.intercept

    def predict_proba(self, X: Any) -> Any:
        second = 1.0 / (1.0 + np.exp(-self.predict(X)))
        return np.column_stack([1.0 - second, second])


def lasso_cv(X: Any, y: Any) -> Any:
    return scaled(LassoCV(cv=5, max_iter=10_000))


def elastic_net_cv(ratios: Any, X: Any, y: Any) -> Any:
    return scaled(ElasticNetCV(l1_ratio=ratios, cv=5, max_iter=10_000))


def logistic_cv(X: Any, y: Any) -> Any:
    """With liblinear, the fastest of scikit-learn's solvers for this penalty."""
    search = LogisticRegressionCV(
        Cs=10,
        cv=5,
        l1_ratios=(1.0,),
        solver="liblinear",
        scoring="neg_log_loss",
        max_iter=1_000,
        use_legacy_attributes=False,
    )
    return scaled(search)


RATIOS = [0.1, 0.5, 0.9, 1.0]
REGRESSION = [
    Peer("LassoCV, 100 alphas", lasso_cv, Lasso(), 10.0),
    Peer("skglm Lasso, 20 alphas", skglm_lasso, Lasso(), 1.0),
    Peer("celer Lasso, 20 alphas", celer_lasso, Lasso(), 1.0),
    Peer("adelie, 100 alphas", lambda X, y: Adelie(1.0, False), Lasso(), 1.0),
    Peer("ElasticNetCV, l1_ratio .5", partial(elastic_net_cv, 0.5), ElasticNet(0.5), 10.0),
    Peer("ElasticNetCV, 4 l1_ratios", partial(elastic_net_cv, RATIOS), ElasticNet(), 10.0),
    Peer("adelie, elastic net .5", lambda X, y: Adelie(0.5, False), ElasticNet(0.5), 1.0),
]
CLASSIFICATION = [
    Peer("LogisticRegressionCV l1, 10 Cs", logistic_cv, Lasso(), 10.0),
    Peer("skglm, 20 alphas", skglm_logistic, Lasso(), 1.0),
    Peer("celer, 20 Cs", celer_logistic, Lasso(), 1.0),
    Peer("adelie, 100 alphas", lambda X, y: Adelie(1.0, True), Lasso(), 1.0),
    Peer("adelie, elastic net .5", lambda X, y: Adelie(0.5, True), ElasticNet(0.5), 1.0),
]


def diabetes() -> tuple[Any, Any]:
    """Ten columns, their squares and their products."""
    X, y = load_diabetes(return_X_y=True)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    first, second = np.triu_indices(X.shape[1], 1)
    return np.hstack([Z, Z**2, Z[:, first] * Z[:, second]]), y / y.std()


def breast_cancer() -> tuple[Any, Any]:
    return load_breast_cancer(return_X_y=True)


def shared(name: str, target: str) -> tuple[Any, Any] | None:
    """Numbers and codes of a shared table, or None where it is absent."""
    import gzip

    path = harness.SHARED / f"{name}.csv.gz"
    if not path.exists():
        print(f"({name} left out: {path.name} is not there)")
        return None
    with gzip.open(path, "rt") as file:
        names = file.readline().rstrip("\n").split(",")
        cells = [line.rstrip("\n").split(",") for line in file]
    used = [j for j, column in enumerate(names) if column not in (target, "split")]
    X = np.array([[float(row[j]) for j in used] for row in cells])
    y = np.unique([row[names.index(target)] for row in cells], return_inverse=True)[1]
    return X[:, X.std(axis=0) > 0.0], y


TABLES: dict[str, Callable[[], tuple[Any, Any] | None]] = {
    "diabetes": diabetes,
    "breast_cancer": breast_cancer,
    "ionosphere": partial(shared, "ionosphere", "label"),
    "golub": partial(shared, "golub_leukemia", "label"),
    "spambase": partial(shared, "spambase", "spam"),
    "madelon": partial(shared, "madelon", "label"),
}


def held_out(model: Any, X: Any, y: Any, classes: bool) -> float:
    if classes:
        return log_loss(y, model.predict_proba(X))
    return float(np.mean((model.predict(X) - y) ** 2) / 2.0)


def compare(name: str, X: Any, y: Any, peer: Peer) -> Row:
    """One line: losses and CPU seconds on each split, ours three times for a steady median."""
    classes = y.dtype.kind == "i"
    ours = LogisticClassifier if classes else LinearRegressor
    losses: tuple[list[float], list[float]] = ([], [])
    times: tuple[list[float], list[float]] = ([], [])
    for split in range(SPLITS):
        train, test, y_train, y_test = train_test_split(
            X, y, test_size=0.3, random_state=split, stratify=y if classes else None
        )
        fit_ours = lambda: ours(penalty=peer.penalty).fit(train, y_train)
        fit_theirs = lambda: peer.make(train, y_train).fit(train, y_train)
        if split == 0:
            once(fit_ours)
            few = slice(0, 60)  # compiles what is compiled
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                peer.make(train[few, :5], y_train[few]).fit(train[few, :5], y_train[few])
        timed, theirs = once(fit_theirs)
        repeats = [once(fit_ours) for _ in range(3)]
        times[0].append(float(np.median([each for each, _ in repeats])))
        times[1].append(timed)
        losses[0].append(held_out(repeats[-1][1], test, y_test, classes))
        losses[1].append(held_out(theirs, test, y_test, classes))
        if timed > LONG:
            break
    middle = ratio(times[1], times[0])[0]
    some = "" if len(times[0]) == SPLITS else f", {len(times[0])} split"
    kind = type(peer.penalty).__name__
    return Row(
        f"{name} ({len(y):,} × {X.shape[1]:,}), {kind}",
        peer.name + some,
        seconds(times[0]),
        compared(times[1], times[0]),
        paired(*losses),
        f"{peer.target:g} × faster, loss no worse" if peer.target > 1 else "faster, loss no worse",
        bool(no_worse(*losses) and middle >= peer.target),
    )


def main(chosen: list[str]) -> None:
    print(f"{harness.machine()}\n")
    rows = []
    for name in chosen or TABLES:
        table = TABLES[name]()
        if table is None:
            continue
        X, y = table
        for peer in REGRESSION if y.dtype.kind == "f" else CLASSIFICATION:
            try:
                rows.append(compare(name, X, y, peer))
            except ImportError as reason:
                print(f"({peer.name} left out: not installed: {reason})")
            except Exception as reason:  # a peer's fault beside this scikit-learn is its own
                print(f"({peer.name} left out on {name}: {type(reason).__name__}: {reason!s:.100})")
    print_table(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
