"""Columns in a chain replaced by sums of what follows: coefficients become differences.

    sum_j x_j w_j = sum_j c_j v_j,    v_1 = w_1, v_j = w_j - w_j-1,    c_j = x_j + x_j+1 + ...

within each chain; columns of no chain stay. A penalty on differences of w is one on sizes of v.

Maths: docs/math/penalties.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array, Design
from derivata.designs.dense import DenseDesign

# A sum of columns below this share of their size cancels to rounding: it is zero.
CANCELLED = 1e-12


def cumulate(design: Design, chains: Array) -> DenseDesign:
    """The design whose coefficients are differences along chains.

    Parameters
    ----------
    design : Design
    chains : int array (n_columns,)
        The chain of each column, in the order in which they stand; -1 for none.

    Returns
    -------
    DenseDesign
        A new n x p array, whatever the storage of ``design``: sums of columns are dense.
    """
    columns = np.array(design.dense(slice(None)).T, order="C")  # a copy
    for inside in chain_columns(chains):
        part = columns[inside]
        sums = np.cumsum(part[::-1], axis=0)[::-1]
        size = np.sqrt(np.einsum("jn,jn->", part, part))
        sums[np.sqrt(np.einsum("jn,jn->j", sums, sums)) <= CANCELLED * size] = 0.0
        columns[inside] = sums
    return DenseDesign(columns)


def differences(coefs: Array, chains: Array) -> Array:
    """v of w, (n_columns,)."""
    moved = coefs.copy()
    for inside in chain_columns(chains):
        moved[inside] = np.diff(coefs[inside], prepend=0.0)
    return moved


def running_sums(moved: Array, chains: Array) -> Array:
    """w of v, (n_columns,)."""
    coefs = moved.copy()
    for inside in chain_columns(chains):
        coefs[inside] = np.cumsum(moved[inside])
    return coefs


def chain_columns(chains: Array) -> list[Array]:
    """The columns of each chain, by index."""
    return [np.flatnonzero(chains == chain) for chain in range(int(chains.max(initial=-1)) + 1)]
