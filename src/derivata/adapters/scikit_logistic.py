"""scikit-learn's LogisticRegression and LogisticRegressionCV.

    C sum_i s_i loss_i + R(coef)        F = sum_i s_i loss_i + R(coef) / C
    R = l1_ratio |coef|_1 + (1 - l1_ratio) |coef|^2 / 2

A class weight is a factor of the losses of its class. liblinear penalises the intercept as the
coefficient of one more column, of the constant ``intercept_scaling``; the other solvers leave it
free. Of K > 2 classes the model has K coefficients a column, and F their K - 1 contrasts: the ridge
is the same. Sums of absolute values are not, and are refused.

Maths: docs/math/adapters.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import expit

from derivata.adapters.fitted import FittedModel
from derivata.adapters.inputs import (
    as_one_number,
    class_numbers,
    require_fitted,
    rows_of,
    weights_of,
)
from derivata.adapters.linear_fit import LinearFit, Strength
from derivata.adapters.responses import Response
from derivata.adapters.scikit_linear import dense_coef
from derivata.contracts import Array
from derivata.errors import NotAvailable
from derivata.losses.class_weighted import ClassWeighted
from derivata.losses.classification import LogisticLoss, SoftmaxLoss

CLASS_WEIGHTS = (
    "the weights of the classes are a part of the loss, and stay as they were at the fit where "
    "rows are left out"
)


def adapt_logistic(model: Any, X: Any, y: Any, sample_weight: Any = None) -> FittedModel:
    """A fitted LogisticRegression or LogisticRegressionCV, of two or more classes."""
    require_fitted(model)
    classes = np.asarray(model.classes_)
    rows = rows_of(model, X)
    n_rows = rows.shape[0]
    weight = weights_of(sample_weight, n_rows)
    strength = _strength(model)
    size = 1.0 if model.fit_intercept else None
    if strength.holds_intercept and model.fit_intercept:
        size = float(model.intercept_scaling)
    fit = LinearFit(
        model=model,
        name=f"{type(model).__name__}({_settings(strength)})",
        loss=LogisticLoss(),
        coef=dense_coef(model),
        intercept=np.asarray(model.intercept_, dtype=float),
        strength=strength,
        response=Response(two_probabilities, classes),
        targets=lambda y, n_rows: class_numbers(y, classes, n_rows),
        intercept_size=size,
        is_tuned=hasattr(model, "C_"),
    )
    if len(fit.coef) > 1:
        fit = _of_many_classes(fit, classes)
    if model.class_weight is not None:
        factors = _class_weight(model, y, classes, sample_weight, n_rows)
        fit = replace(fit, loss=ClassWeighted(fit.loss, factors), notes=(CLASS_WEIGHTS,))
    return fit.on(rows, y, weight)


def two_probabilities(outputs: Array) -> Array:
    """Probabilities of both classes from log-odds: (n, 1) -> (n, 2)."""
    return np.column_stack([expit(-outputs[:, 0]), expit(outputs[:, 0])])


def many_probabilities(loss: SoftmaxLoss, outputs: Array) -> Array:
    """Probabilities of K classes from contrasts: (n, K - 1) -> (n, K)."""
    scores = outputs @ loss.contrasts
    exponential = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponential / exponential.sum(axis=1, keepdims=True)


def _strength(model: Any) -> Strength:
    if getattr(model, "refit", True) is False:
        raise NotAvailable(
            "`model` is a LogisticRegressionCV(refit=False): its coefficients are means over "
            "folds, which minimise no objective. Fit it with `refit=True`."
        )
    C = as_one_number(getattr(model, "C_", getattr(model, "C", np.inf)))
    ratio = getattr(model, "l1_ratio_", getattr(model, "l1_ratio", 0.0))
    penalty = getattr(model, "penalty", "deprecated")
    if penalty is None:
        C = np.inf
    if penalty in ("l1", "l2"):
        ratio = float(penalty == "l1")
    if ratio is None or np.ravel(ratio)[0] is None:
        ratio = 0.0
    alpha = 0.0 if np.isinf(C) else 1.0 / C
    return Strength(alpha, as_one_number(ratio), "1/C", model.solver == "liblinear")


def _settings(strength: Strength) -> str:
    if strength.alpha == 0.0:
        return "C=inf"
    told = f"C={1.0 / strength.alpha:.4g}"
    return f"{told}, l1_ratio={strength.l1_ratio:.4g}" if strength.l1_ratio > 0.0 else told


def _of_many_classes(fit: LinearFit, classes: Array) -> LinearFit:
    """The same with K - 1 contrasts of K > 2 scores."""
    if fit.strength.alpha > 0.0 and fit.strength.l1_ratio > 0.0:
        raise NotAvailable(
            f"`model` is a {fit.name} of {len(classes)} classes: absolute values of {len(classes)} "
            "coefficients a column are no function of their contrasts. Use `l1_ratio=0`, one "
            "model of two classes for each class, or derivata's "
            "`LogisticClassifier(penalty=Lasso())`, which takes a column in or out for all classes."
        )
    loss = SoftmaxLoss(len(classes))
    return replace(
        fit,
        loss=loss,
        response=Response(lambda outputs: many_probabilities(loss, outputs), classes),
        contrasts=loss.contrasts,
        labels=tuple(str(label) for label in classes),
    )


def _class_weight(model: Any, y: Any, classes: Array, sample_weight: Any, n_rows: int) -> Array:
    """The weight of each class, (n_classes,), as scikit-learn takes it from the same rows."""
    from sklearn.utils.class_weight import compute_class_weight

    number = class_numbers(y, classes, n_rows).astype(np.intp)
    weight = None if sample_weight is None else weights_of(sample_weight, n_rows)
    each = compute_class_weight(
        model.class_weight, classes=classes, y=classes[number], sample_weight=weight
    )
    return np.asarray(each, dtype=float)
