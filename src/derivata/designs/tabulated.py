"""A design whose blocks of columns take few distinct rows: a table and a code a row each.

    X = [ B_1[c_1], ..., B_q[c_q], D ]        B_j (m_j, p_j),  c_j (n,) in 0 ... m_j - 1

A spline of an age, a one-hot town or a surface of two of them has one row a distinct value, however
many rows the data have. Products with X then cost passes over codes instead of over columns:

    X_j^T diag(w) X_k = B_j^T W_jk B_k        W_jk[a, b] = summed w of rows with codes a and b
    x_i^T A x_i       = sum_jk T_jk[c_ij, c_ik]      T_jk = B_j A_jk B_k^T

n multiplications a pair of blocks instead of n p_j p_k, and no n x p array. All is exact: nothing
is rounded to a grid. Where m_j m_k exceeds n by much, one of the two blocks is spread over the rows
instead. ``dense`` columns, D, whose values are nearly all distinct, are stored as they are. Source
of the idea: Lang, Umlauf, Wechselberger, Harttgen & Kneib (2014), Stat. Comput. 24, 223-238;
Wood, Li, Shaddick & Augustin (2017), J. Am. Stat. Assoc. 112, 1199-1210.

Maths: docs/math/tabulated.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from derivata.contracts import Array, Rows
from derivata.designs.dense import DenseDesign
from derivata.lazy import lazy

# A table of code pairs larger than this many times the rows is mostly zeros: spread instead.
LARGEST_PAIRS = 4
# ... but up to this many entries (64 MB) it costs less than spreading.
SMALL_PAIRS = 2**23


@dataclass(frozen=True, eq=False)
class TabulatedBlock:
    """Columns that take the rows of a small table.

    Parameters
    ----------
    codes : int array (n_rows,)    the row of the table for each row of the design
    table : array (m, p) or None   None: the identity, one 0/1 column a code
    n_codes : int                  m
    """

    codes: Array
    table: Array | None
    n_codes: int

    @property
    def n_columns(self) -> int:
        """Number of columns, p."""
        return self.n_codes if self.table is None else self.table.shape[1]

    def times(self, matrix: Array) -> Array:
        """B @ matrix: (p, k) -> (m, k)."""
        return matrix if self.table is None else self.table @ matrix

    def transposed_times(self, matrix: Array) -> Array:
        """B.T @ matrix: (m, k) -> (p, k)."""
        return matrix if self.table is None else self.table.T @ matrix

    def sums(self, values: Array) -> Array:
        """Summed values (n,) of the rows of each code, (m,)."""
        return np.bincount(self.codes, values, self.n_codes)

    def spread(self, rows: Rows) -> Array:
        """The block's columns for the chosen rows, (len(rows), p)."""
        codes = self.codes[rows]
        if self.table is not None:
            return self.table[codes]
        block = np.zeros((len(codes), self.n_codes))
        block[np.arange(len(codes)), codes] = 1.0
        return block

    def column_sums(self, values: Array) -> Array:
        """Summed rows of a matrix (n, k) by code, (m, k): n k additions."""
        n_rows = len(self.codes)
        ones = np.ones(n_rows)
        indicator = sparse.csr_array(
            (ones, self.codes, np.arange(n_rows + 1)), shape=(n_rows, self.n_codes)
        )
        return np.asarray(indicator.T @ values)

    def take(self, rows: Rows) -> TabulatedBlock:
        """The block of the chosen rows, with the same table."""
        return TabulatedBlock(self.codes[rows], self.table, self.n_codes)

    def select(self, columns: Array) -> TabulatedBlock:
        """The block of the chosen columns."""
        table = np.eye(self.n_codes) if self.table is None else self.table
        return TabulatedBlock(self.codes, np.ascontiguousarray(table[:, columns]), self.n_codes)


@dataclass(frozen=True, eq=False)
class TabulatedDesign:
    """Tabulated blocks side by side, then dense columns, in an order of the user's.

    Parameters
    ----------
    blocks : sequence of TabulatedBlock
    dense_columns : array (n_dense, n_rows)
        Columns stored as they are, feature by feature; may have no row.
    order : int array (n_columns,)
        Column j of the design is column ``order[j]`` of the blocks and dense columns in a row.
    """

    blocks: Sequence[TabulatedBlock]
    dense_columns: Array
    order: Array

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.dense_columns.shape[1]

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.order)

    @lazy
    def _spans(self) -> list[slice]:
        """The columns of each block, then of the dense ones, before reordering."""
        widths = [block.n_columns for block in self.blocks] + [len(self.dense_columns)]
        ends = np.cumsum(widths)
        return [slice(int(end - width), int(end)) for end, width in zip(ends, widths, strict=True)]

    def _inner(self, coefs: Array) -> Array:
        """Rows of coefs in the order of the blocks."""
        inner = np.zeros((self._spans[-1].stop, coefs.shape[1]))
        inner[self.order] = coefs
        return inner

    def matvec(self, coefs: Array) -> Array:
        """X @ coefs: (p, k) -> (n, k); n additions a block and output."""
        inner, spans = self._inner(coefs), self._spans
        result = self.dense_columns.T @ inner[spans[-1]]
        for block, span in zip(self.blocks, spans, strict=False):
            result += block.times(inner[span])[block.codes]
        return result

    def rmatvec(self, values: Array) -> Array:
        """X.T @ values: (n, k) -> (p, k)."""
        parts = [
            block.transposed_times(np.stack([block.sums(column) for column in values.T], axis=1))
            for block in self.blocks
        ]
        return np.concatenate([*parts, self.dense_columns @ values])[self.order]

    def gram(self, weights: Array) -> Array:
        """X.T diag(weights[:, m]) X for each m: (n, m) -> (m, p, p)."""
        return np.stack([self._gram(weight) for weight in weights.T])

    def _gram(self, weight: Array) -> Array:
        spans = self._spans
        total = np.zeros((spans[-1].stop, spans[-1].stop))
        for j, block in enumerate(self.blocks):
            sums = block.sums(weight)
            total[spans[j], spans[j]] = _diagonal_gram(block, sums)
            for k in range(j):
                cross = _cross_gram(block, self.blocks[k], weight)
                total[spans[j], spans[k]] = cross
                total[spans[k], spans[j]] = cross.T
        if len(self.dense_columns):
            dense = spans[-1]
            total[dense, dense] = DenseDesign(self.dense_columns).gram(weight[:, None])[0]
            weighted = (self.dense_columns * weight).T
            for block, span in zip(self.blocks, spans, strict=False):
                cross = block.transposed_times(block.column_sums(weighted))
                total[span, dense] = cross
                total[dense, span] = cross.T
        return total[np.ix_(self.order, self.order)]

    def quadratics(self, matrices: Array) -> Array:
        """x_i.T M x_i for each symmetric M of (m, p, p): (n, m)."""
        return np.stack([self._quadratic(matrix) for matrix in matrices], axis=1)

    def _quadratic(self, matrix: Array) -> Array:
        spans = self._spans
        inner = np.zeros((spans[-1].stop, spans[-1].stop))
        inner[np.ix_(self.order, self.order)] = matrix
        result = np.zeros(self.n_rows)
        for j, block in enumerate(self.blocks):
            own = inner[spans[j], spans[j]]
            squares = np.diagonal(own) if block.table is None else _row_products(block, own)
            result += squares[block.codes]
            for k in range(j):
                result += 2.0 * _cross_quadratic(block, self.blocks[k], inner[spans[j], spans[k]])
        if len(self.dense_columns):
            dense = spans[-1]
            result += DenseDesign(self.dense_columns).quadratics(inner[dense, dense][None])[:, 0]
            for block, span in zip(self.blocks, spans, strict=False):
                moved = block.times(inner[span, dense])
                result += 2.0 * np.einsum("ni,in->n", moved[block.codes], self.dense_columns)
        return result

    def column_squares(self, weights: Array) -> Array:
        """sum_i weights_i x_ij^2 for each column, (p,)."""
        parts = []
        for block in self.blocks:
            sums = block.sums(weights)
            parts.append(sums if block.table is None else (block.table**2).T @ sums)
        if len(self.dense_columns):
            parts.append(DenseDesign(self.dense_columns).column_squares(weights))
        return np.concatenate(parts)[self.order]

    def dense(self, rows: Rows) -> Array:
        """The chosen rows, (len(rows), p)."""
        parts = [block.spread(rows) for block in self.blocks]
        return np.concatenate([*parts, self.dense_columns[:, rows].T], axis=1)[:, self.order]

    def take(self, rows: Rows) -> TabulatedDesign:
        """The design of the chosen rows, with the same tables."""
        blocks = tuple(block.take(rows) for block in self.blocks)
        return TabulatedDesign(
            blocks, np.ascontiguousarray(self.dense_columns[:, rows]), self.order
        )

    def select(self, columns: Array) -> TabulatedDesign:
        """The design of the chosen columns, by index."""
        wanted = self.order[np.arange(self.n_columns)[columns]]
        spans, blocks, kept = self._spans, [], []
        for block, span in zip(self.blocks, spans, strict=False):
            own = np.unique(wanted[(wanted >= span.start) & (wanted < span.stop)])
            if len(own):
                blocks.append(block.select(own - span.start))
                kept.append(own)
        own = np.unique(wanted[wanted >= spans[-1].start])
        kept.append(own)
        order = np.searchsorted(np.concatenate(kept), wanted)
        return TabulatedDesign(
            tuple(blocks), self.dense_columns[own - spans[-1].start], order.astype(np.intp)
        )


def _diagonal_gram(block: TabulatedBlock, sums: Array) -> Array:
    if block.table is None:
        return np.diag(sums)
    return (block.table.T * sums) @ block.table


def _cross_gram(one: TabulatedBlock, other: TabulatedBlock, weight: Array) -> Array:
    """one.T diag(weight) other, (p_one, p_other)."""
    n_pairs = one.n_codes * other.n_codes
    if n_pairs <= max(LARGEST_PAIRS * len(weight), SMALL_PAIRS):
        pairs = np.bincount(one.codes * np.intp(other.n_codes) + other.codes, weight, n_pairs)
        pairs = pairs.reshape(one.n_codes, other.n_codes)
        return one.transposed_times(other.transposed_times(pairs.T).T)
    if one.n_columns > other.n_columns:
        return _cross_gram(other, one, weight).T
    spread = one.spread(slice(None)) * weight[:, None]
    return other.transposed_times(other.column_sums(spread)).T


def _cross_quadratic(one: TabulatedBlock, other: TabulatedBlock, matrix: Array) -> Array:
    """B_one[c_one] . matrix . B_other[c_other] for each row, (n,)."""
    moved = one.times(matrix)
    if one.n_codes * other.n_codes <= max(LARGEST_PAIRS * len(one.codes), SMALL_PAIRS):
        return other.times(moved.T).T[one.codes, other.codes]
    return np.einsum("ni,ni->n", moved[one.codes], other.spread(slice(None)))


def _row_products(block: TabulatedBlock, matrix: Array) -> Array:
    """b . matrix . b for each row b of a block's table, (m,)."""
    table = block.table
    assert table is not None
    return np.einsum("mi,mi->m", table @ matrix, table)
