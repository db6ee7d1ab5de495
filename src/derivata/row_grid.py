"""A grid of row counts, so that compiled functions meet few shapes.

A function that is compiled for its shapes would be compiled anew for every fold and every
selection of rows. Rows are padded up to 8, 12, 16, 24, 32, 48, ... by repeating the last one, which
is a legal row where zeros might not be; what a padded row gives is cut off or gets weight zero. At
most a third of the rows are padding.
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array

SMALLEST = 8


def padded_size(n_rows: int) -> int:
    """The smallest count on the grid that is at least ``n_rows``."""
    size = SMALLEST
    while size < n_rows:
        size *= 2
    return size * 3 // 4 if n_rows <= size * 3 // 4 and size > SMALLEST else size


def pad_rows(values: Array, n_rows: int) -> Array:
    """The array (m, ...) with its last row repeated up to ``n_rows``; itself if it has as many."""
    missing = n_rows - len(values)
    if missing <= 0:
        return values
    if not len(values):
        return np.zeros((n_rows, *values.shape[1:]), values.dtype)
    return np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])


def pad_with_zeros(values: Array, n_rows: int) -> Array:
    """The array (m, ...) with rows of zeros up to ``n_rows``: weights, cotangents."""
    missing = n_rows - len(values)
    if missing <= 0:
        return values
    return np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])
