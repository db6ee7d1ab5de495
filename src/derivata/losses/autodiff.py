"""Any loss that is written in ``jax.numpy``, with its derivatives by automatic differentiation.

    loss(y_i, z_i) -> number,    y_i one target, z_i its outputs: (k,), or a number where k = 1

Value, gradient and Hessian by z, and the third derivative contracted with one matrix, or one
direction, a row. All are compiled once for a function and a padded number of rows, in float64
whatever JAX's global setting. Hessians are symmetrised: autodiff leaves rounding between halves.

Maths: docs/math/autodiff.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter, InvalidTarget, NotAvailable
from derivata.lazy import lazy
from derivata.losses.constant_fit import best_constant, least_values
from derivata.losses.targets import require_finite
from derivata.row_grid import pad_rows, padded_size

try:
    import jax

    from derivata.double_precision import float64
    from derivata.losses.compiled import CompiledLoss, compiled_loss
except ImportError as missing:
    raise NotAvailable(
        "a loss written in `jax.numpy` needs JAX, which is not installed: "
        '`pip install "derivata[jax]"`. The losses of `derivata.losses` do without.'
    ) from missing


@dataclass(frozen=True)
class AutodiffLoss:
    """The loss of one row as a function, summed over rows with their weights.

    Parameters
    ----------
    function : callable
        ``function(y, outputs)`` in ``jax.numpy``, giving one number: minus a log-likelihood, in
        nats. ``outputs`` is a number where ``n_outputs`` is 1 (an array of one works too), else
        (n_outputs,). Compiled once for each function: define it once, not in a loop.
    n_outputs : int
        Outputs a row, k.
    label : str
        As printed; default: the function's name.
    classes : bool
        Targets are labels 0, 1, ...: passed as integers, so that ``outputs[y]`` works, and folds
        spread each over all parts.
    free_scale : bool or None
        Whether the noise has a scale that the loss leaves out, as squared error does. None: where
        the second derivative is constant, and positive.
    least : float or None
        The smallest value that a row's loss can take, where known. None: found numerically, row
        by row, when it is needed (only where the scale is free).

    Raises
    ------
    InvalidParameter
        If the function cannot be traced by JAX, or does not give one number for one row.

    Notes
    -----
    A loss need not be convex; a fit then ends in a local minimum, and says so if it is a saddle.
    """

    function: Callable[[Any, Any], Any]
    n_outputs: int = 1
    label: str = ""
    classes: bool = False
    free_scale: bool | None = None
    least: float | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise InvalidParameter(
                f"`function` is {self.function!r:.60}; expected a function of (y, outputs)."
            )
        if not isinstance(self.n_outputs, int | np.integer) or self.n_outputs < 1:
            raise InvalidParameter(f"`n_outputs` is {self.n_outputs!r}; expected an integer >= 1.")
        _ = self._compiled  # traced now, so that a wrong function is refused where it is given

    @property
    def name(self) -> str:
        """The label, or the function's name."""
        return self.label or getattr(self.function, "__name__", type(self.function).__name__)

    @property
    def scale_is_free(self) -> bool:
        """As declared by ``free_scale``; else whether the curvature is constant and upwards."""
        if self.free_scale is not None:
            return self.free_scale
        if not self.curvature_is_constant:
            return False
        hessian = self.at(np.zeros(1), np.zeros((1, self.n_outputs))).hessian[0]
        return bool(np.linalg.eigvalsh(hessian)[0] > 0.0)

    @property
    def targets_are_classes(self) -> bool:
        """As declared by ``classes``."""
        return self.classes

    @property
    def curvature_is_constant(self) -> bool:
        """Whether no operation of the traced second derivative sees y or the outputs."""
        return self._compiled.curvature_is_constant

    @property
    def may_curve_down(self) -> bool:
        """True: a function may be anything."""
        return True

    @property
    def _compiled(self) -> CompiledLoss:
        return compiled_loss(self.function, self.n_outputs, self.classes)

    def at(self, y: Array, outputs: Array) -> _AutodiffRows:
        """Derivatives at outputs (n, k)."""
        return _AutodiffRows(self, y, outputs)

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """The best constant outputs, by Newton's method from several starts: (k,).

        Raises
        ------
        InvalidTarget
            If the loss is finite at none of them; names the first row.
        """
        return best_constant(self, y, weight)

    def saturated(self, y: Array) -> Array:
        """The declared least value, or the smallest one found for each row's outputs, (n,)."""
        if self.least is not None:
            return np.full(len(y), float(self.least))
        distinct, place = np.unique(y, return_inverse=True)
        return least_values(self, distinct)[place]

    def validate(self, y: Array) -> None:
        """Refuse NaN and infinite targets and, for classes, anything but integers >= 0."""
        require_finite(y)
        if self.classes and not ((y >= 0) & (y == np.floor(y))).all():
            row = int(np.flatnonzero((y < 0) | (y != np.floor(y)))[0])
            raise InvalidTarget(
                f"`y` is {y[row]} in row {row}, but the loss {self.name!r} is of classes: labels "
                "0, 1, ... Encode them."
            )


class _AutodiffRows:
    def __init__(self, loss: AutodiffLoss, y: Array, outputs: Array):
        self.loss, self.n_rows = loss, len(y)  # not what is compiled of it, which has no pickle
        self.size = padded_size(len(y))
        self.y = pad_rows(self.compiled.targets(y), self.size)
        self.outputs = pad_rows(np.asarray(outputs, dtype=float), self.size)

    @property
    def compiled(self) -> CompiledLoss:
        return self.loss._compiled

    @lazy
    def _first(self) -> tuple[Array, Array]:
        return self._run(self.compiled.value_and_gradient)

    @property
    def value(self) -> Array:
        return self._first[0]

    @property
    def gradient(self) -> Array:
        return self._first[1]

    @lazy
    def hessian(self) -> Array:
        return self._run(self.compiled.hessian)

    def third(self, matrices: Array) -> Array | None:
        if self.compiled.curvature_is_constant:
            return None
        return self._run(self.compiled.third, matrices)

    def cubic(self, directions: Array) -> Array:
        if self.compiled.curvature_is_constant:
            return np.zeros(self.n_rows)
        return self._run(self.compiled.cubic, directions)

    def _run(self, function: Callable[..., Any], *more: Array) -> Any:
        extra = [pad_rows(np.asarray(each, dtype=float), self.size) for each in more]
        with float64():
            result = function(self.y, self.outputs, *extra)
        return jax.tree.map(lambda array: np.asarray(array)[: self.n_rows], result)
