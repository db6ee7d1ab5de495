"""Networks of this package as ``FittedModel``s: judged and explained, but at no minimum.

    regression   outputs = centre + scale mean_m z_m
    classes      outputs = log-odds of the averaged probabilities, or contrasts of their logs

A network is trained with dropout, by mini-batches, until rows that it does not see say stop, and
several are averaged: there is no objective whose minimum the model would be. Its outputs are
therefore taken as they are, with no parameters behind them. They can be scored on any rows and
attributed to the columns; what is derived from a minimum is refused in words.

Maths: docs/math/adapters_own.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from derivata.adapters.fitted import FittedModel
from derivata.adapters.inputs import class_numbers, column_of, require_fitted, weights_of
from derivata.adapters.own_shapes import network_shape
from derivata.adapters.responses import Response
from derivata.contracts import Array, Loss, Rows
from derivata.errors import NotAvailable
from derivata.estimators.additive_rows import feature_table
from derivata.estimators.families import class_family
from derivata.estimators.row_values import typed_labels, validate_numbers
from derivata.losses import SoftmaxLoss, SquaredLoss
from derivata.objective import Objective
from derivata.penalties.smooth import GroupRidge
from derivata.predictors.straight import Straight

NO_MINIMUM = (
    "{} is at no minimum of an objective: its networks are trained with dropout until held-out "
    "rows say stop, so leave-one-out, influence, standard errors and evidence do not exist for it. "
    "`attribute` explains its predictions, and `calibration(model, X, y, held_out=None)` judges it "
    "on rows that it has not seen; `notes_` holds the loss of such rows. For the rest, fit "
    "scikit-learn's MLPClassifier or MLPRegressor with `solver='lbfgs'`, or a `LossEstimator`."
)


def adapt_network(model: Any, X: Any, y: Any, sample_weight: Any = None) -> FittedModel:
    """A fitted ``MLPClassifier`` or ``MLPRegressor`` of this package beside some rows.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
    X, y, sample_weight
        Of its fit, or others: nothing is asked of them but predictions.

    Returns
    -------
    FittedModel
        Without parameters; ``at_minimum`` raises ``NotAvailable`` and says what there is instead.

    Raises
    ------
    InvalidParameter               if the model is not fitted
    InvalidData                    naming the column or the row that does not fit the model
    """
    require_fitted(model, "model_")
    loss, response = _meaning(model)

    def judged(X: Any, y: Any, sample_weight: Any = None) -> Objective:
        table = feature_table(model, X, reset=False)
        weight = weights_of(sample_weight, table.n_rows)
        outputs = _outputs(model, X)
        target = _target(model, y, table.n_rows)
        penalty = GroupRidge(np.zeros(0, dtype=np.intp), ())
        return Objective(loss, FixedOutputs(outputs), penalty, target, weight)

    every = judged(X, y, sample_weight)
    kept = np.flatnonzero(every.weight)
    n_members = len(model.model_.members)
    name = f"{type(model).__name__} ({n_members} networks)" if n_members > 1 else ""
    name = name or type(model).__name__
    return FittedModel(
        name=name,
        objective=every.take(kept),
        params=np.zeros(0),
        hyper=np.zeros(0),
        kept=kept,
        columns=tuple(each.column for each in model.model_.encoder.columns),
        response=response,
        solver=NoMinimum(name),
        judged=judged,
        shape=network_shape(model),
        notes=("outputs are taken as they are: the network is at no minimum",),
    )


@dataclass(frozen=True)
class NoMinimum:
    """In place of a solver: there is nothing to minimise."""

    name: str

    def minimize(self, objective: Objective, params: Array, hyper: Array) -> NoReturn:
        """Raise ``NotAvailable``, with what there is instead."""
        raise NotAvailable(NO_MINIMUM.format(self.name))


@dataclass(frozen=True, eq=False)
class FixedOutputs(Straight):
    """A predictor without parameters: outputs are what they are.

    Parameters
    ----------
    outputs : array (n_rows, k)
    """

    outputs: Array

    n_params = 0

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.outputs.shape[0]

    @property
    def n_outputs(self) -> int:
        """Outputs a row."""
        return self.outputs.shape[1]

    @property
    def reference(self) -> Array:
        """No numbers."""
        return np.zeros(0)

    def predict(self, params: Array) -> Array:
        """The outputs, (n, k)."""
        return self.outputs

    def jvp(self, params: Array, direction: Array) -> Array:
        """Zeros, (n, k)."""
        return np.zeros_like(self.outputs)

    def vjp(self, params: Array, cotangent: Array) -> Array:
        """No numbers."""
        return np.zeros(0)

    def jacobian(self, params: Array, rows: Rows) -> Array:
        """(m, k, 0)."""
        return np.zeros((*self.outputs[rows].shape, 0))

    def gram(self, params: Array, weights: Array) -> Array:
        """(0, 0)."""
        return np.zeros((0, 0))

    def leverage(self, params: Array, matrix: Array) -> Array:
        """Zeros, (n, k, k)."""
        return np.zeros((*self.outputs.shape, self.n_outputs))

    def column_squares(self, weights: Array) -> Array:
        """No numbers."""
        return np.zeros(0)

    def take(self, rows: Rows) -> FixedOutputs:
        """The outputs of the chosen rows."""
        return FixedOutputs(self.outputs[rows])


def _meaning(model: Any) -> tuple[Loss, Response]:
    classes = getattr(model, "classes_", None)
    if classes is None:
        return SquaredLoss(), Response(lambda outputs: outputs[:, 0])
    family = class_family(len(classes))
    return family.loss(), Response(family.mean, classes)


def _outputs(model: Any, X: Any) -> Array:
    """Of the average over networks, on the scale of the loss's outputs, (n_rows, k)."""
    if not hasattr(model, "classes_"):
        return model.predict(X)[:, None]
    scores = model.decision_function(X)
    if scores.ndim == 1:
        return scores[:, None]
    return scores @ SoftmaxLoss(len(model.classes_)).contrasts.T


def _target(model: Any, y: Any, n_rows: int) -> Array:
    if hasattr(model, "classes_"):
        return class_numbers(column_of(typed_labels(y), n_rows), model.classes_, n_rows)
    numbers = validate_numbers(column_of(y, n_rows))
    SquaredLoss().validate(numbers)
    return numbers
