"""How far a tuned criterion flatters, from its curvature and the spread of its rows.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.implicit import params_by_hyper
from derivata.tuning.problem import Evaluation, Problem
from derivata.tuning.trust_region import TrustRegion


def estimate_optimism(
    at: Evaluation, problem: Problem, directions: Array, region: TrustRegion
) -> float:
    """trace(A''^-1 V) on the directions searched, in nats times the loss's unit.

    V sums the outer products of the rows' gradients by hyper, through their own outputs; the part
    through the leverages is smaller by a factor of order p / n and left out. A learned A'' can be
    too flat, so each direction counts at most two units (were the criterion a log-likelihood,
    each would count one).
    """
    blocks = []
    for part, fit, inverse, judged in zip(
        problem.parts, at.fits, at.inverses, at.partials, strict=True
    ):
        moves = params_by_hyper(fit.expansion, inverse) @ directions
        along = [part.judged.jvp(fit.expansion.params, move) for move in moves.T]
        slopes = [np.einsum("nk,nk->n", judged.row_gradients, z) for z in along]
        blocks.append(np.stack(slopes, axis=1) if slopes else np.zeros((0, 0)))
    rows = np.concatenate(blocks)
    values, vectors = np.linalg.eigh(region.full_curvature())
    turned = rows @ vectors
    spread = (turned * turned).sum(axis=0)
    floor = spread / (2.0 * problem.unit(at.criterion))
    counted = spread > 0.0
    return float(np.sum(spread[counted] / np.maximum(values, floor)[counted]))
