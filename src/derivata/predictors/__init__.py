"""How outputs move with parameters; never sees losses."""

from derivata.predictors.linear import LinearPredictor

__all__ = ["LinearPredictor"]
