"""scikit-learn's models of squared error: LinearRegression, Ridge, Lasso, ElasticNet, their CV's.

    Ridge        sum s_i r_i^2 + alpha |w|^2                     F: half of it
    Lasso etc.   sum s_i r_i^2 / 2 S + alpha R(w),  S = sum s_i  F: S times it

    F = sum_i s_i r_i^2 / 2 + alpha' (l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2)

with alpha' = alpha of Ridge, and S alpha of Lasso and ElasticNet, which take a mean over rows. F
keeps alpha' when a row is left out; scikit-learn's Lasso(alpha) fitted without it has S smaller.

Maths: docs/math/adapters.md
"""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.adapters.fitted import FittedModel
from derivata.adapters.inputs import (
    as_one_number,
    numbers_of,
    refuse_targets,
    require_fitted,
    rows_of,
    weights_of,
)
from derivata.adapters.linear_fit import LinearFit, Strength
from derivata.adapters.responses import Response
from derivata.contracts import Array
from derivata.errors import NotAvailable
from derivata.losses.regression import SquaredLoss

MEAN = Response(lambda outputs: outputs[:, 0])


def adapt_linear(model: Any, X: Any, y: Any, sample_weight: Any = None) -> FittedModel:
    """A fitted LinearRegression, Ridge, RidgeCV, Lasso, LassoCV, ElasticNet or ElasticNetCV."""
    require_fitted(model)
    refuse_signs(model)
    coef, intercept = single_target(model)
    rows = rows_of(model, X)
    weight = weights_of(sample_weight, rows.shape[0])
    strength = _strength(model, weight)
    fit = LinearFit(
        model=model,
        name=f"{type(model).__name__}({_settings(model, strength)})",
        loss=SquaredLoss(),
        coef=coef,
        intercept=intercept,
        strength=strength,
        response=MEAN,
        targets=numbers_of,
        intercept_size=1.0 if model.fit_intercept else None,
        is_tuned=hasattr(model, "alpha_"),
    )
    return fit.on(rows, y, weight)


def single_target(model: Any) -> tuple[Array, Array]:
    """Coefficients (1, n_columns) and intercept (1,) of a model of one target."""
    coef = dense_coef(model)
    if coef.ndim == 2 and len(coef) > 1:
        refuse_targets(len(coef))
    return coef.reshape(1, -1), np.reshape(model.intercept_, -1).astype(float)


def dense_coef(model: Any) -> Array:
    """``coef_`` as an array of float64, also after ``sparsify``."""
    coef = model.coef_
    return np.asarray(coef.toarray() if hasattr(coef, "toarray") else coef, dtype=float)


def refuse_signs(model: Any) -> None:
    """Refuse coefficients that were held to be positive."""
    if getattr(model, "positive", False):
        raise NotAvailable(
            f"`model` is a {type(model).__name__}(positive=True): where a coefficient rests on its "
            "bound, derivatives of the fit are not those of its objective. Fit it with "
            "`positive=False`, or leave out the columns whose coefficient is zero."
        )


def _strength(model: Any, weight: Array) -> Strength:
    if not hasattr(model, "alpha") and not hasattr(model, "alpha_"):
        return Strength(0.0)
    alpha = as_one_number(getattr(model, "alpha_", getattr(model, "alpha", 0.0)))
    if not hasattr(model, "selection"):  # which all models of coordinate descent have
        return Strength(alpha)
    # LassoCV has no `l1_ratio`.
    ratio = as_one_number(getattr(model, "l1_ratio_", getattr(model, "l1_ratio", 1.0)))
    return Strength(alpha * float(weight.sum()), ratio)


def _settings(model: Any, strength: Strength) -> str:
    if not hasattr(model, "alpha") and not hasattr(model, "alpha_"):
        return ""
    told = f"alpha={as_one_number(getattr(model, 'alpha_', getattr(model, 'alpha', 0.0))):.4g}"
    return f"{told}, l1_ratio={strength.l1_ratio:.4g}" if 0.0 < strength.l1_ratio < 1.0 else told
