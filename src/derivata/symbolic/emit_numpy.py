"""Forms as NumPy code: one function of the operands, shared parts first.

Sigmoids and Bernoulli losses are written so that no exponential overflows; log(1 + t) is
``log1p``. The code imports NumPy and SciPy's special functions and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sympy as sp

from derivata.errors import NotAvailable
from derivata.symbolic import assemble, forms
from derivata.symbolic.forms import Form
from derivata.symbolic.shared import with_names

HEADER = "import numpy as np\nfrom scipy import special\n"
# How tightly a piece of code binds.
SUM, TIMES, SIGN, POWER, ATOM = range(5)

Piece = tuple[str, int]

_CALLS = {
    "sigmoid": "special.expit({})",
    "softplus": "np.logaddexp(0.0, {})",
    "logaddexp": "np.logaddexp({}, {})",
    "relu": "np.maximum({}, 0.0)",
    "maximum": "np.maximum({}, {})",
    "where": "np.where({}, {}, {})",
    "power": "np.power({}, {})",
    "lgamma": "special.gammaln({})",
    "digamma": "special.digamma({})",
    "polygamma": "special.polygamma({}, {})",
    "erf": "special.erf({})",
}


def function_code(name: str, results: Form | tuple[Any, ...], shapes: Mapping[str, str]) -> str:
    """Source of a function of the operands that returns one result, or nested tuples of them.

    Parameters
    ----------
    name : str
        Name of the function.
    results : Form or nested tuple of Form
        What it returns.
    shapes : mapping of str to str
        Operands in the order of its arguments, with their shapes.
    """
    flat = _flat(results)
    dims = {letter for shape in shapes.values() for letter in shape}
    named, put = with_names(flat, {*shapes, *dims, "np", "special"})
    body = [f"    {part.name} = {numpy_code(part.form)}" for part in named]
    returned = _nested(results, iter([numpy_code(form) for form in put]))
    used = set().union(*(_dims_of(form) for form in (*(part.form for part in named), *put)))
    lines = [f"def {name}({', '.join(shapes)}):"]
    for dim in sorted(used):
        operand = next(operand for operand, shape in shapes.items() if dim in shape)
        lines.append(f"    {dim} = np.shape({operand})[{shapes[operand].index(dim)}]")
    return "\n".join([*lines, *body, f"    return {returned}"]) + "\n"


def numpy_code(form: Form) -> str:
    """A form as one expression."""
    return _piece(form)[0]


def _piece(form: Form) -> Piece:
    match form:
        case forms.Name(name=name):
            return name, ATOM
        case forms.Number(value=value):
            return _number(value)
        case forms.Added(arguments=arguments):
            return _sum(arguments), SUM
        case forms.Product():
            return _product(form)
        case forms.Power(base=base, exponent=exponent):
            return _power(base, exponent)
        case forms.Call():
            return _call(form), ATOM
        case forms.MatMul(left=left, right=right):
            return f"{_at(left, TIMES, form)} @ {_at(right, SIGN, form)}", TIMES
        case forms.Transposed(inner=inner, order=order):
            reverse = tuple(range(len(order)))[::-1]
            if order == reverse:
                return f"{_at(inner, ATOM)}.T", ATOM
            return f"np.transpose({numpy_code(inner)}, {order})", ATOM
        case forms.Expanded(inner=inner, pattern=pattern):
            entries = ", ".join("None" if new else ":" for new in pattern)
            return f"{_at(inner, ATOM)}[{entries}]", ATOM
        case forms.LogSumExpOf(inner=inner, axis=axis):
            return f"special.logsumexp({numpy_code(inner)}, axis={axis})", ATOM
        case forms.LargestOf(inner=inner, axis=axis):
            return f"np.max({numpy_code(inner)}, axis={axis})", ATOM
        case forms.Total(inner=inner, axis=axis):
            if form.ndim == 0:  # over one axis after the other: over all
                while type(inner) is forms.Total:
                    inner = inner.inner
                return f"np.sum({numpy_code(inner)})", ATOM
            return f"np.sum({numpy_code(inner)}, axis={axis})", ATOM
        case forms.SoftmaxOf(inner=inner, axis=axis):
            return f"special.softmax({numpy_code(inner)}, axis={axis})", ATOM
        case forms.IsLargest(inner=inner, axis=axis):
            return _is_largest(inner, axis), ATOM
        case forms.DiagonalOf(inner=inner):
            return f"np.diagonal({numpy_code(inner)})", ATOM
        case forms.Diagonal(inner=inner):
            return f"np.diag({numpy_code(inner)})", ATOM
        case forms.InverseOf(inner=inner):
            return f"np.linalg.inv({numpy_code(inner)})", ATOM
        case forms.LogDetOf(inner=inner):
            return f"np.linalg.slogdet({numpy_code(inner)})[1]", ATOM
        case forms.DetOf(inner=inner):
            return f"np.linalg.det({numpy_code(inner)})", ATOM
        case forms.Identity(dim=dim):
            return f"np.eye({dim})", ATOM
        case forms.Filled(inner=inner, dims=dims):
            lengths = ", ".join(dims) + ("," if len(dims) == 1 else "")
            return f"np.full(({lengths}), {numpy_code(inner)}, dtype=float)", ATOM
        case forms.Einsum(spec=spec, arguments=arguments):
            inside = ", ".join(numpy_code(a) for a in arguments)
            # By way of matrix products, where there are two arrays or more.
            best = ", optimize=True" if len(arguments) > 1 else ""
            return f'np.einsum("{spec}", {inside}{best})', ATOM
    raise NotImplementedError(type(form).__name__)


def _at(form: Form, level: int, parent: Form | None = None) -> str:
    """The code of a part, in brackets where it binds less tightly than its place asks."""
    code, binds = _piece(form)
    mixed = isinstance(form, forms.Product) and isinstance(parent, forms.MatMul)
    return f"({code})" if binds < level or mixed else code


def _number(value: Any) -> Piece:
    if value.is_Rational and value.q != 1:
        short = len(str(value.p)) + len(str(value.q)) < 8
        if short and value.q & (value.q - 1) and value.q not in (5, 10, 100, 1000):
            return f"{value.p} / {value.q}", TIMES
        code = repr(float(value))
        return code, ATOM if value > 0 else SIGN
    if value.is_Integer:
        return str(int(value)), ATOM if value >= 0 else SIGN
    if value.is_number:
        code = repr(float(value))
        return code, ATOM if value > 0 else SIGN
    code = re.sub(r"[a-z]+(?=\()", lambda found: _function_of_number(found[0]), str(value))
    code = re.sub(r"\bpi\b", "np.pi", code)
    return code, ATOM if value.is_Symbol else SUM


def _function_of_number(name: str) -> str:
    """The name in code of a function of lengths of dimensions."""
    if name in ("log", "sqrt", "exp", "tanh", "sinh", "cosh", "sin", "cos"):
        return f"np.{name}"
    if name == "sigmoid":
        return "special.expit"
    raise NotAvailable(
        f"`{name}` of the length of a dimension has no code here. Pass the number as an operand."
    )


def _sum(arguments: tuple[Form, ...]) -> str:
    code = _at(arguments[0], SUM)
    for argument in arguments[1:]:
        if assemble.is_negative(argument):
            code += f" - {_at(assemble.negated(argument), TIMES)}"
        else:
            code += f" + {_at(argument, TIMES)}"
    return code


def _product(form: forms.Product) -> Piece:
    """Coefficient first, then factors, divisors last; a product of matrices is bracketed."""
    coefficient = form.coefficient
    minus = coefficient.could_extract_minus_sign()
    above, below = sp.fraction(sp.together(-coefficient if minus else coefficient))
    # Few numbers before many, so that a large array is passed over once.
    factors = sorted(form.arguments, key=lambda part: part.ndim > 0)
    pieces, divisors = [], []
    for part in factors:
        if isinstance(part, forms.Power) and part.exponent.is_negative is True:
            divisors.append(_at(assemble.power(part.base, -part.exponent), SIGN))
        else:
            pieces.append(_at(part, SIGN))
    if above != 1 or not pieces:
        code, binds = _number(above)
        pieces.insert(0, code if binds > TIMES else f"({code})")
    if below != 1:
        code, binds = _number(below)
        divisors.insert(0, code if binds > TIMES else f"({code})")
    code = " * ".join(pieces)
    for divisor in divisors:
        code += f" / {divisor}"
    return (f"-{code}", TIMES) if minus else (code, TIMES)


def _power(base: Form, exponent: Any) -> Piece:
    if exponent == sp.Rational(1, 2):
        return f"np.sqrt({numpy_code(base)})", ATOM
    if exponent.is_negative is True:
        return f"1 / {_at(assemble.power(base, -exponent), SIGN)}", TIMES
    code = _at(base, ATOM)
    if exponent.is_Integer:
        return f"{code}**{int(exponent)}", POWER
    number, binds = _number(exponent)
    return f"{code}**{number if binds == ATOM else f'({number})'}", POWER


def _call(form: forms.Call) -> str:
    parts = [numpy_code(argument) for argument in form.arguments]
    match form.function:
        case "step":
            return f"np.where({_at(form.arguments[0], TIMES)} > 0, 1.0, 0.0)"
        case "clip":
            return f"np.clip({parts[0]}, -{_at(form.arguments[1], POWER)}, {parts[1]})"
        case "huber":
            inner, delta = (_at(argument, ATOM) for argument in form.arguments)
            below, above = f"0.5 * {inner}**2", f"{delta} * (np.abs({inner}) - 0.5 * {delta})"
            return f"np.where(np.abs({inner}) <= {delta}, {below}, {above})"
    template = _CALLS.get(form.function, f"np.{form.function}({{}})")
    return template.format(*parts)


def _is_largest(inner: Form, axis: int) -> str:
    code = numpy_code(inner)
    if inner.ndim == 1:
        return f"(np.arange(len({code})) == np.argmax({code})).astype(float)"
    places = f"np.argmax({code}, axis={axis})"
    shape = ", ".join(":" if k == axis else "None" for k in range(inner.ndim))
    ahead = ", ".join("None" if k == axis else ":" for k in range(inner.ndim))
    return f"(np.arange(np.shape({code})[{axis}])[{shape}] == {places}[{ahead}]).astype(float)"


def _dims_of(form: Form) -> set[str]:
    found = set().union(*(_dims_of(part) for part in form.parts)) if form.parts else set()
    match form:
        case forms.Number(value=value) | forms.Product(coefficient=value):
            found |= {str(symbol) for symbol in value.free_symbols}
        case forms.Power(exponent=value):
            found |= {str(symbol) for symbol in value.free_symbols}
        case forms.Identity(dim=dims) | forms.Filled(dims=dims):
            found |= set(dims) - {"1"}
    return found


def _flat(results: Form | tuple[Any, ...]) -> tuple[Form, ...]:
    if isinstance(results, Form):
        return (results,)
    return tuple(form for result in results for form in _flat(result))


def _nested(results: Form | tuple[Any, ...], codes: Any) -> str:
    if isinstance(results, Form):
        return next(codes)
    inside = ", ".join(_nested(result, codes) for result in results)
    return f"({inside}{',' if len(results) == 1 else ''})"
