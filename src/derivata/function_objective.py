"""A bare Python function of parameters as an objective.

    F(params) = function(params),      with ``IdentityLoss``: one row, whose one output is F

so that whatever takes an objective (solvers, spectra, convergence) takes it. What was not given is
had by central differences: a gradient from 2 p values, off by about 1e-10 of F; a product with the
Hessian from two gradients, the Hessian from 2 p of them, off by about 1e-9 of it, or 1e-6 where
gradients are differences themselves. What needs rows (leave-one-out, batches) cannot be had.

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array, Rows
from derivata.errors import InvalidParameter, NotAvailable, ShapeMismatch
from derivata.gradient_check import require_right_gradient
from derivata.lazy import lazy
from derivata.losses.identity import IdentityLoss
from derivata.objective import Objective
from derivata.penalties.smooth import FREE, GroupRidge

# Steps of central differences, times the size of a parameter: of exact numbers the cube root of
# their rounding, and more of numbers that are differences themselves.
STEP, LONGER_STEP = float(np.finfo(float).eps) ** (1.0 / 3.0), 1e-3
# Gradients from 2 p values, and Hessians from 2 p gradients, up to so many parameters.
MOST_BY_VALUES, MOST_BY_GRADIENTS = 200, 1_000
# A gradient is small beside this share of F over a parameter, also where it was small at the start.
SMALL_SHARE = 1e-3


def function_objective(
    function: Callable[[Array], Any],
    start: Array,
    *,
    gradient: Callable[[Array], Any] | None = None,
    hessian: Callable[[Array], Any] | None = None,
) -> Objective:
    """The objective of a function, checked at the start.

    Parameters
    ----------
    function : callable
        Array (p,) to a number.
    start : array (p,)
        Where the gradient is checked; a relative gradient is relative to the largest entry there.
    gradient : callable, optional
        Array (p,) to an array (p,); by differences of the function if left out, up to 200
        parameters.
    hessian : callable, optional
        Array (p,) to an array (p, p); by differences of the gradient if left out.

    Returns
    -------
    Objective
        Without penalty and hyper: ``objective.at(params, np.zeros(0))``.

    Raises
    ------
    ShapeMismatch
        If the function gives no single number, or the gradient or the Hessian has another shape.
    InvalidParameter
        If they are not finite at the start, the function has a kink there, or the gradient is not
        that of the function; the message says in which entry.
    NotAvailable
        If the gradient is left out and there are too many parameters for differences.

    Notes
    -----
    The check costs 20 values of the function; more where it fails.
    """
    at = _as_start(start)
    predictor = FunctionPredictor(function, gradient, hessian, at)
    value = predictor.value(at)
    if not np.isfinite(value):
        raise InvalidParameter(
            f"the function is {value} at the start. Start where it is finite, and keep logs, roots "
            "and divisions away from zero."
        )
    slope = predictor.gradient(at)
    bad = np.flatnonzero(~np.isfinite(slope))
    if len(bad):
        raise InvalidParameter(
            f"entry {bad[0]} of the gradient is {slope[bad[0]]} at the start, where that parameter "
            f"is {at[bad[0]]:g}: the function may have no derivative there. Start elsewhere."
        )
    if gradient is not None:
        require_right_gradient(predictor.value, predictor.gradient, at)
    if hessian is not None:
        predictor.curvature(at, np.ones((1, 1)))
    penalty = GroupRidge(np.full(len(at), FREE), ())
    return Objective(IdentityLoss(), predictor, penalty, np.zeros(1), np.ones(1))


def _as_start(start: Any) -> Array:
    at = np.array(start, dtype=float, ndmin=1)
    if at.ndim != 1 or not len(at):
        raise ShapeMismatch(
            f"`start` has shape {np.shape(start)}; expected (p,). Parameters are one flat array: "
            "take it apart inside the function."
        )
    bad = np.flatnonzero(~np.isfinite(at))
    if len(bad):
        raise InvalidParameter(
            f"entry {bad[0]} of `start` is {at[bad[0]]}; expected finite numbers."
        )
    return at


@dataclass(frozen=True, eq=False)
class FunctionPredictor:
    """One row whose output is the function's value.

    Parameters
    ----------
    function, slope, bend : callable
        Value, gradient and Hessian; the last two may be None.
    start : array (p,)
    """

    function: Callable[[Array], Any]
    slope: Callable[[Array], Any] | None
    bend: Callable[[Array], Any] | None
    start: Array

    n_rows = 1
    n_outputs = 1
    is_linear = False

    @property
    def n_params(self) -> int:
        """Length of the start."""
        return len(self.start)

    @property
    def reference(self) -> Array:
        """The start."""
        return self.start

    def value(self, params: Array) -> float:
        """The function."""
        value = np.asarray(self.function(params.copy()), dtype=float)
        if value.size != 1:
            raise ShapeMismatch(
                f"the function gives an array of shape {value.shape}; expected one number. Sum the "
                "losses of the rows."
            )
        return float(value.reshape(()))

    def gradient(self, params: Array) -> Array:
        """Its gradient, (p,)."""
        if self.slope is None:
            return self._by_values(params)
        slope = np.asarray(self.slope(params.copy()), dtype=float)
        if slope.shape != params.shape:
            raise ShapeMismatch(
                f"`gradient` gives shape {slope.shape}, but parameters have shape {params.shape}. "
                "It is one number a parameter: sum over rows, and flatten."
            )
        return slope

    def predict(self, params: Array) -> Array:
        """The value, (1, 1)."""
        return np.array([[self.value(params)]])

    def jvp(self, params: Array, direction: Array) -> Array:
        """The slope along a direction, (1, 1)."""
        return np.array([[float(self.gradient(params) @ direction)]])

    def vjp(self, params: Array, cotangent: Array) -> Array:
        """The gradient, (p,)."""
        return float(cotangent[0, 0]) * self.gradient(params)

    def jacobian(self, params: Array, rows: Rows) -> Array:
        """The gradient of the one row, (m, 1, p)."""
        return self.gradient(params)[None, None][rows]

    def gram(self, params: Array, weights: Array) -> Array:
        """The gradient's outer product, (p, p)."""
        slope = self.gradient(params)
        if not np.any(weights):
            return np.zeros((len(slope), len(slope)))
        return float(weights[0, 0, 0]) * np.outer(slope, slope)

    def leverage(self, params: Array, matrix: Array) -> Array:
        """The gradient's length in a metric, squared, (1, 1, 1)."""
        slope = self.gradient(params)
        return np.array([[[float(slope @ matrix @ slope)]]])

    def curvature_vp(self, params: Array, cotangent: Array, direction: Array) -> Array:
        """The Hessian times a direction, (p,): from two gradients if it was not given."""
        if self.bend is not None:
            return self.curvature(params, cotangent) @ direction
        size = float(np.linalg.norm(direction))
        if size == 0.0:
            return np.zeros_like(params)
        step = self._step * max(1.0, float(np.abs(params).max())) / size
        ahead, behind = (self.gradient(params + sign * step * direction) for sign in (1.0, -1.0))
        return float(cotangent[0, 0]) * (ahead - behind) / (2.0 * step)

    def curvature(self, params: Array, cotangent: Array) -> Array:
        """The Hessian, (p, p): from 2 p gradients if it was not given."""
        n_params = len(params)
        if self.bend is not None:
            hessian = np.asarray(self.bend(params.copy()), dtype=float)
            if hessian.shape != (n_params, n_params):
                raise ShapeMismatch(
                    f"`hessian` gives shape {hessian.shape}; expected {(n_params, n_params)}."
                )
            return float(cotangent[0, 0]) * hessian
        if n_params > MOST_BY_GRADIENTS:
            raise NotAvailable(
                f"a Hessian of {n_params:,} parameters by differences takes twice as many "
                "gradients. Give `hessian=`, or use `LBFGS()`, which needs none."
            )
        hessian = np.empty((n_params, n_params))
        for row, (j, step) in zip(hessian, enumerate(self._steps(params)), strict=True):
            ahead, behind = params.copy(), params.copy()
            ahead[j] += step
            behind[j] -= step
            row[:] = (self.gradient(ahead) - self.gradient(behind)) / (ahead[j] - behind[j])
        return float(cotangent[0, 0]) * 0.5 * (hessian + hessian.T)

    def row_curvature_vp(self, params: Array, directions: Array) -> Array:
        """The Hessian times the direction of the one row, (p,)."""
        return self.curvature_vp(params, np.ones((1, 1)), directions[0, 0])

    def leverage_vjp(self, params: Array, matrix: Array, cotangents: Array) -> Array:
        """How the gradient's length in a metric moves, (p,)."""
        slope = matrix @ self.gradient(params)
        return 2.0 * self.curvature_vp(params, cotangents[0], slope)

    def column_squares(self, weights: Array) -> Array:
        """The square of what a gradient is small against, (p,)."""
        return np.full(self.n_params, float(weights[0]) * self.gradient_size**2)

    def take(self, rows: Rows) -> FunctionPredictor:
        """Itself: there is one row."""
        return self

    @lazy
    def gradient_size(self) -> float:
        """The largest entry of the gradient at the start, or a share of F if that is small."""
        largest = float(np.abs(self.gradient(self.start)).max())
        size = max(abs(self.value(self.start)), 1.0) / max(float(np.abs(self.start).max()), 1.0)
        return max(largest, SMALL_SHARE * size)

    @property
    def _step(self) -> float:
        return STEP if self.slope is not None else LONGER_STEP

    def _steps(self, params: Array) -> Array:
        """The step of differences in each parameter, (p,)."""
        return self._step * np.maximum(np.abs(params), 1.0)

    def _by_values(self, params: Array) -> Array:
        if len(params) > MOST_BY_VALUES:
            raise NotAvailable(
                f"a gradient of {len(params):,} parameters by differences takes twice as many "
                f"values of the function; at most {MOST_BY_VALUES} parameters are tried. Give "
                "`gradient=`."
            )
        slope = np.empty(len(params))
        for j, step in enumerate(STEP * np.maximum(np.abs(params), 1.0)):
            ahead, behind = params.copy(), params.copy()
            ahead[j] += step
            behind[j] -= step
            slope[j] = (self.value(ahead) - self.value(behind)) / (ahead[j] - behind[j])
        return slope
