"""A call in a formula, `s(income, k=8)`: read as it is spelled, never run, and made a term.

========================  ========================================================================
``C(city)``               a level each (`Category`)
``s(x)``, ``bs``, ``cr``  a smooth curve (`Spline`); ``k=`` or ``df=`` is its ``n_basis``
``cc(hour, 24)``          a curve that repeats after 24 (`Cyclic`); ``k=`` or ``df=`` likewise
``ti(a, b)``, ``te``      a surface (`Surface`); ``k=`` or ``df=`` likewise
========================  ========================================================================
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from derivata.errors import InvalidParameter, TableError
from derivata.tables.columns import did_you_mean
from derivata.terms import Category, Cyclic, Spline, Surface, Term

CALLS = {"C": 1, "s": 1, "bs": 1, "cr": 1, "cc": 1, "te": 2, "ti": 2}
"""What may be called, and of how many columns."""


@dataclass(frozen=True)
class Call:
    """A function's name, its columns, and its other arguments.

    Parameters
    ----------
    function : str                 one of `CALLS`
    columns : tuple of str         as many as `CALLS` says
    rest : tuple                   what follows them
    options : dict                 what is named
    """

    function: str
    columns: tuple[str, ...]
    rest: tuple[Any, ...]
    options: dict[str, Any]

    @classmethod
    def read(cls, text: str) -> Call:
        """Read Python's syntax, with back-ticks around odd names.

        Parameters
        ----------
        text : str                     an expression of Python

        Returns
        -------
        call : Call

        Raises
        ------
        InvalidParameter               if it is another function, or has other arguments
        """
        quoted: dict[str, str] = {}

        def keep(match: re.Match[str]) -> str:
            word = f"quoted_{len(quoted)}_"
            quoted[word] = match[1]
            return word

        node = ast.parse(re.sub(r"`([^`]*)`", keep, text), mode="eval").body
        function = node.func if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or not isinstance(function, ast.Name):
            raise _not_a_term(text)
        if function.id not in CALLS:
            raise _not_a_term(text)
        count = CALLS[function.id]
        names = [arg for arg in node.args[:count] if isinstance(arg, ast.Name)]
        more = node.args[count:]
        if len(names) < count or any(isinstance(arg, ast.Name) for arg in more):
            what = "the name of one column" if count == 1 else "the names of two columns"
            raise InvalidParameter(
                f"`{text}` in `terms`: {function.id}() takes {what} first, without quotes."
            )
        try:
            rest = tuple(ast.literal_eval(argument) for argument in more)
            options = {str(word.arg): ast.literal_eval(word.value) for word in node.keywords}
        except ValueError:
            raise InvalidParameter(
                f"`{text}` in `terms` has an argument that is no number."
            ) from None
        columns = tuple(quoted.get(name.id, name.id) for name in names)
        return cls(function.id, columns, rest, options)

    def term(self, kinds: Mapping[str, str]) -> Term:
        """Return the term that is asked for.

        Parameters
        ----------
        kinds : mapping                column name -> "numeric", "text" or "date"

        Returns
        -------
        term : Term

        Raises
        ------
        InvalidParameter               if the arguments are not those of the term
        TableError                     if a column is not there
        """
        for column in self.columns:
            require_column(column, kinds)
        column = self.columns[0]
        if self.function == "C":
            self._arguments()
            if kinds[column] == "numeric":
                raise InvalidParameter(
                    f"column {column!r} holds numbers, and C() needs words. Make words of them in "
                    f"the table: `frame[{column!r}].astype(str)`."
                )
            return Category(column)
        if self.function == "cc":
            named = self._arguments("period", "k", "df")
            if "period" not in named:
                raise InvalidParameter(f"say after what {column!r} repeats: `cc({column}, 24)`.")
            return Cyclic(column, named.pop("period"), **_n_basis(named))
        named = _n_basis(self._arguments("k", "df"))
        if len(self.columns) == 2:
            return Surface(column, self.columns[1], **named)
        return Spline(column, **named)

    def _arguments(self, *names: str) -> dict[str, Any]:
        """What follows the columns, by name; the first of ``names`` may go without its name."""
        given = len(self.rest) + len(self.options)
        found = dict(zip(names, self.rest, strict=False)) | self.options
        if len(self.rest) > 1 or len(found) < given or not set(found) <= set(names):
            expected = " or ".join(f"`{name}`" for name in names) or "nothing"
            raise InvalidParameter(f"after its columns it takes {expected}.")
        return found


def require_column(column: str, kinds: Mapping[str, str]) -> None:
    """Refuse a column that is not there.

    Raises
    ------
    TableError                     naming it and the nearest there is
    """
    if column not in kinds:
        raise TableError(
            f"`terms` names column {column!r}, which is not there. {did_you_mean(column, kinds)}"
        )


def _not_a_term(text: str) -> InvalidParameter:
    return InvalidParameter(
        f"`{text}` in `terms` is no column and none of {', '.join(f'{name}()' for name in CALLS)}. "
        "Formulas transform no columns: add the result to the table, where predictions find it too."
    )


def _n_basis(named: dict[str, Any]) -> dict[str, Any]:
    """``k`` or ``df`` as an argument of ours."""
    if len(named) > 1:
        raise InvalidParameter("`k` and `df` are the same; give one.")
    return {"n_basis": next(iter(named.values()))} if named else {}
