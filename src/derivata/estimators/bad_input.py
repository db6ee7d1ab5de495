"""What is wrong with an X or a y that was refused: the row, the column and the cure.

Nothing here runs on sound input. Where scikit-learn's own sentence is clear, it is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from derivata.contracts import Array
from derivata.errors import InvalidData, InvalidTarget, ShapeMismatch


class UnreadableInput(InvalidData, TypeError):
    """``InvalidData`` where Python raises ``TypeError``, so that handlers of either catch it."""


def explain(X: Any, y: Any, error: Exception) -> InvalidData:
    """The error that names what made scikit-learn refuse X and y (None if there is no y)."""
    for find in (_wrong_shape, _wrong_names, _complex_numbers, _wrong_cell, _wrong_target):
        found = find(X, y, error)
        if found is not None:
            return found
    return (UnreadableInput if isinstance(error, TypeError) else InvalidData)(str(error).strip())


def names_of(X: Any) -> list[Any] | None:
    """Column names of a table of any library, None for arrays, lists and sparse matrices."""
    names = getattr(X, "column_names", getattr(X, "columns", None))  # pyarrow's, everyone else's
    return None if names is None else list(names)


def missing_rows(y: Array) -> Array:
    """Rows (m,) of an array of any type that hold None, NaN, NaT or pandas' NA."""
    if y.dtype.kind in "fc":
        return np.flatnonzero(np.isnan(y))
    if y.dtype.kind != "O":
        return np.zeros(0, dtype=np.intp)
    return np.array([row for row, value in enumerate(y) if _is_missing(value)], dtype=np.intp)


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def _wrong_shape(X: Any, y: Any, error: Exception) -> InvalidData | None:
    if X is None or isinstance(X, str | bytes) or not hasattr(X, "__len__"):
        return UnreadableInput(
            f"`X` is {type(X).__name__} {X!r:.60}; Expected 2D array, a frame or a sparse matrix, "
            "(n_samples, n_features). Reshape your data."
        )
    if not hasattr(X, "shape"):
        ragged = _ragged_row(X)
        if ragged is not None:
            return ragged
    shape = np.shape(X)
    if len(shape) != 2:
        return ShapeMismatch(
            f"`X` has the shape {shape}; Expected 2D array, (n_samples, n_features). Reshape your "
            "data: `X.reshape(-1, 1)` if it is one column, `X.reshape(1, -1)` if it is one row."
        )
    if shape[1] == 0:
        return InvalidData(
            f"`X` has no columns: found 0 feature(s) (shape={shape}) while a minimum of 1 is "
            "required. Was every column dropped?"
        )
    if shape[0] == 0:
        return InvalidData(
            f"`X` has no rows: found 0 sample(s) (shape={shape}) while a minimum of 1 is required. "
            "Was every row filtered out?"
        )
    return None


def _ragged_row(X: Any) -> InvalidData | None:
    lengths = [len(row) if hasattr(row, "__len__") else -1 for row in X]
    for row, length in enumerate(lengths):
        if length != lengths[0]:
            return ShapeMismatch(
                f"row {row} of `X` has {max(length, 1)} values but row 0 has "
                f"{max(lengths[0], 1)}; every row needs one for each column."
            )
    return None


def _wrong_names(X: Any, y: Any, error: Exception) -> InvalidData | None:
    names = names_of(X) or []
    seen = set()
    for name in names:
        if name in seen:
            return InvalidData(
                f"`X` has more than one column named {name!r}. Rename one, or leave it out."
            )
        seen.add(name)
    if "Feature names are only supported" in str(error):
        odd = next(name for name in names if not isinstance(name, str))
        return UnreadableInput(
            f"{error} Here {odd!r} is of type {type(odd).__name__} among names that are str."
        )
    return None


def _complex_numbers(X: Any, y: Any, error: Exception) -> InvalidData | None:
    if "Complex data" not in str(error):
        return None
    which = "y" if y is not None and np.iscomplexobj(y) else "X"
    return InvalidData(
        f"`{which}` holds complex numbers: Complex data not supported. Pass real and imaginary "
        "parts, or size and angle, as columns of their own."
    )


def _wrong_cell(X: Any, y: Any, error: Exception) -> InvalidData | None:
    """The first cell that float() refuses, if that may have been the trouble."""
    read = isinstance(error, TypeError | OverflowError) or "convert" in str(error)
    if not read or sparse.issparse(X) or getattr(X, "dtype", np.dtype(object)).kind in "fiub":
        return None
    names, cells = names_of(X), np.asarray(X, dtype=object)
    for column in range(cells.shape[1]):
        name = f"x{column}" if names is None else str(names[column])
        for row, value in enumerate(cells[:, column]):
            refused = _why_no_number(value)
            if refused is not None:
                kind = UnreadableInput if isinstance(refused, TypeError) else InvalidData
                cure = "Encode the column, or let `derivata fit` one-hot encode it."
                if isinstance(refused, OverflowError):
                    cure = "Measure the column in another unit, or leave it out."
                elif hasattr(value, "isoformat") or hasattr(value, "total_seconds"):
                    cure = "Turn dates into numbers, such as a count of days or the month."
                return kind(
                    f"`X` is {value!r:.60} in row {row}, column {name!r}, which is no number that "
                    f"float64 can hold ({refused}). {cure}"
                )
    return None


def _why_no_number(value: Any) -> Exception | None:
    if _is_missing(value):
        return None
    try:
        float(value)
    except (TypeError, ValueError, OverflowError) as refused:
        return refused
    return None


def _wrong_target(X: Any, y: Any, error: Exception) -> InvalidData | None:
    if y is None or sparse.issparse(y):
        return None
    target = np.asarray(y)
    if target.ndim != 1 and not (target.ndim == 2 and target.shape[1] == 1):
        return ShapeMismatch(
            f"y should be a 1d array, one target a row, but `y` has the shape {target.shape}."
        )
    if len(target) != _len_of(X):
        return ShapeMismatch(
            f"`X` has {_len_of(X)} rows but `y` has {len(target)} (inconsistent numbers of "
            "samples). Were rows dropped from one of them?"
        )
    target = target.ravel()
    missing = missing_rows(target)
    if target.dtype.kind == "f":
        missing = np.flatnonzero(~np.isfinite(target))
    if len(missing):
        row = int(missing[0])
        return InvalidTarget(
            f"`y` is {target[row]} in row {row}: Input y contains NaN, infinity or a missing value."
            " Drop the rows without a target before fitting."
        )
    return None


def _len_of(X: Any) -> int:
    """Number of rows of an array, frame, list or sparse matrix."""
    return X.shape[0] if hasattr(X, "shape") else len(X)
