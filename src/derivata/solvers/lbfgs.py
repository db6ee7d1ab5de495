"""L-BFGS for many parameters, by SciPy's implementation.

Parameters are scaled by the diagonal of the Hessian at the best constant outputs, which makes the
first steps about right for columns of any size, wherever they start. Cost: one pass over the data a
step, no p x p array. Source: Byrd, Lu, Nocedal & Zhu (1995), SIAM J. Sci. Comput. 16, 1190-1208.

Maths: docs/math/solvers.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from derivata.contracts import Array
from derivata.objective import Expansion, Objective
from derivata.solvers.proximal import has_kink, instead_of
from derivata.solvers.result import FitResult


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS.

    Parameters
    ----------
    tol : float
        Stop when the relative gradient is at most this.
    max_iter : int
        Largest number of steps.
    memory : int
        Pairs of steps and gradient changes kept.
    """

    tol: float = 1e-8
    max_iter: int = 2_000
    memory: int = 20

    def minimize(self, objective: Objective, params: Array, hyper: Array) -> FitResult:
        """Minimise F(., hyper) from ``params``.

        Where the penalty has a kink ``ProximalNewton`` takes over, and the reason says so.
        """
        if has_kink(objective):
            return instead_of(self, objective, params, hyper)
        start = objective.at(params, hyper)
        if start.relative_gradient <= self.tol:
            return self._result(start, [start.value], [start.relative_gradient])
        root = _scale(start)
        visited = [start]
        values, gradients = [start.value], [start.relative_gradient]

        def value_and_gradient(scaled: Array) -> tuple[float, Array]:
            expansion = objective.at(scaled * root, hyper)
            visited[0] = expansion
            return expansion.value, expansion.gradient * root

        def record(scaled: Array) -> None:
            expansion = visited[0]
            if not np.array_equal(expansion.params, scaled * root):
                expansion = objective.at(scaled * root, hyper)
            visited[0] = expansion
            values.append(expansion.value)
            gradients.append(expansion.relative_gradient)
            if expansion.relative_gradient <= self.tol:
                raise StopIteration

        outcome = minimize(
            value_and_gradient,
            params / root,
            jac=True,
            method="L-BFGS-B",
            callback=record,
            options={
                "maxiter": self.max_iter,
                "maxfun": 3 * self.max_iter,
                "maxcor": self.memory,
                "ftol": 0.0,
                "gtol": 0.0,
            },
        )
        return self._result(objective.at(outcome.x * root, hyper), values, gradients)

    def _result(self, end: Expansion, values: list[float], gradients: list[float]) -> FitResult:
        converged = end.relative_gradient <= self.tol
        n_iter = len(values) - 1
        verb = "is at most" if converged else f"after {n_iter} steps, above"
        reason = f"relative gradient {end.relative_gradient:.1e} {verb} tol {self.tol:.0e}"
        if not converged and n_iter < self.max_iter and end.relative_gradient <= 1e-6:
            # The line search ends at the rounding of F, before a strict gradient tolerance is met.
            converged, reason = True, f"no step lowers the objective further; {reason}"
        return FitResult(end, converged, n_iter, reason, tuple(values), tuple(gradients))


def _scale(start: Expansion) -> Array:
    """What each parameter is measured in: one over the root of a typical second derivative."""
    objective = start.objective
    curvature = np.einsum("n,naa->", objective.weight, objective.null_rows.hessian)
    # A curvature of zero (Huber's tails) says nothing about scale, and 1 does no harm.
    typical = float(curvature) / (objective.weight.sum() * objective.predictor.n_outputs)
    if typical <= 0.0:  # nor has that of a loss that is not convex there
        typical = 1.0
    diagonal = typical * objective.predictor.column_squares(objective.weight)
    return 1.0 / np.sqrt(np.maximum(diagonal + start.penalty_diagonal, np.finfo(float).tiny))
