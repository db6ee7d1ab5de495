"""One value a row: targets, labels, weights, offsets and exposures, checked by the row."""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import (
    ExtremeValueWarning,
    InvalidData,
    InvalidTarget,
    InvalidWeight,
    ShapeMismatch,
    warn,
)
from derivata.estimators.bad_input import missing_rows

# Tuning takes fourth powers of targets, and products of weights with their squares.
LARGEST_TARGET, SMALLEST_TARGET = 1e70, 1e-70
LARGEST_WEIGHT, SMALLEST_WEIGHT = 1e100, 1e-100
# A row that holds this share of all weight, among so many, decides the fit by itself.
RULING_SHARE, FEW_ROWS = 0.9, 10


def validate_numbers(y: Array, smallest: float = SMALLEST_TARGET) -> Array:
    """A target of numbers as float64.

    Returns
    -------
    y : array (n_rows,)

    Raises
    ------
    InvalidTarget
        If a value is no number, or the largest is too large, or too small, to be squared.
    """
    if y.dtype.kind in "mMc":
        raise InvalidTarget(
            f"`y` holds {y.dtype}, not real numbers. Turn it into numbers, such as a count of days."
        )
    try:
        numbers = y.astype(float)
    except (TypeError, ValueError):
        row = _first_that_is_no_number(y)
        raise InvalidTarget(
            f"`y` is {y[row]!s:.60} in row {row}, which is no number. Use LogisticClassifier for "
            "labels."
        ) from None
    sizes = np.abs(numbers)
    largest = float(sizes.max(initial=0.0))
    if np.isfinite(largest) and (largest > LARGEST_TARGET or 0.0 < largest < smallest):
        row = int(np.argmax(sizes))
        raise InvalidTarget(
            f"the largest `y` is {numbers[row]} in row {row}; sizes must lie between "
            f"{smallest:.0e} and {LARGEST_TARGET:.0e}. Measure the target in another unit."
        )
    return numbers


def typed_labels(y: Any) -> Any:
    """Labels as they came, but a list that NumPy would turn into text as an array of its objects.

    Else ``[1, "a"]`` and ``["a", nan]`` would be the labels "1" and "nan".
    """
    if isinstance(y, list | tuple) and not all(isinstance(label, str) for label in y):
        array = np.asarray(y)
        if array.dtype.kind in "SU" and array.ndim == 1:
            return np.array(y, dtype=object)
    return y


def validate_labels(y: Array) -> Array:
    """Class labels of one kind and without gaps; those in an object array get a type if they can.

    Returns
    -------
    y : array (n_rows,)

    Raises
    ------
    InvalidTarget
        If a label is missing or a fraction, or labels cannot be sorted; names the row.
    """
    missing = missing_rows(y)
    if len(missing):
        raise InvalidTarget(
            f"`y` is {y[missing[0]]} in row {missing[0]}. (Unknown label type: missing.) Drop the "
            "rows without a target before fitting."
        )
    if y.dtype.kind == "f" and (fractions := np.flatnonzero(y != np.floor(y))).size:
        raise InvalidTarget(
            f"`y` is {y[fractions[0]]} in row {fractions[0]}. (Unknown label type: continuous.) A "
            "classifier needs labels; for numbers use LinearRegressor."
        )
    if y.dtype.kind in "mMc":
        raise InvalidTarget(f"`y` holds {y.dtype}. (Unknown label type.) Turn it into text.")
    if y.dtype.kind != "O":
        return y
    kinds = {type(label) for label in y}
    if len(kinds) > 1 and not all(issubclass(kind, int | float | np.number) for kind in kinds):
        row = next(row for row, label in enumerate(y) if type(label) is not type(y[0]))
        raise InvalidTarget(
            f"`y` mixes labels of type {type(y[0]).__name__} (row 0) and {type(y[row]).__name__} "
            f"(row {row}). (Unknown label type: mixed.) Turn all into text: `y.astype(str)`."
        )
    typed = y if isinstance(y[0], str) else np.array(y.tolist())
    if typed.dtype.kind == "O" and not isinstance(y[0], str):
        raise InvalidTarget(
            f"`y` holds labels of type {type(y[0]).__name__}. (Unknown label type.) Turn them into "
            "text: `y.astype(str)`."
        )
    return typed


def validate_weight(sample_weight: Any, n_rows: int) -> Array:
    """Row weights as float64, ones if None.

    Returns
    -------
    weight : array (n_rows,)

    Raises
    ------
    InvalidWeight
        If one is negative, NaN or infinite (names the row), all but one are zero, or the largest
        lies outside 1e-100 ... 1e100.
    ShapeMismatch
        If there are not ``n_rows``.
    """
    if sample_weight is None:
        return np.ones(n_rows)
    weight = _row_numbers(sample_weight, n_rows, "sample_weight")
    if (weight < 0).any():
        row = int(np.flatnonzero(weight < 0)[0])
        raise InvalidWeight(
            f"`sample_weight` is {weight[row]} in row {row}; a weight must be >= 0 "
            "(0 leaves the row out)."
        )
    n_left, row = int(np.count_nonzero(weight)), int(np.argmax(weight))
    if n_left == 0:
        raise InvalidWeight("`sample_weight` is zero in every row, so no row is left to fit.")
    if n_left == 1 < n_rows:
        raise InvalidWeight(
            f"`sample_weight` is zero in every row but row {row}: one row cannot be both fitted "
            "and judged; at least 2 are needed."
        )
    if not SMALLEST_WEIGHT <= weight[row] <= LARGEST_WEIGHT:
        raise InvalidWeight(
            f"the largest `sample_weight` is {weight[row]} in row {row}; it must lie between "
            f"{SMALLEST_WEIGHT:.0e} and {LARGEST_WEIGHT:.0e}. Divide the weights by their mean."
        )
    if n_left >= FEW_ROWS and weight[row] > RULING_SHARE * weight.sum():
        warn(
            f"row {row} holds {weight[row] / weight.sum():.1%} of all `sample_weight`, so it alone "
            "decides the fit. Check the weights' units.",
            ExtremeValueWarning,
        )
    return weight


def validate_offset(offset: Any, n_rows: int, largest: float = LARGEST_TARGET) -> Array | None:
    """Offsets on the link scale, or None.

    Returns
    -------
    offset : array (n_rows, 1) or None

    Raises
    ------
    InvalidWeight
        If one is no finite number, or larger than ``largest``; names the row.
    """
    if offset is None:
        return None
    numbers = _row_numbers(offset, n_rows, "offset")
    row = int(np.argmax(np.abs(numbers)))
    if abs(numbers[row]) > largest:
        raise InvalidWeight(
            f"`offset` is {numbers[row]} in row {row}, beyond {largest:.0e}: the prediction would "
            "overflow. It is added on the link scale (for counts, the log of the exposure)."
        )
    return numbers[:, None]


def validate_exposure(exposure: Any, n_rows: int) -> Array | None:
    """The log of positive exposures as (n_rows, 1), or None."""
    if exposure is None:
        return None
    numbers = _row_numbers(exposure, n_rows, "exposure")
    if (numbers <= 0).any():
        row = int(np.flatnonzero(numbers <= 0)[0])
        raise InvalidWeight(
            f"`exposure` is {numbers[row]} in row {row}; it must be > 0, as its log is the offset. "
            "Drop rows without exposure."
        )
    return np.log(numbers)[:, None]


def _row_numbers(values: Any, n_rows: int, argument: str) -> Array:
    """One finite number a row, from an array, a column of a table or a single number."""
    refuse_masked(values, argument)
    given = np.asarray(values)
    if given.dtype.kind in "mMcV":
        raise InvalidWeight(f"`{argument}` holds {given.dtype}; expected one real number a row.")
    try:
        numbers = given.astype(float)
    except (TypeError, ValueError):
        row = _first_that_is_no_number(given.ravel())
        raise InvalidWeight(
            f"`{argument}` is {given.ravel()[row]!s:.60} in row {row}; it must be a finite number."
        ) from None
    if numbers.ndim == 0:
        numbers = np.full(n_rows, numbers)
    if numbers.ndim == 2 and numbers.shape[-1] == 1:
        numbers = numbers[:, 0]
    if numbers.ndim != 1:
        raise ShapeMismatch(
            f"`{argument}` has {numbers.ndim} dimensions; Sample weights must be 1D array or "
            "scalar, one number a row."
            if argument == "sample_weight"
            else f"`{argument}` has {numbers.ndim} dimensions; expected one number a row."
        )
    if len(numbers) != n_rows:
        raise ShapeMismatch(
            f"`{argument}` has {len(numbers)} numbers for {n_rows} rows: "
            f"{argument}.shape == {numbers.shape}, expected {(n_rows,)}."
        )
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise InvalidWeight(
            f"`{argument}` is {numbers[row]} in row {row}; it must be a finite number."
        )
    return numbers


def _first_that_is_no_number(values: Array) -> int:
    for row, value in enumerate(values):
        try:
            float(value)
        except (TypeError, ValueError):
            return row
    return 0


def refuse_masked(values: Any, argument: str) -> None:
    """Raise if a cell is masked: NumPy would hand on the number under the mask."""
    if np.ma.isMaskedArray(values) and np.ma.is_masked(values):
        row, *column = np.argwhere(np.ma.getmaskarray(values))[0]
        where = f"row {row}, column {column[0]}" if column else f"row {row}"
        raise InvalidData(
            f"`{argument}` is a masked array with a masked cell in {where}. Impute it, leave the "
            "row out, or pass NaN to `derivata fit`, which imputes missing numbers."
        )
