"""What a row, or a group of rows, does to a fit: the parameters without it.

    one row      dw = H^-1 J_i^T (I - D_i J_i H^-1 J_i^T)^-1 g_i
    rows G       dw = H^-1 J_G^T (I - D_G J_G H^-1 J_G^T)^-1 g_G

with g and D the weighted first and second derivatives of the losses by their outputs, J_G the rows'
Jacobians one below the other and D_G block-diagonal: one Newton step of the fit without them,
exact for squared loss and a linear predictor. H is the exact Hessian. For a predictor that is not
linear the change of J with the step is left out. Influences of rows do not add up: a group that
agrees with itself pulls further than its members alone.

``fit_without`` goes on from there by damped Newton steps to the fit itself.

Source: Cook & Weisberg (1982), Residuals and Influence in Regression, section 3.4 (one row).
Maths: docs/math/autodiff.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, HessianInverse
from derivata.criteria.jacobian import require_rows
from derivata.curvature.exact import invert_exact
from derivata.errors import InvalidParameter
from derivata.objective import Expansion, Objective
from derivata.solvers.newton import Newton
from derivata.solvers.result import FitResult

# Influence needs a minimiser: it is off by about as much as the relative gradient.
LARGEST_GRADIENT = 1e-3
# 1 - (curvature x leverage) below this: the rows alone decide a part of the fit.
SMALLEST_RESIDUAL_SHARE = 1e-10
WHAT = "influence"


@dataclass(frozen=True)
class Influence:
    """Parameters of fits without rows, less those of the fit with all.

    Attributes
    ----------
    params_change : array (m, n_params)
        One row of it for each row removed alone, or one for a group removed together.
    expansion : Expansion
        The fit with all rows.
    """

    params_change: Array
    expansion: Expansion

    def outputs_change(self, judged: Objective | None = None) -> Array:
        """How the outputs of other rows (default: all of the fit's own) move: (m, n, k).

        Exactly, at the parameters without the rows: a pass each.
        """
        judged = judged or self.expansion.objective
        base = self.expansion.params
        start = judged.outputs(base)
        return np.stack([judged.outputs(base + each) - start for each in self.params_change])

    def loss_change(self, judged: Objective | None = None) -> Array:
        """How the summed weighted loss of other rows (default: the fit's own) moves: (m,)."""
        judged = judged or self.expansion.objective
        base, hyper = self.expansion.params, self.expansion.hyper
        start = judged.at(base, hyper).loss_value
        moved = [judged.at(base + each, hyper).loss_value for each in self.params_change]
        return np.array(moved) - start


def row_influence(
    expansion: Expansion, rows: Array, inverse: HessianInverse | None = None
) -> Influence:
    """What removing each of some rows, alone, does to the parameters.

    Parameters
    ----------
    expansion : Expansion
        At a minimiser.
    rows : int array (m,)
        Rows, by index.
    inverse : HessianInverse, optional
        Of the exact Hessian; default: ``invert_exact``'s.

    Returns
    -------
    Influence
        With m changes.

    Raises
    ------
    NotConverged
        If the expansion is not at a minimiser, or at a saddle.
    NotAvailable
        If the loss is no sum over rows.
    """
    rows, inverse, jacobian, solved = _prepared(expansion, rows, inverse)
    leverage = np.einsum("map,pmb->mab", jacobian, solved)
    gradient, hessian = expansion.output_gradient[rows], expansion.output_hessian[rows]
    matrices = np.eye(leverage.shape[1]) - hessian @ leverage
    pull = np.stack([_solve(A, g) for A, g in zip(matrices, gradient, strict=True)])
    return Influence(np.einsum("pmk,mk->mp", solved, pull), expansion)


def group_influence(
    expansion: Expansion, rows: Array, inverse: HessianInverse | None = None
) -> Influence:
    """What removing some rows together does to the parameters, by one Newton step.

    Parameters, errors
        As ``row_influence``.

    Returns
    -------
    Influence
        With one change.
    """
    rows, inverse, jacobian, solved = _prepared(expansion, rows, inverse)
    m, k, n_params = jacobian.shape
    flat = jacobian.reshape(m * k, n_params)
    leverage = flat @ solved.reshape(n_params, m * k)
    weighted = (expansion.output_hessian[rows] @ leverage.reshape(m, k, m * k)).reshape(m * k, -1)
    pull = _solve(np.eye(m * k) - weighted, expansion.output_gradient[rows].ravel())
    return Influence((solved.reshape(n_params, m * k) @ pull)[None], expansion)


def fit_without(expansion: Expansion, rows: Array, solver: Newton | None = None) -> FitResult:
    """The fit without some rows, by damped Newton steps from ``group_influence``'s.

    ``fit.expansion.params - expansion.params`` is their influence to the solver's tolerance, as
    long as no other minimum is nearer.
    """
    start = expansion.params + group_influence(expansion, rows).params_change[0]
    if not np.isfinite(start).all():
        start = expansion.params
    kept = expansion.objective.without(_marked(expansion, _checked(expansion, rows)))
    return (solver or Newton()).minimize(kept, start, expansion.hyper)


def _prepared(
    expansion: Expansion, rows: Array, inverse: HessianInverse | None
) -> tuple[Array, HessianInverse, Array, Array]:
    """Checked rows, H^-1, their J (m, k, p) and H^-1 J^T (p, m, k)."""
    require_rows(expansion.objective, WHAT)
    expansion.require_minimiser(LARGEST_GRADIENT, WHAT)
    rows = _checked(expansion, rows)
    inverse = invert_exact(expansion) if inverse is None else inverse
    jacobian = expansion.objective.predictor.jacobian(expansion.params, rows)
    m, k, n_params = jacobian.shape
    solved = inverse.solve(np.asfortranarray(jacobian.reshape(m * k, n_params).T))
    return rows, inverse, jacobian, solved.reshape(n_params, m, k)


def _checked(expansion: Expansion, rows: Array) -> Array:
    n_rows = expansion.objective.predictor.n_rows
    rows = np.atleast_1d(np.asarray(rows))
    whole = rows.dtype.kind in "iu" and rows.ndim == 1 and len(rows)
    if not whole or rows.min() < 0 or rows.max() >= n_rows:
        raise InvalidParameter(
            f"`rows` is {rows!r:.80}; expected row numbers from 0 to {n_rows - 1:,}."
        )
    if len(np.unique(rows)) < len(rows):
        raise InvalidParameter(f"`rows` names a row twice: {rows!r:.80}.")
    return rows


def _marked(expansion: Expansion, rows: Array) -> Array:
    mask = np.zeros(expansion.objective.predictor.n_rows, dtype=bool)
    mask[rows] = True
    return mask


def _solve(matrix: Array, right: Array) -> Array:
    """matrix^-1 right; by least squares where rows decide a part of the fit alone."""
    return np.linalg.lstsq(matrix, right, rcond=SMALLEST_RESIDUAL_SHARE)[0]
