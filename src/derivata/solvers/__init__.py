"""Ways to minimise an objective over its parameters."""

from derivata.solvers.constrained import ConstrainedFit, ConstrainedNewton
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.solvers.proximal import ProximalNewton
from derivata.solvers.result import FitResult
from derivata.solvers.two_phase import TwoPhase

__all__ = [
    "LBFGS",
    "ConstrainedFit",
    "ConstrainedNewton",
    "FitResult",
    "Newton",
    "ProximalNewton",
    "TwoPhase",
]
