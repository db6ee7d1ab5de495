"""Integrated gradients of smooth networks and of any smooth function, by Gauss-Legendre.

    IG_j = (x_j - b_j) sum_i W_i d_j z(b + t_i (x - b))

W_i are the usual weights, or for a link of the outputs z those of ``product_rule``. All rows go
together, a block of points at a time. How many nodes a row of a network needs is told by going
forward alone: contributions sum to sum_i W_i z'(t_i), with z' the slope of the outputs along the
path. Gradients are taken once, at nodes that were enough.

Maths: docs/math/attribution.md
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from derivata.contracts import Array
from derivata.integrals.dense_path import DensePath
from derivata.integrals.gauss_legendre import GaussLegendre, nodes
from derivata.integrals.links import Link
from derivata.integrals.path_integral import PathIntegral
from derivata.integrals.product_rule import link_weights

# Numbers of a block: points along paths times units of the widest layer.
BLOCK = 1 << 20


def function_integral(
    function: Callable[[Array], Array],
    gradient: Callable[[Array], Array],
    start: Array,
    end: Array,
    link: Link,
    rule: GaussLegendre,
) -> PathIntegral:
    """Integrated gradients of link(function), from any gradient.

    Parameters
    ----------
    function, gradient : callable  inputs (n, p) -> outputs (n, k) and derivatives (n, k, p)
    start, end : array (m, p)      baselines and rows
    link : Link
    rule : GaussLegendre
    """
    first, last = link.value(function(start)), link.value(function(end))
    step, p = end - start, end.shape[1]

    def integral(rows: Array, place: Array) -> Array:
        points = [start[rows] + t * step[rows] for t in place]
        outputs = np.stack([function(at) for at in points], axis=1)
        weights = link_weights(link, outputs, len(place))
        total = np.zeros((len(rows), last.shape[1], p))
        for number, at in enumerate(points):
            total += weights[:, number] @ gradient(at)
        return step[rows][:, :, None] * total.transpose(0, 2, 1)

    values, spent = rule.integrate(integral, last - first, p)
    return PathIntegral(values, first, last, spent, _words(spent))


def network_integral(paths: Sequence[DensePath], link: Link, rule: GaussLegendre) -> PathIntegral:
    """Integrated gradients of what a link makes of networks' outputs.

    Parameters
    ----------
    paths : sequence of DensePath  the networks on the same paths
    link : Link                    of their outputs side by side
    rule : GaussLegendre
    """
    m, p = paths[0].start.shape
    first, last = (link.value(outputs_at(paths, np.full(m, t))) for t in (0.0, 1.0))
    width = sum(path.width for path in paths)

    def blocks(rows: Array, count: int) -> list[Array]:
        size = max(BLOCK // (width * count), 1)
        return [rows[begin : begin + size] for begin in range(0, len(rows), size)]

    def sums(rows: Array, count: int) -> tuple[Array, Array]:
        each = [_sums(paths, link, some, count) for some in blocks(rows, count)]
        return np.concatenate([one for one, _ in each]), np.concatenate([one for _, one in each])

    needed = rule.enough(sums, last - first)
    values = np.empty((m, p, last.shape[1]))
    for count in np.unique(needed):
        for some in blocks(np.flatnonzero(needed == count), int(count)):
            values[some] = _contributions(paths, link, some, int(count))
    return PathIntegral(values, first, last, needed, _words(needed))


def outputs_at(paths: Sequence[DensePath], t: Array) -> Array:
    """Outputs of all networks side by side at one point of each path, (m, M k)."""
    rows = np.arange(len(t))
    return np.concatenate([path.outputs(rows, t) for path in paths], axis=1)


def _sums(paths: Sequence[DensePath], link: Link, rows: Array, count: int) -> tuple[Array, Array]:
    """What contributions would sum to, and their sizes along the path, (r, q) each."""
    row, t = _points(rows, count)
    moved = [path.moving(row, t) for path in paths]
    outputs, speed = (
        np.concatenate([one[part] for one in moved], axis=1).reshape(len(rows), count, -1)
        for part in (0, 1)
    )
    steps = (link_weights(link, outputs, count) @ speed[:, :, :, None])[:, :, :, 0]
    return steps.sum(axis=1), np.abs(steps).sum(axis=1)


def _contributions(paths: Sequence[DensePath], link: Link, rows: Array, count: int) -> Array:
    """Contributions (r, p, q) of some rows by all nodes at once."""
    r, n = len(rows), count
    row, t = _points(rows, count)
    passed = [path.slopes(row, t) for path in paths]
    outputs = np.concatenate([outputs for _, outputs in passed], axis=1)
    weights = link_weights(link, outputs.reshape(r, n, -1), n).reshape(r * n, -1, outputs.shape[1])
    found, begin = 0.0, 0
    for path, (slopes, outputs) in zip(paths, passed, strict=True):
        own = weights[:, :, begin : begin + outputs.shape[1]]
        begin += outputs.shape[1]
        some = path.take(rows)
        each = []
        for output in range(own.shape[1]):
            first = path.pulled_back(slopes, own[:, output])
            each.append(some.contributions(first.reshape(r, n, -1).sum(axis=1)))
        found = found + np.stack(each, axis=2)
    return np.asarray(found)


def _points(rows: Array, count: int) -> tuple[Array, Array]:
    """All nodes of some paths, as (row, t)."""
    return np.repeat(rows, count), np.tile(nodes(count)[0], len(rows))


def _words(spent: Array) -> str:
    most = f"at most {spent.max():,}" if len(spent) and spent.min() < spent.max() else "{:,}"
    return f"Gauss-Legendre, {most.format(spent.max(initial=0))} gradients a row"
