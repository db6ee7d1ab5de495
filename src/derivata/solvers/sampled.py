"""A start for a large fit: the fit of a random sample of its rows.

A sample of m rows lands about (p / m)^(1/2) posterior-like standard deviations of itself away, from
where Newton needs two passes instead of five. Rows are weighted up, so the penalty keeps its share.

Maths: docs/math/solvers.md
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from derivata.contracts import Array
from derivata.objective import Objective
from derivata.solvers.newton import Newton

# The sample has one row in 15, or 20 a parameter if that is more, unless that is most of all.
ROWS_PER_PARAM, SHARE, WORTHWHILE = 20, 15, 5
ROUGH = 1e-3


def sampled_start(objective: Objective, hyper: Array) -> Array:
    """Parameters to start from, (n_params,): the constant fit unless rows are many.

    For a predictor that is not linear its reference: at zeros it may be stuck.
    """
    predictor = objective.predictor
    if not predictor.is_linear:
        return predictor.reference
    n_sampled = max(ROWS_PER_PARAM * predictor.n_params, predictor.n_rows // SHARE)
    zeros = _constant_fit(objective)
    if predictor.n_rows < WORTHWHILE * n_sampled or objective.loss.curvature_is_constant:
        return zeros
    rows = np.sort(np.random.default_rng(0).choice(predictor.n_rows, n_sampled, replace=False))
    sample = objective.take(rows)
    total = float(sample.weight.sum())
    if total <= 0.0:
        return zeros
    share = float(objective.weight.sum()) / total
    sample = replace(sample, weight=share * sample.weight)
    fit = Newton(tol=ROUGH, max_iter=20, precision=np.inf).minimize(sample, zeros, hyper)
    return fit.expansion.params if np.isfinite(fit.expansion.params).all() else zeros


def _constant_fit(objective: Objective) -> Array:
    """Parameters that give the best constant outputs, by the column of ones; zeros if none."""
    predictor, weight = objective.predictor, objective.weight
    zeros = np.zeros(predictor.n_params)
    if objective.loss.curvature_is_constant:
        return zeros
    null = np.broadcast_to(
        objective.loss.null_outputs(objective.y, weight), (len(weight), predictor.n_outputs)
    )
    sums = predictor.vjp(zeros, np.broadcast_to(weight[:, None], null.shape))
    squares = objective.column_squares
    ones = sums * sums > (1.0 - 1e-9) * weight.sum() * squares
    towards = predictor.vjp(zeros, weight[:, None] * null)
    return np.where(
        ones & (squares > 0.0), towards / np.maximum(squares, np.finfo(float).tiny), 0.0
    )
