"""The implicit function theorem: how a minimiser moves with hyperparameters.

    0 = grad F(w(hyper), hyper)   =>   dw/dhyper = -H^-1 d2R/dw dhyper
    d criterion / d hyper = direct - d2R/dhyper dw  H^-1  d criterion / d params

One solve with H prices every hyperparameter at once. H is the exact Hessian: where the predictor is
not linear and Gauss-Newton's differs, that of the inverse given is not used for the solve. Exact at
a minimiser; at relative gradient r the error is of order r. Source: Bengio (2000), Neural
Computation 12, 1889-1900.
Maths: docs/math/implicit.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array, HessianInverse, Partials
from derivata.curvature.exact import invert_exact
from derivata.errors import NotConverged
from derivata.objective import Expansion

LARGEST_CORRECTION = 0.02


def hypergradient(expansion: Expansion, partials: Partials, inverse: HessianInverse) -> Array:
    """Total derivative of a criterion by hyper through the minimiser, (n_hyper,).

    Parameters
    ----------
    expansion : Expansion             at a minimiser
    partials : Partials               of the criterion there
    inverse : HessianInverse          of the same expansion

    Raises
    ------
    NotConverged
        If the exact Hessian has a negative direction: the expansion is at a saddle.
    """
    adjoint = invert_exact(expansion, inverse).solve(partials.by_params)
    penalty = expansion.objective.penalty
    return partials.by_hyper - penalty.mixed_vjp(expansion.params, expansion.hyper, adjoint)


def value_and_hypergradient(
    expansion: Expansion, partials: Partials, inverse: HessianInverse
) -> tuple[float, Array]:
    """Criterion at the exact minimiser near an expansion, and its total derivative by hyper.

    The value is corrected by the adjoint, - d criterion/d params H^-1 gradient, so its error is
    second order in the gradient that the solver left.

    Raises
    ------
    NotConverged
        If the correction exceeds 2 % of the value: too much for its second order to be ignored;
        or if the exact Hessian has a negative direction.
    """
    adjoint = invert_exact(expansion, inverse).solve(partials.by_params)
    penalty = expansion.objective.penalty
    mixed = penalty.mixed_vjp(expansion.params, expansion.hyper, adjoint)
    correction = float(adjoint @ expansion.gradient)
    if not abs(correction) <= LARGEST_CORRECTION * abs(partials.value):
        raise NotConverged(
            f"the fit is too rough to judge: its remaining gradient moves the criterion by "
            f"{correction:.2g} of {partials.value:.2g}. Raise `max_iter`, or lower `tol`."
        )
    return partials.value - correction, partials.by_hyper - mixed


def params_by_hyper(expansion: Expansion, inverse: HessianInverse) -> Array:
    """Derivative of the minimiser by hyper, (n_params, n_hyper)."""
    penalty = expansion.objective.penalty
    if penalty.n_hyper == 0:
        return np.zeros((penalty.n_params, 0))
    moves = [
        penalty.mixed_jvp(expansion.params, expansion.hyper, unit)
        for unit in np.eye(penalty.n_hyper)
    ]
    return -invert_exact(expansion, inverse).solve(np.stack(moves, axis=1))
