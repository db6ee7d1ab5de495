"""All that are compared: our two configurations and the peers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from additive import mgcv, ours, peers
from additive.data import TABLES, Task

# fremtpl2 has 678,013 rows: it is for the peers that are made for such tables.
MIDDLING = tuple(name for name in TABLES if name != "fremtpl2")


@dataclass(frozen=True)
class Side:
    """One that is compared, what it needs, and on which tables it is worth waiting for."""

    name: str
    fit_predict: Callable[[Task], Any]
    packages: tuple[str, ...] = ()  # as they are named on the package index
    present: Callable[[], bool] | None = None
    measures_itself: bool = False
    two_splits_from: float = float("inf")  # on tables of this many rows or more
    tables: tuple[str, ...] = MIDDLING

    def missing(self) -> str:
        """Why it cannot run here; empty where it can."""
        if self.present is not None and not self.present():
            return "not present"
        for name in self.packages:
            try:
                version(name)
            except PackageNotFoundError:
                return f"not present: {name}"
        return ""

    def splits(self, n_rows: int, most: int) -> int:
        return min(most, 2) if n_rows >= self.two_splits_from else most


EVERY = tuple(TABLES)
OURS = (
    Side("main effects", ours.main_effects, ("derivata",), ours.present, tables=EVERY),
    Side("default", ours.default, ("derivata",), ours.present),
)
# In the order in which they are run: the quick ones first.
PEERS = (
    Side("bam", mgcv.bam, (), mgcv.present, True, 100_000, EVERY),
    Side("gam", mgcv.gam, (), mgcv.present, True, 10_000),
    Side("HistGB", peers.hist_gradient_boosting),
    Side("LightGBM+Optuna", peers.lightgbm_optuna, ("lightgbm", "optuna")),
    Side("EBM", peers.explainable_boosting, ("interpret-core",), two_splits_from=10_000),
    Side("pyGAM", peers.pygam_gridsearch, ("pygam",), two_splits_from=10_000),
    Side("glum CV", peers.glum_cv, ("glum",), two_splits_from=100_000, tables=("fremtpl2",)),
)
SIDES = {side.name: side for side in (*OURS, *PEERS)}
