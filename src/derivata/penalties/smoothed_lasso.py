"""Absolute coefficients with the kink rounded off, as a user names them.

    alpha sum_j (sqrt(coef_j^2 + width^2) - width)

Like a lasso it lets large coefficients be and shrinks small ones; like a ridge it is smooth, so
that every solver takes it, error bars exist and leave-one-out has an exact derivative. Nothing is
exactly zero: what a lasso drops is left at about the width or below.

Maths: docs/math/penalties.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.penalties.smoothed_absolute import SmoothedAbsolute, require_width
from derivata.penalties.sparse import require_one_strength


@dataclass(frozen=True)
class SmoothedLasso:
    """The sum of absolute coefficients, each rounded off within a width of zero.

    Parameters
    ----------
    width : float
        Where straight becomes round, in units of the coefficients (of standardised columns). A
        tenth of the smallest coefficient that matters is small enough; the smaller, the more
        Newton steps a fit takes.
    """

    width: float = 0.01
    default_groups: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        require_width(self.width)

    def on(self, groups: Array, n_outputs: int) -> SmoothedAbsolute:
        """The penalty of a model whose columns have these groups, -1 where free.

        Raises
        ------
        InvalidParameter
            For several groups or outputs.
        """
        require_one_strength(groups, "SmoothedLasso()")
        require_one_output(n_outputs, "SmoothedLasso()", "Lasso()")
        return SmoothedAbsolute.of_sizes(groups, ("l1",), self.width)


def require_one_output(n_outputs: int, name: str, instead: str) -> None:
    """Refuse three or more classes: a sum of sizes depends on how classes are coded."""
    if n_outputs > 1:
        raise InvalidParameter(
            f"`penalty={name}` adds up sizes of single coefficients, and with {n_outputs + 1} "
            f"classes these depend on how classes are coded. Use `penalty={instead}`, which does "
            "not."
        )
