"""A table as a design matrix: which term each column becomes, learnt once, applied to any table.

    numeric column    `Linear`, and `Missing` if it has gaps at fit
    text column       `Category`
    any other         left out, with a coded warning; see `column_choice`

Features of one kind (numeric, category, missing) form one penalty group. The matrix is dense unless
that would take more than `DENSE_BYTES` and three quarters of it are zeros; then it is CSR.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import InvalidData, ModelFileError, TableError
from derivata.tables import Table
from derivata.tables.column_choice import usable_columns
from derivata.tables.columns import Column, did_you_mean, quote_names
from derivata.terms import Category, Linear, Missing, Term, term_from_dict
from derivata.terms.record import check_keys, list_field

DENSE_BYTES = 400 * 10**6
GROUP_ORDER = ("numeric", "category", "missing")


@dataclass(frozen=True)
class TableEncoder:
    """The terms of a fitted table, in the order of their columns.

    >>> import numpy as np
    >>> from derivata.tables import Column, Table
    >>> age = Column("age", np.array([30.0, np.nan, 50.0]))
    >>> town = Column("town", np.array(["Bath", "York", "Bath"], object))
    >>> encoder = TableEncoder.fit(Table((age, town)))
    >>> encoder.feature_names
    ('age', 'age=(missing)', 'town=Bath', 'town=York')
    >>> encoder.transform(Table((town, age)))
    array([[30.,  0.,  1.,  0.],
           [40.,  1.,  0.,  1.],
           [50.,  0.,  1.,  0.]])
    """

    terms: tuple[Term, ...]

    @classmethod
    def fit(
        cls, table: Table, weight: np.ndarray | None = None, drop: Collection[str] = ()
    ) -> TableEncoder:
        """Choose and fit the terms; the caller has taken out the target.

        Parameters
        ----------
        table : Table
        weight : (n_rows,) or None     non-negative; a row of weight 0 counts as absent
        drop : collection of str       columns to leave out

        Returns
        -------
        encoder : TableEncoder

        Raises
        ------
        TableError                     if no column is left, or two features get one name
        InvalidData                    if a number is infinite
        """
        table = table.without(drop) if drop else table
        if weight is not None:
            weight = np.asarray(weight, np.float64)
            if not np.all(weight > 0):
                table, weight = table.take(weight > 0), weight[weight > 0]
        if not table.n_rows:
            raise TableError(f"{table.source} has no row with a positive weight.")
        terms: list[Term] = []
        for column in usable_columns(table):
            _refuse_infinite(column, table)
            terms += _column_terms(column, weight)
        if not terms:
            raise TableError(
                f"{table.source}: no column can be used as a feature; {len(table.columns)} were "
                "left out, as the warnings say."
            )
        encoder = cls(tuple(terms))
        names = encoder.feature_names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise TableError(f"{table.source}: two features are called {twice!r}. Rename a column.")
        return encoder

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it reads, each once, in order."""
        return tuple(dict.fromkeys(term.column for term in self.terms))

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the text columns it reads: what `read_table` takes as ``categories``."""
        return tuple(term.column for term in self.terms if term.group == "category")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name a feature (n_features,)."""
        return tuple(name for term in self.terms for name in term.names)

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """The column each feature comes from (n_features,)."""
        return tuple(term.column for term in self.terms for _ in term.names)

    @property
    def group_names(self) -> tuple[str, ...]:
        """The kinds of features that there are, in the order of `GROUP_ORDER`."""
        kinds = {term.group for term in self.terms}
        return tuple(kind for kind in GROUP_ORDER if kind in kinds)

    @property
    def groups(self) -> np.ndarray:
        """The penalty group of each feature (n_features,): a position in `group_names`."""
        position = {name: i for i, name in enumerate(self.group_names)}
        return np.array([position[term.group] for term in self.terms for _ in term.names], np.intp)

    def transform(self, table: Table) -> Any:
        """Return the design matrix of ``table``.

        Columns may come in any order, and others are ignored.

        Parameters
        ----------
        table : Table

        Returns
        -------
        X : (n_rows, n_features)       float64 array, finite; or `scipy.sparse.csr_array`

        Raises
        ------
        TableError                     naming the column that is not there, or the cell that is no
                                       number in a numeric column
        InvalidData                    if a number is infinite
        """
        columns = {column.name: column for column in table.columns}
        absent = [name for name in self.columns if name not in columns]
        if absent:
            raise TableError(_absent_fault(absent, set(self.columns), table))
        texts = set(self.categories)
        cells = {
            name: _words(columns[name]) if name in texts else _numbers(columns[name], table)
            for name in self.columns
        }
        n_features = len(self.feature_names)
        if table.n_rows * n_features * 8 > DENSE_BYTES:
            return self._large_matrix(cells, table.n_rows, n_features)
        X, start = np.zeros((table.n_rows, n_features)), 0
        for term in self.terms:
            rows, places, values = term.entries(cells[term.column])
            X[rows, start + places] = values
            start += len(term.names)
        return X

    def _large_matrix(self, cells: dict[str, np.ndarray], n_rows: int, n_features: int) -> Any:
        """Return a matrix too large to be dense without need: CSR if three quarters are zeros."""
        from scipy import sparse

        parts, start = [], 0
        for term in self.terms:
            rows, places, values = term.entries(cells[term.column])
            parts.append((rows, start + places, values))
            start += len(term.names)
        rows, places, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        if 4 * values.size <= n_rows * n_features:
            # SciPy keeps the index type it is given, and many a solver takes 32 bits alone.
            fits = max(values.size, n_rows, n_features) < 2**31
            index = np.int32 if fits else np.int64
            where = rows.astype(index), places.astype(index)
            return sparse.csr_array((values, where), shape=(n_rows, n_features))
        X = np.zeros((n_rows, n_features))
        X[rows, places] = values
        return X

    def to_dict(self) -> dict[str, Any]:
        """Return the encoder as plain JSON types."""
        return {"terms": [term.to_dict() for term in self.terms]}

    @classmethod
    def from_dict(cls, record: Any, where: str = "encoder") -> TableEncoder:
        """Rebuild what `to_dict` gave.

        Parameters
        ----------
        record : Any                   what a JSON parser returned; nothing about it is trusted
        where : str                    its path in the file, for messages

        Returns
        -------
        encoder : TableEncoder

        Raises
        ------
        ModelFileError                 naming the malformed field
        """
        check_keys(record, ("terms",), where)
        records = list_field(record, "terms", where)
        encoder = cls(
            tuple(term_from_dict(one, f"{where}.terms[{i}]") for i, one in enumerate(records))
        )
        names = encoder.feature_names
        if not names or len(set(names)) < len(names):
            raise ModelFileError(f"`{where}.terms` names no feature, or one twice.")
        kinds: dict[str, bool] = {}
        for term in encoder.terms:
            is_text = term.group == "category"
            if kinds.setdefault(term.column, is_text) != is_text:
                raise ModelFileError(
                    f"`{where}.terms` reads column {term.column!r} both as numbers and as words."
                )
        return encoder


def _column_terms(column: Column, weight: np.ndarray | None) -> list[Term]:
    if column.kind == "text":
        return [Category.fit(column.name, column.values, weight)]
    if not column.missing.any():
        return [Linear.fit(column.name, column.values, weight)]
    gaps = Missing.fit(column.name, column.values, weight)
    # With one value and gaps, the gaps are all that the column says.
    if np.fmin.reduce(column.values) == np.fmax.reduce(column.values):
        return [gaps]
    return [Linear.fit(column.name, column.values, weight), gaps]


def _absent_fault(absent: list[str], known: set[str], table: Table) -> str:
    others = [name for name in table.names if name not in known]
    if list(table.names) == [f"x{j}" for j in range(len(table.names))]:
        hint = "An array has no column names: give a data frame with the names of the fit."
    elif others:
        hint = did_you_mean(absent[0], others)
    else:
        hint = "Add it; its cells may be missing."
    return f"{table.source} has no {quote_names(absent)}, which the model was fitted with. {hint}"


def _words(column: Column) -> np.ndarray:
    """Return the cells of a column that was text at fit."""
    return column.as_text().values


def _numbers(column: Column, table: Table) -> np.ndarray:
    """Return the cells of a column that was numeric at fit, all finite or missing."""
    if column.kind == "numeric":
        _refuse_infinite(column, table)
        return column.values
    present = np.flatnonzero(~column.missing)
    if not present.size:
        return np.full(table.n_rows, np.nan)
    row = int(next((i for i in present if not _is_number(column.values[i])), present[0]))
    raise TableError(
        f"{table.place(row)}, column {column.name!r}: {column.values[row][:40]!r} is a word, but "
        "the model was fitted with numbers there. Correct the cell, or declare the word missing "
        "(`--missing WORD`)."
    )


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _refuse_infinite(column: Column, table: Table) -> None:
    if column.kind != "numeric":
        return
    infinite = np.isinf(column.values)
    if infinite.any():
        raise InvalidData(
            f"{table.place(int(np.argmax(infinite)))}, column {column.name!r}: an infinite value, "
            f"in {infinite.sum():,} of {table.n_rows:,} rows. Replace it by a number, or leave the "
            "cell empty to mark it missing."
        )
