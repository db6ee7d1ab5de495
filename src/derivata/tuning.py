"""Hyperparameters by descent on a criterion, with its exact derivative.

    minimise A(hyper) + guard(hyper),   hyper = base + ties @ free

Each round fits the model (warm) and takes the criterion's exact value and hypergradient; a trust
region proposes the next point from them, and from a stand-in with frozen curvature where that is
cheaper than the criterion. Three to six evaluations are usual. Steps are accepted only if A falls,
so the best point is always the last.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from derivata.contracts import Array, Criterion, HessianInverse, Partials, Subproblem, Surrogate
from derivata.curvature.inverse import invert
from derivata.curvature.iterative import IterativeInverse
from derivata.errors import NotConverged
from derivata.guard import Guard, no_guard
from derivata.implicit import params_by_hyper, value_and_hypergradient
from derivata.objective import Objective
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.solvers.result import FitResult
from derivata.solvers.sampled import sampled_start
from derivata.solvers.two_phase import TwoPhase
from derivata.trust_region import TrustRegion

# Log penalties range over this much on either side of the mean curvature of a parameter: from
# e^-23 (1e-10, rounding of the Hessian) to e^12 (coefficients shrunk to 6e-6 of their size).
BELOW, ABOVE = 23.0, 12.0
# Below this share of the losses' curvature a criterion says only that the rows are separable, and
# following it would end in probabilities of 0 and 1.
SATURATED = 1e-4
# Log penalties are raised by this much, so often, where the first fit cannot be judged.
STRONGER, STRONGER_TRIES = 3.0, 3
# A decrease of the criterion below this many nats, times the root of the number of penalties, is
# beneath what the data can tell: tuning a penalty is worth about one nat of optimism.
NEGLIGIBLE = 1e-3
# Where tuning starts: coefficients are shrunk by about 1 part in 50 for average columns.
START_BELOW = 4.0
# The criterion is flat near the ends of the range, so tuning stops before it touches them. A
# penalty this near an end counts as on it: without effect, or shrinking to under 1 part in 400.
NEAR_LOWER, NEAR_UPPER = 3.0, 6.0
FIRST_RADIUS, LARGEST_RADIUS = 2.0, 4.0


class Solver(Protocol):
    """Anything that minimises an objective at fixed hyper."""

    def minimize(self, objective: Objective, params: Array, hyper: Array) -> FitResult:
        """Minimise F(., hyper) from ``params``."""
        ...


def tightened(solver: Solver) -> Solver:
    """The same solver to full precision, for a fit that proved too rough to be judged."""
    if isinstance(solver, TwoPhase):
        return replace(solver, fine=Newton(max_iter=solver.fine.max_iter, precision=1e-6))
    if isinstance(solver, Newton):
        return Newton(max_iter=solver.max_iter, precision=1e-6)
    return LBFGS(tol=1e-7) if isinstance(solver, LBFGS) else solver


@dataclass(frozen=True)
class TuneStep:
    """One accepted point of a tuning path: log penalties, criterion and its gradient norm."""

    hyper: Array
    criterion: float
    gradient_norm: float


@dataclass(frozen=True)
class OuterScore:
    """The whole of tuning judged on rows that it did not see, by outer folds.

    Attributes
    ----------
    score : float
        Mean loss of the outer rows, in nats a row.
    standard_error : float
        Of that mean, over rows.
    inner : float
        Mean over the same folds of the criterion at its own minimum, in nats a row.
    """

    score: float
    standard_error: float
    inner: float

    @property
    def optimism(self) -> float:
        """How far the tuned criterion flatters, in nats a row: score - inner."""
        return self.score - self.inner


@dataclass(frozen=True)
class TuneResult:
    """Where tuning ended and how it went there.

    Attributes
    ----------
    hyper : array (n_hyper,)
        Log penalties.
    criterion : float
        Its value at the last exact evaluation, summed over rows, in nats.
    gradient_norm : float
        max |hypergradient| there, guard included.
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
    n_solver_steps : int
        Steps of the solver over all evaluations.
    judged_weight : float
        Summed weight of the rows that the criterion sums over.
    outer : OuterScore or None
        If outer folds were run (they are where the guard's strength had to be chosen).
    full_params : array (n_params,) or None
        A fit of all rows near the end, to start the last fit from.
    fits : tuple of FitResult
        The criterion's fits at the last exact evaluation.
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
    n_solver_steps: int
    judged_weight: float
    fits: tuple[FitResult, ...] = field(repr=False)
    outer: OuterScore | None = None
    full_params: Array | None = field(repr=False, default=None)


def tune(
    objective: Objective,
    criterion: Criterion,
    solver: Solver,
    *,
    start: Array | None = None,
    params: Array | None = None,
    guard: Guard | None = None,
    ties: Array | None = None,
    step_tol: float = 0.02,
    judge_optimism: bool = True,
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
        For the inner fits, warm-started; Newton(tol=1e-6) is precise enough, as the criterion's
        error is second order in the gradient left.
    start : array (n_hyper,), optional
        Default: every penalty e^-4 of the mean curvature of a parameter.
    params : array (n_params,), optional
        Where the first fit starts.
    guard : Guard, optional
        Pull between penalties.
    ties : array (n_hyper, m), optional
        Move only along these directions; default all.
    step_tol : float
        Stop when the next step changes no log penalty by more than this. That step is still
        taken, without another evaluation: its error is second order, about a tenth of it.
    judge_optimism : bool
        Estimate the optimism at the end; a preliminary search does without.
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
    problem = _Problem(criterion.subproblems(objective), solver, guard or no_guard(penalty.n_hyper))
    middle = mean_curvature(objective)
    lower, upper = middle - BELOW, middle + ABOVE
    base = first_hyper(objective) if start is None else np.clip(start, lower, upper)
    directions = np.eye(penalty.n_hyper) if ties is None else ties
    first = sampled_start(objective, base) if params is None else params
    here, base = _first_evaluation(problem, base, directions, [first] * len(problem.parts), upper)
    region = TrustRegion(*_box(base, directions, lower, upper), FIRST_RADIUS, LARGEST_RADIUS)
    free = np.zeros(directions.shape[1])
    stand_ins = _centre(region, problem, here, base, directions, free)
    unit = loss_unit(objective, here.criterion, problem.judged_weight)
    negligible = NEGLIGIBLE * unit * directions.shape[1] ** 0.5
    path, n_evaluations, reason, last = [_step(here)], 1, "", None
    n_steps = _n_steps(here)
    while not reason:
        proposal = region.propose()
        if proposal.size <= step_tol or proposal.promised <= negligible:
            last = np.clip(base + directions @ proposal.point, lower, upper)
            reason = (
                f"the last step promises {proposal.promised / unit:.0e} nats and changes no log "
                f"penalty by more than {proposal.size:.0e}"
            )
            break
        if n_evaluations >= max_evaluations:
            reason = f"budget of {max_evaluations} evaluations spent; the best point is kept"
            break
        hyper = np.clip(base + directions @ proposal.point, lower, upper)
        try:
            there = problem.evaluate(hyper, _warm_starts(here, stand_ins, hyper))
        except NotConverged:  # so flat there that the fit cannot be judged: not a place to go
            region.reject(proposal)
            there = None
        n_evaluations += 1
        n_steps += 0 if there is None else _n_steps(there)
        if there is not None and region.learn(proposal, there.value, directions.T @ there.gradient):
            here, free = there, proposal.point
            stand_ins = _centre(region, problem, here, base, directions, free)
            path.append(_step(here))
            if progress is not None:
                progress(path[-1])
        if region.radius <= step_tol:
            reason = "no step lowers the criterion further"
    return TuneResult(
        hyper=here.hyper if last is None else last,
        criterion=here.criterion,
        gradient_norm=float(np.abs(directions.T @ here.gradient).max(initial=0.0)),
        optimism=_optimism(here, problem, directions, region) if judge_optimism else np.nan,
        reason=reason,
        converged="budget" not in reason,
        path=tuple(path),
        n_evaluations=n_evaluations,
        at_bound=_at_bound(here.hyper if last is None else last, lower, upper, penalty.hyper_names),
        guard_strength=problem.guard.strength,
        n_solver_steps=n_steps,
        judged_weight=problem.judged_weight,
        fits=tuple(here.fits),
        full_params=here.fits[0].expansion.params,
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


@dataclass(frozen=True)
class _Problem:
    """What is minimised: the criterion's fits and the guard."""

    parts: Sequence[Subproblem]
    solver: Solver
    guard: Guard

    @property
    def judged_weight(self) -> float:
        """Summed weight of the rows that the criterion sums over."""
        return sum(part.judged_weight for part in self.parts)

    def evaluate(self, hyper: Array, starts: Sequence[Array]) -> _Evaluation:
        """Fit every part from its start, judge it, and add up."""
        fits, inverses, partials = [], [], []
        criterion, (pull, gradient) = 0.0, self.guard.at(hyper)
        for part, start in zip(self.parts, starts, strict=True):
            try:
                judged = self._judge(part, self.solver, start, hyper)
            except NotConverged:
                judged = self._judge(part, tightened(self.solver), start, hyper)
            fit, inverse, judgement, value, by_hyper = judged
            criterion, gradient = criterion + value, gradient + by_hyper
            fits.append(fit)
            inverses.append(inverse)
            partials.append(judgement)
        return _Evaluation(hyper, criterion, criterion + pull, gradient, fits, inverses, partials)

    def _judge(
        self, part: Subproblem, solver: Solver, start: Array, hyper: Array
    ) -> tuple[FitResult, HessianInverse, Partials, float, Array]:
        fit = solver.minimize(part.objective, start, hyper)
        expansion = fit.expansion
        if expansion.curvature_left < SATURATED and not part.objective.loss.scale_is_free:
            raise NotConverged(
                "the rows are fitted with certainty: weaker penalties only add to it, and a "
                "criterion of separable rows falls for ever. Use a stronger penalty."
            )
        # A solver that never formed a Hessian is not made to form one for a few solves.
        hessian_free = isinstance(solver, LBFGS) and not part.needs_leverage
        inverse = IterativeInverse(expansion) if hessian_free else invert(expansion)
        partials = part.judge(expansion, inverse)
        return fit, inverse, partials, *value_and_hypergradient(expansion, partials, inverse)

    def stand_ins(self, at: _Evaluation) -> list[Surrogate] | None:
        """A stand-in for every part, or None if one has none."""
        made = []
        for judged in at.partials:
            stand_in = judged.stand_in()
            if stand_in is None:
                return None
            made.append(stand_in)
        return made


def _first_evaluation(
    problem: _Problem, base: Array, directions: Array, starts: list[Array], upper: float
) -> tuple[_Evaluation, Array]:
    """The criterion at ``base``, or at stronger penalties if the fit there cannot be judged."""
    for _ in range(STRONGER_TRIES):
        try:
            return problem.evaluate(base, starts), base
        except NotConverged:
            base = np.where(directions.any(axis=1), np.minimum(base + STRONGER, upper), base)
    return problem.evaluate(base, starts), base


def _centre(
    region: TrustRegion,
    problem: _Problem,
    here: _Evaluation,
    base: Array,
    directions: Array,
    free: Array,
) -> list[Surrogate] | None:
    """Centre the trust region on an evaluation; the stand-ins used, if any."""
    stand_ins = problem.stand_ins(here)

    def stand_in(point: Array) -> tuple[float, Array]:
        hyper = base + directions @ point
        value, gradient = problem.guard.at(hyper)
        for part in stand_ins or ():
            part_value, part_gradient = part.at(hyper)
            value, gradient = value + part_value, gradient + part_gradient
        return value, directions.T @ gradient

    gradient = directions.T @ here.gradient
    region.centre(free, here.value, gradient, None if stand_ins is None else stand_in)
    return stand_ins


def _warm_starts(here: _Evaluation, stand_ins: list[Surrogate] | None, hyper: Array) -> list[Array]:
    if stand_ins is not None:
        return [stand_in.params(hyper) for stand_in in stand_ins]
    # The implicit derivative moves the minimiser to first order in a bounded change of hyper.
    starts = []
    for fit, inverse in zip(here.fits, here.inverses, strict=True):
        expansion = fit.expansion
        if isinstance(inverse, IterativeInverse):  # a solve costs as much as it would save
            starts.append(expansion.params)
            continue
        moved = expansion.objective.penalty.mixed_jvp(
            expansion.params, expansion.hyper, np.clip(hyper - here.hyper, -1.0, 1.0)
        )
        starts.append(expansion.params - inverse.solve(moved))
    return starts


def _box(base: Array, directions: Array, lower: float, upper: float) -> tuple[Array, Array]:
    """Bounds of the free coordinates; each direction has entries 0 and 1 only."""
    used = directions != 0.0
    down = np.where(used, (lower - base)[:, None], -np.inf).max(axis=0, initial=lower - upper)
    up = np.where(used, (upper - base)[:, None], np.inf).min(axis=0, initial=upper - lower)
    return down, up


def _optimism(at: _Evaluation, problem: _Problem, directions: Array, region: TrustRegion) -> float:
    """trace(A''^-1 V) on the directions searched, in nats times the loss's unit.

    V sums the outer products of the rows' gradients by hyper, through their own outputs; the part
    through the leverages is smaller by a factor of order p / n and left out. A learned A'' can be
    too flat, so each direction counts at most two units (were the criterion a log-likelihood,
    each would count one).
    """
    blocks = []
    for part, fit, inverse, judged in zip(
        problem.parts, at.fits, at.inverses, at.partials, strict=True
    ):
        moves = params_by_hyper(fit.expansion, inverse) @ directions
        along = [part.judged.jvp(fit.expansion.params, move) for move in moves.T]
        slopes = [np.einsum("nk,nk->n", judged.row_gradients, z) for z in along]
        blocks.append(np.stack(slopes, axis=1) if slopes else np.zeros((0, 0)))
    rows = np.concatenate(blocks)
    values, vectors = np.linalg.eigh(region.full_curvature())
    turned = rows @ vectors
    spread = (turned * turned).sum(axis=0)
    floor = spread / (
        2.0 * loss_unit(problem.parts[0].objective, at.criterion, problem.judged_weight)
    )
    counted = spread > 0.0
    return float(np.sum(spread[counted] / np.maximum(values, floor)[counted]))


def loss_unit(objective: Objective, criterion: float, judged_weight: float) -> float:
    """What one nat is in a criterion's units: twice a row's loss where the scale is free."""
    if not objective.loss.scale_is_free:
        return 1.0
    return max(2.0 * criterion / judged_weight, np.finfo(float).tiny)


def first_hyper(objective: Objective) -> Array:
    """Where tuning starts: every log penalty a little below the mean curvature, (n_hyper,)."""
    return np.full(objective.penalty.n_hyper, mean_curvature(objective) - START_BELOW)


def mean_curvature(objective: Objective) -> float:
    """log of the mean diagonal of J^T W J over penalised parameters, at the best constant fit."""
    diagonal = objective.null_diagonal
    no_pull = np.zeros(objective.penalty.n_hyper)
    penalised = (objective.penalty.hessian_diagonal(diagonal, no_pull) > 0) & (diagonal > 0)
    mean = float(diagonal[penalised].mean()) if penalised.any() else 1.0
    return float(np.log(max(mean, 1e-300)))


def _n_steps(at: _Evaluation) -> int:
    return sum(fit.n_iter for fit in at.fits)


def _step(at: _Evaluation) -> TuneStep:
    return TuneStep(at.hyper, at.criterion, float(np.abs(at.gradient).max(initial=0.0)))


def _at_bound(
    hyper: Array, lower: float, upper: float, names: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    low = [(names[g], "lower") for g in np.flatnonzero(hyper <= lower + NEAR_LOWER)]
    return tuple(low + [(names[g], "upper") for g in np.flatnonzero(hyper >= upper - NEAR_UPPER)])
