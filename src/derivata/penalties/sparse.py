"""Penalties that leave most coefficients exactly zero, as a user names them.

    Lasso        alpha sum_j |coef_j|
    ElasticNet   alpha1 sum_j |coef_j| + alpha2 / 2 sum_j coef_j^2
    GroupLasso   alpha sum_g sqrt(columns of g) |coef_g|

They say what is penalised; ``on`` makes the penalty of a model with given columns and outputs,
a ``BlockNorm``. Sources: Tibshirani (1996), J. R. Statist. Soc. B 58, 267-288; Zou & Hastie (2005),
67, 301-320; Yuan & Lin (2006), 68, 49-67.

Maths: docs/math/sparse_penalties.md
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.penalties.block_norm import BlockNorm
from derivata.penalties.smooth import FREE

# ElasticNet: both strengths are tuned, each with a logarithm of its own.
TUNE = "tune"


@dataclass(frozen=True)
class Lasso:
    """The sum of absolute coefficients: alpha sum_j |coef_j|.

    alpha is scikit-learn's ``Lasso(alpha)`` times the number of rows, or 1 / C of its
    ``LogisticRegression`` with an l1 penalty, on the same standardised columns. With three or more
    classes |coef_j| is the Euclidean norm over classes, which does not depend on how classes are
    coded: a column is in the model for all of them or for none.
    """

    default_groups: ClassVar[str | None] = None

    def on(self, groups: Array, n_outputs: int) -> BlockNorm:
        """The penalty of a model whose columns have these groups, -1 where free."""
        require_one_strength(groups, "Lasso()")
        return BlockNorm(_each_column(groups), n_outputs, ("l1",), l1_ratio=1.0)


@dataclass(frozen=True)
class ElasticNet:
    """Absolute and squared coefficients: alpha1 sum_j |coef_j| + alpha2 / 2 sum_j coef_j^2.

    Parameters
    ----------
    l1_ratio : "tune" or float in (0, 1]
        A number ties the two as in scikit-learn, alpha1 = l1_ratio alpha and
        alpha2 = (1 - l1_ratio) alpha, with alpha times the number of rows; "tune" finds each.
    """

    l1_ratio: Any = TUNE
    default_groups: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        ratio = self.l1_ratio
        if isinstance(ratio, str) and ratio == TUNE:
            return
        number = isinstance(ratio, Real) and not isinstance(ratio, bool)
        if not number or not 0.0 < float(ratio) <= 1.0:
            raise InvalidParameter(
                f"`l1_ratio` is {ratio!r}; expected 'tune' or a number in (0, 1]. For 0, which is "
                "ridge, leave `penalty` out."
            )

    def on(self, groups: Array, n_outputs: int) -> BlockNorm:
        """The penalty of a model whose columns have these groups, -1 where free."""
        require_one_strength(groups, "ElasticNet()")
        blocks = _each_column(groups)
        if isinstance(self.l1_ratio, str):
            return BlockNorm(blocks, n_outputs, ("l1", "l2"))
        return BlockNorm(blocks, n_outputs, ("l1 + l2",), l1_ratio=float(self.l1_ratio))


@dataclass(frozen=True)
class GroupLasso:
    """Norms of groups of coefficients: alpha sum_g sqrt(columns of g) |coef_g|.

    The groups are those of the estimator's ``groups``, one label a column: a group is in the model
    with all its columns or with none. Without labels every column is a group, as in ``Lasso``.
    """

    default_groups: ClassVar[str | None] = "columns"

    def on(self, groups: Array, n_outputs: int) -> BlockNorm:
        """The penalty of a model whose columns have these groups, -1 where free."""
        groups = np.asarray(groups)
        sizes = np.bincount(groups[groups >= 0])
        return BlockNorm(groups, n_outputs, ("l1",), np.sqrt(sizes), l1_ratio=1.0)


def _each_column(groups: Array) -> Array:
    """A block for each penalised column."""
    penalised = np.asarray(groups) >= 0
    return np.where(penalised, np.cumsum(penalised) - 1, FREE)


def require_one_strength(groups: Array, name: str) -> None:
    """Refuse several groups where a penalty has one strength."""
    n_groups = int(np.max(groups, initial=FREE)) + 1
    if n_groups > 1:
        raise InvalidParameter(
            f"`groups` names {n_groups} groups, but `penalty={name}` has one strength for all "
            "columns. Use `GroupLasso()` to select whole groups; a label None leaves a column "
            "without a penalty."
        )
