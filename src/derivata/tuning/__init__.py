"""Hyperparameters by descent on a criterion, with its exact derivative."""

from derivata.tuning.result import OuterScore, Solver, TuneResult, TuneStep
from derivata.tuning.scale import first_hyper, loss_unit, mean_curvature
from derivata.tuning.search import tune

__all__ = [
    "OuterScore",
    "Solver",
    "TuneResult",
    "TuneStep",
    "first_hyper",
    "loss_unit",
    "mean_curvature",
    "tune",
]
