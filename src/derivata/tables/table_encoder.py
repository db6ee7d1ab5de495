"""A table as a design matrix: terms fitted once to its columns, applied to any table.

    X = [ term_1(columns), ..., term_q(columns), 1 ]

Features of numbers are centred on the training rows, so that the intercept is the average and each
term's effect is measured from it; one-hot features are left as they are, which keeps a level never
seen at fit at zero: the mean of its prior. Features of one part of one term share a penalty.

Each term is evaluated on the distinct cells of its columns only (`EncodedTable`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array, Design
from derivata.designs import TabulatedBlock
from derivata.errors import InvalidParameter, ModelFileError, TableError
from derivata.lazy import lazy
from derivata.tables import Table
from derivata.tables.column_choice import usable_columns
from derivata.tables.distinct import DistinctCells
from derivata.tables.encoded_table import EncodedTable
from derivata.tables.table_cells import read_cells, require_columns
from derivata.tables.term_choice import infer_terms
from derivata.terms import Category, FittedCategory, FittedTerm, ShapedTerm, Term, term_from_dict
from derivata.terms.record import check_keys, list_field, number_field

N_BASIS = 20


@dataclass(frozen=True, eq=False)
class TableEncoder:
    """The fitted terms of a table, in order.

    Parameters
    ----------
    terms : tuple of FittedTerm
    center : array (n_features,)   what is subtracted from each feature

    >>> import numpy as np
    >>> from derivata.tables import Column, Table
    >>> from derivata.terms import Category, Linear
    >>> town = Column("town", np.array(["Bath", "York", "Bath"], object))
    >>> age = Column("age", np.array([30.0, 40.0, 50.0]))
    >>> table = Table((age, town))
    >>> encoder = TableEncoder.fit(table, (Linear("age"), Category("town")))
    >>> encoder.feature_names
    ('age', 'town=Bath', 'town=York')
    >>> encoder.design(table).dense(slice(None)).round(2)
    array([[-1.22,  1.  ,  0.  ,  1.  ],
           [ 0.  ,  0.  ,  1.  ,  1.  ],
           [ 1.22,  1.  ,  0.  ,  1.  ]])
    """

    terms: tuple[FittedTerm, ...]
    center: Array

    @classmethod
    def fit(
        cls,
        table: Table,
        terms: Sequence[Term] | None = None,
        weight: Array | None = None,
        n_basis: int = N_BASIS,
        n_outputs: int = 1,
    ) -> TableEncoder:
        """Fit terms to the training rows; the caller has taken out the target.

        Parameters
        ----------
        table : Table
        terms : sequence of Term, optional
            Default: told from the columns; see `term_choice`.
        weight : array (n_rows,) or None
            > 0; all ones if None.
        n_basis : int
            Basis functions of an inferred spline, at most.
        n_outputs : int
            Of the model: with many, numbers stay straight.

        Returns
        -------
        encoder : TableEncoder

        Raises
        ------
        TableError                     if no column is left, a column of a term is not there, or two
                                       features get one name
        InvalidData                    if a number is infinite, or cells are none of a term's
        """
        if not table.n_rows:
            raise TableError(f"{table.source} has no row with a positive weight.")
        if terms is None:
            columns = usable_columns(table)
            terms = infer_terms(columns, table.n_rows, n_basis, n_outputs)
            if not terms:
                raise TableError(
                    f"{table.source}: no column can be used as a feature; {len(table.columns)} "
                    "were left out, as the warnings say."
                )
        return _fit_terms(table, terms, weight)

    def joined(self, more: TableEncoder) -> TableEncoder:
        """The encoder with the terms of both."""
        return TableEncoder((*self.terms, *more.terms), np.concatenate([self.center, more.center]))

    def without(self, labels: Sequence[str]) -> TableEncoder:
        """The encoder without the terms of some labels."""
        kept = [term.label not in labels for term in self.terms]
        features = np.repeat(kept, [len(term.names) for term in self.terms])
        terms = tuple(term for term, keep in zip(self.terms, kept, strict=True) if keep)
        return TableEncoder(terms, self.center[features])

    @lazy
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it reads, each once, in order."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.columns))

    @lazy
    def texts(self) -> frozenset[str]:
        """Those of them that it reads as words."""
        return frozenset(name for term in self.terms for name in term.texts)

    @lazy
    def feature_names(self) -> tuple[str, ...]:
        """One name a feature (n_features,)."""
        return tuple(name for term in self.terms for name in term.names)

    @lazy
    def spans(self) -> tuple[slice, ...]:
        """The features of each term."""
        ends = np.cumsum([len(term.names) for term in self.terms])
        starts = [0, *ends[:-1]]
        return tuple(slice(int(a), int(b)) for a, b in zip(starts, ends, strict=True))

    @lazy
    def penalty_names(self) -> tuple[str, ...]:
        """The penalty of each feature (n_features,): its term's label and its part."""
        return tuple(f"{term.label}: {part}" for term in self.terms for part in term.parts)

    @lazy
    def parts(self) -> tuple[str, ...]:
        """The part of each feature (n_features,), the kind of its penalty."""
        return tuple(part for term in self.terms for part in term.parts)

    def encode(self, table: Table, *, coarse: bool = False) -> EncodedTable:
        """The centred features of a table, each term evaluated on its distinct cells.

        Columns may come in any order, and others are ignored. ``coarse``: terms of two columns are
        evaluated on rounded numbers, for the fit of a long table; see `DistinctCells`.

        Raises
        ------
        TableError                     naming the column that is not there, or the cell that is no
                                       number in a numeric column
        InvalidData                    if a number is infinite
        """
        require_columns(table, self.columns)
        cells = read_cells(table, self.columns, self.texts)
        distinct = DistinctCells(cells, coarse)
        blocks = [
            _block(term, cells, distinct, self.center[span])
            for term, span in zip(self.terms, self.spans, strict=True)
        ]
        return EncodedTable(tuple(blocks), table.n_rows)

    def design(self, table: Table) -> Design:
        """The centred features of a table, then a column of ones: (n_rows, n_features + 1)."""
        return self.encode(table).design()

    def constraints(self) -> Array:
        """Rows A with A @ (coefficients, intercept) >= 0 where a term's shape is asked for.

        Returns
        -------
        array (m, n_features + 1)
        """
        rows = []
        for term, span in zip(self.terms, self.spans, strict=True):
            if isinstance(term, ShapedTerm):
                own = term.constraints()
                wide = np.zeros((len(own), len(self.feature_names) + 1))
                wide[:, span] = own
                rows.append(wide)
        return np.concatenate(rows) if rows else np.empty((0, len(self.feature_names) + 1))

    def to_dict(self) -> dict[str, Any]:
        """Return the encoder as plain JSON types."""
        return {
            "terms": [term.to_dict() for term in self.terms],
            "center": [float(value) for value in self.center],
        }

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
        check_keys(record, ("terms", "center"), where)
        records = list_field(record, "terms", where)
        terms = tuple(term_from_dict(one, f"{where}.terms[{i}]") for i, one in enumerate(records))
        numbers = list_field(record, "center", where)
        center = [
            number_field({"number": number}, "number", f"{where}.center[{i}]")
            for i, number in enumerate(numbers)
        ]
        encoder = cls(terms, np.array(center))
        names = encoder.feature_names
        if not names or len(set(names)) < len(names):
            raise ModelFileError(f"`{where}.terms` names no feature, or one twice.")
        if len(center) != len(names):
            raise ModelFileError(
                f"`{where}.center` holds {len(center):,} numbers for {len(names):,} features."
            )
        for column in encoder.columns:
            texts = {column in t.texts for t in terms if column in t.columns}
            if len(texts) > 1:
                raise ModelFileError(
                    f"`{where}.terms` reads column {column!r} both as numbers and as words."
                )
        return encoder


def _fit_terms(table: Table, terms: Sequence[Term], weight: Array | None) -> TableEncoder:
    for term in terms:
        if isinstance(term, type) or not hasattr(term, "columns") or not hasattr(term, "fit"):
            raise InvalidParameter(
                f"`terms` holds {term!r:.60}; expected terms such as `Spline('age')`."
            )
    columns = tuple(dict.fromkeys(name for term in terms for name in term.columns))
    require_columns(table, columns)
    # Numbers that a category names are codes: words that happen to be digits.
    codes = {name for term in terms if isinstance(term, Category) for name in term.columns}
    texts = codes | {name for name in columns if table[name].kind != "numeric"}
    cells = read_cells(table, columns, texts)
    distinct = DistinctCells(cells)
    share = np.full(table.n_rows, 1.0 / table.n_rows) if weight is None else weight / weight.sum()
    fitted, centers = [], []
    for term in terms:
        one = _fit_term(term, cells, distinct, weight)
        block = _block(one, cells, distinct, np.zeros(len(one.names)))
        mean = block.transposed_times(block.sums(share)[:, None])[:, 0]
        fitted.append(one)
        centers.append(np.zeros(len(mean)) if isinstance(one, FittedCategory) else mean)
    encoder = TableEncoder(tuple(fitted), np.concatenate(centers))
    names = encoder.feature_names
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))
        raise TableError(f"{table.source}: two features are called {twice!r}. Rename a column.")
    return encoder


def _fit_term(
    term: Term, cells: Mapping[str, Array], distinct: DistinctCells, weight: Array | None
) -> FittedTerm:
    if len(term.columns) > 1 or any(cells[name].dtype == object for name in term.columns):
        return term.fit(cells, weight)
    found = distinct.of(term.columns)
    weights = np.bincount(found.codes, weight, found.n_codes)
    return term.fit(found.cells, weights)


def _block(
    term: FittedTerm, cells: Mapping[str, Array], distinct: DistinctCells, center: Array
) -> TabulatedBlock:
    if isinstance(term, FittedCategory):
        return _one_hot(term, cells)
    found = distinct.of(term.columns)
    return TabulatedBlock(found.codes, term.block(found.cells) - center, found.n_codes)


def _one_hot(term: FittedCategory, cells: Mapping[str, Array]) -> TabulatedBlock:
    n_rows, n_levels = len(cells[term.columns[0]]), len(term.names)
    rows, columns, _ = term.entries(cells)
    if len(rows) == n_rows:
        return TabulatedBlock(columns, None, n_levels)
    codes = np.full(n_rows, n_levels)
    codes[rows] = columns
    return TabulatedBlock(codes, np.eye(n_levels + 1, n_levels), n_levels + 1)
