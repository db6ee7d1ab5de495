"""Fits of a model without some of its rows, from nearby, and whether they are minima at all.

Maths: docs/math/influence.md
"""

from __future__ import annotations

import numpy as np

from derivata.adapters import FittedModel
from derivata.certified.batch import can_batch, refit_rows
from derivata.certified.exact import FAR, runs_away
from derivata.certified.refits import refit_without, remaining
from derivata.contracts import Array
from derivata.curvature.face import FaceExpansion
from derivata.errors import DerivataError
from derivata.removal.groups import start_without
from derivata.solvers.proximal import has_kink


def refits_alone(fitted: FittedModel, places: Array) -> tuple[Array, Array]:
    """Parameters without each of some rows, (m, n_params), and whether they were reached."""
    expansion = fitted.at_minimum
    params = np.tile(expansion.params, (len(places), 1))
    reached = np.zeros(len(places), dtype=bool)
    # Together where one observation is the whole row; else, or where that fails, one by one.
    together = np.flatnonzero(expansion.objective.weight[places] <= 1.0)
    if len(together) and can_batch(expansion):
        batch = refit_rows(expansion, places[together])
        params[together], reached[together] = batch.params, batch.reached
        for place in together[batch.reached]:
            reached[place] = _is_minimum(fitted, places[[place]], params[place])
    for place in np.flatnonzero(~reached):
        params[place], reached[place] = refit_together(fitted, places[[place]])
    return params, reached


def refit_together(fitted: FittedModel, places: Array) -> tuple[Array, bool]:
    """Parameters without some rows together, and whether that fit was reached."""
    expansion = fitted.at_minimum
    edged = has_kink(expansion.objective) or isinstance(expansion, FaceExpansion)
    try:
        start = expansion.params if edged else start_without(expansion, places)
        # A column that only these rows had is zero without them, and no gradient small against it.
        with np.errstate(over="ignore"):
            fit = refit_without(expansion, fitted.solver, places, start)
    except (DerivataError, np.linalg.LinAlgError):  # no minimum: the note says so
        return expansion.params, False
    end = fit.expansion.params
    return end, fit.converged and _is_minimum(fitted, places, end)


def _is_minimum(fitted: FittedModel, places: Array, params: Array) -> bool:
    """Whether a fit without some rows is one; asked only where outputs have moved far."""
    expansion = fitted.at_minimum
    moved = expansion.objective.predictor.jvp(params, params - expansion.params)
    if np.abs(moved).max() <= FAR:
        return True
    return not runs_away(expansion, remaining(expansion.objective, places), params)
