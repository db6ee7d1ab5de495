"""Which inputs matter: a decay for each input column, by the evidence: `ColumnEvidence`.

    prior on the first layer's weights from input c:  alpha_1 / s_c^2,   mean s_c^2 = 1

is the prior alpha_1 on the weights of a network that reads s_c x_c: automatic relevance
determination as a scaling of the inputs. Phase by phase the network is trained on x s with the
decays it has, effective parameters are counted (`kronecker_effective`), and layers' and columns'
log decays make a guarded step to MacKay's fixed point alpha = gamma / |w|^2; weights are carried
over so that no output changes. Inputs that explain nothing fade, those that matter are amplified:
of 500 columns of madelon some 15 are left, and the log-loss falls from .67, near chance, to .4.

With few columns that all matter it changes little and may harm, which is what the comparison on
held-out rows (`HeldOutChoice`) is for. Kronecker factors on purpose, see their module.

Sources: MacKay (1992), Neural Computation 4, 415-447 (evidence); Neal (1996), Bayesian Learning for
Neural Networks, section 4.3 (relevance of inputs).

Maths: docs/math/network_tuning.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from derivata.contracts import Array
from derivata.neural.evidence import NetworkEvidence, summed_loss
from derivata.neural.evidence_decays import (
    LARGEST_ALPHA,
    SAMPLES,
    SMALLEST_ALPHA,
    guarded_move,
    require_search,
    train_on,
)
from derivata.neural.evidence_kronecker import kronecker_effective
from derivata.neural.method import NetworkProblem
from derivata.neural.network import Params
from derivata.neural.proposal import Proposal, all_rows, carried_back, with_factors
from derivata.neural.seeds import generator


@dataclass(frozen=True)
class ColumnEvidence:
    """Propose a factor for each input, and a decay for each layer.

    Parameters
    ----------
    start : float
        First decay of every layer.
    n_phases, n_steps : int
        How often decays move, and steps of training between.
    guard : float
        Pull of the layers' log decays to their mean, in nats.
    column_guard : float
        Pull of the columns' log decays to their mean, in nats.
    limit : float
        Longest move of a log decay.
    most_rows : int
        Rows that effective parameters are counted on; of more, a sample.
    fewest_columns : int
        With fewer inputs nothing is proposed: all of them are known to the network soon enough.

    Raises
    ------
    InvalidParameter
        If a number is not positive.
    """

    start: float = 30.0
    n_phases: int = 16
    n_steps: int = 200
    guard: float = 1.0
    column_guard: float = 0.0
    limit: float = 1.0
    most_rows: int = 4096
    fewest_columns: int = 40
    name = "inputs by evidence"

    def __post_init__(self) -> None:
        require_search(self)

    def propose(self, problem: NetworkProblem) -> Proposal:
        """The factors and decays at the end of the way."""
        n_numbers = problem.network.n_numbers
        if n_numbers < self.fewest_columns or problem.network.scaled:
            return Proposal(
                None, f"only tried from {self.fewest_columns} inputs on, here {n_numbers}"
            )
        found = self.search(problem)
        if found is None:
            return Proposal(None, "training did not end in finite weights")
        alpha, factors = found
        left = np.sum(factors**2) ** 2 / np.sum(factors**4)
        return Proposal(
            all_rows(problem.settings, alpha),
            f"about {left:.0f} of {n_numbers} inputs matter",
            held_out_share=0.0,
            factors=factors,
        )

    def search(self, problem: NetworkProblem) -> tuple[Array, Array] | None:
        """Decays (n_layers,) and factors (n_numbers,); None if training fails."""
        network = problem.network
        theta = np.full(len(network.sizes), np.log(self.start))
        relevance = np.zeros(network.n_numbers)
        params: Params | None = None
        for phase in range(self.n_phases):
            alpha, factors = np.exp(theta), _factors(relevance)
            scaled = replace(problem, rows=with_factors(problem.rows, factors))
            n_steps = self.n_steps * (2 if phase == 0 else 1)
            trained = train_on(scaled, alpha, params, n_steps, phase)
            if trained.divergence is not None:
                return None
            evidence = self._counted(scaled, trained.params, alpha, phase)
            theta = theta + guarded_move(evidence, alpha, theta, self.guard, self.limit)
            theta = np.clip(theta, np.log(SMALLEST_ALPHA), np.log(LARGEST_ALPHA))
            relevance = relevance + self._column_move(evidence, trained.params, alpha, relevance)
            relevance -= relevance.mean()
            moved = factors / _factors(relevance)
            params = carried_back(network, trained.params, moved)
        return np.exp(theta), _factors(relevance)

    def _counted(
        self, problem: NetworkProblem, params: Params, alpha: Array, phase: int
    ) -> NetworkEvidence:
        rows, rng = problem.rows, generator(problem.seed, SAMPLES, phase)
        squares = np.array(
            [float((np.asarray(one["weight"], float) ** 2).sum()) for one in params["layers"]]
        )
        phi = 1.0
        if problem.loss.classic.scale_is_free:
            minimum = summed_loss(problem.network, problem.loss, params, rows)
            minimum += 0.5 * float(alpha @ squares)
            phi = 2.0 * minimum / float(rows.weight.sum())
        strength = alpha
        if rows.n_rows > self.most_rows:
            sampled = np.sort(rng.choice(rows.n_rows, self.most_rows, replace=False))
            # The decay is divided where the curvature should be multiplied.
            strength = alpha * (self.most_rows / rows.n_rows)
            rows = rows.take(sampled)
        counted = kronecker_effective(problem.network, problem.loss, params, rows, strength)
        return NetworkEvidence(
            value=np.nan,
            by_log_alpha=0.5 * (alpha * squares / phi - counted.layers),
            effective=counted.layers,
            squares=squares,
            phi=phi,
            column_effective=counted.columns[: problem.network.n_numbers],
        )

    def _column_move(
        self, evidence: NetworkEvidence, params: Params, alpha: Array, relevance: Array
    ) -> Array:
        """A Newton step of the columns' log decays."""
        weight = np.asarray(params["layers"][0]["weight"], float)[: len(relevance)]
        fitted = alpha[0] * (weight**2).sum(axis=1) / evidence.phi
        counted = evidence.column_effective
        slope = 0.5 * (fitted - counted) + self.column_guard * relevance
        curvature = 0.5 * np.maximum(np.maximum(fitted, counted), 1e-6) + self.column_guard
        return np.clip(-slope / curvature, -self.limit, self.limit)


def _factors(relevance: Array) -> Array:
    """s_c of mean square 1 from the log decays of columns."""
    factors = np.exp(-0.5 * (relevance - relevance.min()))
    return factors / np.sqrt(np.mean(factors**2))
