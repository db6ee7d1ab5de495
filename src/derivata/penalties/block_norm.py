"""Norms of blocks of parameters plus their squares: lasso, elastic net and group lasso alike.

    R(params, hyper) = alpha1 sum_b weight_b |params_b| + alpha2 / 2 sum_b |params_b|^2

``params_b`` is a block, the parameters of one column or of several over all outputs, and |.| its
Euclidean norm, which does not change under rotations of the outputs. R has a kink where a block is
zero: it stays zero while the losses pull on it with less than alpha1 weight_b. Elsewhere R is
smooth, with Hessian

    alpha2 I + alpha1 weight_b / |params_b| (I - u u^T),     u = params_b / |params_b|

Block -1 is free: never penalised.

Maths: docs/math/sparse_penalties.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from derivata.contracts import Array, HasDiagonal
from derivata.errors import InvalidParameter, NotAvailable
from derivata.lazy import lazy
from derivata.penalties.smooth import FREE


@dataclass(frozen=True, eq=False)
class BlockNorm:
    """A weighted sum of norms, plus half a sum of squares.

    Derivatives are those of the blocks that are not zero; the parts of the others are zero.

    Parameters
    ----------
    blocks : int array (n_columns,)
        The block of each column, 0 ... n_blocks - 1, or -1 for a free one. With several outputs a
        block holds its columns' parameters for all of them; params are output by output.
    n_outputs : int
    hyper_names : tuple of str
        One name for each number in hyper.
    weights : array (n_blocks,), optional
        Of the norms; ones by default.
    l1_ratio : float, optional
        hyper is log alpha, with alpha1 = l1_ratio alpha and alpha2 = (1 - l1_ratio) alpha. If left
        out, hyper is (log alpha1, log alpha2).

    Raises
    ------
    InvalidParameter
        If a block has no weight, or names do not fit.
    """

    blocks: Array
    n_outputs: int
    hyper_names: tuple[str, ...]
    weights: Array | None = None
    l1_ratio: float | None = None

    def __post_init__(self) -> None:
        blocks = np.asarray(self.blocks, dtype=np.intp)
        n_blocks = int(blocks.max(initial=FREE)) + 1
        object.__setattr__(self, "blocks", blocks)
        if self.weights is None:
            object.__setattr__(self, "weights", np.ones(n_blocks))
        if blocks.min(initial=0) < FREE or len(self.block_weights) != n_blocks:
            raise InvalidParameter(
                f"`blocks` holds numbers from {blocks.min()} to {blocks.max()}; expected -1 (free) "
                f"or 0 ... {len(self.block_weights) - 1}, one for each of the weights."
            )
        if len(self.hyper_names) != (2 if self.l1_ratio is None else 1):
            raise InvalidParameter(
                f"`hyper_names` is {self.hyper_names!r}; expected two names, or one if `l1_ratio` "
                "is given."
            )

    @property
    def block_weights(self) -> Array:
        """The weight of each block, (n_blocks,)."""
        return np.asarray(self.weights, dtype=float)

    @property
    def n_params(self) -> int:
        """Length of params."""
        return len(self.blocks) * self.n_outputs

    @property
    def n_hyper(self) -> int:
        """One or two."""
        return len(self.hyper_names)

    @lazy
    def param_blocks(self) -> Array:
        """The block of each parameter, (n_params,)."""
        return np.tile(self.blocks, self.n_outputs)

    @lazy
    def penalised(self) -> Array:
        """Which parameters carry a penalty, bool (n_params,)."""
        return self.param_blocks >= 0

    @lazy
    def param_weights(self) -> Array:
        """The weight of each parameter's block, (n_params,); zero where free."""
        return np.append(self.block_weights, 0.0)[self.param_blocks]

    @lazy
    def is_separable(self) -> bool:
        """Whether every block is a single parameter, so that its norm is an absolute value."""
        return int(np.count_nonzero(self.penalised)) == len(self.block_weights)

    @property
    def is_diagonal(self) -> bool:
        """Whether the Hessian of the blocks that are not zero is diagonal."""
        return self.is_separable

    @property
    def curvature_is_constant(self) -> bool:
        """Whether each norm is an absolute value, which is straight."""
        return self.is_separable

    @property
    def compared(self) -> None:
        """None: each block is compared with zero alone."""

    def strengths(self, hyper: Array) -> tuple[float, float]:
        """alpha1 and alpha2."""
        if self.l1_ratio is None:
            return float(np.exp(hyper[0])), float(np.exp(hyper[1]))
        alpha = float(np.exp(hyper[0]))
        return self.l1_ratio * alpha, (1.0 - self.l1_ratio) * alpha

    def norms(self, values: Array) -> Array:
        """For each parameter the norm of the block it is in, (n_params,); zero where free."""
        if self.is_separable:
            return np.where(self.penalised, np.abs(values), 0.0)
        squares = np.bincount(self.param_blocks + 1, values * values, len(self.block_weights) + 1)
        squares[0] = 0.0
        return np.sqrt(squares)[self.param_blocks + 1]

    def directions(self, params: Array) -> Array:
        """The gradient of the summed norms, weight_b u, (n_params,); zero where a block is zero."""
        if self.is_separable:
            return self.param_weights * np.sign(params)
        norms = self.norms(params)
        return self.param_weights * params / np.where(norms > 0.0, norms, 1.0)

    def value(self, params: Array, hyper: Array) -> float:
        """R itself."""
        alpha1, alpha2 = self.strengths(hyper)
        value = alpha1 * float(
            self.param_weights @ np.abs(params)
            if self.is_separable
            else self.directions(params) @ params
        )
        if alpha2 > 0.0:
            value += 0.5 * alpha2 * float(params[self.penalised] @ params[self.penalised])
        return value

    def hyper_gradient(self, params: Array, hyper: Array) -> Array:
        """By hyper, (n_hyper,)."""
        squares = float(params[self.penalised] @ params[self.penalised])
        return self._by_hyper(float(self.directions(params) @ params), 0.5 * squares, hyper)

    def gradient(self, params: Array, hyper: Array) -> Array:
        """By params, (n_params,); where a block is zero, the subgradient zero."""
        alpha1, alpha2 = self.strengths(hyper)
        gradient = alpha1 * self.directions(params)
        return gradient + alpha2 * self.penalised * params if alpha2 > 0.0 else gradient

    def shortest(self, params: Array, hyper: Array, loss_gradient: Array) -> Array:
        """``loss_gradient`` plus the subgradient that makes the sum shortest, (n_params,).

        Zero exactly at a minimiser; where a block is zero, what pulls harder than its kink holds.
        """
        gradient = loss_gradient + self.gradient(params, hyper)
        held = self.strengths(hyper)[0] * self.param_weights
        if self.is_separable:
            over = np.maximum(np.abs(loss_gradient) - held, 0.0)
            return np.where(params == 0.0, np.copysign(over, loss_gradient), gradient)
        still = (self.norms(params) == 0.0) & self.penalised
        pull = self.norms(np.where(still, loss_gradient, 0.0))
        over = pull > held
        left = np.where(over, 1.0 - held / np.where(over, pull, 1.0), 0.0)
        return np.where(still, left * loss_gradient, gradient)

    def prox(self, params: Array, hyper: Array, step: Array | float) -> Array:
        """argmin over v of |v - params|^2 / 2 step + R(v); ``step`` is equal within a block."""
        alpha1, alpha2 = self.strengths(hyper)
        norms = self.norms(params)
        shrunk = np.maximum(norms - step * alpha1 * self.param_weights, 0.0)
        kept = shrunk / np.where(norms > 0.0, norms, 1.0) / (1.0 + step * alpha2)
        return np.where(self.penalised, kept * params, params)

    def active(self, params: Array) -> Array:
        """Columns that are free or in a block that is not zero, bool (n_columns,)."""
        if self.is_separable:
            return (params != 0.0) | ~self.penalised
        moving = (~self.penalised) | (self.norms(params) > 0.0)
        return moving[: len(self.blocks)]

    def select(self, columns: Array) -> BlockNorm:
        """The penalty of chosen columns (whole blocks), by index."""
        kept = self.blocks[columns]
        if self.is_separable:
            penalised = kept >= 0
            blocks = np.where(penalised, np.cumsum(penalised) - 1, FREE)
            return replace(self, blocks=blocks, weights=self.block_weights[kept[penalised]])
        present, number = np.unique(kept[kept >= 0], return_inverse=True)
        blocks = np.full(len(kept), FREE)
        blocks[kept >= 0] = number
        return replace(self, blocks=blocks, weights=self.block_weights[present])

    def hessian_diagonal(self, params: Array, hyper: Array) -> Array:
        """Diagonal of the Hessian by params, (n_params,); zero where free."""
        alpha1, alpha2 = self.strengths(hyper)
        diagonal = np.where(self.penalised, alpha2, 0.0)
        return diagonal if self.is_separable else diagonal + alpha1 * self._bend(params)

    def coupling(self, params: Array, hyper: Array) -> Array | None:
        """What the Hessian has beside its diagonal, (n_params, n_params); None for no blocks."""
        if self.is_separable:
            return None
        unit, curvature = self._unit_and_curvature(params, self.strengths(hyper)[0])
        same = self.param_blocks[:, None] == self.param_blocks
        coupling = np.where(same, -(curvature * unit)[:, None] * unit, 0.0)
        np.fill_diagonal(coupling, 0.0)
        return coupling

    def hvp(self, params: Array, hyper: Array, direction: Array) -> Array:
        """Hessian times a direction (n_params,) or directions (n_params, m)."""
        alpha1, alpha2 = self.strengths(hyper)
        product = (alpha2 * self.penalised * direction.T).T
        if self.is_separable:
            return product
        unit, curvature = self._unit_and_curvature(params, alpha1)
        columns = direction.reshape(len(params), -1)
        number = self.param_blocks + 1
        for column, into in zip(columns.T, product.reshape(columns.shape).T, strict=True):
            along = np.bincount(number, unit * column, len(self.block_weights) + 1)
            into += curvature * (column - along[number] * unit)
        return product

    def mixed_vjp(self, params: Array, hyper: Array, cotangent: Array) -> Array:
        """cotangent . d2R/dparams dhyper, (n_hyper,)."""
        by_norms = float(cotangent @ self.directions(params))
        return self._by_hyper(by_norms, float((cotangent * self.penalised) @ params), hyper)

    def mixed_jvp(self, params: Array, hyper: Array, direction: Array) -> Array:
        """How the gradient by params moves along ``direction`` (n_hyper,): (n_params,)."""
        alpha1, alpha2 = self.strengths(hyper)
        along1, along2 = direction[0] * alpha1, direction[-1] * alpha2
        return along1 * self.directions(params) + along2 * self.penalised * params

    def hessian_vjp(self, params: Array, hyper: Array, matrix: HasDiagonal) -> Array:
        """Derivative of trace(matrix @ Hessian) by hyper, (n_hyper,).

        Raises
        ------
        NotAvailable
            For blocks of several parameters: it would need more than the matrix's diagonal.
        """
        if not self.is_separable:
            raise NotAvailable(
                "the derivative of leave-one-out is not known for penalties of whole groups or of "
                "several classes. Use `criterion=KFold()`."
            )
        return self._by_hyper(0.0, float(matrix.diagonal()[self.penalised].sum()), hyper)

    def hessian_params_vjp(self, params: Array, hyper: Array, matrix: HasDiagonal) -> Array:
        """Derivative of trace(matrix @ Hessian) by params, (n_params,): zero for single parameters.

        Raises
        ------
        NotAvailable
            For blocks of several parameters, as ``hessian_vjp``.
        """
        self.hessian_vjp(params, hyper, matrix)
        return np.zeros(self.n_params)

    def logdet(self, hyper: Array) -> NoReturn:
        """Refused: a prior with a kink has no Hessian to take the determinant of."""
        raise NotAvailable(
            "the evidence by Laplace needs a smooth penalty; this one has a kink at zero. Use "
            "`criterion=KFold()`, or leave `penalty` out for a ridge penalty."
        )

    def merged(self, kinds: Array, names: tuple[str, ...]) -> NoReturn:
        """Refused: the two strengths of an elastic net are of different kinds."""
        raise NotAvailable(
            "the strengths of a sparse penalty cannot be merged. Give `l1_ratio` a number instead: "
            "one strength is left."
        )

    def _by_hyper(self, by_alpha1: float, by_alpha2: float, hyper: Array) -> Array:
        """The derivative by hyper of what is linear in both strengths, with these slopes."""
        each = np.array(self.strengths(hyper)) * (by_alpha1, by_alpha2)
        return each if self.l1_ratio is None else each.sum(keepdims=True)

    def _unit_and_curvature(self, params: Array, alpha1: float) -> tuple[Array, Array]:
        """u and alpha1 weight_b / |params_b|, (n_params,) both; zero where a block is zero."""
        norms = self.norms(params)
        size = np.where(norms > 0.0, norms, 1.0)
        inside = norms > 0.0
        return np.where(inside, params / size, 0.0), alpha1 * self.param_weights * inside / size

    def _bend(self, params: Array) -> Array:
        """Diagonal of the Hessian of the summed norms, (n_params,)."""
        unit, curvature = self._unit_and_curvature(params, 1.0)
        return curvature * (1.0 - unit * unit)
