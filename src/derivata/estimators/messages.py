"""What a fit has to say about itself and the data, as coded warnings that name columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from derivata.contracts import HessianInverse
from derivata.curvature.iterative import IterativeInverse
from derivata.designs.dense import DenseDesign
from derivata.designs.standardized import Standardized
from derivata.diagnostics import FlatDirection, collinear_directions, separating_direction
from derivata.errors import (
    BoundWarning,
    CollinearWarning,
    ConstantColumnWarning,
    ExtremeValueWarning,
    NotConvergedWarning,
    PerfectFitWarning,
    SeparationWarning,
    warn,
)
from derivata.estimators.validation import column_names
from derivata.solvers.result import FitResult
from derivata.tuning import TuneResult

NAMED_AT_MOST = 5


class FitNotConverged(NotConvergedWarning, ConvergenceWarning):
    """Derivata's convergence warning that scikit-learn's filters also know."""


def warn_about(
    estimator: Any,
    rows: Standardized,
    fit: FitResult,
    inverse: HessianInverse,
    tuned: TuneResult | None,
) -> None:
    """Issue every warning that a finished fit deserves."""
    names = column_names(estimator, len(rows.scale))
    if not fit.converged:
        warn(
            f"the fit did not converge: {fit.reason}. Raise `max_iter`, or use `solver=Newton()`.",
            FitNotConverged,
        )
    if tuned is not None:
        _warn_of_tuning(tuned)
    _warn_of_columns(rows, names)
    width = len(rows.scale) + rows.has_intercept
    for flat in collinear_directions(inverse):
        # A constant column was reported above; it is flat on its own.
        features = _features(flat, width, names)
        if len(flat.params) > 1:
            warn(
                f"columns {features} repeat each other, so their coefficients are one choice of "
                "many (the smallest is taken; predictions are not affected). Drop one of them, or "
                "give them a penalty.",
                CollinearWarning,
            )
    if isinstance(inverse, IterativeInverse):
        return
    separating = separating_direction(fit.expansion)
    if separating is not None:
        warn(
            f"columns {_features(separating, width, names)} separate the targets: some "
            "coefficients have no finite best value, and those shown are where the solver "
            "stopped. Use `alpha='tune'` or a penalty > 0.",
            SeparationWarning,
        )
    _warn_of_perfect_fit(fit)


def _warn_of_tuning(tuned: TuneResult) -> None:
    if not tuned.converged:
        warn(f"tuning did not converge: {tuned.reason}.", FitNotConverged)
    low = [name for name, side in tuned.at_bound if side == "lower"]
    high = [name for name, side in tuned.at_bound if side == "upper"]
    if low:
        warn(
            f"the penalty of group {_listed(low)} fell to the lower end of its range: the data ask "
            "for none. Use `alpha=0` for that group if you agree.",
            BoundWarning,
        )
    if high:
        warn(
            f"the penalty of group {_listed(high)} rose to the upper end of its range: its "
            "coefficients are shrunk to nothing, as they do not help to predict.",
            BoundWarning,
        )


def _warn_of_columns(rows: Standardized, names: list[str]) -> None:
    if rows.constant.any():
        constant = [names[j] for j in np.flatnonzero(rows.constant)]
        warn(
            f"column {_listed(constant)} holds one value only; its coefficient is 0.",
            ConstantColumnWarning,
        )
    if not isinstance(rows.design, DenseDesign) or not rows.has_intercept:
        return
    columns = rows.design.columns[: len(names)]
    n_rows = columns.shape[1]
    if n_rows < 30:
        return
    spread = np.sqrt(np.einsum("ij,ij->i", columns, columns))
    largest = np.maximum(columns.max(axis=1), -columns.min(axis=1))
    for j in np.flatnonzero((largest > 0.98 * spread) & ~rows.constant):
        # A column with two values may well have one row that differs: that is no extreme value.
        if len(np.unique(columns[j])) > 2:
            row = int(np.argmax(np.abs(columns[j])))
            warn(
                f"column {names[j]!r} is ruled by its value in row {row}, which lies so far out "
                "that all others look equal. Correct it, or take the column's logarithm.",
                ExtremeValueWarning,
            )


def _warn_of_perfect_fit(fit: FitResult) -> None:
    expansion = fit.expansion
    if not expansion.objective.loss.scale_is_free:
        return
    null = float(expansion.objective.weight @ expansion.objective.null_rows.value)
    if expansion.loss_value <= 1e-20 * null and null > 0.0:
        warn(
            "the fit reproduces every target exactly, so error bars are zero. Is the target, or a "
            "copy of it, among the features?",
            PerfectFitWarning,
        )


def _features(flat: FlatDirection, width: int, names: list[str]) -> str:
    seen: list[str] = []
    for param in flat.params:
        column = param % width
        name = names[column] if column < len(names) else "(intercept)"
        if name not in seen:
            seen.append(name)
    return _listed(seen)


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:NAMED_AT_MOST])
    more = len(names) - NAMED_AT_MOST
    return shown if more <= 0 else f"{shown} and {more} more"
