"""What is minimised, from where, at which strengths: checked, and the same for functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.function_objective import function_objective
from derivata.objective import Objective


def subject(
    objective: Any,
    start: Any,
    hyper: Any,
    gradient: Callable[[Array], Any] | None = None,
    hessian: Callable[[Array], Any] | None = None,
) -> tuple[Objective, Array, Array]:
    """The objective, with where descents begin and the logs of its strengths.

    Parameters
    ----------
    objective : Objective or callable
        A callable takes an array (p,) and gives a number.
    start : array (p,) or None
        None: the predictor's reference, zeros for a linear one. A function needs one.
    hyper : array (n_hyper,) or None
        Needed if the penalty has strengths.
    gradient, hessian : callable, optional
        Of a function; by differences if left out.

    Returns
    -------
    objective : Objective
    start : array (p,)
    hyper : array (n_hyper,)

    Raises
    ------
    InvalidParameter               if something is missing, or is no such thing
    ShapeMismatch                  if a shape is another one
    """
    if not isinstance(objective, Objective):
        if not callable(objective) or start is None:
            raise InvalidParameter(
                f"`objective` is a {type(objective).__name__}"
                f"{'' if callable(objective) else ', neither an Objective nor a function'}"
                f"{' and `start` is None' if start is None else ''}; expected an Objective, or a "
                "function of an array with the `start` it begins at."
            )
        objective = function_objective(objective, start, gradient=gradient, hessian=hessian)
    n_params, names = objective.predictor.n_params, objective.penalty.hyper_names
    at = objective.predictor.reference if start is None else np.array(start, float, ndmin=1)
    if at.shape != (n_params,):
        raise ShapeMismatch(f"`start` has shape {at.shape}; expected ({n_params},).")
    if hyper is None and names:
        raise InvalidParameter(
            f"`hyper` is None, but the penalty has {len(names)} strengths ({', '.join(names)}). "
            "Give the log of each."
        )
    logs = np.zeros(0) if hyper is None else np.array(hyper, float, ndmin=1)
    if logs.shape != (len(names),):
        raise ShapeMismatch(
            f"`hyper` has shape {logs.shape}; expected ({len(names)},), the logs of the strengths "
            f"({', '.join(names)})."
        )
    return objective, at, logs
