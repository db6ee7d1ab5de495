"""A table under fitted terms: the block of each, evaluated once, and what is made of them.

The design is tabulated where the table is long enough for that to pay (`TabulatedDesign`), else
dense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, Design
from derivata.designs import DenseDesign, TabulatedBlock, TabulatedDesign

# Gram products of fewer multiplications than this are not worth tables of codes.
SMALL_PRODUCT = 1e7
# What a pair of tables costs beside its passes, in the same multiplications: calls of functions.
PAIR = 1e5
# A block with more distinct rows than this, times the root of the rows, is stored as it is: tables
# of pairs would have more cells than the table rows.
CODES_A_ROOT = 4.0
# Multiplications inside matrix products run about so much faster than passes over codes.
PRODUCT_SPEED = 8.0


@dataclass(frozen=True, eq=False)
class EncodedTable:
    """The centred features of each term, side by side.

    Parameters
    ----------
    blocks : tuple of TabulatedBlock
    n_rows : int
    """

    blocks: tuple[TabulatedBlock, ...]
    n_rows: int

    @property
    def n_features(self) -> int:
        """Columns of all blocks."""
        return sum(block.n_columns for block in self.blocks)

    def joined(self, more: EncodedTable) -> EncodedTable:
        """The same rows with the blocks of both."""
        return EncodedTable((*self.blocks, *more.blocks), self.n_rows)

    def design(self, *, intercept: bool = True) -> Design:
        """The features, then a column of ones: (n_rows, n_features + 1)."""
        whole = self.n_rows * float(self.n_features + intercept) ** 2
        small = [block.n_codes <= CODES_A_ROOT * self.n_rows**0.5 for block in self.blocks]
        if whole <= SMALL_PRODUCT or _tabulated_cost(self.blocks, small, self.n_rows) > whole:
            return _dense(self.blocks, self.n_rows, intercept)
        return _tabulated(self.blocks, small, self.n_rows, intercept)

    def effects(self, coef: Array) -> Array:
        """What each term adds to the outputs of each row: (n_terms, n_rows, k).

        ``coef`` (n_features, k).
        """
        result = np.empty((len(self.blocks), self.n_rows, coef.shape[1]))
        start = 0
        for number, block in enumerate(self.blocks):
            stop = start + block.n_columns
            result[number] = block.times(coef[start:stop])[block.codes]
            start = stop
        return result

    def feature_means(self, share: Array) -> Array:
        """Mean of each feature over the rows, weighted by ``share`` (n_rows,): (n_features,)."""
        means = [block.transposed_times(block.sums(share)[:, None])[:, 0] for block in self.blocks]
        return np.concatenate(means)

    def feature_grams(self, beside: Sequence[Sequence[int]]) -> list[Array]:
        """Z^T Z of each term's features over the rows, less what others explain.

        Parameters
        ----------
        beside : sequence (n_terms,) of sequences of int
            For each term the numbers of those whose features, with the constant, are taken out.

        Returns
        -------
        grams : list of array (p_j, p_j)
        """
        ones = np.ones((self.n_rows, 1))
        grams = []
        for number, others in enumerate(beside):
            blocks = (self.blocks[number], *(self.blocks[other] for other in others))
            gram = EncodedTable(blocks, self.n_rows).design().gram(ones)[0]
            own = self.blocks[number].n_columns
            cross, rest = gram[:own, own:], gram[own:, own:]
            explained = np.linalg.lstsq(rest, cross.T, rcond=1e-10)[0]
            whole = gram[:own, :own] - cross @ explained
            grams.append(0.5 * (whole + whole.T))
        return grams


def _dense(blocks: Sequence[TabulatedBlock], n_rows: int, intercept: bool) -> DenseDesign:
    n_features = sum(block.n_columns for block in blocks)
    columns, start = np.empty((n_features + intercept, n_rows)), 0
    for block in blocks:
        stop = start + block.n_columns
        columns[start:stop] = block.spread(slice(None)).T
        start = stop
    columns[start:] = 1.0
    return DenseDesign(columns)


def _tabulated_cost(blocks: Sequence[TabulatedBlock], small: Sequence[bool], n_rows: int) -> float:
    """Multiplications that a Gram product of tables would take the time of."""
    tables = [block for block, few in zip(blocks, small, strict=True) if few]
    dense = sum(block.n_columns for block, few in zip(blocks, small, strict=True) if not few)
    cells = np.array([block.n_codes for block in tables], dtype=float)
    widths = np.array([block.n_columns for block in tables], dtype=float)
    passes = 3.0 * n_rows * (len(tables) ** 2 / 2.0 + len(tables) * dense)
    pairs = 0.5 * float(cells.sum() * (cells * (1.0 + widths / PRODUCT_SPEED)).sum())
    calls = PAIR * len(tables) ** 2 / 2.0
    return PRODUCT_SPEED * (passes + pairs) + n_rows * float(dense) ** 2 + calls


def _tabulated(
    blocks: Sequence[TabulatedBlock], small: Sequence[bool], n_rows: int, intercept: bool
) -> TabulatedDesign:
    kept = [block for block, few in zip(blocks, small, strict=True) if few]
    large = [
        block.spread(slice(None)).T for block, few in zip(blocks, small, strict=True) if not few
    ]
    if intercept:
        kept.append(TabulatedBlock(np.zeros(n_rows, np.intp), np.ones((1, 1)), 1))
    widths = [block.n_columns for block in blocks]
    n_kept = sum(block.n_columns for block in kept)
    order, next_kept, next_large = [], 0, n_kept
    for width, few in zip(widths, small, strict=True):
        start = next_kept if few else next_large
        order.append(np.arange(start, start + width))
        next_kept, next_large = next_kept + width * few, next_large + width * (not few)
    if intercept:
        order.append(np.array([n_kept - 1]))
    dense = np.concatenate(large) if large else np.empty((0, n_rows))
    return TabulatedDesign(tuple(kept), dense, np.concatenate(order))
