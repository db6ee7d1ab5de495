"""Models with scikit-learn's face; the only floor that knows scikit-learn."""

from derivata.estimators.linear import LinearRegressor, LogisticClassifier, PoissonRegressor

__all__ = ["LinearRegressor", "LogisticClassifier", "PoissonRegressor"]
