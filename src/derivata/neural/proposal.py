"""A tuner looks at a problem and proposes another one: other decays, another step, scaled inputs.

    tuner.propose(problem) -> Proposal      `HeldOutChoice` judges it, and makes the last fit

A tuner that finds nothing to propose says why. Proposals follow each other: the next tuner sees the
problem that the one before it proposed, if that was kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from derivata.contracts import Array
from derivata.neural.method import NetworkProblem
from derivata.neural.network import Network, Params
from derivata.neural.rows import Rows
from derivata.neural.settings import Training


@dataclass(frozen=True, eq=False)
class Proposal:
    """What to do otherwise.

    Parameters
    ----------
    settings : Training or None
        None: nothing to propose.
    detail : str
        What was found, in a sentence.
    held_out_share : float or None
        Share of rows that choose the best epoch; None: as it was.
    factors : array (n_numbers,) or None
        What the inputs are multiplied with; weights trained on them are carried back by
        `carried_back`.
    """

    settings: Training | None
    detail: str
    held_out_share: float | None = None
    factors: Array | None = None

    def applied(self, problem: NetworkProblem) -> NetworkProblem:
        """The problem as proposed; itself where nothing is."""
        if self.settings is None:
            return problem
        share = problem.held_out_share if self.held_out_share is None else self.held_out_share
        rows = problem.rows if self.factors is None else with_factors(problem.rows, self.factors)
        return replace(problem, settings=self.settings, held_out_share=share, rows=rows)


class TuningInterrupted(KeyboardInterrupt):
    """Ctrl-C while something was tuned: there is nothing to propose."""


class Tuner(Protocol):
    """A way to tune a network without a search over fits."""

    @property
    def name(self) -> str:
        """As the record shows it."""
        ...

    def propose(self, problem: NetworkProblem) -> Proposal:
        """What to do otherwise; a pure function of the problem."""
        ...


def with_factors(rows: Rows, factors: Array) -> Rows:
    """Rows whose numbers are multiplied with ``factors``, column by column."""
    numbers = (np.asarray(rows.inputs.numbers) * factors).astype(np.float32)
    return rows._replace(inputs=rows.inputs._replace(numbers=numbers))


def carried_back(network: Network, params: Params, factors: Array) -> Params:
    """Parameters that give on plain inputs what ``params`` give on multiplied ones."""
    every = np.ones(network.n_inputs, np.float32)
    every[: network.n_numbers] = factors
    carried: dict[str, Any] = dict(params)
    if network.scaled:
        carried["scale"] = np.asarray(params["scale"]) * every
        return carried
    first, *others = params["layers"]
    first = {**first, "weight": np.asarray(first["weight"]) * every[:, None]}
    carried["layers"] = [first, *others]
    return carried


def all_rows(settings: Training, alpha: Array) -> Training:
    """Settings with decays as priors, so that no rows need choose an epoch."""
    decays = tuple(float(one) for one in alpha)
    return replace(settings, alpha=decays, weight_decay=0.0, patience=None)
