"""Ridge penalties: one strength for a group of parameters.

    R(params, hyper) = 1/2 sum_j exp(hyper[group_j]) params_j^2

exp(hyper) is the precision of a normal prior on the group. Group -1 is free: never penalised.

Maths: docs/math/objective.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array, HasDiagonal
from derivata.errors import InvalidParameter

FREE = -1


@dataclass(frozen=True, eq=False)
class GroupRidge:
    """Half a weighted sum of squares, one weight a group.

    Parameters
    ----------
    groups : int array (n_params,)
        The group of each parameter, 0 ... n_hyper - 1, or -1 for a free one.
    hyper_names : tuple of str
        A name for each group; its length is n_hyper.

    Raises
    ------
    InvalidParameter
        If a group number has no name, or a named group has no parameter.
    """

    groups: Array
    hyper_names: tuple[str, ...]

    def __post_init__(self) -> None:
        groups = np.asarray(self.groups)
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "_penalised", groups >= 0)
        present = np.bincount(groups[groups >= 0], minlength=self.n_hyper)
        if groups.min(initial=0) < FREE or len(present) > self.n_hyper:
            raise InvalidParameter(
                f"`groups` holds numbers from {groups.min()} to {groups.max()}; expected -1 (free) "
                f"or 0 ... {self.n_hyper - 1}, one for each of the {self.n_hyper} named groups."
            )
        if (present == 0).any():
            empty = [self.hyper_names[g] for g in np.flatnonzero(present == 0)]
            raise InvalidParameter(f"penalty group {empty[0]!r} has no parameter; leave it out.")

    @property
    def n_params(self) -> int:
        """Length of params."""
        return len(self.groups)

    @property
    def n_hyper(self) -> int:
        """Number of groups."""
        return len(self.hyper_names)

    @property
    def is_diagonal(self) -> bool:
        """The Hessian is diagonal."""
        return True

    @property
    def curvature_is_constant(self) -> bool:
        """The Hessian depends on hyper alone."""
        return True

    @property
    def compared(self) -> None:
        """None: each parameter is compared with zero alone."""

    @property
    def penalised(self) -> Array:
        """Which parameters carry a penalty, bool (n_params,)."""
        return self._penalised  # type: ignore[attr-defined]

    def hessian_diagonal(self, params: Array, hyper: Array) -> Array:
        """The precision of each parameter, (n_params,); zero where free."""
        return self._per_param(np.exp(hyper))

    def value(self, params: Array, hyper: Array) -> float:
        """Half the weighted sum of squares."""
        return 0.5 * float(self.hessian_diagonal(params, hyper) @ (params * params))

    def hyper_gradient(self, params: Array, hyper: Array) -> Array:
        """By hyper, (n_hyper,): half the weighted squares of each group."""
        return 0.5 * self._by_group(params * params, hyper)

    def gradient(self, params: Array, hyper: Array) -> Array:
        """By params, (n_params,)."""
        return self.hessian_diagonal(params, hyper) * params

    def coupling(self, params: Array, hyper: Array) -> None:
        """None: the Hessian has nothing beside its diagonal."""

    def hvp(self, params: Array, hyper: Array, direction: Array) -> Array:
        """Hessian times a direction (n_params,) or directions (n_params, m)."""
        return (self.hessian_diagonal(params, hyper) * direction.T).T

    def mixed_vjp(self, params: Array, hyper: Array, cotangent: Array) -> Array:
        """cotangent . d2R/dparams dhyper, (n_hyper,)."""
        return self._by_group(params * cotangent, hyper)

    def mixed_jvp(self, params: Array, hyper: Array, direction: Array) -> Array:
        """How the gradient by params moves along ``direction`` (n_hyper,): (n_params,)."""
        return self._per_param(np.exp(hyper) * direction) * params

    def hessian_vjp(self, params: Array, hyper: Array, matrix: HasDiagonal) -> Array:
        """Derivative of trace(matrix @ Hessian) by hyper, (n_hyper,)."""
        return self._by_group(matrix.diagonal(), hyper)

    def hessian_params_vjp(self, params: Array, hyper: Array, matrix: HasDiagonal) -> Array:
        """Zero, (n_params,): the Hessian does not depend on params."""
        return np.zeros(self.n_params)

    def merged(self, kinds: Array, names: tuple[str, ...]) -> GroupRidge:
        """The penalty whose groups of a kind are one: ``kinds`` (n_hyper,) numbers into names."""
        return GroupRidge(np.where(self.groups < 0, FREE, kinds[self.groups]), names)

    def logdet(self, hyper: Array) -> tuple[float, Array]:
        """log of the product of the penalised precisions, and its gradient by hyper: the sizes."""
        sizes = np.bincount(self.groups + 1, minlength=self.n_hyper + 1)[1:].astype(float)
        return float(sizes @ hyper), sizes

    def _per_param(self, per_group: Array) -> Array:
        # Index -1 reaches the last entry, zero, so free parameters need no branch.
        padded = np.zeros(self.n_hyper + 1)
        padded[:-1] = per_group
        return padded[self.groups]

    def _by_group(self, values: Array, hyper: Array) -> Array:
        if self.n_hyper == 0:
            return np.zeros(0)
        sums = np.bincount(self.groups + 1, values, minlength=self.n_hyper + 1)[1:]
        return sums * np.exp(hyper)
