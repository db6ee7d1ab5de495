"""The implicit function theorem: how a minimiser moves with hyperparameters.

    0 = grad F(w(hyper), hyper)   =>   dw/dhyper = -H^-1 d2R/dw dhyper
    d criterion / d hyper = direct - d2R/dhyper dw  H^-1  d criterion / d params

One solve with H prices every hyperparameter at once. H is the exact Hessian: where the predictor is
not linear and Gauss-Newton's differs, that of the inverse given is not used for the solve. Exact at
a minimiser; at relative gradient r the error is of order r. Source: Bengio (2000), Neural
Computation 12, 1889-1900.

The theorem's second derivative, by noise in an input, says how a column that was measured with
errors moves a fit (``params_by_noise``).

Maths: docs/math/implicit.md, docs/math/sensitivity.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, HessianInverse, Partials
from derivata.curvature.exact import invert_exact
from derivata.errors import NotConverged
from derivata.objective import Expansion

LARGEST_CORRECTION = 0.02
# Of the losses of the best constant fit: a criterion below it is that of a perfect fit.
ROUNDING = 1e-14


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
        If the correction exceeds 2 % of the value (and rounding): too much for its second order;
        or if the exact Hessian has a negative direction.
    """
    adjoint = invert_exact(expansion, inverse).solve(partials.by_params)
    penalty = expansion.objective.penalty
    mixed = penalty.mixed_vjp(expansion.params, expansion.hyper, adjoint)
    correction = float(adjoint @ expansion.gradient)
    least = LARGEST_CORRECTION * abs(partials.value)
    if not abs(correction) <= least and not abs(correction) <= _rounding(expansion):
        raise NotConverged(
            f"the fit is too rough to judge: its remaining gradient moves the criterion by "
            f"{correction:.2g} of {partials.value:.2g}. Raise `max_iter`, or lower `tol`."
        )
    return partials.value - correction, partials.by_hyper - mixed


def _rounding(expansion: Expansion) -> float:
    objective = expansion.objective
    return ROUNDING * float(objective.weight @ np.abs(objective.null_rows.value))


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


def outputs_by_hyper(expansion: Expansion, inverse: HessianInverse) -> Array:
    """Derivative of the outputs at the minimiser by hyper, (n, k, n_hyper)."""
    objective = expansion.objective
    moves = params_by_hyper(expansion, inverse)
    if not moves.shape[1]:
        return np.zeros((*expansion.outputs.shape, 0))
    return np.stack([objective.predictor.jvp(expansion.params, move) for move in moves.T], axis=2)


@dataclass(frozen=True, eq=False)
class NoisyFit:
    """What independent errors in one input of every row do to a minimiser.

    Attributes
    ----------
    bias : array (n_params,)       expected change for errors of variance 1; times the variance
    factor : array (n_params, n)   change by each row's error; its square sums to the variance
    """

    bias: Array
    factor: Array


def params_by_noise(expansion: Expansion, direction: Array, slope: float) -> NoisyFit:
    """First and second derivatives of a minimiser by errors e_i in one input of every row.

        z_i = (J_i + e_i b) w + ...,       beta, the input's coefficient, = b w + ...
        dw/de_i    = u_i = -H^-1 (D_i beta J_i^T + g_i b)
        d2w/de_i2  = -H^-1 (T_i (beta + J_i u_i)^2 J_i^T + sum_{r not i} T_r (J_r u_i)^2 J_r^T
                            + 2 D_i (b u_i) J_i^T + 2 D_i (beta + J_i u_i) b)

    with g, D, T the weighted derivatives of the losses by their outputs. For errors of mean zero
    and variance v the expected change is v / 2 times the sum of the second derivatives, exact to
    order v for any number of rows. To leading order in n it is -v H^-1 sum_i (T_i beta^2 J_i^T / 2
    + D_i beta b): the attenuation of a coefficient.

    Parameters
    ----------
    expansion : Expansion
        At a minimiser, of one output that is linear in the parameters.
    direction : array (n_params,)
        b, the derivative of the input's coefficient by the parameters.
    slope : float
        beta.

    Returns
    -------
    NoisyFit
        Costs n p^2.

    Maths: docs/math/sensitivity.md
    """
    objective, inverse = expansion.objective, invert_exact(expansion)
    J = objective.predictor.jacobian(expansion.params, slice(None))[:, 0, :]
    g, D = expansion.output_gradient[:, 0], expansion.output_hessian[:, 0, 0]
    third = expansion.rows.third(np.ones((len(g), 1, 1)))
    T = np.zeros(len(g)) if third is None else objective.weight * third[:, 0]
    pull = slope * D[:, None] * J + g[:, None] * direction
    moves = -inverse.solve(np.asfortranarray(pull.T))  # u, (p, n)
    own = np.einsum("np,pn->n", J, moves)  # J_i u_i
    spread = np.einsum("np,pq,nq->n", J, moves @ moves.T, J, optimize=True)  # sum_i (J_r u_i)^2
    total = J.T @ (T * (slope * (slope + 2.0 * own) + spread) + 2.0 * D * (direction @ moves))
    total += 2.0 * float(D @ (slope + own)) * direction
    return NoisyFit(bias=-0.5 * inverse.solve(total), factor=moves)
