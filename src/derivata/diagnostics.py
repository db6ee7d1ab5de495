"""What the Hessian says is wrong with the data: collinear columns, separation, rows fitted alone.

Collinear columns are the null space of H. Separation is a direction v in which the losses have
gone flat, v^T J^T W J v far below its value at the best constant fit, with no penalty to hold it:
then F has no minimiser and coefficients are only where the solver stopped. Sources: Albert &
Anderson (1984), Biometrika 71, 1-10 (separation); Belsley, Kuh & Welsch (1980), chapter 3.

Maths: docs/math/diagnostics.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, HessianInverse
from derivata.curvature.inverse import LARGEST_DENSE
from derivata.curvature.pseudo import pseudo_invert
from derivata.objective import Expansion

# The curvature left, as a share of that at the best constant fit, that counts as flat.
FLAT = 1e-4
# A penalty below this share of that curvature does not hold a coefficient.
UNPENALISED = 1e-6
# A column takes part in a direction if its entry is at least this share of the largest.
LOADING = 0.1
# Collinear directions beyond this many are counted, not named: with fewer rows than columns every
# column takes part in some.
NAMED_DIRECTIONS = 20
# A direction along which columns move outputs less than this share of what they move them alone
# (squared) is not spanned by them.
SPANNED = 1e-8
# A row without a residual: this share of a typical one at the best constant fit.
NO_RESIDUAL = 1e-6


@dataclass(frozen=True)
class FlatDirection:
    """A direction in which the data do not determine the parameters, and who takes part."""

    params: tuple[int, ...]  # indices into params, largest part first
    direction: Array  # (p,)


def collinear_directions(expansion: Expansion, inverse: HessianInverse) -> Array:
    """Directions that a pseudo-inverse left out because no row tells their columns apart.

    Others that it left out have gone flat at the fit only (that is separation), or belong to
    columns of zeros; so the null space is taken again, at the best constant fit. Costs nothing
    where H has full rank.

    Returns
    -------
    directions : array (p, m), orthonormal
    """
    objective = expansion.objective
    predictor, null_space = objective.predictor, inverse.null_space
    if null_space is None:
        return np.zeros((predictor.n_params, 0))
    curvature = objective.weight[:, None, None] * objective.null_rows.hessian
    if not objective.loss.curvature_is_constant and predictor.n_params <= LARGEST_DENSE:
        gram = predictor.gram(expansion.params, curvature)
        gram += np.diag(expansion.penalty_diagonal)
        null_space = pseudo_invert(gram).null_space
    moves = predictor.column_squares(np.einsum("naa->n", curvature)) > 0.0
    basis, length, _ = np.linalg.svd(null_space * moves[:, None], full_matrices=False)
    return basis[:, length > 0.5]  # each is 1, or 0 where a column of zeros took a direction


def name_directions(directions: Array) -> list[FlatDirection]:
    """Who takes part in each of m directions (p, m); none if there are too many to name."""
    if not 0 < directions.shape[1] <= NAMED_DIRECTIONS:
        return []
    return [_direction(vector) for vector in _sparse_basis(directions).T]


def separating_direction(expansion: Expansion) -> FlatDirection | None:
    """The unpenalised direction in which the losses have gone flat, or None.

    Costs nothing where every column carries a penalty above ``UNPENALISED`` times its curvature at
    the best constant fit; else one Gram product and an eigen-decomposition.

    Returns
    -------
    FlatDirection or None
    """
    objective = expansion.objective
    predictor = objective.predictor
    if np.einsum("naa->na", objective.null_rows.hessian).min(initial=0.0) < 0.0:
        return None  # a loss that is not convex has flat parts of its own
    if not predictor.is_linear or objective.is_quadratic or predictor.n_params > LARGEST_DENSE:
        return None
    null_curvature = objective.weight[:, None, None] * objective.null_rows.hessian
    each = predictor.column_squares(np.einsum("naa->n", null_curvature) / predictor.n_outputs)
    loose = np.flatnonzero((expansion.penalty_diagonal < UNPENALISED * each) & (each > 0.0))
    if len(loose) <= predictor.n_outputs:  # the intercepts alone: they have no columns to blame
        return None
    null_gram = predictor.gram(expansion.params, null_curvature)[np.ix_(loose, loose)]
    size = np.sqrt(np.diagonal(null_gram))
    spread, basis = np.linalg.eigh(null_gram / np.outer(size, size))
    # Directions that the columns themselves do not span are collinearity, reported apart.
    spanned = spread > SPANNED * spread[-1]
    whiten = basis[:, spanned] / np.sqrt(spread[spanned]) / size[:, None]
    left, vectors = np.linalg.eigh(whiten.T @ expansion.hessian[np.ix_(loose, loose)] @ whiten)
    if left[0] > FLAT:
        return None
    direction = np.zeros(predictor.n_params)
    direction[loose] = (whiten @ vectors[:, 0]) * size
    return _direction(direction)


def lone_rows(expansion: Expansion, inverse: HessianInverse) -> Array:
    """Rows whose own leverage is all that fits them, trace(W_i L_i) = k.

    Such a row has no residual, so leverages are asked of rows without one alone; mostly none.

    Returns
    -------
    rows : int array (m,)
    """
    objective = expansion.objective
    typical = np.sqrt(np.mean(objective.null_rows.gradient**2))
    residual = np.abs(expansion.rows.gradient).max(axis=1)
    suspects = np.flatnonzero((residual <= NO_RESIDUAL * typical) & (objective.weight > 0.0))
    if not len(suspects):
        return suspects
    leverage = inverse.leverage(objective.predictor.take(suspects))
    share = np.einsum("nab,nba->n", expansion.output_hessian[suspects], leverage)
    return suspects[share > objective.predictor.n_outputs * (1.0 - 1e-8)]


def _sparse_basis(vectors: Array) -> Array:
    """A basis of the same space with as many zeros as elimination makes: (p, m)."""
    reduced = vectors.T.copy()
    for row in range(len(reduced)):
        rest = np.abs(reduced[row:])
        pivot_row, pivot = np.unravel_index(np.argmax(rest), rest.shape)
        reduced[[row, row + pivot_row]] = reduced[[row + pivot_row, row]]
        reduced[row] /= reduced[row, pivot]
        others = np.arange(len(reduced)) != row
        reduced[others] -= np.outer(reduced[others, pivot], reduced[row])
    return reduced.T


def _direction(vector: Array) -> FlatDirection:
    size = np.abs(vector)
    order = np.argsort(-size, kind="stable")
    parts = tuple(int(j) for j in order if size[j] >= LOADING * size[order[0]])
    return FlatDirection(parts, vector)
