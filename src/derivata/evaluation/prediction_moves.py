"""How predictions move with hyperparameters, and how well the outputs behind them are known.

    dz/dt = J dw/dhyper dhyper/dt,      t the log of a user's number

on the scale of the outputs; means and probabilities follow by a central difference along that.

Maths: docs/math/sensitivity.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.adapters.fitted import FittedModel
from derivata.contracts import Array
from derivata.curvature.inverse import invert
from derivata.errors import NotAvailable
from derivata.implicit import outputs_by_hyper
from derivata.objective import Expansion
from derivata.tuning.parametrisation import Parametrisation
from derivata.tuning.response import decided_params

# A step along the moves of the outputs, in units of the largest: predictions are differenced.
SMALL = 1e-4


@dataclass(frozen=True, eq=False)
class PredictionMoves:
    """Derivatives by the logs of hyperparameters.

    Attributes
    ----------
    outputs : array (n, k, m)
    predictions : array (n, c, m)
        Of means (c = 1), or of the probability of each class.
    output_errors : array (n, k)
        Posterior standard errors of the outputs, above zero; NaN where there are too many
        parameters to know them.
    """

    outputs: Array
    predictions: Array
    output_errors: Array

    @classmethod
    def of(cls, fitted: FittedModel, full: Expansion, hypers: Parametrisation) -> PredictionMoves:
        """At the fit of all rows."""
        inverse = invert(full)
        moves = outputs_by_hyper(full, inverse) @ hypers.jacobian(hypers.values)
        mean = fitted.response.mean
        start = two_axes(mean(full.outputs))
        predictions = np.zeros((*start.shape, len(hypers)))
        for place in range(len(hypers)):
            along = moves[:, :, place]
            step = SMALL / max(float(np.abs(along).max(initial=0.0)), 1e-300)
            ends = [two_axes(mean(full.outputs + sign * step * along)) for sign in (1.0, -1.0)]
            predictions[:, :, place] = (ends[0] - ends[1]) / (2.0 * step) if along.any() else 0.0
        phi = fitted.dispersion if fitted.dispersion is not None else _phi(full)
        least = np.finfo(float).tiny  # of a perfect fit there is no dispersion
        errors = np.sqrt(np.maximum(phi * _variances(full), least))
        return cls(moves, predictions, errors)


def _variances(full: Expansion) -> Array:
    """J_i H^-1 J_i^T of each output, (n, k)."""
    try:
        return np.einsum("naa->na", invert(full).leverage())
    except NotAvailable:
        return np.full(full.outputs.shape, np.nan)


def _phi(full: Expansion) -> float:
    """The dispersion: 1 where the loss has its scale."""
    if not full.objective.loss.scale_is_free:
        return 1.0
    freedom = float(full.objective.weight.sum()) - decided_params(full, invert(full))
    return full.deviance / max(freedom, 1.0)


def two_axes(values: Array) -> Array:
    """Predictions (n,) as (n, 1); probabilities as they are."""
    return values[:, None] if values.ndim == 1 else values
