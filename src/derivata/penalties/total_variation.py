"""Penalties on differences of neighbouring coefficients, as a user names them.

    TotalVariation       alpha sum_j |coef_j+1 - coef_j|
    FusedLasso           the same + alpha2 sum_j |coef_j|
    SmoothedVariation    alpha sum_j (sqrt((coef_j+1 - coef_j)^2 + width^2) - width)

Columns that share a group stand in a chain, in their order: lags, wavelengths, places, levels of an
ordered factor. ``on`` makes the penalty of a model with given columns and outputs.

Maths: docs/math/penalties.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.penalties.block_norm import BlockNorm
from derivata.penalties.chain_variation import ChainVariation
from derivata.penalties.smooth import FREE
from derivata.penalties.smoothed_absolute import SmoothedAbsolute, require_width
from derivata.penalties.smoothed_lasso import require_one_output


@dataclass(frozen=True)
class TotalVariation:
    """Absolute differences of neighbours: coefficients become a staircase of few steps."""

    default_groups: ClassVar[str | None] = None

    def on(self, groups: Array, n_outputs: int) -> ChainVariation:
        """The penalty of a model whose columns have these groups, each a chain; -1 where free."""
        require_one_output(n_outputs, "TotalVariation()", "Lasso()")
        return ChainVariation(chained(groups), 1, ("variation",))

    def on_differences(self, groups: Array) -> BlockNorm:
        """The same penalty where a column's number is its coefficient less its neighbour's.

        A lasso whose first column of each chain, the level, is free.
        """
        chains = chained(groups)
        follows = chains >= 0
        follows[np.unique(chains, return_index=True)[1]] = False
        blocks = np.where(follows, np.cumsum(follows) - 1, FREE)
        return BlockNorm(blocks, 1, ("variation",), l1_ratio=1.0)


@dataclass(frozen=True)
class FusedLasso:
    """Absolute differences and absolute sizes: a staircase with most of its steps at zero."""

    default_groups: ClassVar[str | None] = None

    def on(self, groups: Array, n_outputs: int) -> ChainVariation:
        """The penalty of a model whose columns have these groups, each a chain; -1 where free."""
        require_one_output(n_outputs, "FusedLasso()", "Lasso()")
        return ChainVariation(chained(groups), 1, ("variation", "l1"))


@dataclass(frozen=True)
class SmoothedVariation:
    """Differences of neighbours, rounded off within a width of zero: every solver takes it.

    Parameters
    ----------
    width : float
        Where straight becomes round, in units of the coefficients: a tenth of the smallest step
        that matters is small enough.
    """

    width: float = 0.01
    default_groups: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        require_width(self.width)

    def on(self, groups: Array, n_outputs: int) -> SmoothedAbsolute:
        """The penalty of a model whose columns have these groups, each a chain; -1 where free."""
        require_one_output(n_outputs, "SmoothedVariation()", "Lasso()")
        return SmoothedAbsolute.of_chains(chained(groups), ("variation",), self.width)


def chained(groups: Array) -> Array:
    """Chain numbers, with a chain of a single column, which has no neighbour, left free."""
    groups = np.asarray(groups)
    sizes = np.bincount(groups[groups >= 0], minlength=1)
    kept = (groups >= 0) & (sizes[groups] > 1)
    if not kept.any():
        raise InvalidParameter(
            "total variation needs neighbours, but no two columns share a group (n_features = "
            f"{np.count_nonzero(groups >= 0)}). Leave `groups` out to make all columns one chain."
        )
    return np.where(kept, (np.cumsum(sizes > 1) - 1)[groups], FREE)
