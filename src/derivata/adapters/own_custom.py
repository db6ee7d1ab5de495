"""A fitted ``LossEstimator`` as a ``FittedModel``: the user's own loss, on columns or a function.

With a linear predictor it is built as any linear model of this package is. With a function of the
user's own the estimator's objective is built again on the rows handed in; that the function is at a
minimum is judged there as everywhere.

Maths: docs/math/adapters_own.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from derivata.adapters.fitted import Coefficients, FittedModel
from derivata.adapters.inputs import columns_of, require_fitted, weights_of
from derivata.adapters.linear_kinds import LinearKind, ShiftlessKind
from derivata.adapters.own_linear import linear_model
from derivata.adapters.own_shapes import custom_shape
from derivata.adapters.responses import Response
from derivata.contracts import Array
from derivata.errors import NotAvailable
from derivata.estimators.base import PRECISION
from derivata.estimators.custom import LossEstimator
from derivata.estimators.validation import validate_rows
from derivata.losses.identity import IdentityLoss
from derivata.objective import Objective

# The map from parameters to coefficients is the identity, an array up to this many of them.
LARGEST_MAP = 2_000


def adapt_custom(model: LossEstimator, X: Any, y: Any, sample_weight: Any = None) -> FittedModel:
    """A fitted ``LossEstimator`` beside the rows of its fit.

    Parameters
    ----------
    model : LossEstimator
    X, y, sample_weight
        What it was fitted to.

    Returns
    -------
    FittedModel
        Its mean is the output itself; metrics need one output a row.

    Raises
    ------
    InvalidParameter               if the model is not fitted
    NotAvailable                   for a loss given whole, which is no sum over rows
    InvalidData                    naming the column or the row that does not fit the model
    """
    require_fitted(model, "_at")
    if isinstance(model.loss, IdentityLoss):
        raise NotAvailable(
            "`model` has a loss given whole (IdentityLoss), which has no rows to leave out, to "
            "weigh or to judge. Give a loss of one row, `loss(y, outputs)`."
        )
    objective = model._at[1]
    kind = ShiftlessKind(objective.loss, Response(_outputs))
    if model.predictor is None:
        k = objective.loss.n_outputs
        if k > 1:
            labels = tuple(f"output {a}" for a in range(k))
            kind = replace(kind, labels=labels, contrasts=np.eye(k))
        return linear_model(model, kind, custom_shape(model), X, y, sample_weight)
    return _function_model(model, kind, X, y, sample_weight)


def _function_model(
    model: LossEstimator, kind: LinearKind, X: Any, y: Any, sample_weight: Any
) -> FittedModel:
    _, fitted, params, hyper = model._at

    def judged(X: Any, y: Any, sample_weight: Any = None) -> Objective:
        rows = validate_rows(model, X, reset=False)
        weight = weights_of(sample_weight, len(rows))
        target = kind.target(y, weight)
        predictor: Any = fitted.predictor
        return replace(fitted, predictor=predictor.of(rows), y=target, weight=weight)

    every = judged(X, y, sample_weight)
    kept = np.flatnonzero(every.weight)
    objective = every if len(kept) == len(every.weight) else every.take(kept)
    names = tuple(model.param_names_)
    coefficients = None
    if len(names) <= LARGEST_MAP:
        coefficients = Coefficients(names, np.eye(len(names)), np.zeros(len(names)))
    return FittedModel(
        name="LossEstimator (a predictor of the user's own)",
        objective=objective,
        params=params,
        hyper=hyper,
        kept=kept,
        columns=columns_of(model),
        response=kind.response,
        solver=model._solver(objective, model.tol, PRECISION),
        judged=judged,
        coefficients=coefficients,
        shape=custom_shape(model),
        dispersion=model.dispersion_ if kind.loss.scale_is_free else None,
        is_tuned=model.tuning_ is not None,
    )


def _outputs(outputs: Array) -> Array:
    """The outputs themselves: (n,), or (n, k) where there are several."""
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs
