"""The exact Hessian of F beside Gauss-Newton's: which of the two answers what.

    H = J^T W J + Lambda + sum_i g_i . (second derivative of z_i),     G = H without the last term

A linear predictor has no last term. For any other,

* how a minimiser moves (implicit derivatives, influence, standard errors) is a matter of H: the
  theorem holds for no other matrix;
* leverages, leave-one-out and evidence are taken of G: it is positive definite wherever the losses
  are convex, and its derivative by params needs second derivatives of the outputs only.

H can be indefinite, where a solver has stopped at a saddle; ``IndefiniteInverse`` then refuses.

Maths: docs/math/autodiff.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array, HessianInverse
from derivata.curvature.indefinite import IndefiniteInverse
from derivata.curvature.inverse import (
    LARGEST_DENSE,
    has_negative_rows,
    invert,
    invert_dense,
)
from derivata.curvature.iterative import IterativeInverse
from derivata.objective import Expansion

# A Hessian by p directions through the data and its eigenvalues are worth a Newton step up to here.
LARGEST_EXACT_STEP = 2_000
# Lengths of the step that leaves a saddle, in units of the scaled Hessian.
ESCAPES = (1.0, 0.3, 0.1, 0.03, 0.01)


def invert_exact(expansion: Expansion, inverse: HessianInverse | None = None) -> HessianInverse:
    """H^-1 of the exact Hessian; ``inverse`` (default: ``invert``'s) where the two are the same.

    Dense up to ``LARGEST_DENSE`` parameters: p directions through the data and p^3 / 3; else, or
    where ``inverse`` is iterative itself, by conjugate gradients.

    Returns
    -------
    HessianInverse
        An ``IndefiniteInverse`` where H has a negative direction.
    """
    if expansion.objective.predictor.is_linear:
        return invert(expansion) if inverse is None else inverse
    if isinstance(inverse, IterativeInverse) or len(expansion.params) > LARGEST_DENSE:
        return IterativeInverse(expansion, gauss_newton=False)  # holds the expansion: not kept
    return expansion.keep("exact inverse", lambda: invert_dense(expansion, expansion.exact_hessian))


def newton_step(expansion: Expansion) -> Array:
    """-H^-1 gradient, with curvatures taken upwards where H is indefinite: (p,).

    For a predictor that is not linear, and too many parameters for the exact Hessian, H is
    Gauss-Newton's. NaN where F has no finite derivative.
    """
    objective = expansion.objective
    gradient = expansion.gradient
    if not np.isfinite(gradient).all() or not np.isfinite(expansion.output_hessian).all():
        return np.full(len(gradient), np.nan)
    exact = not objective.predictor.is_linear and len(gradient) <= LARGEST_EXACT_STEP
    inverse = invert_exact(expansion) if exact else invert(expansion)
    if isinstance(inverse, IndefiniteInverse):
        return -inverse.downhill(gradient)
    return -inverse.solve(gradient)


def past_saddle(expansion: Expansion) -> Expansion | None:
    """A lower point along the most negative curvature of a stationary point, or None.

    None where there is no such curvature, none that lowers F, or where F is convex for sure: a
    linear predictor whose rows are all curved upwards. Costs the exact Hessian otherwise.
    """
    objective = expansion.objective
    if len(expansion.params) > LARGEST_EXACT_STEP:
        return None
    if objective.predictor.is_linear and not has_negative_rows(expansion):
        return None
    inverse = invert_exact(expansion)
    if not isinstance(inverse, IndefiniteInverse):
        return None
    trials = [
        objective.at(expansion.params + sign * size * inverse.escape, expansion.hyper)
        for size in ESCAPES
        for sign in (1.0, -1.0)
    ]
    lowest = min(trials, key=lambda trial: trial.value if np.isfinite(trial.value) else np.inf)
    return lowest if lowest.value < expansion.value else None
