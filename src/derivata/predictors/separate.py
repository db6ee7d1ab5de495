"""A linear predictor whose outputs have a design each: z_a = X_a w_a, params one after the other.

Its Jacobian is block-diagonal, so a Hessian has the blocks X_a^T diag(W_ab) X_b, and a leverage the
entries x_ia^T A_ab x_ib. Where all outputs share a design ``LinearPredictor`` is faster.

Maths: docs/math/adapters.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, Design, Rows
from derivata.lazy import lazy
from derivata.predictors.straight import Straight


@dataclass(frozen=True, eq=False)
class SeparateLinear(Straight):
    """Outputs that are linear in parameters of their own.

    Parameters
    ----------
    designs : tuple of Design
        One for each output, of the same rows.
    """

    designs: tuple[Design, ...]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.designs[0].n_rows

    @property
    def n_outputs(self) -> int:
        """Outputs a row."""
        return len(self.designs)

    @property
    def n_params(self) -> int:
        """Columns of all designs together."""
        return sum(design.n_columns for design in self.designs)

    @property
    def reference(self) -> Array:
        """Zeros: J is the same everywhere."""
        return np.zeros(self.n_params)

    @lazy
    def parts(self) -> tuple[slice, ...]:
        """Where the parameters of each output lie."""
        ends = np.cumsum([0, *(design.n_columns for design in self.designs)])
        return tuple(slice(start, end) for start, end in zip(ends[:-1], ends[1:], strict=True))

    def predict(self, params: Array) -> Array:
        """Outputs, (n, k)."""
        each = zip(self.designs, self.parts, strict=True)
        return np.column_stack([design.matvec(params[part][:, None]) for design, part in each])

    def jvp(self, params: Array, direction: Array) -> Array:
        """J @ direction, (n, k)."""
        return self.predict(direction)

    def vjp(self, params: Array, cotangent: Array) -> Array:
        """J.T @ cotangent, (n_params,)."""
        return np.concatenate(
            [design.rmatvec(cotangent[:, [a]])[:, 0] for a, design in enumerate(self.designs)]
        )

    def jacobian(self, params: Array, rows: Rows) -> Array:
        """J of the chosen rows, dense (m, k, n_params)."""
        blocks = [design.dense(rows) for design in self.designs]
        result = np.zeros((len(blocks[0]), self.n_outputs, self.n_params))
        for a, (block, part) in enumerate(zip(blocks, self.parts, strict=True)):
            result[:, a, part] = block
        return result

    def gram(self, params: Array, weights: Array) -> Array:
        """sum_i J_i.T W_i J_i for symmetric W_i: (n, k, k) -> (n_params, n_params)."""
        result = np.empty((self.n_params, self.n_params))
        for a, b in self._pairs():
            first, second = self.parts[a], self.parts[b]
            if a == b:
                result[first, first] = self.designs[a].gram(weights[:, a, a][:, None])[0]
                continue
            wide, narrow = self.designs[a], self._dense[b]
            block = wide.rmatvec(weights[:, a, b][:, None] * narrow)
            result[first, second], result[second, first] = block, block.T
        return result

    def leverage(self, params: Array, matrix: Array) -> Array:
        """J_i A J_i.T for a symmetric A (n_params, n_params): (n, k, k)."""
        result = np.empty((self.n_rows, self.n_outputs, self.n_outputs))
        for a, b in self._pairs():
            block = matrix[self.parts[a], self.parts[b]]
            if a == b:
                block = 0.5 * (block + block.T)  # a form sees the symmetric part only
                result[:, a, a] = self.designs[a].quadratics(block[None])[:, 0]
                continue
            both = 0.5 * (block + matrix[self.parts[b], self.parts[a]].T)
            form = np.einsum("ij,ij->i", self.designs[a].matvec(both), self._dense[b])
            result[:, a, b] = result[:, b, a] = form
        return result

    def column_squares(self, weights: Array) -> Array:
        """sum_i weights_i |J_ij|^2 for each parameter, (n_params,)."""
        return np.concatenate([design.column_squares(weights) for design in self.designs])

    def take(self, rows: Rows) -> SeparateLinear:
        """The predictor of the chosen rows."""
        return SeparateLinear(tuple(design.take(rows) for design in self.designs))

    @lazy
    def _dense(self) -> dict[int, Array]:
        """Designs of all outputs but the first, as arrays: the widest should come first."""
        return {b: design.dense(slice(None)) for b, design in enumerate(self.designs) if b > 0}

    def _pairs(self) -> Iterator[tuple[int, int]]:
        for a in range(self.n_outputs):
            for b in range(a, self.n_outputs):
                yield a, b
