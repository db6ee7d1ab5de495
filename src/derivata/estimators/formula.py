"""Terms written as a formula: ``"age + s(income) + C(city) + age:city"``.

========================  ========================================================================
``age``                   a straight line (`Linear`); of words a level each (`Category`); of dates
                          trend and season (`Date`)
``C(city)``               a level each (`Category`)
``s(x)``, ``bs``, ``cr``  a smooth curve (`Spline`); ``k=`` or ``df=`` is its ``n_basis``
``cc(hour, 24)``          a curve that repeats after 24 (`Cyclic`)
``a:b``                   the product of two columns, numbers or words (`Product`)
``a*b``                   both columns and their product
``ti(a, b)``              what two columns do together beyond what each does alone (`Surface`)
``te(a, b)``              the same, and what each does alone: a curve, levels or dates
========================  ========================================================================

The rest of the grammar, ``+ - * / ** . ( )`` and back-ticks around odd names, is that of formulaic,
which parses it. Nothing in a formula is run. The intercept is always there. There are no
transformations: a column of logarithms belongs into the table, where predictions find it too.

Source of the calls: mgcv's manual, https://search.r-project.org/CRAN/refmans/mgcv/html/te.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from derivata.errors import InvalidParameter, NotAvailable
from derivata.estimators.formula_call import Call, require_column
from derivata.terms import Category, Cyclic, Date, Linear, Product, Spline, Term

ALONE = {"numeric": Linear, "text": Category, "date": Date}
"""What a bare name is, by the kind of its column."""


def terms_from_formula(formula: str, kinds: Mapping[str, str]) -> tuple[Term, ...]:
    """Read a formula, of which there is the right-hand side alone.

    Parameters
    ----------
    formula : str
    kinds : mapping                name of each column of the table -> "numeric", "text" or "date"

    Returns
    -------
    terms : tuple of Term          in the order of the formula

    Raises
    ------
    NotAvailable                   if formulaic is not installed
    InvalidParameter               naming the piece that is no term, and what to do
    TableError                     if it names a column that is not there

    >>> terms_from_formula("age + s(income, k=8)", {"age": "numeric", "income": "numeric"})
    (Linear(column='age'), Spline(column='income', n_basis=8, ...))
    """
    pieces = [_piece(name, factors, kinds) for name, factors in _parsed(formula, kinds)]
    if not pieces:
        raise InvalidParameter(f"`terms` is {formula!r}, which names no column.")
    alone = {piece.term.columns for piece in pieces}
    every: list[_Piece] = []
    for piece in pieces:
        for column in piece.term.columns if piece.is_whole else ():
            if (column,) not in alone:
                alone.add((column,))
                kind = kinds[column]
                curve = Spline(column) if kind == "numeric" else ALONE[kind](column)
                every.append(_Piece(piece.name, curve))
        every.append(piece)
    _require_distinct(every)
    return tuple(piece.term for piece in every)


@dataclass(frozen=True)
class _Piece:
    """What stands between two plus signs.

    Parameters
    ----------
    name : str                     as it is spelled
    term : Term
    is_whole : bool                whether what its columns do alone belongs to it
    """

    name: str
    term: Term
    is_whole: bool = False


def _parsed(formula: str, columns: Iterable[str]) -> list[tuple[str, list[Any]]]:
    """Each piece but the intercept: as it is spelled, and formulaic's factors of it."""
    try:
        from formulaic.errors import FormulaicError
        from formulaic.parser import DefaultFormulaParser
    except ImportError as error:
        raise NotAvailable(
            f"`terms` is the formula {formula!r:.60}, which needs formulaic: "
            "`pip install 'derivata[formula]'`, or give a list of terms: `[Spline('age')]`."
        ) from error
    try:
        # What `.` stands for.
        known = {"__formulaic_variables_available__": list(columns)}
        parsed: Any = DefaultFormulaParser().get_terms(formula, context=known)
    except (FormulaicError, SyntaxError) as error:
        what = re.sub(r"\x1b\[[\d;]*m", "", str(error)).partition("\n")[0]
        raise InvalidParameter(f"`terms` is {formula!r}, which is no formula: {what}") from error
    if hasattr(parsed, "lhs"):
        raise InvalidParameter(
            f"`terms` is {formula!r}, and the target is given to `fit` as `y`: write what is right "
            "of `~` alone."
        )
    if isinstance(parsed.root, tuple):
        raise InvalidParameter(f"`terms` is {formula!r}, which has several parts; expected one.")
    pieces = [(repr(term), list(term.factors)) for term in parsed.root]
    if "1" not in [name for name, _ in pieces]:
        raise InvalidParameter(
            f"`terms` is {formula!r}, but the intercept is always there: leave out `- 1` and `0`."
        )
    return [(name, factors) for name, factors in pieces if name != "1"]


def _piece(name: str, factors: list[Any], kinds: Mapping[str, str]) -> _Piece:
    if len(factors) > 2:
        raise InvalidParameter(
            f"`{name}` in `terms` is a product of {len(factors)}; products are of two columns."
        )
    if len(factors) == 2:
        first, second = (_column(name, factor, kinds) for factor in factors)
        return _Piece(name, Product(first, second))
    text, method = factors[0].expr, factors[0].eval_method.value
    if method == "lookup":
        require_column(text, kinds)
        return _Piece(name, ALONE[kinds[text]](text))
    call = Call.read(text)
    try:
        return _Piece(name, call.term(kinds), call.function == "te")
    except InvalidParameter as error:
        raise InvalidParameter(f"`{name}` in `terms`: {error}") from None


def _column(name: str, factor: Any, kinds: Mapping[str, str]) -> str:
    """The column of one factor of a product: a bare name, or C() of one."""
    column, method = factor.expr, factor.eval_method.value
    if method == "literal":
        raise InvalidParameter(
            f"`{name}` in `terms` is a product with a number. Leave {column} out: coefficients are "
            "found by the fit."
        )
    if method == "python":
        call = Call.read(column)
        if call.function != "C":
            raise InvalidParameter(
                f"`{name}` in `terms` is a product with `{column}`; products are of columns, "
                "`a:b`. For a curve that depends on another column write `ti(a, b)`."
            )
        column = call.term(kinds).columns[0]
    require_column(column, kinds)
    if kinds[column] == "date":
        raise InvalidParameter(
            f"`{name}` in `terms` is a product with {column!r}, which holds dates. Add a column of "
            "numbers or words made of them to the table, such as the year or the month."
        )
    return column


def _require_distinct(pieces: list[_Piece]) -> None:
    """Refuse two pieces about the same columns, whose features would be the same."""
    seen: dict[Any, str] = {}
    for piece in pieces:
        term = piece.term
        about = (term.columns, term.period) if isinstance(term, Cyclic) else frozenset(term.columns)
        if about in seen:
            raise InvalidParameter(
                f"`{seen[about]}` and `{piece.name}` in `terms` are both about "
                f"{' and '.join(map(repr, term.columns))}. Keep the richer: a curve holds the "
                "straight line, a surface the product."
            )
        seen[about] = piece.name
