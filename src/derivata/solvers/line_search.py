"""Gradient descent whose step is found anew each time, by trying and halving.

    F(w - s g) <= F(w) - 1e-4 s |g|^2                                        (Armijo)

with s first d.d / d.y, d the last move and y how the gradient changed by it: the curvature met on
the way stands in for that ahead. (Twice the last step was tried: the direction of largest
curvature then swings to and fro, for hundreds of times as many steps.) The very first is
|g|^2 / g.Hg, which is exact on a quadratic. Where the penalty has a kink, the prox takes its part
and the losses alone, f, must stay below the bowl that the step stands on:

    f(v) <= f(w) + g.(v - w) + |v - w|^2 / 2 s,        v = prox(w - s g, s)

Sources: Nocedal & Wright (2006), Numerical Optimization, 2nd ed., section 3.1; Barzilai & Borwein
(1988), IMA J. Numer. Anal. 8, 141-148; Beck & Teboulle (2009), SIAM J. Imaging Sci. 2, 183-202,
section 4.

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.curvature.chain import expand
from derivata.errors import InvalidParameter
from derivata.objective import Expansion
from derivata.solvers.kink import Kink
from derivata.solvers.result import FitResult, armijo, rounding_of
from derivata.solvers.schedules import require_number
from derivata.solvers.trail import Trail

# A fall of F by fewer roundings than this is not seen in its values.
LOST = 100.0
MOST_HALVINGS, FLATTER_TRIES = 40, 10
# How much longer than the last step the next one is tried where F is straight.
GROWTH = 4.0


@dataclass(frozen=True)
class Backtracking:
    """A step that is tried and halved until F falls enough: ``GradientDescent(Backtracking())``.

    Parameters
    ----------
    first : float or None
        The first step tried; None: exact on a quadratic.
    """

    first: float | None = None

    def __post_init__(self) -> None:
        if self.first is not None:
            require_number("first", self.first, above=0.0)


def search_down(solver: Any, start: Expansion, kink: Kink | None, trail: Trail) -> FitResult:
    """Steps down the gradient of all rows, each as long as it pays."""
    if solver.batch_size is not None:
        raise InvalidParameter(
            f"`batch_size` is {solver.batch_size}, but a line search compares values of F, and a "
            "batch has another F than the next. Leave `batch_size` out, or give a schedule."
        )
    here, step = start, solver.step.first or _exact_step(start)
    while here.relative_gradient > solver.tol:
        if trail.n_iter >= solver.max_iter:
            return trail.limited(solver.tol, solver)
        following, taken = _search(here, step, kink)
        if following is None:  # F moves by less than its rounding, and its gradient has digits left
            following, taken = _flatter(here, step, kink)
        if following is None:
            return trail.stalled(solver.tol, solver)
        step = _secant_step(here, following, kink) or GROWTH * taken
        here = following
        trail.add(here)
    return trail.arrived(here, solver.tol, solver)


def _secant_step(here: Expansion, following: Expansion, kink: Kink | None) -> float:
    """One over the curvature along the last move; zero if there is none."""
    move = following.params - here.params
    if kink is None:
        change = following.gradient - here.gradient
    else:
        change = following.loss_gradient - here.loss_gradient
    bend = float(move @ change)
    step = float(move @ move) / bend if bend > 0.0 else 0.0
    return step if np.isfinite(step) else 0.0


def _exact_step(start: Expansion) -> float:
    gradient = start.gradient
    bend = float(gradient @ start.hvp(gradient))
    step = float(gradient @ gradient) / bend if bend > 0.0 else np.inf
    if np.isfinite(step):
        return step
    # Where F is straight, the step that is exact for squared losses.
    squares = float(start.objective.column_squares.max(initial=0.0))
    return 1.0 / squares if squares > 0.0 else 1.0


def _search(here: Expansion, step: float, kink: Kink | None) -> tuple[Expansion | None, float]:
    """The end of the first of the steps s, s / 2, s / 4, ... that will do, and its size.

    None where what a step promises is lost in the rounding of F.
    """
    gradient = here.gradient
    size = float(np.abs(gradient).max())
    if step * float(gradient @ gradient) < LOST * rounding_of(here):
        return None, step
    if kink is not None:
        return _bowl(here, step, kink)
    following = armijo(here, -step * gradient)
    if following is None:
        return None, step
    return following, float(np.abs(following.params - here.params).max()) / size


def _flatter(here: Expansion, step: float, kink: Kink | None) -> tuple[Expansion | None, float]:
    """The end of the first of a few steps that shortens the gradient and keeps F to rounding."""
    gradient = here.gradient if kink is None else here.loss_gradient
    length, rounding = float(here.gradient @ here.gradient), rounding_of(here)
    for each in step * 0.5 ** np.arange(FLATTER_TRIES):
        end = here.params - each * gradient
        trial = expand(here.objective, end if kink is None else kink.prox(end, each), here.hyper)
        if trial.value <= here.value + rounding:
            if float(trial.gradient @ trial.gradient) < length:
                return trial, float(each)
    return None, step


def _bowl(here: Expansion, step: float, kink: Kink) -> tuple[Expansion | None, float]:
    """The end of the first of the steps s, s / 2, s / 4 ... whose bowl the losses lie below."""
    gradient: Array = here.loss_gradient
    rounding = rounding_of(here)
    for each in step * 0.5 ** np.arange(MOST_HALVINGS):
        end = kink.prox(here.params - each * gradient, each)
        move = end - here.params
        bowl = float(gradient @ move) + 0.5 * float(move @ move) / each
        trial = expand(here.objective, end, here.hyper)
        if trial.loss_value <= here.loss_value + bowl + rounding:
            return (trial, float(each)) if trial.value < here.value else (None, step)
    return None, step
