"""Probabilities of classes with the parameters integrated out, not taken at their estimate.

    p(a | x) = E p_a(z),     z ~ N(z(x), J Sigma J^T)

Sigma is the posterior covariance of the parameters. They are nearer to even odds than those of the
estimate, the more so the less is known of a row: what a decision at stakes should use. Outputs of a
network are taken to first order in its parameters. Additive models know the variance of their
outputs themselves, with what is not known of their penalties included.

Maths: docs/math/expectation.md
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from derivata.adapters import adapt
from derivata.adapters.inputs import n_rows_of
from derivata.contracts import Array
from derivata.covariance import posterior_covariance
from derivata.errors import InvalidParameter
from derivata.estimators.additive import AdditiveClassifier
from derivata.estimators.additive_rows import feature_table
from derivata.estimators.table_model import TableModel
from derivata.integrals.expectation import expected_sigmoid
from derivata.integrals.expectation_many import expected_outputs


def expected_probabilities(
    model: Any, X: Any, y: Any, X_new: Any, *, sample_weight: Any = None
) -> Array:
    """Class probabilities of new rows under what is not known of the parameters.

    Parameters
    ----------
    model : estimator or FittedModel
        A fitted classifier.
    X, y, sample_weight
        The rows that it was fitted to; derivata's additive models and ``TableModel`` can do without
        them, so that None will do.
    X_new
        The rows to predict.

    Returns
    -------
    probability : array (n_new, n_classes)
        In the order of the model's classes. Two classes: exact to 1e-14 given the normal posterior;
        more: to some 1e-3 (``derivata.integrals.expectation_many``).

    Raises
    ------
    InvalidParameter
        If the model is no classifier.
    NotConverged
        If it is at no minimum of its objective.
    """
    estimator = model.estimator if isinstance(model, TableModel) else model
    if isinstance(estimator, AdditiveClassifier) and hasattr(estimator, "model_"):
        value, table = estimator.model_, feature_table(estimator, X_new, reset=False)
        return _expected(value.family.mean, value.outputs(table), value.output_variance(table))
    fitted = adapt(model, X, y, sample_weight)
    classes = fitted.response.classes
    if classes is None:
        raise InvalidParameter(
            f"{fitted.name} is no classifier, so there are no probabilities to expect. "
            "`standard_errors(...).predict_interval` says how sure its predictions are."
        )
    expansion = fitted.at_minimum
    # Targets have no part in outputs; any that is known will do.
    judged = fitted.judged(X_new, np.repeat(np.asarray(classes)[:1], n_rows_of(X_new)))
    outputs = judged.outputs(expansion.params)
    spread = judged.predictor.leverage(expansion.params, posterior_covariance(expansion))
    return _expected(fitted.response.mean, outputs, spread)


def _expected(mean: Callable[[Array], Array], outputs: Array, spread: Array) -> Array:
    """Probabilities (n, n_classes) of outputs (n, k) with covariances (n, k, k)."""
    if outputs.shape[1] > 1:
        return expected_outputs(mean, outputs, spread)
    second = expected_sigmoid(outputs[:, 0], np.sqrt(np.maximum(spread[:, 0, 0], 0.0)))
    return np.column_stack([1.0 - second, second])
