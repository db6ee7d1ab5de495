"""How far one Newton step may be off for each row, before any refit: what decides which are made.

    x_i = r_i |m(v_i) - m(z_i)| + |m(v_i + r_i d_i / 2) - m(v_i)| + |m(v_i - r_i d_i / 2) - m(v_i)|

v_i = z_i + d_i are the outputs after the step and r_i = min(1, (d_i^T L_i^-1 d_i / phi)^(1/2))
is its length in posterior standard deviations: the curvature that the step takes as given changes
in proportion to it. The last two terms see a metric with a jump (a 0-1 loss) where the first is
zero. Rows that move a kink or are held by a constraint may be off by all that they change. Zero
stands for a proof: squared error of a linear predictor, on the active set that the row leaves as it
is (``kinks``).

x need not be right: the sample that it steers has no bias (``sampling``), only a larger error.

Maths: docs/math/certified_leave_one_out.md
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from derivata.certified.kinks import rows_that_move
from derivata.certified.one_step import OneStep
from derivata.contracts import Array
from derivata.curvature.active import ActiveExpansion
from derivata.curvature.face import FaceExpansion
from derivata.objective import Expansion

# An error of the step as a share of it, for each posterior standard deviation that it is long.
STEP_ERROR = 0.5
# What stands for a predicted error of zero that is not proved.
NEXT_TO_NOTHING = 1e-300


def predicted_errors(expansion: Expansion, step: OneStep, judge: Callable[[Array], Array]) -> Array:
    """The predicted error of each row's metric, (n,).

    Parameters
    ----------
    expansion : Expansion
        The fit with all rows.
    step : OneStep
    judge : callable
        Outputs (n, k) -> the metric of each row (n,).

    Returns
    -------
    array (n,)
        Zero where the step is exact, or the row has weight zero; infinite where there is no step.
    """
    counted = expansion.objective.weight > 0.0
    moved = step.outputs - expansion.outputs
    moves = _may_meet_a_kink(expansion)
    unmoved = np.abs(moved).max(axis=1) == 0.0  # a row that pulls at nothing is not missed either
    exact = step.is_step & ~moves & (_is_exact(expansion) | unmoved)
    if exact[counted].all():
        return np.zeros(len(moved))
    sizes = _smooth_errors(expansion, step, judge, moved, moves)
    sizes = np.where(np.isfinite(sizes) & step.is_step, sizes, np.inf)
    return np.where(counted & ~exact, np.maximum(sizes, NEXT_TO_NOTHING), 0.0)


def _is_exact(expansion: Expansion) -> bool:
    """Whether F is a quadratic wherever no kink and no constraint is met."""
    objective = expansion.objective
    return objective.is_quadratic and objective.penalty.curvature_is_constant


def _may_meet_a_kink(expansion: Expansion) -> Array:
    if isinstance(expansion, ActiveExpansion):
        return rows_that_move(expansion)
    held = isinstance(expansion, FaceExpansion) or hasattr(expansion.objective.penalty, "prox")
    return np.full(len(expansion.outputs), held)


def _smooth_errors(
    expansion: Expansion,
    step: OneStep,
    judge: Callable[[Array], Array],
    moved: Array,
    moves: Array,
) -> Array:
    squared = np.einsum("nk,nk->n", moved, _solve(step.leverage, moved))
    squared = np.maximum(squared, 0.0) / max(expansion.nat, np.finfo(float).tiny)
    length = np.minimum(np.sqrt(squared), 1.0)
    aside = STEP_ERROR * length[:, None] * moved
    with np.errstate(invalid="ignore", over="ignore"):
        near = judge(step.outputs)
        change = np.abs(near - judge(expansion.outputs))
        beside = [np.abs(judge(step.outputs + sign * aside) - near) for sign in (1.0, -1.0)]
        return change * (length + moves) + beside[0] + beside[1]


def _solve(blocks: Array, right: Array) -> Array:
    """Least-squares solutions block by block: (n, k, k), (n, k) -> (n, k)."""
    if right.shape[1] == 1:
        return right / np.where(blocks[:, 0] > 0.0, blocks[:, 0], np.inf)
    return np.einsum("nab,nb->na", np.linalg.pinv(blocks, rcond=1e-12, hermitian=True), right)
