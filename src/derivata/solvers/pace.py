"""The step in force, and the curvature it stands on.

A step taken from the curvature at the start is right where curvature stays as it is. It is checked
at every step: for a convex F with Hessians up to L,

    (g_next - g) . d / |d|^2 <= L,        d the move from here to the next point,

so a larger quotient says that F is curvier here, and the step is taken anew for a larger L. Where F
is flatter than it was, only a new spectrum can tell: one is taken after 8, 16, 32, ... steps, or
four times as many where the last one changed nothing, so that they are no more than log2 of the
steps. On a quadratic there is nothing to check.

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.curvature.spectrum import LARGEST_DENSE, Spectrum, spectrum
from derivata.errors import InvalidParameter
from derivata.objective import Expansion

# L may be exceeded by this factor: by Lanczos it is known from below.
ROOM = 1.01
LEAST_FACTOR, MOST_FACTOR = 2.0, 10.0
# Below this relative gradient differences of gradients are rounding, and curvature has settled.
SETTLED = 1e-6
# The first new spectrum comes after this many steps, or one for so many parameters.
FIRST_LOOK, PARAMS_A_STEP = 8, 10
# A spectrum this near the last one changes nothing.
SAME = 0.01
# A condition number worth mentioning.
ILL_CONDITIONED = 1e3
# Steps of a schedule that are compared with the bound.
COMPARED = 1_000


@dataclass(frozen=True)
class Pace:
    """A solver whose step is a number, and what that stands on.

    Attributes
    ----------
    asked : Descent
        As the user made it, perhaps without a step.
    solver : Descent
        With every setting filled in.
    ends : Spectrum or None
        What the step follows; None if it is the user's.
    next_look : float
        The number of steps after which the spectrum is taken again.
    n_shortened : int
    """

    asked: Any
    solver: Any
    ends: Spectrum | None
    next_look: float = np.inf
    n_shortened: int = 0

    @classmethod
    def first(cls, solver: Any, start: Expansion) -> Pace:
        """At the start of a run.

        Raises
        ------
        InvalidParameter
            If the step given is at or beyond its bound, and may not be.
        """
        if not hasattr(solver, "resolved"):
            return cls(solver, solver, None)
        if solver.step is not None:
            filled = solver.resolved(Spectrum(1.0, 1.0, 0))
            if not solver.allow_unstable:
                _require_stable(filled, start)
            return cls(solver, filled, None)
        ends = _positive(spectrum(start), start)
        n_params = len(start.params)
        wait = max(FIRST_LOOK, min(n_params, 3 * LARGEST_DENSE) // PARAMS_A_STEP)
        look = np.inf if is_quadratic(start) else wait
        return cls(solver, solver.resolved(ends), ends, look)

    @property
    def note(self) -> str:
        """What a reason says of it."""
        if not self.n_shortened:
            return ""
        times = "once" if self.n_shortened == 1 else f"{self.n_shortened} times"
        return f"; the step was shortened {times}, as F is curvier on the way than at the start"

    @property
    def plea(self) -> str:
        """What a run says that needed more steps than it had."""
        if self.ends is None or self.ends.condition < ILL_CONDITIONED:
            return self.note
        return (
            f"{self.note}; the condition number is {self.ends.condition:.1e}, and the steps needed "
            "grow with it or its root: bring the columns to one scale, or use `Newton()`"
        )

    def shortened(self, curvature: float) -> Pace:
        """For a larger curvature than was thought, by a factor of two to ten.

        Of what was met at the end of a step that was far too long no more is believed.
        """
        assert self.ends is not None
        factor = float(np.clip(curvature / self.ends.largest, LEAST_FACTOR, MOST_FACTOR))
        ends = replace(self.ends, largest=factor * self.ends.largest)
        solver = self.asked.resolved(ends)
        return replace(self, solver=solver, ends=ends, n_shortened=self.n_shortened + 1)

    def looked_again(self, here: Expansion, n_iter: int) -> Pace:
        """With a new spectrum if it is time for one."""
        if self.ends is None or n_iter < self.next_look:
            return self
        later = replace(self, next_look=2.0 * n_iter)
        ends = _positive(spectrum(here), here)
        now = np.array([ends.largest, ends.smallest])
        before = np.array([self.ends.largest, self.ends.smallest])
        if (np.abs(now - before) <= SAME * before).all():
            return replace(self, next_look=4.0 * n_iter)
        return replace(later, solver=self.asked.resolved(ends), ends=ends)

    def exceeded_by(self, here: Expansion, trial: Expansion) -> float:
        """The curvature between two points if it is beyond what the step stands on, else zero."""
        if self.ends is None or np.isinf(self.next_look) or here.relative_gradient < SETTLED:
            return 0.0
        move = trial.params - here.params
        change = float(move @ (trial.loss_gradient - here.loss_gradient))
        if not hasattr(here.objective.penalty, "prox"):
            change = float(move @ (trial.gradient - here.gradient))
        curvature = change / max(float(move @ move), np.finfo(float).tiny)
        return curvature if curvature > ROOM * self.ends.largest else 0.0


def is_quadratic(expansion: Expansion) -> bool:
    """Whether the smooth part of F is a quadratic: its curvature is then the same everywhere."""
    objective = expansion.objective
    penalty = objective.penalty
    smooth = hasattr(penalty, "prox") or getattr(penalty, "curvature_is_constant", False)
    return bool(objective.is_quadratic and smooth)


def _positive(ends: Spectrum, at: Expansion) -> Spectrum:
    """Where there is no curvature at all, that of rows of squared losses."""
    if ends.largest > 0.0:
        return ends
    largest = float(at.objective.column_squares.max(initial=0.0)) or 1.0
    return Spectrum(largest, largest, ends.n_flat)


def _require_stable(solver: Any, start: Expansion) -> None:
    ends = spectrum(start)
    if not ends.largest > 0.0:
        return
    bound = solver.bound(ends.largest)
    counts = range(max(1, min(solver.max_iter, COMPARED)))
    step = max(float(solver.step_at(count)) for count in counts)
    if step < bound:
        return
    best = replace(solver, step=None).resolved(ends).step
    raise InvalidParameter(
        f"`step` is {step:.4g}, but {type(solver).__name__} diverges from {bound:.4g} on: the "
        f"largest curvature of the objective at the start is L = {ends.largest:.4g}, and the bound "
        f"is {solver.bound_words} (kappa is {ends.condition:.3g}). Use `step=None`, which takes "
        f"{best:.4g}, or a step below the bound, or bring the columns to one scale; "
        "`allow_unstable=True` runs it nevertheless."
    )
