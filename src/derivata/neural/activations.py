"""Functions between the layers of a network, each a small value that can be called.

    ReLU max(z, 0)     SiLU z s(z)     GELU z Phi(z)     Mish z tanh(log(1 + e^z))     Tanh tanh z
    SELU l z above 0, l a (e^z - 1) below

with s the logistic function and Phi the normal distribution's. ``gain`` is what standard normal z
must be multiplied with after the activation to have second moment 1 again: weights of standard
deviation gain / sqrt(inputs) keep the size of activations from layer to layer.

Sources: He, Zhang, Ren & Sun (2015), ICCV (the gain of ReLU); Klambauer, Unterthiner, Mayr &
Hochreiter (2017), NeurIPS (SELU); Misra (2020), BMVC (Mish).

Plain arithmetic, which runs on NumPy arrays and inside a JAX jit alike.

Maths: docs/math/networks.md
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar, Protocol

from derivata.solvers.schedules import namespace

SELU_SCALE, SELU_LEVEL = 1.0507009873554805, 1.6732632423543772
# Beyond this the activations are straight to the last bit of float64, and exponentials large.
STRAIGHT = 40.0


class Activation(Protocol):
    """A function of each number alone, hashable, so that a compiled network can be found again."""

    gain: ClassVar[float]  # one over the root of the mean square of self(z), z standard normal

    def __call__(self, values: Any) -> Any:
        """The function of each value; any shape."""
        ...


@dataclass(frozen=True)
class ReLU:
    """max(z, 0)."""

    gain: ClassVar[float] = sqrt(2.0)

    def __call__(self, values: Any) -> Any:
        """The larger of each value and zero."""
        # Not `maximum`, whose derivative where both are equal is one half to JAX.
        return namespace(values).where(values > 0.0, values, 0.0)


@dataclass(frozen=True)
class SiLU:
    """z times the logistic function of z."""

    gain: ClassVar[float] = 1.6765324703310913

    def __call__(self, values: Any) -> Any:
        """Each value times its logistic function."""
        return values / (1.0 + _exponential(-values))


@dataclass(frozen=True)
class GELU:
    """z times the normal distribution function of z, by its tanh approximation."""

    gain: ClassVar[float] = 1.5335805216661471

    def __call__(self, values: Any) -> Any:
        """Each value times its normal distribution function."""
        inner = values * (0.7978845608028654 + 0.035677408136300125 * values * values)
        return values * (0.5 + 0.5 * namespace(values).tanh(inner))


@dataclass(frozen=True)
class Mish:
    """z tanh(log(1 + e^z)), as z (u^2 + 2 u) / (u^2 + 2 u + 2) with u = e^z: one exponential."""

    gain: ClassVar[float] = 1.486847581273208

    def __call__(self, values: Any) -> Any:
        """Each value times tanh of its softplus."""
        power = _exponential(values)
        upper = power * (power + 2.0)
        return values * (upper / (upper + 2.0))


@dataclass(frozen=True)
class SELU:
    """A scaled exponential linear unit, whose fixed point is mean 0 and variance 1."""

    gain: ClassVar[float] = 1.0

    def __call__(self, values: Any) -> Any:
        """Each value, or its scaled exponential below zero."""
        below = SELU_LEVEL * (_exponential(namespace(values).minimum(values, 0.0)) - 1.0)
        return SELU_SCALE * namespace(values).where(values > 0.0, values, below)


@dataclass(frozen=True)
class Tanh:
    """The hyperbolic tangent."""

    gain: ClassVar[float] = 1.5925374197228312

    def __call__(self, values: Any) -> Any:
        """The hyperbolic tangent of each value."""
        return namespace(values).tanh(values)


def _exponential(values: Any) -> Any:
    arrays = namespace(values)
    return arrays.exp(arrays.minimum(values, STRAIGHT))


ACTIVATIONS: tuple[type, ...] = (GELU, Mish, ReLU, SELU, SiLU, Tanh)
"""Those that a model file may name."""
