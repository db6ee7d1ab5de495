"""Hyperparameters by descent on a criterion, with its exact derivative.

    minimise A(hyper) + guard(hyper),   hyper = base + ties @ free

Each round fits the model (warm) and takes the criterion's exact value and hypergradient; a trust
region proposes the next point from them, and from a stand-in with frozen curvature where that is
cheaper than the criterion. Three to six evaluations are usual. Steps are accepted only if A falls,
so the best point is always the last.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from derivata.contracts import Array, Criterion, CurvedSurrogate, Surrogate
from derivata.curvature.iterative import IterativeInverse
from derivata.errors import NotConverged
from derivata.objective import Objective
from derivata.solvers.sampled import sampled_start
from derivata.tuning.guard import Guard, WeakPrior, no_guard
from derivata.tuning.optimism import estimate_optimism
from derivata.tuning.problem import Evaluation, Problem, first_evaluation
from derivata.tuning.result import Solver, TuneResult, TuneStep
from derivata.tuning.scale import first_hyper, mean_curvature
from derivata.tuning.trust_region import TrustRegion

# Log penalties range over this much on either side of the mean curvature of a parameter: from
# e^-23 (1e-10, rounding of the Hessian) to e^12 (coefficients shrunk to 6e-6 of their size).
BELOW, ABOVE = 23.0, 12.0
# A decrease of the criterion below this many nats, times the root of the number of penalties, is
# beneath what the data can tell: tuning a penalty is worth about one nat of optimism.
NEGLIGIBLE = 1e-3
# The criterion is flat near the ends of the range, so tuning stops before it touches them. A
# penalty this near an end counts as on it: without effect, or shrinking to under 1 part in 400.
NEAR_LOWER, NEAR_UPPER = 3.0, 6.0
FIRST_RADIUS, LARGEST_RADIUS = 2.0, 4.0
# A log penalty that the criterion hardly feels is taken to be known to 1, a factor of 2.7:
# the first-order spread of coefficients means nothing over more.
LEAST_CURVATURE = 1.0


def tune(
    objective: Objective,
    criterion: Criterion,
    solver: Solver,
    *,
    start: Array | None = None,
    params: Array | None = None,
    guard: Guard | WeakPrior | None = None,
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
    problem = Problem(criterion.subproblems(objective), solver, guard or no_guard(penalty.n_hyper))
    middle = mean_curvature(objective)
    lower, upper = middle - BELOW, middle + ABOVE
    base = first_hyper(objective) if start is None else np.clip(start, lower, upper)
    directions = np.eye(penalty.n_hyper) if ties is None else ties
    first = sampled_start(objective, base) if params is None else params
    here, base = first_evaluation(problem, base, directions, [first] * len(problem.parts), upper)
    exact = all(part.is_frozen_exact for part in problem.parts)  # then any distance will do
    radii = (upper - lower, upper - lower) if exact else (FIRST_RADIUS, LARGEST_RADIUS)
    region = TrustRegion(*_box(base, directions, lower, upper), *radii)
    free = np.zeros(directions.shape[1])
    stand_ins = _centre(region, problem, here, base, directions, free)
    unit = problem.unit(here.criterion)
    negligible = NEGLIGIBLE * unit * directions.shape[1] ** 0.5
    path, n_evaluations, reason, last = [_step(here)], 1, "", None
    n_steps, converged = _n_steps(here), True
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
            converged = False
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
        optimism=estimate_optimism(here, problem, directions, region) if judge_optimism else np.nan,
        hyper_covariance=_hyper_covariance(region, directions) if judge_optimism else None,
        reason=reason,
        converged=converged,
        path=tuple(path),
        n_evaluations=n_evaluations,
        at_bound=_at_bound(here.hyper if last is None else last, lower, upper, penalty.hyper_names),
        guard_strength=problem.guard.strength,
        n_solver_steps=n_steps,
        judged_weight=problem.judged_weight,
        fits=tuple(here.fits),
        full_params=here.fits[0].expansion.params,
    )


def _centre(
    region: TrustRegion,
    problem: Problem,
    here: Evaluation,
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

    def curvature(point: Array) -> Array:
        hyper = base + directions @ point
        total = problem.guard.curvature(hyper)
        for part in curved:
            total = total + part.curvature(hyper)
        return directions.T @ total @ directions

    curved = [part for part in stand_ins or () if isinstance(part, CurvedSurrogate)]
    known = stand_ins is not None and len(curved) == len(stand_ins)
    gradient = directions.T @ here.gradient
    region.centre(
        free,
        here.value,
        gradient,
        None if stand_ins is None else stand_in,
        curvature if known else None,
    )
    return stand_ins


def _warm_starts(here: Evaluation, stand_ins: list[Surrogate] | None, hyper: Array) -> list[Array]:
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


def _hyper_covariance(region: TrustRegion, directions: Array) -> Array:
    """Inverse of the criterion's curvature, in the space of all log penalties."""
    values, vectors = np.linalg.eigh(region.full_curvature())
    spread = directions @ (vectors / np.sqrt(np.maximum(values, LEAST_CURVATURE)))
    return spread @ spread.T


def _n_steps(at: Evaluation) -> int:
    return sum(fit.n_iter for fit in at.fits)


def _step(at: Evaluation) -> TuneStep:
    return TuneStep(at.hyper, at.criterion, float(np.abs(at.gradient).max(initial=0.0)))


def _at_bound(
    hyper: Array, lower: float, upper: float, names: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    low = [(names[g], "lower") for g in np.flatnonzero(hyper <= lower + NEAR_LOWER)]
    return tuple(low + [(names[g], "upper") for g in np.flatnonzero(hyper >= upper - NEAR_UPPER)])
