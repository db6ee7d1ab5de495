"""How a criterion answers to each hyperparameter: slope, curvature, and refits beside them.

    A(t) ~ A + t A' + t^2 / 2 A'',      t = log(value / value as fitted)

A' is exact, by the implicit function theorem. A'' is the difference of two exact derivatives, from
fits at t = -0.001 and t = 0.001; it is A'' itself to about 1e-6 of the third derivatives. Refits at
+-1 % and +-10 % are ten and a hundred times further away, so they judge both.

All of this holds for as long as a fit does not leap (``leaps``): a refit beyond a leap says so, and
A'' is taken from the sides that have none.

Maths: docs/math/sensitivity.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.contracts import Array, HessianInverse
from derivata.curvature.inverse import shrunk_params
from derivata.errors import NotAvailable, NotConverged
from derivata.implicit import params_by_hyper
from derivata.objective import Expansion, Objective
from derivata.tuning.guard import no_guard
from derivata.tuning.leaps import Leaps
from derivata.tuning.parametrisation import Parametrisation
from derivata.tuning.problem import Evaluation, Problem
from derivata.tuning.result import Solver

STEP = 1e-3
FACTORS = (0.9, 0.99, 1.01, 1.1)
# Fits are differenced, so they are taken to near rounding.
TOLERANCE, PRECISION = 1e-11, 1e-7


@dataclass(frozen=True, eq=False)
class Refit:
    """The criterion of fits at another value of one hyperparameter.

    Attributes
    ----------
    factor : float                 the value's, of that as fitted
    change : float                 of the criterion; NaN where no fit could be judged
    leaps : Leaps                  what lies between, beyond which no prediction holds
    """

    factor: float
    change: float
    leaps: Leaps


@dataclass(frozen=True, eq=False)
class HyperResponse:
    """What is known of the criterion along one hyperparameter, by the log of its value.

    Attributes
    ----------
    slope, slope_error : float     A' and its standard error over the judged rows
    curvature : float              A''; NaN if it was not asked for or is not to be had
    effective_params : float       derivative of the parameters that the data decide; NaN likewise
    refits : tuple of Refit        empty if none were asked for
    """

    slope: float
    slope_error: float
    curvature: float = float("nan")
    effective_params: float = float("nan")
    refits: tuple[Refit, ...] = ()

    def predicted(self, factor: float) -> float:
        """Change of the criterion where the value is multiplied; first order if A'' is NaN."""
        step = float(np.log(factor))
        bend = self.curvature if np.isfinite(self.curvature) else 0.0
        return step * self.slope + 0.5 * step * step * bend


@dataclass(frozen=True, eq=False)
class CriterionResponse:
    """The criterion at a fit and along each of its hyperparameters.

    Attributes
    ----------
    base : Evaluation
    along : tuple of HyperResponse
    """

    base: Evaluation
    along: tuple[HyperResponse, ...]


def respond(
    problem: Problem, hypers: Parametrisation, params: Array, n_refitted: int
) -> CriterionResponse:
    """The response to every hyperparameter, with refits along those that matter most.

    Parameters
    ----------
    problem : Problem              its solver precise: see ``precisely``
    hypers : Parametrisation
    params : array (n_params,)     of the fit of all rows
    n_refitted : int
        Hyperparameters with curvature and refits, six fits each; those whose change by 10 % is
        predicted to move the criterion most.

    Raises
    ------
    NotConverged
        If the fit cannot be judged at all.
    """
    base = problem.evaluate(hypers.hyper(hypers.values), [params] * len(problem.parts))
    there = _Around(problem, hypers, base)
    slopes, errors = there.slope(base, hypers.values), there.slope_errors()
    along = [HyperResponse(float(s), float(e)) for s, e in zip(slopes, errors, strict=True)]
    step = float(np.log(max(FACTORS)))
    effect = np.abs(slopes) * step + 0.5 * step * step * there.bends()
    for place in np.argsort(-effect, kind="stable")[:n_refitted]:
        along[place] = there.along(int(place), along[place])
    return CriterionResponse(base, tuple(along))


class _Around:
    """Evaluations around one point, each started where its minimiser is predicted to be."""

    def __init__(self, problem: Problem, hypers: Parametrisation, base: Evaluation):
        self.problem, self.hypers, self.base = problem, hypers, base
        self.moves = [
            params_by_hyper(fit.expansion, inverse)
            for fit, inverse in zip(base.fits, base.inverses, strict=True)
        ]

    def slope(self, at: Evaluation, values: Array) -> Array:
        """A' by the log of every value, (m,)."""
        return self.hypers.jacobian(values).T @ at.gradient

    def along(self, place: int, known: HyperResponse) -> HyperResponse:
        """Curvature and refits along one hyperparameter."""
        curvature, effective = self._curvature(place, known.slope)
        refits = [self._refit(place, factor) for factor in FACTORS]
        return replace(
            known,
            curvature=curvature,
            effective_params=effective,
            refits=tuple(refit for refit in refits if refit is not None),
        )

    def slope_errors(self) -> Array:
        """Standard error of A' over rows, through their own outputs, (m,)."""
        return spread_of(self._row_slopes(), judged_weights(self.problem))

    def bends(self) -> Array:
        """A guess at |A''|, by the curvature of the losses along the moves of the outputs: (m,)."""
        total = np.zeros(len(self.hypers))
        jacobian = self.hypers.jacobian(self.hypers.values)
        for fit, moves in zip(self.base.fits, self.moves, strict=True):
            expansion = fit.expansion
            for place, move in enumerate((moves @ jacobian).T):
                total[place] += abs(float(move @ expansion.hvp(move, gauss_newton=True)))
        return total

    def _row_slopes(self) -> Array:
        """What each judged row adds to A' through its own outputs, (n, m)."""
        jacobian = self.hypers.jacobian(self.hypers.values)
        blocks = []
        for part, fit, moves, judged in zip(
            self.problem.parts, self.base.fits, self.moves, self.base.partials, strict=True
        ):
            slopes = np.zeros((len(judged.row_losses), len(self.hypers)))
            for place, move in enumerate((moves @ jacobian).T):
                along = part.judged.jvp(fit.expansion.params, move)
                slopes[:, place] = np.einsum("nk,nk->n", judged.row_gradients, along)
            blocks.append(slopes)
        return np.concatenate(blocks)

    def _evaluate(self, values: Array) -> tuple[Evaluation, Leaps] | None:
        """The criterion at other values and what lies between; None if it cannot be judged."""
        hyper = self.hypers.hyper(values)
        moving = np.isfinite(hyper)
        step = np.where(moving, hyper - np.where(moving, self.base.hyper, 0.0), 0.0)
        before = [fit.expansion for fit in self.base.fits]
        starts = [
            each.params + moves @ step for each, moves in zip(before, self.moves, strict=True)
        ]
        try:
            at = self.problem.evaluate(hyper, starts)
        except NotConverged:
            return None
        return at, Leaps.between(before, [fit.expansion for fit in at.fits], starts)

    def _curvature(self, place: int, slope: float) -> tuple[float, float]:
        """A'' and the derivative of the effective parameters, from both sides if they will do."""
        slopes, effective, steps = [slope], [self._decided(self.base)], [0.0]
        for step in (-STEP, STEP):
            values = self.hypers.moved(place, float(np.exp(step)))
            made = self._evaluate(values) if values[place] < self.hypers.below[place] else None
            if made is not None and not made[1]:
                at = made[0]
                slopes.append(float(self.slope(at, values)[place]))
                effective.append(self._decided(at))
                steps.append(step)
        if len(steps) == 1:
            return float("nan"), float("nan")
        ends = (int(np.argmin(steps)), int(np.argmax(steps)))
        apart = steps[ends[1]] - steps[ends[0]]
        return (
            (slopes[ends[1]] - slopes[ends[0]]) / apart,
            (effective[ends[1]] - effective[ends[0]]) / apart,
        )

    def _refit(self, place: int, factor: float) -> Refit | None:
        values = self.hypers.moved(place, factor)
        if not values[place] < self.hypers.below[place]:
            return None
        made = self._evaluate(values)
        if made is None:
            return Refit(factor, float("nan"), Leaps())
        at, leaps = made
        return Refit(factor, at.criterion - self.base.criterion, leaps)

    def _decided(self, at: Evaluation) -> float:
        """Parameters that the data decide; NaN if the criterion's fits are of fewer rows."""
        part = self.problem.parts[0]
        if len(self.problem.parts) > 1 or part.judged is not part.objective.predictor:
            return float("nan")
        return decided_params(at.fits[0].expansion, at.inverses[0])


def decided_params(expansion: Expansion, inverse: HessianInverse) -> float:
    """Parameters that the data decide; NaN where the inverse Hessian is no array."""
    own: Any = getattr(inverse, "effective_params", None)
    if own is not None:
        return float(own)
    flat = 0 if inverse.null_space is None else inverse.null_space.shape[1]
    try:
        return len(expansion.params) - flat - shrunk_params(expansion, inverse)
    except NotAvailable:
        return float("nan")


def judged_weights(problem: Problem) -> Array:
    """Weights of the judged rows; of folds only their sum is known, and they count as equal."""
    weights = []
    for part in problem.parts:
        if part.judged is part.objective.predictor:
            weights.append(part.objective.weight)
        else:
            n_rows = part.judged.n_rows
            weights.append(np.full(n_rows, part.judged_weight / max(n_rows, 1)))
    return np.concatenate(weights)


def spread_of(rows: Array, weight: Array) -> Array:
    """Standard error of a sum over rows of weighted values (n, m): (m,)."""
    centred = rows - weight[:, None] * (rows.sum(axis=0) / weight.sum())
    return np.sqrt((centred**2).sum(axis=0))


def precisely(solver: Solver) -> Solver:
    """The same solver to near rounding, for fits that are differenced."""
    made: Any = solver
    fine = getattr(made, "fine", None)
    if fine is not None:  # of two phases the last one decides
        return replace(made, fine=precisely(fine))
    settings: dict[str, Any] = {}
    for name, value in (("tol", TOLERANCE), ("precision", PRECISION)):
        if hasattr(made, name):
            settings[name] = min(getattr(made, name), value)
    return replace(made, **settings) if settings else solver


def problem_of(parts: Sequence[Any], solver: Solver, n_hyper: int) -> Problem:
    """The criterion's fits without a guard."""
    return Problem(parts, precisely(solver), no_guard(n_hyper))


def without_zeros(objective: Objective, hyper: Array) -> tuple[Objective, Array]:
    """The same objective without strengths of zero, whose logs are no numbers.

    Their groups are free; other penalties than ridge are returned as they are.
    """
    penalty: Any = objective.penalty
    kept = np.flatnonzero(np.isfinite(hyper))
    if len(kept) == len(hyper) or not hasattr(penalty, "groups"):
        return objective, hyper
    place = np.full(len(hyper) + 1, -1)
    place[kept] = np.arange(len(kept))
    names = tuple(penalty.hyper_names[g] for g in kept)
    freed = type(penalty)(np.where(penalty.groups < 0, -1, place[penalty.groups]), names)
    return replace(objective, penalty=freed), hyper[kept]
