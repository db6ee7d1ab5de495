"""Turning what users pass in into float64 arrays, with errors that name the column and row."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from derivata.errors import ExtremeValueWarning, InvalidData, warn
from derivata.estimators.bad_input import explain
from derivata.estimators.row_values import refuse_masked

# Beyond this size float64 no longer holds every integer.
LARGEST_EXACT_INTEGER = 2**53
# Squares of larger numbers overflow sums.
LARGEST_VALUE = 1e150
# A narrow float column spans fewer steps of its own rounding than this: digits were lost.
FEWEST_STEPS = 32


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
        If X is no table, or a cell is masked, missing, infinite, beyond 1e150, a date or no
        number; or y is masked, missing or of another length. Names the column and row.
    """
    with_y = not (isinstance(y, str) and y == "no_validation") and y is not None
    refuse_masked(X, "X")
    if with_y:
        refuse_masked(y, "y")
    try:
        _refuse_dates(X)
        check: Any = validate_data  # its own annotations know arrays only
        checked = check(
            estimator,
            X,
            y,
            accept_sparse="csr",
            dtype=np.float64,
            ensure_all_finite=False,
            **checks,
        )
    except InvalidData:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise explain(X, y if with_y else None, error) from error
    rows: Any = checked[0] if with_y else checked
    if sparse.issparse(rows):
        rows = sparse.csr_array(rows)
        rows.sum_duplicates()
    names = column_names(estimator, int(np.shape(rows)[1]))
    largest = _require_finite(rows, names)
    if largest > LARGEST_EXACT_INTEGER and not sparse.issparse(rows):
        _warn_of_wide_integers(X, rows, names)
    if checks.get("reset", True) and not sparse.issparse(rows):
        _warn_of_few_digits(X, rows, names)
    elif not sparse.issparse(rows):
        rows = np.ascontiguousarray(rows)  # for a product's last bit not to depend on the layout
    return (rows, checked[1]) if with_y else rows


def column_names(estimator: BaseEstimator, n_features: int) -> list[str]:
    """The names seen at fit, or x0, x1, ..."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and len(names) == n_features:
        return [str(name) for name in names]
    return [f"x{j}" for j in range(n_features)]


def _refuse_dates(X: Any) -> None:
    """Raise if X holds dates or durations: as numbers they would be nanoseconds since 1970."""
    if isinstance(X, np.ndarray) and X.dtype.kind in "mM":
        raise InvalidData(f"`X` holds {X.dtype}. Turn dates into numbers, such as a count of days.")
    for name, kind in _column_kinds(X).items():
        if kind.is_temporal():
            raise InvalidData(
                f"column {name!r} of `X` holds dates or durations ({kind}). Turn them into "
                "numbers, such as a count of days or the month, or leave the column out."
            )


def _column_kinds(X: Any) -> dict[str, nw.dtypes.DType]:
    """Name and type of every column of a table of any library; empty for arrays."""
    if isinstance(X, np.ndarray | list) or sparse.issparse(X):
        return {}
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return dict(frame.schema) if isinstance(frame, nw.DataFrame) else {}


def _require_finite(X: Any, names: list[str]) -> float:
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


def _warn_of_wide_integers(X: Any, rows: Any, names: list[str]) -> None:
    """Warn of integers that float64 has rounded; only called where some value is that large."""
    kinds = list(_column_kinds(X).values())
    for column in np.flatnonzero(np.abs(rows).max(axis=0, initial=0.0) > LARGEST_EXACT_INTEGER):
        if kinds[column].is_integer() if kinds else getattr(X, "dtype", rows.dtype).kind in "iu":
            warn(
                f"column {names[column]!r} of `X` holds integers above 2^53, which float64 rounds. "
                "If it is an identifier, leave the column out.",
                ExtremeValueWarning,
            )


def _warn_of_few_digits(X: Any, rows: Any, names: list[str]) -> None:
    """Warn of float16 and float32 columns that hold few distinct numbers for lack of digits."""
    for column, dtype in _narrow_columns(X):
        values = rows[:, column]
        step = float(np.spacing(np.abs(values).max().astype(dtype)))
        span = float(values.max() - values.min())
        exact = step <= 1.0 and (values == np.rint(values)).all()
        if 0.0 < span < FEWEST_STEPS * step and not exact:
            warn(
                f"column {names[column]!r} of `X` is {dtype.name} and spans only "
                f"{span / step:.0f} steps of its rounding ({step:.2g}): its digits are lost. "
                "Subtract a constant before storing it, or keep it in float64.",
                ExtremeValueWarning,
            )


def _narrow_columns(X: Any) -> list[tuple[int, np.dtype]]:
    """Columns stored in float16 or float32, and which."""
    if isinstance(X, np.ndarray):
        narrow = X.dtype in (np.float16, np.float32)
        return [(column, X.dtype) for column in range(X.shape[1])] if narrow else []
    kinds = _column_kinds(X).values()
    single = np.dtype(np.float32)
    return [(column, single) for column, kind in enumerate(kinds) if kind == nw.Float32]


def _square_sum(values: Any) -> float:
    flat = values.ravel(order="K")
    return float(np.dot(flat, flat))
