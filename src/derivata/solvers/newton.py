"""Damped Newton: the direction is -H^-1 gradient.

H is the exact Hessian; beyond some parameters of a predictor that is not linear, Gauss-Newton's.
Where H is indefinite its curvatures are taken upwards (``curvature.exact``). Near the solution the
error squares at each step; far from it, step halving keeps F decreasing.

Maths: docs/math/solvers.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from derivata.contracts import Array
from derivata.curvature.exact import newton_step, past_saddle
from derivata.objective import Expansion, Objective
from derivata.solvers.proximal import has_kink, instead_of
from derivata.solvers.result import FitResult, descend

# Saddles left behind in one fit, at most.
SADDLES = 5


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
        """Minimise F(., hyper) from ``params``.

        A descent that ends at a saddle goes on from a lower point beside it. Where the penalty has
        a kink ``ProximalNewton`` takes over, and the reason says so.
        """
        if has_kink(objective):
            return instead_of(self, objective, params, hyper)
        fit = self._descend(objective.at(params, hyper))
        for _ in range(SADDLES):
            left = self.max_iter - fit.n_iter
            lower = past_saddle(fit.expansion) if fit.converged and left > 0 else None
            if lower is None:
                break
            fit = _continued(fit, replace(self, max_iter=left - 1)._descend(lower))
        return fit

    def _descend(self, start: Expansion) -> FitResult:
        return descend(start, newton_direction, self.tol, self.max_iter, self.precision)


def _continued(before: FitResult, after: FitResult) -> FitResult:
    """Two descents as one, with the step between them counted."""
    return replace(
        after,
        n_iter=before.n_iter + 1 + after.n_iter,
        values=before.values + after.values,
        gradients=before.gradients + after.gradients,
        n_gradients=before.n_gradients + after.n_gradients,
    )


def newton_direction(expansion: Expansion) -> Array:
    """-H^-1 gradient, (p,)."""
    return newton_step(expansion)
