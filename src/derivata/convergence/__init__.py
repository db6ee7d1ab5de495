"""Convergence shown against theory: conditioning, predicted and observed rates, steps, and cures.

Maths: docs/math/convergence.md
"""

from derivata.convergence.account import Convergence, account, convergence_of
from derivata.convergence.conditioning import Conditioning
from derivata.convergence.minimiser import minimiser
from derivata.convergence.modes import QuadraticModel, iterations_from_rate
from derivata.convergence.observed import observed_rate
from derivata.convergence.prediction import Prediction, predict, recurrence_of
from derivata.convergence.rates import HeavyBall, LookAhead, Plain, Recurrence, rate, rates
from derivata.convergence.settled import settled, unstable_step
from derivata.convergence.trace import Trace, watched

__all__ = [
    "Conditioning",
    "Convergence",
    "HeavyBall",
    "LookAhead",
    "Plain",
    "Prediction",
    "QuadraticModel",
    "Recurrence",
    "Trace",
    "account",
    "convergence_of",
    "iterations_from_rate",
    "minimiser",
    "observed_rate",
    "predict",
    "rate",
    "rates",
    "recurrence_of",
    "settled",
    "unstable_step",
    "watched",
]
