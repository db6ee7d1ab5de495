"""A formula and the shapes of its operands to a sum over named indices."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import sympy as sp

from derivata.errors import InvalidParameter
from derivata.symbolic import kernels
from derivata.symbolic.algebra import added, multiplied, number, scaled
from derivata.symbolic.broadcast import aligned, entrywise, matrix_product
from derivata.symbolic.differentiate import simplified
from derivata.symbolic.index import Operand, Sum, Term, new_index, size
from derivata.symbolic.kernels import SLOTS
from derivata.symbolic.operations import OPERATIONS, Call
from derivata.symbolic.shapes import checked_shapes, in_words
from derivata.symbolic.syntax import checked_tree, new_axes, refuse

T, S = SLOTS[:2]
# Larger powers are refused rather than multiplied out.
LARGEST_POWER = 1_000


def parse(text: str, shapes: Mapping[str, str]) -> Sum:
    """A formula as a sum over named indices.

    Parameters
    ----------
    text : str
        An expression over the operations of `OPERATIONS`, in NumPy's meaning.
    shapes : mapping of str to str
        For each operand its shape, one letter per dimension; letters serve as numbers too.

    Raises
    ------
    InvalidParameter
        If the text holds anything else; the message names the position.
    ShapeMismatch
        If shapes do not fit, naming the operands and the dimensions.
    """
    return Parser(text, shapes).value(checked_tree(text))


class Parser:
    """Turns each node of a checked tree into a sum."""

    def __init__(self, text: str, shapes: Mapping[str, str]) -> None:
        self.text = text
        self.shapes = checked_shapes(shapes, OPERATIONS)
        self.dims = {letter for shape in self.shapes.values() for letter in shape}

    def value(self, node: ast.expr) -> Sum:
        """The sum that a node stands for; equal terms are merged, so that w - w is nothing."""
        return simplified(self._value(node))

    def _value(self, node: ast.expr) -> Sum:
        match node:
            case ast.Constant():
                return number(_exact(self.text, node))
            case ast.Name():
                return self._name(node)
            case ast.UnaryOp(op=op, operand=operand):
                return scaled(self.value(operand), -1 if isinstance(op, ast.USub) else 1)
            case ast.BinOp():
                return self._binary(node)
            case ast.Compare():
                return self._compared(node)
            case ast.Attribute(value=inner):
                value = self.value(inner)
                return Sum(value.terms, value.free[::-1])
            case ast.Subscript():
                return self._with_new_axes(node)
            case ast.Call():
                return self._called(node)
        refuse(self.text, node, "has no place in a formula.")

    def _name(self, node: ast.Name) -> Sum:
        name = node.id
        if name in self.shapes:
            indices = tuple(new_index(dim) for dim in self.shapes[name])
            return Sum((Term(sp.Integer(1), (Operand(name, indices),)),), indices)
        if name in self.dims:
            return number(size(name))
        if name == "pi":
            return number(sp.pi)
        known = ", ".join(self.shapes) or "none"
        hint = " It is a function: call it." if name in OPERATIONS else ""
        refuse(
            self.text,
            node,
            f"is not declared.{hint} Operands are {known}; give its shape, as in "
            f'shapes={{"{name}": "n"}}.',
        )

    def _binary(self, node: ast.BinOp) -> Sum:
        first, second = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.MatMult):
            return matrix_product(self.text, node, first, second)
        if isinstance(node.op, ast.Pow):
            self._require_small_power(node, first, second)
            return entrywise(self.text, node, T**S, first, second)
        (first, second), free = aligned(self.text, node, first, second)
        match node.op:
            case ast.Add():
                return added(first, second, free)
            case ast.Sub():
                return added(first, scaled(second, -1), free)
            case ast.Mult():
                return multiplied(first, second, free)
        if second.constant == 0:
            refuse(self.text, node, "divides by zero.")
        return multiplied(first, entrywise(self.text, node, 1 / T, second), free)

    def _require_small_power(self, node: ast.BinOp, base: Sum, exponent: Sum) -> None:
        """Refuse powers whose digits alone would take minutes."""
        number, power = base.constant, exponent.constant
        if power is None or not power.is_number:
            return
        if abs(power) > LARGEST_POWER:
            refuse(self.text, node, f"powers above {LARGEST_POWER} are not known here.")
        if number is not None and number.is_Rational:
            digits = max(len(str(number.p)), len(str(number.q)))
            if digits * abs(power) > LARGEST_POWER:
                refuse(self.text, node, f"has more than {LARGEST_POWER} digits.")

    def _compared(self, node: ast.Compare) -> Sum:
        first, second = self.value(node.left), self.value(node.comparators[0])
        match node.ops[0]:
            case ast.Gt():
                test = kernels.step(T - S)
            case ast.Lt():
                test = kernels.step(S - T)
            case ast.GtE():
                test = 1 - kernels.step(S - T)
            case _:
                test = 1 - kernels.step(T - S)
        return entrywise(self.text, node, test, first, second)

    def _with_new_axes(self, node: ast.Subscript) -> Sum:
        value, pattern = self.value(node.value), new_axes(node.slice) or []
        if pattern.count(False) > len(value.free):
            refuse(self.text, node, f"has more colons than axes: it is {in_words(value.dims)}.")
        left = list(value.free)
        free = [new_index("1") if is_new else left.pop(0) for is_new in pattern]
        return Sum(value.terms, (*free, *left))

    def _called(self, node: ast.Call) -> Sum:
        assert isinstance(node.func, ast.Name)
        operation = OPERATIONS.get(node.func.id)
        if operation is None:
            known = ", ".join(sorted(OPERATIONS))
            refuse(self.text, node, f"`{node.func.id}` is not known. Known are {known}.")
        axis, keepdims, arguments = None, False, list(node.args)
        for keyword in node.keywords:
            if keyword.arg == "axis":
                axis = _whole(self.text, keyword.value)
            elif keyword.arg == "keepdims" and isinstance(keyword.value, ast.Constant):
                keepdims = bool(keyword.value.value)
            elif keyword.arg == "delta" and node.func.id == "huber":
                arguments.append(keyword.value)
            else:
                refuse(self.text, node, f"has no argument `{keyword.arg}`.")
        values = tuple(self.value(argument) for argument in arguments)
        return operation(Call(self.text, node, values, axis, keepdims))


def _exact(text: str, node: ast.Constant) -> sp.Expr:
    """A number as it is written: 0.1 is one tenth."""
    written = node.value
    if isinstance(written, float):
        if written in (float("inf"), float("-inf")):
            refuse(text, node, "is too large.")
        return sp.Rational(repr(written))
    if len(str(written)) > 30:
        refuse(text, node, "is too large.")
    return sp.Integer(written)


def _whole(text: str, node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int(axis)):
            return axis
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(axis))):
            return -axis
    raise InvalidParameter(f"at position {node.col_offset - 1}: `axis` is a whole number here.")
