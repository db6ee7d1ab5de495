"""What is handed in beside a fitted scikit-learn model: its rows, targets and weights, checked.

Sound float64 arrays pass by a product and a comparison, as evaluating a small model takes less time
than scikit-learn's own checks; all else goes through ``estimators.validation``, which names the
cell. Columns are compared with those of the fit as scikit-learn does it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from derivata.contracts import Array
from derivata.errors import InvalidParameter, InvalidTarget, NotAvailable, ShapeMismatch

# A sum of squares beyond this is left to the checks that name the cell.
LARGEST_SQUARES = 1e200


def require_fitted(model: Any, attribute: str = "coef_") -> None:
    """Raise ``InvalidParameter`` unless the model has what a fit leaves behind."""
    if not hasattr(model, attribute):
        kind = type(model).__name__
        raise InvalidParameter(
            f"`model` is a {kind} that is not fitted (it has no `{attribute}`). Fit it first: "
            "`model.fit(X, y)`, with the rows that you hand in here."
        )


def columns_of(model: Any) -> tuple[str, ...]:
    """Names of the columns that the model was fitted to; x0, x1, ... if they had none."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return tuple([f"x{j}" for j in range(model.n_features_in_)])
    return tuple(str(name) for name in names)


def rows_of(model: Any, X: Any) -> Any:
    """X as finite float64 numbers, dense or CSR, with the columns that the model was fitted to.

    Raises
    ------
    InvalidData
        If columns are missing, renamed or in another order, or a cell is no finite number.
    """
    if type(X) is np.ndarray and X.dtype == np.float64 and X.ndim == 2 and len(X):
        if X.shape[1] == model.n_features_in_ and not hasattr(model, "feature_names_in_"):
            flat = X.ravel(order="K")
            if flat @ flat < LARGEST_SQUARES:
                return X
    from derivata.estimators.validation import validate_rows

    return validate_rows(model, X, reset=False)


def n_rows_of(X: Any) -> int:
    """Number of rows of an array, frame, list or sparse matrix."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


def column_of(y: Any, n_rows: int) -> Array:
    """The target as an array (n_rows,) of whatever it holds."""
    if sparse.issparse(y):
        raise InvalidTarget("`y` is a sparse matrix; expected one target a row: `y.toarray()`.")
    values = y if type(y) is np.ndarray else np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2:
        refuse_targets(values.shape[1])
    if values.ndim != 1 or len(values) != n_rows:
        raise ShapeMismatch(
            f"`y` has the shape {values.shape}; expected one target for each of {n_rows} rows of "
            "`X`. Were rows dropped from one of them?"
        )
    return values


def refuse_targets(n_targets: int) -> None:
    """Refuse a model of several targets at once."""
    raise NotAvailable(
        f"`model` predicts {n_targets} targets at once; one is expected. Fit and evaluate a model "
        "for each: `model.fit(X, y[:, j])`."
    )


def numbers_of(y: Any, n_rows: int) -> Array:
    """A target of numbers, float64 (n_rows,)."""
    values = column_of(y, n_rows)
    if values.dtype == np.float64:
        return values
    from derivata.estimators.row_values import validate_numbers

    return validate_numbers(values)


def class_numbers(y: Any, classes: Array, n_rows: int) -> Array:
    """The number of each label among sorted ``classes``, float64 (n_rows,).

    Raises
    ------
    InvalidTarget
        If a label is not among the classes of the fit; names the row.
    """
    values = column_of(y, n_rows)
    number: Array = np.zeros(n_rows)
    try:
        number = np.searchsorted(classes, values)
        known = classes[np.minimum(number, len(classes) - 1)] == values
    except TypeError:  # labels of a kind that cannot be compared with those of the fit
        known = np.zeros(n_rows, dtype=bool)
    if not np.all(known):
        row = int(np.flatnonzero(~np.asarray(known))[0])
        shown = ", ".join(map(str, classes[:8])) + (", ..." if len(classes) > 8 else "")
        raise InvalidTarget(
            f"`y` is {values[row]!s:.60} in row {row}, a class that the model was not fitted to "
            f"(it knows {shown}). Leave such rows out, or fit the model with them."
        )
    return number.astype(float)


def weights_of(sample_weight: Any, n_rows: int) -> Array:
    """Row weights, float64 (n_rows,); ones if None."""
    if sample_weight is None:
        return np.ones(n_rows)
    from derivata.estimators.row_values import validate_weight

    return validate_weight(sample_weight, n_rows)


def as_one_number(values: Any) -> float:
    """A strength that scikit-learn keeps as a number or as an array of one for each target."""
    numbers = np.unique(np.asarray(values, dtype=float))
    if len(numbers) != 1:
        refuse_targets(len(np.ravel(values)))
    return float(numbers[0])
