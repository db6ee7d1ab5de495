"""Which loss a target asks for, told from its values, with the reason in a sentence.

    words             2 levels: logistic;  3 to 50: softmax
    two numbers       logistic
    labels            softmax: whole numbers 0..k-1 or 1..k, 3 <= k <= 10, in five rows or more
                      each, that do not thin out as counts do
    counts            poisson: whole numbers from 0 or 1 up with a long right tail (skewness > .3)
    amounts           gamma: positive numbers with a long right tail that logarithms take away
                      tweedie: zeros (1 % or more, in five rows or more) beside positive numbers
                      that are no counts, with a long right tail (skewness > 1)
    anything else     squared

Amounts are told from others only where the caller can fit them (``families``). A positive target
has such a tail if one in a hundred rows exceeds five times the median, and the logarithms are less
than half as skew. Numbers above zero are no counts if some have fractions or none is below 10.

Skewness is E (y - m)^3 / s^3. Counts "thin out" if they begin at 0 and the largest value is both
the rarest and rarer than 5 %: so 0, 1, 2, 3 claims are counts while 0 to 9 of equally many digits,
or species 1 to 3, are labels. No rule can be right for every table, so the reason is always printed
and `--family` overrides it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from derivata.errors import InvalidTarget, TableError
from derivata.tables import Table
from derivata.tables.columns import Column
from derivata.terms.category import factorize

MAX_CLASSES = 50
MAX_LABELS = 10
MIN_ROWS_A_LABEL = 5
MIN_SKEWNESS = 0.3  # that of Poisson counts of mean 11; with a larger mean squares do as well
# Of amounts: skewness, one in a hundred over the median, and how skew the logarithms may be.
AMOUNT_SKEWNESS, AMOUNT_TAIL, LOG_SHARE = 1.0, 5.0, 0.5
# Whole numbers up to this size are counts before they are amounts.
LARGEST_COUNT = 10_000
MIN_ZERO_SHARE, MIN_ZEROS, MIN_AMOUNTS, COUNT_GAP = 0.01, 5, 10, 10.0
FIRST_FAMILIES = ("squared", "logistic", "softmax", "poisson")


@dataclass(frozen=True)
class TaskChoice:
    """The family chosen for a target.

    Parameters
    ----------
    family : str                   "squared", "logistic", "softmax", "poisson", "gamma", "tweedie"
    reason : str                   a sentence
    """

    family: str
    reason: str


def infer_task(
    values: np.ndarray, name: str = "y", families: Collection[str] = FIRST_FAMILIES
) -> TaskChoice:
    """Choose the family for a target without missing cells.

    Parameters
    ----------
    values : (n_rows,)             float64, or object array of str
    name : str                     of the column, for the reason
    families : collection of str   those the caller can fit; gamma and tweedie only if they are here

    Returns
    -------
    choice : TaskChoice

    Raises
    ------
    InvalidTarget                  if it has one value only, is missing or infinite somewhere, or
                                   has more than `MAX_CLASSES` words
    """
    column = Column(name, values)
    if column.missing.any():
        raise InvalidTarget(
            f"target {name!r} is missing in {column.missing.sum()} rows, the first is row "
            f"{np.argmax(column.missing)} (counted from 0). Drop those rows."
        )
    if column.kind == "text":
        return _of_words(values, name)
    return _of_numbers(values, name, families)


def take_target(table: Table, name: str, drop_missing: bool = False) -> tuple[Table, Column]:
    """Part a table into its features and its target.

    Parameters
    ----------
    table : Table
    name : str                     the target's column
    drop_missing : bool            leave out the rows where it is missing, instead of refusing

    Returns
    -------
    features : Table               every other column
    target : Column                without missing cells

    Raises
    ------
    TableError                     if there is no such column, it is missing or infinite somewhere,
                                   it holds dates, or another column is equal to it
    """
    target = table[name]
    if target.kind == "date":
        raise TableError(
            f"{table.source}: target {name!r} holds dates. Turn it into a number first, such as "
            "the days since the first."
        )
    if drop_missing and target.missing.any() and not target.missing.all():
        table = table.take(~target.missing)
        target = table[name]
    gaps = np.flatnonzero(target.missing)
    if gaps.size:
        raise TableError(
            f"{table.place(int(gaps[0]))}: target {name!r} is missing there, and in {gaps.size:,} "
            f"of {table.n_rows:,} rows in all. A row without a target teaches nothing: drop such "
            "rows (`--drop-missing-target`). If an empty-looking word is a class of its own, spell "
            "it otherwise."
        )
    if target.kind == "numeric" and np.isinf(target.values).any():
        row = int(np.argmax(np.isinf(target.values)))
        raise TableError(
            f"{table.place(row)}: target {name!r} is infinite. Correct it, or leave the row out."
        )
    features = table.without([name])
    for column in features.columns:
        if column.kind == target.kind and np.array_equal(column.values, target.values):
            raise TableError(
                f"{table.source}: column {column.name!r} is equal to the target {name!r} in every "
                f"row, so it would predict it perfectly and teach nothing. Drop it "
                f"(`--drop {column.name!r}`)."
            )
    return features, target


def _of_words(values: np.ndarray, name: str) -> TaskChoice:
    codes, levels = factorize(values)
    counts = np.bincount(codes)
    shown = ", ".join(repr(level) for level in sorted(levels)[:4])
    if len(levels) == 1:
        raise InvalidTarget(f"target {name!r} is {shown} in every row: there is nothing to learn.")
    if len(levels) == 2:
        return TaskChoice("logistic", f"target {name!r} has two classes, {shown}.")
    if len(levels) > MAX_CLASSES:
        raise InvalidTarget(
            f"target {name!r} is text with {len(levels):,} different words ({shown}, ...), more "
            f"than {MAX_CLASSES} classes. Is it the right column? If it should be numeric, correct "
            "the cells that are no numbers; if it is a class, merge the rare ones."
        )
    return TaskChoice(
        "softmax",
        f"target {name!r} is text with {len(levels)} classes ({shown}, ...; the rarest has "
        f"{counts.min()} rows).",
    )


def _of_numbers(values: np.ndarray, name: str, families: Collection[str]) -> TaskChoice:
    numbers, counts = np.unique(values, return_counts=True)
    low, high = numbers[0], numbers[-1]
    if not np.isfinite([low, high]).all():
        row = int(np.argmax(~np.isfinite(values)))
        raise InvalidTarget(f"target {name!r} is infinite in row {row} (counted from 0).")
    if numbers.size == 1:
        raise InvalidTarget(f"target {name!r} is {low:g} in every row: there is nothing to learn.")
    if numbers.size == 2:
        return TaskChoice("logistic", f"target {name!r} has two values, {low:g} and {high:g}.")
    span = f"from {low:g} to {high:g}"
    amounts = _of_amounts(values, numbers, name)
    if amounts is not None and amounts.family in families:
        return amounts
    if np.any(numbers % 1):
        return TaskChoice("squared", f"target {name!r} holds numbers with fractions {span}.")
    few = high < LARGEST_COUNT and low > 1 and low < 0.1 * np.median(values)
    if low not in (0.0, 1.0) and not few:
        return TaskChoice(
            "squared",
            f"target {name!r} holds whole numbers {span}, which do not begin at 0 or 1 as classes "
            "and counts do.",
        )
    thins_out = low == 0 and counts[-1] == counts.min() and counts[-1] < 0.05 * values.size
    if (
        numbers.size <= MAX_LABELS
        and high - low == numbers.size - 1
        and counts.min() >= MIN_ROWS_A_LABEL
        and not thins_out
    ):
        return TaskChoice(
            "softmax",
            f"target {name!r} holds the {numbers.size} whole numbers {span}, each in at least "
            f"{counts.min()} rows: read as class labels. If they are amounts, pass `--family "
            "squared` or `--family poisson`.",
        )
    skewness = _skewness(values)
    if skewness > MIN_SKEWNESS:
        return TaskChoice(
            "poisson",
            f"target {name!r} holds whole numbers {span} with a long right tail (mean "
            f"{values.mean():.3g}, skewness {skewness:.2g}): read as counts.",
        )
    return TaskChoice(
        "squared",
        f"target {name!r} holds whole numbers {span} without the long right tail of counts "
        f"(skewness {skewness:.2g}).",
    )


def _of_amounts(values: np.ndarray, numbers: np.ndarray, name: str) -> TaskChoice | None:
    """Gamma or Tweedie if the numbers, whose distinct ones are ``numbers``, look like amounts."""
    low, high = numbers[0], numbers[-1]
    whole = not np.any(numbers % 1)
    if low < 0 or numbers.size <= MIN_AMOUNTS or (whole and low == 1.0):
        return None
    skewness = _skewness(values)
    if skewness <= AMOUNT_SKEWNESS:
        return None
    if low == 0:
        zeros = int(np.count_nonzero(values == 0))
        counts = whole and numbers[1] < COUNT_GAP
        if counts or zeros < max(MIN_ZEROS, MIN_ZERO_SHARE * values.size):
            return None
        return TaskChoice(
            "tweedie",
            f"target {name!r} is zero in {zeros:,} rows and otherwise from {numbers[1]:g} to "
            f"{high:g} with a long right tail (skewness {skewness:.2g}): read as sums of amounts.",
        )
    if whole and high < LARGEST_COUNT:
        return None
    tail = float(np.quantile(values, 0.99) / np.median(values))
    of_logs = _skewness(np.log(values))
    if tail <= AMOUNT_TAIL or abs(of_logs) >= LOG_SHARE * skewness:
        return None
    return TaskChoice(
        "gamma",
        f"target {name!r} holds positive numbers from {low:g} to {high:g} with a long right tail "
        f"(one in a hundred exceeds {tail:.3g} times the median; skewness {skewness:.2g}, of the "
        f"logarithms {of_logs:.2g}): read as amounts.",
    )


def _skewness(values: np.ndarray) -> float:
    standard = (values - values.mean()) / values.std()
    return float(np.mean(standard**3))
