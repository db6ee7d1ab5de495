"""Weights that integrate a steep link along smooth outputs: the network is not asked more often.

    int_0^1 mu'(z(t)) z'(t) dt ~ sum_i W_i z'(t_i),      W_i = int_0^1 mu'(z~(t)) L_i(t) dt

with L_i the Lagrange polynomials of n nodes of Gauss and Legendre, and z~ = sum_i z(t_i) L_i. A
probability that rises within a hundredth of the path would need hundreds of nodes; the outputs
beneath it, and their gradients, need few. So mu' is integrated on panels as fine as it asks for,
which costs no evaluation of the network, and the rest is interpolated. For a linear link W_i is the
usual weight.

Maths: docs/math/attribution.md
"""

from __future__ import annotations

from functools import cache

import numpy as np

from derivata.contracts import Array
from derivata.integrals.gauss_legendre import nodes
from derivata.integrals.links import Link

# Nodes of a panel, and how far outputs may move in one: sixteen nodes then have all digits.
PANEL, LARGEST_MOVE, MOST_PANELS = 16, 2.0, 128
# Numbers of a block.
BLOCK = 1 << 20


def link_weights(link: Link, outputs: Array, count: int) -> Array:
    """W of each path and node, (r, n, q, k), from the outputs at the nodes, (r, n, k)."""
    r, n, k = outputs.shape
    weight = nodes(count)[1]
    if link.is_linear:
        slope = link.jacobian(outputs.reshape(r * n, k))
        return weight[:, None, None] * slope.reshape(r, n, -1, k)
    panels = _panels(outputs, nodes(count)[0])
    result = np.empty((r, n, link.value(outputs[:1, 0]).shape[1], k))
    for size in np.unique(panels):
        rows = np.flatnonzero(panels == size)
        step = max(BLOCK // (PANEL * int(size) * result.shape[2] * k), 1)
        for begin in range(0, len(rows), step):
            some = rows[begin : begin + step]
            result[some] = _on_panels(link, outputs[some], count, int(size))
    return result


def _on_panels(link: Link, outputs: Array, count: int, panels: int) -> Array:
    basis, weight = _basis(count, panels)
    r, _, k = outputs.shape
    between = basis.T @ outputs
    slope = link.jacobian(between.reshape(-1, k))
    q = slope.shape[1]
    found = (basis * weight) @ slope.reshape(r, -1, q * k)
    return found.reshape(r, count, q, k)


def _panels(outputs: Array, place: Array) -> Array:
    """Panels that each path needs, a power of two: by the steepest difference of its outputs."""
    speed = np.abs(np.diff(outputs, axis=1)) / np.diff(place)[:, None]
    # Scores of classes move against each other.
    steepest = (2.0 if outputs.shape[2] > 1 else 1.0) * speed.max(axis=(1, 2), initial=0.0)
    wanted = np.log2(np.maximum(steepest, LARGEST_MOVE) / LARGEST_MOVE)
    return np.minimum(2 ** np.ceil(wanted).astype(int), MOST_PANELS)


@cache
def _basis(count: int, panels: int) -> tuple[Array, Array]:
    """Lagrange polynomials of ``count`` nodes at the panels' nodes, and those nodes' weights.

    L_i(t) = w_i sum_k (2 k + 1) P_k(t_i) P_k(t),  P_k Legendre's on [0, 1].
    """
    place, weight = nodes(PANEL)
    fine = ((np.arange(panels)[:, None] + place) / panels).ravel()
    own, own_weight = nodes(count)
    degree = 2.0 * np.arange(count) + 1.0
    at_nodes = np.polynomial.legendre.legvander(2.0 * own - 1.0, count - 1)
    at_fine = np.polynomial.legendre.legvander(2.0 * fine - 1.0, count - 1)
    basis = (at_nodes * degree * own_weight[:, None]) @ at_fine.T
    return basis, np.tile(weight / panels, panels)
