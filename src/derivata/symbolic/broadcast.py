"""Arrays of different axes brought together as NumPy does, by their letters."""

from __future__ import annotations

import ast
from typing import Any

from derivata.errors import ShapeMismatch
from derivata.symbolic.algebra import applied, multiplied, summed
from derivata.symbolic.index import Index, Sum
from derivata.symbolic.shapes import in_words
from derivata.symbolic.syntax import refuse, source_of


def aligned(text: str, node: ast.AST, *values: Sum) -> tuple[tuple[Sum, ...], tuple[Index, ...]]:
    """Arrays with common indices, and the axes of what they make entry by entry.

    Axes are matched from the last; each pair must be one letter, or one of length 1.

    Raises
    ------
    ShapeMismatch
        Naming the dimensions that differ.
    """
    n_axes = max(len(value.free) for value in values)
    common: list[Index] = []
    for place in range(-n_axes, 0):
        here = [value.free[place] for value in values if len(value.free) >= -place]
        long = [i for i in here if i.dim != "1"]
        if len({i.dim for i in long}) > 1:
            shapes = " and ".join(in_words(value.dims) for value in values)
            dims = " and ".join(dict.fromkeys(i.dim for i in long))
            parts = operands_of(node)
            named = f" ({', '.join(f'`{source_of(text, p)}`' for p in parts)})" if parts else ""
            refuse(
                text,
                node,
                f"{shapes}{named} do not fit: {dims} are matched with each other, counted from "
                "the last axis. Transpose one, or add an axis with [:, None].",
                ShapeMismatch,
            )
        common.append((long or here)[0])
    renamed = []
    for value in values:
        pairs = zip(value.free, common[n_axes - len(value.free) :], strict=True)
        renamed.append(value.renamed({old: new for old, new in pairs if old.dim != "1"}))
    return tuple(renamed), tuple(common)


def entrywise(text: str, node: ast.AST, function: Any, *values: Sum) -> Sum:
    """A function of numbers of arrays that are broadcast against each other."""
    values, free = aligned(text, node, *values)
    return Sum(applied(function, *values).terms, free)


def matrix_product(text: str, node: ast.AST, first: Sum, second: Sum) -> Sum:
    """``first @ second`` of vectors and matrices."""
    for value in (first, second):
        if len(value.free) not in (1, 2):
            refuse(
                text,
                node,
                f"`@` joins vectors and matrices, and one side is {in_words(value.dims)}."
                + ("" if value.free else " Write `*` for a number times an array."),
                ShapeMismatch,
            )
    left, right = first.free[-1], second.free[0]
    if left.dim != right.dim:
        parts = operands_of(node)
        names = [f"`{source_of(text, part)}`" for part in parts] or ["the left", "the right"]
        refuse(
            text,
            node,
            f"{names[0]} is {in_words(first.dims)} and {names[-1]} is {in_words(second.dims)}: "
            f"{left.dim} meets {right.dim}. Transpose one with `.T`?",
            ShapeMismatch,
        )
    second = second.renamed({right: left})
    free = first.free[:-1] + second.free[1:]
    product = multiplied(first, second, (*free, left))
    return Sum(summed(product, (left,)).terms, free)


def operands_of(node: ast.AST) -> list[ast.expr]:
    """The parts of the text that an operation joins."""
    match node:
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.Call(args=arguments):
            return list(arguments)
    return []
