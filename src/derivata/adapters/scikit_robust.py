"""scikit-learn's HuberRegressor, whose scale sigma is fitted with the coefficients.

    sum_i s_i (sigma + H(r_i / sigma) sigma) + alpha |w|^2

F is half of that over the sigma of the fit, which makes it nats there; what minimises it is the
same. Sigma is a parameter, so that a refit without a row fits it anew.

Maths: docs/math/adapters.md
"""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.adapters.fitted import Coefficients, FittedModel
from derivata.adapters.inputs import (
    columns_of,
    numbers_of,
    require_fitted,
    rows_of,
    weights_of,
)
from derivata.adapters.linear_fit import solver_of
from derivata.adapters.linear_units import LinearUnits
from derivata.adapters.scikit_linear import MEAN
from derivata.contracts import Array, Design
from derivata.designs.dense import DenseDesign
from derivata.errors import NotAvailable
from derivata.integrals.shapes import LinearOutputs
from derivata.losses.joint_scale import JointHuberLoss
from derivata.objective import Objective
from derivata.penalties.smooth import FREE, GroupRidge
from derivata.predictors.separate import SeparateLinear

# Of the range of the targets: a scale below it is that of rounding and tolerances.
LEAST_SCALE = 1e-6
NOTE = (
    "the objective is half scikit-learn's over the scale of the fit ({scale:.4g}); it is no "
    "likelihood, so of standard errors only the sandwich is meant for it"
)


def adapt_huber(model: Any, X: Any, y: Any, sample_weight: Any = None) -> FittedModel:
    """A fitted HuberRegressor: outputs are the prediction and the scale."""
    require_fitted(model)
    rows = rows_of(model, X)
    target = numbers_of(y, rows.shape[0])
    weight = weights_of(sample_weight, rows.shape[0])
    kept = np.flatnonzero(weight)
    rows, target, weight = rows[kept], target[kept], weight[kept]
    loss = JointHuberLoss(float(model.epsilon), _scale(model, target))
    loss.validate(target)
    units = LinearUnits.of(rows, 1.0 if model.fit_intercept else None, centred=True)
    penalty, hyper = _penalty(model, loss.unit)

    def objective(rows: Any, target: Array, weight: Array) -> Objective:
        predictor = SeparateLinear((units.design(rows), _constant(rows.shape[0])))
        return Objective(loss, predictor, penalty, target, weight)

    def judged(X: Any, y: Any, sample_weight: Any = None) -> Objective:
        rows = rows_of(model, X)
        target = numbers_of(y, rows.shape[0])
        loss.validate(target)
        return objective(rows, target, weights_of(sample_weight, rows.shape[0]))

    coef, intercept = model.coef_[None].astype(float), np.array([float(model.intercept_)])
    columns = columns_of(model)
    return FittedModel(
        name=f"HuberRegressor(epsilon={model.epsilon:.4g}, alpha={model.alpha:.4g})",
        objective=objective(rows, target, weight),
        params=np.append(units.params(coef, intercept), loss.unit),
        hyper=hyper,
        kept=kept,
        columns=columns,
        response=MEAN,
        solver=solver_of(penalty, len(target)),
        judged=judged,
        coefficients=_with_scale(units.coefficients(columns, ("",))),
        shape=_shape(model, columns, coef, intercept, loss.unit),
        notes=(NOTE.format(scale=loss.unit),),
    )


def _scale(model: Any, target: Array) -> float:
    scale = float(model.scale_)
    if not scale > LEAST_SCALE * float(np.ptp(target)):
        raise NotAvailable(
            f"`model` is a HuberRegressor whose scale is {scale:.1e}: it fits most rows exactly, "
            "and there its objective has a kink. Leave columns out, or raise `alpha`."
        )
    return scale


def _penalty(model: Any, unit: float) -> tuple[GroupRidge, Array]:
    groups = np.full(model.n_features_in_ + int(model.fit_intercept) + 1, FREE)
    if model.alpha == 0.0:
        return GroupRidge(groups, ()), np.zeros(0)
    groups[: model.n_features_in_] = 0
    return GroupRidge(groups, ("alpha",)), np.log([model.alpha / unit])


def _constant(n_rows: int) -> Design:
    return DenseDesign(np.ones((1, n_rows)))


def _with_scale(coefficients: Coefficients) -> Coefficients:
    """The same, and the scale."""
    n_coefs = len(coefficients.names)
    matrix = np.zeros((n_coefs + 1, n_coefs + 1))
    matrix[:n_coefs, :n_coefs] = (
        coefficients.matrix
        if isinstance(coefficients.matrix, np.ndarray)
        else coefficients.matrix.toarray()
    )
    matrix[-1, -1] = 1.0
    return Coefficients((*coefficients.names, "(scale)"), matrix, np.zeros(n_coefs + 1))


def _shape(
    model: Any, columns: tuple[str, ...], coef: Array, intercept: Array, scale: float
) -> LinearOutputs:
    return LinearOutputs(
        columns,
        np.vstack([coef, np.zeros_like(coef)]),
        np.append(intercept, scale),
        lambda X: rows_of(model, X),
    )
