"""The compiled derivatives of a loss behind ``AutodiffLoss``, and what its trace tells of it.

Each is a function of rows, y (n,) and outputs (n, k): value and gradient, Hessian, and the third
derivative contracted with a matrix, or along a direction, a row. Whether curvature is constant is
read from the traced operations, never guessed from values.

Maths: docs/math/autodiff.md
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from derivata.contracts import Array
from derivata.double_precision import float64
from derivata.errors import InvalidParameter


class CompiledLoss:
    """The compiled functions of rows: y (n,), outputs (n, k) and more."""

    def __init__(self, function: Callable[[Any, Any], Any], n_outputs: int, classes: bool):
        self.n_outputs, self.dtype = n_outputs, np.dtype(np.int64 if classes else np.float64)
        row = _row_function(function, n_outputs, self.dtype)
        hessian = jax.hessian(row, argnums=1)

        def third(y: Any, z: Any, matrix: Any) -> Any:
            return jax.grad(lambda at: jnp.sum(matrix * hessian(y, at)))(z)

        def cubic(y: Any, z: Any, direction: Any) -> Any:
            def along(derive: Callable[[Any], Any]) -> Callable[[Any], Any]:
                return lambda t: jax.jvp(derive, (t,), (jnp.ones_like(t),))[1]

            return along(along(along(lambda t: row(y, z + t * direction))))(jnp.zeros(()))

        def symmetric_hessian(y: Any, z: Any) -> Any:
            matrix = hessian(y, z)
            return 0.5 * (matrix + matrix.T)

        self.value_and_gradient = jax.jit(jax.vmap(jax.value_and_grad(row, argnums=1)))
        self.hessian = jax.jit(jax.vmap(symmetric_hessian))
        self.third = jax.jit(jax.vmap(third))
        self.cubic = jax.jit(jax.vmap(cubic))
        with float64():
            traced = jax.make_jaxpr(hessian)(*_example(n_outputs, self.dtype))
        # A kink has no second derivative to show for it, so the gradient is asked as well.
        constant = not _depends_on_inputs(traced.jaxpr)
        self.curvature_is_constant = constant and self._gradient_is_straight()

    def _gradient_is_straight(self) -> bool:
        """Whether the gradient moves by H dz between outputs of many sizes: no kinks between."""
        size = np.repeat(10.0 ** np.arange(-4.0, 5.0), 8)
        rng = np.random.default_rng(0)
        y = np.abs(rng.integers(0, self.n_outputs + 1, len(size))).astype(self.dtype)
        z = size[:, None] * rng.standard_normal((len(size), self.n_outputs))
        with float64():
            slopes = [np.asarray(self.value_and_gradient(y, at)[1]) for at in (z, -z)]
            hessian = np.asarray(self.hessian(y, z))
        if not (np.isfinite(slopes).all() and np.isfinite(hessian).all()):
            return False
        moved = 2.0 * np.einsum("nab,nb->na", hessian, z)
        rounding = 1e-9 * (np.abs(moved) + np.abs(slopes[0]))
        return bool((np.abs(slopes[0] - slopes[1] - moved) <= rounding + 1e-12).all())

    def targets(self, y: Array) -> Array:
        """Targets in the type that the function takes."""
        return np.asarray(y).astype(self.dtype)


@lru_cache(maxsize=64)
def compiled_loss(
    function: Callable[[Any, Any], Any], n_outputs: int, classes: bool
) -> CompiledLoss:
    """The compiled functions of a loss, made once for each function."""
    return CompiledLoss(function, n_outputs, classes)


def _row_function(
    function: Callable[[Any, Any], Any], n_outputs: int, dtype: np.dtype
) -> Callable[[Any, Any], Any]:
    """The function of (y, z (k,)) giving one number, however the user takes a single output."""
    y, z = _example(n_outputs, dtype)
    kinds = [(lambda y, z: function(y, z), z)]
    if n_outputs == 1:
        kinds.insert(0, (lambda y, z: function(y, z[0]), z))
    failures = []
    for row, example in kinds:
        try:
            with float64():
                found = jax.eval_shape(row, y, example)
        except Exception as error:  # whatever the user's own code raises
            failures.append(error)
            continue
        shape = getattr(found, "shape", None)
        if shape == () and jnp.issubdtype(found.dtype, jnp.floating):
            return row
        failures.append(_wrong_result(function, found, n_outputs))
    refused = [error for error in failures if isinstance(error, InvalidParameter)]
    if refused:
        raise refused[0]
    # A function that takes one output as an array fails with a number, for a reason of no interest.
    told = failures[0] if isinstance(failures[0], jax.errors.JAXTypeError) else failures[-1]
    raise InvalidParameter(
        f"`function` {_name(function)} cannot be traced by JAX for one row, `y` a number and "
        f"`outputs` {'a number' if n_outputs == 1 else f'of shape ({n_outputs},)'}: "
        f"{type(told).__name__}: {str(told).strip().splitlines()[0]:.200} Write it in `jax.numpy`, "
        "with `jnp.where` in place of `if`; for `outputs[y]` declare `classes=True`."
    ) from told


def _wrong_result(function: Callable[..., Any], found: Any, n_outputs: int) -> InvalidParameter:
    shape, dtype = getattr(found, "shape", None), getattr(found, "dtype", type(found).__name__)
    got = f"{dtype} of shape {shape}" if shape is not None else f"a {type(found).__name__}"
    return InvalidParameter(
        f"`function` {_name(function)} gives {got} for one row with {n_outputs} "
        f"output{'s' * (n_outputs > 1)}; expected one real number. Sum over outputs (`jnp.sum`); "
        "rows are summed for you."
    )


def _name(function: Callable[..., Any]) -> str:
    return repr(getattr(function, "__name__", type(function).__name__))


def _example(n_outputs: int, dtype: np.dtype) -> tuple[Any, Any]:
    return jax.ShapeDtypeStruct((), dtype), jax.ShapeDtypeStruct((n_outputs,), np.dtype(float))


def _depends_on_inputs(jaxpr: Any) -> bool:
    """Whether any output of a traced function follows from an input: no false "no"."""
    following = {id(variable) for variable in jaxpr.invars}
    for equation in jaxpr.eqns:
        if any(id(variable) in following for variable in equation.invars):
            following.update(id(variable) for variable in equation.outvars)
    return any(id(variable) in following for variable in jaxpr.outvars)
