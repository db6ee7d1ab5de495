"""What users hand to an additive model, as a table and a target, with scikit-learn's conventions.

Missing cells and words are welcome, so scikit-learn's own check of the cells is not asked; it is
asked for names and numbers of columns, and for what an array of numbers may look like.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import validate_data

from derivata.contracts import Array
from derivata.errors import InvalidData, InvalidTarget
from derivata.estimators.bad_input import explain
from derivata.estimators.row_values import refuse_masked
from derivata.tables import Table, table_from_frame

_check_array: Any = check_array  # its own annotations know fewer values than it takes


def feature_table(estimator: BaseEstimator, X: Any, *, reset: bool) -> Table:
    """X as a table; at fit (``reset``) the estimator learns the columns, else they are checked.

    Parameters
    ----------
    estimator : BaseEstimator      receives ``n_features_in_`` and ``feature_names_in_``
    X : Table, frame or array      (n_rows, n_columns)
    reset : bool

    Returns
    -------
    table : Table

    Raises
    ------
    InvalidData, TableError        naming the column and the row
    """
    if isinstance(X, Table):
        if reset:
            estimator.n_features_in_ = len(X.names)  # type: ignore[attr-defined]
            estimator.feature_names_in_ = np.array(X.names, dtype=object)  # type: ignore[attr-defined]
        return X
    refuse_masked(X, "X")
    if sparse.issparse(X):
        raise InvalidData(
            "`X` is a sparse matrix, which has no named columns of numbers and words. Give a data "
            "frame, `X.toarray()`, or use LinearRegressor or LogisticClassifier."
        )
    try:
        if not hasattr(X, "columns") and not hasattr(X, "column_names"):
            X = _checked_array(X)
        check: Any = validate_data  # its own annotations know arrays only
        check(estimator, X, reset=reset, skip_check_array=True)
    except InvalidData:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise explain(X, None, error) from error
    return table_from_frame(X, "`X`")


def target_rows(table: Table, y: Any) -> Array:
    """The target as an array (n_rows,) of whatever type it has.

    Raises
    ------
    InvalidTarget                  if it is masked, missing, of another length, not one column or
                                   infinite; or if there is one row only
    """
    if y is None:
        raise InvalidTarget(
            "`y` is None: the target is required; this estimator requires y to be passed, but the "
            "target y is None."
        )
    refuse_masked(y, "y")
    try:
        y = column_or_1d(y, warn=True)
        check_consistent_length(np.empty((table.n_rows, 0)), y)
    except (ValueError, TypeError) as error:
        raise InvalidTarget(f"`y` cannot be a target: {error!s:.300}") from error
    if len(y) < 2:
        raise InvalidTarget(
            "n_samples = 1: one row (1 sample) cannot be both fitted and judged; at least 2 are "
            "needed."
        )
    infinite = np.isinf(y) if y.dtype.kind == "f" else np.zeros(0, bool)
    if infinite.any():
        row = int(np.argmax(infinite))
        raise InvalidTarget(
            f"`y` is {y[row]} in row {row}: Input y contains NaN or infinity. Correct it, or drop "
            "the row."
        )
    return y


def _checked_array(X: Any) -> Any:
    array, check = X if isinstance(X, np.ndarray) else np.asarray(X), _check_array
    if array.dtype.kind not in "biufc":
        return check(array, dtype=None, ensure_all_finite=False) if array.ndim != 2 else array
    return check(array, dtype="numeric", ensure_all_finite="allow-nan")
