"""The one warm refit: a fit without a row, or without a group of rows.

    F_-G(w) = F(w) - sum_{i in G} u_i loss(y_i, z_i(w)),      0 <= u_i <= s_i

from near its minimiser, by the solver that made the fit with all rows. A row that loses all of its
weight is left out of the data; one that keeps some stays with the rest.

Maths: docs/math/certified_leave_one_out.md
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from derivata.contracts import Array
from derivata.objective import Expansion, Objective
from derivata.solvers.result import FitResult
from derivata.tuning import Solver


def refit_without(
    expansion: Expansion,
    solver: Solver,
    rows: Array,
    start: Array | None = None,
    removed: Array | None = None,
) -> FitResult:
    """The fit without some rows, from ``start``.

    Parameters
    ----------
    expansion : Expansion
        The fit with all rows.
    solver : Solver
        It knows the kinks or constraints that there are.
    rows : int array (m,)
        Rows, by index, without repeats.
    start : array (n_params,), optional
        Default: the parameters with all rows. ``removal.group_influence`` gives nearer ones.
    removed : array (m,), optional
        The weight taken off each; default: all of it. One observation is min(weight, 1).

    Returns
    -------
    FitResult
        With ``converged`` False where no minimum was reached: ask.
    """
    kept = remaining(expansion.objective, rows, removed)
    start = expansion.params if start is None or not np.isfinite(start).all() else start
    return solver.minimize(kept, start, expansion.hyper)


def remaining(objective: Objective, rows: Array, removed: Array | None = None) -> Objective:
    """The objective without some rows, or with ``removed`` (m,) of their weights taken off."""
    rows = np.asarray(rows)
    gone = np.zeros(len(objective.weight), dtype=bool)
    if removed is None:
        gone[rows] = True
        return objective.without(gone)
    left = objective.weight.copy()
    left[rows] = np.maximum(left[rows] - removed, 0.0)
    gone[rows] = left[rows] == 0.0
    lighter = replace(objective, weight=left)
    return lighter.without(gone) if gone.any() else lighter
