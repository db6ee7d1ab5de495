"""Parts that occur more than once, given a name each, in the order in which they are needed.

Names are those that people use where the part is of a known kind: r for a difference, p for a
probability, z for a linear predictor; else v1, v2, ...
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

from derivata.symbolic import assemble, forms
from derivata.symbolic.forms import Form


@dataclass(frozen=True)
class Named:
    """A part with its name."""

    name: str
    form: Form


def with_names(results: tuple[Form, ...], taken: Collection[str]) -> tuple[list[Named], list[Form]]:
    """Shared parts in the order to compute them, and the results in terms of their names."""
    counts: dict[Form, int] = {}
    for result in results:
        _count(result, counts)
    naming = _Naming(counts, set(taken))
    return naming.named, [naming.put(result) for result in results]


def rebuilt(form: Form, parts: dict[Form, Form]) -> Form:
    """The same node over other parts."""
    put: dict[str, Any] = {}
    for field in fields(form):
        value = getattr(form, field.name)
        if isinstance(value, Form):
            put[field.name] = parts[value]
        elif field.name == "arguments":
            put[field.name] = tuple(parts[part] for part in value)
    return replace(form, **put) if put else form


def _count(form: Form, counts: dict[Form, int]) -> None:
    counts[form] = counts.get(form, 0) + 1
    if counts[form] == 1:
        for part in form.parts:
            _count(part, counts)


class _Naming:
    """Walks results from below, naming what is used twice."""

    def __init__(self, counts: dict[Form, int], taken: set[str]) -> None:
        self.named: list[Named] = []
        self._counts, self._taken = counts, taken
        self._done: dict[Form, Form] = {}

    def put(self, form: Form) -> Form:
        """The form in terms of names."""
        if form in self._done:
            return self._done[form]
        below = {part: self.put(part) for part in form.parts}
        put = rebuilt(form, below)
        if self._counts[form] > 1 and _is_worth(form):
            name = self._free_name(form)
            self.named.append(Named(name, put))
            put = forms.Name(name, form.ndim)
        self._done[form] = put
        return put

    def _free_name(self, form: Form) -> str:
        wish = _usual_name(form)
        number = 1
        name = wish if wish != "v" else "v1"
        while name in self._taken:
            number += 1
            name = f"{wish}{number}"
        self._taken.add(name)
        return name


def _is_worth(form: Form) -> bool:
    match form:
        case forms.Name() | forms.Number() | forms.Identity():
            return False
        case forms.Transposed(inner=inner) | forms.Expanded(inner=inner):
            return _is_worth(inner)
        case forms.Product(coefficient=coefficient, arguments=(only,)) if abs(coefficient) == 1:
            return _is_worth(only)
    return True


def _usual_name(form: Form) -> str:
    match form:
        case forms.SoftmaxOf() | forms.Call(function="sigmoid") | forms.Call(function="exp"):
            return "p"
        case forms.Added(arguments=arguments) if assemble.is_negative(arguments[-1]):
            return "r"
        case forms.MatMul() if form.ndim > 0:
            return "z"
        case forms.Added() if any(isinstance(a, forms.MatMul) for a in form.parts):
            return "z"
        case forms.Call(function="tanh") | forms.Call(function="relu"):
            return "h"
        case forms.LogSumExpOf():
            return "s"
        case forms.InverseOf():
            return "P"
    return "v"
