"""Lines of equal height through values on a grid, by marching squares.

Each cell of four corners is cut by straight lines between the points where its edges cross the
level. A saddle is cut as the mean of its corners says.
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array

# Edges of a cell: 0 below, 1 right, 2 above, 3 left. For each of the 16 ways that corners (below
# left, below right, above right, above left: 1, 2, 4, 8) can be high, which edges to join.
_JOINED: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((3, 0),),
    2: ((0, 1),),
    3: ((3, 1),),
    4: ((1, 2),),
    6: ((0, 2),),
    7: ((3, 2),),
    8: ((2, 3),),
    9: ((2, 0),),
    11: ((2, 1),),
    12: ((1, 3),),
    13: ((1, 0),),
    14: ((0, 3),),
}
_SADDLES = {5: (((3, 2), (1, 0)), ((3, 0), (1, 2))), 10: (((0, 3), (2, 1)), ((0, 1), (2, 3)))}


def contour(x: Array, y: Array, values: Array, level: float) -> list[tuple[float, ...]]:
    """Pieces of the line where the values are ``level``.

    Parameters
    ----------
    x : array (m,)                 ascending
    y : array (n,)                 ascending
    values : array (n, m)          at (x[i], y[j]) the value [j, i]; cells that hold no number are
                                   left out
    level : float

    Returns
    -------
    pieces : list of (x1, y1, x2, y2)
    """
    pieces = []
    high = values > level
    case = high[:-1, :-1] + 2 * high[:-1, 1:] + 4 * high[1:, 1:] + 8 * high[1:, :-1]
    usable = np.isfinite(values)
    usable = usable[:-1, :-1] & usable[:-1, 1:] & usable[1:, 1:] & usable[1:, :-1]
    for j, i in np.argwhere((case > 0) & (case < 15) & usable):
        corners = values[[j, j, j + 1, j + 1], [i, i + 1, i + 1, i]]
        number = int(case[j, i])
        joined = _JOINED.get(number)
        if joined is None:
            joined = _SADDLES[number][int(corners.mean() <= level)]
        box = (float(x[i]), float(x[i + 1]), float(y[j]), float(y[j + 1]))
        for first, second in joined:
            pieces.append(
                (*_crossing(first, corners, box, level), *_crossing(second, corners, box, level))
            )
    return pieces


def _crossing(
    edge: int, corners: Array, box: tuple[float, float, float, float], level: float
) -> tuple[float, float]:
    """Where an edge of a cell crosses the level."""
    left, right, below, above = box
    a, b = corners[edge], corners[(edge + 1) % 4]
    share = (level - a) / (b - a)
    points = [
        (left + share * (right - left), below),
        (right, below + share * (above - below)),
        (right + share * (left - right), above),
        (left, above + share * (below - above)),
    ]
    x, y = points[edge]
    return float(x), float(y)
