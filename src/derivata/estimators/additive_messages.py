"""What a fitted additive model has to say about itself and the data, as coded warnings.

Every penalty of a term is tuned, so columns that repeat each other are no fault, and a term that
the data do not support is an outcome that ``summary()`` shows. All terms shrunk at once say
something about the data, and so do single values that rule a column of numbers, or the target:

    v^2 > 96 % of (n - 1) / n sum of squares,    v around the column's mean

Maths: docs/math/additive.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.errors import BoundWarning, ExtremeValueWarning, PerfectFitWarning, warn
from derivata.estimators.additive_model import AdditiveModel
from derivata.estimators.extremes import RULING_SHARE
from derivata.estimators.messages import FEWEST_ROWS, NAMED_AT_MOST, FitNotConverged
from derivata.estimators.term_summary import summarize_terms
from derivata.tables import Table

# Residuals below this share of the targets' own size are rounding.
NO_RESIDUAL = 1e-10


def warn_about_additive(
    model: AdditiveModel, table: Table, kept: Array, y: Array, outputs: Array
) -> None:
    """Issue every warning that a finished fit deserves.

    Parameters
    ----------
    model : AdditiveModel
    table : Table                  as the user gave it
    kept : int array (n_rows,)     those of its rows that were fitted
    y : array (n_rows,)            their targets, as the family's loss wants them
    outputs : array (n_rows, k)    of the fit, offsets included
    """
    if not model.converged:
        warn(f"the fit did not converge: {model.reason}. Raise `max_iter`.", FitNotConverged)
    if model.tuning is not None and not model.tuning.converged:
        warn(f"tuning did not converge: {model.tuning.reason}.", FitNotConverged)
    if len(y) < FEWEST_ROWS:
        return
    _warn_of_extremes(model, table, kept)
    _warn_of_extreme_target(model, table, kept, y)
    if model.family.loss().scale_is_free and _is_perfect(model, y, outputs):
        warn(
            "the fit reproduces every target exactly, so error bars are zero. Is the target "
            "computed from the features?",
            PerfectFitWarning,
        )
    elif model.tuning is not None and all(row.shrunk for row in summarize_terms(model).terms):
        warn(
            f"no column helps to predict: the effects of all {len(model.encoder.terms):,} terms "
            "are shrunk to nothing, and predictions hardly differ. Are the rows of `X` and `y` in "
            "the same order?",
            BoundWarning,
        )


def _warn_of_extremes(model: AdditiveModel, table: Table, kept: Array) -> None:
    found = []
    for name in model.encoder.columns:
        if name in model.encoder.texts or table[name].kind != "numeric":
            continue
        row = _ruling_row(table[name].values[kept])
        if row is not None:
            found.append(f"{name!r} ({table.place(int(kept[row]))})")
    if found:
        more = len(found) - NAMED_AT_MOST
        listed = ", ".join(found[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
        warn(
            f"a single value rules column {listed}: it lies so far out that all others look "
            "equal. Correct it, leave the row out, or take the column's logarithm.",
            ExtremeValueWarning,
        )


def _warn_of_extreme_target(model: AdditiveModel, table: Table, kept: Array, y: Array) -> None:
    if model.family.classifies or model.family.name in ("huber", "quantile"):
        return
    row = _ruling_row(y)
    if row is not None:
        warn(
            f"`y` is {y[row]:.6g} ({table.place(int(kept[row]))}), so far out that it rules the "
            "fit: all other targets look equal beside it. Correct it, leave the row out, or use "
            "the family huber.",
            ExtremeValueWarning,
        )


def _ruling_row(values: Array) -> int | None:
    """The row of the number beside which all others of a column look equal, or None."""
    present = np.flatnonzero(~np.isnan(values))
    # In units of the largest, so that squares cannot overflow.
    largest = float(np.abs(values[present]).max(initial=0.0))
    if len(present) < FEWEST_ROWS or largest == 0.0:
        return None
    scaled = values[present] / largest
    apart = scaled - scaled.mean()
    at = int(np.argmax(np.abs(apart)))
    most = float(apart @ apart) * (len(present) - 1) / len(present)
    if apart[at] ** 2 <= RULING_SHARE * most or len(np.unique(values[present])) <= 2:
        return None  # two values are an indicator of a single row, which is sound
    return int(present[at])


def _is_perfect(model: AdditiveModel, y: Array, outputs: Array) -> bool:
    spread = float(np.ptp(y))
    apart = np.abs(model.family.mean(outputs) - y)
    return spread > 0.0 and bool(apart.max() <= NO_RESIDUAL * spread)
