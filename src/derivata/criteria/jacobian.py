"""What a criterion owes to a predictor that is not linear: J moves with the parameters.

    d/dparams sum_i trace(C_i J_i A J_i^T),   A and C_i held

with A = H^-1 and C_i the derivative by a leverage, or A = M and C_i = W_i for what moves inside H.
Leaving it out made the derivative of leave-one-out 51 % wrong for a small network.

Maths: docs/math/autodiff.md
"""

from __future__ import annotations

from typing import Any

from derivata.contracts import Array
from derivata.errors import NotAvailable
from derivata.losses.identity import IdentityLoss
from derivata.objective import Expansion, Objective


def moving_jacobian(expansion: Expansion, form: Any, cotangents: Array) -> Array:
    """Derivative by params of sum_i trace(C_i J_i A J_i^T) through J alone, (n_params,).

    Parameters
    ----------
    expansion : Expansion
    form : HessianInverse or Sandwich
        With A as its ``matrix`` (p, p).
    cotangents : array (n, k, k)
        C, symmetric.

    Raises
    ------
    NotAvailable
        If A is no array: too many parameters.
    """
    if not hasattr(form, "matrix"):
        raise NotAvailable(
            f"leverages of a predictor with {len(expansion.params):,} parameters that is not "
            "linear need a dense Hessian, to follow how its Jacobian moves. Use "
            "`criterion=KFold()` for tuning."
        )
    predictor = expansion.objective.predictor
    moved: Any = predictor.leverage_vjp(expansion.params, form.matrix, cotangents)
    return moved


def require_rows(objective: Objective, what: str) -> None:
    """Raise ``NotAvailable`` if the loss is not a sum of losses of rows by their outputs."""
    if isinstance(objective.loss, IdentityLoss):
        raise NotAvailable(
            f"{what} needs a loss of the form sum_i loss(y_i, f(x_i)), to know what a row costs "
            "and how curved that is; this one is a single function of the parameters. Write it a "
            "row (`AutodiffLoss`), or judge fits on data of your own. Standard errors from the "
            "Hessian can be had."
        )
