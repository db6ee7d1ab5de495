"""Descent on a criterion by its exact derivative, for strengths of a sparse penalty.

A trust region over the log strengths. The criterion is smooth while active sets stay the same, and
has kinks (folds) or small jumps (leave-one-out) where they change; a step is taken only if it
lowers the criterion. Where everything is zero no criterion has a slope, so a search that came there
would stay: it begins below alpha_max and is kept below. In the end the best point is compared with
the empty model, which wins only if it is as good.

Source for the trap of a penalty off the support: Bertrand, Klopfenstein, Massias et al. (2022),
JMLR 23(149), 1-43.

Maths: docs/math/sparse_penalties.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from derivata.contracts import Array
from derivata.curvature.active import ActiveExpansion
from derivata.errors import NotConverged
from derivata.tuning.optimism import estimate_optimism
from derivata.tuning.problem import Evaluation, Problem
from derivata.tuning.result import TuneResult, TuneStep
from derivata.tuning.sparse_path import INFINITE, LOWEST, PathPoint, best_point
from derivata.tuning.trust_region import TrustRegion

# The search stays this far below alpha_max, in its log.
MARGIN = 0.01
# log alpha2 of an elastic net goes this far to either side of the mean curvature.
BELOW, ABOVE = 12.0, 6.0
FIRST_RADIUS, LARGEST_RADIUS = 0.7, 1.5
# A criterion's second derivative by a log strength in nats, until it is known: 10 to 70 are usual,
# but the first step shall be at least this long.
CURVATURE, FIRST_STEP = 20.0, 0.3
# A promise below this many nats, or a step of log strengths below this, is not worth an evaluation.
NEGLIGIBLE, STEP_TOL = 0.05, 0.1
MAX_EVALUATIONS = 25
# Every so manieth point of the path is looked at again where the search came to nothing.
RETRIED = 3
# Without a path, evaluations this far apart in the logs, so many at most.
STRIDE, MOST_STRIDES = 0.8, 12
# Criteria of the empty model differ by less than this many nats and a little.
CLEARLY = 10.0
NOTHING = "no strength does better than the strongest: every coefficient is zero"


def search(
    problem: Problem, points: list[PathPoint], progress: Callable[[TuneStep], None] | None = None
) -> TuneResult:
    """Descend from a path's best point; the empty model if nothing is better.

    Parameters
    ----------
    problem : Problem
        Whose solver knows kinks.
    points : list of PathPoint
        The first has everything zero, at the weakest strengths at which that is so. If it is alone,
        the criterion itself is followed down from there.
    progress : callable, optional
        Receives each accepted step.
    """
    top = points[0].hyper
    lower, upper = top + LOWEST, top - MARGIN
    if len(top) == 2:
        lower[1], upper[1] = top[1] - BELOW, top[1] + ABOVE
    tried = _tried_first(problem, points, upper)
    found = _descend(problem, _lowest(tried), lower, upper, progress)
    if _is_empty(found.here):
        # It came to where no criterion has a slope: look below once more before believing it.
        tried += [_evaluate_point(problem, point) for point in points[RETRIED::RETRIED]]
        if _lowest(tried).value < found.here.value:
            found = _descend(problem, _lowest(tried), lower, upper, progress)
    n_tried = len(tried)
    if not _is_surely_better(problem, found.here, points[0]):
        nothing = [points[0].expansion.params] * len(problem.parts)
        empty = problem.evaluate(np.full(len(top), INFINITE), nothing)
        n_tried += 1
        if not found.here.value < empty.value:
            step = TuneStep(top + MARGIN, empty.criterion, 0.0)
            found = replace(found, here=empty, last=step.hyper, reason=NOTHING, path=(step,))
    here = found.here
    hyper = here.hyper if found.last is None else found.last
    nearest = min(points, key=lambda point: float(np.abs(point.hyper - hyper).max()))
    names = problem.parts[0].objective.penalty.hyper_names
    return TuneResult(
        hyper=hyper,
        criterion=here.criterion,
        gradient_norm=float(np.abs(here.gradient).max(initial=0.0)),
        optimism=estimate_optimism(here, problem, np.eye(len(hyper)), found.region),
        reason=found.reason,
        converged=found.converged,
        path=found.path,
        n_evaluations=found.n_evaluations + n_tried,
        at_bound=tuple((names[h], "lower") for h in np.flatnonzero(hyper <= lower + MARGIN)),
        guard_strength=0.0,
        n_solver_steps=found.n_steps,
        judged_weight=problem.judged_weight,
        fits=tuple(here.fits),
        full_params=nearest.expansion.params,
    )


def _tried_first(problem: Problem, points: list[PathPoint], upper: Array) -> list[Evaluation]:
    """Evaluations to start from: at the path's best point, or ever further below its only one."""
    if len(points) > 1:
        best = points.index(best_point(points))
        for point in reversed(points[1 : best + 1]):  # what cannot be judged is too weak a penalty
            try:
                return [_evaluate_point(problem, point)]
            except NotConverged:
                continue
    tried, starts = [], [points[0].expansion.params] * len(problem.parts)
    for hyper in points[0].hyper - STRIDE * np.arange(1, MOST_STRIDES + 1)[:, None]:
        try:
            tried.append(problem.evaluate(np.minimum(hyper, upper), starts))
        except NotConverged:
            break
        starts = [fit.expansion.params for fit in tried[-1].fits]
        if tried[-1].gradient.sum() < 0.0 and not _is_empty(tried[-1]):  # the lowest point is above
            break
    return tried or [problem.evaluate(upper, starts)]


def _lowest(tried: list[Evaluation]) -> Evaluation:
    return min(tried, key=lambda at: at.value)


def _evaluate_point(problem: Problem, point: PathPoint) -> Evaluation:
    return problem.evaluate(point.hyper, [point.expansion.params] * len(problem.parts))


def _is_surely_better(problem: Problem, at: Evaluation, first: PathPoint) -> bool:
    """Whether the empty model need not be tried: its leave-one-out is far above this criterion."""
    whole = float(first.expansion.objective.weight.sum())
    empty = first.criterion * problem.judged_weight / whole
    return at.value < empty - CLEARLY * problem.unit(empty)


def _is_empty(at: Evaluation) -> bool:
    """Whether every penalised parameter is zero in every fit."""
    expansions = [cast(ActiveExpansion, fit.expansion) for fit in at.fits]
    return not any(e.params[e.penalty.param_blocks >= 0].any() for e in expansions)


@dataclass(frozen=True)
class _Descent:
    here: Evaluation
    last: Array | None  # a last step, taken without another evaluation
    region: TrustRegion
    path: tuple[TuneStep, ...]
    n_evaluations: int
    n_steps: int
    reason: str
    converged: bool


def _descend(
    problem: Problem,
    here: Evaluation,
    lower: Array,
    upper: Array,
    progress: Callable[[TuneStep], None] | None,
) -> _Descent:
    """Follow the hypergradient in a trust region; the best point so far is the last accepted."""
    region = TrustRegion(lower, upper, FIRST_RADIUS, LARGEST_RADIUS)
    region.centre(here.hyper, here.value, here.gradient, None)
    unit = problem.unit(here.criterion)
    steepest = float(np.abs(here.gradient).max())
    first = max(min(CURVATURE * unit, steepest / FIRST_STEP), np.finfo(float).tiny)
    region.curvature = first * np.eye(len(lower))
    path, n_evaluations, n_steps = [_step(here)], 0, _n_steps(here)
    last, converged = None, True
    while True:
        proposal = region.propose()
        # Until the curvature is known a promise says little, unless the slope is nothing.
        known = region.seen or steepest * STEP_TOL <= NEGLIGIBLE * unit
        slight = proposal.size <= STEP_TOL or proposal.promised <= NEGLIGIBLE * unit
        if (known and slight) or proposal.promised <= 0.0:
            # A short step is taken without another evaluation: its error is second order.
            last = proposal.point if proposal.size <= FIRST_STEP else None
            reason = (
                f"the next step promises {proposal.promised / unit:.0e} nats, and changes no log "
                f"strength by more than {proposal.size:.0e}"
            )
            break
        if n_evaluations >= MAX_EVALUATIONS:
            converged = False
            reason = f"budget of {MAX_EVALUATIONS} evaluations spent; the best point is kept"
            break
        n_evaluations += 1
        try:
            there = problem.evaluate(proposal.point, [fit.expansion.params for fit in here.fits])
        except NotConverged:  # so flat there that the fit cannot be judged: not a place to go
            region.reject(proposal)
            there = None
        if there is not None:
            n_steps += _n_steps(there)
            if region.learn(proposal, there.value, there.gradient):
                here = there
                region.centre(here.hyper, here.value, here.gradient, None)
                path.append(_step(here))
                if progress is not None:
                    progress(path[-1])
        if region.radius <= STEP_TOL:
            reason = "no step lowers the criterion further"
            break
    return _Descent(here, last, region, tuple(path), n_evaluations, n_steps, reason, converged)


def _step(at: Evaluation) -> TuneStep:
    return TuneStep(at.hyper, at.criterion, float(np.abs(at.gradient).max(initial=0.0)))


def _n_steps(at: Evaluation) -> int:
    return sum(fit.n_iter for fit in at.fits)
