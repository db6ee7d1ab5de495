"""Tuning by evidence, for models of many terms: tied first, then apart, and the better one kept.

1. All penalties of a kind move together, coarsely.
2. From there each moves on its own, under a weak prior: a pull of each to the mean of its kind, and
   for losses whose outputs have a scale of their own (log-odds, log-means) one against effects out
   of all proportion.
3. Where penalties are many for the rows, that is compared with one penalty a kind, tuned by rows
   left out, which so few do not overfit: the lower loss on rows left out is kept. Laplace's
   approximation is poor for rows that are nearly separable, and this is where it shows.
4. Where there are more penalties than one in three rows, they are not told apart at all.

Evidence costs no folds and does not overfit as a held-out score does, so a guard's strength need
not be searched for. Maths: docs/math/evidence.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.criteria.evidence import Evidence
from derivata.curvature.inverse import LARGEST_DENSE
from derivata.objective import Objective
from derivata.tuning.automatic import AutomaticTuning, tune_automatically
from derivata.tuning.guard import Guard, WeakPrior
from derivata.tuning.left_out import Candidate, left_out_losses
from derivata.tuning.result import Solver, TuneResult, TuneStep
from derivata.tuning.search import tune

# Of the pull to the mean of the kind, in nats a squared log. Where the evidence is exact the
# standard deviation is 10, so weak that a block without support goes its own way to nothing; where
# it is Laplace's approximation, which nearly separable rows strain, it is 3.
PULL, ROUGH_PULL = 0.01, 0.1
# Of the exponential prior on what a block moves outputs by, where they have a scale.
RATE = 1.0
COARSE_STEP = 0.3
# With more penalties than one in so many rows, tied and apart are compared on rows left out.
ROWS_PER_PENALTY = 30
# With more penalties than one in so many rows, they are not told apart at all.
FEWEST_ROWS = 3
# Of more penalties than this nobody asks how well they are known.
LARGEST_SPREAD = 1_000
REASON = "evidence: it needs no refits, and each penalty has to be worth what it costs"


def tune_by_evidence(
    objective: Objective,
    solver: Solver,
    *,
    kinds: Array,
    start: Array | None = None,
    params: Array | None = None,
    dispersion: float | None = None,
    random_state: int = 0,
    progress: Callable[[TuneStep], None] | None = None,
) -> AutomaticTuning:
    """Tune all penalties of an objective by its evidence, or those of a kind by rows left out.

    Parameters
    ----------
    objective : Objective             whose Hessian, or its dual, fits in memory
    solver : Solver
    kinds : int array (n_hyper,)      penalties of equal number are alike
    start : array (n_hyper,), optional
        Log penalties near the optimum, in place of the search for tied ones.
    params : array (n_params,), optional
        Where the first fit starts.
    dispersion : float, optional
        Of the noise, where it is known; see ``Evidence``.
    random_state : int
        How rows are dealt to folds, where there are any.
    progress : callable, optional
        Receives each accepted step.

    Returns
    -------
    AutomaticTuning
        Its result's ``guard_strength`` is infinite where the penalties of a kind were kept equal.
    """
    evidence = Evidence(dispersion)
    rate = 0.0 if objective.loss.scale_is_free else RATE
    pull = PULL if objective.is_quadratic else ROUGH_PULL
    prior = WeakPrior(Guard(pull, kinds), rate)
    settings: dict[str, Any] = {"params": params, "progress": progress}
    if start is not None or objective.penalty.n_hyper == len(np.unique(kinds)):
        result = tune(objective, evidence, solver, start=start, guard=prior, **settings)
        return AutomaticTuning(result, evidence, REASON)
    n_hyper, n_rows = objective.penalty.n_hyper, float(objective.weight.sum())
    tied = _Tied.of(objective, kinds)
    if n_hyper > n_rows / FEWEST_ROWS:
        return tied.tuned_by_rows(solver, random_state, progress)
    together = tied.tuned_by_evidence(evidence, solver, rate, **settings)
    settings["params"] = together.full_params
    apart = tune(objective, evidence, solver, start=together.hyper, guard=prior, **settings)
    apart = AutomaticTuning(_added(together, apart), evidence, REASON)
    if n_hyper <= n_rows / ROWS_PER_PENALTY:
        return apart
    equal = tied.tuned_by_rows(solver, random_state, progress)
    losses = left_out_losses(
        [
            Candidate(objective, each.result.full_params, each.result.hyper)
            for each in (apart, equal)
        ],
        solver,
        random_state,
    )
    if losses[0] <= losses[1]:
        return replace(apart, result=_added(equal.result, apart.result))
    return replace(equal, result=_added(apart.result, equal.result))


@dataclass(frozen=True, eq=False)
class _Tied:
    """The objective with one penalty a kind, and the way back to one each."""

    objective: Objective
    kinds: Array
    sizes: Array

    @classmethod
    def of(cls, objective: Objective, kinds: Array) -> _Tied:
        kinds = np.unique(kinds, return_inverse=True)[1]
        sizes = np.bincount(kinds)
        names = tuple(f"kind {number}" for number in range(len(sizes)))
        merged = replace(objective, penalty=objective.penalty.merged(kinds, names))
        return cls(merged, kinds, sizes)

    def tuned_by_evidence(
        self, evidence: Evidence, solver: Solver, rate: float, **settings: Any
    ) -> TuneResult:
        """Coarsely: where to start from.

        The output of all K blocks of a kind together has the standard deviation
        K^1/2 exp(-hyper / 2), and the prior is on that.
        """
        prior = WeakPrior(Guard(0.0, np.arange(len(self.sizes))), rate * np.sqrt(self.sizes))
        found = tune(
            self.objective,
            evidence,
            solver,
            guard=prior,
            step_tol=COARSE_STEP,
            judge_optimism=False,
            **settings,
        )
        return self._apart(found)

    def tuned_by_rows(
        self, solver: Solver, random_state: int, progress: Callable[[TuneStep], None] | None
    ) -> AutomaticTuning:
        """By leave-one-out where that can be trusted, else by folds."""
        kinds = np.arange(len(self.sizes))  # each is alone: nothing is pulled together
        found = tune_automatically(
            self.objective, solver, kinds=kinds, random_state=random_state, progress=progress
        )
        reason = f"{found.reason}; one penalty a kind, as they are many for the rows"
        return AutomaticTuning(self._apart(found.result), found.criterion, reason)

    def _apart(self, found: TuneResult) -> TuneResult:
        """The result in terms of all penalties."""
        spread = found.hyper_covariance
        if len(self.kinds) > LARGEST_SPREAD:
            spread = None
        return replace(
            found,
            hyper=found.hyper[self.kinds],
            path=tuple(replace(step, hyper=step.hyper[self.kinds]) for step in found.path),
            hyper_covariance=None if spread is None else spread[np.ix_(self.kinds, self.kinds)],
            guard_strength=np.inf,
            at_bound=(),
        )


def can_have_evidence(objective: Objective) -> bool:
    """Whether a Hessian, or its dual, fits in memory."""
    predictor = objective.predictor
    return min(predictor.n_params, predictor.n_rows * predictor.n_outputs) <= LARGEST_DENSE


def _added(before: TuneResult, after: TuneResult) -> TuneResult:
    """The later result, with the steps of both."""
    return replace(
        after,
        path=before.path + after.path,
        n_evaluations=before.n_evaluations + after.n_evaluations,
        n_solver_steps=before.n_solver_steps + after.n_solver_steps,
    )
