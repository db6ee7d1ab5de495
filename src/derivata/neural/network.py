"""A network: what it looks like, its first weights, and its outputs.

    h_0 = s * [numbers, E_1[code_1], ..., E_c[code_c]]        s = 1 unless ``scaled``
    h_l = activation(h_(l-1) W_l + b_l),    l = 1 ... L
    outputs = h_L W_(L+1) + b_(L+1)                            (n, n_outputs)

A `Network` is a description, frozen and hashable: compiled code is found again by it. Parameters
are a tree of arrays beside it,

    {"layers": [{"weight": (in, out), "bias": (out,)}, ...], "embeddings": [(levels, width), ...]}

and {"scale": (in,)} as well if ``scaled``. Outputs are those of the loss's link scale, like every
predictor's. `apply` is plain arithmetic: float32 inside a JAX jit when trained, float64 when
differentiated for curvature, and NumPy float64 when it predicts.

The last level of an embedded category stands for what was never seen: its numbers are zero, and
as no row of training has it, they stay so.

Source of the first weights: He, Zhang, Ren & Sun (2015), ICCV, section 2.2, with the gain of the
activation at hand.

Maths: docs/math/networks.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.neural.activations import Activation, ReLU
from derivata.solvers.schedules import namespace

# The last layer starts so much smaller: first predictions are near the constant, and what the
# hidden layers happen to say at first need not be unlearnt.
LAST_SHARE = 0.1

Params = dict[str, Any]
"""A tree of arrays, as drawn above."""


class Inputs(NamedTuple):
    """What a network reads of rows; a tree for JAX.

    Parameters
    ----------
    numbers : array (n, n_numbers)     of order one, no gaps
    codes : array (n, n_categories)    integers, the level of each embedded category
    """

    numbers: Any
    codes: Any

    @property
    def n_rows(self) -> int:
        """How many rows it has."""
        return len(self.numbers)

    def take(self, rows: Any) -> Inputs:
        """The chosen rows, by index or slice."""
        return Inputs(self.numbers[rows], self.codes[rows])


def affine(values: Any, weight: Any, bias: Any) -> Any:
    """``values @ weight + bias``, to be differentiated as often as one likes."""
    return values @ weight + bias


@dataclass(frozen=True)
class Network:
    """The shape of a network.

    Parameters
    ----------
    n_numbers : int
        Columns of ``Inputs.numbers``.
    n_outputs : int
        Outputs a row, as the loss asks.
    hidden : tuple of int
        Units of each hidden layer, from the input on; () makes a linear model.
    levels : tuple of int
        For each embedded category how many codes it has.
    widths : tuple of int
        For each embedded category how many numbers stand for a level.
    activation : Activation
    scaled : bool
        Whether each input has a factor that is learnt.

    Raises
    ------
    InvalidParameter
        If a size is not positive, or levels and widths are not as many.

    Examples
    --------
    >>> import numpy as np
    >>> network = Network(n_numbers=3, n_outputs=2, hidden=(4,))
    >>> params = network.init(np.random.default_rng(0))
    >>> rows = Inputs(np.zeros((5, 3), np.float32), np.zeros((5, 0), np.int32))
    >>> network.apply(params, rows).shape
    (5, 2)
    >>> network.n_params
    26
    """

    n_numbers: int
    n_outputs: int
    hidden: tuple[int, ...] = (256, 256)
    levels: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()
    activation: Activation = ReLU()
    scaled: bool = False

    def __post_init__(self) -> None:
        for name in ("hidden", "levels", "widths"):
            sizes = getattr(self, name)
            if not isinstance(sizes, tuple) or any(not _is_size(size) for size in sizes):
                raise InvalidParameter(
                    f"`{name}` is {sizes!r:.80}; expected a tuple of whole numbers above zero."
                )
        if len(self.levels) != len(self.widths):
            raise InvalidParameter(
                f"`levels` has {len(self.levels)} categories and `widths` {len(self.widths)}; each "
                "embedded category needs both."
            )
        if not _is_size(self.n_outputs) or not (_is_size(self.n_inputs)):
            raise InvalidParameter(
                f"a network of {self.n_inputs} inputs and {self.n_outputs} outputs; both must be "
                "whole numbers above zero."
            )

    @property
    def n_inputs(self) -> int:
        """Units that the first layer reads: numbers and embeddings."""
        return self.n_numbers + sum(self.widths)

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of each layer."""
        units = (self.n_inputs, *self.hidden, self.n_outputs)
        return tuple(zip(units[:-1], units[1:], strict=True))

    @property
    def n_params(self) -> int:
        """Numbers in all arrays of the parameters."""
        layers = sum((n_in + 1) * n_out for n_in, n_out in self.sizes)
        embedded = sum(n * width for n, width in zip(self.levels, self.widths, strict=True))
        return layers + embedded + self.scaled * self.n_inputs

    def init(self, rng: np.random.Generator, constant: Array | None = None) -> Params:
        """First parameters, float32 on the host, so that a seed means the same bits on any device.

        Parameters
        ----------
        rng : numpy.random.Generator
        constant : array (n_outputs,), optional
            Outputs where nothing is known yet, the last bias: best the loss's ``null_outputs``.

        Returns
        -------
        params : dict
        """
        layers, gain = [], 1.0
        for n_in, n_out in self.sizes:
            weight = rng.standard_normal((n_in, n_out), np.float32)
            weight *= np.float32(gain / np.sqrt(n_in))
            layers.append({"weight": weight, "bias": np.zeros(n_out, np.float32)})
            gain = self.activation.gain
        layers[-1]["weight"] *= np.float32(LAST_SHARE)
        if constant is not None:
            layers[-1]["bias"] += np.asarray(constant, np.float32)
        embeddings = [
            rng.standard_normal((n, width), np.float32)
            for n, width in zip(self.levels, self.widths, strict=True)
        ]
        for table in embeddings:
            table[-1] = 0.0
        params: Params = {"layers": layers, "embeddings": embeddings}
        if self.scaled:
            params["scale"] = np.ones(self.n_inputs, np.float32)
        return params

    def apply(
        self,
        params: Params,
        inputs: Inputs,
        *,
        layer: Callable[[Any, Any, Any], Any] = affine,
        drop: Callable[[Any, int], Any] | None = None,
    ) -> Any:
        """Outputs (n, n_outputs); of one row (n_outputs,), if ``inputs`` has no axis of rows.

        Parameters
        ----------
        params : dict
        inputs : Inputs
        layer : callable
            ``layer(values, weight, bias)``; in training one whose backward pass is written by hand.
        drop : callable, optional
            ``drop(values, l)`` on what leaves hidden layer l = 0, 1, ...: dropout.

        Returns
        -------
        outputs : array of the type of ``params``
        """
        values = self.joined(params, inputs)
        for number, each in enumerate(params["layers"][:-1]):
            values = self.activation(layer(values, each["weight"], each["bias"]))
            if drop is not None:
                values = drop(values, number)
        last = params["layers"][-1]
        return layer(values, last["weight"], last["bias"])

    def joined(self, params: Params, inputs: Inputs) -> Any:
        """What the first layer reads: numbers beside embeddings, (n, n_inputs)."""
        values = inputs.numbers
        if self.levels:
            found = [
                table[inputs.codes[..., place]] for place, table in enumerate(params["embeddings"])
            ]
            values = namespace(found[0]).concatenate([values, *found], axis=-1)
        return values * params["scale"] if self.scaled else values

    def require(self, inputs: Inputs) -> None:
        """Raise ``ShapeMismatch`` unless ``inputs`` has this network's columns."""
        found = inputs.numbers.shape[-1], inputs.codes.shape[-1]
        if found != (self.n_numbers, len(self.levels)):
            raise ShapeMismatch(
                f"the inputs have {found[0]} numbers and {found[1]} codes a row; the network reads "
                f"{self.n_numbers} and {len(self.levels)}."
            )


def _is_size(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0
