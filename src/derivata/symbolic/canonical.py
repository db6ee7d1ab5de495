"""A key for sums that does not depend on the names of bound indices or the order of terms.

Bound indices are told apart by what they touch: each carries a colour, refined by the colours
around it until nothing changes, and where two stay alike one is marked and all are refined again.
Two sums with one key are equal; equal sums with two keys cost a longer formula and nothing else.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any

import sympy as sp

from derivata.symbolic.index import (
    Delta,
    Factor,
    Index,
    Inverse,
    Kernel,
    OfMatrix,
    Operand,
    Reduction,
    Sum,
    Term,
    WhereLargest,
)
from derivata.symbolic.kernels import SLOTS

Labels = dict[Index, str]


def sum_key(total: Sum, labels: Labels | None = None) -> str:
    """Key of a sum; free indices go by `labels`, else by their own numbers."""
    labels = labels or {}
    keys = sorted(f"{term.coefficient}*{term_key(term, labels)}" for term in total.terms)
    return _digest("+".join(keys))


def term_key(term: Term, labels: Labels) -> str:
    """Key of a term without its coefficient."""
    if not term.bound:
        return "*".join(sorted(_factor_key(factor, labels) for factor in term.factors))
    colours = {i: i.dim for i in term.bound}
    marks = 0
    while True:
        colours = _refined(term, labels, colours)
        alike = _alike(term.bound, colours)
        if alike is None:
            break
        marks += 1
        colours[alike] = f"{colours[alike]}!{marks}"
    labels = {**labels, **colours}
    return "*".join(sorted(_factor_key(factor, labels) for factor in term.factors)) + "".join(
        sorted(i.dim for i in term.bound)
    )


def ordered(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """Factors in an order that depends on what they are alone."""
    return tuple(sorted(factors, key=lambda factor: _factor_key(factor, {})))


@lru_cache(maxsize=4096)
def function_key(function: Any) -> str:
    """A kernel's function as text."""
    return sp.srepr(function)


def _refined(term: Term, labels: Labels, colours: Labels) -> Labels:
    for _ in range(len(term.bound) + 1):
        around = {**labels, **colours}
        seen: dict[Index, list[str]] = {i: [] for i in term.bound}
        for factor in term.factors:
            for i in set(factor.indices) & set(term.bound):
                seen[i].append(_factor_key(factor, {**around, i: f"<{around[i]}>"}))
        new = {i: _digest(colours[i] + "|".join(sorted(seen[i]))) for i in term.bound}
        if len(set(new.values())) == len(set(colours.values())) and _ > 0:
            return new
        colours = new
    return colours


def _alike(bound: tuple[Index, ...], colours: Labels) -> Index | None:
    seen: set[str] = set()
    for i in bound:
        if colours[i] in seen:
            return i
        seen.add(colours[i])
    return None


def _factor_key(factor: Factor, labels: Labels) -> str:
    def at(*indices: Index) -> str:
        return ",".join(labels.get(i, f"#{i.number}") for i in indices)

    match factor:
        case Operand(name, indices):
            return f"{name}[{at(*indices)}]"
        case Delta(first, second):
            return f"delta[{','.join(sorted((at(first), at(second))))}]"
        case Kernel(function, arguments):
            keys = [sum_key(argument, labels) for argument in arguments]
            order = sorted(range(len(keys)), key=keys.__getitem__)
            slots = {SLOTS[old]: SLOTS[new] for new, old in enumerate(order) if new != old}
            if slots:
                function = function.xreplace(slots)
            return f"K({function_key(function)};{';'.join(keys[j] for j in order)})"
        case Inverse(matrix, row, column, first, second):
            inner = sum_key(matrix, {**labels, row: "row", column: "column"})
            return f"Inverse({inner})[{at(first, second)}]"
        case OfMatrix(matrix, row, column):
            inner = sum_key(matrix, {**labels, row: "row", column: "column"})
            return f"{type(factor).__name__}({inner})"
        case Reduction(argument, over):
            return f"{type(factor).__name__}({sum_key(argument, {**labels, over: 'over'})})"
        case WhereLargest(argument, over, place):
            return f"Where({sum_key(argument, {**labels, over: 'over'})})[{at(place)}]"


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=12).hexdigest()
