"""Shapes of scikit-learn's linear models and networks, read off their coefficients.

Scores of more than two classes are made to add up to zero, which changes no probability: then each
is the log of its probability less the mean of these logs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from derivata.adapters.inputs import columns_of, require_fitted, rows_of
from derivata.contracts import Array
from derivata.integrals.links import Exponential, Identity, Link, Logistic, Softmax
from derivata.integrals.shapes import LinearOutputs, NetworkOutputs


def linear_shape(model: Any) -> LinearOutputs:
    """Of a regression whose prediction is linear."""
    require_fitted(model)
    return _linear(model, Identity())


def generalised_shape(model: Any) -> LinearOutputs:
    """Of a generalised linear model: log link, or the identity for a Tweedie of normal kind."""
    require_fitted(model)
    link = getattr(model, "link", "log")
    if link == "auto":
        link = "identity" if model.power <= 0 else "log"
    return _linear(model, Identity() if link == "identity" else Exponential())


def logistic_shape(model: Any) -> LinearOutputs:
    """Of a logistic or multinomial model; scores are centred."""
    require_fitted(model)
    weight, intercept = _coefficients(model)
    if len(weight) == 1:
        return _linear(model, Logistic(), tuple(model.classes_))
    if getattr(model, "solver", "") == "liblinear":  # one class against the rest
        return scores_shape(model)
    return LinearOutputs(
        columns_of(model),
        weight - weight.mean(axis=0),
        intercept - intercept.mean(),
        _inputs(model),
        Softmax(),
        tuple(model.classes_),
    )


def scores_shape(model: Any) -> LinearOutputs:
    """Of a classifier whose scores are no log-odds: it has no probabilities to explain."""
    require_fitted(model)
    return _linear(model, None, tuple(model.classes_))


def network_shape(model: Any) -> NetworkOutputs:
    """Of scikit-learn's multilayer perceptrons."""
    require_fitted(model, "coefs_")
    layers = [
        (np.asarray(weight, float), np.asarray(bias, float))
        for weight, bias in zip(model.coefs_, model.intercepts_, strict=True)
    ]
    links: dict[str, Link] = {
        "identity": Identity(),
        "logistic": Logistic(),
        "softmax": Softmax(),
        "exp": Exponential(),
    }
    if model.out_activation_ == "softmax":
        weight, bias = layers[-1]
        layers[-1] = (weight - weight.mean(axis=1, keepdims=True), bias - bias.mean())
    return NetworkOutputs(
        columns_of(model),
        (tuple(layers),),
        model.activation,
        _inputs(model),
        links[model.out_activation_],
        tuple(getattr(model, "classes_", ())),
    )


def _linear(model: Any, link: Link | None, classes: tuple[Any, ...] = ()) -> LinearOutputs:
    weight, intercept = _coefficients(model)
    return LinearOutputs(columns_of(model), weight, intercept, _inputs(model), link, classes)


def _coefficients(model: Any) -> tuple[Array, Array]:
    """Coefficients (k, p) and intercepts (k,)."""
    coef = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_
    weight = np.atleast_2d(np.asarray(coef, float))
    return weight, np.broadcast_to(np.asarray(model.intercept_, float).ravel(), len(weight))


def _inputs(model: Any) -> Callable[[Any], Array]:
    def inputs(X: Any) -> Array:
        rows = rows_of(model, X)
        return rows.toarray() if hasattr(rows, "toarray") else rows

    return inputs
