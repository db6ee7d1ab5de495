"""Derived code tried on random data before anyone sees it.

The loss must equal the formula evaluated as it stands, the gradient its central differences, the
Hessian those of the gradient.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from derivata.contracts import Array
from derivata.symbolic.draw import drawn
from derivata.symbolic.interpret import interpreted
from derivata.symbolic.verify import require_derivative, require_equal

SEEDS = (0, 1)


class Functions(Protocol):
    """Callables of the operands by name."""

    @property
    def loss(self) -> Callable[..., Any]:
        """A number."""
        ...

    @property
    def gradient(self) -> Callable[..., Any]:
        """A tuple of arrays, one for each operand of `wrt`, or the one array alone."""
        ...

    @property
    def hessian(self) -> Callable[..., Any]:
        """A tuple of such tuples, or the one array alone."""
        ...


def require_right(
    tree: ast.expr, shapes: Mapping[str, str], wrt: tuple[str, ...], functions: Functions
) -> None:
    """Raise unless functions are a formula, its gradient and its Hessian.

    Parameters
    ----------
    tree : ast.expr
        The formula, checked.
    shapes : mapping of str to str
        Of its operands.
    wrt : tuple of str
        Operands that it was differentiated by.
    functions : Functions
        What is tried; with several operands gradient and Hessian are tuples.

    Raises
    ------
    DerivationFailed
        If one of them differs from the formula or from differences.
    """
    for seed in SEEDS:
        values, lengths = drawn(tree, shapes, seed)
        with np.errstate(all="ignore"):  # steps may leave the domain of a logarithm
            _at(_Trial(tree, wrt, functions, values, lengths))


class _Trial:
    """The functions at one draw of the operands."""

    def __init__(
        self,
        tree: ast.expr,
        wrt: tuple[str, ...],
        functions: Functions,
        values: dict[str, Array],
        lengths: dict[str, int],
    ) -> None:
        self.wrt, self.values = wrt, values
        self._tree, self._functions, self._lengths = tree, functions, lengths

    def true_loss(self, **moved: Any) -> Any:
        return interpreted(self._tree, {**self._lengths, **self.values, **moved})

    def loss(self) -> Any:
        return self._functions.loss(**self.values)

    def gradients(self, **moved: Any) -> Any:
        return _tuple(self._functions.gradient(**{**self.values, **moved}))

    def blocks(self) -> Any:
        return tuple(map(_tuple, _tuple(self._functions.hessian(**self.values))))


def _at(trial: _Trial) -> None:
    require_equal("the loss", trial.loss(), trial.true_loss())
    gradients, blocks = trial.gradients(), trial.blocks()
    for column, name in enumerate(trial.wrt):
        at = np.asarray(trial.values[name], float)
        require_derivative(
            f"the gradient by {name}",
            lambda to, name=name: trial.true_loss(**{name: to}),
            at,
            gradients[column],
        )
        for row, other in enumerate(trial.wrt):
            require_derivative(
                f"the second derivative by {other} and {name}",
                lambda to, name=name, row=row: trial.gradients(**{name: to})[row],
                at,
                blocks[row][column],
            )


def _tuple(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)
