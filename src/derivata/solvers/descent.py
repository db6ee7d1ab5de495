"""The run of a first-order method: from a start to a minimiser, over all rows or a few at a time.

    params <- params + move(gradient)                    all rows
    gradient = n / b sum_(i in batch) g_i + g_R          b of n rows drawn without replacement

Over all rows a step costs one gradient, one pass forth and one back. Where the penalty has a kink,
gradients are those of the losses, and each move ends in the penalty's prox (``solvers.kink``).

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.curvature.chain import expand
from derivata.errors import InvalidParameter
from derivata.objective import Expansion, Objective
from derivata.solvers.kink import Kink
from derivata.solvers.line_search import Backtracking, search_down
from derivata.solvers.mini_batch import over_batches
from derivata.solvers.pace import SETTLED, Pace
from derivata.solvers.result import FitResult, rounding_of
from derivata.solvers.schedules import require_number
from derivata.solvers.trail import Trail, is_finite

# A run has stalled when neither F nor its gradient fell in so many steps, or in so many times that
# in which a velocity fades by a factor of e.
STALLED, FADED = 1_000, 20.0
# Above this relative gradient a velocity that raises F is given up.
FAR = 1e-2
# Shortening a step so often, by a factor of two at least, leaves nothing of it.
MOST_SHORTENED = 100


@dataclass(frozen=True, kw_only=True)
class Descent:
    """What every first-order solver has beside its rule: when to stop, and how many rows a step.

    Parameters
    ----------
    tol : float
        Stop when the relative gradient (``Expansion.relative_gradient``) is at most this.
    max_iter : int
        Largest number of steps; of passes over all rows where they are taken in batches.
    batch_size : int or None
        Rows a step; None: all.
    random_state : int
        Seed of the order of rows.
    """

    tol: float = 1e-8
    max_iter: int = 10_000
    batch_size: int | None = None
    random_state: int = 0

    def __post_init__(self) -> None:
        require_number("tol", self.tol, least=0.0)
        require_integer("max_iter", self.max_iter, 0)
        require_integer("random_state", self.random_state, 0)
        if self.batch_size is not None:
            require_integer("batch_size", self.batch_size, 1)

    def minimize(self, objective: Objective, params: Array, hyper: Array) -> FitResult:
        """Minimise F(., hyper) from ``params``.

        A run that does not meet its tolerance (the limit of steps, Ctrl-C, a value that is no
        number) returns the point of lowest F on its way and says so in ``reason``.

        Raises
        ------
        InvalidParameter
            If F is not finite at the start, the step is beyond its bound, a batch is larger than
            the data, or the objective asks for what this solver cannot do.
        """
        kink = Kink.of(objective, hyper)
        if kink is not None and not hasattr(self, "proximal"):
            raise InvalidParameter(
                f"the penalty has a kink, and {type(self).__name__} has no proximal step. Use "
                "`ProximalNewton()`, or a first-order solver of derivata."
            )
        start = expand(objective, np.asarray(params, dtype=float), hyper)
        # Trials beyond float64 are refused or reported; the warnings would be no news.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            trail = Trail(start, "step" if self.batch_size is None else "pass")
            try:
                if isinstance(getattr(self, "step", None), Backtracking):
                    return search_down(self, start, kink, trail)
                if self.batch_size is not None:
                    return over_batches(self, start, kink, trail)
                return over_all_rows(self, start, kink, trail)
            except KeyboardInterrupt:
                return trail.interrupted(self)


def over_all_rows(solver: Any, start: Expansion, kink: Kink | None, trail: Trail) -> FitResult:
    """Steps with the gradient of all rows, until it is small."""
    pace = Pace.first(solver, start)
    if pace.ends is None:
        return _as_told(pace.solver, start, kink, trail)
    return _as_curved(pace, start, kink, trail)


def _as_told(solver: Any, start: Expansion, kink: Kink | None, trail: Trail) -> FitResult:
    """With the steps that were given, wherever they lead."""
    here, state = start, solver.init(start.params)
    while here.relative_gradient > solver.tol:
        if trail.n_iter >= solver.max_iter:
            return trail.limited(solver.tol, solver, getattr(solver, "aside", ""))
        if hasattr(solver, "resolved") and not callable(solver.step) and _is_idle(trail, solver):
            return trail.stalled(solver.tol, solver)
        step = solver.step_at(trail.n_iter)
        trial, state = _advance(solver, here, state, step, kink)
        if not is_finite(trial) or trail.runs_away(trial):
            return trail.lost(trial, step, solver)
        here = trial
        trail.add(here)
    return trail.arrived(here, solver.tol, solver)


def _as_curved(pace: Pace, start: Expansion, kink: Kink | None, trail: Trail) -> FitResult:
    """With steps that follow the curvature of F."""
    tol, max_iter = pace.solver.tol, pace.solver.max_iter
    here, state, ended = start, pace.solver.init(start.params), 0
    while here.relative_gradient > tol:
        if trail.n_iter >= max_iter:
            return trail.limited(tol, pace.solver, pace.plea)
        trial, following = _advance(pace.solver, here, state, pace.solver.step_at(0), kink)
        finite = is_finite(trial)
        if not finite or _went_up(here, trial, state, pace, trail):
            trail.refused.append(trail.n_iter)
            if pace.n_shortened >= MOST_SHORTENED:
                return trail.stalled(tol, pace.solver, pace.note)
            if not finite or not _is_moving(state):
                pace = pace.shortened(pace.exceeded_by(here, trial) if finite else np.inf)
            state = pace.solver.init(here.params)
            continue
        sharper = pace.exceeded_by(here, trial)
        if sharper > 0.0:
            pace = pace.shortened(sharper)
            following = pace.solver.init(trial.params)
        here, state = trial, following
        trail.add(here)
        if min(trail.idle, trail.n_iter - ended) > _patience(pace.solver):
            if not _is_moving(state) or here.relative_gradient < SETTLED:
                return trail.stalled(tol, pace.solver, pace.note)
            # A heavy ball may circle around the minimum of an F that is no quadratic.
            here, ended, pace = trail.lowest[0][1], trail.n_iter, pace.shortened(0.0)
            state = pace.solver.init(here.params)
        turned = pace.looked_again(here, trail.n_iter)
        if turned.solver is not pace.solver:
            state = _rescaled(state, pace.solver.step_at(0) / turned.solver.step_at(0))
        pace = turned
    return trail.arrived(here, tol, pace.solver, pace.note)


def _advance(
    solver: Any, here: Expansion, state: Any, step: Any, kink: Kink | None
) -> tuple[Expansion, Any]:
    """The next point and state."""
    if kink is not None:
        params, state = solver.proximal(here.loss_gradient, state, here.params, step, kink)
    else:
        move, state = solver.update(here.gradient, state, here.params, step)
        params = here.params + move
    return expand(here.objective, params, here.hyper), state


def _went_up(here: Expansion, trial: Expansion, state: Any, pace: Pace, trail: Trail) -> bool:
    """Whether a step raised F, and not because a velocity carried it where it may.

    A velocity may raise F on the way to a minimum where F is a quadratic, or nearly: its rate
    depends on it. Far from there it starts anew. Source: O'Donoghue & Candes (2015), Found. Comput.
    Math. 15, 715-732, section 3.2 (function scheme).
    """
    if trial.value <= here.value:
        return False
    if len(state) and not trail.runs_away(trial):
        near = here.relative_gradient < FAR or np.isinf(pace.next_look)
        if near and pace.exceeded_by(here, trial) == 0.0:
            return False
    return trial.value > here.value + rounding_of(here)


def _is_moving(state: Any) -> bool:
    """Whether there is a velocity."""
    return any(part.any() for part in state)


def _is_idle(trail: Trail, solver: Any) -> bool:
    """Whether a constant step has stopped gaining, and never will."""
    return trail.idle > _patience(solver)


def _patience(solver: Any) -> float:
    """Steps without gain that say that there is none to come."""
    kept = getattr(solver, "kept", 0.0)
    return max(STALLED, FADED / (1.0 - kept**0.5))


def _rescaled(state: Any, ratio: float) -> Any:
    """A velocity that, with another step, moves params as it did."""
    return type(state)(*(ratio * part for part in state)) if len(state) else state


def require_integer(name: str, value: Any, least: int) -> None:
    """Raise ``InvalidParameter`` unless a value is an integer of at least ``least``."""
    number = isinstance(value, Integral) and not isinstance(value, bool)
    if not number or int(value) < least:
        raise InvalidParameter(f"`{name}` is {value!r}; expected an integer of at least {least}.")
