"""A fitted linear model of this package as a ``FittedModel``.

    F = sum_i s_i loss(y_i, z_i @ params + offset_i) + R(params),    z the standardised columns

The columns are standardised again, by the rows and weights of the fit, and the penalty is built
again from the model's own settings and the strengths it found; the parameters are its coefficients
in units of the standardised columns. Means and scales of the columns are taken as given: a refit of
the estimator without a row would standardise anew.

Maths: docs/math/adapters_own.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone

from derivata.adapters.fitted import Coefficients, FittedModel
from derivata.adapters.inputs import columns_of, require_fitted, weights_of
from derivata.adapters.linear_kinds import LinearKind, kind_of
from derivata.adapters.linear_units import LinearUnits
from derivata.adapters.own_shapes import linear_shape
from derivata.adapters.scikit_logistic import CLASS_WEIGHTS
from derivata.contracts import Array
from derivata.designs.standardized import Standardized
from derivata.estimators.base import PRECISION
from derivata.estimators.linear_problem import LinearProblem, linear_problem
from derivata.estimators.sparse_fit import sparse_solver
from derivata.estimators.validation import validate_rows
from derivata.integrals.shapes import Shape
from derivata.objective import Objective
from derivata.predictors.linear import LinearPredictor
from derivata.tuning import Solver

SCALES = "means and scales of the columns are taken as given"


def adapt_linear(
    model: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    exposure: Any = None,
    offset: Any = None,
) -> FittedModel:
    """A fitted linear model of this package beside the rows of its fit.

    Parameters
    ----------
    model : LinearRegressor, LogisticClassifier or PoissonRegressor
    X, y, sample_weight
        What it was fitted to. Weights of classes are the model's own and a part of the loss.
    exposure : array-like (n_samples,), optional
        Of counts, as at the fit.
    offset : array-like (n_samples,), optional
        Likewise. ``judged`` takes both too, by the same names.

    Returns
    -------
    FittedModel
        ``coefficients`` in the user's units, of each class where there are several.

    Raises
    ------
    InvalidParameter               if the model is not fitted, or takes no exposure
    InvalidData                    naming the column or the row that does not fit the model
    """
    require_fitted(model, "_output_coef")
    shape = linear_shape(model)
    return linear_model(model, kind_of(model), shape, X, y, sample_weight, exposure, offset)


def linear_model(
    model: Any,
    kind: LinearKind,
    shape: Shape,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    exposure: Any = None,
    offset: Any = None,
) -> FittedModel:
    """A fitted ``PenalizedLinearModel`` of some kind beside the rows of its fit."""
    rows = validate_rows(model, X, reset=False)
    own = weights_of(sample_weight, rows.shape[0])
    weight = kind.weight(y, own)
    kept = np.flatnonzero(weight)
    target = kind.target(y, weight)
    shift = kind.shift(exposure, offset, len(weight))
    hint = kind.hint if shift is None else ""
    if len(kept) < len(weight):
        rows, target, weight = rows[kept], target[kept], weight[kept]
        shift = None if shift is None else shift[kept]
    problem = linear_problem(model, rows, target, weight, shift, kind.loss)
    loss, notes = kind.weighted_loss(y), ()
    if loss is not kind.loss:  # a class weight is a cost of the row, not a number of rows
        objective, notes = replace(problem.objective, loss=loss, weight=own[kept]), (CLASS_WEIGHTS,)
        problem = replace(problem, objective=objective)
    with np.errstate(divide="ignore"):  # alpha = 0 is log alpha = -inf: no penalty
        hyper = np.log(np.array(list(model.alphas_per_group_.values()), dtype=float))
    columns = columns_of(model)
    return FittedModel(
        name=_name(model),
        objective=problem.objective,
        params=problem.rows.params(model._output_coef, model._output_intercept).ravel(),
        hyper=hyper,
        kept=kept,
        columns=columns,
        response=kind.response,
        solver=_solver(model, problem.objective),
        judged=_Judged(model, kind, problem),
        coefficients=_coefficients(problem.rows, columns, kind),
        shape=_with_middle(shape, rows, weight),
        dispersion=model.dispersion_ if kind.loss.scale_is_free else None,
        notes=(SCALES, *notes) if model.standardize else notes,
        is_tuned=model.tuning_ is not None,
        hint=hint,
    )


@dataclass(frozen=True, eq=False)
class _Judged:
    """Other rows, with the columns centred and scaled as those of the fit."""

    model: Any
    kind: LinearKind
    problem: LinearProblem

    def __call__(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        exposure: Any = None,
        offset: Any = None,
    ) -> Objective:
        rows = validate_rows(self.model, X, reset=False)
        weight = weights_of(sample_weight, rows.shape[0])
        target = self.kind.target(y, np.ones(len(weight)))
        fitted = self.problem.objective
        predictor = LinearPredictor(self.problem.rows.of(rows), fitted.loss.n_outputs)
        shift = self.kind.shift(exposure, offset, len(weight))
        return Objective(fitted.loss, predictor, fitted.penalty, target, weight, shift)


def _solver(model: Any, objective: Objective) -> Solver:
    """What ends a fit of the model's size, whichever solver began it."""
    plain: Any = clone(model)
    plain.set_params(solver=None)
    if hasattr(objective.penalty, "prox"):
        return sparse_solver(plain)
    return plain._solver(objective, model.tol, PRECISION)


def _coefficients(rows: Standardized, columns: tuple[str, ...], kind: LinearKind) -> Coefficients:
    """The map back to the user's units: coef = w / scale, intercept = b - coef @ center."""
    units = LinearUnits(rows.center, 1.0 if rows.has_intercept else None, kind.contrasts)
    found = units.coefficients(columns, kind.labels)
    one = 1.0 / rows.scale
    if rows.has_intercept:
        one = np.append(np.where(rows.constant, 0.0, one), 1.0)
    factor = np.tile(one, kind.loss.n_outputs)
    matrix: Any = found.matrix
    matrix = matrix @ sparse.diags_array(factor) if sparse.issparse(matrix) else matrix * factor
    return Coefficients(found.names, matrix, found.shift)


def _with_middle(shape: Shape, rows: Any, weight: Array) -> Shape:
    """The shape with the mean of the rows of the fit to compare others with."""
    return replace(shape, middle=(rows.T @ weight) / weight.sum())


def _name(model: Any) -> str:
    inner = [] if model.penalty is None else [f"penalty={model.penalty!r}"]
    if isinstance(model.alpha_, float):
        inner.append(f"alpha={model.alpha_:.4g}")
    return f"{type(model).__name__}({', '.join(inner)})"
