"""How well the parameters of a fit are known: two covariances, and what each means.

    posterior     phi H^-1
    sandwich      H^-1 (sum_i s_i J_i^T l'_i l'_i^T J_i) H^-1

``posterior_covariance`` takes loss and penalty at their word, as minus the logs of a likelihood and
a prior: it is that of the parameters given the data, by Laplace's approximation, shrinkage
included. phi is the noise's variance where the loss leaves its scale out (the deviance over rows
less effective parameters), else 1.

``sandwich_covariance`` is that of the *estimate* over new samples of rows, whatever the noise: it
stays right where the loss is not the likelihood (a heavy tail fitted by a square, growing noise),
as long as rows are independent. It knows nothing of the bias that a penalty brings, so a strong
penalty makes it much the smaller of the two. It is meant for many rows a parameter; with few it is
too small.

H is the exact Hessian: of a predictor that is not linear, too. Where it is singular, flat
directions count as known. Penalties are taken as given.

Sources: Huber (1967), Proc. 5th Berkeley Symp. 1, 221-233; White (1982), Econometrica 50, 1-25.
Maths: docs/math/standard_errors.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array, HessianInverse
from derivata.criteria.jacobian import require_rows
from derivata.curvature.exact import invert_exact
from derivata.curvature.inverse import shrunk_params
from derivata.objective import Expansion

# A Hessian away from a minimiser is the covariance of nothing.
LARGEST_GRADIENT = 1e-3


def posterior_covariance(expansion: Expansion, inverse: HessianInverse | None = None) -> Array:
    """phi H^-1, (n_params, n_params).

    Parameters
    ----------
    expansion : Expansion
        At a minimiser.
    inverse : HessianInverse, optional
        Of the exact Hessian; default: ``invert_exact``'s.

    Raises
    ------
    NotConverged
        If the expansion is not at a minimiser, or at a saddle.
    NotAvailable
        If there are too many parameters for a dense inverse.
    """
    inverse = _at_minimum(expansion, inverse)
    matrix = inverse.solve(np.asfortranarray(np.eye(len(expansion.params))))
    return dispersion(expansion, inverse) * 0.5 * (matrix + matrix.T)


def sandwich_covariance(expansion: Expansion, inverse: HessianInverse | None = None) -> Array:
    """H^-1 (sum of outer products of rows' gradients) H^-1, (n_params, n_params).

    A row of weight s stands for s equal, independent observations.

    Parameters, errors
        As ``posterior_covariance``; ``NotAvailable`` also if the loss is no sum over rows.
    """
    require_rows(expansion.objective, "the sandwich covariance")
    inverse = _at_minimum(expansion, inverse)
    objective, gradient = expansion.objective, expansion.rows.gradient
    outer = objective.weight[:, None, None] * gradient[:, :, None] * gradient[:, None, :]
    spread = objective.predictor.gram(expansion.params, outer)
    half = inverse.solve(np.asfortranarray(spread))
    matrix = inverse.solve(np.asfortranarray(half.T))
    return 0.5 * (matrix + matrix.T)


def standard_errors(covariance: Array) -> Array:
    """Square roots of the diagonal, (n_params,); zero for a direction that is held."""
    return np.sqrt(np.maximum(np.diagonal(covariance), 0.0))


def dispersion(expansion: Expansion, inverse: HessianInverse) -> float:
    """phi: the deviance over rows less effective parameters; 1 where the loss has its scale."""
    if not expansion.objective.loss.scale_is_free:
        return 1.0
    freedom = float(expansion.objective.weight.sum()) - effective_params(expansion, inverse)
    return expansion.deviance / max(freedom, 1.0)


def effective_params(expansion: Expansion, inverse: HessianInverse) -> float:
    """Parameters that the data decide: the rank of H less trace(H^-1 Lambda)."""
    flat = 0 if inverse.null_space is None else inverse.null_space.shape[1]
    penalised = shrunk_params(expansion, inverse)
    return len(expansion.params) - flat - penalised


def _at_minimum(expansion: Expansion, inverse: HessianInverse | None) -> HessianInverse:
    expansion.require_minimiser(LARGEST_GRADIENT, "a standard error")
    return invert_exact(expansion) if inverse is None else inverse
