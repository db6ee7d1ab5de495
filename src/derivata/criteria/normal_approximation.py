"""The normal distribution nearest to a posterior, as variational Bayes measures it.

    minimise over m, V:   E_N(m, V) F / phi - 1/2 log det V
    0      = J^T E l'(z) + E grad R              z_i ~ N(J_i m, J_i V J_i^T)
    V^-1   = (J^T E l''(z) J + E hess R) / phi

The expectations are over one output a row, by Gauss-Hermite; of an absolute value they are closed:
E sign(w) = 2 Phi(m / s) - 1, and 2 phi(m / s) / s for its derivative. In many dimensions this
normal lies where the mass of the posterior is, as the mode does not. Newton steps in m with V
renewed at each: a leverage pass and a Gram product a step.

Source: Opper & Archambeau (2009), Neural Computation 21, 786-792.
Maths: docs/math/evidence_correction.md
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, roots_hermitenorm

from derivata.contracts import Array
from derivata.curvature import cholesky
from derivata.objective import Expansion
from derivata.penalties.block_norm import BlockNorm

NODES, STEPS = 15, 30
# Steps end below this length in posterior standard deviations; longer ones than one are cut.
SETTLED, LONGEST = 0.02, 1.0


def has_normal_approximation(expansion: Expansion) -> bool:
    """Whether outputs are linear and one a row, and the prior's expectations are known."""
    objective, penalty = expansion.objective, expansion.objective.penalty
    known = penalty.curvature_is_constant or isinstance(penalty, BlockNorm)
    return objective.predictor.is_linear and objective.predictor.n_outputs == 1 and known


def normal_approximation(
    expansion: Expansion, covariance: Array, phi: float
) -> tuple[Array, Array]:
    """Mean (p,) and covariance (p, p) of the nearest normal; the start's if steps do not settle.

    Parameters
    ----------
    expansion : Expansion          at a minimiser, of which ``has_normal_approximation``
    covariance : array (p, p)      a start, such as phi H^-1
    phi : float                    what F is measured in
    """
    objective = expansion.objective
    nodes, weights = roots_hermitenorm(NODES)
    weights = weights / weights.sum()
    middle, spread = expansion.params, covariance
    for _ in range(STEPS):
        outputs = objective.outputs(middle)
        leverage = objective.predictor.leverage(middle, spread)[:, 0, 0]
        reach = np.sqrt(np.maximum(leverage, 0.0))[:, None]
        slope, curvature = np.zeros(len(outputs)), np.zeros(len(outputs))
        for node, weight in zip(nodes, weights, strict=True):
            rows = objective.loss.at(objective.y, outputs + node * reach)
            slope += weight * rows.gradient[:, 0]
            curvature += weight * rows.hessian[:, 0, 0]
        by_prior, prior_curvature = _prior(expansion, middle, np.sqrt(np.diagonal(spread)))
        gradient = objective.predictor.vjp(middle, (objective.weight * slope)[:, None]) + by_prior
        hessian = objective.predictor.gram(middle, (objective.weight * curvature)[:, None, None])
        hessian = hessian + np.diag(prior_curvature)
        if not objective.penalty.is_diagonal:
            hessian = hessian + objective.penalty.coupling(middle, expansion.hyper)
        factor = cholesky.factorize(hessian)
        if factor is None:  # rounding: hardly any prior, and rows that say nothing
            return expansion.params, covariance
        following = phi * cholesky.inverse(factor)
        step = -following @ gradient / phi
        length = float(np.sqrt(max(step @ hessian @ step, 0.0) / phi))
        middle = middle + min(1.0, LONGEST / max(length, 1e-300)) * step
        changed = float(np.abs(np.diagonal(following) / np.diagonal(spread) - 1.0).max())
        spread = following
        if length < SETTLED and changed < SETTLED:
            break
    return middle, spread


def _prior(expansion: Expansion, middle: Array, deviation: Array) -> tuple[Array, Array]:
    """Expectations of the penalty's gradient and of its Hessian's diagonal."""
    penalty, hyper = expansion.objective.penalty, expansion.hyper
    if not isinstance(penalty, BlockNorm):
        return penalty.gradient(middle, hyper), penalty.hessian_diagonal(middle, hyper)
    first, second = penalty.strengths(hyper)
    first, second = first * penalty.param_weights, second * penalty.penalised
    ratio = middle / deviation
    density = np.exp(-0.5 * ratio * ratio) / np.sqrt(2.0 * np.pi)
    gradient = first * (2.0 * ndtr(ratio) - 1.0) + second * middle
    return gradient, first * 2.0 * density / deviation + second
