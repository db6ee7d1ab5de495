"""Single values so far from all others of their column that the others look equal beside them.

A value v of n is called extreme if, around the column's centre, v^2 is more than 96 % of the most
it could be of the sum of squares, (n - 1) / n: then it lies about 5 sqrt(n) standard deviations of
the others away. Sparse columns are mostly zero, so there the line is 1e5 standard deviations.
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.designs.dense import DenseDesign
from derivata.designs.sparse import SparseDesign
from derivata.designs.standardized import Standardized

RULING_SHARE = 0.96
SPARSE_DISTANCE = 1e5
# Beside a value of 1e16 the others round to one number, as in an indicator of a single row; but no
# indicator is this large.
LARGEST_INDICATOR = 1e9


def extreme_columns(rows: Standardized, used: Array) -> list[tuple[int, int]]:
    """Column and row of every extreme value among the rows ``used`` (m,)."""
    design = rows.design
    if isinstance(design, DenseDesign):
        return _extreme_dense(design.columns[: len(rows.scale)], rows, used)
    return (
        _extreme_sparse(design, len(rows.scale), used) if isinstance(design, SparseDesign) else []
    )


def extreme_value(values: Array) -> int | None:
    """Index of the extreme one of numbers (n,) around zero, or None."""
    found = _ruling(values[None])
    return _farthest(values) if len(found) and len(np.unique(values)) > 2 else None


def _extreme_dense(columns: Array, rows: Standardized, used: Array) -> list[tuple[int, int]]:
    values = columns if len(used) == columns.shape[1] else columns[:, used]
    found = []
    for j in _ruling(values):
        row = _farthest(values[j])
        size = abs(values[j, row] * rows.scale[j] + rows.center[j])
        if not rows.constant[j] and (len(np.unique(values[j])) > 2 or size > LARGEST_INDICATOR):
            found.append((int(j), int(used[row])))
    return found


def _ruling(columns: Array) -> Array:
    """Columns (m, n) of which one value makes up nearly all of the sum of squares."""
    n_rows = columns.shape[1]
    squares = np.einsum("ij,ij->i", columns, columns)
    largest = np.maximum(columns.max(axis=1), -columns.min(axis=1))
    share = RULING_SHARE * (n_rows - 1) / n_rows
    return np.flatnonzero((largest * largest > share * squares) & (squares > 0.0))


def _farthest(values: Array) -> int:
    return int(np.argmax(np.abs(values)))


def _extreme_sparse(design: SparseDesign, n_features: int, used: Array) -> list[tuple[int, int]]:
    matrix = design.matrix[used][:, :n_features].tocsc()
    found = []
    for j in range(n_features):
        stored = matrix.data[matrix.indptr[j] : matrix.indptr[j + 1]]
        if len(stored) < 3:
            continue
        at = _farthest(stored)
        others = np.delete(stored, at)
        spread = np.sqrt(others @ others / len(used))
        if abs(stored[at]) > SPARSE_DISTANCE * spread > 0.0:
            found.append((j, int(used[matrix.indices[matrix.indptr[j] + at]])))
    return found
