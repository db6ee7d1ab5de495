"""What a penalised linear model minimises: columns standardised, with the penalty of its groups.

    F = sum_i s_i loss(y_i, z_i @ params + offset_i) + R(params),    z the standardised columns

The same for the fit and for whoever asks a fitted model about its rows again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array, Loss, Penalty
from derivata.designs.standardized import Standardized, standardize
from derivata.estimators.groups import resolve_groups
from derivata.estimators.sparse_fit import named_penalty, sparse_groups
from derivata.estimators.validation import column_names
from derivata.estimators.variation_fit import one_scale
from derivata.objective import Objective
from derivata.penalties.smooth import FREE, GroupRidge
from derivata.predictors.linear import LinearPredictor


@dataclass(frozen=True, eq=False)
class LinearProblem:
    """An objective with the way back to the user's columns.

    Attributes
    ----------
    rows : Standardized
    objective : Objective
    groups : (int array (n_features,), tuple of str)
        The penalty group of each column, -1 where free, and their names.
    """

    rows: Standardized
    objective: Objective
    groups: tuple[Array, tuple[str, ...]]


def linear_problem(
    model: Any, X: Any, y: Array, weight: Array, offset: Array | None, loss: Loss
) -> LinearProblem:
    """What a linear model with these settings minimises.

    Parameters
    ----------
    model : PenalizedLinearModel
        Of which ``groups``, ``penalty``, ``standardize``, ``fit_intercept`` and the columns'
        names are read.
    X : array or csr_array (n_rows, n_features)
    y, weight : array (n_rows,)
        Weights above zero.
    offset : array (n_rows, k) or None
    loss : Loss

    Returns
    -------
    LinearProblem
    """
    names = column_names(model, X.shape[1])
    rows = standardize(X, weight, scale=model.standardize, intercept=model.fit_intercept)
    if model.penalty is not None:
        groups = sparse_groups(model, names)
        rows = one_scale(model, rows, groups[0])
        penalty = named_penalty(model, groups[0], rows.has_intercept, loss.n_outputs)
    else:
        groups = resolve_groups(model.groups, names)
        penalty = _ridge(groups, rows.has_intercept, loss.n_outputs)
    predictor = LinearPredictor(rows.design, loss.n_outputs)
    return LinearProblem(rows, Objective(loss, predictor, penalty, y, weight, offset), groups)


def _ridge(groups: tuple[Array, tuple[str, ...]], intercept: bool, n_outputs: int) -> Penalty:
    """The ridge penalty of groups of columns, the intercept's free one included."""
    per_output = np.append(groups[0], FREE) if intercept else groups[0]
    return GroupRidge(np.tile(per_output, n_outputs), groups[1])
