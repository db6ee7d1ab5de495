"""Shapes of operands that were not declared, where convention and use leave one reading.

A name that starts with a capital is a matrix; a letter with a number behind it (w0) and a Greek
name (lam, sigma) is a number; x, y, w, v, u, z, r, t, f, g, e, p, q are vectors. Any other name has
to be declared. Which dimensions are the same follows from the formula: both sides of ``@`` share
one, and so do arrays that meet entry by entry.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from itertools import count

from derivata.symbolic.syntax import refuse

VECTORS = frozenset("xywvuzrtfgepq")
NUMBERS = frozenset(
    "lam alpha beta gamma delta eps epsilon kappa mu nu rho sigma tau theta phi eta omega".split()
)
LETTERS = "ndhkmpqrstuvw"
# What keeps the shape of its argument, or takes axes away.
REDUCING = frozenset({"sum", "mean", "norm", "logsumexp", "max", "min"})

Dims = tuple[int, ...]


def inferred(
    text: str, tree: ast.expr, shapes: Mapping[str, str], functions: Collection[str]
) -> dict[str, str]:
    """The shapes given and those that follow, in the order in which operands appear.

    Parameters
    ----------
    text, tree : str, ast.expr
        A formula and its checked tree.
    shapes : mapping of str to str
        Those declared; they are kept as they are.
    functions : collection of str
        Names that are no operands.

    Raises
    ------
    InvalidParameter
        If a name has no shape by convention; the message names the position.
    """
    given = {letter for shape in shapes.values() for letter in shape}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and id(node) not in called and node.id not in {*shapes, "pi"}
    ]
    names = [n for n in names if n.id not in given and n.id not in functions and n.id not in "nd"]
    if not names:
        return dict(shapes)
    ranks: dict[str, int] = {}
    for node in sorted(names, key=lambda node: node.col_offset):
        rank = _rank(node.id)
        if rank is None:
            refuse(
                text,
                node,
                f"is not declared, and its name does not say what it is. Give its shape, as in "
                f'shapes={{"{node.id}": ""}} for a number or "{node.id}": "n" for a vector.',
            )
        ranks[node.id] = rank
    return _Unification(shapes, ranks).solved(tree)


def _rank(name: str) -> int | None:
    if name[0].isupper():
        return 2
    if name in NUMBERS or (name[0].isalpha() and name[1:].isdigit()):
        return 0
    return 1 if name in VECTORS else None


class _Unification:
    """Dimensions as classes of variables that the formula makes equal."""

    def __init__(self, shapes: Mapping[str, str], ranks: dict[str, int]) -> None:
        self._shapes, self._ranks = shapes, ranks
        self._fresh = count()
        self._parent: dict[int, int] = {}
        self._letters: dict[int, str] = {}
        letters = {d: self._new(d) for d in dict.fromkeys("".join(shapes.values()))}
        self._dims: dict[str, Dims] = {n: tuple(letters[d] for d in s) for n, s in shapes.items()}
        for name, rank in ranks.items():
            self._dims[name] = tuple(self._new() for _ in range(rank))

    def solved(self, tree: ast.expr) -> dict[str, str]:
        """Shapes after all that the tree makes equal."""
        self._of(tree)
        free = [d for d in LETTERS if d not in {*self._letters.values(), *self._dims}]
        # X is named first, so that its dimensions are n and d.
        for name in sorted(self._ranks, key=lambda name: (name != "X", name != "y")):
            for dim in self._dims[name]:
                root = self._root(dim)
                if root not in self._letters:
                    self._letters[root] = free.pop(0)
        found = {
            n: "".join(self._letters[self._root(d)] for d in self._dims[n]) for n in self._ranks
        }
        return {**found, **self._shapes}

    def _new(self, letter: str | None = None) -> int:
        dim = next(self._fresh)
        self._parent[dim] = dim
        if letter is not None:
            self._letters[dim] = letter
        return dim

    def _root(self, dim: int) -> int:
        while self._parent[dim] != dim:
            dim = self._parent[dim]
        return dim

    def _join(self, first: int, second: int) -> None:
        a, b = self._root(first), self._root(second)
        if a in self._letters and b in self._letters:
            return  # a clash of declared letters is the parser's to report
        if b in self._letters:
            a, b = b, a
        self._parent[b] = a

    def _together(self, parts: list[Dims | None]) -> Dims | None:
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        longest = max(known, key=len, default=())
        for part in known:
            for mine, its in zip(reversed(longest), reversed(part), strict=False):
                self._join(mine, its)
        return longest

    def _of(self, node: ast.expr) -> Dims | None:
        """Dimensions of a part; None where they are not followed."""
        match node:
            case ast.Name(id=name):
                return self._dims.get(name, ())
            case ast.UnaryOp(operand=inner):
                return self._of(inner)
            case ast.Attribute(value=inner):
                dims = self._of(inner)
                return None if dims is None else dims[::-1]
            case ast.Compare(left=left, comparators=[right]):
                return self._together([self._of(left), self._of(right)])
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                return self._product(self._of(left), self._of(right))
            case ast.BinOp(left=left, right=right):
                return self._together([self._of(left), self._of(right)])
            case ast.Call():
                return self._of_call(node)
            case ast.Subscript(value=inner):
                self._of(inner)
                return None
        return ()

    def _product(self, left: Dims | None, right: Dims | None) -> Dims | None:
        if not left or not right:
            return None
        self._join(left[-1], right[0])
        return left[:-1] + right[1:]

    def _of_call(self, node: ast.Call) -> Dims | None:
        assert isinstance(node.func, ast.Name)
        parts = [self._of(argument) for argument in node.args]
        first = parts[0] if parts else ()
        match node.func.id:
            case "dot" if len(parts) == 2:
                return self._product(*parts)
            case "trace" | "logdet" | "det" | "inv" if first is not None and len(first) == 2:
                self._join(*first)
                return first if node.func.id == "inv" else ()
            case "outer" | "eye" | "ones" | "diag":
                return None
            case name if name in REDUCING and len(parts) == 1:
                return None if any(k.arg == "axis" for k in node.keywords) else ()
        return self._together(parts)
