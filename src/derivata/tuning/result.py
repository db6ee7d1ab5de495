"""What tuning returns: the path, where it ended, and an outer score; and what a solver is.

Maths: docs/math/tuning.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from derivata.contracts import Array
from derivata.objective import Objective
from derivata.solvers.result import FitResult


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
    hyper_covariance : array (n_hyper, n_hyper) or None
        Inverse of the criterion's curvature: how well the log penalties are known, if the
        criterion is a likelihood in nats.
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
    hyper_covariance: Array | None = field(repr=False, default=None)
