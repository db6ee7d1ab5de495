"""Shapes of derivata's own models: coefficients, effects of terms, networks, and any JAX function.

An embedded category enters as one 0/1 number a level, whose weights are the levels' embeddings
times the first layer: the same outputs, and all of the column's contribution in one place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from derivata.adapters.inputs import columns_of, require_fitted
from derivata.contracts import Array
from derivata.errors import NotAvailable
from derivata.estimators.additive_model import AdditiveModel
from derivata.estimators.additive_rows import feature_table
from derivata.estimators.neural_model import NetworkModel
from derivata.estimators.validation import validate_rows
from derivata.integrals.links import Exponential, Identity, Link, Logistic, Softmax
from derivata.integrals.shapes import (
    AdditiveOutputs,
    LinearOutputs,
    NetworkOutputs,
    SmoothOutputs,
)
from derivata.losses.classification import helmert
from derivata.tables import Table, table_from_frame


def linear_shape(model: Any) -> LinearOutputs:
    """Of LinearRegressor, LogisticClassifier and PoissonRegressor, without offset."""
    require_fitted(model)
    weight = np.atleast_2d(model.coef_)
    links: dict[str, Link] = {"squared": Identity(), "poisson": Exponential()}
    classes = tuple(getattr(model, "classes_", ()))
    link = links.get(model._loss_name) or _class_link(len(classes))
    intercept = np.broadcast_to(np.ravel(model.intercept_), len(weight))
    return LinearOutputs(columns_of(model), weight, intercept, _numbers(model), link, classes)


def custom_shape(model: Any) -> LinearOutputs | SmoothOutputs:
    """Of LossEstimator: what a row's outputs mean only its loss knows, so they have no link."""
    from derivata.losses.identity import IdentityLoss

    require_fitted(model, "param_values_")
    if isinstance(model.loss, IdentityLoss):
        raise NotAvailable("a loss given as a whole has no outputs of rows to explain.")
    if model.predictor is None:
        weight = np.atleast_2d(model.coef_)
        middle = model._rows.center if model._rows.has_intercept else None
        intercept = np.ravel(model.intercept_)
        return LinearOutputs(
            columns_of(model), weight, intercept, _numbers(model), Identity(), middle=middle
        )
    predictor, params = model._at[1].predictor, model._at[2]

    def gradient(rows: Array) -> Array:
        of_rows = predictor.of(rows)
        each = np.eye(predictor.n_outputs)
        cotangents = [np.tile(one, (len(rows), 1)) for one in each]
        found = [of_rows.input_vjp(params, cotangent) for cotangent in cotangents]
        return np.stack(found, axis=1)

    return SmoothOutputs(
        columns_of(model),
        lambda rows: predictor.of(rows).predict(params),
        gradient,
        _numbers(model),
    )


def additive_shape(model: Any) -> AdditiveOutputs:
    """Of AdditiveRegressor and AdditiveClassifier, without offset and for a unit of exposure."""
    require_fitted(model, "model_")

    def rows(X: Any) -> Table:
        return feature_table(model, X, reset=False)

    return _additive(model.model_, tuple(getattr(model, "classes_", ())), rows)


def table_shape(model: Any) -> AdditiveOutputs:
    """Of a TableModel; an exposure is a term of its own, the log of it, beside a unit's."""

    def rows(X: Any) -> Table:
        return table_from_frame(X, "the table")

    classes = tuple(getattr(model.estimator, "classes_", ()))
    shape = _additive(model.model, classes, rows)
    if model.task.exposure is None:
        return shape

    def effects(X: Any) -> Array:
        table = rows(X)
        exposure = model._exposure_in(table)
        log = np.zeros(table.n_rows) if exposure is None else np.log(exposure)
        return np.concatenate([shape.effects(table), log[None, :, None]])

    middle = None if shape.middle is None else np.concatenate([shape.middle, [[0.0]]])
    labels = (*shape.labels, model.task.exposure)
    return replace(shape, labels=labels, effects=effects, middle=middle)


def network_shape(model: Any) -> NetworkOutputs:
    """Of MLPRegressor and MLPClassifier: what their networks read of the columns, in float64."""
    require_fitted(model, "model_")
    fitted: NetworkModel = model.model_
    classes = tuple(getattr(model, "classes_", ()))
    encoder = fitted.encoder
    owner = [np.full(column.n_numbers, number) for number, column in enumerate(encoder.columns)] + [
        np.full(column.n_levels, number) for number, column in enumerate(encoder.columns)
    ]
    owner = np.concatenate(owner)
    name = type(fitted.network.activation).__name__.lower()

    def inputs(X: Any) -> Array:
        read = encoder.encode(feature_table(model, X, reset=False))
        levels = [
            (read.codes[:, place, None] == np.arange(n)).astype(float)
            for place, n in enumerate(encoder.levels)
        ]
        return np.concatenate([read.numbers, *levels], axis=1)

    return NetworkOutputs(
        tuple(column.column for column in encoder.columns),
        tuple(_layers(fitted, member) for member in fitted.members),
        name,
        inputs,
        _class_link(len(classes)) if classes else Identity(),
        classes,
        owner,
        np.zeros(len(owner)),
        "a row with every number in its middle and every category at no level",
        averages_responses=bool(classes),
    )


def _additive(fitted: AdditiveModel, classes: tuple[Any, ...], rows: Any) -> AdditiveOutputs:
    family = fitted.family
    link = Exponential() if family.takes_exposure else Identity()
    mixing = np.eye(len(fitted.params))
    if classes:
        link = _class_link(len(classes))
        mixing = helmert(len(classes)) if len(classes) > 2 else mixing
    coef = fitted.params[:, :-1].T

    def effects(X: Any) -> Array:
        return fitted.encoder.encode(rows(X)).effects(coef) @ mixing

    return AdditiveOutputs(
        tuple(term.label for term in fitted.encoder.terms),
        fitted.params[:, -1] @ mixing,
        effects,
        link,
        classes,
        fitted.strengths.mean @ mixing,
    )


def _layers(fitted: NetworkModel, member: Any) -> tuple[tuple[Array, Array], ...]:
    """Layers of one network on numbers and levels, with the target's units in the last."""
    network = fitted.network
    layers = [
        (layer["weight"].astype(float), layer["bias"].astype(float)) for layer in member["layers"]
    ]
    weight, bias = layers[0]
    if network.scaled:
        weight = member["scale"].astype(float)[:, None] * weight
    parts, start = [weight[: network.n_numbers]], network.n_numbers
    for table in member["embeddings"]:
        width = table.shape[1]
        parts.append(table.astype(float) @ weight[start : start + width])
        start += width
    layers[0] = (np.concatenate(parts), bias)
    weight, bias = layers[-1]
    if network.n_outputs > 1:
        contrasts = helmert(network.n_outputs + 1)
        weight, bias = weight @ contrasts, bias @ contrasts
    layers[-1] = (fitted.scale * weight, fitted.scale * bias + fitted.center)
    return tuple(layers)


def _class_link(n_classes: int) -> Link:
    return Logistic() if n_classes == 2 else Softmax()


def _numbers(model: Any) -> Any:
    def inputs(X: Any) -> Array:
        rows = validate_rows(model, X, reset=False)
        return rows.toarray() if hasattr(rows, "toarray") else rows

    return inputs
