"""The mean slope of a link along a straight piece of outputs: what turns their parts into shares.

    mu(z_1) - mu(z_0) = S (z_1 - z_0),      S = int_0^1 mu'(z_0 + t (z_1 - z_0)) dt

For links of each output alone S is the divided difference (mu(z_1) - mu(z_0)) / (z_1 - z_0), exact
in closed form; where the two are near each other it loses digits, and eight nodes are exact. For
the others it takes as many of Gauss and Legendre's nodes as it needs: no network is asked again.

Maths: docs/math/attribution.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.integrals.gauss_legendre import nodes
from derivata.integrals.links import Link

# Outputs nearer to each other than this: eight nodes have all digits of exp and of the logistic.
NEAR = 1.0
# Of the values' size: what completeness is asked to; nodes of the first try, and of the last.
EXACT, FEWEST, MOST = 1e-14, 8, 512


def mean_slope(link: Link, start: Array, end: Array) -> tuple[Array, int]:
    """S of each row, (n, q, k), and the most nodes that one of them took.

    Parameters
    ----------
    link : Link
    start, end : array (n, k)      outputs at both ends
    """
    if link.is_linear:
        return link.jacobian(start), 1
    slopes = _by_nodes(link, start, end, FEWEST)
    if link.is_elementwise:
        step = end - start
        far = np.abs(step) > NEAR
        ratio = (link.value(end) - link.value(start)) / np.where(far, step, 1.0)
        place = np.arange(start.shape[1])
        slopes[:, place, place] = np.where(far, ratio, slopes[:, place, place])
        return slopes, 1
    change, step = link.value(end) - link.value(start), (end - start)[:, :, None]
    count, rows = FEWEST, np.arange(len(start))
    while True:
        error = np.abs((slopes[rows] @ step[rows])[:, :, 0] - change[rows])
        size = np.abs(slopes[rows]) @ np.abs(step[rows])
        rows = rows[(error > EXACT * np.maximum(size[:, :, 0], 1.0)).any(axis=1)]
        if not len(rows) or count == MOST:
            return slopes, count
        count *= 2
        slopes[rows] = _by_nodes(link, start[rows], end[rows], count)


def _by_nodes(link: Link, start: Array, end: Array, count: int) -> Array:
    total = 0.0
    for place, weight in zip(*nodes(count), strict=True):
        total = total + weight * link.jacobian(start + place * (end - start))
    return np.array(total)
