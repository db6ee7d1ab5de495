"""Any optax transformation of gradients as a solver of derivata.

    solver = from_optax(optax.lion(1e-3))

A transformation is a pair ``init(params)`` and ``update(gradient, state, params)`` whose updates
are moves already, its own step in them. Nothing of optax or JAX is imported here: the pair is
called. Params, F and gradients stay in float64; the moves come in the precision that JAX is set to,
float32 unless ``jax.enable_x64`` is on, and a rounded move costs steps, no accuracy.

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import InvalidParameter
from derivata.solvers.descent import Descent


@dataclass(frozen=True)
class FromOptax(Descent):
    """A solver that moves as an optax transformation says; made by ``from_optax``.

    Parameters
    ----------
    transformation : optax.GradientTransformation
    """

    transformation: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("init", "update"):
            if not callable(getattr(self.transformation, name, None)):
                raise InvalidParameter(
                    f"`transformation` is {self.transformation!r}, which has no `{name}`; expected "
                    "an optax.GradientTransformation such as optax.adam(1e-3)."
                )

    def step_at(self, count: Any) -> float:
        """One: the step is the transformation's own."""
        return 1.0

    def init(self, params: Any) -> Any:
        """The state before the first step."""
        return self.transformation.init(params)

    def update(self, gradient: Any, state: Any, params: Any, step: Any) -> tuple[Any, Any]:
        """The move from ``params``, and the next state."""
        try:
            move, state = self.transformation.update(gradient, state, params)
        except TypeError as error:
            if "argument" not in str(error):
                raise
            raise InvalidParameter(
                f"this optax transformation asks for more than a gradient ({error}), as line "
                "searches do. Use `LBFGS()` or `GradientDescent(Backtracking())` instead."
            ) from error
        return step * (np.asarray(move, dtype=float) if _is_numpy(params) else move), state


def from_optax(
    transformation: Any,
    *,
    tol: float = 1e-8,
    max_iter: int = 10_000,
    batch_size: int | None = None,
    random_state: int = 0,
) -> FromOptax:
    """A solver that moves as an optax transformation says.

    Parameters
    ----------
    transformation : optax.GradientTransformation
        Such as ``optax.adam(1e-3)``, or a chain. One that asks for more than gradient and params,
        as those with a line search do, is refused when it first runs.
    tol, max_iter, batch_size, random_state
        As of every first-order solver.

    Returns
    -------
    FromOptax
        With no proximal step: the metric of its moves is unknown, so penalties with a kink are
        refused.
    """
    return FromOptax(
        transformation,
        tol=tol,
        max_iter=max_iter,
        batch_size=batch_size,
        random_state=random_state,
    )


def _is_numpy(array: Any) -> bool:
    return isinstance(array, np.ndarray)
