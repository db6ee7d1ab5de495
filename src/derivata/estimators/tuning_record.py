"""What ``tuning_`` holds: how the penalties of a fitted model were found, per row."""

from __future__ import annotations

from dataclasses import dataclass

from derivata.tuning import OuterScore, TuneResult, TuneStep


@dataclass(frozen=True)
class Tuning:
    """How the penalties were found: what ``tuning_`` holds.

    Attributes
    ----------
    criterion_name : str
    criterion_reason : str
        Why this criterion.
    criterion : float
        Its value at the penalties found, in nats a row (squared loss: half squared units).
    optimism : float
        How far that value flatters, likewise: measured by outer folds if they were run, else
        estimated from the criterion's curvature and the spread of its rows.
    outer : OuterScore or None
        The score of outer folds, if they were run.
    hypergradient_norm : float
        max |d criterion / d log alpha| at the end, in nats a row.
    path : tuple of TuneStep
        Log penalties, summed criterion and gradient norm, first to last.
    n_evaluations, n_solver_steps : int
    reason : str
        Why it stopped.
    converged : bool
    at_bound : tuple of (str, str)
        Penalties that ended on a bound of their range.
    guard_strength : float
        How strongly penalties were pulled together; 0 for not at all.
    """

    criterion_name: str
    criterion_reason: str
    criterion: float
    optimism: float
    outer: OuterScore | None
    hypergradient_norm: float
    path: tuple[TuneStep, ...]
    n_evaluations: int
    n_solver_steps: int
    reason: str
    converged: bool
    at_bound: tuple[tuple[str, str], ...]
    guard_strength: float


def tuning_record(result: TuneResult, name: str, reason: str) -> Tuning:
    """A tuning result in units of a row."""
    optimism = result.optimism / result.judged_weight
    if result.outer is not None:
        optimism = result.outer.optimism
    return Tuning(
        criterion_name=name,
        criterion_reason=reason,
        criterion=result.criterion / result.judged_weight,
        optimism=optimism,
        outer=result.outer,
        hypergradient_norm=result.gradient_norm / result.judged_weight,
        path=result.path,
        n_evaluations=result.n_evaluations,
        n_solver_steps=result.n_solver_steps,
        reason=result.reason,
        converged=result.converged,
        at_bound=result.at_bound,
        guard_strength=result.guard_strength,
    )
