"""How good leave-one-out by one Newton step is, against refits, and what its own estimate says.

Breast cancer, logistic loss, one penalty from far too small to far too large. Prints the table of
docs/math/leave_one_out.md: the change of the summed loss by leaving each row out, exact and by the
formula; the formula's summed |error| over all rows and over the few that change most, beside what
``criteria.trust`` estimates of those; all in nats.

    python docs/measured/leave_one_out.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.datasets import load_breast_cancer

from derivata.criteria.leave_one_out import leave_one_out_outputs
from derivata.criteria.trust import EXAMINED, leave_one_out_error
from derivata.curvature import invert
from derivata.designs import standardize
from derivata.losses import LogisticLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton

ALPHAS = (100.0, 10.0, 1.5, 0.3, 0.1, 0.03, 0.01)


def main() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    n_rows, n_features = X.shape
    rows = standardize(X, np.ones(n_rows))
    penalty = GroupRidge(np.append(np.zeros(n_features, dtype=int), FREE), ("all",))
    predictor = LinearPredictor(rows.design)
    objective = Objective(LogisticLoss(), predictor, penalty, y.astype(float), np.ones(n_rows))
    params = np.zeros(n_features + 1)
    print(
        "| alpha | summed loss | exact change | by one Newton step | error, all rows "
        f"| error, {EXAMINED} rows | estimated | used |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for alpha in ALPHAS:
        hyper = np.log([alpha])
        end = Newton().minimize(objective, params, hyper).expansion
        params = end.params
        inverse = invert(end)
        exact = loss_change(objective, end, refitted(objective, end, hyper))
        formula = loss_change(objective, end, leave_one_out_outputs(end, inverse))
        estimate = leave_one_out_error(end, inverse)
        error = np.abs(formula - exact)
        most = np.argsort(-np.abs(formula))[:EXAMINED]
        print(
            f"| {alpha:g} | {end.loss_value:.2f} | {exact.sum():.2f} | {formula.sum():.2f} "
            f"| {error.sum():.2f} | {error[most].sum():.2f} | {estimate.error:.2f} "
            f"| {'yes' if estimate.tolerable else 'no'} |",
            flush=True,
        )


def refitted(objective: Objective, end, hyper: np.ndarray) -> np.ndarray:
    """Outputs of every row from a fit without it, (n, 1)."""
    outputs = np.empty((len(objective.y), 1))
    for row in range(len(outputs)):
        weight = objective.weight.copy()
        weight[row] = 0.0
        fit = Newton(tol=1e-7).minimize(replace(objective, weight=weight), end.params, hyper)
        outputs[row] = fit.expansion.outputs[row]
    return outputs


def loss_change(objective: Objective, end, outputs: np.ndarray) -> np.ndarray:
    return objective.loss.at(objective.y, outputs).value - end.rows.value


if __name__ == "__main__":
    main()
