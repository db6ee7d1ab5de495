"""Sums over named indices back to matrix form.

Each factor is an array with named axes. One bound index after the other is summed: over one array
by a sum, over two by a matrix product, with a vector on the same index folded in first
(A diag(v) B); what has no matrix form becomes one Einstein sum. The order is that of the smallest
outcome first, so that X^T (X w) never forms X^T X.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from derivata.symbolic import assemble, forms
from derivata.symbolic.collect import collected
from derivata.symbolic.differentiate import simplified
from derivata.symbolic.forms import Form
from derivata.symbolic.index import (
    Delta,
    Det,
    Factor,
    Index,
    Inverse,
    Kernel,
    LogDet,
    LogSumExp,
    OfMatrix,
    Operand,
    Reduction,
    Sum,
    Term,
    WhereLargest,
    size,
    union,
)
from derivata.symbolic.kernel_forms import kernel_form

ONE = sp.Integer(1)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Array:
    """A form whose axes are named."""

    form: Form
    axes: tuple[Index, ...]


def matrix_form(total: Sum) -> Form:
    """The form of a sum, with all of its axes in their order."""
    array = contracted(total, total.free)
    if array.axes == total.free:
        return array.form
    return forms.Filled(_aligned(array, total.free), total.dims)


def contracted(total: Sum, order: tuple[Index, ...]) -> Array:
    """The array that a sum makes; axes that no term mentions are left out."""
    arrays = [_term(term, order) for term in collected(simplified(total)).terms]
    used = union(*(array.axes for array in arrays))
    axes = _sorted(used, order)
    return Array(assemble.add(*(_aligned(array, axes) for array in arrays)), axes)


def _term(term: Term, order: tuple[Index, ...]) -> Array:
    deltas = [f for f in term.factors if isinstance(f, Delta)]
    arrays = [_array(f) for f in term.factors if not isinstance(f, Delta)]
    coefficient, bound = term.coefficient, list(term.bound)
    for i in term.bound:
        # What mentioned it has cancelled inside a bracket: equal entries are added.
        if not any(i in array.axes for array in arrays):
            coefficient = coefficient * size(i.dim)
            bound.remove(i)
    while bound:
        arrays = _merged(arrays)
        best = min(bound, key=lambda i: _cost(arrays, i))
        bound.remove(best)
        arrays = _summed(arrays, best, order)
    arrays = _merged(arrays)
    return _joined(coefficient, arrays, deltas, order)


def _array(factor: Factor) -> Array:
    match factor:
        case Operand(name, indices):
            return _without_repeats(forms.Name(name, len(indices)), indices)
        case Kernel(function, arguments):
            inner = [contracted(argument, argument.free) for argument in arguments]
            longest = sorted(inner, key=lambda array: -len(array.axes))
            axes = union(*(array.axes for array in longest))
            return Array(kernel_form(function, [_aligned(a, axes) for a in inner]), axes)
        case Inverse(matrix, row, column, first, second):
            inverse = forms.InverseOf(_whole(matrix, (row, column)))
            return _without_repeats(inverse, (first, second))
        case OfMatrix(matrix, row, column):
            inner = _whole(matrix, (row, column))
            assert isinstance(factor, LogDet | Det)
            is_log = isinstance(factor, LogDet)
            return Array(forms.LogDetOf(inner) if is_log else forms.DetOf(inner), ())
        case Reduction(argument, over):
            inner = _reduced(argument, over)
            kept = tuple(i for i in inner.axes if i is not over)
            kind = forms.LogSumExpOf if isinstance(factor, LogSumExp) else forms.LargestOf
            return Array(kind(inner.form, inner.axes.index(over)), kept)
        case WhereLargest(argument, over, at):
            inner = _reduced(argument, over)
            axes = tuple(at if i is over else i for i in inner.axes)
            return Array(forms.IsLargest(inner.form, inner.axes.index(over)), axes)
        case Delta(first, second):
            return Array(forms.Identity(first.dim), (first, second))


def _reduced(argument: Sum, over: Index) -> Array:
    """The array that a reduction runs over; its axis is there even if its entries are equal."""
    inner = contracted(argument, argument.free)
    if over in inner.axes:
        return inner
    axes = (*inner.axes, over)
    return Array(matrix_form(Sum(argument.terms, axes)), axes)


def _whole(matrix: Sum, axes: tuple[Index, Index]) -> Form:
    return matrix_form(Sum(matrix.terms, axes))


def _without_repeats(form: Form, indices: tuple[Index, ...]) -> Array:
    axes = union(indices)
    if len(axes) == len(indices):
        return Array(form, indices)
    if len(indices) == 2:
        return Array(forms.DiagonalOf(form), axes)
    return Array(forms.Einsum(_spec([indices], axes), (form,)), axes)


def _merged(arrays: list[Array]) -> list[Array]:
    """Arrays on the same axes multiplied entry by entry."""
    groups: dict[frozenset[Index], list[Array]] = {}
    for array in arrays:
        groups.setdefault(frozenset(array.axes), []).append(array)
    return [_multiplied(group, group[0].axes) for group in groups.values()]


def _multiplied(arrays: list[Array], axes: tuple[Index, ...]) -> Array:
    if len(arrays) == 1:
        return arrays[0]
    return Array(assemble.product(ONE, *(_aligned(array, axes) for array in arrays)), axes)


def _cost(arrays: list[Array], i: Index) -> tuple[int, int]:
    here = [array for array in arrays if i in array.axes]
    return len(union(*(array.axes for array in here))) - 1, len(here)


def _summed(arrays: list[Array], i: Index, order: tuple[Index, ...]) -> list[Array]:
    """One index summed over."""
    here = [array for array in arrays if i in array.axes]
    rest = [array for array in arrays if i not in array.axes]
    vectors = [array for array in here if len(array.axes) == 1]
    if vectors and len(here) > 2:
        taker = min((a for a in here[::-1] if len(a.axes) > 1), key=_reluctance)
        here.remove(vectors[0])
        here[here.index(taker)] = _multiplied([vectors[0], taker], taker.axes)
    if len(here) == 1:
        return [*rest, _total(here[0], i)]
    axes = _sorted(union(*(array.axes for array in here)), order)
    kept = tuple(k for k in axes if k is not i)
    ndims = sum(len(array.axes) for array in here)
    if len(here) == 2 and ndims <= 4 and ndims - 2 == len(kept):
        return [*rest, _matrix_product(here[0], here[1], i, kept)]
    if len(here) > 2 and ndims - len(here) == len(kept):
        here = _in_two(here, i)
    spec = _spec([array.axes for array in here], kept)
    return [*rest, Array(forms.Einsum(spec, tuple(array.form for array in here)), kept)]


def _in_two(arrays: list[Array], i: Index) -> list[Array]:
    """Two products of arrays that share one index alone: their Einstein sum is a matrix product.

    Each half takes one of every two equal arrays, so that equal halves are computed once.
    """
    left: list[Array] = []
    right: list[Array] = []
    for array in arrays:
        (right if any(array.form == other.form for other in left) else left).append(array)
    if not right:
        left, right = left[:-1], left[-1:]
    halves = []
    for half in (left, right):
        others = tuple(k for array in half for k in array.axes if k is not i)
        halves.append(_multiplied(half, (i, *others)))
    return halves


def _reluctance(array: Array) -> tuple[int, bool]:
    # An operand of the user's is left as it is where another array can take the vector.
    return len(array.axes), isinstance(array.form, forms.Name)


def _total(array: Array, i: Index) -> Array:
    kept = tuple(k for k in array.axes if k is not i)
    form = array.form
    if not kept and isinstance(form, forms.Power) and form.exponent == 2 and form.base.ndim == 1:
        return Array(forms.MatMul(form.base, form.base), ())
    if not kept and isinstance(form, forms.Product) and len(form.arguments) > 1:
        first, *others = form.arguments
        other = assemble.product(ONE, *others)
        if first.ndim == other.ndim == 1:
            return Array(assemble.product(form.coefficient, forms.MatMul(first, other)), ())
    return Array(forms.Total(form, array.axes.index(i)), kept)


def _matrix_product(first: Array, second: Array, i: Index, kept: tuple[Index, ...]) -> Array:
    if len(first.axes) < len(second.axes):
        first, second = second, first
    if len(first.axes) == len(second.axes) == 2 and kept and kept[0] in second.axes:
        first, second = second, first
    left = _aligned(first, (*(k for k in first.axes if k is not i), i))
    right = _aligned(second, (i, *(k for k in second.axes if k is not i)))
    return Array(forms.MatMul(left, right), kept)


def _joined(
    coefficient: sp.Expr, arrays: list[Array], deltas: list[Delta], order: tuple[Index, ...]
) -> Array:
    """What is left when nothing is summed any more: a product, outer or entry by entry."""
    used = union(*(array.axes for array in arrays), *(delta.indices for delta in deltas))
    axes = _sorted(used, order)
    if len(deltas) == 1 and set(axes) == set(deltas[0].indices):
        vectors = [array for array in arrays if array.axes]
        if len(vectors) == 1 and len(vectors[0].axes) == 1:
            diagonal = Array(forms.Diagonal(vectors[0].form), axes)
            arrays, deltas = [*(a for a in arrays if not a.axes), diagonal], []
    arrays = [*arrays, *(_array(delta) for delta in deltas)]
    if len(arrays) == 1 and coefficient == 1:
        return arrays[0]
    return Array(assemble.product(coefficient, *(_aligned(a, axes) for a in arrays)), axes)


def _aligned(array: Array, axes: tuple[Index, ...]) -> Form:
    """The form of an array, ready to be broadcast along axes."""
    if array.axes == axes or not array.axes:
        return array.form
    present = [i for i in axes if i in array.axes]
    form = assemble.transposed(array.form, tuple(array.axes.index(i) for i in present))
    pattern = tuple(i not in array.axes for i in axes[axes.index(present[0]) :])
    return forms.Expanded(form, pattern) if any(pattern) else form


def _sorted(used: tuple[Index, ...], order: tuple[Index, ...]) -> tuple[Index, ...]:
    """Axes in the order asked for; others follow as they come."""
    return (*(i for i in union(order) if i in used), *(i for i in used if i not in order))


def _spec(inputs: list[tuple[Index, ...]], output: tuple[Index, ...]) -> str:
    letters = {i: LETTERS[j] for j, i in enumerate(union(*inputs))}
    left = ",".join("".join(letters[i] for i in axes) for axes in inputs)
    return f"{left}->{''.join(letters[i] for i in output)}"
