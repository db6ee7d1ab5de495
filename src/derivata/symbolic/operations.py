"""What may be called in a formula: each name with what it does to sums over named indices."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from derivata.errors import DerivataError, InvalidParameter, ShapeMismatch
from derivata.symbolic import kernels
from derivata.symbolic.algebra import applied, identity, multiplied, number, scaled, summed
from derivata.symbolic.broadcast import aligned, entrywise, matrix_product
from derivata.symbolic.index import (
    Delta,
    Det,
    Factor,
    Index,
    Inverse,
    Largest,
    LogDet,
    LogSumExp,
    Sum,
    Term,
    new_index,
    size,
)
from derivata.symbolic.kernels import SLOTS
from derivata.symbolic.shapes import in_words
from derivata.symbolic.syntax import refuse

ONE = sp.Integer(1)
T, S, R = SLOTS[:3]


@dataclass(frozen=True)
class Call:
    """A call in the user's text: its values, its axis, and where it stands."""

    text: str
    node: ast.Call
    values: tuple[Sum, ...]
    axis: int | None = None
    keepdims: bool = False

    def refuse(self, message: str, error: type[DerivataError] = InvalidParameter) -> None:
        """Raise an error that names the place."""
        refuse(self.text, self.node, message, error)

    def expect(self, fewest: int, most: int | None = None) -> None:
        """Require a number of arguments."""
        most = fewest if most is None else most
        if not fewest <= len(self.values) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            hint = " An axis is written `axis=0`." if most == 1 and len(self.values) == 2 else ""
            self.refuse(f"takes {wanted} argument(s), not {len(self.values)}.{hint}")

    def expect_no_axis(self) -> None:
        """Require that no axis was given."""
        if self.axis is not None or self.keepdims:
            self.refuse("takes no `axis`.")

    def axes(self) -> tuple[Index, ...]:
        """The indices that a reduction runs over."""
        free = self.values[0].free
        if self.axis is None:
            return free
        if not -len(free) <= self.axis < len(free):
            self.refuse(
                f"axis {self.axis} does not exist: the operand is {in_words(self.values[0].dims)}.",
                ShapeMismatch,
            )
        return (free[self.axis],)

    def kept(self, reduced: Sum, over: tuple[Index, ...]) -> Sum:
        """A reduction's outcome, with axes of length 1 in place of those that are gone."""
        if not self.keepdims:
            return reduced
        free = tuple(new_index("1") if i in over else i for i in self.values[0].free)
        return Sum(reduced.terms, free)

    def square(self) -> Sum:
        """The one argument, a square matrix."""
        self.expect(1)
        self.expect_no_axis()
        (matrix,) = self.values
        if len(matrix.free) != 2 or matrix.free[0].dim != matrix.free[1].dim:
            self.refuse(f"needs a square matrix, not {in_words(matrix.dims)}.", ShapeMismatch)
        return matrix


Operation = Callable[[Call], Sum]


def _entrywise(function: sp.Expr, n_arguments: int = 1) -> Operation:
    def operation(call: Call) -> Sum:
        call.expect(n_arguments)
        call.expect_no_axis()
        return entrywise(call.text, call.node, function, *call.values)

    return operation


def _sum(call: Call) -> Sum:
    call.expect(1)
    over = call.axes()
    return call.kept(summed(call.values[0], over), over)


def _mean(call: Call) -> Sum:
    call.expect(1)
    over = call.axes()
    lengths = sp.Mul(*(size(i.dim) for i in over))
    return call.kept(scaled(summed(call.values[0], over), 1 / lengths), over)


def _norm(call: Call) -> Sum:
    call.expect(1)
    over = call.axes()
    return call.kept(applied(sp.sqrt(T), summed(applied(T**2, call.values[0]), over)), over)


def _reduced(call: Call, kind: type[LogSumExp] | type[Largest]) -> Sum:
    total, over = call.values[0], call.axes()
    for i in over:
        free = tuple(k for k in total.free if k is not i)
        if i not in total.indices:  # equal entries all along
            offset = sp.log(size(i.dim)) if kind is LogSumExp else sp.Integer(0)
            total = Sum((*total.terms, *number(offset).terms), free)
            continue
        inside = new_index(i.dim)
        factor: Factor = kind(Sum(total.terms, total.free).renamed({i: inside}), inside)
        total = Sum((Term(ONE, (factor,)),), free)
    return call.kept(total, over)


def _logsumexp(call: Call) -> Sum:
    call.expect(1)
    return _reduced(call, LogSumExp)


def _softmax(call: Call) -> Sum:
    call.expect(1)
    if call.axis is None:
        call = Call(call.text, call.node, call.values, -1)
    if not call.values[0].free:
        call.refuse("needs an array, not a number.", ShapeMismatch)
    argument = call.values[0]
    exponent = applied(sp.exp(T - S), argument, _reduced(call, LogSumExp))
    return Sum(exponent.terms, argument.free)


def _max(call: Call) -> Sum:
    if len(call.values) == 2:
        return _entrywise(kernels.maximum(T, S), 2)(call)
    call.expect(1)
    return _reduced(call, Largest)


def _min(call: Call) -> Sum:
    values = tuple(scaled(value, -1) for value in call.values)
    return scaled(_max(Call(call.text, call.node, values, call.axis, call.keepdims)), -1)


def _huber(call: Call) -> Sum:
    call.expect(1, 2)
    delta = call.values[1] if len(call.values) == 2 else number(1)
    return entrywise(call.text, call.node, kernels.huber(T, S), call.values[0], delta)


def _dot(call: Call) -> Sum:
    call.expect(2)
    call.expect_no_axis()
    return matrix_product(call.text, call.node, *call.values)


def _outer(call: Call) -> Sum:
    call.expect(2)
    call.expect_no_axis()
    first, second = call.values
    if len(first.free) != 1 or len(second.free) != 1:
        call.refuse(
            f"needs two vectors, not {in_words(first.dims)} and {in_words(second.dims)}.",
            ShapeMismatch,
        )
    return multiplied(first, second, first.free + second.free)


def _trace(call: Call) -> Sum:
    matrix = call.square()
    return summed(_diagonal(matrix), (matrix.free[0],))


def _diagonal(matrix: Sum) -> Sum:
    row, column = matrix.free
    return Sum(matrix.renamed({column: row}).terms, (row,))


def _diag(call: Call) -> Sum:
    call.expect(1)
    call.expect_no_axis()
    if len(call.values[0].free) != 1:
        return _diagonal(call.square())
    (vector,) = call.values
    other = new_index(vector.free[0].dim)
    delta = Sum((Term(ONE, (Delta(vector.free[0], other),)),), (*vector.free, other))
    return multiplied(vector, delta, delta.free)


def _inside(matrix: Sum) -> tuple[Sum, Index, Index]:
    row, column = (new_index(i.dim) for i in matrix.free)
    return matrix.renamed(dict(zip(matrix.free, (row, column), strict=True))), row, column


def _inv(call: Call) -> Sum:
    matrix = call.square()
    return Sum((Term(ONE, (Inverse(*_inside(matrix), *matrix.free),)),), matrix.free)


def _logdet(call: Call) -> Sum:
    return Sum((Term(ONE, (LogDet(*_inside(call.square())),)),), ())


def _det(call: Call) -> Sum:
    return Sum((Term(ONE, (Det(*_inside(call.square())),)),), ())


def _eye(call: Call) -> Sum:
    return identity(_dimension(call))


def _ones(call: Call) -> Sum:
    return Sum((Term(ONE),), (new_index(_dimension(call)),))


def _dimension(call: Call) -> str:
    call.expect(1)
    constant = call.values[0].constant
    if not isinstance(constant, sp.Symbol):
        call.refuse("takes one dimension by its letter, as in eye(n).")
    return str(constant)


def _len(call: Call) -> Sum:
    call.expect(1)
    if not call.values[0].free:
        call.refuse("needs an array, not a number.", ShapeMismatch)
    return number(size(call.values[0].free[0].dim))


def _where(call: Call) -> Sum:
    call.expect(3)
    call.expect_no_axis()
    values, free = aligned(call.text, call.node, *call.values)
    return Sum(applied(kernels.choose(T, S, R), *values).terms, free)


OPERATIONS: dict[str, Operation] = {
    "sum": _sum,
    "mean": _mean,
    "norm": _norm,
    "max": _max,
    "min": _min,
    "maximum": _entrywise(kernels.maximum(T, S), 2),
    "minimum": _entrywise(-kernels.maximum(-T, -S), 2),
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "dot": _dot,
    "outer": _outer,
    "trace": _trace,
    "diag": _diag,
    "inv": _inv,
    "det": _det,
    "logdet": _logdet,
    "eye": _eye,
    "ones": _ones,
    "len": _len,
    "where": _where,
    "huber": _huber,
    "log": _entrywise(sp.log(T)),
    "log1p": _entrywise(sp.log(1 + T)),
    "exp": _entrywise(sp.exp(T)),
    "expm1": _entrywise(sp.exp(T) - 1),
    "sqrt": _entrywise(sp.sqrt(T)),
    "square": _entrywise(T**2),
    "abs": _entrywise(kernels.absolute(T)),
    "sign": _entrywise(kernels.sign(T)),
    "sigmoid": _entrywise(kernels.sigmoid(T)),
    "expit": _entrywise(kernels.sigmoid(T)),
    "softplus": _entrywise(kernels.softplus(T)),
    "logaddexp": _entrywise(kernels.logaddexp(T, S), 2),
    "relu": _entrywise(kernels.relu(T)),
    "tanh": _entrywise(sp.tanh(T)),
    "sinh": _entrywise(sp.sinh(T)),
    "cosh": _entrywise(sp.cosh(T)),
    "sin": _entrywise(sp.sin(T)),
    "cos": _entrywise(sp.cos(T)),
    "arctan": _entrywise(sp.atan(T)),
    "erf": _entrywise(sp.erf(T)),
    "lgamma": _entrywise(sp.loggamma(T)),
}
