"""What a fit with ``penalty=TotalVariation()`` and its like does otherwise than a sparse one.

Columns of a chain get one scale, so that equal coefficients are equal in the user's units. The
strength is found for the same model in differences, where the penalty is a lasso (``tune_sparse``),
or with that of sizes beside it (``tune_fused``); the last fit, and all that is said of it, is in
coefficients.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from derivata.contracts import Array
from derivata.curvature.active import ActiveExpansion
from derivata.curvature.chain import in_differences
from derivata.designs.cumulated import differences, running_sums
from derivata.designs.standardized import Standardized
from derivata.objective import Expansion, Objective
from derivata.penalties import ChainVariation, FusedLasso, SmoothedVariation, TotalVariation
from derivata.solvers.duality_gap import duality_gap


def one_scale(model: Any, rows: Standardized, groups: Array) -> Standardized:
    """Columns with a common scale where the penalty compares their coefficients.

    It is the root mean square of their own scales; columns of no group keep theirs.
    """
    if not isinstance(model.penalty, (TotalVariation, FusedLasso, SmoothedVariation)):
        return rows
    judged = (groups >= 0) & ~rows.constant
    if not judged.any():
        return rows
    common = float(np.sqrt(np.mean(rows.scale[judged] ** 2)))
    scale = np.where(groups >= 0, common, rows.scale)
    return rows.rescaled(scale)


def in_coefficients(objective: Objective, moved: Array) -> Array:
    """Coefficients, (n_params,), from their differences."""
    return running_sums(moved, cast(ChainVariation, objective.penalty).chains)


def variation_gap(expansion: Expansion) -> float:
    """A bound on F minus its minimum; infinite if there is none."""
    penalty = cast(ChainVariation, expansion.objective.penalty)
    if penalty.n_hyper == 2:
        return np.inf
    moved = differences(expansion.params, penalty.chains)
    return duality_gap(ActiveExpansion(in_differences(expansion.objective), moved, expansion.hyper))
