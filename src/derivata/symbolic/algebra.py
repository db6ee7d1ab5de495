"""Sums added, multiplied, summed over and put through functions, kept as short as they were.

A product does not multiply out: a sum of several terms becomes one bracket, so that residuals stay
residuals. Functions of functions fuse into one kernel where that can make them stable.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from derivata.symbolic.canonical import sum_key
from derivata.symbolic.index import (
    Delta,
    Factor,
    Index,
    Kernel,
    LogSumExp,
    Sum,
    Term,
    new_index,
    size,
    union,
)
from derivata.symbolic.kernels import SLOTS, stable

# A fused kernel of more slots than this is no longer read, nor quickly differentiated.
MOST_SLOTS = 4


def number(value: Any) -> Sum:
    """A sum that is one number, or an expression in dimensions."""
    value = sp.sympify(value)
    return Sum(() if value == 0 else (Term(value),), ())


def scaled(total: Sum, by: Any) -> Sum:
    """Every term times a number."""
    if by == 0:
        return Sum((), total.free)
    terms = tuple(Term(term.coefficient * by, term.factors, term.bound) for term in total.terms)
    return Sum(terms, total.free)


def added(first: Sum, second: Sum, free: tuple[Index, ...]) -> Sum:
    """The sum of two, whose axes are `free` afterwards; brackets that stand alone are opened."""
    return Sum(opened(first).terms + opened(second).terms, free)


def multiplied(first: Sum, second: Sum, free: tuple[Index, ...]) -> Sum:
    """The entrywise product, whose axes are `free` afterwards."""
    for one, other in ((first, second), (second, first)):
        if one.constant is not None:
            return Sum(scaled(other, one.constant).terms, free)
    a, b = bracketed(first).refreshed(), bracketed(second).refreshed()
    factors = joined(a.factors + b.factors)
    return Sum((Term(a.coefficient * b.coefficient, factors, a.bound + b.bound),), free)


def summed(total: Sum, over: tuple[Index, ...]) -> Sum:
    """The sum over some of its axes."""
    terms = []
    for term in opened(total).terms:
        coefficient, here = term.coefficient, term.indices
        for i in over:
            if i not in here:
                coefficient = coefficient * size(i.dim)
        bound = term.bound + tuple(i for i in over if i in here)
        # Indices that are summed over are this term's own from now on.
        terms.append(Term(coefficient, term.factors, bound).refreshed())
    return Sum(tuple(terms), tuple(i for i in total.free if i not in over))


def applied(function: Any, *arguments: Sum) -> Sum:
    """A function of numbers (in t0, t1, ...) of every entry of sums that share their indices."""
    free = union(*(argument.free for argument in arguments))
    slots: list[Sum] = []
    keys: list[str] = []

    def slot(argument: Sum) -> Any:
        key = sum_key(argument)
        if key not in keys:
            keys.append(key)
            slots.append(argument)
        return SLOTS[keys.index(key)]

    put = {}
    for old, argument in zip(SLOTS, map(opened, arguments), strict=False):
        constant = argument.constant
        if constant is not None:
            put[old] = constant
        elif _fuses(argument):
            put[old] = _fused(argument, slot)
        else:
            put[old] = slot(argument)
    function = stable(function.subs(put, simultaneous=True))
    return Sum(kernel_terms(function, tuple(slots)), free)


def kernel_terms(function: Any, arguments: tuple[Sum, ...]) -> tuple[Term, ...]:
    """A kernel as terms: numbers pulled out, bare slots opened, stable sums of exponentials."""
    coefficient, function = function.as_coeff_Mul()
    used = [j for j in range(len(arguments)) if function.has(SLOTS[j])]
    if coefficient == 0:
        return ()
    if not used:
        return (Term(coefficient * function),)
    if len(used) < len(arguments):
        function = function.xreplace({SLOTS[old]: SLOTS[new] for new, old in enumerate(used)})
        arguments = tuple(arguments[j] for j in used)
    if function == SLOTS[0]:
        inner = bracketed(arguments[0])
        return (Term(coefficient * inner.coefficient, inner.factors, inner.bound),)
    if len(arguments) == 1:
        through = _log_sum_exp(arguments[0])
        if through is not None:
            if function == sp.log(SLOTS[0]):
                return scaled(through, coefficient).terms
            if function.is_Pow and function.base == SLOTS[0] and function.exp.is_negative:
                kernel = Kernel(sp.exp(function.exp * SLOTS[0]), (through,))
                return (Term(coefficient, (kernel,)),)
    return (Term(coefficient, (Kernel(function, arguments),)),)


def bracketed(total: Sum) -> Term:
    """One term that is equal to a sum."""
    if len(total.terms) == 1:
        return total.terms[0]
    return (
        Term(sp.Integer(1), (Kernel(SLOTS[0], (total,)),)) if total.terms else Term(sp.Integer(0))
    )


def opened(total: Sum) -> Sum:
    """The same sum, terms that are a number times one bracket opened."""
    terms: list[Term] = []
    for term in total.terms:
        factor = term.factors[0] if len(term.factors) == 1 else None
        if not term.bound and isinstance(factor, Kernel) and factor.function == SLOTS[0]:
            terms += scaled(factor.arguments[0], term.coefficient).terms
        else:
            terms.append(term)
    return Sum(tuple(terms), total.free)


def joined(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """Kernels of the same arguments as one, and products of exponentials as one exponential."""
    kept: list[Factor] = []
    kernels: dict[tuple[str, ...], Kernel] = {}
    exponentials: list[Kernel] = []
    for factor in factors:
        if not isinstance(factor, Kernel):
            kept.append(factor)
        elif isinstance(factor.function, sp.exp):
            exponentials.append(factor)
        else:
            key = tuple(sum_key(argument) for argument in factor.arguments)
            before = kernels.get(key)
            if before is not None:
                factor = Kernel(stable(before.function * factor.function), factor.arguments)
            kernels[key] = factor
    others = (kernel for kernel in kernels.values() if kernel.function != 1)
    return (*kept, *others, *_joined_exponentials(exponentials))


def _joined_exponentials(kernels: list[Kernel]) -> list[Kernel]:
    """One exponential where that is no larger than the largest: p_ij p_ik stays a product."""
    done: list[Kernel] = []
    for kernel in kernels:
        for place, before in enumerate(done):
            larger = max(len(before.indices), len(kernel.indices))
            fits = len(before.arguments) + len(kernel.arguments) <= len(SLOTS)
            if fits and len(union(before.indices, kernel.indices)) == larger:
                done[place] = _exp_product(before, kernel)
                break
        else:
            done.append(kernel)
    return [kernel for kernel in done if kernel.function != 1]


def identity(dim: str) -> Sum:
    """The identity matrix."""
    first, second = new_index(dim), new_index(dim)
    return Sum((Term(sp.Integer(1), (Delta(first, second),)),), (first, second))


def _exp_product(first: Kernel, second: Kernel) -> Kernel:
    moved = {SLOTS[j]: SLOTS[j + len(first.arguments)] for j in range(len(second.arguments))}
    together = first.function.args[0] + second.function.args[0].xreplace(moved)
    arguments, keys, put = [], [], {}
    for slot, argument in zip(SLOTS, first.arguments + second.arguments, strict=False):
        key = sum_key(argument)
        if key not in keys:
            keys.append(key)
            arguments.append(argument)
        put[slot] = SLOTS[keys.index(key)]
    return Kernel(sp.exp(together.xreplace(put)), tuple(arguments))


def _fuses(argument: Sum) -> bool:
    """Whether a sum is made of numbers and kernels alone, few enough to read."""
    kernels = [f for term in argument.terms for f in term.factors]
    return (
        all(not term.bound for term in argument.terms)
        and all(isinstance(f, Kernel) for f in kernels)
        and sum(len(f.arguments) for f in kernels if isinstance(f, Kernel)) <= MOST_SLOTS
        and any(isinstance(f, Kernel) and f.function != SLOTS[0] for f in kernels)
    )


def _fused(argument: Sum, slot: Any) -> Any:
    total = sp.Integer(0)
    for term in argument.terms:
        product = term.coefficient
        for factor in term.factors:
            assert isinstance(factor, Kernel)
            put = {SLOTS[j]: slot(inner) for j, inner in enumerate(factor.arguments)}
            product = product * factor.function.xreplace(put)
        total = total + product
    return total


def _log_sum_exp(total: Sum) -> Sum | None:
    """log of a sum where that is a sum of exponentials over indices, else None."""
    if len(total.terms) != 1:
        return None
    (term,) = total.terms
    factor = term.factors[0] if len(term.factors) == 1 else None
    if not (term.bound and isinstance(factor, Kernel) and isinstance(factor.function, sp.exp)):
        return None
    if not term.coefficient.is_positive or not set(term.bound) <= set(factor.indices):
        return None
    free = tuple(i for i in factor.indices if i not in term.bound)
    inner = Sum(kernel_terms(factor.function.args[0], factor.arguments), factor.indices)
    for i in term.bound:
        kept = tuple(k for k in inner.free if k is not i)
        inner = Sum((Term(sp.Integer(1), (LogSumExp(inner, i),)),), kept)
    offset = sp.log(term.coefficient)
    return added(inner, number(offset), free) if offset != 0 else inner
