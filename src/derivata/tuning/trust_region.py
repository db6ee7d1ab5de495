"""Minimising a function that is dear to evaluate, with its exact gradient, in a trust region.

Around the best point h0 the function is replaced by

    m(h) = A0 + S(h) - S(h0) + (grad A0 - grad S(h0)) . (h - h0) + 1/2 (h - h0)^T D (h - h0)

with an optional cheap stand-in S that knows some of the function's shape, and a curvature D learned
from gradient to gradient: all of it by BFGS where there is no S, else what S lacks by Powell's
symmetric Broyden update. m's gradient is exact at h0, so the method converges to a stationary point
of A itself. Sources: Alexandrov, Dennis, Lewis & Torczon (1998), Struct. Optim. 15, 16-23 (trust
regions with first-order corrected stand-ins); Nocedal & Wright (2006), chapters 4 and 6.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize as scipy_minimize

from derivata.contracts import Array

# Longest step from which what a stand-in lacks is learned for the next one.
TRANSFERABLE = 0.5
# Newton steps on a model, which cost as much as its evaluations; 4 to 8 are usual. A gain below
# this many nats is none.
NEWTON_STEPS, SMALLEST_STEP, SMALLEST_GAIN = 20, 1e-4, 1e-4

ValueAndGradient = Callable[[Array], tuple[float, Array]]
Curvature = Callable[[Array], Array]


@dataclass(frozen=True)
class Proposal:
    """A point to try: where, what decrease the model promises there, and how far it lies."""

    point: Array
    promised: float
    size: float


class TrustRegion:
    """The model around the best point so far.

    Parameters
    ----------
    lower, upper : array (m,)
        Bounds of the search.
    radius : float
        First largest move of any coordinate.
    largest_radius : float
        No radius grows beyond it.
    """

    def __init__(self, lower: Array, upper: Array, radius: float, largest_radius: float):
        self.lower, self.upper = lower, upper
        self.radius, self.largest_radius = radius, largest_radius
        self.curvature = np.zeros((len(lower), len(lower)))
        self.centred, self.seen = False, False

    def centre(
        self,
        point: Array,
        value: float,
        gradient: Array,
        stand_in: ValueAndGradient | None,
        stand_in_curvature: Curvature | None = None,
    ) -> None:
        """Make ``point`` the best one, with an optional stand-in S around it."""
        if not self.centred or (stand_in is None) != (self.stand_in is None):
            self._start_curvature(gradient, stand_in)
        self.centred = True
        self.point, self.value, self.gradient, self.stand_in = point, value, gradient, stand_in
        self.stand_in_curvature = stand_in_curvature
        if stand_in is not None:
            self.stand_in_value, self.stand_in_gradient = stand_in(point)

    def _start_curvature(self, gradient: Array, stand_in: ValueAndGradient | None) -> None:
        n = len(gradient)
        self.seen = stand_in is not None
        # Before any curvature is known, a gradient step should move the steepest log by 2.
        size = 0.5 * float(np.abs(gradient).max(initial=0.0)) or 1.0
        self.curvature = np.zeros((n, n)) if stand_in is not None else size * np.eye(n)

    def model(self, point: Array) -> tuple[float, Array]:
        """m and its gradient."""
        apart = point - self.point
        curved = self.curvature @ apart
        value = self.value + float(apart @ self.gradient) + 0.5 * float(apart @ curved)
        gradient = self.gradient + curved
        if self.stand_in is not None:
            other, other_gradient = self.stand_in(point)
            value += other - self.stand_in_value - float(apart @ self.stand_in_gradient)
            gradient = gradient + other_gradient - self.stand_in_gradient
        return value, gradient

    def propose(self) -> Proposal:
        """The model's minimiser within the radius and the bounds."""
        lower = np.maximum(self.lower - self.point, -self.radius)
        upper = np.minimum(self.upper - self.point, self.radius)
        if self.stand_in is None:
            step = quadratic_in_box(self.curvature, self.gradient, lower, upper)
            value = self.value + float(step @ self.gradient + 0.5 * step @ self.curvature @ step)
        elif self.stand_in_curvature is not None:
            step, value = _newton_in_box(self._model_at, self._curvature_at, lower, upper)
        else:
            step, value = _descend_in_box(self._model_at, lower, upper)
        return Proposal(
            self.point + step, max(self.value - value, 0.0), float(np.abs(step).max(initial=0.0))
        )

    def _model_at(self, step: Array) -> tuple[float, Array]:
        return self.model(self.point + step)

    def _curvature_at(self, step: Array) -> Array:
        assert self.stand_in_curvature is not None
        return self.curvature + self.stand_in_curvature(self.point + step)

    def learn(self, proposal: Proposal, value: float, gradient: Array) -> bool:
        """Take in the exact function at a proposal; whether it is the better point.

        Updates the learned curvature and the radius; ``centre`` must follow if it is better.
        """
        step = proposal.point - self.point
        if self.stand_in is None:
            self._learn_all(step, gradient - self.gradient)
        else:
            self._learn_missing(step, gradient - self.model(proposal.point)[1])
        gained = (self.value - value) / proposal.promised
        if not gained >= 0.25:
            self.reject(proposal)
        elif gained > 0.75 and proposal.size > 0.9 * self.radius:
            self.radius = min(2.0 * self.radius, self.largest_radius)
        return gained > 0.0

    def reject(self, proposal: Proposal) -> None:
        """Take in that the function could not be had at a proposal."""
        self.radius = 0.3 * min(self.radius, proposal.size)

    def _learn_all(self, step: Array, change: Array) -> None:
        along = float(step @ change)
        if along <= 1e-3 * float(step @ self.curvature @ step):
            # Curved downwards along the step: BFGS cannot say so, but longer steps may follow.
            self.curvature = 0.25 * self.curvature
            return
        if not self.seen:
            self.curvature, self.seen = np.eye(len(step)) * along / float(step @ step), True
        moved = self.curvature @ step
        self.curvature = (
            self.curvature
            + np.outer(change, change) / along
            - np.outer(moved, moved) / float(step @ moved)
        )

    def _learn_missing(self, step: Array, missed: Array) -> None:
        square = float(step @ step)
        if square > TRANSFERABLE**2:
            # The stand-in is made anew around the next centre; what the old one lacked far from
            # its own says nothing of it.
            self.curvature = np.zeros_like(self.curvature)
            return
        cross = np.outer(missed, step) / square
        self.curvature = self.curvature + cross + cross.T
        self.curvature -= float(missed @ step) * np.outer(step, step) / square**2

    def full_curvature(self) -> Array:
        """Second derivative of the model at its centre, (m, m), by differences where S is."""
        if self.stand_in is None:
            return self.curvature
        if self.stand_in_curvature is not None:
            return self._curvature_at(np.zeros(len(self.point)))
        step = 1e-3
        columns = [
            (self.model(self.point + step * unit)[1] - self.model(self.point - step * unit)[1])
            for unit in np.eye(len(self.point))
        ]
        matrix = np.stack(columns) / (2.0 * step)
        return 0.5 * (matrix + matrix.T)


def quadratic_in_box(matrix: Array, gradient: Array, lower: Array, upper: Array) -> Array:
    """Minimiser of gradient . s + s^T matrix s / 2 over a box around 0, matrix positive definite.

    Coordinates are fixed on the bound they cross and freed when the gradient pulls them back;
    ends after at most 4 m rounds, at a point no worse than the projected Newton step.
    """
    if len(gradient) == 1:
        return np.clip(-gradient / matrix[0], lower, upper)
    step = np.zeros(len(gradient))
    at_lower, at_upper = np.zeros(len(gradient), bool), np.zeros(len(gradient), bool)
    for _ in range(4 * len(gradient)):
        free = ~(at_lower | at_upper)
        step = np.where(at_lower, lower, np.where(at_upper, upper, 0.0))
        if free.any():
            right = -(gradient + matrix @ step)[free]
            step[free] = np.linalg.solve(matrix[np.ix_(free, free)], right)
        below, above = free & (step < lower), free & (step > upper)
        pull = gradient + matrix @ np.clip(step, lower, upper)
        released = (at_lower & (pull < 0.0)) | (at_upper & (pull > 0.0))
        if below.any() or above.any():
            at_lower, at_upper = at_lower | below, at_upper | above
        elif released.any():
            at_lower, at_upper = at_lower & ~released, at_upper & ~released
        else:
            return np.clip(step, lower, upper)
    if len(gradient) == 0:
        return step
    # The active set went round in a circle, which is rare: descend one coordinate at a time.
    return _coordinates_in_box(matrix, gradient, lower, upper)


def _coordinates_in_box(matrix: Array, gradient: Array, lower: Array, upper: Array) -> Array:
    step = np.zeros(len(gradient))
    for _ in range(200):
        before = step.copy()
        for j in range(len(step)):
            slope = gradient[j] + matrix[j] @ step
            step[j] = np.clip(step[j] - slope / matrix[j, j], lower[j], upper[j])
        if np.abs(step - before).max() <= 1e-10 * (upper - lower).max():
            break
    return step


def _newton_in_box(
    function: ValueAndGradient, curvature: Curvature, lower: Array, upper: Array
) -> tuple[Array, float]:
    """Minimise a smooth function of known curvature over a box that contains 0, from 0.

    Directions curved downwards are followed as if they curved upwards as much, which keeps every
    step one of descent; steps are halved until the function falls.
    """
    point = np.zeros(len(lower))
    value, gradient = function(point)
    for _ in range(NEWTON_STEPS):
        matrix = _positive(curvature(point))
        step = quadratic_in_box(matrix, gradient, lower - point, upper - point)
        while True:
            there, slope = _finite(function, point + step)
            if there < value or not np.abs(step).max(initial=0.0) >= SMALLEST_STEP:  # nor NaN
                break
            step = 0.5 * step
        if not there < value:
            break
        gained, point, value, gradient = value - there, point + step, there, slope
        if gained < SMALLEST_GAIN:
            break
    return point, value


def _positive(matrix: Array) -> Array:
    """A positive definite matrix with the eigenvalues' sizes of a symmetric one."""
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    floor = 1e-3 * max(float(np.abs(values).max(initial=0.0)), 1e-12)
    return (vectors * np.maximum(np.abs(values), floor)) @ vectors.T


def _finite(function: ValueAndGradient, point: Array) -> tuple[float, Array]:
    try:
        return function(point)
    except np.linalg.LinAlgError:
        return np.inf, np.zeros(len(point))


def _descend_in_box(function: ValueAndGradient, lower: Array, upper: Array) -> tuple[Array, float]:
    """Minimise a smooth function over a box that contains 0, from 0."""
    outcome = scipy_minimize(
        lambda step: _finite(function, step),
        np.zeros(len(lower)),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(lower, upper, strict=True)),
        options={"maxiter": 60, "ftol": 1e-13, "gtol": 1e-9},
    )
    return outcome.x, float(outcome.fun)
