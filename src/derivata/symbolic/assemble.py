"""Matrix expressions put together: nested sums and products flattened, transposes moved inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from derivata.symbolic.forms import (
    Added,
    Diagonal,
    Expanded,
    Form,
    Identity,
    MatMul,
    Number,
    Power,
    Product,
    Transposed,
)


def product(coefficient: Any, *arguments: Form) -> Form:
    """A product, nested ones flattened, numbers gathered, equal factors as powers."""
    powers: dict[Form, Any] = {}
    for argument in arguments:
        inside = (argument,)
        if isinstance(argument, Product):
            coefficient, inside = coefficient * argument.coefficient, argument.arguments
        for part in inside:
            if isinstance(part, Number):
                coefficient = coefficient * part.value
            else:
                base, exponent = (
                    (part.base, part.exponent) if isinstance(part, Power) else (part, 1)
                )
                powers[base] = powers.get(base, sp.Integer(0)) + exponent
    kept = [power(base, exponent) for base, exponent in powers.items() if exponent != 0]
    if coefficient == 0 or not kept:
        return Number(sp.sympify(coefficient))
    if coefficient == 1 and len(kept) == 1:
        return kept[0]
    return Product(sp.sympify(coefficient), tuple(kept))


def power(base: Form, exponent: Any) -> Form:
    """A power, that of one left out."""
    return base if exponent == 1 else Power(base, sp.sympify(exponent))


def add(*arguments: Form) -> Form:
    """A sum, nested ones flattened, those without a minus first."""
    flat: list[Form] = []
    for argument in arguments:
        flat += argument.arguments if isinstance(argument, Added) else (argument,)
    flat = [part for part in flat if not (isinstance(part, Number) and part.value == 0)]
    if not flat:
        return Number(sp.Integer(0))
    flat.sort(key=is_negative)
    return flat[0] if len(flat) == 1 else Added(tuple(flat))


def is_negative(form: Form) -> bool:
    """Whether a form is written with a minus in front."""
    if isinstance(form, Product):
        return form.coefficient.could_extract_minus_sign()
    return isinstance(form, Number) and form.value.could_extract_minus_sign()


def negated(form: Form) -> Form:
    """A form times -1."""
    return product(sp.Integer(-1), form)


def transposed(form: Form, order: tuple[int, ...]) -> Form:
    """Axes in another order, moved inside where that is free."""
    if order == tuple(range(len(order))):
        return form
    match form:
        case Transposed(inner=inner, order=before):
            return transposed(inner, tuple(before[axis] for axis in order))
        case MatMul(left=left, right=right) if left.ndim == right.ndim == 2:
            return MatMul(transposed(right, (1, 0)), transposed(left, (1, 0)))
        case Identity() | Diagonal():
            return form
        case Product(coefficient, arguments) if all(map(_is_full(form.ndim), arguments)):
            return Product(
                coefficient, tuple(transposed(a, order) if a.ndim else a for a in arguments)
            )
    return Transposed(form, order)


def _is_full(ndim: int) -> Callable[[Form], bool]:
    """Whether a factor is a number or has all axes at full length, so that it can be transposed."""
    return lambda part: part.ndim == 0 or (part.ndim == ndim and not isinstance(part, Expanded))
