"""Choosing a criterion by predicted cost.

Leave-one-out needs H^-1 as an array: about 5 n p^2 k^2 + 4 (k p)^3 multiplications an evaluation
(its leverage and Gram products, and two Newton steps), or with the dual the same with n and p
exchanged. Folds need only passes over the data, about 60 of 2 n p k for each fit and its adjoint.
Leave-one-out is preferred, as it judges nearly the model that is kept and has no random part, until
it would cost several times as much.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from derivata.contracts import Criterion
from derivata.criteria.leave_one_out import LeaveOneOut
from derivata.criteria.resampling import KFold
from derivata.curvature.inverse import LARGEST_DENSE, LARGEST_JACOBIAN
from derivata.objective import Objective

N_FOLDS = 5
PASSES = 60
# Multiplications inside matrix products run about this much faster than those of passes.
PRODUCT_SPEED = 8.0
WORTH = 3.0


def choose_criterion(objective: Objective) -> tuple[Criterion, str]:
    """The criterion to tune with, and the reason in a sentence."""
    predictor = objective.predictor
    n, k, p = predictor.n_rows, predictor.n_outputs, predictor.n_params
    small, large = sorted((n * k, p))
    dual = predictor.is_linear and n * k <= LARGEST_DENSE and n * k * p <= LARGEST_JACOBIAN
    storable = p <= LARGEST_DENSE or dual
    if not storable:
        return KFold(N_FOLDS), (f"a Hessian of {p:,} parameters is too large for leave-one-out")
    exact = (5.0 * large / k * small * small + 4.0 * small**3) / PRODUCT_SPEED
    folds = N_FOLDS * PASSES * 2.0 * n * p
    if exact > WORTH * folds:
        return KFold(N_FOLDS), (
            f"leave-one-out is predicted to take {exact / folds:.1f} times as long"
        )
    return LeaveOneOut(), (
        f"leave-one-out: predicted to take {exact / folds:.2g} of the time of {N_FOLDS}-fold"
    )
