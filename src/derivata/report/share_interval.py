"""The 95 % interval of a share of rows.

    middle = (p + z^2 / 2n) / (1 + z^2 / n)
    half = z sqrt(p (1 - p) / n + (z / 2n)^2) / (1 + z^2 / n)

with n the number of rows of equal weight that are worth as much, (sum s)^2 / sum s^2. It stays
inside 0 to 1 and is not empty at a share of 0. Source: Wilson (1927), J. Am. Stat. Assoc. 22,
209-212.
"""

from __future__ import annotations

import math

from derivata.contracts import Array
from derivata.report.charts import Interval

Z = 1.96


def share_interval(hit: Array, weight: Array) -> Interval:
    """The weighted share of rows that hit (m,), with its interval."""
    total = float(weight.sum())
    n = total**2 / float(weight @ weight)
    share = float(weight @ hit) / total
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + (Z / (2 * n)) ** 2)
    return Interval("", share, max(middle - half, 0.0), min(middle + half, 1.0))
