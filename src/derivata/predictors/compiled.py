"""The compiled sweeps over rows behind ``AutodiffPredictor``: each function once, in float64.

Forward over all rows (J v), backward (J^T u), backward row by row (J), and forward over backward
for second derivatives of the outputs.

Maths: docs/math/autodiff.md
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from derivata.contracts import Array
from derivata.double_precision import float64
from derivata.errors import InvalidParameter


class Functions:
    """Compiled functions of flat params and a chunk of rows."""

    def __init__(self, apply: Callable[[Any, Any], Any], structure: Any, shapes: tuple[Any, ...]):
        with float64():
            template = jax.tree.unflatten(structure, [np.zeros(shape) for shape in shapes])
            self.unravel: Callable[[Any], Any] = ravel_pytree(template)[1]
        unravel = self.unravel

        def row(params: Any, x: Any) -> Any:
            return jnp.atleast_1d(apply(unravel(params), x))

        every = jax.vmap(row, (None, 0))

        def pulled(params: Any, cotangent: Any, X: Any) -> Any:
            return jnp.sum(cotangent * every(params, X))

        def along(params: Any, directions: Any, X: Any) -> Any:
            """sum_ia J_ia d_ia, each output along a direction of its own."""

            def one(x: Any, by_output: Any) -> Any:
                moved = jax.vmap(lambda d: jax.jvp(lambda w: row(w, x), (params,), (d,))[1])
                return jnp.trace(moved(by_output))

            return jnp.sum(jax.vmap(one)(X, directions))

        def forward(params: Any, direction: Any, X: Any) -> Any:
            return jax.jvp(lambda w: every(w, X), (params,), (direction,))[1]

        def curvature_vp(params: Any, direction: Any, cotangent: Any, X: Any) -> Any:
            slope = jax.grad(lambda w: pulled(w, cotangent, X))
            return jax.jvp(slope, (params,), (direction,))[1]

        self.predict = jax.jit(every)
        self.jvp = jax.jit(forward)
        self.vjp = jax.jit(jax.grad(pulled))
        self.input_vjp = jax.jit(jax.grad(pulled, argnums=2))
        self.jacobian = jax.jit(jax.vmap(jax.jacrev(row), (None, 0)))
        self.curvature_vp = jax.jit(curvature_vp)
        self.curvature = jax.jit(jax.vmap(curvature_vp, (None, 0, None, None)))
        self.row_curvature_vp = jax.jit(jax.grad(along))


@lru_cache(maxsize=64)
def compiled_functions(apply: Any, structure: Any, shapes: tuple[Any, ...]) -> Functions:
    """The functions of ``apply`` and a tree of parameters of some structure, made once."""
    return Functions(apply, structure, shapes)


def count_outputs(apply: Any, unravel: Any, params: Array, row: Any) -> int:
    """How many outputs one row has; raises if they are no vector of real numbers."""
    name = repr(getattr(apply, "__name__", type(apply).__name__))
    shapes = jax.tree.map(lambda leaf: leaf.shape, row)
    try:
        with float64():
            found = jax.eval_shape(lambda w, x: apply(unravel(w), x), params, row)
    except Exception as error:  # whatever the user's own code raises
        raise InvalidParameter(
            f"`apply` {name} cannot be traced by JAX for one row of shape {shapes}: "
            f"{type(error).__name__}: {str(error).strip().splitlines()[0]:.200} Write it in "
            "`jax.numpy` for a single row; rows are batched for you."
        ) from error
    shape = getattr(found, "shape", None)
    if shape is None or len(shape) > 1 or not jnp.issubdtype(found.dtype, jnp.floating):
        got = type(found).__name__ if shape is None else f"{found.dtype} of shape {shape}"
        raise InvalidParameter(
            f"`apply` {name} gives {got} for one row; expected real numbers of shape (n_outputs,)."
        )
    return int(shape[0]) if shape else 1


def typed(values: Array) -> Array:
    """Numbers with a fraction as float64; others as they are."""
    return values.astype(float) if values.dtype.kind == "f" else values


def dtype_of(values: Any) -> np.dtype:
    """The type that ``typed`` gives."""
    kind = np.asarray(values).dtype
    return np.dtype(float) if kind.kind == "f" else kind
