"""Solvers, rates and numbers of steps as people say them."""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.convergence.prediction import Prediction
from derivata.plain_text import number

NAMES = {
    "GradientDescent": "gradient descent",
    "Momentum": "momentum",
    "LBFGS": "L-BFGS",
    "ProximalNewton": "proximal Newton",
    "TwoPhase": "L-BFGS, then Newton",
}


def name_of(solver: Any) -> str:
    """The solver's name as people say it."""
    kind = type(solver).__name__
    return NAMES.get(kind, kind)


def told_rate(told: Prediction) -> str:
    """The predicted rate, or its order where it is no number."""
    return told.order if told.rate is None and told.order else rate_words(told.rate)


def rate_words(rate: float | None) -> str:
    """A rate with as many digits as tell it from 1."""
    if rate is None:
        return "none"
    if not 0.0 < rate < 1.0:
        return f"{rate:.4g}"
    digits = max(3, int(np.ceil(-np.log10(1.0 - rate))) + 2) if rate > 0.9 else 3
    return f"{rate:.{min(digits, 12)}f}"


def count_words(count: int | None) -> str:
    """A number of steps; "none" if there is none."""
    return "none" if count is None else f"{count:,}" if count < 1e7 else number(float(count), 2)


def step_words(count: int | None) -> str:
    """A number of steps with its noun."""
    return f"{count_words(count)} {'step' if count == 1 else 'steps'}"
