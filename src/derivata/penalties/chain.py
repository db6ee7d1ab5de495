"""The proximal map of total variation along a chain, exact, by dynamic programming.

    minimise  sum_j weight_j (v_j - values_j)^2 / 2
              + sum_j pull_j |v_j+1 - v_j| + sum_j hold_j |v_j|

Let C_j(b) be the least cost of entries 0 ... j with v_j = b. Its derivative is piecewise linear and
increasing, and the best v_j for a given v_j+1 is where C_j' lies between -pull_j and pull_j: v_j+1
itself, or the end of that interval. So

    C_j+1'(b) = weight (b - values_j+1) + hold sign(b) + C_j'(b) clipped to [-pull_j, pull_j]

Clipping cuts knots off both ends and sets a new one at each; adding changes only the two outer
pieces. The kinks of ``hold`` are all at zero and are kept beside the knots, as one jump. A knot is
cut off once: the cost is linear in the length.

Source of the idea: Johnson (2013), J. Comput. Graph. Statist. 22, 246-260 (dynamic programme of the
fused lasso); the jump at zero and the weights are an extension.

Maths: docs/math/penalties.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array


def prox_chain(values: Array, pull: Array, hold: Array, weight: Array) -> Array:
    """The minimiser v, (n,); neighbours that are pulled together are equal to the bit.

    Parameters
    ----------
    values : array (n,)
    pull : array (n - 1,)
        >= 0, may be infinite; zero between two chains.
    hold : array (n,)
        >= 0, may be infinite.
    weight : array (n,)
        Positive: one over the step of each entry.

    Notes
    -----
    About 2 microseconds an entry, in plain Python; entries without neighbours cost nothing. Exact
    to rounding: some 1e-15 of the largest entry.
    """
    result = np.copysign(np.maximum(np.abs(values) - hold / weight, 0.0), values)
    if not pull.any():
        return result
    ends = np.append(np.flatnonzero(pull == 0.0) + 1, len(values))
    starts = np.append(0, ends[:-1])
    long = ends - starts > 1
    for start, end in zip(starts[long], ends[long], strict=True):
        part = slice(start, end)
        result[part] = _segment(values[part], pull[start : end - 1], hold[part], weight[part])
    return result


def _segment(values: Array, pull: Array, hold: Array, weight: Array) -> Array:
    """The minimiser for one chain of two entries or more, all of them pulled together."""
    slope, origin = weight, weight * values
    # Beyond these sizes more strength changes nothing, and would only cost digits: a sum that holds
    # any run of entries at zero, and what joins the whole chain or, failing that, any run of it.
    hold = np.minimum(hold, np.abs(origin).sum())
    apart = np.cumsum(origin - weight * (origin.sum() / weight.sum()))
    most = np.abs(apart).max() + 2.0 * hold.sum() + np.finfo(float).tiny
    if not pull.min() >= most:
        spread = values.max(initial=0.0) - values.min(initial=0.0)
        most += weight.sum() * spread
    pull = np.minimum(pull, most)
    low, high, last = _forward(slope.tolist(), origin.tolist(), pull.tolist(), hold.tolist())
    best = [last]
    for least, most in zip(reversed(low), reversed(high), strict=True):
        last = least if last < least else most if last > most else last
        best.append(last)
    return np.array(best[::-1])


def _forward(
    slope: list[float], origin: list[float], pull: list[float], hold: list[float]
) -> tuple[list[float], list[float], float]:
    """Where C_j' is -pull_j and pull_j, for all but the last entry; and the last entry's best.

    Pieces of C_j' are a b + c; the outer ones are kept whole, knots between them keep how a and c
    change there. ``jump`` is what C_j' jumps by at zero.
    """
    n = len(slope)
    where, turn, shift = [0.0] * (2 * n), [0.0] * (2 * n), [0.0] * (2 * n)
    first, final = n, n - 1  # the knots in use, none
    low, high = [], []
    a_low = a_high = slope[0]
    c_low, c_high, jump = -origin[0] - hold[0], hold[0] - origin[0], 2.0 * hold[0]
    for j in range(n):
        # 1. From the left, up to where C' is -pull (for the last entry: zero).
        target = -pull[j] if j < n - 1 else 0.0
        a, c, least = a_low, c_low, None
        while True:
            if jump > 0.0 and (first > final or where[first] >= 0.0):
                if c >= target:
                    break
                if c + jump >= target:
                    jump, least = c + jump - target, 0.0
                    break
                c, jump = c + jump, 0.0
            elif first <= final and a * where[first] + c < target:
                a, c, first = a + turn[first], c + shift[first], first + 1
            else:
                break
        rest = 0.0
        if least is None:
            least, rest = (target - c) / a, c - target
        if j == n - 1:
            return low, high, least
        first -= 1
        where[first], turn[first], shift[first] = least, a, rest
        # 2. From the right, down to where it is pull.
        target = -target
        a, c, most = a_high, c_high, None
        while True:
            if jump > 0.0 and (final <= first or where[final] <= 0.0):
                if c <= target:
                    break
                if c - jump <= target:
                    jump, most = target - (c - jump), 0.0
                    break
                c, jump = c - jump, 0.0
            elif final > first and a * where[final] + c > target:
                a, c, final = a - turn[final], c - shift[final], final - 1
            else:
                break
        rest = 0.0
        if most is None:
            most, rest = max((target - c) / a, least), target - c
        final += 1
        where[final], turn[final], shift[final] = most, -a, rest
        low.append(least)
        high.append(most)
        # 3. The next entry.
        a_low = a_high = slope[j + 1]
        c_low = -target - origin[j + 1] - hold[j + 1]
        c_high = target - origin[j + 1] + hold[j + 1]
        jump += 2.0 * hold[j + 1]
    raise AssertionError("unreachable: the last entry returns")
