"""Ways to minimise an objective over its parameters."""

from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.solvers.result import FitResult

__all__ = ["LBFGS", "FitResult", "Newton"]
