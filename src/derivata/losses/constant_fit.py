"""The best constant outputs of a loss, and the least it can be, by Newton's method in k numbers.

For losses without a closed form of either. Curvatures are taken upwards where a loss is not convex,
steps are halved until the loss falls, and several starts are compared, so that an outlier or a
second minimum does not decide.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from derivata.contracts import Array, Loss
from derivata.errors import InvalidTarget
from derivata.losses.quantile import weighted_quantile

MAX_ITER, HALVINGS = 100, 40
# Outputs tried as starts, of either sign: on a log scale 60 is a probability of 1e-26.
SIZES = (0.25, 1.0, 4.0, 16.0, 60.0)
FLOOR, LONGEST = 1e-10, 1e3


def best_constant(loss: Loss, y: Array, weight: Array) -> Array:
    """argmin over c of sum_i s_i loss(y_i, c), (k,); far out where there is none.

    Raises
    ------
    InvalidTarget
        If the sum is finite at no start.
    """
    kept = weight > 0.0
    y, weight = y[kept], weight[kept]
    k = loss.n_outputs

    def derivatives(constants: Array) -> tuple[Array, Array, Array]:
        rows = loss.at(y, np.broadcast_to(constants[0], (len(y), k)))
        gradient = weight @ rows.gradient
        hessian = np.einsum("n,nab->ab", weight, rows.hessian)
        return np.array([weight @ rows.value]), gradient[None], hessian[None]

    starts = [np.zeros(k)]
    if k == 1:
        quantiles = [weighted_quantile(y, weight, share) for share in (0.5, 0.1, 0.9)]
        starts += [np.array([c]) for c in (*quantiles, np.average(y, weights=weight))]
    values = [float(derivatives(start[None])[0][0]) for start in starts]
    if not np.isfinite(values).any():
        _refuse(loss, y, kept)
    best = int(np.argmin(np.where(np.isfinite(values), values, np.inf)))
    return _descend(derivatives, starts[best][None])[0]


def least_values(loss: Loss, y: Array) -> Array:
    """The smallest loss found for each target over its outputs, (n,).

    A descent from the best of a grid of starts, near zero and near the target: the least value of
    a loss with one valley a row, or its limit to within exp(-60).
    """
    starts = _starts(loss.n_outputs, y)
    values = np.stack([loss.at(y, start).value for start in starts])
    best = np.argmin(np.where(np.isfinite(values), values, np.inf), axis=0)

    def derivatives(outputs: Array) -> tuple[Array, Array, Array]:
        rows = loss.at(y, outputs)
        return rows.value, rows.gradient, rows.hessian

    end = _descend(derivatives, starts[best, np.arange(len(y))])
    return loss.at(y, end).value


def _starts(k: int, y: Array) -> Array:
    """Outputs to start from, (m, n, k)."""
    steps = [np.zeros(k)]
    for size in SIZES:
        steps += [sign * size * unit for unit in np.eye(k) for sign in (1.0, -1.0)]
    around_zero = np.broadcast_to(np.array(steps)[:, None, :], (len(steps), len(y), k))
    if k > 1:
        return around_zero
    return np.concatenate([around_zero, around_zero + y[None, :, None]])


def _descend(derivatives: Callable[[Array], tuple[Array, Array, Array]], start: Array) -> Array:
    """Damped Newton in several problems of k numbers at once: (m, k) -> (m, k)."""
    here = start.copy()
    value, gradient, hessian = derivatives(here)
    for _ in range(MAX_ITER):
        step = _newton_step(gradient, hessian)
        step = np.where(np.isfinite(step), step, 0.0)
        if not step.any():
            break
        # At the bottom a value moves by its rounding, and the gradient tells.
        rounding = 1e-15 * (1.0 + np.abs(value))
        size, moving = np.ones(len(here)), step.any(axis=1)
        for _ in range(HALVINGS):
            there = here + size[:, None] * step
            found = derivatives(there)
            smaller = np.abs(found[1]).max(axis=1) < np.abs(gradient).max(axis=1)
            lower = (found[0] < value - rounding) | ((found[0] <= value + rounding) & smaller)
            accepted = lower & moving
            here = np.where(accepted[:, None], there, here)
            value = np.where(accepted, found[0], value)
            gradient = np.where(accepted[:, None], found[1], gradient)
            hessian = np.where(accepted[:, None, None], found[2], hessian)
            moving &= ~accepted
            if not moving.any():
                break
            size *= 0.5
        if moving.all():
            break
    return here


def _newton_step(gradient: Array, hessian: Array) -> Array:
    """-|H|^-1 gradient problem by problem, no longer than ``LONGEST`` in any number."""
    if not np.isfinite(hessian).all():
        hessian = np.where(np.isfinite(hessian), hessian, 0.0)
    values, vectors = np.linalg.eigh(hessian)
    size = np.abs(values)
    raised = np.maximum(size, np.maximum(FLOOR * size.max(axis=1, keepdims=True), 1e-300))
    along = np.einsum("mab,ma->mb", vectors, np.nan_to_num(gradient))
    with np.errstate(over="ignore", invalid="ignore"):  # no curvature at all: cut, or no step
        step = -np.einsum("mab,mb->ma", vectors, along / raised)
    return np.clip(step, -LONGEST, LONGEST)


def _refuse(loss: Loss, y: Array, kept: Array) -> None:
    values = loss.at(y, np.zeros((len(y), loss.n_outputs))).value
    bad = np.flatnonzero(~np.isfinite(values))
    row = int(bad[0]) if len(bad) else 0
    raise InvalidTarget(
        f"the loss {loss.name!r} is {values[row]} in row {int(np.flatnonzero(kept)[row])}, where "
        f"`y` is {y[row]} and outputs are 0, and no constant outputs make it finite in all rows. "
        "Is every target within the loss's domain?"
    )
