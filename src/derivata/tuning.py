"""Hyperparameters by descent on a criterion, with its exact derivative.

    minimise A(hyper) + guard(hyper),   hyper = base + ties @ free

Each round fits the model (warm), takes the criterion's exact value and hypergradient, and minimises
a stand-in with frozen curvature inside a trust region:

    m(h) = A0 + S(h) - S(h0) + (grad A(h0) - grad S(h0)) . (h - h0)

The correction makes m's gradient exact at h0, so rounds converge to the criterion's own stationary
point although S never sees the data; what is left of its curvature error is learned from gradient to
gradient (a symmetric Broyden update added to m), which makes the last rounds superlinear. Three to
five evaluations are usual. Steps are accepted only if A falls, so the best point is always the
last. Where no stand-in exists (dual or iterative Hessians), S is zero and all of the curvature is
learned (BFGS). Sources: Alexandrov, Dennis, Lewis & Torczon (1998), Struct. Optim. 15, 16-23
(trust regions with first-order corrected models); Powell (1970) for the symmetric update.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from scipy.optimize import minimize as scipy_minimize

from derivata.contracts import Array, Criterion, HessianInverse, Partials, Subproblem, Surrogate
from derivata.curvature.inverse import invert
from derivata.guard import Guard
from derivata.implicit import hypergradient, params_by_hyper
from derivata.objective import Expansion, Objective
from derivata.solvers.result import FitResult

# Log penalties range over this much on either side of the mean curvature of a parameter: from
# e^-18 (1.5e-8, rounding of the Hessian) to e^12 (coefficients shrunk to 6e-6 of their size).
BELOW, ABOVE = 18.0, 12.0
FIRST_RADIUS, LARGEST_RADIUS = 4.0, 8.0


class Solver(Protocol):
    """Anything that minimises an objective at fixed hyper."""

    def minimize(self, objective: Objective, params: Array, hyper: Array) -> FitResult:
        """Minimise F(., hyper) from ``params``."""
        ...


@dataclass(frozen=True)
class TuneStep:
    """One accepted point of a tuning path: log penalties, criterion and its gradient norm."""

    hyper: Array
    criterion: float
    gradient_norm: float


@dataclass(frozen=True)
class TuneResult:
    """Where tuning ended and how it went there.

    Attributes
    ----------
    hyper : array (n_hyper,)
        Log penalties.
    criterion : float
        Its value there, summed over rows, in nats.
    gradient_norm : float
        max |hypergradient| there, guard included, free of bounds.
    optimism : float
        Estimate of how far the criterion at its own minimum flatters, in nats: trace(A'' ^-1 V),
        V the summed outer products of the rows' criterion gradients.
    reason : str
        Why it stopped.
    converged : bool
        False if the budget of evaluations ended it.
    path : tuple of TuneStep
        The points accepted, first to last.
    n_evaluations : int
        Exact evaluations of the criterion.
    at_bound : tuple of (str, str)
        Penalty name and "lower" or "upper" for each that ended on its bound.
    guard_strength : float
        Of the guard used.
    fits : tuple of FitResult
        The criterion's fits at ``hyper``.
    """

    hyper: Array
    criterion: float
    gradient_norm: float
    optimism: float
    reason: str
    converged: bool
    path: tuple[TuneStep, ...]
    n_evaluations: int
    at_bound: tuple[tuple[str, str], ...]
    guard_strength: float
    fits: tuple[FitResult, ...] = field(repr=False)


def tune(
    objective: Objective,
    criterion: Criterion,
    solver: Solver,
    *,
    start: Array | None = None,
    params: Array | None = None,
    guard: Guard | None = None,
    ties: Array | None = None,
    step_tol: float = 5e-3,
    max_evaluations: int = 60,
    progress: Callable[[TuneStep], None] | None = None,
) -> TuneResult:
    """Minimise a criterion over log penalties.

    Parameters
    ----------
    objective : Objective
        Of all rows; the criterion makes its own parts of it.
    criterion : Criterion
        What to minimise.
    solver : Solver
        For the inner fits, warm-started.
    start : array (n_hyper,), optional
        Default: every penalty equal to the mean curvature of a parameter, which halves
        coefficients that are not determined better than average.
    params : array (n_params,), optional
        Where the first fit starts.
    guard : Guard, optional
        Pull between penalties.
    ties : array (n_hyper, m), optional
        Move only along these directions; default all.
    step_tol : float
        Stop when the next step would change no log penalty by more than this.
    max_evaluations : int
        Budget; the best point so far is returned, marked as not converged.
    progress : callable, optional
        Receives each accepted ``TuneStep``.

    Notes
    -----
    An evaluation costs one to three Newton steps (n p^2 each) and, for leave-one-out, four more
    passes of n p^2, for any number of penalties.
    """
    penalty = objective.penalty
    parts = criterion.subproblems(objective)
    middle = _mean_curvature(objective)
    lower, upper = np.full(penalty.n_hyper, middle - BELOW), np.full(penalty.n_hyper, middle + ABOVE)
    base = np.full(penalty.n_hyper, middle) if start is None else np.clip(start, lower, upper)
    guard = guard or Guard(0.0, np.zeros(penalty.n_hyper, dtype=np.intp))
    directions = np.eye(penalty.n_hyper) if ties is None else ties
    first = np.zeros(objective.predictor.n_params) if params is None else params
    here = _evaluate(parts, solver, guard, base, [first] * len(parts))
    search = _Search(here, directions, lower, upper, guard)
    path = [_step(here)]
    n_evaluations, radius, reason = 1, FIRST_RADIUS, ""
    while not reason:
        proposal = search.propose(radius)
        if proposal.size <= step_tol or proposal.promised <= 1e-9 * abs(here.value):
            reason = f"the next step would change no log penalty by more than {proposal.size:.0e}"
            break
        if n_evaluations >= max_evaluations:
            reason = f"budget of {max_evaluations} evaluations spent; the best point is kept"
            break
        there = _evaluate(parts, solver, guard, proposal.hyper, proposal.params)
        n_evaluations += 1
        gained = (here.value - there.value) / proposal.promised
        search.learn(there)
        if gained > 0.0:
            here = search.move(there)
            path.append(_step(here))
            if progress is not None:
                progress(path[-1])
        if gained < 0.25:
            radius = 0.3 * min(radius, proposal.size)
        elif gained > 0.75 and proposal.size > 0.9 * radius:
            radius = min(2.0 * radius, LARGEST_RADIUS)
        if radius <= step_tol:
            reason = "no step lowers the criterion further"
    return TuneResult(
        hyper=here.hyper,
        criterion=here.criterion,
        gradient_norm=float(np.abs(directions.T @ here.gradient).max(initial=0.0)),
        optimism=search.optimism(),
        reason=reason,
        converged="budget" not in reason,
        path=tuple(path),
        n_evaluations=n_evaluations,
        at_bound=_at_bound(here.hyper, lower, upper, penalty.hyper_names),
        guard_strength=guard.strength,
        fits=tuple(here.fits),
    )


@dataclass(frozen=True)
class _Evaluation:
    """The criterion at one hyper, with all that the search needs of it."""

    hyper: Array
    criterion: float
    value: float  # guard included
    gradient: Array  # guard included
    fits: Sequence[FitResult]
    inverses: Sequence[HessianInverse]
    partials: Sequence[Partials]
    hypergradients: Sequence[Array]  # of each part, guard excluded
    parts: Sequence[Subproblem]

    def surrogates(self) -> list[Surrogate] | None:
        stand_ins: list[Surrogate] = []
        for part, fit, inverse, partials, exact in zip(
            self.parts, self.fits, self.inverses, self.partials, self.hypergradients, strict=True
        ):
            # Only a dense primal Hessian is cheap to refactor for other penalties.
            if not hasattr(inverse, "matrix") or inverse.null_space is not None:
                return None
            stand_ins.append(part.surrogate(fit.expansion, partials, exact))
        return stand_ins

    def row_gradients_by_hyper(self) -> Array:
        """Derivative of each judged row's loss by hyper through its own output, (m, n_hyper)."""
        blocks = []
        for part, fit, inverse, partials in zip(
            self.parts, self.fits, self.inverses, self.partials, strict=True
        ):
            moves = params_by_hyper(fit.expansion, inverse)
            along = [part.judged.jvp(fit.expansion.params, move) for move in moves.T]
            blocks.append(
                np.stack([np.einsum("nk,nk->n", partials.row_gradients, z) for z in along], axis=1)
            )
        return np.concatenate(blocks)


def _evaluate(
    parts: Sequence[Subproblem],
    solver: Solver,
    guard: Guard,
    hyper: Array,
    params: Sequence[Array],
) -> _Evaluation:
    fits = [
        solver.minimize(part.objective, start, hyper)
        for part, start in zip(parts, params, strict=True)
    ]
    inverses = [invert(fit.expansion) for fit in fits]
    partials = [
        part.judge(fit.expansion, inverse)
        for part, fit, inverse in zip(parts, fits, inverses, strict=True)
    ]
    criterion, (value, gradient) = sum(p.value for p in partials), guard.at(hyper)
    hypergradients = [
        hypergradient(fit.expansion, p, inverse)
        for fit, inverse, p in zip(fits, inverses, partials, strict=True)
    ]
    gradient = gradient + sum(hypergradients)
    return _Evaluation(
        hyper,
        criterion,
        criterion + value,
        gradient,
        fits,
        inverses,
        partials,
        hypergradients,
        parts,
    )


@dataclass(frozen=True)
class _Proposal:
    hyper: Array
    promised: float
    size: float
    params: list[Array]


class _Search:
    """The stand-in around the current evaluation and its minimisation in a box."""

    def __init__(
        self, here: _Evaluation, directions: Array, lower: Array, upper: Array, guard: Guard
    ):
        self.here, self.directions, self.guard = here, directions, guard
        self.lower, self.upper = lower, upper
        self.missing: _Curvature = _LearnedCurvature(len(here.hyper))
        self._prepare()
        if self.surrogates is not None:
            self.missing = _MissingCurvature(len(here.hyper))

    def _prepare(self) -> None:
        self.surrogates = self.here.surrogates()
        self.offset, self.correction = 0.0, np.zeros(len(self.here.hyper))
        value, gradient = self.model(self.here.hyper)
        self.offset, self.correction = self.here.value - value, self.here.gradient - gradient

    def model(self, hyper: Array) -> tuple[float, Array]:
        """The corrected stand-in, guard included."""
        apart = hyper - self.here.hyper
        value, gradient = self.offset + self.correction @ apart, self.correction
        curved = self.missing.matrix @ apart
        value, gradient = value + 0.5 * float(apart @ curved), gradient + curved
        for surrogate in self.surrogates or ():
            part_value, part_gradient = surrogate.at(hyper)
            value, gradient = value + part_value, gradient + part_gradient
        pull, pull_gradient = self.guard.at(hyper)
        return float(value + pull), gradient + pull_gradient

    def propose(self, radius: float) -> _Proposal:
        """The stand-in's minimiser within ``radius`` of the current point and the bounds."""
        lower, upper = self._free_bounds(radius)

        def along(free: Array) -> tuple[float, Array]:
            try:
                value, gradient = self.model(self.here.hyper + self.directions @ free)
            except np.linalg.LinAlgError:
                return np.inf, np.zeros(len(free))
            return value, self.directions.T @ gradient

        free, value = minimize_in_box(along, lower, upper)
        hyper = np.clip(self.here.hyper + self.directions @ free, self.lower, self.upper)
        promised = max(self.here.value - value, 0.0)
        return _Proposal(
            hyper, promised, float(np.abs(hyper - self.here.hyper).max(initial=0.0)),
            self._warm(hyper),
        )  # fmt: skip

    def _free_bounds(self, radius: float) -> tuple[Array, Array]:
        """A box for the free coordinates; each direction has entries 0 and 1."""
        room_up = np.minimum(self.upper - self.here.hyper, radius)
        room_down = np.minimum(self.here.hyper - self.lower, radius)
        used = self.directions != 0
        up = np.where(used, room_up[:, None], np.inf).min(axis=0, initial=radius)
        down = np.where(used, room_down[:, None], np.inf).min(axis=0, initial=radius)
        return -np.maximum(down, 0.0), np.maximum(up, 0.0)

    def _warm(self, hyper: Array) -> list[Array]:
        if self.surrogates is None:
            return [fit.expansion.params for fit in self.here.fits]
        return [surrogate.params(hyper) for surrogate in self.surrogates]

    def learn(self, there: _Evaluation) -> None:
        """Take in the gradient at another point, accepted or not."""
        step = there.hyper - self.here.hyper
        self.missing.update(step, there.gradient - self.model(there.hyper)[1], there.gradient - self.here.gradient)

    def move(self, there: _Evaluation) -> _Evaluation:
        """Make ``there`` the current point."""
        self.here = there
        self._prepare()
        return there

    def curvature(self) -> Array:
        """Second derivative of the stand-in at the current point, (n_hyper, n_hyper)."""
        n_hyper, step = len(self.here.hyper), 1e-3
        columns = []
        for unit in np.eye(n_hyper):
            above = self.model(self.here.hyper + step * unit)[1]
            below = self.model(self.here.hyper - step * unit)[1]
            columns.append((above - below) / (2.0 * step))
        matrix = np.stack(columns)
        return 0.5 * (matrix + matrix.T)

    def optimism(self) -> float:
        """trace(A''^-1 V) on the directions searched and where the criterion is curved upwards."""
        rows = self.here.row_gradients_by_hyper() @ self.directions
        spread = rows.T @ rows
        values, vectors = np.linalg.eigh(self.directions.T @ self.curvature() @ self.directions)
        kept = values > 1e-6 * max(values.max(initial=0.0), 1e-12)
        turned = vectors[:, kept]
        return float(np.sum(np.einsum("ij,ik,kj->j", turned, spread, turned) / values[kept]))


class _Curvature(Protocol):
    matrix: Array

    def update(self, step: Array, missed: Array, change: Array) -> None:
        """Learn from a step, by what the model's gradient missed or the gradient's change."""
        ...


class _MissingCurvature:
    """What a stand-in's second derivative lacks, by Powell's symmetric Broyden update."""

    def __init__(self, n_hyper: int):
        self.matrix = np.zeros((n_hyper, n_hyper))

    def update(self, step: Array, missed: Array, change: Array) -> None:
        square = float(step @ step)
        cross = np.outer(missed, step) / square
        self.matrix = self.matrix + cross + cross.T
        self.matrix -= float(missed @ step) * np.outer(step, step) / square**2


class _LearnedCurvature:
    """All of a criterion's second derivative, by BFGS: positive definite throughout."""

    def __init__(self, n_hyper: int):
        self.matrix, self.seen = np.eye(n_hyper), False

    def update(self, step: Array, missed: Array, change: Array) -> None:
        along = float(step @ change)
        if along <= 1e-8 * np.linalg.norm(step) * np.linalg.norm(change):
            return
        if not self.seen:
            self.matrix, self.seen = np.eye(len(step)) * along / float(step @ step), True
        moved = self.matrix @ step
        self.matrix = (
            self.matrix
            + np.outer(change, change) / along
            - np.outer(moved, moved) / float(step @ moved)
        )


def minimize_in_box(
    value_and_gradient: Callable[[Array], tuple[float, Array]], lower: Array, upper: Array
) -> tuple[Array, float]:
    """Minimise a smooth function over a box that contains 0, from 0: the point and the value."""
    outcome = scipy_minimize(
        value_and_gradient,
        np.zeros(len(lower)),
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(lower, upper, strict=True)),
        options={"maxiter": 60, "ftol": 1e-13, "gtol": 1e-9},
    )
    return outcome.x, float(outcome.fun)


def _mean_curvature(objective: Objective) -> float:
    """log of the mean diagonal of J^T W J over penalised parameters, at the best constant fit."""
    predictor = objective.predictor
    null = np.tile(objective.loss.null_outputs(objective.y, objective.weight), (len(objective.y), 1))
    if objective.offset is not None:
        null = null + objective.offset
    curvature = np.einsum("naa->n", objective.loss.at(objective.y, null).hessian)
    per_output = float(objective.weight @ curvature) / predictor.n_outputs
    norms = predictor.column_norms()
    moving = objective.penalty.hessian_diagonal(norms, np.zeros(objective.penalty.n_hyper)) > 0
    squares = norms[moving] ** 2
    mean_square = float(squares.mean()) / predictor.n_rows if len(squares) else 1.0
    return float(np.log(max(per_output * mean_square, 1e-300)))


def _step(at: _Evaluation) -> TuneStep:
    return TuneStep(at.hyper, at.criterion, float(np.abs(at.gradient).max(initial=0.0)))


def _at_bound(
    hyper: Array, lower: Array, upper: Array, names: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    margin = 1e-6
    low = [(names[g], "lower") for g in np.flatnonzero(hyper <= lower + margin)]
    return tuple(low + [(names[g], "upper") for g in np.flatnonzero(hyper >= upper - margin)])
