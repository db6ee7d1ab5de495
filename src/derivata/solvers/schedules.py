"""Step sizes as functions of the number of steps taken.

    Constant      s                                   InverseSqrt   s / sqrt(t + 1)
    InverseTime   s min(h / (t + 1), 1)
    Cosine        s_end + (s - s_end) (1 + cos(pi min(t / n, 1))) / 2
    WarmUp        min((t + 1) / (n + 1), 1) then(max(t - n, 0))

with t = 0, 1, 2, ... A schedule takes a Python integer or a traced one alike, so the same object
serves a loop of Python and one that is compiled. A constant step of a mini-batch method ends in a
noise floor proportional to it; 1 / sqrt(t) and the cosine let the floor sink. Sources: Robbins &
Monro (1951), Ann. Math. Statist. 22, 400-407 (steps that fall); Loshchilov & Hutter (2017), ICLR,
eq. 5 (cosine); Goyal et al. (2017), arXiv:1706.02677, section 2.2 (warm-up).

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from numbers import Real
from typing import Any, Protocol

import numpy as np

from derivata.errors import InvalidParameter


class Schedule(Protocol):
    """A step size for each number of steps taken before."""

    def __call__(self, count: Any) -> Any:
        """The step size after ``count`` steps; a float, or traced if ``count`` is."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same step always."""

    step: float

    def __post_init__(self) -> None:
        require_number("step", self.step, above=0.0)

    def __call__(self, count: Any) -> Any:
        """``step``."""
        return self.step


@dataclass(frozen=True)
class InverseSqrt:
    """Falls as one over the root of the steps taken: s / sqrt(t + 1)."""

    step: float

    def __post_init__(self) -> None:
        require_number("step", self.step, above=0.0)

    def __call__(self, count: Any) -> Any:
        """``step / sqrt(count + 1)``."""
        return self.step * (count + 1) ** -0.5


@dataclass(frozen=True)
class InverseTime:
    """``step`` for the first ``hold`` steps, and then in proportion to one over the steps taken."""

    step: float
    hold: float = 1.0

    def __post_init__(self) -> None:
        require_number("step", self.step, above=0.0)
        require_number("hold", self.hold, least=1.0)

    def __call__(self, count: Any) -> Any:
        """``step * min(hold / (count + 1), 1)``."""
        return self.step * namespace(count).minimum(self.hold / (count + 1), 1.0)


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from ``step`` down to ``last`` over ``n_steps``, then ``last``."""

    step: float
    n_steps: int
    last: float = 0.0

    def __post_init__(self) -> None:
        require_number("step", self.step, above=0.0)
        require_number("n_steps", self.n_steps, least=1.0)
        require_number("last", self.last, least=0.0)

    def __call__(self, count: Any) -> Any:
        """From ``step`` at 0 to ``last`` at ``n_steps`` and after."""
        arrays = namespace(count)
        share = arrays.minimum(count / self.n_steps, 1.0)
        return self.last + (self.step - self.last) * 0.5 * (1.0 + arrays.cos(pi * share))


@dataclass(frozen=True)
class WarmUp:
    """A straight rise over ``n_steps`` to the first step of another schedule, then that schedule.

    The first step is 1 / (n_steps + 1) of it, not zero, which would be a gradient for nothing.
    """

    n_steps: int
    then: Schedule

    def __post_init__(self) -> None:
        require_number("n_steps", self.n_steps, least=1.0)

    def __call__(self, count: Any) -> Any:
        """A growing share of ``then(0)``, and after ``n_steps`` ``then(count - n_steps)``."""
        arrays = namespace(count)
        share = arrays.minimum((count + 1) / (self.n_steps + 1), 1.0)
        return share * self.then(arrays.maximum(count - self.n_steps, 0))


def namespace(array: Any) -> Any:
    """The module of functions that belongs to an array, traced or not; NumPy for plain numbers."""
    own = getattr(array, "__array_namespace__", None)
    return np if own is None else own()


def as_schedule(step: float | Schedule) -> Schedule:
    """A number as a constant schedule; a schedule as it is."""
    return step if callable(step) else Constant(step)


def require_number(
    name: str,
    value: Any,
    *,
    least: float = -np.inf,
    above: float = -np.inf,
    below: float = np.inf,
) -> None:
    """Raise ``InvalidParameter`` unless a number lies in [least, inf) and (above, below).

    Arrays pass unseen: in a compiled loop a setting may be traced, and has no value yet.
    """
    if hasattr(value, "__array_namespace__"):
        return
    number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if number and float(value) >= least and above < float(value) < below:
        return
    limits = [f"at least {least:g}"] if np.isfinite(least) else []
    limits += [f"above {above:g}"] if np.isfinite(above) else []
    limits += [f"below {below:g}"] if np.isfinite(below) else ["finite"]
    raise InvalidParameter(f"`{name}` is {value!r}; expected a number {' and '.join(limits)}.")
