"""What tells the linear models of this package apart: loss, targets, weights, offsets, response.

LinearRegressor       numbers              squared    mean = output
PoissonRegressor      counts               poisson    mean = exp(output), exposures
LogisticClassifier    labels, weights of   logistic   probabilities of two classes
                      the classes          softmax    of more, from contrasts of their scores
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.adapters.inputs import class_numbers, column_of, numbers_of
from derivata.adapters.responses import Response
from derivata.contracts import Array, Loss
from derivata.errors import InvalidParameter
from derivata.estimators.families import class_family
from derivata.estimators.logistic import LogisticClassifier
from derivata.estimators.offsets import LARGEST_LOG
from derivata.estimators.poisson import PoissonRegressor, log_scale
from derivata.estimators.row_values import typed_labels, validate_offset
from derivata.losses import PoissonLoss, SoftmaxLoss, SquaredLoss
from derivata.losses.class_weighted import ClassWeighted


@dataclass(frozen=True, eq=False)
class LinearKind:
    """A model of numbers.

    Attributes
    ----------
    loss : Loss
    response : Response
    hint : str                     what to do about an offset that was forgotten
    labels : tuple of str          of the outputs, or of the classes; "" for a single one
    contrasts : array (k, n_classes) or None
        Outputs from the scores of the classes, or of whatever ``labels`` name, if several.
    """

    loss: Loss
    response: Response
    hint: str = ""
    labels: tuple[str, ...] = ("",)
    contrasts: Array | None = None

    def target(self, y: Any, weight: Array) -> Array:
        """What the loss is asked for, (n_rows,); ``weight`` as ``self.weight`` gave it."""
        numbers = numbers_of(y, len(weight))
        self.loss.validate(numbers)
        return numbers

    def weight(self, y: Any, weight: Array) -> Array:
        """The weights that the fit gave to rows with these targets, (n_rows,)."""
        return weight

    def weighted_loss(self, y: Any) -> Loss:
        """The loss with what the fit did to rows beside their own weights."""
        return self.loss

    def shift(self, exposure: Any, offset: Any, n_rows: int) -> Array | None:
        """What is added to the outputs, (n_rows, 1), or None."""
        _refuse(exposure, "exposure")
        return validate_offset(offset, n_rows)


class ShiftlessKind(LinearKind):
    """A model of numbers that knows no offsets."""

    def shift(self, exposure: Any, offset: Any, n_rows: int) -> Array | None:
        """None."""
        _refuse(exposure, "exposure")
        _refuse(offset, "offset")


class CountsKind(LinearKind):
    """A model of counts, over exposures perhaps."""

    def shift(self, exposure: Any, offset: Any, n_rows: int) -> Array | None:
        """log(exposure) + offset, (n_rows, 1), or None."""
        return log_scale(exposure, offset, n_rows)


@dataclass(frozen=True, eq=False)
class ClassesKind(LinearKind):
    """A model of labels."""

    model: LogisticClassifier | None = None

    def target(self, y: Any, weight: Array) -> Array:
        """The number of each label; rows of weight 0 may hold classes that were never fitted."""
        assert self.model is not None
        labels = np.array(column_of(typed_labels(y), len(weight)))
        labels[weight == 0.0] = self.model.classes_[0]
        return class_numbers(labels, self.model.classes_, len(weight))

    def weight(self, y: Any, weight: Array) -> Array:
        """Times those of the classes."""
        assert self.model is not None
        return self.model._class_weighted(column_of(typed_labels(y), len(weight)), weight)

    def weighted_loss(self, y: Any) -> Loss:
        """The loss times the weight of each class, as it was at the fit."""
        assert self.model is not None
        if self.model.class_weight is None:
            return self.loss
        labels = np.ravel(typed_labels(y))
        each = self.model._class_weighted(labels, np.ones(len(labels)))
        factors = [each[np.argmax(labels == label)] for label in self.model.classes_]
        return ClassWeighted(self.loss, np.array(factors))

    def shift(self, exposure: Any, offset: Any, n_rows: int) -> Array | None:
        """The offset of the log-odds of two classes."""
        _refuse(exposure, "exposure")
        if self.contrasts is not None:
            _refuse(offset, "offset")
        return validate_offset(offset, n_rows, LARGEST_LOG)


def kind_of(model: Any) -> LinearKind:
    """The kind of a ``LinearRegressor``, ``LogisticClassifier`` or ``PoissonRegressor``."""
    if isinstance(model, LogisticClassifier):
        classes = model.classes_
        family = class_family(len(classes))
        loss, response = family.loss(), Response(family.mean, classes)
        if not isinstance(loss, SoftmaxLoss):
            return ClassesKind(loss, response, _hint("an `offset`"), model=model)
        return ClassesKind(loss, response, "", tuple(map(str, classes)), loss.contrasts, model)
    if isinstance(model, PoissonRegressor):
        response = Response(lambda outputs: np.exp(outputs[:, 0]))
        return CountsKind(PoissonLoss(), response, _hint("an `offset` or an `exposure`"))
    response = Response(lambda outputs: outputs[:, 0])
    return LinearKind(SquaredLoss(), response, _hint("an `offset`"))


def _hint(what: str) -> str:
    argument = what.split("`")[-2]
    return (
        f"If it was fitted with {what}, hand in, as the model, what "
        f"`derivata.adapters.own_linear.adapt_linear(model, X, y, {argument}=...)` returns."
    )


def _refuse(values: Any, argument: str) -> None:
    if values is not None:
        raise InvalidParameter(
            f"`{argument}` is given, but the model is fitted without. Leave it out."
        )
