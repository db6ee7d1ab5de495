"""One derived array: its matrix form, its code, its own derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from derivata.errors import InvalidParameter
from derivata.symbolic.compiled import compiled
from derivata.symbolic.contract import matrix_form
from derivata.symbolic.differentiate import derivative
from derivata.symbolic.emit_numpy import HEADER, function_code, numpy_code
from derivata.symbolic.forms import Form
from derivata.symbolic.index import Sum

TARGETS = ("numpy",)


@dataclass(frozen=True)
class Formula:
    """One derived array.

    Attributes
    ----------
    total : Sum
        Over named indices.
    shapes : dict of str to str
        Of the operands.
    """

    total: Sum
    shapes: dict[str, str]

    @cached_property
    def form(self) -> Form:
        """The matrix expression."""
        return matrix_form(self.total)

    @property
    def shape(self) -> str:
        """One letter per dimension."""
        return self.total.dims

    def by(self, name: str) -> Formula:
        """The derivative by an operand, whose axes come last."""
        return Formula(derivative(self.total, name, self.shapes[name]), self.shapes)

    def code(self, target: str = "numpy", name: str = "derived") -> str:
        """Source of a function of the operands."""
        require_target(target)
        return f"{HEADER}\n\n{function_code(name, self.form, self.shapes)}"

    def callable(self, target: str = "numpy") -> Callable[..., Any]:
        """The function that the code defines, which takes the operands by name."""
        return compiled(self.code(target), "derived")

    def __str__(self) -> str:
        return numpy_code(self.form)


def require_target(target: str) -> None:
    """Raise unless code can be written for a target."""
    if target not in TARGETS:
        raise InvalidParameter(f"`target` is {target!r}; code is written for {', '.join(TARGETS)}.")
