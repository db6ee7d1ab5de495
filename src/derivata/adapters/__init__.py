"""Fitted models of this package and of scikit-learn, as one kind of value."""

from derivata.adapters.adapt import adapt
from derivata.adapters.fitted import Coefficients, FittedModel
from derivata.adapters.responses import Response

__all__ = ["Coefficients", "FittedModel", "Response", "adapt"]
