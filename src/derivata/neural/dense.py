"""The affine layer with a backward pass written for the shapes of training.

    Z = X W + b,      dX = dZ W^T,      dW = X^T dZ,      db = sum_i dZ_i

Automatic differentiation finds the same products. What is gained is how X^T dZ is taken: XLA's
product with a transposed left side runs at half speed on a processor, so X is transposed first; and
with few outputs (dZ^T X)^T is up to six times faster. Only first derivatives backward: for any
other use `derivata.neural.network.affine`.

Maths: docs/math/networks.md
"""

from __future__ import annotations

from typing import Any

import jax

# With fewer outputs than this the product of the transposes is the faster one.
FEW_OUTPUTS = 32


@jax.custom_vjp
def dense(values: Any, weight: Any, bias: Any) -> Any:
    """``values @ weight + bias``: (n, in), (in, out), (out,) -> (n, out)."""
    return values @ weight + bias


def _forward(values: Any, weight: Any, bias: Any) -> tuple[Any, tuple[Any, Any]]:
    return values @ weight + bias, (values, weight)


def _backward(kept: tuple[Any, Any], cotangent: Any) -> tuple[Any, Any, Any]:
    values, weight = kept
    if cotangent.shape[1] < FEW_OUTPUTS:
        slope = (cotangent.T @ values).T
    else:  # the barrier keeps XLA from folding the transpose back into the product
        slope = jax.lax.optimization_barrier(values.T) @ cotangent
    return cotangent @ weight.T, slope, cotangent.sum(axis=0)


dense.defvjp(_forward, _backward)
