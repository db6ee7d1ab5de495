"""How a network is trained: everything but the network and the data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.neural.network import Params
from derivata.solvers.first_order import Adam
from derivata.solvers.schedules import Cosine, Schedule, WarmUp, require_number


@dataclass(frozen=True)
class Rates:
    """What the step is multiplied with, by the kind of parameter.

    Parameters
    ----------
    weight, last, bias, embedding, scale : float
        Of the hidden layers' weights, those of the last layer, all biases, the embeddings, and the
        factors of the inputs.
    """

    weight: float = 1.0
    last: float = 1.0
    bias: float = 1.0
    embedding: float = 1.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("weight", "last", "bias", "embedding", "scale"):
            require_number(name, getattr(self, name), least=0.0)


@dataclass(frozen=True)
class Training:
    """Settings of `train`; none of its numbers but the sizes compiles anything anew.

    Parameters
    ----------
    solver : (init, update) pair of `derivata.solvers.first_order`
        With a number for its step, the step rises for ``warm_up`` of all steps and then falls along
        half a cosine; with a `Schedule`, that is followed.
    n_epochs : int
        Passes over the rows.
    batch_size : int
        Rows a step, at most; rows are dealt evenly to as few batches as that allows.
    weight_decay : float or tuple of float
        Share of each weight, times the step, that a step takes away (with Adam this is AdamW); one,
        or one for each layer from the input on. Biases are left alone.
    alpha : float or tuple of float
        Precision of a normal prior on the weights, in nats as everywhere in derivata: half alpha
        times the squared weights is added to the sum of the losses. One, or one for each layer.
    dropout : float
        Chance that a hidden unit is left out of a row, in [0, 1).
    label_smoothing : float
        Share of each target that is spread over all classes, in [0, 1).
    warm_up : float
        Share of all steps in which the step rises, in [0, 1).
    last_step : float
        Where the cosine ends, as a share of the step.
    patience : int or None
        Stop when the held-out loss has not fallen for so many epochs; None: never. The weights of
        the best epoch are kept either way.
    rates : Rates

    Raises
    ------
    InvalidParameter
        If a number lies outside its range.
    """

    solver: Any = field(default_factory=lambda: Adam(step=1e-3))
    n_epochs: int = 100
    batch_size: int = 256
    weight_decay: float | tuple[float, ...] = 0.0
    alpha: float | tuple[float, ...] = 0.0
    dropout: float = 0.0
    label_smoothing: float = 0.0
    warm_up: float = 0.05
    last_step: float = 0.0
    patience: int | None = None
    rates: Rates = Rates()

    def __post_init__(self) -> None:
        for name in ("n_epochs", "batch_size", "patience"):
            value = getattr(self, name)
            if name == "patience" and value is None:
                continue
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise InvalidParameter(f"`{name}` is {value!r}; expected a whole number above 0.")
        for name in ("dropout", "label_smoothing", "warm_up"):
            require_number(name, getattr(self, name), least=0.0, below=1.0)
        require_number("last_step", self.last_step, least=0.0)
        for name in ("weight_decay", "alpha"):
            value = getattr(self, name)
            for one in value if isinstance(value, tuple) else (value,):
                require_number(name, one, least=0.0)
        solver = self.solver
        if isinstance(solver, type) or not hasattr(solver, "update") or not hasattr(solver, "step"):
            raise InvalidParameter(
                f"`solver` is {self.solver!r:.60}; expected a first-order solver such as "
                "`Adam(step=1e-3)`."
            )
        if not callable(self.solver.step):
            require_number("step", self.solver.step, above=0.0)

    def steps(self, n_steps: int) -> Array:
        """The step size of each of all steps, (n_steps,) float32."""
        count = np.arange(n_steps)
        return np.asarray(self._schedule(n_steps)(count) * np.ones(n_steps), np.float32)

    def _schedule(self, n_steps: int) -> Schedule:
        step = self.solver.step
        if callable(step):
            return step
        rising = round(self.warm_up * n_steps)
        falling = Cosine(step, max(n_steps - rising, 1), self.last_step * step)
        return WarmUp(rising, falling) if rising else falling

    def with_step(self, step: float | Schedule) -> Training:
        """The same settings with another step."""
        return replace(self, solver=replace(self.solver, step=step))


def per_weight(value: float | tuple[float, ...], params: Params, name: str) -> Params:
    """One number for each array of ``params``: of its layer for a weight, 0 for anything else.

    Raises
    ------
    InvalidParameter
        If there is neither one number nor one for each layer.
    """
    n_layers = len(params["layers"])
    each = value if isinstance(value, tuple) else (value,) * n_layers
    if len(each) != n_layers:
        raise InvalidParameter(
            f"`{name}` has {len(each)} numbers; the network has {n_layers} layers, counting the "
            "last one."
        )
    tree = _like(params, 0.0)
    for number, layer in zip(each, tree["layers"], strict=True):
        layer["weight"] = np.float32(number)
    return tree


def rate_tree(rates: Rates, params: Params) -> Params:
    """What the step of each array of ``params`` is multiplied with."""
    tree = _like(params, rates.bias)
    for layer in tree["layers"]:
        layer["weight"] = np.float32(rates.weight)
    tree["layers"][-1]["weight"] = np.float32(rates.last)
    tree["embeddings"] = [np.float32(rates.embedding) for _ in params["embeddings"]]
    if "scale" in tree:
        tree["scale"] = np.float32(rates.scale)
    return tree


def _like(params: Params, value: float) -> Params:
    number = np.float32(value)
    tree: Params = {
        "layers": [{"weight": number, "bias": number} for _ in params["layers"]],
        "embeddings": [number for _ in params["embeddings"]],
    }
    return tree | ({"scale": number} if "scale" in params else {})
