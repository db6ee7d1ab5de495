"""Weight decays of each layer by the evidence: `LayerEvidence`.

    theta_l = log alpha_l,    criterion  E(theta) + guard / 2 sum_l (theta_l - mean)^2
    step: theta - (diag h + guard (I - 1/L))^-1 (dE / dtheta + guard (theta - mean))
    h_l = 1/2 max(gamma_l, alpha_l |W_l|^2 / phi)

The network is trained for some hundred steps at strong decays, the evidence (`network_evidence`) is
taken there, the decays move by a guarded Newton step of at most ``limit``, training goes on from
the weights it has, and so on; the decays of the least criterion are kept. MacKay's fixed point is
where the derivative vanishes; h is its curvature with the other terms held.

Why it starts at strong decays: from weak ones the weights fit every row, and around such weights
the evidence has another, worse optimum. Why the guard: ReLU layers can pass a factor to each other
without changing any output, so the data say little about single decays and noise drives them apart;
the sum of their logs is well determined. Both are measured in docs/math/network_tuning.md.

Cost: about as much as a default fit of few rows, plus (rows)^3 / 2 a phase.

Maths: docs/math/network_tuning.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.neural.evidence import NetworkEvidence, network_evidence
from derivata.neural.method import NetworkProblem
from derivata.neural.network import Params
from derivata.neural.proposal import Proposal, TuningInterrupted, all_rows
from derivata.neural.seeds import generator
from derivata.neural.settings import Training
from derivata.solvers.schedules import Constant, require_number

# What the seed of a fit is for, beside those of `derivata.neural.seeds`.
SAMPLES, SEED_STRIDE = 11, 1_000_003
SMALLEST_ALPHA, LARGEST_ALPHA = 1e-4, 1e6


@dataclass(frozen=True)
class LayerEvidence:
    """Propose a decay for each layer's weights, all rows, and no early stopping.

    Parameters
    ----------
    start : float
        The first decay of every layer: stronger than any that is expected to be best.
    n_phases : int
        How often the decays move.
    n_steps : int
        Steps of training between moves, about: whole epochs.
    guard : float
        Pull of the log decays to their mean, in nats; 0: none, each layer by itself.
    limit : float
        Longest move of a log decay.
    most_rows : int
        Rows of the evidence's matrix; of more, a sample stands for all.

    Raises
    ------
    InvalidParameter
        If a number is not positive.
    """

    start: float = 30.0
    n_phases: int = 6
    n_steps: int = 400
    guard: float = 50.0
    limit: float = 1.5
    most_rows: int = 1024
    name = "decays by evidence"

    def __post_init__(self) -> None:
        require_search(self)

    def propose(self, problem: NetworkProblem) -> Proposal:
        """The decays of the least guarded evidence on the way."""
        path = self.path(problem)
        if not path:
            return Proposal(None, "training at strong decays did not end in finite weights")
        best = min(path, key=lambda point: point.criterion)
        shown = ", ".join(f"{one:.3g}" for one in best.alpha)
        detail = f"decays {shown} from the input on, {best.evidence.effective.sum():.0f} effective"
        settings = all_rows(problem.settings, best.alpha)
        return Proposal(settings, f"{detail} parameters; all rows", held_out_share=0.0)

    def path(self, problem: NetworkProblem) -> list[Point]:
        """Decays, weights and evidence of every phase, in order."""
        theta = np.full(len(problem.network.sizes), np.log(self.start))
        params: Params | None = None
        path: list[Point] = []
        for phase in range(self.n_phases):
            alpha = np.exp(theta)
            # Twice as long at first: from random weights.
            n_steps = self.n_steps * (2 if phase == 0 else 1)
            trained = train_on(problem, alpha, params, n_steps, phase)
            if trained.divergence is not None:
                break
            params = here = trained.params
            evidence = sampled_evidence(problem, here, alpha, self.most_rows, phase)
            apart = theta - theta.mean()
            criterion = evidence.value + 0.5 * self.guard * float(apart @ apart)
            path.append(Point(alpha, here, evidence, criterion))
            theta = theta + guarded_move(evidence, alpha, theta, self.guard, self.limit)
            theta = np.clip(theta, np.log(SMALLEST_ALPHA), np.log(LARGEST_ALPHA))
        return path


def require_search(tuner: Any) -> None:
    """Raise ``InvalidParameter`` unless the numbers of a search make sense."""
    for name in ("start", "n_phases", "n_steps", "limit", "most_rows"):
        require_number(name, getattr(tuner, name), above=0.0)
    require_number("guard", tuner.guard, least=0.0)


@dataclass(frozen=True, eq=False)
class Point:
    """One phase: decays, the weights trained with them, the evidence there, with its guard."""

    alpha: Array
    params: Params
    evidence: NetworkEvidence
    criterion: float


def guarded_move(
    evidence: NetworkEvidence, alpha: Array, theta: Array, guard: float, limit: float
) -> Array:
    """A Newton step of the log decays, (n_layers,), cut at ``limit``."""
    n_layers = len(theta)
    fitted = alpha * evidence.squares / evidence.phi
    curvature = np.diag(0.5 * np.maximum(np.maximum(fitted, evidence.effective), 1e-6))
    curvature += guard * (np.eye(n_layers) - 1.0 / n_layers)
    slope = evidence.by_log_alpha + guard * (theta - theta.mean())
    return np.clip(-np.linalg.solve(curvature, slope), -limit, limit)


def train_on(
    problem: NetworkProblem, alpha: Array, params: Params | None, n_steps: int, phase: int
) -> Any:
    """Train on all rows for about ``n_steps`` at a constant step: towards a minimum of F."""
    from derivata.neural.training import train

    settings, n_rows = problem.settings, problem.rows.n_rows
    n_batches = -(-n_rows // min(settings.batch_size, n_rows))
    settings = replace(
        settings,
        alpha=tuple(float(one) for one in alpha),
        weight_decay=0.0,
        dropout=0.0,
        label_smoothing=0.0,
        patience=None,
        n_epochs=max(round(n_steps / n_batches), 1),
    ).with_step(Constant(largest_step(settings)))
    trained = train(
        problem.network,
        problem.loss,
        problem.rows,
        settings,
        seed=problem.seed + SEED_STRIDE * phase,
        start=params,
        constant=problem.constant,
    )
    if trained.history.reason == "interrupted":
        raise TuningInterrupted
    return trained


def largest_step(settings: Training) -> float:
    """The largest step size that some settings take."""
    step = settings.solver.step
    return float(settings.steps(1000).max()) if callable(step) else float(step)


def sampled_evidence(
    problem: NetworkProblem, params: Params, alpha: Array, most_rows: int, phase: int
) -> NetworkEvidence:
    """The evidence with one random combination of outputs a row, and rows sampled if need be."""
    rng = generator(problem.seed, SAMPLES, phase)
    n_rows, sampled = problem.rows.n_rows, None
    if n_rows > most_rows:
        sampled = np.sort(rng.choice(n_rows, most_rows, replace=False))
    return network_evidence(
        problem.network,
        problem.loss,
        params,
        problem.rows,
        alpha,
        signs=1,
        sampled=sampled,
        rng=rng,
    )
