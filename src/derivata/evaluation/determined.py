"""Whether the rows decide a model's parameters, and if not, which columns are to blame."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from derivata.adapters.fitted import Coefficients, FittedModel
from derivata.contracts import Array
from derivata.curvature.inverse import invert
from derivata.diagnostics import FlatDirection, name_directions, separating_direction
from derivata.errors import NotAvailable
from derivata.objective import Expansion

# Names in a message.
MOST_NAMES = 8


def require_determined(fitted: FittedModel, expansion: Expansion, need: str) -> None:
    """Raise ``NotAvailable`` where H is singular, or flat as classes are separated.

    Parameters
    ----------
    fitted : FittedModel
    expansion : Expansion          of its objective at a minimiser
    need : str                     what needs it: "a standard error"
    """
    flat = invert(expansion).null_space
    if flat is not None:
        named = name_directions(flat)
        blamed = "; ".join(_names(fitted, direction) for direction in named)
        who = (
            f"columns that repeat each other or hold one value: {blamed}"
            if named
            else (
                f"{flat.shape[1]} directions, more than can be named: are there fewer rows than "
                "columns?"
            )
        )
        raise NotAvailable(
            f"{need} needs parameters that the rows decide, but the Hessian of {fitted.name} is "
            f"singular: {who}. Drop one of each set, or give them a penalty."
        )
    separated = separating_direction(expansion)
    if separated is not None:
        raise NotAvailable(
            f"{need} needs parameters that the rows decide, but a combination of columns without a "
            f"penalty separates the targets: {_names(fitted, separated)}. Their coefficients have "
            "no finite best value. Give them a penalty."
        )


def param_names(fitted: FittedModel) -> list[str]:
    """A name for each parameter: of the coefficient that hangs on fewest others."""
    n_params = len(fitted.params)
    if fitted.coefficients is None:
        return [f"parameter {number}" for number in range(n_params)]
    touched = dense_map(fitted.coefficients) != 0.0
    crowd = np.where(touched, touched.sum(axis=1)[:, None], n_params + 1)
    names = fitted.coefficients.names
    return [names[row] for row in crowd.argmin(axis=0)]


def dense_map(coefficients: Coefficients) -> Array:
    """The map from parameters to coefficients as an array (r, n_params)."""
    matrix = coefficients.matrix
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)  # type: ignore


def _names(fitted: FittedModel, direction: FlatDirection) -> str:
    names: Array = np.array(param_names(fitted), dtype=object)
    # Classes have a coefficient each for a column; the column is to blame.
    blamed = list(dict.fromkeys(str(names[number]) for number in direction.params))
    more = f" and {len(blamed) - MOST_NAMES} more" if len(blamed) > MOST_NAMES else ""
    return ", ".join(repr(name) for name in blamed[:MOST_NAMES]) + more
