"""Constants for the whole way, as theory has them: one step and one momentum from start to end.

A solver that is given no step takes it from the curvature where it is, and anew as that changes.
Theory is about one step for all: then it must not be too long anywhere, so L is the larger one of
start and minimiser, and mu that of the minimiser, where the end of the way lies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from derivata.curvature.spectrum import spectrum

BELOW = 1.0 - 1e-9


@dataclass(frozen=True)
class UnstableStep:
    """A step that diverges: the bound it is beyond, and the curvature that sets it."""

    bound: float
    largest: float
    where: str


def settled(solver: Any, start: Any, end: Any) -> Any:
    """The solver with the best constants for the way from one expansion to the minimiser.

    Parameters
    ----------
    solver : GradientDescent, Momentum or Nesterov
        What it is given it keeps.
    start, end : Expansion

    Returns
    -------
    solver                         with its step, and its momentum, filled in
    """
    first, last = spectrum(start), spectrum(end)
    largest = max(first.largest, last.largest)
    filled = solver.resolved(replace(last, largest=largest))
    if solver.step is not None or largest == 0.0:
        return filled
    # Where mu is next to nothing beside L, the best step rounds to its bound.
    return replace(filled, step=min(filled.step, BELOW * filled.bound(largest)))


def unstable_step(solver: Any, start: Any, end: Any) -> UnstableStep | None:
    """Why a constant step would diverge at the start or at the minimiser; None if it would not."""
    step = solver.step
    if not isinstance(step, int | float):
        return None
    for expansion, where in ((end, "at the minimiser"), (start, "at the start")):
        largest = spectrum(expansion).largest
        if largest > 0.0 and step >= solver.bound(largest):
            return UnstableStep(solver.bound(largest), largest, where)
    return None
