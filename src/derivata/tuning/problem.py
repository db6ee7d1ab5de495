"""A criterion at one point: every part fitted, judged and priced; and what cannot be judged.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from derivata.contracts import Array, HessianInverse, Partials, Subproblem, Surrogate
from derivata.curvature.inverse import invert
from derivata.curvature.iterative import IterativeInverse
from derivata.errors import NotConverged
from derivata.implicit import value_and_hypergradient
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.solvers.result import FitResult
from derivata.solvers.two_phase import TwoPhase
from derivata.tuning.guard import Guard, WeakPrior
from derivata.tuning.result import Solver
from derivata.tuning.scale import loss_unit

# Below this share of the losses' curvature a criterion says only that the rows are separable, and
# following it would end in probabilities of 0 and 1.
SATURATED = 1e-4
# Log penalties are raised by this much, so often, where the first fit cannot be judged.
STRONGER, STRONGER_TRIES = 3.0, 3


@dataclass(frozen=True)
class Evaluation:
    """The criterion at one hyper, with all that the search needs of it."""

    hyper: Array
    criterion: float
    value: float  # guard included
    gradient: Array  # guard included
    fits: Sequence[FitResult]
    inverses: Sequence[HessianInverse]
    partials: Sequence[Partials]


@dataclass(frozen=True)
class Problem:
    """What is minimised: the criterion's fits and the guard."""

    parts: Sequence[Subproblem]
    solver: Solver
    guard: Guard | WeakPrior

    @property
    def judged_weight(self) -> float:
        """Summed weight of the rows that the criterion sums over."""
        return sum(part.judged_weight for part in self.parts)

    def unit(self, criterion: float) -> float:
        """What one nat is in the criterion's units."""
        if all(part.in_nats for part in self.parts):
            return 1.0
        return loss_unit(self.parts[0].objective, criterion, self.judged_weight)

    def evaluate(self, hyper: Array, starts: Sequence[Array]) -> Evaluation:
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
        return Evaluation(hyper, criterion, criterion + pull, gradient, fits, inverses, partials)

    def _judge(
        self, part: Subproblem, solver: Solver, start: Array, hyper: Array
    ) -> tuple[FitResult, HessianInverse, Partials, float, Array]:
        fit = solver.minimize(part.objective, start, hyper)
        if fit.interrupted:  # whoever stops a fit stops the search that asked for it
            raise KeyboardInterrupt
        expansion = fit.expansion
        free = part.objective.loss.scale_is_free
        # Below zero the losses are not convex, which says nothing of certainty.
        if not free and 0.0 <= expansion.curvature_left < SATURATED:
            raise NotConverged(
                "the rows are fitted with certainty: weaker penalties only add to it, and a "
                "criterion of separable rows falls for ever. Use a stronger penalty."
            )
        # A solver that never formed a Hessian is not made to form one for a few solves.
        hessian_free = isinstance(solver, LBFGS) and not part.needs_leverage
        inverse = IterativeInverse(expansion) if hessian_free else invert(expansion)
        partials = part.judge(expansion, inverse)
        return fit, inverse, partials, *value_and_hypergradient(expansion, partials, inverse)

    def stand_ins(self, at: Evaluation) -> list[Surrogate] | None:
        """A stand-in for every part, or None if one has none."""
        made = []
        for judged in at.partials:
            stand_in = judged.stand_in()
            if stand_in is None:
                return None
            made.append(stand_in)
        return made


def first_evaluation(
    problem: Problem, base: Array, directions: Array, starts: list[Array], upper: float
) -> tuple[Evaluation, Array]:
    """The criterion at ``base``, or at stronger penalties if the fit there cannot be judged."""
    for _ in range(STRONGER_TRIES):
        try:
            return problem.evaluate(base, starts), base
        except NotConverged:
            base = np.where(directions.any(axis=1), np.minimum(base + STRONGER, upper), base)
    return problem.evaluate(base, starts), base


def tightened(solver: Solver) -> Solver:
    """The same solver to full precision, for a fit that proved too rough to be judged."""
    if isinstance(solver, TwoPhase):
        return replace(solver, fine=Newton(max_iter=solver.fine.max_iter, precision=1e-6))
    if isinstance(solver, Newton):
        return Newton(max_iter=solver.max_iter, precision=1e-6)
    return LBFGS(tol=1e-7) if isinstance(solver, LBFGS) else solver
