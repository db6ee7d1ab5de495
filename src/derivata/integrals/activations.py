"""Activations of fitted networks with their slopes, in NumPy.

    identity  z          logistic  s(z)       silu  z s(z)     gelu  z Phi(z), by its tanh form
    relu      max(z, 0)  tanh      tanh z     mish  z tanh(log(1 + e^z))
    selu      l z above 0, l a (e^z - 1) below

``identity`` and ``relu`` are straight but for kinks at zero, so that paths through networks of them
are integrated exactly. ``selu`` has a kink at zero as well, and is straight nowhere below.

Maths: docs/math/attribution.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from derivata.contracts import Array
from derivata.errors import InvalidParameter

SELU_SCALE, SELU_LEVEL = 1.0507009873554805, 1.6732632423543772
GELU_LINEAR, GELU_CUBIC = 0.7978845608028654, 0.035677408136300125
# Beyond this the activations are straight to the last bit of float64, and exponentials large.
STRAIGHT = 40.0


@dataclass(frozen=True)
class Activation:
    """A function of each number alone.

    Attributes
    ----------
    value : callable               z -> h
    slope : callable               (z, h) -> dh / dz
    is_piecewise_linear : bool     straight but for a kink at zero
    has_kink : bool                the slope jumps at zero
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]
    is_piecewise_linear: bool = False
    has_kink: bool = False


def activation_named(name: str) -> Activation:
    """The activation of a name.

    Raises
    ------
    InvalidParameter               naming those there are
    """
    if name not in ACTIVATIONS:
        raise InvalidParameter(
            f"the network's activation is {name!r}; those known are {', '.join(ACTIVATIONS)}."
        )
    return ACTIVATIONS[name]


def _silu_slope(z: Array, h: Array) -> Array:
    share = expit(z)
    return share + h * (1.0 - share)


def _gelu_tanh(z: Array) -> Array:
    return np.tanh(z * (GELU_LINEAR + GELU_CUBIC * z * z))


def _gelu_slope(z: Array, h: Array) -> Array:
    bend = _gelu_tanh(z)
    inner = GELU_LINEAR + 3.0 * GELU_CUBIC * z * z
    return 0.5 * (1.0 + bend) + 0.5 * z * (1.0 - bend * bend) * inner


def _mish_parts(z: Array) -> tuple[Array, Array]:
    """u = e^z and u^2 + 2 u, of which tanh(log(1 + u)) = (u^2 + 2 u) / (u^2 + 2 u + 2)."""
    power = np.exp(np.minimum(z, STRAIGHT))
    return power, power * (power + 2.0)


def _mish(z: Array) -> Array:
    upper = _mish_parts(z)[1]
    return z * (upper / (upper + 2.0))


def _mish_slope(z: Array, h: Array) -> Array:
    power, upper = _mish_parts(z)
    return upper / (upper + 2.0) + z * 4.0 * power * (power + 1.0) / (upper + 2.0) ** 2


def _selu(z: Array) -> Array:
    return SELU_SCALE * np.where(z > 0.0, z, SELU_LEVEL * np.expm1(np.minimum(z, 0.0)))


def _selu_slope(z: Array, h: Array) -> Array:
    return SELU_SCALE * np.where(z > 0.0, 1.0, SELU_LEVEL * np.exp(np.minimum(z, 0.0)))


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(lambda z: z, lambda z, h: np.ones_like(z), True),
    "relu": Activation(
        lambda z: np.maximum(z, 0.0), lambda z, h: (z > 0.0).astype(float), True, True
    ),
    "tanh": Activation(np.tanh, lambda z, h: 1.0 - h * h),
    "logistic": Activation(expit, lambda z, h: h * (1.0 - h)),
    "silu": Activation(lambda z: z * expit(z), _silu_slope),
    "gelu": Activation(lambda z: z * (0.5 + 0.5 * _gelu_tanh(z)), _gelu_slope),
    "mish": Activation(_mish, _mish_slope),
    "selu": Activation(_selu, _selu_slope, has_kink=True),
}
