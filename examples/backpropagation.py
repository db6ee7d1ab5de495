"""Backpropagation of one hidden layer, by hand and in plain NumPy.

The network and what it costs, for n rows x_i with targets y_i:

    z_i = W1' x_i + b1          what the hidden units receive
    h_i = tanh(z_i)             what they pass on
    f_i = W2' h_i + b2          the prediction
    C   = 1/2 sum_i (f_i - y_i)^2

Backpropagation is the chain rule, read from the cost to the parameters. Write dA for the derivative
of C by A, an array of the shape of A:

    df  = f - y                                       from the cost
    dW2 = h' df,     db2 = sum_i df_i,     dh = df W2'     from f = h W2 + b2
    dz  = dh * (1 - h^2)                              from h = tanh(z)
    dW1 = x' dz,     db1 = sum_i dz_i                 from z = x W1 + b1

Each line needs only the line above it and what the forward pass has kept: x, h and f. So all the
derivatives together cost about twice what one evaluation of C costs, however many there are.

A gradient that is wrong still goes downhill most of the time. So it is checked here, twice:
against the function itself (what is left over after the first Taylor term must shrink a hundredfold
when the step shrinks tenfold), and against automatic differentiation, if JAX is installed.

Run it:   python examples/backpropagation.py

Source: Rumelhart, Hinton & Williams (1986), Nature 323, 533-536.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Array = np.ndarray


class Params(NamedTuple):
    """Two layers; d inputs, m hidden units, k outputs."""

    weight1: Array  # (d, m)
    bias1: Array  # (m,)
    weight2: Array  # (m, k)
    bias2: Array  # (k,)


class Kept(NamedTuple):
    """What the forward pass leaves for the backward pass."""

    x: Array  # (n, d)
    hidden: Array  # (n, m)
    prediction: Array  # (n, k)


def first_params(rng: np.random.Generator, d: int, m: int, k: int) -> Params:
    """Weights that keep the size of what flows through: standard deviation 1 / sqrt(inputs)."""
    weight1 = rng.standard_normal((d, m)) / np.sqrt(d)
    weight2 = rng.standard_normal((m, k)) / np.sqrt(m)
    return Params(weight1, np.zeros(m), weight2, np.zeros(k))


def forward(params: Params, x: Array) -> Kept:
    """From inputs to predictions, keeping what lies between."""
    hidden = np.tanh(x @ params.weight1 + params.bias1)
    return Kept(x, hidden, hidden @ params.weight2 + params.bias2)


def cost(params: Params, x: Array, y: Array) -> float:
    """Half the sum of squared distances."""
    return 0.5 * float(np.sum((forward(params, x).prediction - y) ** 2))


def backward(params: Params, kept: Kept, y: Array) -> Params:
    """The derivative of the cost by every parameter: a tree of the shape of ``params``."""
    d_prediction = kept.prediction - y
    d_weight2 = kept.hidden.T @ d_prediction
    d_bias2 = d_prediction.sum(axis=0)
    d_hidden = d_prediction @ params.weight2.T
    d_received = d_hidden * (1.0 - kept.hidden**2)
    d_weight1 = kept.x.T @ d_received
    d_bias1 = d_received.sum(axis=0)
    return Params(d_weight1, d_bias1, d_weight2, d_bias2)


def gradient(params: Params, x: Array, y: Array) -> Params:
    """Forward, then backward."""
    return backward(params, forward(params, x), y)


def moved(params: Params, direction: Params, step: float) -> Params:
    """``params + step * direction``."""
    return Params(*(p + step * d for p, d in zip(params, direction, strict=True)))


def taylor_remainders(params: Params, x: Array, y: Array, direction: Params) -> list[float]:
    """|C(p + t v) - C(p) - t <gradient, v>| for t = 1e-1, 1e-2, 1e-3: falls as t^2 if right."""
    slope = sum(
        float(np.sum(g * v)) for g, v in zip(gradient(params, x, y), direction, strict=True)
    )
    start = cost(params, x, y)
    steps = (1e-1, 1e-2, 1e-3)
    return [abs(cost(moved(params, direction, t), x, y) - start - t * slope) for t in steps]


def jax_gradient(params: Params, x: Array, y: Array) -> Params:
    """The same derivatives by automatic differentiation in float64."""
    import jax
    import jax.numpy as jnp

    def jax_cost(params: Params) -> object:
        hidden = jnp.tanh(x @ params.weight1 + params.bias1)
        return 0.5 * jnp.sum((hidden @ params.weight2 + params.bias2 - y) ** 2)

    with jax.enable_x64(True):
        found = jax.grad(jax_cost)(Params(*(jnp.asarray(p) for p in params)))
        return Params(*(np.asarray(g) for g in found))


def largest_difference(one: Params, other: Params) -> float:
    """The largest difference of any two derivatives, relative to the largest derivative."""
    size = max(np.abs(a).max() for a in other)
    return max(float(np.abs(a - b).max() / size) for a, b in zip(one, other, strict=True))


def problem(seed: int = 0) -> tuple[Params, Array, Array]:
    """A small network, and rows of a curve with noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2.0, 2.0, (200, 1))
    y = np.sin(2.0 * x) + 0.1 * rng.standard_normal((200, 1))
    return first_params(rng, 1, 16, 1), x, y


def main() -> None:
    """Check the gradient, then descend."""
    params, x, y = problem()
    direction = first_params(np.random.default_rng(1), 1, 16, 1)
    remainders = taylor_remainders(params, x, y, direction)
    print("Taylor remainders at t = 0.1, 0.01, 0.001:", *(f"{r:.1e}" for r in remainders))
    try:
        difference = largest_difference(gradient(params, x, y), jax_gradient(params, x, y))
        print(f"largest difference from JAX: {difference:.0e}")
    except ImportError:
        print("JAX is not installed: `pip install 'derivata[jax]'` to compare with it")
    for step in range(3001):
        if step % 1000 == 0:
            print(f"after {step:4d} steps the cost a row is {cost(params, x, y) / len(x):.5f}")
        params = moved(params, gradient(params, x, y), -2e-3)


if __name__ == "__main__":
    main()
