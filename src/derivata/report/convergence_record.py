"""What `derivata converge` found: the screen, the page and the JSON tell it and nothing else."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import derivata
from derivata.comparison import Comparison, SolverRun, ended
from derivata.convergence.conditioning import Conditioning
from derivata.estimators.table_task import TableTask
from derivata.report.record import Said

FORMAT_VERSION = 1
# A relative gradient above this is no minimiser, whatever the tolerance of the runs.
NO_MINIMISER = 1e-6
# Of each run's trace in the JSON: at most so many points, evenly spread.
MOST_POINTS = 400


@dataclass(frozen=True, eq=False)
class ConvergenceRecord:
    """Runs of solvers on a table, and what the table is like to descend.

    Parameters
    ----------
    comparison : Comparison
    as_raw, as_scaled : Conditioning
        With columns as they are, and at mean 0 and standard deviation 1.
    steps_raw, steps_scaled : int or None
        Steps that gradient descent would take with either, as predicted.
    scale : bool                   whether the runs are on scaled columns
    task : TableTask
    names : tuple of str           of the columns
    n_rows : int
    alpha, tol : float
    file_name : str
    end_gradient : float           relative gradient at what counts as the minimiser
    is_separated : bool            whether F falls along some direction for ever
    warnings : tuple of Said
    seconds : float
    """

    comparison: Comparison
    as_raw: Conditioning
    as_scaled: Conditioning
    steps_raw: int | None
    steps_scaled: int | None
    scale: bool
    task: TableTask
    names: tuple[str, ...]
    n_rows: int
    alpha: float
    tol: float
    file_name: str
    end_gradient: float
    is_separated: bool
    warnings: tuple[Said, ...]
    seconds: float

    @property
    def has_minimiser(self) -> bool:
        """Whether there is a minimiser to hold the runs against, and Newton's method found it."""
        return self.end_gradient <= NO_MINIMISER and not self.is_separated

    @property
    def why_no_minimiser(self) -> str:
        """What to say where there is none."""
        if self.is_separated:
            return (
                "F has no minimiser: some combination of columns tells the classes apart without "
                "error, and F falls along it for ever. Gaps are against the lowest point found, "
                "and rates mean little. Add a penalty (`--alpha`)."
            )
        return (
            "Newton's method found no minimiser (its relative gradient is "
            f"{self.end_gradient:.1e}): gaps are against the lowest point found. Add a penalty "
            "(`--alpha`)."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; a number that is none, or infinite, is null."""
        comparison = self.comparison
        return {
            "format": FORMAT_VERSION,
            "derivata": derivata.__version__,
            "file": self.file_name,
            "target": self.task.target,
            "family": self.task.family,
            "reason": self.task.reason,
            "n_rows": self.n_rows,
            "columns": list(self.names),
            "scaled": self.scale,
            "alpha": self.alpha,
            "tol": self.tol,
            "seconds": round(self.seconds, 4),
            "minimiser": {
                "value": _plain(comparison.best),
                "relative_gradient": _plain(self.end_gradient),
                "gap_at_start": _plain(comparison.start_gap),
            },
            "conditioning": {
                "raw": _conditioning(self.as_raw, self.steps_raw),
                "scaled": _conditioning(self.as_scaled, self.steps_scaled),
            },
            "runs": [_run(run) for run in comparison.runs],
            "warnings": [{"code": said.code, "message": said.message} for said in self.warnings],
        }

    def to_json(self) -> str:
        """`to_dict` as text, ASCII alone."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def _conditioning(found: Conditioning, steps: int | None) -> dict[str, Any]:
    return {
        "L": _plain(found.largest),
        "mu": _plain(found.smallest),
        "kappa": _plain(found.condition),
        "flat_directions": found.spectrum.n_flat,
        "gradient_descent_steps": steps,
    }


def _run(run: SolverRun) -> dict[str, Any]:
    told, trace = run.convergence.prediction, run.trace
    every = max(1, math.ceil(len(trace.evaluations) / MOST_POINTS))
    return {
        "solver": run.name,
        "step": _plain(told.step),
        "largest_step": _plain(told.largest_step),
        "steps": {
            "taken": run.fit.n_iter,
            "predicted": told.iterations,
            "predicted_from_kappa": told.from_kappa,
        },
        "rate": {
            "observed": _plain(run.convergence.observed_rate),
            "predicted": _plain(told.rate),
            "guaranteed": _plain(told.guaranteed),
        },
        "basis": told.basis,
        "gradients": trace.n_evaluations,
        "hessians": trace.n_hessians,
        "seconds": round(run.seconds, 6),
        "gap": _plain(run.convergence.gap),
        "ended": ended(run.fit),
        "reason": run.convergence.reason,
        "cures": list(run.convergence.cures),
        "trace": {
            "gradients": [_plain(v) for v in trace.evaluations[::every]],
            "seconds": [_plain(round(float(v), 6)) for v in trace.seconds[::every]],
            "gap": [_plain(v) for v in run.gaps[::every]],
        },
    }


def _plain(value: Any) -> float | None:
    if value is None or not math.isfinite(float(value)):
        return None
    return float(value)
