"""Derivatives of sums over named indices.

    d w_i / d w_k = delta_ik          d phi(a) = phi'(a) da          product rule
    d log|det M| = tr(M^-1 dM)        d M^-1 = -M^-1 dM M^-1         d det M = det M tr(M^-1 dM)
    d logsumexp(a) = sum_j exp(a_j - logsumexp(a)) da_j

Each delta that meets a sum is taken out, equal terms are merged, and the result is again a sum
with the new indices appended to its axes, so second and third derivatives are the same step.
The rules are those of any textbook on matrix calculus (Magnus & Neudecker, 2019, part 3).
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from derivata.errors import NotAvailable
from derivata.symbolic.algebra import bracketed, joined, kernel_terms
from derivata.symbolic.canonical import term_key
from derivata.symbolic.index import (
    Delta,
    Det,
    Factor,
    Index,
    Inverse,
    Kernel,
    Largest,
    LogDet,
    LogSumExp,
    OfMatrix,
    Operand,
    Reduction,
    Sum,
    Term,
    WhereLargest,
    new_index,
    size,
    union,
)
from derivata.symbolic.kernels import SLOTS, slope

ONE = sp.Integer(1)
# Longer derivatives are refused: no one reads them, and they take minutes.
MOST_FACTORS = 2_000


def derivative(total: Sum, name: str, dims: str) -> Sum:
    """Derivative of a sum by an operand, whose axes are appended to its own."""
    by = tuple(new_index(dim) for dim in dims)
    return simplified(Sum(tuple(_terms(total, name, by)), total.free + by))


def simplified(total: Sum) -> Sum:
    """Deltas taken out where they meet a sum, equal terms merged, zero terms dropped."""
    merged: dict[str, Term] = {}
    for term in total.terms:
        term = _without_deltas(term)
        key = term_key(term, {})
        before = merged.get(key)
        if before is not None:
            term = Term(before.coefficient + term.coefficient, before.factors, before.bound)
        merged[key] = term
    kept = []
    for term in merged.values():
        coefficient = sp.factor_terms(term.coefficient)
        if coefficient != 0:
            kept.append(Term(coefficient, term.factors, term.bound))
    return Sum(tuple(kept), total.free)


def _terms(total: Sum, name: str, by: tuple[Index, ...]) -> Iterator[Term]:
    """Terms of the derivative, by the product rule; their bound indices are their own."""
    n_factors = 0
    for term in total.terms:
        for j, factor in enumerate(term.factors):
            rest = term.factors[:j] + term.factors[j + 1 :]
            for inner in _of_factor(factor, name, by):
                product = Term(
                    term.coefficient * inner.coefficient,
                    joined(rest + inner.factors),
                    term.bound + inner.bound,
                )
                n_factors += 1 + len(product.factors)
                if n_factors > MOST_FACTORS:
                    raise NotAvailable(
                        f"a derivative by {name} has more than {MOST_FACTORS} factors in its "
                        "terms; state the loss in fewer products."
                    )
                yield product.refreshed()


def _of_factor(factor: Factor, name: str, by: tuple[Index, ...]) -> Iterator[Term]:
    match factor:
        case Operand():
            if factor.name == name:
                pairs = zip(factor.indices, by, strict=True)
                yield Term(ONE, tuple(Delta(i, k) for i, k in pairs))
        case Kernel(function, arguments):
            for slot, argument in zip(SLOTS, arguments, strict=False):
                inner = tuple(_terms(argument, name, by))
                if inner:
                    outer = kernel_terms(slope(function, slot), arguments)
                    yield from _products(outer, inner)
        case Inverse(matrix, row, column, first, second):
            for term in _terms(matrix, name, by):
                a, b = new_index(row.dim), new_index(row.dim)
                left = Inverse(matrix, row, column, first, a)
                right = Inverse(matrix, row, column, b, second)
                inside = term.renamed({row: a, column: b})
                factors = (left, *inside.factors, right)
                yield Term(-inside.coefficient, factors, (*inside.bound, a, b))
        case OfMatrix(matrix, row, column):
            itself = (factor,) if isinstance(factor, Det) else ()
            assert isinstance(factor, LogDet | Det)
            for term in _terms(matrix, name, by):
                a, b = new_index(row.dim), new_index(row.dim)
                inside = term.renamed({row: a, column: b})
                factors = (*itself, Inverse(matrix, row, column, b, a), *inside.factors)
                yield Term(inside.coefficient, factors, (*inside.bound, a, b))
        case Reduction(argument, over):
            for term in _terms(argument, name, by):
                at = new_index(over.dim)
                inside = term.renamed({over: at})
                share = _share(factor, at)
                yield Term(inside.coefficient, (share, *inside.factors), (*inside.bound, at))
        case Delta() | WhereLargest():
            return


def _share(factor: Reduction, at: Index) -> Factor:
    """How much of a reduction's change comes from one of its entries."""
    if isinstance(factor, LogSumExp):
        entry = factor.argument.renamed({factor.over: at})
        whole = Sum((Term(ONE, (factor,)),), factor.indices)
        return Kernel(sp.exp(SLOTS[0] - SLOTS[1]), (entry, whole))
    assert isinstance(factor, Largest)
    return WhereLargest(factor.argument, factor.over, at)


def _products(outer: tuple[Term, ...], inner: tuple[Term, ...]) -> Iterator[Term]:
    """A sum times each term of another; the first stays one bracket where it has several terms."""
    if not outer:
        return
    whole = bracketed(Sum(outer, union(*(term.indices for term in outer))))
    for term in inner:
        front = whole.refreshed()
        yield Term(
            front.coefficient * term.coefficient,
            front.factors + term.factors,
            front.bound + term.bound,
        )


def _without_deltas(term: Term) -> Term:
    coefficient, factors, bound = term.coefficient, list(term.factors), list(term.bound)
    kept: list[Delta] = []
    while True:
        delta = next((f for f in factors if isinstance(f, Delta)), None)
        if delta is None:
            break
        factors.remove(delta)
        first, second = delta.first, delta.second
        if first is second:
            continue
        if first in bound:
            first, second = second, first
        if second in bound:  # the sum over it leaves the entry where both are equal
            bound.remove(second)
        else:  # both are axes: the rest need only know one of them
            if first.number > second.number:
                first, second = second, first
            kept = [
                k for k in (k.renamed({second: first}) for k in kept) if k.first is not k.second
            ]
            kept.append(Delta(first, second))
        factors = [f.renamed({second: first}) for f in factors]
    unique: dict[frozenset[Index], Delta] = {frozenset(k.indices): k for k in kept}
    factors = [*joined(tuple(factors)), *unique.values()]
    used = {i for factor in factors for i in factor.indices}
    for i in bound:
        if i not in used:
            coefficient = coefficient * size(i.dim)
    return Term(coefficient, tuple(factors), tuple(i for i in bound if i in used))
