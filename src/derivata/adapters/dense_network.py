"""Dense layers with one activation between them, as a predictor.

    h_0 = x,   h_l = activation(h_(l-1) W_l + b_l),   z = h_L W_(L+1) + b_(L+1)

Outputs are NumPy's, in float64; whatever needs a derivative is asked of JAX, which is not loaded
before. So a network can be described, judged and attributed without it.

Parameters are flat, layer by layer: W_1 (row by row), b_1, W_2, ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from derivata.contracts import Array, Rows
from derivata.errors import NotAvailable
from derivata.lazy import lazy
from derivata.solvers.schedules import namespace

Layers = tuple[tuple[Array, Array], ...]
"""(weight (a, b), bias (b,)) of each layer."""


def _relu(values: Any) -> Any:
    # Not `maximum`, whose derivative where both are equal is one half to JAX.
    return namespace(values).where(values > 0.0, values, 0.0)


def _tanh(values: Any) -> Any:
    return namespace(values).tanh(values)


def _logistic(values: Any) -> Any:
    return 0.5 + 0.5 * namespace(values).tanh(0.5 * values)


def _identity(values: Any) -> Any:
    return values


# Plain arithmetic, for NumPy arrays and inside a JAX jit alike.
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": _relu,
    "tanh": _tanh,
    "logistic": _logistic,
    "identity": _identity,
}


@dataclass(frozen=True, eq=False)
class DenseNetwork:
    """Outputs of a network as a function of its weights and biases.

    Parameters
    ----------
    X : array (n_rows, n_columns)
    layers : tuple of (weight, bias)
        As fitted: ``reference``.
    activation : str               a name in ``ACTIVATIONS``

    Raises
    ------
    NotAvailable
        If a derivative is asked for and JAX is not installed.
    """

    X: Array
    layers: Layers
    activation: str

    is_linear = False

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.X)

    @property
    def n_outputs(self) -> int:
        """Outputs a row."""
        return len(self.layers[-1][1])

    @property
    def n_params(self) -> int:
        """Number of weights and biases."""
        return sum(weight.size + bias.size for weight, bias in self.layers)

    @lazy
    def reference(self) -> Array:
        """The weights and biases as fitted, flat."""
        return flat(self.layers)

    @lazy
    def is_weight(self) -> Array:
        """Whether each parameter is a weight and no bias, bool (n_params,)."""
        marks = [np.repeat([True, False], [w.size, b.size]) for w, b in self.layers]
        return np.concatenate(marks)

    def of(self, X: Array) -> DenseNetwork:
        """The same network on other rows."""
        return DenseNetwork(X, self.layers, self.activation)

    def take(self, rows: Rows) -> DenseNetwork:
        """The predictor of the chosen rows."""
        return self.of(self.X[rows])

    def predict(self, params: Array) -> Array:
        """Outputs, (n, k)."""
        return forward_of(self.activation)(self._tree(params), self.X)

    def jvp(self, params: Array, direction: Array) -> Array:
        """J @ direction: (p,) -> (n, k)."""
        return self._derived.jvp(params, direction)

    def vjp(self, params: Array, cotangent: Array) -> Array:
        """J.T @ cotangent: (n, k) -> (p,)."""
        return self._derived.vjp(params, cotangent)

    def input_vjp(self, params: Array, cotangent: Array) -> Array:
        """Derivative of u_i . z_i by the row itself, (n, n_columns)."""
        return self._derived.input_vjp(params, cotangent)

    def jacobian(self, params: Array, rows: Rows) -> Array:
        """J of the chosen rows, (m, k, p)."""
        return self._derived.jacobian(params, rows)

    def gram(self, params: Array, weights: Array) -> Array:
        """sum_i J_i.T W_i J_i for symmetric W_i: (n, k, k) -> (p, p)."""
        return self._derived.gram(params, weights)

    def leverage(self, params: Array, matrix: Array) -> Array:
        """J_i A J_i.T for a symmetric A: (p, p) -> (n, k, k)."""
        return self._derived.leverage(params, matrix)

    def curvature_vp(self, params: Array, cotangent: Array, direction: Array) -> Array:
        """sum_i u_i . (second derivative of z_i) @ direction: (p,)."""
        return self._derived.curvature_vp(params, cotangent, direction)

    def row_curvature_vp(self, params: Array, directions: Array) -> Array:
        """sum_ia (second derivative of z_ia) @ d_ia: (n, k, p) -> (p,)."""
        return self._derived.row_curvature_vp(params, directions)

    def curvature(self, params: Array, cotangent: Array) -> Array:
        """sum_i u_i . (second derivative of z_i): (n, k) -> (p, p)."""
        return self._derived.curvature(params, cotangent)

    def leverage_vjp(self, params: Array, matrix: Array, cotangents: Array) -> Array:
        """Derivative by params of sum_i trace(C_i J_i A J_i.T), A held: (p,)."""
        return self._derived.leverage_vjp(params, matrix, cotangents)

    def column_squares(self, weights: Array) -> Array:
        """sum_i weights_i |J_ij|^2 for each parameter, J at ``reference``: (p,)."""
        return self._derived.column_squares(weights)

    @lazy
    def _derived(self) -> Any:
        """The same function, differentiated by JAX."""
        try:
            from derivata.predictors.autodiff import AutodiffPredictor
        except NotAvailable as missing:
            raise NotAvailable(
                "the derivatives of a network by its weights need JAX, which is not installed: "
                '`pip install "derivata[jax]"`. Attribution to its inputs does without.'
            ) from missing
        return AutodiffPredictor(forward_of(self.activation), self.X, self.layers)

    def _tree(self, params: Array) -> Layers:
        found, start = [], 0
        for weight, bias in self.layers:
            middle = start + weight.size
            stop = middle + bias.size
            found.append((params[start:middle].reshape(weight.shape), params[middle:stop]))
            start = stop
        return tuple(found)


def flat(layers: Layers) -> Array:
    """Weights and biases one after the other, (n_params,)."""
    parts = [part.ravel() for layer in layers for part in layer]
    return np.concatenate(parts).astype(float)


@cache
def forward_of(activation: str) -> Callable[[Any, Any], Any]:
    """(layers, rows) -> outputs, one function an activation, so that JAX compiles it once."""
    function = ACTIVATIONS[activation]

    def forward(layers: Any, values: Any) -> Any:
        for weight, bias in layers[:-1]:
            values = function(values @ weight + bias)
        weight, bias = layers[-1]
        return values @ weight + bias

    return forward
