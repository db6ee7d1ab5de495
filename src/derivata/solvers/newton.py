"""Damped Newton: the direction is -H^-1 gradient.

H is the Gauss-Newton Hessian, exact for a linear predictor. Near the solution the error squares
at each step; far from it, step halving keeps F decreasing.

Maths: docs/math/solvers.md
"""

from __future__ import annotations

from dataclasses import dataclass

from derivata.contracts import Array
from derivata.curvature.inverse import invert
from derivata.objective import Expansion, Objective
from derivata.solvers.result import FitResult, descend


@dataclass(frozen=True)
class Newton:
    """Damped Newton's method.

    Parameters
    ----------
    tol : float
        Stop when the relative gradient (``Expansion.relative_gradient``) is at most this.
    max_iter : int
        Largest number of steps; 5 to 10 are usual.
    precision : float
        And when the minimiser is at most this many posterior standard deviations away.

    Notes
    -----
    A step costs one Gram product (n p^2) and one factorisation (p^3 / 3), or the dual of both.
    """

    tol: float = 1e-8
    max_iter: int = 100
    precision: float = 1e-4

    def minimize(self, objective: Objective, params: Array, hyper: Array) -> FitResult:
        """Minimise F(., hyper) from ``params``."""
        start = objective.at(params, hyper)
        return descend(start, newton_direction, self.tol, self.max_iter, self.precision)


def newton_direction(expansion: Expansion) -> Array:
    """-H^-1 gradient, (p,)."""
    return -invert(expansion).solve(expansion.gradient)
