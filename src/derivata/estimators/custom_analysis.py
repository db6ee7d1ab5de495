"""What a fitted ``LossEstimator`` tells of rows and parameters, in the user's units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.covariance import (
    posterior_covariance,
    sandwich_covariance,
)
from derivata.criteria.leave_one_out import leave_one_out_outputs
from derivata.criteria.trust import LeaveOneOutError, leave_one_out_error
from derivata.curvature.active import ActiveExpansion
from derivata.curvature.chain import ChainExpansion
from derivata.curvature.inverse import invert
from derivata.errors import InvalidParameter, NotAvailable
from derivata.objective import Expansion
from derivata.removal import Influence, fit_without, row_influence

COVARIANCES = {"posterior": posterior_covariance, "sandwich": sandwich_covariance}


@dataclass(frozen=True)
class LeaveOneOutRows:
    """Every row judged by a fit without it.

    Attributes
    ----------
    rows : int array (m,)
        Which rows, by number: those of weight above zero.
    outputs : array (m, n_outputs)
        Of each row, from a fit without it.
    losses : array (m,)
        Of one observation there.
    loss : float
        Their weighted mean.
    fitted_loss : float
        The same of the fit itself.
    error : LeaveOneOutError
        What the Newton step is estimated to be off by, in nats over the most influential rows.
    """

    rows: Array
    outputs: Array
    losses: Array
    loss: float
    fitted_loss: float
    error: LeaveOneOutError


@dataclass(frozen=True)
class Removed:
    """What removing rows does to a fit.

    Attributes
    ----------
    rows : int array (m,)
        The rows removed, by number.
    params : array (r, n_params)
        Change of ``param_values_``: a line for each row removed alone, or one for a group.
    outputs : array (r, n_rows, n_outputs)
        Change of the fit's outputs, for the rows of weight above zero.
    loss : array (r,)
        Change of the summed loss of all those rows.
    """

    rows: Array
    params: Array
    outputs: Array
    loss: Array


def left_out_rows(expansion: Expansion, kept: Array) -> LeaveOneOutRows:
    """Leave-one-out of a fit whose rows are ``kept`` (m,) by number."""
    inverse = invert(expansion)
    outputs = leave_one_out_outputs(expansion, inverse)
    objective = expansion.objective
    losses = objective.loss.at(objective.y, outputs).value
    weight = objective.weight
    return LeaveOneOutRows(
        rows=kept,
        outputs=outputs,
        losses=losses,
        loss=float(np.average(losses, weights=weight)),
        fitted_loss=float(np.average(expansion.rows.value, weights=weight)),
        error=leave_one_out_error(expansion, inverse),
    )


def removed(
    expansion: Expansion,
    kept: Array,
    rows: Any,
    in_units: Callable[[Array], Array],
    *,
    together: bool,
) -> Removed:
    """The influence of rows given by the user's numbers."""
    numbers = np.atleast_1d(np.asarray(rows))
    place = np.searchsorted(kept, numbers) if numbers.dtype.kind in "iu" else numbers
    sound = numbers.dtype.kind in "iu" and numbers.ndim == 1 and len(numbers) > 0
    if not sound or (place >= len(kept)).any() or (kept[place] != numbers).any():
        raise InvalidParameter(
            f"`rows` is {rows!r:.80}; expected numbers of rows of the fit whose weight is not "
            f"zero, from 0 to {int(kept[-1]):,}."
        )
    if together:
        params = fit_without(expansion, place).expansion.params
        influence = Influence((params - expansion.params)[None], expansion)
    else:
        influence = row_influence(expansion, place)
    return Removed(
        rows=numbers,
        params=np.stack([in_units(change) for change in influence.params_change]),
        outputs=influence.outputs_change(),
        loss=influence.loss_change(),
    )


def standard_errors(expansion: Expansion, kind: str, in_units: Callable[[Array], Array]) -> Array:
    """Standard errors of one kind in the user's units, (n_params,)."""
    if kind not in COVARIANCES:
        raise InvalidParameter(f"`kind` is {kind!r}; expected 'posterior' or 'sandwich'.")
    if isinstance(expansion, (ActiveExpansion, ChainExpansion)):
        raise NotAvailable(
            "standard errors of a sparse penalty are not given: the same data chose the columns, "
            "and errors of those left would not know of it. Use ridge: `penalty=None`."
        )
    covariance = COVARIANCES[kind](expansion)
    # The map to the user's units is linear, so each column of it is that of a unit vector.
    mapped = np.stack([in_units(unit) for unit in np.eye(len(covariance))], axis=1)
    variance = np.einsum("ij,jk,ik->i", mapped, covariance, mapped, optimize=True)
    return np.sqrt(np.maximum(variance, 0.0))
