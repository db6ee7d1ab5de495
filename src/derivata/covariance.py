"""How well the parameters of a fit are known: three covariances, and what each means.

    posterior     phi H^-1
    sandwich      H^-1 (sum_i s_i g_i g_i^T) H^-1              g_i = J_i^T l'_i
    cluster       c H^-1 (sum_c G_c G_c^T) H^-1                G_c = sum of s_i g_i in cluster c

``posterior_covariance`` takes loss and penalty at their word, as minus the logs of a likelihood and
a prior: it is that of the parameters given the data, by Laplace's approximation, shrinkage
included. phi is the noise's variance where the loss leaves its scale out (the deviance over rows
less effective parameters), else 1.

``sandwich_covariance`` is that of the *estimate* over new samples of rows, whatever the noise: it
stays right where the loss is not the likelihood (a heavy tail fitted by a square, growing noise),
as long as rows are independent. It knows nothing of the bias that a penalty brings, so a strong
penalty makes it much the smaller of the two. It is meant for many rows a parameter; with few it is
too small. ``cluster_covariance`` lets rows of a cluster depend on each other as they like, and
needs many clusters; c = C / (C - 1) (n - 1) / (n - df) makes it larger where there are few.

H is the exact Hessian: of a predictor that is not linear, too. Where it is singular, flat
directions count as known. Penalties are taken as given; ``penalty_spread`` is what not knowing
them adds, to first order, with the covariance of their logs from ``hyper_covariance``.

Sources: Huber (1967), Proc. 5th Berkeley Symp. 1, 221-233; White (1982), Econometrica 50, 1-25;
Liang & Zeger (1986), Biometrika 73, 13-22 (clusters); Kass & Steffey (1989), J. Am. Statist. Assoc.
84, 717-726 (hyperparameters).
Maths: docs/math/standard_errors.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array, Criterion, HessianInverse
from derivata.criteria.jacobian import require_rows
from derivata.curvature.exact import invert_exact
from derivata.curvature.inverse import invert, shrunk_params
from derivata.errors import InvalidParameter, NotConverged, ShapeMismatch
from derivata.implicit import params_by_hyper, value_and_hypergradient
from derivata.objective import Expansion
from derivata.tuning import Solver
from derivata.tuning.search import LEAST_CURVATURE

# A Hessian away from a minimiser is the covariance of nothing.
LARGEST_GRADIENT = 1e-3
# Rows whose gradients by params are formed at a time.
ROWS_AT_ONCE = 4_096
# Log penalties move by this much for a second difference: its error is of order 1e-4, and gradients
# of fits to 1e-6 are exact enough for it.
HYPER_STEP = 0.02


def posterior_covariance(
    expansion: Expansion, inverse: HessianInverse | None = None, *, phi: float | None = None
) -> Array:
    """phi H^-1, (n_params, n_params).

    Parameters
    ----------
    expansion : Expansion
        At a minimiser.
    inverse : HessianInverse, optional
        Of the exact Hessian; default: ``invert_exact``'s.
    phi : float, optional
        Where it is known otherwise; default: ``dispersion``'s.

    Raises
    ------
    NotConverged
        If the expansion is not at a minimiser, or at a saddle.
    NotAvailable
        If there are too many parameters for a dense inverse.
    """
    inverse = _at_minimum(expansion, inverse)
    matrix = inverse.solve(np.asfortranarray(np.eye(len(expansion.params))))
    phi = dispersion(expansion, inverse) if phi is None else phi
    return phi * 0.5 * (matrix + matrix.T)


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
    return _between(inverse, objective.predictor.gram(expansion.params, outer))


def cluster_covariance(
    expansion: Expansion,
    clusters: Array,
    inverse: HessianInverse | None = None,
    *,
    corrected: bool = True,
) -> Array:
    """The sandwich of rows that depend on each other within clusters, (n_params, n_params).

    Parameters
    ----------
    expansion : Expansion
        At a minimiser.
    clusters : array (n_rows,)
        A label a row: numbers or words, at least two of them.
    inverse : HessianInverse, optional
        Of the exact Hessian; default: ``invert_exact``'s.
    corrected : bool
        Times C / (C - 1) (n - 1) / (n - df), with C clusters, n the summed weight and df effective
        parameters: without a penalty the factor of statsmodels, for every model.

    Raises
    ------
    ShapeMismatch, InvalidParameter
        If there is not one label a row, or fewer than two clusters.
    NotConverged, NotAvailable
        As ``sandwich_covariance``.
    """
    require_rows(expansion.objective, "the sandwich covariance")
    n_rows = expansion.objective.predictor.n_rows
    clusters = np.asarray(clusters)
    if clusters.shape != (n_rows,):
        raise ShapeMismatch(
            f"`clusters` has shape {clusters.shape}; expected one label for each of the "
            f"{n_rows:,} rows."
        )
    labels, codes = np.unique(clusters, return_inverse=True)
    if len(labels) < 2:
        raise InvalidParameter(
            "`clusters` holds a single label: the spread of one cluster cannot be known. Expected "
            "many clusters; without any, use the sandwich of rows."
        )
    inverse = _at_minimum(expansion, inverse)
    summed = np.zeros((len(labels), len(expansion.params)))
    for first in range(0, n_rows, ROWS_AT_ONCE):
        rows = np.arange(first, min(first + ROWS_AT_ONCE, n_rows))
        np.add.at(summed, codes[rows], expansion.row_gradients(rows))
    matrix = _between(inverse, summed.T @ summed)
    if not corrected:
        return matrix
    n = float(expansion.objective.weight.sum())
    freedom = max(n - effective_params(expansion, inverse), 1.0)
    return matrix * (len(labels) / (len(labels) - 1.0) * (n - 1.0) / freedom)


def penalty_spread(expansion: Expansion, inverse: HessianInverse, covariance: Array) -> Array:
    """What not knowing the penalties adds to a covariance of params: D C D^T, D = dparams/dhyper.

    Parameters
    ----------
    expansion : Expansion
        At a minimiser.
    inverse : HessianInverse
        Of it.
    covariance : array (n_hyper, n_hyper)
        Of the log penalties.
    """
    moves = params_by_hyper(expansion, inverse)
    return moves @ covariance @ moves.T


def hyper_covariance(expansion: Expansion, solver: Solver, criterion: Criterion) -> Array:
    """Inverse of a criterion's second derivative by the log penalties, (n_hyper, n_hyper).

    If the criterion is minus the log of an evidence, that is the posterior covariance of the log
    penalties under a flat prior, by Laplace's approximation. By central differences of the exact
    hypergradient, refitted; directions curved less than ``LEAST_CURVATURE``, or downwards, count
    as known to 1.

    Parameters
    ----------
    expansion : Expansion
        At a minimiser; best where the criterion is least.
    solver : Solver
        For 2 n_hyper fits.
    criterion : Criterion
        Of one subproblem, in nats: ``Evidence()``.

    Raises
    ------
    NotConverged
        If a fit at penalties nearby does not reach a minimum.
    """
    part = criterion.subproblems(expansion.objective)[0]
    if not len(expansion.hyper):
        return np.zeros((0, 0))

    def slope(move: Array) -> Array:
        fit = solver.minimize(part.objective, expansion.params, expansion.hyper + move)
        if not fit.converged:
            raise NotConverged(f"a fit at penalties beside the model's stopped early: {fit.reason}")
        inverse = invert(fit.expansion)
        judged = part.judge(fit.expansion, inverse)
        return value_and_hypergradient(fit.expansion, judged, inverse)[1]

    steps = HYPER_STEP * np.eye(len(expansion.hyper))
    curvature = np.stack([slope(step) - slope(-step) for step in steps]) / (2.0 * HYPER_STEP)
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    spread = vectors / np.sqrt(np.maximum(values, LEAST_CURVATURE))
    return spread @ spread.T


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


def _between(inverse: HessianInverse, spread: Array) -> Array:
    """H^-1 S H^-1."""
    half = inverse.solve(np.asfortranarray(spread))
    matrix = inverse.solve(np.asfortranarray(half.T))
    return 0.5 * (matrix + matrix.T)


def _at_minimum(expansion: Expansion, inverse: HessianInverse | None) -> HessianInverse:
    expansion.require_minimiser(LARGEST_GRADIENT, "a standard error")
    return invert_exact(expansion) if inverse is None else inverse
