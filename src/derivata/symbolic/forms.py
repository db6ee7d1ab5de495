"""Matrix expressions: what code and formulas are printed from, free of indices.

Each node says how many axes its value has (``ndim``); operations entry by entry broadcast as in
NumPy. Nodes are values: equal nodes are equal, which is how shared parts are found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Form:
    """Base of every node."""

    @property
    def ndim(self) -> int:
        """Number of axes of the value."""
        return self._n_axes()

    @property
    def parts(self) -> tuple[Form, ...]:
        """The nodes right below."""
        return self._below()

    def _n_axes(self) -> int:
        raise NotImplementedError

    def _below(self) -> tuple[Form, ...]:
        return ()


@dataclass(frozen=True)
class Name(Form):
    """An operand, or a part that has been given a name."""

    name: str
    axes: int

    def _n_axes(self) -> int:
        return self.axes


@dataclass(frozen=True)
class Number(Form):
    """A number, or an expression in the lengths of dimensions."""

    value: Any

    def _n_axes(self) -> int:
        return 0


@dataclass(frozen=True)
class Entrywise(Form):
    """Base of what is done entry by entry."""

    def _n_axes(self) -> int:
        return max((part.ndim for part in self.parts), default=0)


@dataclass(frozen=True)
class Call(Entrywise):
    """A function of numbers by its name."""

    function: str
    arguments: tuple[Form, ...]

    def _below(self) -> tuple[Form, ...]:
        return self.arguments


@dataclass(frozen=True)
class Added(Entrywise):
    """A sum."""

    arguments: tuple[Form, ...]

    def _below(self) -> tuple[Form, ...]:
        return self.arguments


@dataclass(frozen=True)
class Product(Entrywise):
    """A coefficient (a number, or an expression in dimensions) times a product."""

    coefficient: Any
    arguments: tuple[Form, ...]

    def _below(self) -> tuple[Form, ...]:
        return self.arguments


@dataclass(frozen=True)
class Power(Entrywise):
    """A power with a constant exponent; a power of -1 is a division."""

    base: Form
    exponent: Any

    def _below(self) -> tuple[Form, ...]:
        return (self.base,)


@dataclass(frozen=True)
class MatMul(Form):
    """``left @ right`` of vectors and matrices."""

    left: Form
    right: Form

    def _n_axes(self) -> int:
        return self.left.ndim + self.right.ndim - 2

    def _below(self) -> tuple[Form, ...]:
        return self.left, self.right


@dataclass(frozen=True)
class OfOne(Form):
    """Base of nodes of one array."""

    inner: Form

    def _below(self) -> tuple[Form, ...]:
        return (self.inner,)


@dataclass(frozen=True)
class Transposed(OfOne):
    """Axes in another order."""

    order: tuple[int, ...]

    def _n_axes(self) -> int:
        return len(self.order)


@dataclass(frozen=True)
class Expanded(OfOne):
    """Axes of length 1 put in where the pattern is True; from the first axis kept onwards."""

    pattern: tuple[bool, ...]

    def _n_axes(self) -> int:
        return len(self.pattern)


@dataclass(frozen=True)
class Total(OfOne):
    """The sum over one axis, or over all where there is one."""

    axis: int

    def _n_axes(self) -> int:
        return self.inner.ndim - 1


@dataclass(frozen=True)
class LogSumExpOf(Total):
    """log of the sum of exponentials along an axis."""


@dataclass(frozen=True)
class LargestOf(Total):
    """The largest entry along an axis."""


@dataclass(frozen=True)
class IsLargest(OfOne):
    """1 at the largest entry along an axis, else 0."""

    axis: int

    def _n_axes(self) -> int:
        return self.inner.ndim


@dataclass(frozen=True)
class SoftmaxOf(IsLargest):
    """exp of the entries less their `LogSumExpOf`: shares that add up to 1 along an axis."""


@dataclass(frozen=True)
class DiagonalOf(OfOne):
    """The diagonal of a matrix."""

    def _n_axes(self) -> int:
        return 1


@dataclass(frozen=True)
class Diagonal(OfOne):
    """The matrix with a vector on its diagonal."""

    def _n_axes(self) -> int:
        return 2


@dataclass(frozen=True)
class InverseOf(OfOne):
    """The inverse of a matrix."""

    def _n_axes(self) -> int:
        return 2


@dataclass(frozen=True)
class LogDetOf(OfOne):
    """log |det M|."""

    def _n_axes(self) -> int:
        return 0


@dataclass(frozen=True)
class DetOf(OfOne):
    """det M."""

    def _n_axes(self) -> int:
        return 0


@dataclass(frozen=True)
class Identity(Form):
    """The identity matrix of a dimension."""

    dim: str

    def _n_axes(self) -> int:
        return 2


@dataclass(frozen=True)
class Filled(OfOne):
    """An array of given dimensions, filled by broadcasting."""

    dims: str

    def _n_axes(self) -> int:
        return len(self.dims)


@dataclass(frozen=True)
class Einsum(Form):
    """Einstein's sum, for what has no matrix form."""

    spec: str
    arguments: tuple[Form, ...]

    def _n_axes(self) -> int:
        return len(self.spec.split("->")[1])

    def _below(self) -> tuple[Form, ...]:
        return self.arguments
