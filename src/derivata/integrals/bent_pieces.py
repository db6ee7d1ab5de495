"""Integrated gradients of networks that are smooth but for kinks, piece by piece between them.

Each piece is a path of its own, from its beginning to its end, on which the network is smooth:
Gauss-Legendre needs few nodes there, and a row's contributions are the sums over its pieces. A
piece whose contributions do not add up has a kink that was overlooked: it is halved, and so on.

Maths: docs/math/attribution.md
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from derivata.contracts import Array
from derivata.integrals.dense_path import DensePath
from derivata.integrals.gauss_legendre import ROUNDING, GaussLegendre
from derivata.integrals.kinks import kinks, pieces
from derivata.integrals.links import Identity, Link, MeanOfOutputs
from derivata.integrals.path_integral import PathIntegral
from derivata.integrals.smooth_path import BLOCK, network_integral, outputs_at

# Of the error allowed to a row, what a piece may have; and how often one is halved that has more.
SHARE, MOST_HALVINGS = 0.1, 16


def bent_integral(paths: Sequence[DensePath], link: Link, rule: GaussLegendre) -> PathIntegral:
    """Integrated gradients of what a link makes of networks' outputs, between their kinks.

    Parameters
    ----------
    paths : sequence of DensePath  the networks on the same paths
    link : Link                    of their outputs side by side
    rule : GaussLegendre           of each piece
    """
    units = sum(path.n_hidden + 1 for path in paths)
    size = max(BLOCK // (units * max(path.width for path in paths)), 1)
    m = len(paths[0].start)
    blocks = [np.arange(begin, min(begin + size, m)) for begin in range(0, m, size)]
    each = [_block([path.take(rows) for path in paths], link, rule) for rows in blocks]
    return PathIntegral(
        np.concatenate([one.values for one in each]),
        np.concatenate([one.start for one in each]),
        np.concatenate([one.end for one in each]),
        np.concatenate([one.n_evaluations for one in each]),
        each[0].method,
    )


def _block(paths: Sequence[DensePath], link: Link, rule: GaussLegendre) -> PathIntegral:
    if len(paths) > 1 and isinstance(link, MeanOfOutputs):  # each on its own pieces: fewer
        each = [_block([path], Identity(), rule) for path in paths]
        return PathIntegral(
            np.mean([one.values for one in each], axis=0),
            np.mean([one.start for one in each], axis=0),
            np.mean([one.end for one in each], axis=0),
            np.sum([one.n_evaluations for one in each], axis=0),
            each[0].method,
        )
    m = len(paths[0].start)
    first, last = (link.value(outputs_at(paths, np.full(m, t))) for t in (0.0, 1.0))
    values = np.zeros((m, paths[0].step.shape[1], first.shape[1]))
    spent, size = np.zeros(m, int), np.maximum(np.abs(first), np.abs(last))
    allowed = np.maximum(SHARE * rule.tol * np.abs(last - first), ROUNDING * size)
    row, begin, end = pieces(m, [kinks(path) for path in paths])
    halvings = 0
    while len(row):
        found = network_integral([_part(path, row, begin, end) for path in paths], link, rule)
        np.add.at(spent, row, found.n_evaluations)
        rounding = ROUNDING * np.abs(found.values).sum(axis=1)
        bad = (found.completeness_error > np.maximum(allowed[row], rounding)).any(axis=1)
        bad &= halvings < MOST_HALVINGS
        np.add.at(values, row[~bad], found.values[~bad])
        # A kink was overlooked there: one half has none, and the other a quarter of the error.
        middle = 0.5 * (begin + end)[bad]
        row = np.concatenate([row[bad], row[bad]])
        begin, end = np.append(begin[bad], middle), np.append(middle, end[bad])
        halvings += 1
    return PathIntegral(values, first, last, spent, "Gauss-Legendre between the kinks")


def _part(path: DensePath, row: Array, begin: Array, end: Array) -> DensePath:
    """Pieces of paths as paths."""
    step = path.step[row]
    start = path.start[row] + begin[:, None] * step
    return DensePath(path.layers, path.activation, start, (end - begin)[:, None] * step)
