"""Terms that share a matrix under a sum, brought under one: X^T p - X^T y = X^T (p - y).

    sum_i X_ik a_i + sum_i X_ik b_i = sum_i X_ik (a_i + b_i)

One product with the data where there were two, and the residual is seen as one.
"""

from __future__ import annotations

import sympy as sp

from derivata.symbolic.index import Delta, Factor, Kernel, Operand, Renaming, Sum, Term, union
from derivata.symbolic.kernels import SLOTS


def collected(total: Sum) -> Sum:
    """The same sum, shared matrices taken out of pairs of terms until none is left."""
    terms = list(total.terms)
    again = len(terms) > 1
    while again:
        again = False
        for place, first in enumerate(terms):
            for other in terms[place + 1 :]:
                together = _together(first, other)
                if together is not None:
                    terms[place] = together
                    terms.remove(other)
                    again = True
                    break
            if again:
                break
    return Sum(tuple(terms), total.free)


def _together(first: Term, second: Term) -> Term | None:
    for factor in first.factors:
        if not _is_taken_out(factor, first):
            continue
        for other in second.factors:
            names = _renaming(factor, other, first, second)
            if names is not None:
                return _under_one(factor, first, second, other, names)
    return None


def _is_taken_out(factor: Factor, term: Term) -> bool:
    return (
        isinstance(factor, Operand)
        and len(factor.indices) > 1
        and any(i in term.bound for i in factor.indices)
    )


def _renaming(factor: Factor, other: Factor, first: Term, second: Term) -> Renaming | None:
    """Names under which the second term's factor is the first's, if there are such."""
    assert isinstance(factor, Operand)
    if not isinstance(other, Operand) or other.name != factor.name:
        return None
    names: Renaming = {}
    for mine, its in zip(factor.indices, other.indices, strict=True):
        if mine in first.bound and its in second.bound:
            if names.setdefault(its, mine) is not mine:
                return None
        elif mine is not its:
            return None
    return names if len(set(names.values())) == len(names) else None


def _under_one(
    factor: Factor, first: Term, second: Term, other: Factor, names: Renaming
) -> Term | None:
    shared = set(names.values())
    rests = []
    for term, taken in ((first, factor), (second, other)):
        factors = list(term.factors)
        factors.remove(taken)
        rest = Term(term.coefficient, tuple(factors), term.bound)
        rest = rest.renamed(names) if term is second else rest
        rests.append(
            Term(rest.coefficient, rest.factors, tuple(i for i in rest.bound if i not in shared))
        )
    if not _is_worth(*rests):
        return None
    scale = _common_scale(rests[0].coefficient, rests[1].coefficient)
    rests = [Term(rest.coefficient / scale, rest.factors, rest.bound) for rest in rests]
    inner: list[Term] = []
    for rest in rests:
        only = rest.factors[0] if len(rest.factors) == 1 else None
        if isinstance(only, Kernel) and only.function == SLOTS[0] and not rest.bound:
            (argument,) = only.arguments
            inner += [
                Term(t.coefficient * rest.coefficient, t.factors, t.bound) for t in argument.terms
            ]
        else:
            inner.append(rest)
    group = Sum(tuple(inner), union(*(term.indices for term in inner)))
    bound = tuple(i for i in first.bound if i in shared)
    return Term(scale, (factor, Kernel(SLOTS[0], (group,))), bound)


def _is_worth(first: Term, second: Term) -> bool:
    """Whether a bracket of both is no larger than each of them."""
    indices = set(first.indices)
    return (
        indices == set(second.indices)
        and 0 < len(indices) <= 2
        and not any(isinstance(f, Delta) for f in first.factors + second.factors)
    )


def _common_scale(first: sp.Expr, second: sp.Expr) -> sp.Expr:
    """A coefficient that leaves whole numbers in the bracket, if one of the two does."""
    ratio = second / first
    if ratio.is_integer:
        return first
    return second if (1 / ratio).is_integer else sp.Integer(1)
