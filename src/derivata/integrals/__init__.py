"""Integrals along paths of inputs and over what is not known."""

from derivata.integrals.gauss_legendre import GaussLegendre
from derivata.integrals.kinks import BetweenKinks
from derivata.integrals.shapes import (
    AdditiveOutputs,
    LinearOutputs,
    NetworkOutputs,
    SmoothOutputs,
)

__all__ = [
    "AdditiveOutputs",
    "BetweenKinks",
    "GaussLegendre",
    "LinearOutputs",
    "NetworkOutputs",
    "SmoothOutputs",
]
