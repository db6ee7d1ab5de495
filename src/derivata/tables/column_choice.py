"""Which columns of a table can be features, and why the others cannot.

    empty         no cell present
    constant      the same value in every row (gaps count as a value); dates that are all the same
    time          times of day or durations, or words like dates of which none can be read
    identifier    text whose every cell differs, over 20 of them; or more than `MAX_LEVELS` words
                  that stand in fewer than two rows each on average

Nothing is left out silently: one warning for each reason names all of its columns.
"""

from __future__ import annotations

import numpy as np

from derivata.errors import ConstantColumnWarning, TableWarning, warn
from derivata.tables import Table
from derivata.tables.columns import Column, quote_names
from derivata.terms.category import MAX_LEVELS, factorize
from derivata.terms.date_words import is_month_first, read_dates

MIN_IDENTIFIERS = 20

_REASONS = {
    "empty": (TableWarning, "no cell present", "Drop {it}, or fill {it}."),
    "constant": (
        ConstantColumnWarning,
        "the same value in every row",
        "That can explain nothing; drop {it} to be rid of this warning.",
    ),
    "time": (
        TableWarning,
        "times, durations or days that are in no calendar, and no dates",
        "Turn {it} into numbers (hours, seconds) to use {it}.",
    ),
    "identifier": (
        TableWarning,
        "a different word in nearly every row, as identifiers and free text have",
        "Group the words into fewer to use {it}.",
    ),
}


def usable_columns(table: Table) -> tuple[Column, ...]:
    """Return the columns that can be features, in order; warn of the others.

    Parameters
    ----------
    table : Table

    Returns
    -------
    columns : tuple of Column      perhaps none
    """
    reasons = {column.name: _why_not(column) for column in table.columns}
    for reason, (category, what, cure) in _REASONS.items():
        names = [name for name, why in reasons.items() if why == reason]
        if names:
            many = len(names) > 1
            warn(
                f"{quote_names(names)} {'hold' if many else 'holds'} {what}, and "
                f"{'are' if many else 'is'} left out. {cure.format(it='them' if many else 'it')}",
                category,
            )
    return tuple(column for column in table.columns if not reasons[column.name])


def _why_not(column: Column) -> str:
    """Return the key in `_REASONS` of why the column is no feature, or ''."""
    missing = column.missing
    if missing.all():
        return "empty"
    has_gaps = bool(missing.any())
    if column.kind == "date":
        words = factorize(column.values)[1]
        days, hours, _ = read_dates(words, is_month_first(words))
        n_times = np.unique((days + hours / 24.0)[~np.isnan(days)]).size
        return ("time", "constant")[n_times] if n_times < 2 else ""
    if column.kind == "numeric":
        low, high = np.fmin.reduce(column.values), np.fmax.reduce(column.values)
        return "constant" if low == high and not has_gaps else ""
    n_present = missing.size - int(missing.sum())
    n_levels = len(factorize(column.values)[1]) - has_gaps
    if n_levels == 1 and not has_gaps:
        return "constant"
    if n_levels == n_present > MIN_IDENTIFIERS:
        return "identifier"
    return "identifier" if n_levels > max(MAX_LEVELS, n_present / 2) else ""
