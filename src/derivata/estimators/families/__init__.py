"""Families of targets: what their noise is like, and what is learned of it beside the fit."""

from derivata.estimators.families.choice import choose_family
from derivata.estimators.families.classes import LogisticFamily, SoftmaxFamily, class_family
from derivata.estimators.families.gamma import GammaFamily
from derivata.estimators.families.huber import HuberFamily
from derivata.estimators.families.negative_binomial import NegativeBinomialFamily
from derivata.estimators.families.poisson import PoissonFamily, overdispersed
from derivata.estimators.families.protocol import Family
from derivata.estimators.families.quantile import QuantileFamily
from derivata.estimators.families.registry import FAMILIES, family_from_dict, family_named
from derivata.estimators.families.squared import SquaredFamily
from derivata.estimators.families.tweedie import TweedieFamily

__all__ = [
    "FAMILIES",
    "Family",
    "GammaFamily",
    "HuberFamily",
    "LogisticFamily",
    "NegativeBinomialFamily",
    "PoissonFamily",
    "QuantileFamily",
    "SoftmaxFamily",
    "SquaredFamily",
    "TweedieFamily",
    "choose_family",
    "class_family",
    "family_from_dict",
    "family_named",
    "overdispersed",
]
