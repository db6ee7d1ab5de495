"""What a row does to a fit: the parameters without it.

    dw = H^-1 J_i^T a_i,     a_i = (I - D_i L_i)^-1 g_i,     L_i = J_i H^-1 J_i^T

with g and D the weighted first and second derivatives of the losses by their outputs: one Newton
step of the fit without the row, exact for squared loss and a linear predictor. H is the exact
Hessian; for a penalty that holds parameters at a kink, that of the others. For a predictor that is
not linear the change of J with the step is left out.

Source: Cook & Weisberg (1982), Residuals and Influence in Regression, section 3.4.
Maths: docs/math/influence.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, HessianInverse
from derivata.criteria.jacobian import require_rows
from derivata.curvature.exact import invert_exact
from derivata.curvature.iterative import IterativeInverse
from derivata.errors import InvalidParameter
from derivata.objective import Expansion, Objective

# Influence needs a minimiser: it is off by about as much as the relative gradient.
LARGEST_GRADIENT = 1e-3
# 1 - (curvature x leverage) below this: the rows alone decide a part of the fit.
SMALLEST_RESIDUAL_SHARE = 1e-10
# Numbers of J held at a time: 32 MB.
CHUNK = 2**22
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


@dataclass(frozen=True, eq=False)
class RowSteps:
    """The Newton step without each of many rows, as k numbers a row.

    Attributes
    ----------
    expansion : Expansion              the fit with all rows
    inverse : HessianInverse
    rows : int array (m,)
    leverage : array (m, k, k)         L_i
    pull : array (m, k)                a_i
    """

    expansion: Expansion
    inverse: HessianInverse
    rows: Array
    leverage: Array
    pull: Array

    @property
    def own_change(self) -> Array:
        """How each row's own outputs move when it goes, L_i a_i: (m, k)."""
        return np.einsum("mab,mb->ma", self.leverage, self.pull)

    @property
    def length(self) -> Array:
        """Size of each step in posterior standard deviations, (m,)."""
        squares = np.einsum("ma,ma->m", self.pull, self.own_change)
        return np.sqrt(np.maximum(squares, 0.0) / max(self.expansion.nat, np.finfo(float).tiny))

    def params_change(self, chosen: Array | slice = slice(None)) -> Array:
        """The steps of chosen ones of the rows, (m, n_params)."""
        objective, params = self.expansion.objective, self.expansion.params
        rows, pull = self.rows[chosen], self.pull[chosen]
        n_params = objective.predictor.n_params
        change = np.empty((len(rows), n_params))
        for part in chunks(len(rows), n_params * self.pull.shape[1]):
            jacobian = objective.predictor.jacobian(params, rows[part])
            pulled = np.einsum("mkp,mk->pm", jacobian, pull[part])
            change[part] = self.inverse.solve(np.asfortranarray(pulled)).T
        return change


def row_steps(
    expansion: Expansion, rows: Array | None = None, inverse: HessianInverse | None = None
) -> RowSteps:
    """The Newton steps of fits without each of some rows (default: of every row).

    Costs one leverage pass for all rows, n p^2; a solve each for a few.

    Parameters, errors
        As ``row_influence``.
    """
    inverse = require_influence(expansion, inverse)
    n_rows = expansion.objective.predictor.n_rows
    rows = np.arange(n_rows) if rows is None else checked_rows(expansion, rows)
    gradient, hessian = expansion.output_gradient[rows], expansion.output_hessian[rows]
    if 2 * len(rows) > n_rows and not isinstance(inverse, IterativeInverse):
        leverage = inverse.leverage()[rows]
    else:
        leverage = _leverage(expansion, rows, inverse)
    return RowSteps(expansion, inverse, rows, leverage, _pull(leverage, gradient, hessian))


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
    return Influence(row_steps(expansion, rows, inverse).params_change(), expansion)


def require_influence(expansion: Expansion, inverse: HessianInverse | None) -> HessianInverse:
    """H^-1 of an expansion that has rows and is at a minimiser, or an error."""
    require_rows(expansion.objective, WHAT)
    expansion.require_minimiser(LARGEST_GRADIENT, WHAT)
    return invert_exact(expansion) if inverse is None else inverse


def checked_rows(expansion: Expansion, rows: Array) -> Array:
    """Row numbers (m,), or ``InvalidParameter``."""
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


def chunks(count: int, width: int) -> list[slice]:
    """Slices of ``count`` rows of ``width`` numbers, each of at most ``CHUNK`` numbers."""
    size = max(CHUNK // max(width, 1), 1)
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def _leverage(expansion: Expansion, rows: Array, inverse: HessianInverse) -> Array:
    """L_i of some rows, by a solve each: (m, k, k)."""
    objective = expansion.objective
    k, n_params = objective.predictor.n_outputs, objective.predictor.n_params
    leverage = np.empty((len(rows), k, k))
    for part in chunks(len(rows), k * n_params):
        jacobian = objective.predictor.jacobian(expansion.params, rows[part])
        flat = jacobian.reshape(-1, n_params).T
        solved = inverse.solve(np.asfortranarray(flat)).reshape(n_params, -1, k)
        leverage[part] = np.einsum("map,pmb->mab", jacobian, solved)
    return leverage


def _pull(leverage: Array, gradient: Array, hessian: Array) -> Array:
    """a_i = (I - D_i L_i)^-1 g_i, (m, k); by least squares where a row decides its own output."""
    if leverage.shape[1] == 1:
        left = 1.0 - hessian[:, 0] * leverage[:, 0]
        decided = np.abs(left) < SMALLEST_RESIDUAL_SHARE
        return np.where(decided, 0.0, gradient / np.where(decided, 1.0, left))
    matrices = np.eye(leverage.shape[1]) - hessian @ leverage
    inverted = np.linalg.pinv(matrices, rcond=SMALLEST_RESIDUAL_SHARE)
    return np.einsum("mab,mb->ma", inverted, gradient)
