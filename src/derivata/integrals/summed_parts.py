"""Contributions where outputs are sums of parts: linear and additive models, in closed form.

    z - z_b = sum_j part_j      contribution_j = S part_j,      S the mean slope of the link

On the link scale S is the identity, and contributions are the parts: w_j (x_j - b_j), or
f_j(x) - f_j(b). On the response's, all parts grow in proportion from the baseline to the row: for
linear models that is the straight path of the columns.

Maths: docs/math/attribution.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.integrals.links import Link
from derivata.integrals.mean_slope import mean_slope
from derivata.integrals.path_integral import PathIntegral


def linear_parts(weight: Array, start: Array, end: Array) -> Array:
    """w_j (x_j - b_j): weight (k, p), inputs (m, p) -> parts (m, p, k)."""
    return (end - start)[:, :, None] * weight.T


def share_out(parts: Array, start: Array, end: Array, link: Link) -> PathIntegral:
    """Parts of outputs as contributions to what a link makes of the outputs.

    Parameters
    ----------
    parts : array (m, c, k)        add up to end - start
    start, end : array (m, k)      outputs
    link : Link

    Returns
    -------
    PathIntegral
    """
    slope, count = mean_slope(link, start, end)
    values = parts if link.is_linear else np.einsum("mqk,mck->mcq", slope, parts)
    method = "exact: outputs are sums"
    if not link.is_linear:
        method += ", and all parts grow in proportion"
        if count > 1:
            method += f", by at most {count} Gauss-Legendre nodes of the link"
    evaluations = np.full(len(parts), count)
    return PathIntegral(values, link.value(start), link.value(end), evaluations, method)
