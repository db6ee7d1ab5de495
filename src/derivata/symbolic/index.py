"""A loss as sums of terms over named indices.

    loss = sum over terms:  coefficient * sum over bound indices: product of factors

Linear structure lives in the indices (``X @ w`` is X_ij w_j, summed over j), everything nonlinear
in factors: a `Kernel` applies one function of numbers to every entry, `Inverse`, `LogDet`, `Det`,
`LogSumExp`, `Largest` and `WhereLargest` are the functions of whole arrays. Inner sums refer to
the indices outside by identity; `Inverse`, `LogSumExp` and the like bind some of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

import sympy as sp

_numbers = count()


@dataclass(frozen=True)
class Index:
    """One index: the letter of its dimension, and a number that tells it from all others."""

    dim: str
    number: int


def new_index(dim: str) -> Index:
    """An index that no other sum knows."""
    return Index(dim, next(_numbers))


def size(dim: str) -> Any:
    """The length of a dimension, as a positive symbol (or the number 1)."""
    return sp.Integer(1) if dim == "1" else sp.Symbol(dim, positive=True)


Renaming = dict[Index, Index]


@dataclass(frozen=True)
class Operand:
    """An array of the user's, by its name."""

    name: str
    indices: tuple[Index, ...]

    def renamed(self, names: Renaming) -> Operand:
        """The same factor with other indices."""
        return Operand(self.name, tuple(names.get(i, i) for i in self.indices))


@dataclass(frozen=True)
class Delta:
    """1 where both indices are equal, else 0."""

    first: Index
    second: Index

    @property
    def indices(self) -> tuple[Index, ...]:
        """Both."""
        return self.first, self.second

    def renamed(self, names: Renaming) -> Delta:
        """The same factor with other indices."""
        return Delta(names.get(self.first, self.first), names.get(self.second, self.second))


@dataclass(frozen=True)
class Kernel:
    """One function of numbers of every entry of its arguments; t0 alone is a bracket."""

    function: Any
    arguments: tuple[Sum, ...]

    @property
    def indices(self) -> tuple[Index, ...]:
        """Those of all arguments, each once."""
        return union(*(argument.indices for argument in self.arguments))

    def renamed(self, names: Renaming) -> Kernel:
        """The same factor with other indices."""
        return Kernel(self.function, tuple(a.renamed(names) for a in self.arguments))


@dataclass(frozen=True)
class OfMatrix:
    """A function of a whole square matrix, whose rows and columns it binds."""

    matrix: Sum
    row: Index
    column: Index

    @property
    def indices(self) -> tuple[Index, ...]:
        """Those of the matrix besides its rows and columns."""
        return tuple(i for i in self.matrix.indices if i not in (self.row, self.column))

    def renamed(self, names: Renaming) -> OfMatrix:
        """The same factor with other indices."""
        return type(self)(self.matrix.renamed(names), self.row, self.column)


class LogDet(OfMatrix):
    """log |det M|."""


class Det(OfMatrix):
    """det M."""


@dataclass(frozen=True)
class Inverse:
    """Entry (first, second) of the inverse of a matrix, whose rows and columns are bound."""

    matrix: Sum
    row: Index
    column: Index
    first: Index
    second: Index

    @property
    def indices(self) -> tuple[Index, ...]:
        """Those of the entry."""
        return self.first, self.second

    def renamed(self, names: Renaming) -> Inverse:
        """The same factor with other indices."""
        first, second = (names.get(i, i) for i in self.indices)
        return Inverse(self.matrix.renamed(names), self.row, self.column, first, second)


@dataclass(frozen=True)
class Reduction:
    """A function of all entries along one index, which it binds."""

    argument: Sum
    over: Index

    @property
    def indices(self) -> tuple[Index, ...]:
        """Those of the argument besides the bound one."""
        return tuple(i for i in self.argument.indices if i is not self.over)

    def renamed(self, names: Renaming) -> Reduction:
        """The same factor with other indices."""
        return type(self)(self.argument.renamed(names), self.over)


class LogSumExp(Reduction):
    """log of the sum of exponentials."""


class Largest(Reduction):
    """The largest entry."""


@dataclass(frozen=True)
class WhereLargest:
    """1 at the largest entry along an index (the first of equals), else 0."""

    argument: Sum
    over: Index
    at: Index

    @property
    def indices(self) -> tuple[Index, ...]:
        """Those of the argument, `at` in the place of the bound one."""
        return (*(i for i in self.argument.indices if i is not self.over), self.at)

    def renamed(self, names: Renaming) -> WhereLargest:
        """The same factor with other indices."""
        return WhereLargest(self.argument.renamed(names), self.over, names.get(self.at, self.at))


Factor = Operand | Delta | Kernel | OfMatrix | Inverse | Reduction | WhereLargest


@dataclass(frozen=True)
class Term:
    """A coefficient times a product of factors, summed over the bound indices."""

    coefficient: Any
    factors: tuple[Factor, ...] = ()
    bound: tuple[Index, ...] = ()

    @property
    def indices(self) -> tuple[Index, ...]:
        """Free ones."""
        return tuple(i for i in union(*(f.indices for f in self.factors)) if i not in self.bound)

    def renamed(self, names: Renaming) -> Term:
        """The same term with other indices, free or bound."""
        return Term(
            self.coefficient,
            tuple(factor.renamed(names) for factor in self.factors),
            tuple(names.get(i, i) for i in self.bound),
        )

    def refreshed(self) -> Term:
        """The same term, its bound indices unknown to any other."""
        return self.renamed({i: new_index(i.dim) for i in self.bound}) if self.bound else self


@dataclass(frozen=True)
class Sum:
    """Terms added up; `free` orders the axes of the array that they make."""

    terms: tuple[Term, ...]
    free: tuple[Index, ...]

    @property
    def indices(self) -> tuple[Index, ...]:
        """Free ones that its terms mention, each once."""
        return union(*(term.indices for term in self.terms))

    @property
    def dims(self) -> str:
        """Letters of its axes."""
        return "".join(i.dim for i in self.free)

    def renamed(self, names: Renaming) -> Sum:
        """The same sum with other free indices."""
        return Sum(
            tuple(term.renamed(names) for term in self.terms),
            tuple(names.get(i, i) for i in self.free),
        )

    @property
    def constant(self) -> Any | None:
        """Its value (a number, or an expression in n, d) where no operand is in it, else None."""
        if any(term.factors for term in self.terms):
            return None
        return sum((term.coefficient for term in self.terms), sp.Integer(0))


def union(*many: tuple[Index, ...]) -> tuple[Index, ...]:
    """All indices in order of appearance, each once."""
    return tuple(dict.fromkeys(i for some in many for i in some))
