"""Evidence of structure: how often the true degree of a polynomial is found.

The truth is a cubic: its components along standardised Legendre polynomials of degree 1 to 3 are
drawn from N(0, 1), that of degree 3 made at least .5 in size, so that there is something to find.
Models of degree 1 to 6 are ridge on standardised columns, the penalty tuned by the evidence (then
compared by the evidence) or by leave-one-out (then compared by that). Shown beside: columns that
are Legendre polynomials themselves, and noise three times as large, where degrees are hard to tell.

Besides, what Laplace's approximation and the corrected evidence are off by: logistic regression of
20 rows, against the integral over a grid.

    PYTHONPATH=benchmarks python -m evaluate_parts.structure
"""

from __future__ import annotations

import warnings

import harness  # noqa: F401  sets threads before NumPy
import numpy as np
from numpy.polynomial import legendre
from sklearn.linear_model import LogisticRegression

from derivata import LinearRegressor
from derivata.criteria import Evidence, LeaveOneOut
from derivata.errors import BoundWarning
from derivata.evaluation.evidence import evidence
from derivata.evaluation.leave_one_out import leave_one_out
from evaluate_parts import Row

REPEATS, FIRST_SEED = 200, 2_000
DEGREES, TRUE_DEGREE, LEAST = range(1, 7), 3, 0.5


def rows() -> list[Row]:
    """A row a basis, size and noise; the claim is of the clear noise."""
    found = []
    for basis, n_rows, noise in (
        (powers, 50, 0.3),
        (powers, 200, 0.3),
        (polynomials, 50, 0.3),
        (powers, 200, 1.0),
        (polynomials, 200, 1.0),
    ):
        hits, others = (100.0 * count / REPEATS for count in _count(basis, n_rows, noise))
        what = f"true degree of a cubic, {basis.__name__}, {n_rows} rows, noise {noise:g}"
        figure = f"evidence {hits:g} of 100, leave-one-out {others:g} ({REPEATS} repeats)"
        found.append(Row(what, ">= 94 of 100", hits >= 94.0 if noise < 1.0 else None, figure))
    return [*found, *(_off(n_columns) for n_columns in (2, 5))]


def _off(n_columns: int) -> Row:
    """Mean errors of Laplace's evidence and of the corrected one, without an intercept."""
    laplace, corrected, stated = [], [], []
    steps = np.linspace(-7.0, 9.0, 16)
    grid = np.stack(np.meshgrid(*[steps] * n_columns, indexing="ij"), axis=-1)
    grid = grid.reshape(-1, n_columns)
    for repeat in range(10):
        rng = np.random.default_rng(FIRST_SEED + repeat)
        X = rng.standard_normal((20, n_columns))
        y = (X[:, 0] + rng.logistic(size=20) > 0.0).astype(int)
        model = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-10).fit(X, y)
        found = evidence(model, X, y)
        chance = 1.0 / (1.0 + np.exp(-X @ model.coef_[0]))
        hessian = (X * (chance * (1.0 - chance))[:, None]).T @ X + 0.5 * np.eye(n_columns)
        root = np.linalg.inv(np.linalg.cholesky(hessian)).T
        points = model.coef_[0] + grid @ root.T
        outputs = points @ X.T
        logs = (y * outputs - np.logaddexp(0.0, outputs)).sum(axis=1)
        logs += 0.5 * n_columns * np.log(0.5 / (2.0 * np.pi)) - 0.25 * (points**2).sum(axis=1)
        cell = n_columns * np.log(steps[1] - steps[0]) + np.linalg.slogdet(root)[1]
        truth = np.logaddexp.reduce(logs) + cell
        laplace.append(abs(found.laplace - truth))
        corrected.append(abs(found.log_evidence - truth))
        stated.append(found.error)
    figure = (
        f"{np.mean(laplace):.3f} nats by Laplace, {np.mean(corrected):.1e} corrected (stated "
        f"{np.mean(stated):.1e})"
    )
    what = f"error of the log evidence, {n_columns} parameters, mean of 10 data sets"
    return Row(what, ".26 to .04 nats", bool(np.mean(corrected) <= 0.04), figure)


def _count(basis, n_rows: int, noise: float) -> tuple[int, int]:
    """How often the evidence, and leave-one-out, is best at the true degree."""
    by_evidence = by_left_out = 0
    for repeat in range(REPEATS):
        rng = np.random.default_rng(FIRST_SEED + repeat)
        x = rng.uniform(-1.0, 1.0, n_rows)
        coef = rng.standard_normal(TRUE_DEGREE)
        coef[-1] = np.copysign(max(abs(coef[-1]), LEAST), coef[-1])
        y = polynomials(x, TRUE_DEGREE) @ coef + noise * rng.standard_normal(n_rows)
        logs, scores = [], []
        for degree in DEGREES:
            X = basis(x, degree)
            with warnings.catch_warnings():  # where a low degree says nothing of y
                warnings.simplefilter("ignore", BoundWarning)
                probable = LinearRegressor(criterion=Evidence()).fit(X, y)
                predicting = LinearRegressor(criterion=LeaveOneOut()).fit(X, y)
            logs.append(evidence(probable, X, y).log_evidence)
            scores.append(leave_one_out(predicting, X, y).score)
        by_evidence += int(np.argmax(logs)) == TRUE_DEGREE - 1
        by_left_out += int(np.argmin(scores)) == TRUE_DEGREE - 1
    return by_evidence, by_left_out


def powers(x, degree: int):
    """x, x^2, ..., standardised."""
    return _standardised([x**power for power in range(1, degree + 1)])


def polynomials(x, degree: int):
    """Legendre's, standardised."""
    return _standardised([legendre.legval(x, unit) for unit in np.eye(degree + 1)[1:]])


def _standardised(columns):
    X = np.column_stack(columns)
    return (X - X.mean(axis=0)) / X.std(axis=0)


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
