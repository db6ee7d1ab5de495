"""The user's columns of numbers, and X with one of them moved by as much in every row.

Arrays, pandas and polars frames and tables stay what they are, so that whatever read them at the
fit reads them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.tables import Table

# Without a word from the user, a column is known to this share of its standard deviation.
DEFAULT_SHARE = 0.01


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of X that hold numbers, more than two of them, and that a model reads.

    Attributes
    ----------
    X : array, frame or Table      of the rows that are judged
    names : tuple of str           of all its columns
    numbers : dict of str to array (n_rows,)
    left_out : tuple of str        columns that the model reads, but are no such numbers
    """

    X: Any
    names: tuple[str, ...]
    numbers: dict[str, Array]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, X: Any, read: tuple[str, ...], rows: Array) -> Columns | None:
        """Of chosen rows, by index; None if X is neither an array, nor a frame, nor a table.

        ``read`` are the names of the columns that the model reads.
        """
        if isinstance(X, Table):
            X = X.take(rows)
            names, values = X.names, [column.values for column in X.columns]
        elif hasattr(X, "columns") and (hasattr(X, "iloc") or hasattr(X, "with_columns")):
            X = X.iloc[rows] if hasattr(X, "iloc") else X[rows]
            names = tuple(str(name) for name in X.columns)
            values = [X[name] for name in X.columns]
        elif isinstance(X, list | tuple) or type(X) is np.ndarray:
            X = np.asarray(X)
            if X.ndim != 2:
                return None
            # A model that reads only some columns of an array calls them by their numbers.
            n_columns = X.shape[1]
            names = read if len(read) == n_columns else tuple(f"x{j}" for j in range(n_columns))
            X = X[rows]
            values = list(X.T)
        else:
            return None
        numbers = {name: _as_numbers(v) for name, v in zip(names, values, strict=True)}
        kept = {name: v for name, v in numbers.items() if v is not None and name in read}
        return cls(X, names, kept, tuple(name for name in read if name not in kept))

    def moved(self, name: str, shift: float) -> Any:
        """X with ``shift`` added to every row of a column."""
        X, place = self.X, self.names.index(name)
        if isinstance(X, Table):
            column = replace(X[name], values=X[name].values + shift)
            return replace(X, columns=(*X.columns[:place], column, *X.columns[place + 1 :]))
        if hasattr(X, "iloc"):
            moved = X.copy()
            moved[X.columns[place]] = X[X.columns[place]] + shift
            return moved
        if hasattr(X, "with_columns"):
            return X.with_columns((X[name] + shift).alias(name))
        moved = X.astype(object if X.dtype == object else float)
        moved[:, place] = X[:, place].astype(float) + shift
        return moved

    def errors(self, given: Any) -> dict[str, float]:
        """The standard deviation of each column's error: the user's, or one per cent of its own.

        Raises
        ------
        InvalidParameter
            If a name is not that of a numeric column, or a number is none or below zero.
        """
        if given is None:
            spreads = {name: float(np.nanstd(values)) for name, values in self.numbers.items()}
            return {name: DEFAULT_SHARE * each for name, each in spreads.items() if each > 0.0}
        if not isinstance(given, Mapping):
            raise InvalidParameter(
                f"`measurement_error` is {given!r:.80}; expected a dict of column names to "
                "standard deviations in the columns' own units."
            )
        return {name: self._error(name, error) for name, error in given.items()}

    def _error(self, name: Any, error: Any) -> float:
        if name not in self.numbers:
            kind = "has no numbers of more than two values" if name in self.names else "is none"
            known = ", ".join(list(self.numbers)[:20])
            raise InvalidParameter(
                f"`measurement_error` names {name!r}, which {kind}. Numeric columns are: {known}."
            )
        good = isinstance(error, Real) and not isinstance(error, bool)
        if not good or not 0.0 < float(error) < np.inf:
            raise InvalidParameter(
                f"`measurement_error[{name!r}]` is {error!r}; expected a standard deviation above "
                "zero, in the column's own unit."
            )
        return float(error)


def rows_of_targets(y: Any, rows: Array) -> Any:
    """The targets of chosen rows; None stays None."""
    if y is None:
        return None
    return y.iloc[rows] if hasattr(y, "iloc") else np.asarray(y)[rows]


def _as_numbers(column: Any) -> Array | None:
    """A column's numbers if it has more than two values, else None."""
    values = np.asarray(column)
    if values.dtype.kind not in "iuf":
        if values.dtype.kind != "O" or not all(
            isinstance(value, Real) and not isinstance(value, bool) for value in values
        ):
            return None
    values = values.astype(float)
    return values if len(np.unique(values[np.isfinite(values)])) > 2 else None
