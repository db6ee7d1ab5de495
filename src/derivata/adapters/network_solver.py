"""From a network's weights as trained to the minimum beside them, where there is one.

Newton's method with the exact Hessian, which a network's size must allow; saddles are left behind.
"""

from __future__ import annotations

from dataclasses import dataclass

from derivata.contracts import Array
from derivata.errors import NotAvailable
from derivata.objective import Objective
from derivata.solvers.newton import Newton
from derivata.solvers.result import FitResult

# A Hessian of so many parameters (32 MB) is formed in seconds by forward over backward sweeps.
MOST_PARAMS = 2_000
INSTEAD = (
    "What needs no minimum is `attribute`, and `calibration(model, X, y, held_out=None)` of rows "
    "that it has not seen."
)


@dataclass(frozen=True)
class NetworkNewton:
    """Newton's method for networks of at most ``MOST_PARAMS`` weights and biases.

    Parameters
    ----------
    tol : float
        Of the relative gradient.
    max_iter : int
        Largest number of steps.
    """

    tol: float = 1e-8
    max_iter: int = 100

    def minimize(self, objective: Objective, params: Array, hyper: Array) -> FitResult:
        """Minimise F(., hyper) from ``params``.

        Raises
        ------
        NotAvailable
            If the network is too large; says what does without.
        """
        n_params = objective.predictor.n_params
        if n_params > MOST_PARAMS:
            raise NotAvailable(
                f"the network has {n_params:,} weights and biases; its minimum is looked for by an "
                f"exact Hessian, which {MOST_PARAMS:,} allow. Make `hidden_layer_sizes` smaller. "
                + INSTEAD
            )
        return Newton(self.tol, self.max_iter, 1e-6).minimize(objective, params, hyper)
