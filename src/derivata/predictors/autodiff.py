"""Any JAX function of parameters and one row as a predictor, by automatic differentiation.

    z_i = apply(params, x_i),    params any tree of arrays, x_i one row of any tree of arrays: (k,)

Everything that the contract of a predictor asks follows from four sweeps: forward (J v), backward
(J^T u), the Jacobian of some rows, and forward over backward (second derivatives of the outputs
along directions). Parameters are one flat vector outside, a tree of the user's own shape inside.

A function is compiled once for each number of rows on a grid (``row_grid``), in float64. What would
need n k p numbers at once is done in chunks of rows of at most ``CHUNK`` numbers.

Maths: docs/math/autodiff.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array, Rows
from derivata.errors import NotAvailable, ShapeMismatch
from derivata.lazy import lazy
from derivata.row_grid import pad_rows, pad_with_zeros, padded_size

try:
    import jax
    import jax.numpy as jnp

    from derivata.double_precision import float64
    from derivata.predictors.compiled import (
        Functions,
        compiled_functions,
        count_outputs,
        dtype_of,
        typed,
    )
except ImportError as missing:
    raise NotAvailable(
        "a predictor that is a JAX function needs JAX, which is not installed: "
        '`pip install "derivata[jax]"`. Linear and additive models do without.'
    ) from missing

# Numbers of a chunk's Jacobian (16 MB), and rows of a chunk where no Jacobian is formed.
CHUNK, CHUNK_ROWS = 2**21, 2**16
# Directions that go through the rows at once, and through how many: each keeps its own activations.
DIRECTIONS, DIRECTION_ROWS = 32, 2**12


@dataclass(frozen=True, eq=False)
class AutodiffPredictor:
    """Outputs by a JAX function, differentiated in every way that an analysis asks.

    Parameters
    ----------
    apply : callable
        ``apply(params, x)`` for one row, in ``jax.numpy``: (k,), or a number where k is 1.
        Compiled once for each function: define it once, not in a loop.
    X : array (n_rows, ...), or tree of such arrays
        ``x`` is one row of it.
    params : tree of arrays, or flat array (n_params,)
        The shape of the parameters. Its numbers are ``reference``: where a fit starts, and where
        gradients get their scale. They must not all be zero if the function is stuck there.

    Raises
    ------
    InvalidParameter
        If ``apply`` cannot be traced by JAX, or gives no vector of real numbers for one row.
    ShapeMismatch
        If the arrays of X differ in their number of rows.
    """

    apply: Callable[[Any, Any], Any]
    X: Any
    params: Any

    def __post_init__(self) -> None:
        counts = {np.shape(leaf)[0] if np.ndim(leaf) else -1 for leaf in jax.tree.leaves(self.X)}
        if len(counts) != 1 or -1 in counts:
            raise ShapeMismatch(
                f"the arrays of `X` have {sorted(counts)} rows; expected one number for all."
            )
        _ = self.n_outputs  # traced now, so that a wrong function is refused where it is given

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(np.shape(jax.tree.leaves(self.X)[0])[0])

    @lazy
    def n_outputs(self) -> int:
        """Outputs a row."""
        row = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], dtype_of(a)), self.X)
        return count_outputs(self.apply, self._functions.unravel, self.reference, row)

    @property
    def n_params(self) -> int:
        """Number of parameters."""
        return len(self.reference)

    @property
    def is_linear(self) -> bool:
        """False: whatever the function, J is taken to move."""
        return False

    @lazy
    def reference(self) -> Array:
        """The parameters given, flat."""
        with float64():
            leaves = [
                np.asarray(leaf, dtype=float).ravel() for leaf in jax.tree.leaves(self.params)
            ]
        return np.concatenate(leaves) if leaves else np.zeros(0)

    @property
    def leaf_names(self) -> list[str]:
        """A name for each array of the tree: the path to it."""
        paths = jax.tree_util.tree_flatten_with_path(self.params)[0]
        return [
            jax.tree_util.keystr(path, simple=True, separator=".") or "params" for path, _ in paths
        ]

    @property
    def leaf_sizes(self) -> list[int]:
        """How many numbers each array of the tree has."""
        return [int(np.size(leaf)) for leaf in jax.tree.leaves(self.params)]

    @property
    def names(self) -> list[str]:
        """A name for each parameter: its array, and its place in there."""
        names = []
        for name, leaf in zip(self.leaf_names, jax.tree.leaves(self.params), strict=True):
            for place in np.ndindex(np.shape(leaf)):
                names.append(name + (f"[{', '.join(map(str, place))}]" if place else ""))
        return names

    def of(self, X: Any) -> AutodiffPredictor:
        """The same function of other rows."""
        return AutodiffPredictor(self.apply, X, self.params)

    def tree(self, params: Array) -> Any:
        """Flat parameters in the shape that ``apply`` takes."""
        with float64():
            tree: Any = self._functions.unravel(params)  # a NumPy array does for one of JAX
            return jax.tree.map(np.asarray, tree)

    def predict(self, params: Array) -> Array:
        """Outputs, (n, k)."""
        return self._by_rows("predict", params)

    def jvp(self, params: Array, direction: Array) -> Array:
        """J @ direction: (p,) -> (n, k)."""
        return self._by_rows("jvp", params, direction)

    def vjp(self, params: Array, cotangent: Array) -> Array:
        """J.T @ cotangent: (n, k) -> (p,)."""
        return self._summed("vjp", params, cotangent)

    def input_vjp(self, params: Array, cotangent: Array) -> Any:
        """Derivative of u_i . z_i by the row itself, in the shape of X; X in floats."""
        parts = [
            jax.tree.map(lambda a: np.asarray(a)[:m], part)  # noqa: B023 - used at once
            for part, m in self._run("input_vjp", params, CHUNK_ROWS, cotangent)
        ]
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)

    def jacobian(self, params: Array, rows: Rows) -> Array:
        """J of the chosen rows, (m, k, p): all of it at once, so choose few rows."""
        chosen = self if isinstance(rows, slice) and rows == slice(None) else self.take(rows)
        parts = [part for part, _ in chosen._jacobians(params)]
        shape = (0, self.n_outputs, self.n_params)
        return np.concatenate(parts) if parts else np.zeros(shape)

    def gram(self, params: Array, weights: Array) -> Array:
        """sum_i J_i.T W_i J_i for symmetric W_i: (n, k, k) -> (p, p)."""
        total = np.zeros((self.n_params, self.n_params))
        for J, rows in self._jacobians(params):
            weighted = weights[rows] @ J
            total += J.reshape(-1, self.n_params).T @ weighted.reshape(-1, self.n_params)
        return 0.5 * (total + total.T)

    def leverage(self, params: Array, matrix: Array) -> Array:
        """J_i A J_i.T for a symmetric A: (p, p) -> (n, k, k)."""
        result = np.empty((self.n_rows, self.n_outputs, self.n_outputs))
        for J, rows in self._jacobians(params):
            result[rows] = (J @ matrix) @ J.transpose(0, 2, 1)
        return 0.5 * (result + result.transpose(0, 2, 1))

    def curvature_vp(self, params: Array, cotangent: Array, direction: Array) -> Array:
        """sum_i u_i . (second derivative of z_i) @ direction: (p,)."""
        return self._summed("curvature_vp", params, cotangent, shared=direction)

    def row_curvature_vp(self, params: Array, directions: Array) -> Array:
        """sum_ia (second derivative of z_ia) @ d_ia: (n, k, p) -> (p,)."""
        total = np.zeros(self.n_params)
        for part, _ in self._run("row_curvature_vp", params, self._chunk_rows, directions):
            total += np.asarray(part)
        return total

    def curvature(self, params: Array, cotangent: Array) -> Array:
        """sum_i u_i . (second derivative of z_i): (n, k) -> (p, p), some directions at once."""
        n_params, chunk = self.n_params, min(self._chunk_rows, DIRECTION_ROWS)
        width = min(n_params, DIRECTIONS)
        total = np.zeros((n_params, n_params))
        for start in range(0, n_params, width):
            own = min(width, n_params - start)
            directions = np.eye(width, n_params, start)
            for part, _ in self._run("curvature", params, chunk, cotangent, shared=directions):
                total[start : start + own] += np.asarray(part)[:own]
        return 0.5 * (total + total.T)

    def leverage_vjp(self, params: Array, matrix: Array, cotangents: Array) -> Array:
        """Derivative by params of sum_i trace(C_i J_i A J_i.T), A held: (p,).

        Each row's Jacobian moves along its own directions, 2 C_i J_i A.
        """
        total = np.zeros(self.n_params)
        for J, rows in self._jacobians(params):
            directions = 2.0 * (cotangents[rows] @ (J @ matrix))
            chosen = self if len(J) == self.n_rows else self.take(rows)
            total += chosen.row_curvature_vp(params, directions)
        return total

    def column_squares(self, weights: Array) -> Array:
        """sum_i weights_i |J_ij|^2 for each parameter, J at ``reference``: (p,)."""
        total = np.zeros(self.n_params)
        for J, rows in self._jacobians(self.reference):
            total += np.einsum("n,nkp,nkp->p", weights[rows], J, J)
        return total

    def take(self, rows: Rows) -> AutodiffPredictor:
        """The predictor of the chosen rows."""
        return AutodiffPredictor(
            self.apply, jax.tree.map(lambda leaf: np.asarray(leaf)[rows], self.X), self.params
        )

    @lazy
    def _functions(self) -> Functions:
        leaves, structure = jax.tree.flatten(self.params)
        return compiled_functions(self.apply, structure, tuple(np.shape(leaf) for leaf in leaves))

    @property
    def _chunk_rows(self) -> int:
        """Rows whose Jacobian has about ``CHUNK`` numbers, a power of two."""
        most = max(CHUNK // max(self.n_outputs * self.n_params, 1), 1)
        return 1 << (most.bit_length() - 1)

    def _by_rows(self, name: str, params: Array, shared: Array | None = None) -> Array:
        result = np.empty((self.n_rows, self.n_outputs))
        start = 0
        for part, m in self._run(name, params, CHUNK_ROWS, shared=shared):
            result[start : start + m] = np.asarray(part)[:m]
            start += m
        return result

    def _summed(
        self, name: str, params: Array, cotangent: Array, shared: Array | None = None
    ) -> Array:
        total = np.zeros(self.n_params)
        for part, _ in self._run(name, params, CHUNK_ROWS, cotangent, shared=shared):
            total += np.asarray(part)
        return total

    def _jacobians(self, params: Array) -> Iterator[tuple[Array, slice]]:
        """Form J, some consecutive rows at a time.

        Yields
        ------
        J (m, k, p), and which rows
        """
        start = 0
        for part, m in self._run("jacobian", params, self._chunk_rows):
            yield np.asarray(part)[:m], slice(start, start + m)
            start += m

    def _run(
        self,
        name: str,
        params: Array,
        chunk: int,
        by_row: Array | None = None,
        shared: Array | None = None,
    ) -> Iterator[tuple[Any, int]]:
        """Run a compiled function on one chunk of rows after the other.

        ``by_row`` (n, ...) goes with the rows, zero where they are padding; ``shared`` to all.

        Yields
        ------
        result of the function, and how many of its rows are no padding
        """
        function = getattr(self._functions, name)
        params = np.asarray(params, dtype=float)
        for start in range(0, self.n_rows, chunk):
            stop = min(start + chunk, self.n_rows)
            # All chunks but a lone one have one shape.
            size = padded_size(stop - start) if self.n_rows <= chunk else chunk
            arguments: list[Any] = [params]
            if shared is not None:
                arguments.append(shared)
            if by_row is not None:
                arguments.append(pad_with_zeros(by_row[start:stop], size))
            with float64():
                part = function(*arguments, self._padded(start, stop, size))
            yield part, stop - start

    def _padded(self, start: int, stop: int, size: int) -> Any:
        kept = vars(self).setdefault("_device_rows", {})
        if (start, size) not in kept:
            kept[start, size] = jax.tree.map(
                lambda leaf: jnp.asarray(typed(pad_rows(np.asarray(leaf)[start:stop], size))),
                self.X,
            )
        return kept[start, size]

    def __getstate__(self) -> dict[str, Any]:
        """What cannot be recomputed: compiled functions and copies on a device can."""
        return {name: getattr(self, name) for name in ("apply", "X", "params")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
