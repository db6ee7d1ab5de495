"""The step size by a range test: a short training at growing steps.

    step_t = smallest (largest / smallest)^(t / (T - 1)),   t = 0 ... T - 1
    smoothed loss L_t;   the step proposed is a share of the one at which L_t is least

Training is unstable from some step on, and best a little below it. The loss of each few batches is
taken as it is met, before the step that they cause; it is smoothed over its neighbours in the log
of the step. Costs ``n_points`` times ``n_batches`` steps.

Source: Smith (2017), WACV, section 3.3.

Maths: docs/math/network_tuning.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from derivata.contracts import Array
from derivata.neural.evidence_decays import largest_step
from derivata.neural.method import NetworkProblem
from derivata.neural.proposal import Proposal, TuningInterrupted
from derivata.neural.seeds import generator
from derivata.solvers.schedules import require_number

RANGE_ROWS = 12


@dataclass(frozen=True)
class Growing:
    """Schedule: steps from ``first`` to ``last``, growing by the same factor, in ``n_steps``."""

    first: float
    last: float
    n_steps: int

    def __call__(self, count: int | Array) -> Array:
        """The step size after ``count`` steps."""
        share = np.minimum(count, self.n_steps - 1) / max(self.n_steps - 1, 1)
        return np.exp(np.log(self.first) + share * np.log(self.last / self.first))


@dataclass(frozen=True)
class RangeTest:
    """Propose a step size from a sweep.

    Parameters
    ----------
    smallest, largest : float
        Ends of the sweep.
    n_points : int
        Losses taken on the way.
    n_batches : int
        Batches a point.
    share : float
        Proposed step as a share of the one of least smoothed loss.

    Raises
    ------
    InvalidParameter
        If a number is not positive, or the ends are not in order.
    """

    smallest: float = 1e-5
    largest: float = 1.0
    n_points: int = 40
    n_batches: int = 6
    share: float = 0.1
    name = "step by a range test"

    def __post_init__(self) -> None:
        for name in ("smallest", "n_points", "n_batches", "share"):
            require_number(name, getattr(self, name), above=0.0)
        require_number("largest", self.largest, above=self.smallest)

    def propose(self, problem: NetworkProblem) -> Proposal:
        """The same problem with another step, its schedule of falling kept."""
        steps, losses = self.sweep(problem)
        if len(steps) < 5:
            return Proposal(None, "the sweep diverged at its smallest steps")
        step = self.share * chosen_step(steps, losses)
        old = largest_step(problem.settings)
        if callable(problem.settings.solver.step):
            return Proposal(None, f"a schedule was given; the range test would take {step:.2g}")
        settings = problem.settings.with_step(step)
        return Proposal(settings, f"step {step:.2g} in place of {old:.2g}")

    def sweep(self, problem: NetworkProblem) -> tuple[Array, Array]:
        """Step sizes and the losses met at them, until the loss is no number."""
        from derivata.neural.training import train

        settings, rows = problem.settings, problem.rows
        batch_size = min(settings.batch_size, rows.n_rows)
        n_rows = self.n_batches * batch_size
        if rows.n_rows > n_rows:
            rng = generator(problem.seed, RANGE_ROWS)
            rows = rows.take(np.sort(rng.choice(rows.n_rows, n_rows, replace=False)))
        n_batches = -(-rows.n_rows // batch_size)
        growing = Growing(self.smallest, self.largest, self.n_points * n_batches)
        settings = replace(settings, n_epochs=self.n_points, patience=None)
        trained = train(
            problem.network,
            problem.loss,
            rows,
            settings.with_step(growing),
            seed=problem.seed,
            constant=problem.constant,
        )
        if trained.history.reason == "interrupted":
            raise TuningInterrupted
        losses = trained.history.loss
        steps = growing(n_batches * np.arange(len(losses)))
        sound = np.isfinite(losses)
        return steps[sound], losses[sound]


def chosen_step(steps: Array, losses: Array) -> float:
    """The step of least loss, smoothed over five neighbours."""
    kernel = np.array([1.0, 2.0, 3.0, 2.0, 1.0])
    padded = np.pad(losses, 2, mode="edge")
    smoothed = np.convolve(padded, kernel / kernel.sum(), mode="valid")
    return float(steps[int(smoothed.argmin())])
