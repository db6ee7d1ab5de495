"""What a first-order run has seen: every value, the lowest point, and how the run ended.

F may rise on the way, so the lowest point is kept beside the last. A run that met its tolerance
ends at its last point; any other returns the lowest.

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.objective import Expansion
from derivata.solvers.result import FitResult

# A relative gradient this many times that of the start, or of one, will not come back.
RUNAWAY = 1e8
GRADIENT = "the gradient by parameter {0} is {1:.3g}"


class Trail:
    """Values and relative gradients from the start on.

    Parameters
    ----------
    start : Expansion
    unit : str
        What is counted: steps, or passes over all rows.

    Raises
    ------
    InvalidParameter
        If F or its gradient is not finite at the start.
    """

    def __init__(self, start: Expansion, unit: str = "step"):
        if not is_finite(start):
            raise InvalidParameter(
                f"F is {start.value:g} at the start ({culprit(start)}), so there is nothing to "
                "descend from. Start elsewhere: at zeros, or nearer to a fit."
            )
        self.unit, self.values, self.gradients = unit, [start.value], [start.relative_gradient]
        self.lowest = [(0, start)]
        self.flattest = [0]  # the step of the lowest gradient
        self.refused: list[int] = []  # the step at which each trial was refused

    @property
    def n_iter(self) -> int:
        """Steps taken."""
        return len(self.values) - 1

    @property
    def idle(self) -> int:
        """Steps since F or its gradient was last lower than ever before."""
        return self.n_iter - max(self.lowest[0][0], self.flattest[0])

    def add(self, expansion: Expansion) -> None:
        """Take one more step."""
        if expansion.relative_gradient < self.gradients[self.flattest[0]]:
            self.flattest[:] = [self.n_iter + 1]
        self.values.append(expansion.value)
        self.gradients.append(expansion.relative_gradient)
        if expansion.value < self.lowest[0][1].value:
            self.lowest[:] = [(self.n_iter, expansion)]

    def runs_away(self, expansion: Expansion) -> bool:
        """Whether the gradient is beyond all bounds."""
        return expansion.relative_gradient > RUNAWAY * max(self.gradients[0], 1.0)

    def arrived(self, end: Expansion, tol: float, solver: Any, note: str = "") -> FitResult:
        """The tolerance is met."""
        reason = f"relative gradient {end.relative_gradient:.1e} is at most tol {tol:.0e}"
        return self._result(end, True, reason + note, solver)

    def limited(self, tol: float, solver: Any, note: str = "") -> FitResult:
        """The limit of steps is reached."""
        what = f"max_iter = {self.n_iter}" + (f" {self.unit}es" if self.unit == "pass" else "")
        reason = f"{what} reached with a relative gradient of {self._left(tol)}"
        return self._result(self.lowest[0][1], False, reason + note, solver)

    def stalled(self, tol: float, solver: Any, note: str = "") -> FitResult:
        """F and its gradient have stopped falling: at rounding, this counts as converged."""
        relative = self.lowest[0][1].relative_gradient
        converged = relative <= max(1e4 * np.finfo(float).eps, 100 * tol)
        reason = f"no step lowers the objective further; relative gradient {self._left(tol)}"
        return self._result(self.lowest[0][1], converged, reason + note, solver)

    def lost(self, trial: Expansion, step: float, solver: Any, which: str = "") -> FitResult:
        """A step led to where F is no number, or beyond all bounds."""
        rising = self.values[-1] > self.values[0] or np.isinf(trial.value)
        diverged = bool(rising or self.runs_away(trial))
        which = which or f"{self.unit} {self.n_iter + 1}"
        reason = (
            f"{'diverged' if diverged else 'broken off'}: {which}, of size {step:.3g}, leads to "
            f"F = {trial.value:.3g} ({culprit(trial)}); {self._kept()}. Take shorter steps, "
            "`step=None` where the solver has it, or bring the columns to one scale"
        )
        return self._result(self.lowest[0][1], False, reason, solver, diverged=diverged)

    def spoiled(self, gradient: Array, solver: Any, which: str) -> FitResult:
        """A batch has a gradient that is no number."""
        bad = int(np.flatnonzero(~np.isfinite(gradient))[0])
        reason = (
            f"broken off: {which} meets a batch where {GRADIENT.format(bad, gradient[bad])}; "
            f"{self._kept()}. Look for rows that the loss cannot take, or take shorter steps"
        )
        return self._result(self.lowest[0][1], False, reason, solver)

    def interrupted(self, solver: Any) -> FitResult:
        """Ctrl-C."""
        reason = f"interrupted after {self.unit} {self.n_iter}; {self._kept()}"
        return self._result(self.lowest[0][1], False, reason, solver, interrupted=True)

    def _left(self, tol: float) -> str:
        at, best = self.lowest[0]
        which = "" if at == self.n_iter else f", at the lowest F, of {self.unit} {at}"
        return f"{best.relative_gradient:.1e} (tol {tol:.0e}){which}"

    def _kept(self) -> str:
        at, best = self.lowest[0]
        where = f"{self.unit} {at}" if at else "the start"
        return (
            f"the lowest point so far, of {where}, is kept: F = {best.value:.6g}, relative "
            f"gradient {best.relative_gradient:.1e}"
        )

    def _result(
        self,
        end: Expansion,
        converged: bool,
        reason: str,
        solver: Any,
        *,
        interrupted: bool = False,
        diverged: bool = False,
    ) -> FitResult:
        return FitResult(
            end,
            converged,
            self.n_iter,
            reason,
            tuple(self.values),
            tuple(self.gradients),
            n_gradients=self.n_iter + 1 + len(self.refused),
            interrupted=interrupted,
            diverged=diverged,
            solver=solver,
        )


def is_finite(expansion: Expansion) -> bool:
    """Whether F and its gradient are."""
    return bool(np.isfinite(expansion.value) and np.isfinite(expansion.relative_gradient))


def culprit(expansion: Expansion) -> str:
    """Which parameter makes F or its gradient what it is."""
    params = expansion.params
    for values, what in ((params, "parameter {0} is {1:.3g}"), (expansion.gradient, GRADIENT)):
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            return what.format(bad[0], values[bad[0]])
    largest = int(np.argmax(np.abs(params)))
    return f"the largest parameter, {largest}, is {params[largest]:.3g}"
