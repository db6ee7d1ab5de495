"""Leave-one-out of small networks by one Newton step, against refits, with either Hessian.

For four losses and two penalties of a network of three hidden units on 80 rows: the summed loss of
every row as predicted by a fit without it, by refits, by Gauss-Newton's Hessian and by the exact
one; and how wrong the derivative by log penalties is when the change of the Jacobian is left out.

    python docs/measured/networks.py
"""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from derivata.criteria import LeaveOneOut
from derivata.criteria.jacobian import moving_jacobian
from derivata.criteria.left_out import leave_out, left_out
from derivata.criteria.trust import leave_one_out_error
from derivata.curvature import invert
from derivata.curvature.exact import invert_exact
from derivata.implicit import hypergradient
from derivata.losses import LogisticLoss, SoftmaxLoss, SquaredLoss
from derivata.losses.autodiff import AutodiffLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors.autodiff import AutodiffPredictor
from derivata.solvers import Newton

N_ROWS, N_COLUMNS, N_HIDDEN = 80, 4, 3


def network(params, x):
    return jnp.tanh(x @ params["in"] + params["shift"]) @ params["out"] + params["mean"]


def student(y, z):
    return 2.0 * jnp.log1p((y - z) ** 2 / 3.0)


LOSSES = {
    "logistic": LogisticLoss(),
    "squared": SquaredLoss(),
    "Student's t (by autodiff)": AutodiffLoss(student),
    "softmax": SoftmaxLoss(3),
}


def problem(name):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_ROWS, N_COLUMNS))
    signal, loss = X[:, 0] * X[:, 1] + X[:, 2], LOSSES[name]
    y = signal + 0.4 * rng.standard_t(3, N_ROWS)
    if name == "logistic":
        y = (signal + rng.logistic(size=N_ROWS) > 0.0).astype(float)
    if name == "softmax":
        y = np.digitize(signal + 0.5 * rng.standard_normal(N_ROWS), [-0.7, 0.7]).astype(float)
    params = {
        "in": 0.7 * rng.standard_normal((N_COLUMNS, N_HIDDEN)),
        "mean": np.zeros(loss.n_outputs),
        "out": 0.7 * rng.standard_normal((N_HIDDEN, loss.n_outputs)),
        "shift": 0.5 * rng.standard_normal(N_HIDDEN),
    }
    predictor = AutodiffPredictor(network, X, params)
    groups = np.repeat([0, FREE, 1, 0], predictor.leaf_sizes)
    return Objective(loss, predictor, GroupRidge(groups, ("in", "out")), y, np.ones(N_ROWS))


def refits(objective, end):
    """Loss of every row from a fit without it."""
    losses = np.empty(N_ROWS)
    for row in range(N_ROWS):
        weight = np.ones(N_ROWS)
        weight[row] = 0.0
        fit = Newton(1e-8).minimize(replace(objective, weight=weight), end.params, end.hyper)
        losses[row] = objective.loss.at(objective.y, fit.expansion.outputs).value[row]
    return losses


def frozen_error(objective, end):
    """Error of the hypergradient of leave-one-out without the change of the Jacobian, relative."""
    (part,) = LeaveOneOut().subproblems(objective)
    inverse = invert(end)
    partials = part.judge(end, inverse)
    rows = leave_out(end, inverse)[1]
    moved = moving_jacobian(end, inverse, rows.by_leverage)
    moved -= moving_jacobian(end, inverse.sandwich(rows.by_leverage), end.output_hessian)
    whole = hypergradient(end, partials, inverse)
    frozen = hypergradient(end, replace(partials, by_params=partials.by_params - moved), inverse)
    return np.abs(frozen - whole).max() / np.abs(whole).max()


def main():
    columns = ("loss", "alpha", "summed loss", "by refits", "Gauss-Newton", "exact")
    print("|", " | ".join(columns), "| estimated error | derivative without dJ |")
    print("|---|---|---|---|---|---|---|---|")
    for name in LOSSES:
        objective = problem(name)
        for alpha in (1.5, 5.0):
            hyper = np.log([alpha, alpha])
            start = objective.predictor.reference
            end = Newton(1e-10, 500).minimize(objective, start, hyper).expansion
            truth = refits(objective, end).sum()
            rough = left_out(end, invert(end).leverage()).row_losses.sum()
            exact = left_out(end, invert_exact(end).leverage()).row_losses.sum()
            error = leave_one_out_error(end, invert(end)).error
            print(
                f"| {name} | {alpha:g} | {end.loss_value:.2f} | {truth:.2f} | {rough:.2f} | "
                f"{exact:.2f} | {error:.2f} | {100 * frozen_error(objective, end):.0f} % |"
            )


if __name__ == "__main__":
    main()
