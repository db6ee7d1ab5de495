"""Shapes of operands as letters: ``{"X": "nd", "y": "n", "w": "d", "lam": ""}``.

A letter is a dimension, the same everywhere; the same letters serve as numbers in the formula.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping

from derivata.errors import InvalidParameter

# Names that code written here uses itself.
TAKEN = frozenset({"np", "special", "expit", "loss", "gradient", "hessian", "pi"})


def checked_shapes(shapes: Mapping[str, str], functions: Iterable[str]) -> dict[str, str]:
    """Shapes as given, if each is a name with one letter per dimension.

    Raises
    ------
    InvalidParameter
        If a name is none, is that of a function or of a dimension, or a shape is not letters.
    """
    for name, shape in shapes.items():
        if not isinstance(shape, str) or not all(c.isascii() and c.isalpha() for c in shape):
            raise InvalidParameter(
                f"`shapes` gives {name} the shape {shape!r}; expected one letter per dimension, "
                'as "nd" for a matrix, "n" for a vector, "" for a number.'
            )
    dims = {letter for shape in shapes.values() for letter in shape}
    functions = set(functions)
    for name in shapes:
        if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
            raise InvalidParameter(f"`shapes` has {name!r}, which is no name of an operand.")
        if name in TAKEN | functions or keyword.iskeyword(name) or name.startswith("_"):
            raise InvalidParameter(
                f"`shapes` has {name!r}, a name with a meaning of its own here. Take another."
            )
        if name in dims:
            raise InvalidParameter(
                f"`shapes` has {name!r} as an operand and as a dimension. Rename one of them."
            )
    return dict(shapes)


def in_words(dims: str) -> str:
    """A shape as a person reads it: (n, d)."""
    return f"({', '.join(dims)}{',' if len(dims) == 1 else ''})" if dims else "a number"
