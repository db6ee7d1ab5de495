"""scikit-learn's PoissonRegressor, GammaRegressor and TweedieRegressor.

    sum_i s_i loss_i / S + alpha |w|^2 / 2,   S = sum_i s_i        F: S times it

with half a unit deviance as the loss, so F's alpha is S alpha. F keeps it when a row is left out;
scikit-learn's alpha is of a mean over rows, and S is smaller without the row. Powers other than 0
(identity link), and 1 to 2 (log link), have no convex loss here and are refused.

Maths: docs/math/adapters.md
"""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.adapters.fitted import FittedModel
from derivata.adapters.inputs import numbers_of, require_fitted, rows_of, weights_of
from derivata.adapters.linear_fit import LinearFit, Strength
from derivata.adapters.responses import Response
from derivata.adapters.scikit_linear import MEAN, single_target
from derivata.contracts import Loss
from derivata.errors import NotAvailable
from derivata.losses.amounts import GammaLoss, TweedieLoss
from derivata.losses.counts import LARGEST_EXPONENT, PoissonLoss
from derivata.losses.regression import SquaredLoss

EXPONENTIAL = Response(lambda outputs: np.exp(np.minimum(outputs[:, 0], LARGEST_EXPONENT)))


def adapt_generalised(model: Any, X: Any, y: Any, sample_weight: Any = None) -> FittedModel:
    """A fitted PoissonRegressor, GammaRegressor or TweedieRegressor."""
    require_fitted(model)
    loss = _loss(model)
    coef, intercept = single_target(model)
    rows = rows_of(model, X)
    weight = weights_of(sample_weight, rows.shape[0])
    power = f"power={model.power:g}, " if hasattr(model, "power") else ""
    fit = LinearFit(
        model=model,
        name=f"{type(model).__name__}({power}alpha={model.alpha:.4g})",
        loss=loss,
        coef=coef,
        intercept=intercept,
        strength=Strength(float(model.alpha) * float(weight.sum())),
        response=MEAN if isinstance(loss, SquaredLoss) else EXPONENTIAL,
        targets=numbers_of,
        intercept_size=1.0 if model.fit_intercept else None,
    )
    return fit.on(rows, y, weight)


def _loss(model: Any) -> Loss:
    if not hasattr(model, "power"):
        # GammaRegressor and PoissonRegressor say it by their name alone; subclasses by a parent's.
        names = {parent.__name__ for parent in type(model).__mro__}
        return GammaLoss() if "GammaRegressor" in names else PoissonLoss()
    power, link = float(model.power), model.link
    logarithmic = link == "log" or (link == "auto" and power > 0.0)
    if power == 0.0 and not logarithmic:
        return SquaredLoss()
    if logarithmic and power == 1.0:
        return PoissonLoss()
    if logarithmic and power == 2.0:
        return GammaLoss()
    if logarithmic and 1.0 < power < 2.0:
        return TweedieLoss(power)
    raise NotAvailable(
        f"`model` is a TweedieRegressor(power={power:g}, link={link!r}); supported are powers from "
        "1 to 2 with a log link, and power 0 with the identity. Refit with one of these; for "
        "positive amounts of a heavier tail, GammaRegressor is the nearest."
    )
