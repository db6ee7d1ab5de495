"""Absolute values with their kink rounded off: of parameters, or of differences between them.

    R(params, hyper) = sum_k alpha_k (sqrt(d_k^2 + width^2) - width),     d = D params

alpha_k = exp(hyper[group_k]). Beyond the width R grows like alpha |d|; within it R is a ridge of
precision alpha / width. It is smooth and convex, and nothing is ever exactly zero. With r = d /
width:

    by d         alpha d / sqrt(d^2 + width^2)
    second       alpha / width (1 + r^2)^(-3/2)
    third        -3 alpha / width^2 r (1 + r^2)^(-5/2)

exp(-R) integrates to 2 width exp(x) K_1(x) for each k, x = alpha width, with Bessel's K_1, if no d
is a combination of others.

Source: Charbonnier, Blanc-Feraud, Aubert & Barlaud (1997), IEEE Trans. Image Process. 6, 298-311
(the smoothed absolute value); the integral: DLMF 10.32.8.

Maths: docs/math/penalties.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.special import k0e, k1e

from derivata.contracts import Array, HasDiagonal
from derivata.errors import InvalidParameter, NotAvailable, ShapeMismatch
from derivata.lazy import lazy

# From this x on the asymptotic series of K_0 / K_1 is exact to rounding.
LARGE = 1e6


@dataclass(frozen=True, eq=False)
class SmoothedAbsolute:
    """A weighted sum of smoothed absolute values of parameters, or of differences.

    Parameters
    ----------
    combinations : sparse array (m, n_params)
        D: each row has a single 1, or a 1 and a -1.
    groups : int array (m,)
        Which strength each row has, 0 ... n_hyper - 1.
    hyper_names : tuple of str
    width : float
        Positive, in units of the parameters.

    Raises
    ------
    InvalidParameter
        If the width is no positive number, or a strength has no row.
    ShapeMismatch
        If there is not one group a row.
    """

    combinations: Any
    groups: Array
    hyper_names: tuple[str, ...]
    width: float

    def __post_init__(self) -> None:
        groups = np.asarray(self.groups, dtype=np.intp)
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "combinations", sparse.csr_array(self.combinations, dtype=float))
        require_width(self.width)
        if len(groups) != self.combinations.shape[0]:
            raise ShapeMismatch(
                f"`groups` has {len(groups)} numbers for {self.combinations.shape[0]} combinations."
            )
        if not np.array_equal(np.unique(groups), np.arange(self.n_hyper)):
            raise InvalidParameter(
                f"`groups` holds the numbers {np.unique(groups)}; expected 0 ... "
                f"{self.n_hyper - 1}, each at least once, for the {self.n_hyper} named strengths."
            )

    @classmethod
    def of_sizes(
        cls, groups: Array, hyper_names: tuple[str, ...], width: float
    ) -> SmoothedAbsolute:
        """Of single parameters: ``groups`` (n_params,), -1 where free."""
        groups = np.asarray(groups)
        rows = _identity(len(groups))[np.flatnonzero(groups >= 0)]
        return cls(rows, groups[groups >= 0], hyper_names, width)

    @classmethod
    def of_chains(
        cls, chains: Array, hyper_names: tuple[str, ...], width: float
    ) -> SmoothedAbsolute:
        """Of differences of neighbours: ``chains`` (n_params,), -1 where free; one strength."""
        chains = np.asarray(chains)
        order = np.argsort(chains, kind="stable")
        order = order[chains[order] >= 0]
        joined = np.flatnonzero(np.diff(chains[order]) == 0)
        every = _identity(len(chains))
        rows = every[order[joined + 1]] - every[order[joined]]
        return cls(rows, np.zeros(len(joined), dtype=np.intp), hyper_names, width)

    @property
    def n_params(self) -> int:
        """Length of params."""
        return self.combinations.shape[1]

    @property
    def n_hyper(self) -> int:
        """Number of strengths."""
        return len(self.hyper_names)

    @lazy
    def is_diagonal(self) -> bool:
        """Whether every combination is a single parameter."""
        return bool((np.diff(self.combinations.indptr) == 1).all())

    @property
    def curvature_is_constant(self) -> bool:
        """Curvature falls where a combination is larger than the width."""
        return False

    @lazy
    def compared(self) -> Array | None:
        """The chain of each parameter, (n_params,); None where all are compared with zero."""
        if self.is_diagonal:
            return None
        _, first, second = self._pairs
        shape = (self.n_params, self.n_params)
        graph = sparse.coo_array((np.ones(len(first)), (first, second)), shape=shape)
        return connected_components(graph, directed=False)[1]

    def value(self, params: Array, hyper: Array) -> float:
        """R itself."""
        return float(self._strengths(hyper) @ self._sizes(params))

    def hyper_gradient(self, params: Array, hyper: Array) -> Array:
        """By hyper, (n_hyper,)."""
        return self._by_group(self._sizes(params), hyper)

    def gradient(self, params: Array, hyper: Array) -> Array:
        """By params, (n_params,)."""
        return self.combinations.T @ (self._strengths(hyper) * self._slopes(params))

    def hessian_diagonal(self, params: Array, hyper: Array) -> Array:
        """Diagonal of the Hessian by params, (n_params,); zero where free."""
        return self._squares.T @ (self._strengths(hyper) * self._bends(params))

    def coupling(self, params: Array, hyper: Array) -> Array | None:
        """What the Hessian has beside its diagonal, (n_params, n_params); None for sizes."""
        if self.is_diagonal:
            return None
        bends = sparse.diags_array(self._strengths(hyper) * self._bends(params))
        coupling = (self.combinations.T @ bends @ self.combinations).toarray()
        np.fill_diagonal(coupling, 0.0)
        return coupling

    def hvp(self, params: Array, hyper: Array, direction: Array) -> Array:
        """Hessian times a direction (n_params,) or directions (n_params, m)."""
        bends = self._strengths(hyper) * self._bends(params)
        return self.combinations.T @ (bends * (self.combinations @ direction).T).T

    def mixed_vjp(self, params: Array, hyper: Array, cotangent: Array) -> Array:
        """cotangent . d2R/dparams dhyper, (n_hyper,)."""
        return self._by_group(self._slopes(params) * (self.combinations @ cotangent), hyper)

    def mixed_jvp(self, params: Array, hyper: Array, direction: Array) -> Array:
        """How the gradient by params moves along ``direction`` (n_hyper,): (n_params,)."""
        moved = (np.exp(hyper) * direction)[self.groups]
        return self.combinations.T @ (moved * self._slopes(params))

    def hessian_vjp(self, params: Array, hyper: Array, matrix: HasDiagonal) -> Array:
        """Derivative of trace(matrix @ Hessian) by hyper, (n_hyper,)."""
        return self._by_group(self._bends(params) * self._quadratics(matrix), hyper)

    def hessian_params_vjp(self, params: Array, hyper: Array, matrix: HasDiagonal) -> Array:
        """The same by params, (n_params,): curvature moves with d."""
        r = self.combinations @ params / self.width
        third = -3.0 / self.width**2 * r * (1.0 + r * r) ** -2.5
        return self.combinations.T @ (self._strengths(hyper) * third * self._quadratics(matrix))

    def logdet(self, hyper: Array) -> tuple[float, Array]:
        """-2 log of the integral of exp(-R) + m log 2 pi, and its gradient by hyper, (n_hyper,).

        Raises
        ------
        NotAvailable
            If some combinations follow from others: their integrals do not factor.
        """
        if not self._is_independent:
            raise NotAvailable(
                "the integral of this penalty's prior is not known: its differences go round in "
                "circles. Use `criterion=LeaveOneOut()` or `KFold()`."
            )
        counts = np.bincount(self.groups, minlength=self.n_hyper)
        x = np.exp(hyper) * self.width
        with np.errstate(divide="ignore"):  # a strength of zero has an infinite integral
            logs = np.log(2.0 * self.width) + np.log(k1e(x))
        near = np.clip(x, 1e-300, LARGE)
        by_log = np.where(x < LARGE, near * (1.0 - k0e(near) / k1e(near)), 0.5) - 1.0
        return float(counts @ (np.log(2.0 * np.pi) - 2.0 * logs)), -2.0 * counts * by_log

    def merged(self, kinds: Array, names: tuple[str, ...]) -> SmoothedAbsolute:
        """The penalty with one strength a kind: ``kinds`` (n_hyper,) are numbers into names."""
        return replace(self, groups=np.asarray(kinds)[self.groups], hyper_names=names)

    def _strengths(self, hyper: Array) -> Array:
        return np.exp(hyper)[self.groups]

    def _by_group(self, values: Array, hyper: Array) -> Array:
        return np.bincount(self.groups, values, minlength=self.n_hyper) * np.exp(hyper)

    def _sizes(self, params: Array) -> Array:
        """sqrt(d^2 + width^2) - width without cancellation, (m,)."""
        d = self.combinations @ params
        return d * (d / (np.hypot(d, self.width) + self.width))

    def _slopes(self, params: Array) -> Array:
        d = self.combinations @ params
        return d / np.hypot(d, self.width)

    def _bends(self, params: Array) -> Array:
        r = self.combinations @ params / self.width
        return (1.0 + r * r) ** -1.5 / self.width

    @lazy
    def _squares(self) -> Any:
        return self.combinations.multiply(self.combinations).tocsr()

    def _quadratics(self, matrix: HasDiagonal) -> Array:
        """Diagonal of D matrix D^T, (m,)."""
        quadratics = self._squares @ matrix.diagonal()
        if self.is_diagonal:
            return quadratics
        rows, first, second = self._pairs
        entries: Array = matrix.entries(first, second)  # type: ignore[attr-defined]
        return quadratics - 2.0 * np.bincount(rows, entries, minlength=len(quadratics))

    @lazy
    def _pairs(self) -> tuple[Array, Array, Array]:
        """Rows that are differences, and the two parameters of each."""
        D = self.combinations
        rows = np.flatnonzero(np.diff(D.indptr) == 2)
        return rows, D.indices[D.indptr[rows]], D.indices[D.indptr[rows] + 1]

    @lazy
    def _is_independent(self) -> bool:
        """Whether no combination follows from others: a forest over parameters and a ground."""
        rows, first, second = self._pairs
        alone = np.diff(self.combinations.indptr) == 1
        single = self.combinations.indices[self.combinations.indptr[:-1][alone]]
        ends = np.append(first, single), np.append(second, np.full(len(single), self.n_params))
        size = self.n_params + 1
        graph = sparse.coo_array((np.ones(len(ends[0])), ends), shape=(size, size))
        return len(ends[0]) == size - connected_components(graph, directed=False)[0]


def _identity(size: int) -> Any:
    return sparse.csr_array(sparse.eye_array(size))


def require_width(width: Any) -> None:
    """Raise ``InvalidParameter`` unless ``width`` is a positive, finite number."""
    number = isinstance(width, Real) and not isinstance(width, bool)
    if not number or not 0.0 < float(width) < np.inf:
        raise InvalidParameter(
            f"`width` is {width!r}; expected a positive number, in units of the coefficients. For "
            "a kink, use `Lasso()` or `TotalVariation()`."
        )
