"""What every row does to the loss of judged rows, from one adjoint solve and one leverage pass.

V(w) = sum_j s_j loss(y_j, z_j(w)) over the judged rows, q = H^-1 V'. Without row i, w moves by the
Newton step d_i = H^-1 J_i^T a_i and then by the second step, which the third derivative of the
losses asks for. To second order in the row's influence

    V(w_-i) - V(w) = a_i . (J_i q) + d_i^T (G_V - T_q) d_i / 2
    d_i^T A d_i    = a_i^T J_i H^-1 A H^-1 J_i^T a_i                (leverages of a sandwich)
    G_V = J_V^T W_V J_V,     T_q = sum_{j not i} s_j J_j^T (third derivative_j : J_j q) J_j

so no row needs a pass of its own. Where the others of the fit itself are judged, row i's own loss
is taken out of V. For squared loss and a linear predictor T is zero and the sum is exact. For a
predictor that is not linear the change of J is left out, and T with it.

Maths: docs/math/influence.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array
from derivata.curvature.active import ActiveExpansion, ActiveInverse, restrict
from derivata.curvature.iterative import IterativeInverse
from derivata.objective import Objective
from derivata.removal.rows import RowSteps, chunks

# A p x p sandwich of judged rows is formed up to this many parameters.
LARGEST_SANDWICH = 2_000


def loss_effects(steps: RowSteps, judged: Objective | None = None) -> Array:
    """How the summed loss of judged rows changes without each row, to second order: (m,).

    Parameters
    ----------
    steps : RowSteps
    judged : Objective, optional
        Of other rows, with the same parameters. Default: for each row the others of the fit.

    Returns
    -------
    effects : array (m,)           in nats, negative where the judged rows are better off without
    """
    expansion = steps.expansion
    rows, pull, own = steps.rows, steps.pull, steps.own_change
    objective = expansion.objective
    gradient = _gradient(steps, judged)
    adjoint = steps.inverse.solve(gradient)
    along = objective.predictor.jvp(expansion.params, adjoint)
    effects = np.einsum("ma,ma->m", pull, along[rows])
    blocks = np.zeros_like(expansion.output_hessian)
    if judged is None:
        blocks += expansion.output_hessian
        hessian = expansion.output_hessian[rows]
        effects -= np.einsum("ma,ma->m", expansion.output_gradient[rows], own)
        effects -= 0.5 * np.einsum("ma,mab,mb->m", own, hessian, own)
    else:
        effects += 0.5 * _judged_curvature(steps, judged)
    bent = _bent(steps, along)
    if bent is not None:
        blocks -= bent
        effects += 0.5 * np.einsum("ma,mab,mb->m", own, bent[rows], own)
    if blocks.any():
        effects += 0.5 * _curvature(steps, blocks)
    return effects


def _gradient(steps: RowSteps, judged: Objective | None) -> Array:
    """V', (n_params,)."""
    expansion = steps.expansion
    if judged is None:
        return expansion.loss_gradient
    return judged.at(expansion.params, expansion.hyper).loss_gradient


def _bent(steps: RowSteps, along: Array) -> Array | None:
    """s_j (third derivative_j : J_j q), (n, k, k); None where there is nothing, or no sandwich."""
    expansion = steps.expansion
    objective = expansion.objective
    if not objective.predictor.is_linear or objective.loss.curvature_is_constant:
        return None
    k = objective.predictor.n_outputs
    columns = []
    for unit in np.eye(k):
        outer = along[:, :, None] * unit
        third = expansion.rows.third(0.5 * (outer + outer.transpose(0, 2, 1)))
        if third is None:
            return None
        columns.append(third)
    return objective.weight[:, None, None] * np.stack(columns, axis=2)


def _curvature(steps: RowSteps, blocks: Array) -> Array:
    """d_i^T (J^T C J) d_i for each row, with the fit's own J: (m,)."""
    if isinstance(steps.inverse, IterativeInverse):
        return _by_outputs(steps, steps.expansion.objective, blocks)
    spread = steps.inverse.sandwich(blocks).leverage()[steps.rows]
    return np.einsum("ma,mab,mb->m", steps.pull, spread, steps.pull)


def _judged_curvature(steps: RowSteps, judged: Objective) -> Array:
    """d_i^T G_V d_i for each row, (m,)."""
    expansion, inverse = steps.expansion, steps.inverse
    blocks = judged.at(expansion.params, expansion.hyper).output_hessian
    few = expansion.n_moving > min(LARGEST_SANDWICH, blocks.shape[0] * blocks.shape[1])
    if few or isinstance(inverse, IterativeInverse):
        return _by_outputs(steps, judged, blocks)
    inner = expansion.on_support if isinstance(expansion, ActiveExpansion) else expansion
    if isinstance(inverse, ActiveInverse):
        judged, inverse = restrict(judged, inverse.columns), inverse.inner
    gram = judged.predictor.gram(inner.params, blocks)
    half = inverse.solve(np.asfortranarray(gram))
    matrix = inverse.solve(np.asfortranarray(half.T))
    matrix = 0.5 * (matrix + matrix.T)
    spread = inner.objective.predictor.leverage(inner.params, matrix)[steps.rows]
    return np.einsum("ma,mab,mb->m", steps.pull, spread, steps.pull)


def _by_outputs(steps: RowSteps, judged: Objective, blocks: Array) -> Array:
    """The same from how the judged outputs move, a pass a row: (m,)."""
    params = steps.expansion.params
    curvature = np.empty(len(steps.rows))
    for part in chunks(len(steps.rows), len(params)):
        for number, change in enumerate(steps.params_change(part), start=part.start):
            moved = judged.predictor.jvp(params, change)
            curvature[number] = np.einsum("na,nab,nb->", moved, blocks, moved)
    return curvature
