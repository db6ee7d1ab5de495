"""Leave-one-out with a bound on its own error, from one fit and as many refits as that takes.

    score = [ sum_i s_i m(y_i, z_i^(-i)) + T ] / sum_i s_i

with z^(-i) by a refit where there was one and by one Newton step from the full fit elsewhere, and T
what the refits that were drawn at random say of the others. Steps:

1. one Newton step for every row, from the leverages of the full fit;
2. a predicted error for each row: what the step changes of the metric, times how far it moves the
   fit in posterior standard deviations, and what such an error of the step would change;
3. refits of the rows with the largest, and of others drawn in proportion to it (``sampling``);
4. twice as many, until the standard error of the result is negligible.

Squared error and a linear predictor need steps 1 only, with kinks for all rows whose active set
stays (``kinks``).

Maths: docs/math/certified_leave_one_out.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.certified.batch import can_batch
from derivata.certified.exact import exact_outputs
from derivata.certified.one_step import one_step
from derivata.certified.predicted_error import predicted_errors
from derivata.certified.sampling import Sample, draw, estimate
from derivata.contracts import Array
from derivata.criteria.jacobian import require_rows
from derivata.curvature.active import ActiveExpansion
from derivata.errors import InvalidData, InvalidParameter, NotConverged
from derivata.objective import Expansion
from derivata.tuning import Solver

Metric = Callable[[Array, Array], Array]

LARGEST_GRADIENT = 1e-5
# Refits go on until the error is at most this share of the optimism, or of the standard error of
# the score: where many share their products, and where each is a fit of its own.
SHARED = (5e-4, 1e-4)
SINGLE = (1e-2, 5e-2)
# Refits at first: outputs (rows times fits) worth some hundredths of a second, or single fits.
FIRST_OUTPUTS, FIRST_ROWS = 2**20, 40
# Curvature left, as a share of that of the best constant fit, below which a fit may be on its way
# to infinity.
CERTAIN = 1e-5
# What a refit or a sum is off by, as a share.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Certified:
    """Leave-one-out of every row, and what it may be off by.

    Attributes
    ----------
    score : float                  the weighted mean of the metric, corrected by the sample
    standard_error : float         of the score, over rows as draws from a population
    approximation_error : float    of the score, against refits of every row; NaN: not estimated
    fitted_score : float           the metric of the fit on its own rows
    per_row : array (n,)           refitted where ``refitted``, by one Newton step elsewhere
    fitted : array (n,)            the metric of the fit with all rows
    outputs : array (n, k)         behind ``per_row``
    refitted : int array (m,)      rows
    failed : int array             rows among them without which no minimum was reached
    is_exact : bool                whether no row was left to an approximation
    """

    score: float
    standard_error: float
    approximation_error: float
    fitted_score: float
    per_row: Array
    fitted: Array
    outputs: Array
    refitted: Array
    failed: Array
    is_exact: bool

    @property
    def optimism(self) -> float:
        """How much better the fit looks on its own rows."""
        return self.score - self.fitted_score


def certify(
    expansion: Expansion,
    solver: Solver,
    metric: Metric | None = None,
    budget: float | int | None = None,
    random_state: int | None = 0,
) -> Certified:
    """Leave-one-out of a fit, refitting rows until its error is negligible or the budget is spent.

    Parameters
    ----------
    expansion : Expansion
        At a minimiser.
    solver : Solver
        For refits that cannot be done together.
    metric : callable (y, outputs) -> (n,), optional
        One number a row; default: the loss, without weights.
    budget : float, int or None
        Refits at most: a share of the rows (float) or a number (int). None: as many as it takes.
        0: the Newton step alone, with an error that nobody knows unless it is exact.
    random_state : int or None
        Of the sample.

    Returns
    -------
    Certified

    Raises
    ------
    NotConverged
        If the expansion is not at a minimiser.
    NotAvailable
        If the loss is no sum over rows.
    InvalidData
        If there is one row only.
    InvalidParameter
        If the metric does not give one number a row, or the budget is no such number.
    """
    require_rows(expansion.objective, "leave-one-out")
    if np.count_nonzero(expansion.objective.weight) < 2:
        raise InvalidData("leave-one-out needs at least two rows of weight above zero.")
    expansion.require_minimiser(LARGEST_GRADIENT, "leave-one-out")
    _require_minimum(expansion)
    return _Pipeline(expansion, solver, metric or _loss_of(expansion)).run(
        most_refits(budget, len(expansion.objective.y)), random_state
    )


def _require_minimum(expansion: Expansion) -> None:
    """Refuse a fit that stopped on its way to infinity: classes separated, nothing penalised."""
    if expansion.curvature_left > CERTAIN:
        return
    beyond = expansion.objective.at(2.0 * expansion.params, expansion.hyper)
    with np.errstate(over="ignore", invalid="ignore"):
        if beyond.value < expansion.value:
            raise NotConverged(
                "the objective has no minimum: twice these parameters fit even better, as where a "
                "combination of columns separates the classes and no penalty holds it. "
                f"The relative gradient, {expansion.relative_gradient:.1e}, is small because "
                "every row is certain. Penalise the coefficients."
            )


def most_refits(budget: float | int | None, n_rows: int) -> int:
    """The number of refits that a budget allows."""
    if budget is None:
        return n_rows
    number = isinstance(budget, int | float | np.integer | np.floating)
    whole = number and isinstance(budget, int | np.integer) and not isinstance(budget, bool)
    share = number and isinstance(budget, float | np.floating) and 0.0 <= budget <= 1.0
    if not (share or (whole and budget >= 0)):
        raise InvalidParameter(
            f"`budget` is {budget!r}; expected the largest number of refits (an int), a share of "
            "the rows (a float from 0.0 to 1.0), or None for as many as it takes."
        )
    return min(int(budget), n_rows) if whole else int(np.ceil(budget * n_rows))


class _Pipeline:
    def __init__(self, expansion: Expansion, solver: Solver, metric: Metric):
        self.expansion, self.solver = expansion, solver
        self.weight = expansion.objective.weight
        self.metric = metric
        self.step = one_step(expansion)
        self.fitted = self._judge(expansion.outputs)
        if np.isnan(self.fitted).any():
            row = int(np.flatnonzero(np.isnan(self.fitted))[0])
            raise InvalidParameter(
                f"`metric` is not a number for row {row:,} of the {len(self.fitted):,} fitted, "
                f"where the outputs are {expansion.outputs[row]!r:.60}."
            )
        self.near = self._judge(self.step.outputs)

    def run(self, most: int, random_state: int | None) -> Certified:
        per_row, outputs = self.near.copy(), self.step.outputs.copy()
        known = np.zeros(len(per_row), dtype=bool)
        failed = np.zeros(len(per_row), dtype=bool)
        sizes = self.weight * predicted_errors(self.expansion, self.step, self._judge)
        uniforms = np.random.default_rng(random_state).uniform(size=len(per_row))
        count = min(self._first(), most)
        while True:
            sample = draw(sizes, count, uniforms)
            rows = np.flatnonzero(sample.chosen & ~known)
            if len(rows):
                found = exact_outputs(self.expansion, self.solver, self.step.inverse, rows)
                outputs[rows], failed[rows] = found.outputs, ~found.reached
                per_row[rows] = self._judge(outputs)[rows]
                known[rows] = True
            result = self._result(sample, per_row, outputs, known, failed)
            enough = result.is_exact or self._is_enough(result)
            if enough or count >= most or failed.any():
                return result
            count = min(2 * count, most)

    def _result(
        self, sample: Sample, per_row: Array, outputs: Array, known: Array, failed: Array
    ) -> Certified:
        weight, total = self.weight, float(self.weight.sum())
        base = np.where(np.isfinite(self.near), self.near, self.fitted)
        shift, error = estimate(sample, weight * (per_row - base))
        score = (float(weight @ base) + shift) / total
        error /= total
        if failed.any():
            error = np.inf
        elif not known.any() and (sample.sizes > 0.0).any():
            error = np.nan
        n_rows = len(weight)
        spread = weight * (per_row - score)
        finite = np.where(np.isfinite(spread), spread, 0.0)
        standard = np.sqrt(finite @ finite * n_rows / max(n_rows - 1, 1)) / total
        return Certified(
            score=score,
            standard_error=float(standard),
            approximation_error=float(np.hypot(error, self._rounding(per_row, total))),
            fitted_score=float(weight @ self.fitted) / total,
            per_row=per_row,
            fitted=self.fitted,
            outputs=outputs,
            refitted=np.flatnonzero(known),
            failed=np.flatnonzero(failed),
            is_exact=bool(known[sample.sizes > 0.0].all() and not failed.any()),
        )

    def _rounding(self, per_row: Array, total: float) -> float:
        """What the score may be off by because refits and sums are finite."""
        return ROUNDING * float(self.weight @ np.abs(np.nan_to_num(per_row, posinf=0.0))) / total

    def _first(self) -> int:
        n_numbers = self.expansion.outputs.size
        kinked = isinstance(self.expansion, ActiveExpansion)
        shares = can_batch(self.expansion) and not kinked
        return max(FIRST_OUTPUTS // n_numbers, FIRST_ROWS) if shares else FIRST_ROWS

    def _is_enough(self, result: Certified) -> bool:
        of_optimism, of_error = SHARED if can_batch(self.expansion) else SINGLE
        enough = max(of_optimism * abs(result.optimism), of_error * result.standard_error)
        return result.approximation_error <= enough

    def _judge(self, outputs: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.asarray(self.metric(self.expansion.objective.y, outputs), dtype=float)
        if values.shape != (len(outputs),):
            raise InvalidParameter(
                f"`metric` gave an array of shape {values.shape} for {len(outputs):,} rows; "
                "expected one number a row."
            )
        return values


def _loss_of(expansion: Expansion) -> Metric:
    loss: Any = expansion.objective.loss
    return lambda y, outputs: loss.at(y, outputs).value
