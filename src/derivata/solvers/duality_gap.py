"""How far F can be above its minimum, by Fenchel's duality.

With u = s l'(z) the pull of the rows at w, g = J^T u, and c in (0, 1], the dual point c u gives

    gap(c) = R(w) + c g . w + (1 - c) (L - L0) + R*(-c g)  >=  F(w) - min F

L being the summed losses and L0 the smallest they could be (``Objective.saturated``): the conjugate
of a loss at c u is at most c times that at u and (1 - c) times that at 0, by convexity, so that no
loss needs a conjugate of its own. R* is zero where |g_b| <= alpha1 weight_b for every block and
(|g_b| - alpha1 weight_b)^2 / 2 alpha2 summed over the others; with alpha2 = 0, c must be small
enough for none to be left. At a minimiser the gap is zero.

It holds for convex losses, for a predictor that is linear, and where the free parameters are at
their own minimum; what their gradient has left is not in it.

Sources: Rockafellar (1970), Convex Analysis, theorem 31.1; Ndiaye, Fercoq, Gramfort & Salmon
(2017), JMLR 18(128), 1-33.

Maths: docs/math/sparse_penalties.md
"""

from __future__ import annotations

import numpy as np

from derivata.curvature.active import ActiveExpansion


def duality_gap(expansion: ActiveExpansion) -> float:
    """A bound on F minus its minimum, in F's units; infinite if there is none."""
    penalty, gradient = expansion.penalty, expansion.loss_gradient
    alpha1, alpha2 = penalty.strengths(expansion.hyper)
    penalised = penalty.param_blocks >= 0
    held = alpha1 * penalty.param_weights
    pull = penalty.norms(gradient)
    over = pull > held
    largest = float((held[over] / pull[over]).min(initial=1.0))  # the largest c without R*
    along = float(gradient[penalised] @ expansion.params[penalised])
    above = max(expansion.loss_value - expansion.objective.saturated, 0.0)
    gap = np.inf
    if largest > 0.0:
        gap = expansion.penalty_value + largest * along + (1.0 - largest) * above
    if alpha2 > 0.0 and over.any():
        # Per parameter, g_j^2 / |g_b|^2 of its block's term, so that a block counts once.
        share = (gradient[over] / pull[over]) ** 2
        conjugate = float(share @ (pull[over] - held[over]) ** 2) / (2.0 * alpha2)
        gap = min(gap, expansion.penalty_value + along + conjugate)
    return max(float(gap), 0.0)
