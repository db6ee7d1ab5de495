"""Turning what users pass in into float64 arrays, with errors that name the column and row."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from derivata.contracts import Array
from derivata.errors import ExtremeValueWarning, InvalidData, InvalidWeight, ShapeMismatch, warn

# Beyond this size float64 no longer holds every integer.
LARGEST_EXACT_INTEGER = 2**53
# Squares of larger numbers overflow sums.
LARGEST_VALUE = 1e150


def validate_rows(estimator: BaseEstimator, X: Any, y: Any = "no_validation", **checks: Any) -> Any:
    """X as finite float64 (dense or CSR), and y if given, with scikit-learn's own conventions.

    Parameters
    ----------
    estimator : BaseEstimator
        Receives ``n_features_in_`` and ``feature_names_in_`` unless ``reset=False``.
    X : array-like, frame or sparse matrix (n_rows, n_features)
    y : array-like (n_rows,), optional
    **checks
        Passed to scikit-learn's ``validate_data``.

    Returns
    -------
    X, or (X, y)

    Raises
    ------
    InvalidData
        If a cell is masked, missing, infinite, beyond 1e150 or no number; names it.
    """
    if np.ma.isMaskedArray(X) and np.ma.is_masked(X):
        row, column = np.argwhere(np.ma.getmaskarray(X))[0]
        raise InvalidData(
            f"`X` is a masked array with a masked cell in row {row}, column {column}. "
            "Impute it, or pass NaN to `derivata fit`, which imputes missing numbers."
        )
    try:
        checked = validate_data(
            estimator,
            X,
            y,
            accept_sparse="csr",
            dtype=np.float64,
            ensure_all_finite=False,
            **checks,
        )
    except OverflowError as error:
        raise InvalidData(f"`X` holds an integer too large for float64: {error}.") from error
    except ValueError as error:
        raise _naming_text_cell(X, error) from error
    with_y = not (isinstance(y, str) and y == "no_validation") and y is not None
    rows = checked[0] if with_y else checked
    if sparse.issparse(rows):
        rows = sparse.csr_array(rows)
        rows.sum_duplicates()
    largest = _require_finite(rows, column_names(estimator, rows.shape[1]))
    if largest > LARGEST_EXACT_INTEGER and not sparse.issparse(rows):
        _warn_of_wide_integers(X, rows, column_names(estimator, rows.shape[1]))
    return (rows, checked[1]) if with_y else rows


def column_names(estimator: BaseEstimator, n_features: int) -> list[str]:
    """The names seen at fit, or x0, x1, ..."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and len(names) == n_features:
        return [str(name) for name in names]
    return [f"x{j}" for j in range(n_features)]


def validate_weight(sample_weight: Any, n_rows: int) -> Array:
    """Row weights as float64, ones if None.

    Raises
    ------
    InvalidWeight
        If one is negative, NaN or infinite (names the row), or all are zero.
    ShapeMismatch
        If there are not ``n_rows``.
    """
    if sample_weight is None:
        return np.ones(n_rows)
    if np.ndim(sample_weight := np.asarray(sample_weight)) == 0:
        sample_weight = np.full(n_rows, sample_weight)
    weight = _row_numbers(sample_weight, n_rows, "sample_weight")
    if (weight < 0).any():
        row = int(np.flatnonzero(weight < 0)[0])
        raise InvalidWeight(
            f"`sample_weight` is {weight[row]} in row {row}; a weight must be >= 0 "
            "(0 leaves the row out)."
        )
    if not (weight > 0).any():
        raise InvalidWeight("`sample_weight` is zero in every row, so no row is left to fit.")
    return weight


def validate_offset(offset: Any, n_rows: int) -> Array | None:
    """Offsets on the link scale as (n_rows, 1), or None."""
    return None if offset is None else _row_numbers(offset, n_rows, "offset")[:, None]


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
    numbers = np.asarray(values, dtype=float)
    if numbers.ndim == 2 and numbers.shape[1] == 1:
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


def _require_finite(X: Array | sparse.csr_array, names: list[str]) -> float:
    """The root of the sum of squares, a bound on every value; raises if it is not finite."""
    values = X.data if sparse.issparse(X) else X
    with np.errstate(over="ignore", invalid="ignore"):
        size = _square_sum(values) ** 0.5
        if np.isfinite(size):
            return size
    bad = ~np.isfinite(values) | (np.abs(values) > LARGEST_VALUE)
    if not bad.any():
        return np.inf
    if sparse.issparse(X):
        entry = int(np.flatnonzero(bad)[0])
        row = int(np.searchsorted(X.indptr, entry, side="right")) - 1
        column, value = int(X.indices[entry]), values[entry]
    else:
        row, column = (int(i) for i in np.argwhere(bad)[0])
        value = X[row, column]
    if np.isfinite(value):
        raise InvalidData(
            f"`X` is {value} in row {row}, column {names[column]!r}; numbers beyond "
            f"{LARGEST_VALUE:.0e} cannot be squared. Correct the cell, or rescale the column."
        )
    raise InvalidData(
        f"`X` is {value} in row {row}, column {names[column]!r}: Input X contains NaN or infinity. "
        "Impute it, or let `derivata fit` do so with an indicator column."
    )


def _warn_of_wide_integers(X: Any, rows: Array, names: list[str]) -> None:
    """Warn of integers that float64 has rounded; only called where some value is that large."""
    for column in np.flatnonzero(np.abs(rows).max(axis=0, initial=0.0) > LARGEST_EXACT_INTEGER):
        if _column_kind(X, int(column)) in "iu":
            warn(
                f"column {names[column]!r} of `X` holds integers above 2^53, which float64 rounds. "
                "If it is an identifier, leave the column out.",
                ExtremeValueWarning,
            )


def _column_kind(X: Any, column: int) -> str:
    dtype = getattr(X, "dtype", None)
    if dtype is None and hasattr(X, "columns"):
        dtype = np.asarray(X[X.columns[column]]).dtype
    return getattr(dtype, "kind", "O")


def _naming_text_cell(X: Any, error: ValueError) -> ValueError:
    """The error that names the first cell that is no number, or the error itself."""
    if "could not convert" not in str(error):
        return error
    names = [str(name) for name in getattr(X, "columns", [])]
    cells = np.asarray(X, dtype=object)
    for column in range(cells.shape[1] if cells.ndim == 2 else 0):
        for row, value in enumerate(cells[:, column]):
            try:
                float(value)
            except (TypeError, ValueError):
                name = repr(names[column]) if names else str(column)
                return InvalidData(
                    f"`X` is {value!r} in row {row}, column {name}, which is no number ({error}). "
                    "Encode the column, or let `derivata fit` one-hot encode it."
                )
    return error


def _square_sum(values: Array) -> float:
    flat = values.ravel(order="K")
    return float(np.dot(flat, flat))
