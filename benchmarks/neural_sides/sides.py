"""All that are compared on held-out rows: ours and the peers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from neural_sides import ours, peers
from neural_sides.data import Task


@dataclass(frozen=True)
class Side:
    """One that is compared and the packages that it needs, as the package index names them."""

    name: str
    fit_predict: Callable[[Task], np.ndarray]
    packages: tuple[str, ...] = ()
    classes_only: bool = False
    compiles: bool = False  # then a first fit of the table itself is not counted

    def missing(self) -> str:
        """Why it cannot run here; empty where it can."""
        for name in self.packages:
            try:
                version(name)
            except PackageNotFoundError:
                return f"not present: {name}"
        return ""


# In the order in which they are run: the quick ones first.
PEERS = (
    Side("scikit-learn", peers.scikit_learn),
    Side("scikit-learn raw", peers.scikit_learn_raw),
    Side("RealMLP", peers.real_mlp, ("pytabkit", "torch")),
    Side("RealMLP log-loss", peers.real_mlp_for_log_loss, ("pytabkit", "torch"), True),
    Side("Optuna", ours.optuna_search, ("optuna", "jax"), compiles=True),
)
OURS = (
    Side("default", ours.default, ("jax",), compiles=True),
    Side("evidence", ours.tuned_by_evidence, ("jax",), compiles=True),
)
SIDES = {side.name: side for side in (*OURS, *PEERS)}
