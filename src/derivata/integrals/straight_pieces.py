"""Integrated gradients of piecewise linear networks, exact: piece by piece between the kinks.

    IG_j = (x_j - b_j) sum_pieces (t_1 - t_0) d_j f,      d_j f constant on a piece

For outputs nothing is approximated, and contributions add up to rounding. A link of the outputs is
integrated on each piece, where they are straight lines: ``mean_slope`` times the piece's gradient.

A piece costs one gradient. A path through h hidden units has about as many pieces as units that
change sides, mostly well below h.

Maths: docs/math/attribution.md
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from derivata.contracts import Array
from derivata.integrals.dense_path import DensePath
from derivata.integrals.kinks import kinks, pieces
from derivata.integrals.links import Identity, Link, MeanOfOutputs
from derivata.integrals.mean_slope import mean_slope
from derivata.integrals.path_integral import PathIntegral
from derivata.integrals.smooth_path import BLOCK, outputs_at


def piecewise_integral(paths: Sequence[DensePath], link: Link) -> PathIntegral:
    """Integrated gradients of what a link makes of piecewise linear networks' outputs.

    Parameters
    ----------
    paths : sequence of DensePath  the networks on the same paths, ``is_piecewise_linear``
    link : Link                    of their outputs side by side
    """
    m = len(paths[0].start)
    values, spent, start, end = [], [], [], []
    units = sum(path.n_hidden + 1 for path in paths) * max(path.width for path in paths)
    block = max(BLOCK // units, 1)
    for begin in range(0, m, block):
        rows = np.arange(begin, min(begin + block, m))
        some = [path.take(rows) for path in paths]
        found, count = _block(some, link)
        values.append(found)
        spent.append(count)
        start.append(link.value(outputs_at(some, np.zeros(len(rows)))))
        end.append(link.value(outputs_at(some, np.ones(len(rows)))))
    method = "exact between the kinks"
    if not link.is_linear:
        method += ", the response by its mean slope on each piece"
    return PathIntegral(
        np.concatenate(values),
        np.concatenate(start),
        np.concatenate(end),
        np.concatenate(spent),
        method,
    )


def _block(paths: Sequence[DensePath], link: Link) -> tuple[Array, Array]:
    """Contributions (m, p, q) and the pieces of each row (m,)."""
    if len(paths) > 1 and isinstance(link, MeanOfOutputs):  # each on its own pieces: fewer
        each = [_block([path], Identity()) for path in paths]
        return np.mean([one for one, _ in each], axis=0), np.sum([n for _, n in each], axis=0)
    m = len(paths[0].start)
    row, begin, end = pieces(m, [kinks(path) for path in paths])
    middle, length = 0.5 * (begin + end), end - begin
    passed = [path.slopes(row, middle) for path in paths]
    if link.is_linear:
        slope = link.jacobian(np.concatenate([outputs for _, outputs in passed], axis=1))
    else:
        ends = (
            np.concatenate([path.outputs(row, t) for path in paths], axis=1) for t in (begin, end)
        )
        slope, _ = mean_slope(link, *ends)
    first_piece = np.searchsorted(row, np.arange(m))
    values, place = 0.0, 0
    for path, (slopes, outputs) in zip(paths, passed, strict=True):
        own = slope[:, :, place : place + outputs.shape[1]] * length[:, None, None]
        place += outputs.shape[1]
        each = []
        for output in range(own.shape[1]):
            first = path.pulled_back(slopes, own[:, output])
            each.append(path.contributions(np.add.reduceat(first, first_piece, axis=0)))
        values = values + np.stack(each, axis=2)
    return np.asarray(values), np.bincount(row, minlength=m)
