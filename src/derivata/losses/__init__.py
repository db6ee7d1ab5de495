"""What one row costs, as a function of its outputs; never sees parameters."""

from derivata.losses.amounts import GammaLoss, TweedieLoss
from derivata.losses.classification import LogisticLoss, SoftmaxLoss
from derivata.losses.counts import NegativeBinomialLoss, PoissonLoss
from derivata.losses.quantile import QuantileLoss
from derivata.losses.regression import HuberLoss, SquaredLoss

__all__ = [
    "GammaLoss",
    "HuberLoss",
    "LogisticLoss",
    "NegativeBinomialLoss",
    "PoissonLoss",
    "QuantileLoss",
    "SoftmaxLoss",
    "SquaredLoss",
    "TweedieLoss",
]
