"""L-BFGS to the neighbourhood of a minimum, Newton to the point.

With k outputs a Newton step costs about p k / 10 passes over the data (its Hessian has
k (k + 1) / 2 blocks), and far from the minimum it gains little more than a quasi-Newton step of two
passes does.

Maths: docs/math/solvers.md
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from derivata.contracts import Array
from derivata.objective import Objective
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.solvers.result import FitResult


@dataclass(frozen=True)
class TwoPhase:
    """Quasi-Newton steps first, Newton steps last.

    Parameters
    ----------
    coarse : LBFGS
        Runs first, to its own looser tolerance.
    fine : Newton
        Runs from where ``coarse`` stopped.
    """

    coarse: LBFGS = field(default_factory=lambda: LBFGS(tol=1e-5, max_iter=500))
    fine: Newton = field(default_factory=Newton)

    def minimize(self, objective: Objective, params: Array, hyper: Array) -> FitResult:
        """Minimise F(., hyper) from ``params``."""
        near = self.coarse.minimize(objective, params, hyper)
        end = self.fine.minimize(objective, near.expansion.params, hyper)
        return replace(
            end,
            n_iter=near.n_iter + end.n_iter,
            values=near.values + end.values[1:],
            gradients=near.gradients + end.gradients[1:],
        )
