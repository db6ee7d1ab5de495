"""A fitted additive model of this package as a ``FittedModel``.

    F = sum_i s_i loss(y_i, b + sum_t f_t(x_i) + offset_i) + sum_g alpha_g / 2 |coef_g|^2

The terms (knots, levels, pairs of columns), the family's shape and the penalties are those of the
fit and are taken as given. Where a term is monotone or convex the minimiser lies in the cone of
such curves, and what is derived from it on the face of the cone that holds it (``FaceExpansion``).

Maths: docs/math/adapters_own.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.adapters.fitted import Coefficients, FittedModel
from derivata.adapters.inputs import class_numbers, column_of, require_fitted, weights_of
from derivata.adapters.own_shapes import additive_shape
from derivata.adapters.responses import Response
from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.estimators.additive_fit import last_solver
from derivata.estimators.additive_rows import feature_table, target_rows
from derivata.estimators.additive_surfaces import MANY_ROWS
from derivata.estimators.additive_tuning import TrainingData, objective_of
from derivata.estimators.exposure import log_scale
from derivata.estimators.row_values import typed_labels, validate_numbers
from derivata.objective import Objective
from derivata.tables import Table

# The map from parameters to coefficients is the identity, an array up to this many of them.
LARGEST_MAP = 2_000
EXPOSED = (
    "If it was fitted with `exposure` or `offset`, hand in, as the model, what "
    "`derivata.adapters.own_additive.adapt_additive(model, X, y, exposure=...)` returns."
)


def adapt_additive(
    model: Any,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    exposure: Any = None,
    offset: Any = None,
) -> FittedModel:
    """A fitted ``AdditiveRegressor`` or ``AdditiveClassifier`` beside the rows of its fit.

    Parameters
    ----------
    model : AdditiveRegressor or AdditiveClassifier
    X, y, sample_weight
        What it was fitted to.
    exposure, offset : array-like (n_samples,), optional
        Likewise. What ``judged`` returns takes them too, by the same names.

    Returns
    -------
    FittedModel
        ``shape`` has the terms' effects; ``coefficients`` one a feature and output.

    Raises
    ------
    InvalidParameter               if the model is not fitted, or has no exposures
    TableError, InvalidData        naming the column that is missing, or the row
    """
    require_fitted(model, "model_")
    fitted = _AdditiveRows(model)
    table = feature_table(model, X, reset=False)
    weight = weights_of(sample_weight, table.n_rows)
    kept = np.flatnonzero(weight)
    target, shift = fitted.target(table, y), fitted.shift(exposure, offset, table.n_rows)
    if len(kept) < len(weight):
        table, target, weight = table.take(kept), target[kept], weight[kept]
        shift = None if shift is None else shift[kept]
    value, encoder = model.model_, model.model_.encoder
    with np.errstate(divide="ignore"):  # alpha = 0 is log alpha = -inf: no penalty
        hyper = np.log(np.array(list(value.alphas.values()), dtype=float))
    objective = fitted.nearest(TrainingData(table, target, weight, shift), hyper)
    return FittedModel(
        name=f"{type(model).__name__} ({value.family.name})",
        objective=objective,
        params=value.params.ravel(),
        hyper=hyper,
        kept=kept,
        columns=encoder.columns,
        response=Response(value.family.mean, getattr(model, "classes_", None)),
        solver=last_solver(encoder, objective, model.tol, model.max_iter),
        judged=fitted.judged,
        coefficients=_coefficients(model),
        shape=additive_shape(model),
        dispersion=value.dispersion,
        notes=_notes(model),
        is_tuned=value.tuning is not None,
        hint=EXPOSED if value.family.takes_exposure and shift is None else "",
    )


@dataclass(frozen=True, eq=False)
class _AdditiveRows:
    """Any rows, as a fitted additive model sees them."""

    model: Any

    def target(self, table: Table, y: Any) -> Array:
        """Numbers that are legal for the family, or the numbers of the classes, (n_rows,)."""
        family = self.model.model_.family
        values = typed_labels(y) if family.classifies else y
        # One row alone may be judged, which is what `target_rows` refuses.
        values = target_rows(table, values) if table.n_rows > 1 else column_of(values, 1)
        if family.classifies:
            return class_numbers(values, self.model.classes_, table.n_rows)
        numbers = validate_numbers(values)
        family.validate(numbers)
        return numbers

    def shift(self, exposure: Any, offset: Any, n_rows: int) -> Array | None:
        """log(exposure) + offset, (n_rows,), or None."""
        family = self.model.model_.family
        if family.classifies and not (exposure is None and offset is None):
            raise InvalidParameter(
                "`exposure` or `offset` is given, but AdditiveClassifier is fitted without. Leave "
                "it out."
            )
        return log_scale(family, exposure, offset, n_rows)

    def objective(self, rows: TrainingData, *, coarse: bool = False) -> Objective:
        """The family's loss of these rows with the penalties of the fit."""
        value = self.model.model_
        design = value.encoder.encode(rows.table, coarse=coarse).design()
        return objective_of(design, rows, value.encoder, value.family)

    def nearest(self, rows: TrainingData, hyper: Array) -> Objective:
        """The objective of the fit: of long tables surfaces are fitted to rounded numbers."""
        value = self.model.model_
        exact = self.objective(rows)
        if len(rows.y) < MANY_ROWS or all(len(term.columns) < 2 for term in value.encoder.terms):
            return exact
        params = value.params.ravel()
        either = (exact, self.objective(rows, coarse=True))
        return min(either, key=lambda one: one.at(params, hyper).relative_gradient)

    def judged(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        exposure: Any = None,
        offset: Any = None,
    ) -> Objective:
        """The objective of other rows, all of them."""
        table = feature_table(self.model, X, reset=False)
        target = self.target(table, y)
        weight = weights_of(sample_weight, table.n_rows)
        shift = self.shift(exposure, offset, table.n_rows)
        return self.objective(TrainingData(table, target, weight, shift))


def _coefficients(model: Any) -> Coefficients | None:
    value = model.model_
    n_params = value.params.size
    if n_params > LARGEST_MAP:
        return None
    names = (*value.encoder.feature_names, "(intercept)")
    k = len(value.params)
    labels = [""] if k == 1 else [f"contrast {number + 1}: " for number in range(k)]
    named = tuple(label + name for label in labels for name in names)
    return Coefficients(named, np.eye(n_params), np.zeros(n_params))


def _notes(model: Any) -> tuple[str, ...]:
    value = model.model_
    notes = ["the terms (knots, levels, pairs of columns) are taken as given"]
    if value.family.shape:
        shape = ", ".join(f"{name} = {number:.4g}" for name, number in value.family.shape.items())
        notes.append(f"the family's shape ({shape}) is taken as given")
    return tuple(notes)
