"""Models with scikit-learn's face; the only floor that knows scikit-learn."""

from derivata.estimators.linear import LinearRegressor
from derivata.estimators.logistic import LogisticClassifier
from derivata.estimators.poisson import PoissonRegressor

__all__ = ["LinearRegressor", "LogisticClassifier", "PoissonRegressor"]
