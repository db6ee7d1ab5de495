"""What an estimator asks of a way to fit networks: `Method`, and the plainest one, `OneNetwork`.

    method.fit(problem) -> Fitted       members whose predictions are averaged

A `NetworkProblem` is everything a fit is a function of: the same problem gives the same bits. An
ensemble, or a search for weight decays, is another method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from derivata.contracts import Array
from derivata.neural.history import History
from derivata.neural.losses import NetworkLoss
from derivata.neural.network import Network, Params
from derivata.neural.rows import Rows, held_apart
from derivata.neural.seeds import HOLD_OUT, generator
from derivata.neural.settings import Training


@dataclass(frozen=True, eq=False)
class NetworkProblem:
    """A network, the rows to fit it to, and how.

    Parameters
    ----------
    network : Network
    loss : NetworkLoss
    rows : Rows                    all of them, weights of mean 1
    settings : Training
    seed : int
    held_out_share : float
        Share of rows that choose the best epoch; 0: none.
    labels : array (n_rows,) or None
        Class codes, for divisions that spread each class.
    constant : array (n_outputs,) or None
        Outputs where nothing is known.
    watch : callable or None       see `train`
    checkpoint : Checkpoint or None
    """

    network: Network
    loss: NetworkLoss
    rows: Rows
    settings: Training
    seed: int = 0
    held_out_share: float = 0.0
    labels: Array | None = None
    constant: Array | None = None
    watch: Callable[[History], None] | None = None
    checkpoint: Any = None

    def divided(self) -> tuple[Rows, Rows | None]:
        """Rows to train on, and held-out ones; the same for the same seed."""
        if not self.held_out_share:
            return self.rows, None
        rng = generator(self.seed, HOLD_OUT)
        training, held_out = held_apart(self.rows.n_rows, self.held_out_share, rng, self.labels)
        return self.rows.take(training), self.rows.take(held_out)


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a method gives.

    Parameters
    ----------
    members : tuple of trees       parameters of each network, float32
    history : History              of the first
    settings : Training            what they were trained with
    divergence : Divergence or None
    notes : tuple of str           what was tried, kept and dropped, a sentence each
    """

    members: tuple[Params, ...]
    history: History
    settings: Training
    divergence: Any = None
    notes: tuple[str, ...] = field(default=())


class Method(Protocol):
    """A way to fit networks to a problem."""

    def fit(self, problem: NetworkProblem) -> Fitted:
        """The fitted networks; a pure function of the problem."""
        ...


@dataclass(frozen=True)
class OneNetwork:
    """One network, trained once, with the weights of its best epoch on held-out rows."""

    def fit(self, problem: NetworkProblem) -> Fitted:
        """One member."""
        from derivata.neural.training import train  # here: JAX is needed to fit only

        rows, held_out = problem.divided()
        trained = train(
            problem.network,
            problem.loss,
            rows,
            problem.settings,
            seed=problem.seed,
            held_out=held_out,
            constant=problem.constant,
            watch=problem.watch,
            checkpoint=problem.checkpoint,
        )
        return Fitted((trained.params,), trained.history, problem.settings, trained.divergence)
