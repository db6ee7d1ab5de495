"""Where a network bends along a straight path: every kink of its units, layer by layer.

Between two neighbouring kinks of the layers below, a piecewise linear network's sums are straight
lines, so each passes zero at most once there, at

    t = t_0 + (t_1 - t_0) a_0 / (a_0 - a_1)

of its values a_0 and a_1 at both ends. The first layer's kinks cut [0, 1] into pieces, the second's
are found on those and cut them further, and so on; between the last ones the network is linear.

Of other activations with a kink (``selu``) sums are smooth there. Pieces are cut further to see
where signs change, and the point is found by regula falsi, with halving of what stays. A sum that
passes zero twice within a part of a piece is overlooked; the integral of the piece then shows it.

Source of the halving: Dowell & Jarratt (1971), BIT 11, 168-174, who call it the Illinois method.
Maths: docs/math/attribution.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.integrals.dense_path import DensePath

# Parts of a piece that are looked at for changes of sign, and steps to the point itself.
PARTS, STEPS = 4, 12


@dataclass(frozen=True)
class BetweenKinks:
    """The rule of networks with kinks: solve for them, and integrate each piece by itself.

    Exact where the network is straight between them, by Gauss-Legendre where it is not.
    """


def kinks(path: DensePath) -> tuple[Array, Array]:
    """All kinks strictly inside the paths, as (row (n,), t (n,)), sorted by row and then by t."""
    m = len(path.start)
    ends = np.repeat(np.arange(m), 2), np.tile([0.0, 1.0], m)
    row, t = ends
    if not path.activation.has_kink:
        return row[:0], t[:0]
    straight = path.activation.is_piecewise_linear
    for depth in range(1, len(path.layers)):
        exact = straight or depth == 1
        seen = (row, t) if exact else _cut(row, t)
        row, t = merged([(row, t), _crossings(path, depth, seen, exact)])
    inside = (t > 0.0) & (t < 1.0)
    return row[inside], t[inside]


def _crossings(
    path: DensePath, depth: int, seen: tuple[Array, Array], exact: bool
) -> tuple[Array, Array]:
    """Where units of a layer pass zero between neighbouring points, as (row (n,), t (n,))."""
    row, t = seen
    sums = path.sums(row, t, depth)[-1]
    before, after = sums[:-1], sums[1:]
    crosses = (before < 0.0) != (after < 0.0)
    crosses &= (row[:-1] == row[1:])[:, None] & (before != 0.0) & (after != 0.0)
    piece, unit = np.nonzero(crosses)
    values = before[piece, unit], after[piece, unit]
    if exact:
        share = values[0] / (values[0] - values[1])
        return row[piece], t[piece] + share * (t[piece + 1] - t[piece])
    between = t[piece], t[piece + 1]
    return row[piece], _crossing(path, depth, row[piece], unit, between, values)


def _cut(row: Array, t: Array) -> tuple[Array, Array]:
    """Every piece in equal parts."""
    same = np.flatnonzero(row[:-1] == row[1:])
    begin, length = t[same], t[same + 1] - t[same]
    more = [(row[same], begin + share / PARTS * length) for share in range(1, PARTS)]
    return merged([(row, t), *more])


def _crossing(
    path: DensePath,
    depth: int,
    row: Array,
    unit: Array,
    between: tuple[Array, Array],
    values: tuple[Array, Array],
) -> Array:
    """Where a unit's sum passes zero between two points, by regula falsi with halving, (n,)."""
    (low, high), (at_low, at_high) = between, values
    number = np.arange(len(row))
    for _ in range(STEPS):
        span = at_low - at_high
        middle = low + (high - low) * at_low / np.where(span == 0.0, 1.0, span)
        at_middle = path.sums(row, middle, depth)[-1][number, unit]
        crossed = (at_middle < 0.0) != (at_high < 0.0)
        # The end that stays twice counts half, or it would stay for ever.
        at_low = np.where(crossed, at_high, 0.5 * at_low)
        low = np.where(crossed, high, low)
        high, at_high = middle, at_middle
    return high


def pieces(m: int, found: Sequence[tuple[Array, Array]]) -> tuple[Array, Array, Array]:
    """The pieces between kinks: row (n,), begin (n,) and end (n,), in order; each row has one."""
    ends = np.repeat(np.arange(m), 2), np.tile([0.0, 1.0], m)
    row, t = merged([ends, *found])
    same = row[:-1] == row[1:]
    return row[:-1][same], t[:-1][same], t[1:][same]


def merged(points: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Points of several lists as one, sorted by row and then by t."""
    row = np.concatenate([one for one, _ in points])
    t = np.concatenate([one for _, one in points])
    order = np.lexsort((t, row))
    return row[order], t[order]
