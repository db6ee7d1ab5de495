"""What the guard is worth: 50 penalties, one a column, tuned with and without it, beside one.

Rows are drawn from linear models with 50 normal columns, signal variance 1 and noise variance 1;
the excess risk of a fit is |coef - truth|^2 / 2, exact, in the units of the loss. Prints the two
tables of docs/math/tuning.md: excess risks, with standard errors of the paired differences; and how
far the criterion lies below the expected loss of new rows, which is 1/2 + the excess risk.

    python docs/measured/guard.py [DRAWS]
"""

from __future__ import annotations

import sys

import numpy as np
from sklearn.linear_model import RidgeCV

from derivata.criteria import LeaveOneOut
from derivata.datasets import TRUTHS, simulate
from derivata.designs import standardize
from derivata.losses import SquaredLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton
from derivata.tuning import TuneResult, tune
from derivata.tuning.guard import Guard
from derivata.tuning.guarded import tune_guarded

N_FEATURES = 50
SOLVER = Newton(tol=1e-4)
WAYS = ("RidgeCV", "one penalty", "50, no guard", "50, guarded")


def main(draws: int) -> None:
    columns = (*WAYS, f"{WAYS[2]} - RidgeCV", f"{WAYS[3]} - RidgeCV")
    print("| rows | truth | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 2) + "|")
    flattery = []
    for n_rows in (100, 400):
        for truth in TRUTHS:
            risks, gaps = (
                np.array(part)
                for part in zip(
                    *(excess_risks(n_rows, truth, seed) for seed in range(draws)), strict=True
                )
            )
            cells = [f"{risk:.3f}" for risk in risks.mean(axis=0)]
            for way in (2, 3):
                difference = risks[:, way] - risks[:, 0]
                error = difference.std(ddof=1) / np.sqrt(draws)
                cells.append(f"{difference.mean():+.3f} ± {error:.3f}")
            print(f"| {n_rows} | {truth} | " + " | ".join(cells) + " |", flush=True)
            flattery.append((n_rows, truth, *(f"{gap:.3f}" for gap in gaps.mean(axis=0))))
    print("\n| rows | truth | " + " | ".join(WAYS[1:]) + " |\n" + "|---" * (len(WAYS) + 1) + "|")
    for line in flattery:
        print("| " + " | ".join(map(str, line)) + " |")


def excess_risks(n_rows: int, truth: str, seed: int) -> tuple[list[float], list[float]]:
    """Excess risk of each way, and how far the criterion of each of ours lies below the risk."""
    drawn = simulate("squared", n_rows, N_FEATURES, truth=truth, random_state=seed)
    X = np.column_stack([drawn.table[f"x{j}"].values for j in range(N_FEATURES)])
    y = drawn.table["y"].values
    rows = standardize(X, np.ones(n_rows))
    spread, middle = rows.scale, rows.center
    ridge = RidgeCV(np.logspace(-2, 5, 200)).fit((X - middle) / spread, y)
    found, gaps = [excess(ridge.coef_ / spread, drawn.coef)], []
    for groups in (np.zeros(N_FEATURES, dtype=int), np.arange(N_FEATURES)):
        names = tuple(map(str, range(groups.max() + 1)))
        objective = Objective(
            SquaredLoss(),
            LinearPredictor(rows.design),
            GroupRidge(np.append(groups, FREE), names),
            y,
            np.ones(n_rows),
        )
        results = [tune(objective, LeaveOneOut(), SOLVER, start=tied(objective))]
        if len(names) > 1:
            results.append(tune_guarded(objective, LeaveOneOut(), SOLVER))
        for result in results:
            end = SOLVER.minimize(objective, np.zeros(N_FEATURES + 1), result.hyper)
            coef, _ = rows.coefficients(end.expansion.params[None])
            found.append(excess(coef[0], drawn.coef))
            gaps.append(0.5 + found[-1] - result.criterion / n_rows)
    return found, gaps


def tied(objective: Objective) -> np.ndarray:
    """Where all penalties are best equal: the start that estimators use too."""
    guard = Guard(np.inf, np.zeros(objective.penalty.n_hyper, dtype=int))
    result: TuneResult = tune(objective, LeaveOneOut(), SOLVER, ties=guard.ties(), step_tol=0.3)
    return result.hyper


def excess(coef: np.ndarray, truth: np.ndarray) -> float:
    return 0.5 * float(np.sum((coef - truth) ** 2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
