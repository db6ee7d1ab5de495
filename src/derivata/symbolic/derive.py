"""The gradient and the Hessian of a loss written as one expression.

>>> from derivata.symbolic.derive import derive
>>> derivation = derive("sum((y - X@w)**2)", shapes={"X": "nd", "y": "n", "w": "d"})
>>> print(derivation.gradient)
-2 * (X.T @ (y - X @ w))
>>> print(derivation.hessian)
2 * (X.T @ X)

The formula becomes sums over named indices, is differentiated there, and brought back to matrix
form; the code is tried on random data before it is returned.
Maths: docs/math/deriving.md
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from derivata.errors import InvalidParameter
from derivata.symbolic.compiled import compiled
from derivata.symbolic.emit_numpy import HEADER, function_code
from derivata.symbolic.formula import Formula, require_target
from derivata.symbolic.index import Sum
from derivata.symbolic.infer import inferred
from derivata.symbolic.operations import OPERATIONS
from derivata.symbolic.parse import Parser
from derivata.symbolic.shapes import checked_shapes, in_words
from derivata.symbolic.syntax import checked_tree
from derivata.symbolic.trial import require_right


def derive(
    loss: str, wrt: str | tuple[str, ...] = "w", shapes: Mapping[str, str] | None = None
) -> Derivation:
    """Gradient and Hessian of a loss, as formulas and as code.

    Parameters
    ----------
    loss : str
        One expression with a single number as its value, in NumPy's meaning:
        ``"mean((y - X@w)**2) + lam*sum(w**2)"``.
    wrt : str or tuple of str
        The operands to differentiate by.
    shapes : mapping of str to str
        For each operand one letter per dimension: ``{"X": "nd", "y": "n", "w": "d", "lam": ""}``.
        The letters serve as numbers in the loss. Those left out are taken by convention where that
        leaves one reading (`infer`): the derivation's ``shapes`` says what was taken.

    Returns
    -------
    Derivation
        Its code has been tried against the loss and its differences on random data.

    Raises
    ------
    InvalidParameter
        If the text cannot be read; the message names the position.
    ShapeMismatch
        If shapes do not fit; the message names the operand and the dimension.
    DerivationFailed
        If the code derived is not the derivative: never a wrong formula.
    """
    tree = checked_tree(loss)
    given = checked_shapes(shapes or {}, OPERATIONS)
    parser = Parser(loss, inferred(loss, tree, given, OPERATIONS))
    wanted = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    if not wanted or len(set(wanted)) < len(wanted):
        raise InvalidParameter(f"`wrt` is {wrt!r}; expected names of operands, each once.")
    total = parser.value(tree)
    if total.free:
        raise InvalidParameter(
            f"the loss is {in_words(total.dims)}, not one number; take its `sum` or `mean`."
        )
    if not total.terms:
        raise InvalidParameter(f"the loss {loss!r} is 0 whatever its operands are.")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for name in wanted:
        if name not in parser.shapes or name not in names:
            known = ", ".join(n for n in parser.shapes if n in names) or "none"
            raise InvalidParameter(
                f"`wrt` is {name!r}, which is no operand of the loss. Its operands are {known}."
            )
    used = {name: shape for name, shape in parser.shapes.items() if name in names or shape}
    derivation = Derivation(loss, wanted, used, total, tree, isinstance(wrt, str))
    for name in wanted:
        if not derivation.gradients[name].total.terms:
            raise InvalidParameter(
                f"the loss does not change with {name}: its gradient is 0 everywhere. Is it only "
                "compared, or does it cancel?"
            )
    require_right(tree, used, wanted, derivation.callable("numpy"))
    return derivation


@dataclass(frozen=True)
class NumpyFunctions:
    """The derived functions; each takes the operands by name."""

    loss: Callable[..., Any]
    gradient: Callable[..., Any]
    hessian: Callable[..., Any]


@dataclass(frozen=True)
class Derivation:
    """A loss with its derivatives.

    Attributes
    ----------
    text : str
        The loss as it was given.
    wrt : tuple of str
        What it is differentiated by.
    shapes : dict of str to str
        Operands in the order of the functions' arguments.
    total : Sum
        The loss over named indices.
    tree : ast.expr
        Its checked syntax tree.
    is_single : bool
        Whether one operand was asked for; then gradient and Hessian are bare, else in tuples.
    """

    text: str
    wrt: tuple[str, ...]
    shapes: dict[str, str]
    total: Sum
    tree: ast.expr
    is_single: bool

    @cached_property
    def loss(self) -> Formula:
        """The loss itself."""
        return Formula(self.total, self.shapes)

    @cached_property
    def gradients(self) -> dict[str, Formula]:
        """For each operand asked for the gradient, of the operand's shape."""
        return {name: self.loss.by(name) for name in self.wrt}

    @cached_property
    def blocks(self) -> dict[tuple[str, str], Formula]:
        """For each pair of operands the second derivatives: axes of the first, then the second."""
        return {
            (row, column): self.gradients[row].by(column) for row in self.wrt for column in self.wrt
        }

    @property
    def gradient(self) -> Formula:
        """The gradient by the first operand asked for."""
        return self.gradients[self.wrt[0]]

    @property
    def hessian(self) -> Formula:
        """The Hessian by the first operand asked for."""
        return self.blocks[self.wrt[0], self.wrt[0]]

    def derivative(self, *names: str) -> Formula:
        """The derivative by operands one after the other, of any order: ``("w", "w", "w")``."""
        formula = self.loss
        for name in names:
            if name not in self.shapes:
                raise InvalidParameter(f"{name!r} is no operand of the loss.")
            formula = formula.by(name)
        return formula

    def code(self, target: str = "numpy") -> str:
        """Source of `loss`, `gradient` and `hessian`, functions of the operands.

        With several operands in ``wrt`` the gradient is a tuple in their order, the Hessian a
        tuple of rows of blocks.
        """
        require_target(target)
        functions = (
            function_code(name, results, self.shapes) for name, results in self._results.items()
        )
        return f"{HEADER}\n\n" + "\n\n".join(functions)

    def callable(self, target: str = "numpy") -> NumpyFunctions:
        """The functions that the code defines."""
        source = self.code(target)
        return NumpyFunctions(*(compiled(source, name) for name in self._results))

    @cached_property
    def _results(self) -> dict[str, Any]:
        gradient = tuple(self.gradients[name].form for name in self.wrt)
        hessian = tuple(
            tuple(self.blocks[row, column].form for column in self.wrt) for row in self.wrt
        )
        if self.is_single:
            return {"loss": self.loss.form, "gradient": gradient[0], "hessian": hessian[0][0]}
        return {"loss": self.loss.form, "gradient": gradient, "hessian": hessian}
