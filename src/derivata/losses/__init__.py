"""What one row costs, as a function of its outputs; never sees parameters."""

from derivata.losses.classification import LogisticLoss, SoftmaxLoss
from derivata.losses.counts import GammaLoss, PoissonLoss
from derivata.losses.regression import HuberLoss, SquaredLoss

__all__ = ["GammaLoss", "HuberLoss", "LogisticLoss", "PoissonLoss", "SoftmaxLoss", "SquaredLoss"]
