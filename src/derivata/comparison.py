"""Solvers side by side on one objective: theory against practice, and the pictures' data.

    print(compare_solvers(objective, [GradientDescent(), Momentum(), Adam(), Newton()]))

Each runs from the same start with every gradient counted and timed; the gap is F less F at the
minimiser, which Newton's method finds to rounding. What is predicted is known before the runs.

Maths: docs/math/convergence.md
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.convergence.account import Convergence, account
from derivata.convergence.conditioning import Conditioning
from derivata.convergence.minimiser import minimiser
from derivata.convergence.observed import lowest
from derivata.convergence.subject import subject
from derivata.convergence.trace import Trace, watched
from derivata.convergence.words import count_words, name_of, rate_words, told_rate
from derivata.errors import InvalidParameter
from derivata.plain_text import duration, number
from derivata.solvers.result import FitResult

# Of the picture of two parameters: points along each side, and the room around the paths.
GRID, ROOM = 61, 0.15


@dataclass(frozen=True, eq=False)
class SolverRun:
    """One solver's run.

    Attributes
    ----------
    name : str                     unique in a comparison
    solver : solver                as it was given
    fit : FitResult
    convergence : Convergence      theory beside what happened
    trace : Trace                  F at every gradient, with their number and the time
    gaps : array (m,)              the values of the trace less the best F known
    seconds : float                CPU time of the run
    """

    name: str
    solver: Any
    fit: FitResult
    convergence: Convergence
    trace: Trace
    gaps: Array
    seconds: float


@dataclass(frozen=True, eq=False)
class Landscape:
    """F over a grid of two parameters: ``values[j, i]`` at (x[i], y[j])."""

    x: Array
    y: Array
    values: Array


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs of several solvers from one start; ``print`` it for the table.

    Attributes
    ----------
    runs : tuple of SolverRun
    conditioning : Conditioning    at the minimiser
    best : float                   F at the minimiser
    start_gap : float              F at the start less that
    minimiser : array (n_params,)
    landscape : Landscape or None  of two parameters
    """

    runs: tuple[SolverRun, ...]
    conditioning: Conditioning
    best: float
    start_gap: float
    minimiser: Array
    landscape: Landscape | None = None

    def __str__(self) -> str:
        head = f"{self.conditioning}; start at F - F* = {number(self.start_gap, 3)}"
        columns = list(zip(*[HEAD, *(row(run) for run in self.runs)], strict=True))
        widths = [max(len(cell) for cell in column) for column in columns]
        lines = []
        for cells in zip(*columns, strict=True):
            first, *others = cells
            padded = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
            lines.append("  ".join([f"{first:{widths[0]}}", *padded]).rstrip())
        stopped = [f"{run.name}: {run.convergence.reason}" for run in self.runs]
        return "\n".join([head, *lines, "", *stopped])


HEAD = (
    "solver",
    "steps",
    "predicted",
    "from kappa",
    "gradients",
    "time",
    "last gap",
    "rate",
    "in theory",
    "ended",
)


def row(run: SolverRun) -> tuple[str, ...]:
    """What a table says of a run, under `HEAD`."""
    told = run.convergence.prediction
    return (
        run.name,
        f"{run.fit.n_iter:,}",
        _or_dash(told.iterations, count_words),
        _or_dash(told.from_kappa, count_words),
        f"{run.trace.n_evaluations:,.0f}",
        duration(run.seconds),
        gap_words(run),
        _or_dash(run.convergence.observed_rate, rate_words),
        told_rate(told) if told.order else "–",
        ended(run.fit),
    )


def gap_words(run: SolverRun) -> str:
    """The gap at the end of a run, or that it is no more than rounding."""
    gap = float(run.gaps[-1]) if run.fit.diverged and len(run.gaps) else run.convergence.gap
    return "rounding" if gap is not None and gap <= 0.0 else number(gap, 2)


def ended(fit: FitResult) -> str:
    """How a run ended, in a word."""
    if fit.diverged:
        return "diverged"
    if fit.interrupted:
        return "interrupted"
    return "arrived" if fit.converged else "not yet"


def compare_solvers(
    objective: Any,
    solvers: Sequence[Any],
    *,
    start: Any = None,
    hyper: Any = None,
    gradient: Callable[[Array], Any] | None = None,
    hessian: Callable[[Array], Any] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Comparison:
    """Run solvers from one start and hold each against theory.

    Parameters
    ----------
    objective : Objective or callable
        What to minimise; a callable takes an array (p,) and gives a number.
    solvers : sequence of solvers
        At least one; they run in this order.
    start : array (n_params,), optional
        The predictor's reference if not given, zeros for a linear one. A function needs one.
    hyper : array (n_hyper,), optional
        The log of each strength of the penalty; needed if it has any.
    gradient, hessian : callable, optional
        Of a function; by differences if left out.
    progress : callable, optional
        Receives (name, runs done, runs).

    Returns
    -------
    Comparison                     after Ctrl-C of the runs so far, the last of them marked

    Raises
    ------
    InvalidParameter, ShapeMismatch
        If there is no solver, a start or a strength is missing or has another shape, or a step is
        beyond its bound.

    Notes
    -----
    Beside the runs, a fit by Newton's method and the eigenvectors of its Hessian. Values of F that
    only the trace needs are computed off the clock.
    """
    if not len(solvers):
        raise InvalidParameter("`solvers` is empty; give at least one, such as `[Newton()]`.")
    objective, begin_at, hyper = subject(objective, start, hyper, gradient, hessian)
    begin, end = objective.at(begin_at, hyper), minimiser(objective, begin_at, hyper)
    runs = []
    for done, (name, solver) in enumerate(zip(names_of(solvers), solvers, strict=True)):
        if progress is not None:
            progress(name, done, len(solvers))
        runs.append(_run(name, solver, begin, end))
        if runs[-1].fit.interrupted:  # Ctrl-C is meant for all
            break
    best = lowest([end.value, *(value for run in runs for value in run.fit.values)])
    runs = [replace(run, gaps=run.trace.values - best) for run in runs]
    return Comparison(
        tuple(runs),
        Conditioning.of(end),
        best,
        begin.value - best,
        end.params,
        _landscape(objective, hyper, end.params, runs) if len(begin_at) == 2 else None,
    )


def names_of(solvers: Sequence[Any]) -> list[str]:
    """A name for each solver; what sets apart two of a kind is in brackets."""
    kinds = [name_of(solver) for solver in solvers]
    names = []
    for kind, solver in zip(kinds, solvers, strict=True):
        said = _settings(solver) if kinds.count(kind) > 1 else ""
        names.append(f"{kind} ({said})" if said else kind)
    for place, name in enumerate(names):
        if name in names[:place]:
            names[place] = f"{name} {names[: place + 1].count(name)}"
    return names


def _settings(solver: Any) -> str:
    """Its step, momentum and batch size, where given."""
    named = [(name, getattr(solver, name, None)) for name in ("step", "beta", "batch_size")]
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, int | float) else type(value).__name__
        for name, value in named
        if value is not None
    )


def _run(name: str, solver: Any, begin: Any, end: Any) -> SolverRun:
    objective, hyper = begin.objective, begin.hyper
    counting, watch = watched(objective, hyper)
    fit = solver.minimize(counting, begin.params, hyper)
    seconds = watch.seconds
    fit = replace(fit, expansion=objective.at(fit.expansion.params, hyper))
    told = account(fit.solver or solver, begin, end, fit)
    return SolverRun(name, solver, fit, told, watch.trace(), np.zeros(0), seconds)


def _or_dash(value: Any, words: Callable[[Any], str]) -> str:
    return "–" if value is None else words(value)


def _landscape(
    objective: Any, hyper: Array, lowest: Array, runs: Sequence[SolverRun]
) -> Landscape | None:
    """F around the paths of the runs that did not diverge, and the minimiser."""
    paths = [run.trace.params for run in runs if not run.fit.diverged]
    points = np.vstack([lowest[None], *(path for path in paths if path is not None)])
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.maximum(ROOM * (high - low), 1e-6 * np.maximum(np.abs(lowest), 1e-3))
    x, y = (np.linspace(low[k] - room[k], high[k] + room[k], GRID) for k in (0, 1))
    with np.errstate(all="ignore"):
        values = [[objective.at(np.array([a, b]), hyper).value for a in x] for b in y]
    return Landscape(x, y, np.array(values))
