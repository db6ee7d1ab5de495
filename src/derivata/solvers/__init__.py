"""Ways to minimise an objective over its parameters."""

from derivata.solvers.constrained import ConstrainedFit, ConstrainedNewton
from derivata.solvers.first_order import (
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    Backtracking,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
)
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.minimize import minimize
from derivata.solvers.newton import Newton
from derivata.solvers.optax_adapter import from_optax
from derivata.solvers.proximal import ProximalNewton
from derivata.solvers.result import FitResult
from derivata.solvers.schedules import Constant, Cosine, InverseSqrt, InverseTime, WarmUp
from derivata.solvers.two_phase import TwoPhase

__all__ = [
    "LBFGS",
    "AMSGrad",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Backtracking",
    "Constant",
    "ConstrainedFit",
    "ConstrainedNewton",
    "Cosine",
    "FitResult",
    "GradientDescent",
    "InverseSqrt",
    "InverseTime",
    "Momentum",
    "Nesterov",
    "Newton",
    "ProximalNewton",
    "RMSProp",
    "TwoPhase",
    "WarmUp",
    "from_optax",
    "minimize",
]
