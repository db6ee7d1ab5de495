"""Which rows to fit without, and how far off the effects of the others are.

The doubt about a Newton step is the square of its length in posterior standard deviations: what it
leaves out is of second order. Half of the refits go to the most doubtful steps and the largest
effects, half to others by lot in proportion to doubt, so that they stand for the rest.

Maths: docs/math/influence.md
"""

from __future__ import annotations

import numpy as np

from derivata.certified.kinks import rows_that_move
from derivata.certified.sampling import Sample, draw
from derivata.contracts import Array
from derivata.curvature.active import ActiveExpansion
from derivata.removal.faces import leaves_face
from derivata.removal.rows import RowSteps
from derivata.solvers.constrained import ConstrainedNewton
from derivata.solvers.proximal import has_kink
from derivata.tuning import Solver


def doubt_of(steps: RowSteps, solver: Solver) -> Array:
    """How far each step may be from the fit without its row, up to a factor: (m,).

    The square of its length, as what is left out is of second order; zero where nothing is, and
    infinite where a kink or a constraint is met or let go, or the row alone decides its output.
    """
    expansion, rows = steps.expansion, steps.rows
    objective = expansion.objective
    doubt = steps.length**2
    if objective.is_quadratic and objective.penalty.curvature_is_constant:
        doubt = np.zeros(len(rows))
    if isinstance(expansion, ActiveExpansion):
        moves = rows_that_move(expansion)[rows] | (objective.weight[rows] > 1.0)
        doubt = np.where(moves, np.inf, doubt)
    elif has_kink(objective):  # whether it moves a kink is not known
        doubt = steps.length**2
    if isinstance(solver, ConstrainedNewton):
        doubt = np.where(leaves_face(steps, solver.constraints), np.inf, doubt)
    pulled = expansion.output_gradient[rows].any(axis=1)
    decided = ~steps.pull.any(axis=1) | ~np.isfinite(steps.pull).all(axis=1)
    return np.where(decided & pulled, np.inf, doubt)


def rows_to_refit(effect: Array, doubt: Array, most: int, rng: np.random.Generator) -> Sample:
    """Rows to refit: for sure the most doubtful and those of the largest effects; others by lot."""
    largest = np.argsort(-size_of(effect), kind="stable")[: most // 4]
    sizes = doubt.copy()
    sizes[largest] = np.where(sizes[largest] > 0.0, np.inf, 0.0)
    return draw(sizes, most, rng.random(len(doubt)))


def error_of(sample: Sample, doubt: Array, differences: Array) -> float:
    """Root mean square error of the effects that were not refitted; NaN if none was.

    The larger of two estimates: from the rows drawn by lot, each standing for as many as its
    probability says; and from errors in proportion to doubt, as among all rows refitted.
    """
    left = ~sample.chosen & (doubt > 0.0)
    known = np.isfinite(differences)
    if not left.any():
        return 0.0
    if not known.any():
        return float("nan")
    by_lot = known & (sample.probability < 1.0)
    share = (1.0 - sample.probability[by_lot]) / sample.probability[by_lot]
    drawn = float(share @ differences[by_lot] ** 2) / left.sum()
    measured = known & np.isfinite(doubt)
    factor = float(np.sum(differences[measured] ** 2))
    factor /= max(float(np.sum(doubt[measured] ** 2)), np.finfo(float).tiny)
    expected = factor * float(np.mean(doubt[left] ** 2)) if np.isfinite(doubt[left]).all() else 0.0
    return float(np.sqrt(max(drawn, expected)))


def size_of(effect: Array) -> Array:
    """How large each effect is, (m,): absolute, or in units of what each number of it moves by."""
    flat = effect.reshape(len(effect), -1)
    if flat.shape[1] == 1:
        return np.abs(flat[:, 0])
    scale = np.sqrt(np.mean(flat**2, axis=0))
    return np.sqrt(np.mean((flat / np.where(scale > 0.0, scale, 1.0)) ** 2, axis=1))
