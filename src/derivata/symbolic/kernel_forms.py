"""A kernel of slots to a form of arrays: the last step at which SymPy is looked at."""

from __future__ import annotations

from typing import Any

import sympy as sp

from derivata.symbolic import assemble, forms, kernels
from derivata.symbolic.forms import Form

_SLOT_NUMBERS = {slot: number for number, slot in enumerate(kernels.SLOTS)}
# SymPy's class -> the name that printers know.
FUNCTIONS = {
    sp.exp: "exp",
    sp.log: "log",
    sp.tanh: "tanh",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
    sp.sin: "sin",
    sp.cos: "cos",
    sp.tan: "tan",
    sp.atan: "arctan",
    sp.erf: "erf",
    kernels.absolute: "abs",
    kernels.sign: "sign",
    sp.loggamma: "lgamma",
    sp.digamma: "digamma",
    sp.polygamma: "polygamma",
    kernels.sigmoid: "sigmoid",
    kernels.softplus: "softplus",
    kernels.logaddexp: "logaddexp",
    kernels.step: "step",
    kernels.relu: "relu",
    kernels.maximum: "maximum",
    kernels.clip: "clip",
    kernels.huber: "huber",
    kernels.choose: "where",
}


def kernel_form(function: Any, slots: list[Form]) -> Form:
    """The form of a kernel whose slots are filled with forms."""
    if function in _SLOT_NUMBERS:
        return slots[_SLOT_NUMBERS[function]]
    if not function.has(*_SLOT_NUMBERS):
        return forms.Number(function)
    if function.is_Add:
        return _sum(function, slots)
    if function.is_Mul:
        coefficient = sp.Mul(*(a for a in function.args if not a.has(*_SLOT_NUMBERS)))
        rest = (a for a in function.args if a.has(*_SLOT_NUMBERS))
        return assemble.product(coefficient, *(kernel_form(a, slots) for a in rest))
    if function.is_Pow and not function.exp.has(*_SLOT_NUMBERS):
        return assemble.power(kernel_form(function.base, slots), function.exp)
    if function.is_Pow:
        parts = (kernel_form(function.base, slots), kernel_form(function.exp, slots))
        return forms.Call("power", parts)
    if isinstance(function, sp.log) and function.args[0].is_Add and 1 in function.args[0].args:
        return forms.Call("log1p", (kernel_form(function.args[0] - 1, slots),))
    name = FUNCTIONS.get(function.func)
    if name is None:
        raise NotImplementedError(f"{function.func} has no name in code")
    call = forms.Call(name, tuple(kernel_form(a, slots) for a in function.args))
    return (_softmax(call.arguments[0]) or call) if name == "exp" else call


def _softmax(exponent: Form) -> Form | None:
    """Softmax where an exponent is an array less its logsumexp, else None."""
    match exponent:
        case forms.Added((inner, forms.Product(coefficient, (whole,)))) if coefficient == -1:
            reduction = whole.inner if isinstance(whole, forms.Expanded) else whole
            if isinstance(reduction, forms.LogSumExpOf) and reduction.inner == inner:
                return forms.SoftmaxOf(inner, reduction.axis)
    return None


def _sum(function: Any, slots: list[Form]) -> Form:
    exponential = function + 1
    if isinstance(exponential, sp.exp):
        return forms.Call("expm1", (kernel_form(exponential.args[0], slots),))
    if isinstance(-function + 1, sp.exp):
        inner = forms.Call("expm1", (kernel_form((1 - function).args[0], slots),))
        return assemble.negated(inner)
    return assemble.add(*(kernel_form(a, slots) for a in function.args))
