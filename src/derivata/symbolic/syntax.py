"""Text to a syntax tree that holds nothing but arithmetic: no code is ever run.

Python's own grammar reads the text; every node of the tree must be on a short list. Whatever is
not is refused with its position, and so are texts that are too long or too deeply nested.
"""

from __future__ import annotations

import ast
import warnings
from typing import NoReturn

from derivata.errors import DerivataError, InvalidParameter

LONGEST = 10_000
DEEPEST = 100
# How much of the text a message quotes.
QUOTED = 40

_BINARY = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.MatMult)
_COMPARED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_CURES = {
    ast.BitXor: "`^` is no power here: write `**`",
    ast.FloorDiv: "`//` has no derivative: write `/`",
    ast.Mod: "`%` is not known here",
}


def checked_tree(text: str) -> ast.expr:
    """The syntax tree of an expression.

    Parameters
    ----------
    text : str
        One Python expression in ASCII, at most 10,000 characters and 100 levels deep.

    Raises
    ------
    InvalidParameter
        If it is not, or holds anything but names, numbers, operators, calls by name, comparisons,
        ``.T`` and ``[:, None]``; the message names the position, counted from 0.
    """
    if not isinstance(text, str):
        raise InvalidParameter(f"a loss is a string such as 'mean((y - X@w)**2)', not {text!r}.")
    _require_readable(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(one_line(text), mode="eval").body
    except SyntaxError as error:
        position = max((error.offset or 1) - 1 - 1, 0)  # one_line puts a bracket in front
        raise InvalidParameter(
            f"at position {min(position, len(text))}: `{text[:QUOTED]}` cannot be read as an "
            f"expression ({error.msg})."
        ) from None
    except (RecursionError, MemoryError):
        raise InvalidParameter("the expression is nested too deeply to be read.") from None
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in _checked_children(text, node)]
        if not level:
            return tree
    refuse(text, level[0], f"the expression is nested more than {DEEPEST} levels deep; split it.")


def one_line(text: str) -> str:
    """The text as it is parsed: line ends are spaces, positions move by the one bracket."""
    return "(" + text.replace("\n", " ").replace("\r", " ").replace("\t", " ") + ")"


def position_of(node: ast.AST) -> int:
    """Where a node starts in the user's text."""
    return max(getattr(node, "col_offset", 1) - 1, 0)


def source_of(text: str, node: ast.AST) -> str:
    """The part of the text that a node stands for, shortened."""
    start, end = position_of(node), getattr(node, "end_col_offset", 1) - 1
    part = text[start:end].strip()
    return part if len(part) <= QUOTED else part[: QUOTED - 3] + "..."


def refuse(
    text: str,
    node: ast.AST,
    message: str,
    error: type[DerivataError] = InvalidParameter,
) -> NoReturn:
    """Raise an error that names the position and quotes the place."""
    raise error(f"at position {position_of(node)}: `{source_of(text, node)}`: {message}")


def _require_readable(text: str) -> None:
    if not text.strip():
        raise InvalidParameter("the expression is empty. Write one such as 'sum((y - X@w)**2)'.")
    if len(text) > LONGEST:
        raise InvalidParameter(
            f"the expression has {len(text)} characters; at most {LONGEST} are read."
        )
    depth = 0
    for position, sign in enumerate(text):
        if not sign.isascii() or sign == "\0":
            raise InvalidParameter(
                f"at position {position}: {sign!r} is no ASCII character. Spell it out, as in "
                "`lam` for a lambda."
            )
        if sign == "#":
            raise InvalidParameter(f"at position {position}: a comment has no place here.")
        depth += (sign in "([") - (sign in ")]")
        if depth > DEEPEST:
            raise InvalidParameter(
                f"at position {position}: brackets are nested more than {DEEPEST} levels deep."
            )


def _checked_children(text: str, node: ast.AST) -> list[ast.AST]:
    """The expressions inside a node that is allowed."""
    match node:
        case ast.Constant(value=bool()) | ast.Constant(value=complex()):
            refuse(text, node, "only real numbers are known here.")
        case ast.Constant(value=int() | float()):
            return []
        case ast.Name(id=name):
            if name.startswith("_"):
                refuse(text, node, "names do not start with an underscore here.")
            return []
        case ast.BinOp(left=left, op=op, right=right):
            if not isinstance(op, _BINARY):
                refuse(text, node, f"{_CURES.get(type(op), 'this operator is not known here')}.")
            return [left, right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return [operand]
        case ast.Compare(left=left, ops=[op], comparators=[right]) if isinstance(op, _COMPARED):
            return [left, right]
        case ast.Attribute(value=value, attr="T"):
            return [value]
        case ast.Attribute(attr=attr):
            cure = f"Write `{attr}(...)`, with no module in front. " if attr.islower() else ""
            refuse(text, node, f"of attributes only `.T` is known here. {cure}".rstrip())
        case ast.Call(func=ast.Name(), args=arguments, keywords=keywords):
            starred = next((a for a in arguments if isinstance(a, ast.Starred)), None)
            if starred is not None:
                refuse(text, starred, "arguments are written out here.")
            return [
                *arguments,
                *(keyword.value for keyword in keywords if keyword.arg != "keepdims"),
            ]
        case ast.Call(func=function):
            if isinstance(function, ast.Attribute):
                return _checked_children(text, function)
            refuse(text, node, "only functions known by name can be called.")
        case ast.Subscript(value=value, slice=inner):
            if new_axes(inner) is None:
                refuse(
                    text,
                    node,
                    "of subscripts only those that add an axis, as [:, None], are known.",
                )
            return [value]
        case _:
            refuse(text, node, f"{type(node).__name__} has no place in a formula.")


def new_axes(node: ast.AST) -> list[bool] | None:
    """For each entry of a subscript, whether it is None (a new axis) or a bare colon."""
    entries = node.elts if isinstance(node, ast.Tuple) else [node]
    found = []
    for entry in entries:
        match entry:
            case ast.Constant(value=None):
                found.append(True)
            case ast.Slice(lower=None, upper=None, step=None):
                found.append(False)
            case _:
                return None
    return found
