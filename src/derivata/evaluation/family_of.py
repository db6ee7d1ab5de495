"""The family of targets that a loss belongs to: its noise, its intervals.

Families learn shapes and choose losses; a fitted model has its loss, so the way back is a table.
"""

from __future__ import annotations

from collections.abc import Callable

from derivata.adapters.fitted import FittedModel
from derivata.contracts import Loss
from derivata.estimators.families import (
    Family,
    GammaFamily,
    HuberFamily,
    LogisticFamily,
    NegativeBinomialFamily,
    PoissonFamily,
    QuantileFamily,
    SoftmaxFamily,
    SquaredFamily,
    TweedieFamily,
)
from derivata.losses import (
    GammaLoss,
    HuberLoss,
    LogisticLoss,
    NegativeBinomialLoss,
    PoissonLoss,
    QuantileLoss,
    SoftmaxLoss,
    SquaredLoss,
    TweedieLoss,
)

_FAMILIES: dict[type, Callable[..., Family]] = {
    SquaredLoss: lambda loss: SquaredFamily(),
    HuberLoss: lambda loss: HuberFamily(loss.delta),
    LogisticLoss: lambda loss: LogisticFamily(),
    SoftmaxLoss: lambda loss: SoftmaxFamily(loss.n_classes),
    PoissonLoss: lambda loss: PoissonFamily(),
    NegativeBinomialLoss: lambda loss: NegativeBinomialFamily(loss.theta),
    GammaLoss: lambda loss: GammaFamily(),
    TweedieLoss: lambda loss: TweedieFamily(loss.power),
    QuantileLoss: lambda loss: QuantileFamily(loss.level, loss.width),
}


def family_of(loss: Loss) -> Family | None:
    """The family of a loss; None for a loss of one's own."""
    make = _FAMILIES.get(type(loss))
    return None if make is None else make(loss)


def known_scale(fitted: FittedModel) -> float | None:
    """phi where the evidence takes it as known, None where it is free and integrated.

    Huber's corner was chosen with the scale of its noise, and a free one would be ruled by the very
    rows that the loss was chosen for. Others are only estimated at a fit. Tuning takes the same.
    """
    family = family_of(fitted.objective.loss)
    if family is None:
        return fitted.dispersion
    return family.known_dispersion
