"""What a fit has to say about itself and the data, as coded warnings that name columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from derivata.contracts import Array, HessianInverse
from derivata.curvature.active import ActiveExpansion
from derivata.curvature.chain import ChainExpansion
from derivata.curvature.iterative import IterativeInverse
from derivata.designs.standardized import Standardized
from derivata.diagnostics import (
    FlatDirection,
    collinear_directions,
    lone_rows,
    name_directions,
    separating_direction,
)
from derivata.errors import (
    BoundWarning,
    CollinearWarning,
    ConstantColumnWarning,
    ExtremeValueWarning,
    LeverageWarning,
    NotConvergedWarning,
    PerfectFitWarning,
    SeparationWarning,
    warn,
)
from derivata.estimators.extremes import extreme_columns, extreme_value
from derivata.estimators.validation import column_names
from derivata.objective import Expansion
from derivata.solvers.result import FitResult
from derivata.tuning import TuneResult

NAMED_AT_MOST = 5
# Fewer rows than these agree with a target, or stand apart, by chance.
FEWEST_ROWS = 10
# The relative gradient below which a fit, converged or not, says something about the data.
NEAR = 0.01


class FitNotConverged(NotConvergedWarning, ConvergenceWarning):
    """Derivata's convergence warning that scikit-learn's filters also know."""


def warn_about(
    estimator: Any,
    rows: Standardized,
    fit: FitResult,
    inverse: HessianInverse,
    tuned: TuneResult | None,
    row_numbers: Array | None = None,
) -> None:
    """Issue every warning that a finished fit deserves.

    ``row_numbers`` (n_rows,) are those of the user's table, where some of its rows were left out.
    """
    names = column_names(estimator, len(rows.scale))
    if row_numbers is None:
        row_numbers = np.arange(len(fit.expansion.objective.y))
    if not fit.converged:
        warn(
            f"the fit did not converge: {fit.reason}. Raise `max_iter`, or use `solver=Newton()`.",
            FitNotConverged,
        )
    if tuned is not None:
        warn_of_tuning(tuned)
    _warn_of_constants(rows, names)
    _warn_of_extremes(rows, fit.expansion, names, row_numbers)
    _warn_of_collinear(rows, fit.expansion, inverse, names)
    explained = _warn_of_copies(fit.expansion, names) or _warn_of_perfect_fit(fit.expansion)
    if isinstance(inverse, IterativeInverse):
        return
    separated = _warn_of_separation(rows, fit.expansion, names, tuned)
    if not explained and not separated:
        _warn_of_lone_rows(fit.expansion, inverse, row_numbers)


def warn_of_tuning(tuned: TuneResult) -> None:
    """Warn of a search that stopped early, or ended on the edge of its range."""
    if not tuned.converged:
        warn(f"tuning did not converge: {tuned.reason}.", FitNotConverged)
    # One of several groups at an end is an outcome like any other, and `tuning_.at_bound` has it;
    # all of them there say something about the data.
    low = [name for name, side in tuned.at_bound if side == "lower"]
    high = [name for name, side in tuned.at_bound if side == "upper"]
    if len(low) == len(tuned.hyper):
        warn(
            f"the penalty of group {_listed(low)} fell to the lower end of its range: the data ask "
            "for none. Use `alpha=0` for that group if you agree.",
            BoundWarning,
        )
    if len(high) == len(tuned.hyper):
        warn(
            f"the penalty of group {_listed(high)} rose to the upper end of its range: its "
            "coefficients are shrunk to nothing, as they do not help to predict.",
            BoundWarning,
        )


def _warn_of_constants(rows: Standardized, names: list[str]) -> None:
    if rows.tiny.any():
        tiny = [names[j] for j in np.flatnonzero(rows.tiny)]
        warn(
            f"column {_listed(tiny)} holds numbers too small to be squared; its coefficient is 0. "
            "Measure it in another unit.",
            ConstantColumnWarning,
        )
    same = rows.constant & ~rows.tiny
    if not rows.has_intercept:
        # It serves as the intercept, unless it is zero.
        same &= rows.design.column_squares(np.ones(rows.design.n_rows)) == 0.0
    if same.any():
        constant = [names[j] for j in np.flatnonzero(same)]
        warn(
            f"column {_listed(constant)} holds one value only, up to rounding; its coefficient is "
            "0. Leave it out; or, if it should vary, subtract a constant before storing it.",
            ConstantColumnWarning,
        )


def _warn_of_extremes(
    rows: Standardized, expansion: Expansion, names: list[str], row_numbers: Array
) -> None:
    objective = expansion.objective
    used = np.flatnonzero(objective.weight > 0.0)
    if len(used) < FEWEST_ROWS:
        return
    found = extreme_columns(rows, used)
    if found:
        each = [f"{names[j]!r} (row {row_numbers[row]})" for j, row in found[:NAMED_AT_MOST]]
        more = len(found) - len(each)
        listed = ", ".join(each) + (f" and {more} more" if more > 0 else "")
        warn(
            f"a single value rules column {listed}: it lies so far out that all others look "
            "equal. Correct it, leave the row out, or take the column's logarithm.",
            ExtremeValueWarning,
        )
    if objective.loss.name in ("logistic", "softmax"):
        return
    residual = objective.null_rows.gradient[used, 0]
    row = extreme_value(residual)
    if row is not None:
        warn(
            f"`y` is {objective.y[used[row]]:.6g} in row {row_numbers[used[row]]}, so far out that "
            "it rules the fit: all other targets look equal beside it. Correct it, or leave the "
            "row out.",
            ExtremeValueWarning,
        )


def _warn_of_copies(expansion: Expansion, names: list[str]) -> bool:
    """Warn of columns that are the target itself; whether there are any."""
    objective = expansion.objective
    if objective.predictor.n_outputs > 1 or np.count_nonzero(objective.weight) < FEWEST_ROWS:
        return False
    null = objective.weight[:, None] * objective.null_rows.gradient
    # |x . residual| <= |x| |residual|, with equality for a copy.
    along = np.abs(objective.predictor.vjp(expansion.params, null)) / objective.gradient_scale
    copies = [names[j] for j in np.flatnonzero(along[: len(names)] > 1.0 - 1e-10)]
    if copies:
        warn(
            f"column {_listed(copies)} is a copy of the target, up to its unit. Leave it out, "
            "unless it will be known wherever predictions are wanted.",
            PerfectFitWarning,
        )
    return bool(copies)


def _warn_of_perfect_fit(expansion: Expansion) -> bool:
    """Warn of residuals that are zero; whether they are."""
    objective = expansion.objective
    if not objective.loss.scale_is_free:
        return False
    null = 2.0 * (float(objective.weight @ objective.null_rows.value) - objective.saturated)
    perfect = expansion.deviance <= 1e-20 * null and null > 0.0
    if perfect:
        warn(
            "the fit reproduces every target exactly, so error bars are zero. Are there more "
            "columns than rows, or is the target computed from the features?",
            PerfectFitWarning,
        )
    return perfect


def _warn_of_collinear(
    rows: Standardized, expansion: Expansion, inverse: HessianInverse, names: list[str]
) -> None:
    width = len(rows.scale) + rows.has_intercept
    directions = collinear_directions(expansion, inverse)
    flat = name_directions(directions)
    if flat:
        sets = list(dict.fromkeys(_features(direction, width, names) for direction in flat))
        more = len(sets) - NAMED_AT_MOST
        warn(
            f"columns {'; and '.join(sets[:NAMED_AT_MOST])}{f'; and {more} more' * (more > 0)} "
            "repeat each other, so their coefficients are one choice of many (the smallest is "
            "taken; predictions are not affected). Drop one of each set, or give them a penalty.",
            CollinearWarning,
        )
    elif directions.shape[1]:
        warn(
            f"{directions.shape[1]:,} combinations of the {len(names):,} columns are not "
            f"determined by the {rows.design.n_rows:,} rows, so coefficients are one choice of "
            "many (the smallest is taken). Use `alpha='tune'` or a penalty > 0.",
            CollinearWarning,
        )


def _warn_of_separation(
    rows: Standardized, expansion: Expansion, names: list[str], tuned: TuneResult | None
) -> bool:
    if isinstance(expansion, (ActiveExpansion, ChainExpansion)):
        return False  # the pull of a kink has no curvature, but it holds coefficients
    # Far from a minimum, losses may be flat for other reasons.
    near = expansion.relative_gradient < NEAR
    separating = separating_direction(expansion) if near else None
    if separating is None:
        return False
    width = len(rows.scale) + rows.has_intercept
    cure = "Use `alpha='tune'` or a penalty > 0."
    if tuned is not None:
        cure = (
            "Their penalties are zero or next to it: give columns without a group one, or set "
            "`alpha` yourself."
        )
    warn(
        f"columns {_features(separating, width, names)} separate the targets: some coefficients "
        f"have no finite best value, and those shown are where the solver stopped. {cure}",
        SeparationWarning,
    )
    return True


def _warn_of_lone_rows(expansion: Expansion, inverse: HessianInverse, row_numbers: Array) -> None:
    alone = row_numbers[lone_rows(expansion, inverse)]
    if len(alone):
        shown = ", ".join(str(row) for row in alone[:NAMED_AT_MOST])
        more = len(alone) - NAMED_AT_MOST
        warn(
            f"row {shown}{f' and {more} more' if more > 0 else ''} is fitted by itself alone (its "
            "leverage is 1), so leave-one-out cannot judge it. Give the columns in which it "
            "differs from all others a penalty, or leave the row out.",
            LeverageWarning,
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
