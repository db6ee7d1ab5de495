"""Total variation of parameters that stand in a row, with their own sizes beside it or without.

    R(params, hyper) = alpha1 sum_j |params_j+1 - params_j| + alpha2 sum_j |params_j|

The first sum runs over neighbours in a chain: neighbours become equal, so that a chain is a
staircase of few steps. The second, if there is one, holds whole steps at zero (the fused lasso).
R has a kink where neighbours are equal or entries are zero, and is straight everywhere else: on a
face, where the same neighbours stay equal and the same entries zero, F is as smooth as its losses.

Sources: Rudin, Osher & Fatemi (1992), Physica D 60, 259-268; Tibshirani, Saunders, Rosset, Zhu &
Knight (2005), J. R. Statist. Soc. B 67, 91-108 (the fused lasso).

Maths: docs/math/penalties.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from derivata.contracts import Array, HasDiagonal
from derivata.errors import InvalidParameter, NotAvailable
from derivata.lazy import lazy
from derivata.penalties.chain import prox_chain
from derivata.penalties.smooth import FREE


@dataclass(frozen=True, eq=False)
class ChainVariation:
    """A weighted sum of absolute differences of neighbours, and perhaps of absolute values.

    Derivatives are those on the face of the parameters; across it they are zero.

    Parameters
    ----------
    chains : int array (n_columns,)
        The chain of each column, 0 ... n_chains - 1, or -1 for a free one. Columns of a chain are
        neighbours in the order in which they stand. With several outputs each has its own chains;
        params are output by output.
    n_outputs : int
    hyper_names : tuple of str
        One name for the differences, or two if sizes have a strength as well; hyper is the log of
        the strengths.

    Raises
    ------
    InvalidParameter
        If chains are not numbered from 0, or names are not one or two.
    """

    chains: Array
    n_outputs: int = 1
    hyper_names: tuple[str, ...] = ("variation",)

    def __post_init__(self) -> None:
        chains = np.asarray(self.chains, dtype=np.intp)
        object.__setattr__(self, "chains", chains)
        if chains.min(initial=0) < FREE or len(np.unique(chains[chains >= 0])) != self.n_chains:
            raise InvalidParameter(
                f"`chains` holds numbers from {chains.min()} to {chains.max()}; expected -1 (free) "
                f"or 0 ... {chains.max()}, each of them at least once."
            )
        if len(self.hyper_names) not in (1, 2):
            raise InvalidParameter(
                f"`hyper_names` is {self.hyper_names!r}; expected a name for the strength of the "
                "differences, and a second one if sizes are penalised too."
            )

    @property
    def n_chains(self) -> int:
        """Chains of each output."""
        return int(self.chains.max(initial=FREE)) + 1

    @property
    def n_params(self) -> int:
        """Length of params."""
        return len(self.chains) * self.n_outputs

    @property
    def n_hyper(self) -> int:
        """One or two."""
        return len(self.hyper_names)

    @property
    def is_diagonal(self) -> bool:
        """The Hessian is zero where there is one."""
        return True

    @property
    def curvature_is_constant(self) -> bool:
        """The Hessian is zero where there is one."""
        return True

    @lazy
    def compared(self) -> Array:
        """The chain of each parameter, and a number of its own for each free one, (n_params,)."""
        number = np.empty(self.n_params, dtype=np.intp)
        number[self.order] = np.append(0, np.cumsum(~self.joined))[: len(self.order)]
        free = np.setdiff1d(np.arange(self.n_params), self.order)
        number[free] = len(self.order) + np.arange(len(free))
        return number

    @lazy
    def order(self) -> Array:
        """Parameters that are in a chain, by index, chain after chain, (m,)."""
        number = (self.chains + self.n_chains * np.arange(self.n_outputs)[:, None]).ravel()
        chained = np.flatnonzero(np.tile(self.chains >= 0, self.n_outputs))
        return chained[np.argsort(number[chained], kind="stable")]

    @lazy
    def joined(self) -> Array:
        """Whether an entry of ``order`` and the next are neighbours, bool (m - 1,)."""
        number = (self.chains + self.n_chains * np.arange(self.n_outputs)[:, None]).ravel()
        number = number[self.order]
        return number[1:] == number[:-1]

    def strengths(self, hyper: Array) -> tuple[float, float]:
        """Of the differences and of the sizes."""
        return float(np.exp(hyper[0])), float(np.exp(hyper[1])) if self.n_hyper == 2 else 0.0

    def value(self, params: Array, hyper: Array) -> float:
        """R itself."""
        alpha1, alpha2 = self.strengths(hyper)
        variation, size = self._sums(params)
        return alpha1 * variation + (alpha2 * size if alpha2 > 0.0 else 0.0)

    def hyper_gradient(self, params: Array, hyper: Array) -> Array:
        """By hyper, (n_hyper,)."""
        return (np.array(self.strengths(hyper)) * self._sums(params))[: self.n_hyper]

    def gradient(self, params: Array, hyper: Array) -> Array:
        """By params, (n_params,); where neighbours are equal or an entry zero, with sign zero."""
        by_variation, by_size = self._directions(params)
        alpha1, alpha2 = self.strengths(hyper)
        return alpha1 * by_variation + alpha2 * by_size

    def shortest(self, params: Array, hyper: Array, loss_gradient: Array) -> Array:
        """``loss_gradient`` plus the subgradient that makes the sum shortest, (n_params,).

        Zero exactly at a minimiser. Of a run of equal neighbours it is what total variation along
        the run leaves of their gradients: ``prox_chain`` of them.
        """
        alpha1, alpha2 = self.strengths(hyper)
        gradient = loss_gradient + self.gradient(params, hyper)
        entries = params[self.order]
        pull = np.where(self.joined & (entries[1:] == entries[:-1]), alpha1, 0.0)
        hold = np.where(entries == 0.0, alpha2, 0.0)
        along = prox_chain(gradient[self.order], pull, hold, np.ones(len(entries)))
        gradient[self.order] = along
        return gradient

    def prox(self, params: Array, hyper: Array, step: Array | float) -> Array:
        """argmin over v of sum_j (v_j - params_j)^2 / 2 step_j + R(v), (n_params,)."""
        alpha1, alpha2 = self.strengths(hyper)
        weight = np.broadcast_to(1.0 / np.asarray(step, dtype=float), params.shape)[self.order]
        pull, hold = np.where(self.joined, alpha1, 0.0), np.full(len(self.order), alpha2)
        moved = params.copy()
        moved[self.order] = prox_chain(params[self.order], pull, hold, weight)
        return moved

    def faces(self, params: Array) -> Array:
        """A number for each parameter, (n_params,): equal within a run, -1 where held at zero."""
        entries = params[self.order]
        apart = ~self.joined | (entries[1:] != entries[:-1])
        runs = np.append(0, np.cumsum(apart))[: len(entries)]
        number = np.empty(self.n_params, dtype=np.intp)
        free = np.ones(self.n_params, dtype=bool)
        free[self.order] = False
        number[self.order] = runs
        number[free] = runs.max(initial=-1) + 1 + np.arange(np.count_nonzero(free))
        if self.n_hyper == 2:
            number[self.order[entries == 0.0]] = -1
        kept = np.unique(number[number >= 0])
        return np.where(number >= 0, np.searchsorted(kept, number), -1)

    def pinned(self, params: Array) -> Array:
        """Rows A, (a, n_params), with A v = 0 for all v that keep the face of ``params``."""
        number = self.faces(params)
        zero = np.flatnonzero(number < 0)
        first, second = self.order[:-1], self.order[1:]
        equal = np.flatnonzero(
            self.joined & (number[first] == number[second]) & (number[first] >= 0)
        )
        rows = np.zeros((len(zero) + len(equal), self.n_params))
        rows[np.arange(len(zero)), zero] = 1.0
        below = len(zero) + np.arange(len(equal))
        rows[below, second[equal]], rows[below, first[equal]] = 1.0, -1.0
        return rows

    def hessian_diagonal(self, params: Array, hyper: Array) -> Array:
        """Zero: R is straight on its faces, (n_params,)."""
        return np.zeros(self.n_params)

    def coupling(self, params: Array, hyper: Array) -> None:
        """None: there is no Hessian."""

    def hvp(self, params: Array, hyper: Array, direction: Array) -> Array:
        """Zero, of the direction's shape."""
        return np.zeros_like(direction)

    def mixed_vjp(self, params: Array, hyper: Array, cotangent: Array) -> Array:
        """cotangent . d2R/dparams dhyper, (n_hyper,)."""
        along = np.array([float(cotangent @ each) for each in self._directions(params)])
        return (np.array(self.strengths(hyper)) * along)[: self.n_hyper]

    def mixed_jvp(self, params: Array, hyper: Array, direction: Array) -> Array:
        """How the gradient by params moves along ``direction`` (n_hyper,): (n_params,)."""
        by_variation, by_size = self._directions(params)
        alpha1, alpha2 = self.strengths(hyper)
        moved = direction[0] * alpha1 * by_variation
        return moved + direction[1] * alpha2 * by_size if self.n_hyper == 2 else moved

    def hessian_vjp(self, params: Array, hyper: Array, matrix: HasDiagonal) -> Array:
        """Zero, (n_hyper,)."""
        return np.zeros(self.n_hyper)

    def hessian_params_vjp(self, params: Array, hyper: Array, matrix: HasDiagonal) -> Array:
        """Zero, (n_params,)."""
        return np.zeros(self.n_params)

    def logdet(self, hyper: Array) -> NoReturn:
        """Refused: a prior with a kink has no Hessian to take the determinant of."""
        raise NotAvailable(
            "the evidence by Laplace needs a smooth penalty; total variation has kinks. Use "
            "`criterion=KFold()`, or `SmoothedVariation()`."
        )

    def merged(self, kinds: Array, names: tuple[str, ...]) -> NoReturn:
        """Refused: strengths of differences and of sizes are of different kinds."""
        raise NotAvailable("the strengths of a penalty of total variation cannot be merged.")

    def _sums(self, params: Array) -> tuple[float, float]:
        """The variation and the summed sizes."""
        entries = params[self.order]
        variation = np.abs(np.diff(entries))[self.joined].sum()
        return float(variation), float(np.abs(entries).sum())

    def _directions(self, params: Array) -> tuple[Array, Array]:
        """Gradients of the variation and of the summed sizes, (n_params,) both."""
        entries = params[self.order]
        up = np.sign(np.diff(entries)) * self.joined
        by_variation, by_size = np.zeros(self.n_params), np.zeros(self.n_params)
        by_variation[self.order] = np.append(0.0, up) - np.append(up, 0.0) if len(entries) else 0.0
        by_size[self.order] = np.sign(entries)
        return by_variation, by_size
