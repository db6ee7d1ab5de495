"""Coefficients made comparable: what a feature moves the output by, a standard deviation at a time.

    effect_j = coef_j * sd(x_j),      error likewise

The output is the prediction itself (squared), the log-odds of the second class (logistic), the
log-odds of a class against the mean of all (softmax) or the log of the rate (poisson).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.estimators.table_model import TableModel

MOST = 60


@dataclass(frozen=True)
class Effect:
    """One coefficient.

    Parameters
    ----------
    feature : str
    group : str                    its penalty group
    label : str                    the class it speaks for; "" if there is one output
    coef : float                   in the column's own units
    coef_error : float             its posterior standard error; NaN if unknown
    size : float                   the effect of one standard deviation
    error : float                  of ``size``; NaN if unknown
    """

    feature: str
    group: str
    label: str
    coef: float
    coef_error: float
    size: float
    error: float

    @property
    def ratio(self) -> float:
        """coef / standard error; NaN if that is unknown or zero."""
        return self.coef / self.coef_error if self.coef_error > 0 else float("nan")


def strongest_effects(model: TableModel, most: int = MOST) -> tuple[tuple[Effect, ...], int]:
    """The largest effects, largest first; an equal share of them for each of several classes.

    Parameters
    ----------
    model : TableModel
    most : int                     how many in all; at least one a class

    Returns
    -------
    effects : tuple of Effect
    n_effects : int                how many there are in all
    """
    coef, errors, labels = _by_label(model)
    sizes = coef * model.feature_scale
    share = max(most // len(labels), 1)
    names = model.encoder.feature_names
    kinds = [model.encoder.group_names[group] for group in model.encoder.groups]
    chosen = []
    for row, label in enumerate(labels):
        order = np.argsort(-np.abs(sizes[row]), kind="stable")[:share]
        chosen += [
            Effect(
                names[j],
                kinds[j],
                label,
                float(coef[row, j]),
                float(errors[row, j]),
                float(sizes[row, j]),
                float(errors[row, j] * model.feature_scale[j]),
            )
            for j in order
        ]
    return tuple(chosen), coef.size


def _by_label(model: TableModel) -> tuple[Array, Array, tuple[str, ...]]:
    """Coefficients and standard errors (m, n_features), and the m labels."""
    summary = model.estimator.summary()
    n_features = len(model.encoder.feature_names)
    shape = (-1, n_features + 1)  # the intercept comes last in each row
    coef = np.asarray(summary.coef).reshape(shape)[:, :-1]
    unknown = summary.standard_error is None
    errors = np.full(coef.shape, np.nan)
    if not unknown:
        errors = np.asarray(summary.standard_error).reshape(shape)[:, :-1]
    return coef, errors, model.classes if len(coef) > 1 else ("",)
