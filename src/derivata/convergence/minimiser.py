"""The minimiser that runs are held against, polished by Newton's method to rounding."""

from __future__ import annotations

from typing import Any

from derivata.contracts import Array
from derivata.solvers.newton import Newton
from derivata.solvers.proximal import ProximalNewton

# Tighter than any run: what is left of F is rounding.
TOLERANCE, PRECISION, MOST_STEPS = 1e-13, 1e-8, 200


def minimiser(objective: Any, near: Array, hyper: Array) -> Any:
    """The expansion at the minimiser that a descent from ``near`` leads to.

    Parameters
    ----------
    objective : Objective
    near : array (n_params,)
    hyper : array (n_hyper,)

    Returns
    -------
    Expansion                      at the lowest point that could be reached
    """
    if hasattr(getattr(objective, "penalty", None), "prox"):
        solver: Any = ProximalNewton(tol=TOLERANCE, max_iter=MOST_STEPS)
    else:
        solver = Newton(tol=TOLERANCE, max_iter=MOST_STEPS, precision=PRECISION)
    end = solver.minimize(objective, near, hyper).expansion
    return end
