"""Methods that divide each parameter's step by the size of its gradients so far.

    AdaGrad   v += g^2                                  move = -s g / (sqrt(v + e_root) + e)
    RMSProp   v = b v + (1 - b) g^2                     move = -s g / (sqrt(v + e_root) + e)

and Adam with its kin (``solvers.adam``). Each is a pair ``init(params) -> state`` and
``update(gradient, state, params, step) -> (move, state)`` in plain arithmetic: it runs on NumPy
arrays and inside a JAX jit, of any shape. The state is an array or a named tuple of arrays, which
JAX takes for a tree. Steps do not depend on the scale of F, and there is no bound below which they
are stable: the noise floor is proportional to the step.

Sources: Duchi, Hazan & Singer (2011), JMLR 12, 2121-2159; Tieleman & Hinton (2012), Coursera
lecture 6.5.

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from derivata.solvers.descent import Descent
from derivata.solvers.kink import Kink
from derivata.solvers.schedules import Schedule, as_schedule, namespace, require_number


@dataclass(frozen=True)
class Adaptive(Descent):
    """What they share: a move is -step direction / scale, with a scale for each parameter.

    Parameters
    ----------
    step : float or Schedule
        About the largest move of a parameter.
    """

    step: float | Schedule = 1e-2

    def __post_init__(self) -> None:
        super().__post_init__()
        as_schedule(self.step)

    def step_at(self, count: Any) -> Any:
        """The step size after ``count`` steps."""
        return as_schedule(self.step)(count)

    def init(self, params: Any) -> Any:
        """The state before the first step."""
        raise NotImplementedError

    def scaled(self, gradient: Any, state: Any, params: Any) -> tuple[Any, Any, Any]:
        """A direction, the scale it is divided by, and the next state.

        Where the gradient stays the same, the direction tends to it.
        """
        raise NotImplementedError

    def update(self, gradient: Any, state: Any, params: Any, step: Any) -> tuple[Any, Any]:
        """The move from ``params``, and the next state."""
        direction, scale, state = self.scaled(gradient, state, params)
        return -step * direction / scale, state

    def proximal(
        self, gradient: Any, state: Any, params: Any, step: Any, kink: Kink
    ) -> tuple[Any, Any]:
        """The next params and state where the penalty has a kink.

        A move in the metric of ``scale`` needs the prox in the same metric, or its fixed points are
        no minima. It is known for a scale that is equal within a block: there the largest is taken.
        """
        direction, scale, state = self.scaled(gradient, state, params)
        each = step / kink.common(scale)
        return kink.prox(params - each * direction, each), state


class SquaresState(NamedTuple):
    """Sums or means of squared gradients, of gradients, and the last move by unit step."""

    square: Any
    mean: Any  # None where nothing is centred
    velocity: Any  # None without momentum


@dataclass(frozen=True)
class AdaGrad(Adaptive):
    """Steps divided by the root of the sum of all squared gradients.

    Parameters
    ----------
    step : float or Schedule
    epsilon : float
        Added to the root.
    epsilon_root : float
        Added under the root.
    initial : float
        The sum before the first gradient.

    Notes
    -----
    ``torch.optim.Adagrad(lr)`` is ``AdaGrad(lr)``; ``optax.adagrad(lr)`` is ``AdaGrad(lr,
    epsilon=0.0, epsilon_root=1e-7, initial=0.1)``.
    """

    epsilon: float = 1e-10
    epsilon_root: float = 0.0
    initial: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_epsilons(self.epsilon, self.epsilon_root)
        require_number("initial", self.initial, least=0.0)

    def init(self, params: Any) -> Any:
        """Squares that sum to ``initial``."""
        return namespace(params).zeros_like(params) + self.initial

    def scaled(self, gradient: Any, state: Any, params: Any) -> tuple[Any, Any, Any]:
        """The gradient, and the root of the sum of its squares."""
        total = state + gradient * gradient
        root = namespace(total).sqrt(total + self.epsilon_root)
        return gradient, root + self.epsilon, total


@dataclass(frozen=True)
class RMSProp(Adaptive):
    """Steps divided by the root of a moving average of squared gradients.

    Parameters
    ----------
    step : float or Schedule
    decay : float
        What is kept of the average at each step.
    epsilon, epsilon_root : float
        Added to the root, and under it.
    initial : float
        The average before the first gradient.
    momentum : float
        What is kept of the last move, in units of the step.
    centered : bool
        Divide by the standard deviation instead: the average of squares less the squared average.

    Notes
    -----
    ``torch.optim.RMSprop(lr)`` is ``RMSProp(lr)``; ``optax.rmsprop(lr)`` is ``RMSProp(lr,
    decay=0.9, epsilon=0.0, epsilon_root=1e-8)``. With a step that changes, optax keeps the last
    move itself and torch, as here, the last move divided by its step.
    """

    decay: float = 0.99
    epsilon: float = 1e-8
    epsilon_root: float = 0.0
    initial: float = 0.0
    momentum: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share("decay", self.decay)
        require_share("momentum", self.momentum)
        require_epsilons(self.epsilon, self.epsilon_root)
        require_number("initial", self.initial, least=0.0)

    def init(self, params: Any) -> SquaresState:
        """Squares whose average is ``initial``, and no move."""
        zeros = namespace(params).zeros_like(params)
        mean = zeros if self.centered else None
        return SquaresState(zeros + self.initial, mean, None if self.momentum == 0.0 else zeros)

    def scaled(
        self, gradient: Any, state: SquaresState, params: Any
    ) -> tuple[Any, Any, SquaresState]:
        """The gradient, or a moving average of it, and the root of the average of squares."""
        square = self.decay * state.square + (1.0 - self.decay) * (gradient * gradient)
        mean, spread = state.mean, square
        if self.centered:
            mean = self.decay * mean + (1.0 - self.decay) * gradient
            spread = square - mean * mean
        arrays = namespace(square)
        # The difference may round to just below zero.
        spread = arrays.maximum(spread, 0.0) if self.centered else spread
        scale = arrays.sqrt(spread + self.epsilon_root) + self.epsilon
        if self.momentum == 0.0:
            return gradient, scale, SquaresState(square, mean, state.velocity)
        velocity = self.momentum * state.velocity + gradient / scale
        # A constant gradient makes a velocity of 1 / (1 - momentum) times gradient / scale.
        scale = (1.0 - self.momentum) * scale
        return velocity * scale, scale, SquaresState(square, mean, velocity)


def require_share(name: str, value: Any) -> None:
    """Raise ``InvalidParameter`` unless a number lies in [0, 1)."""
    require_number(name, value, least=0.0, below=1.0)


def require_epsilons(epsilon: Any, epsilon_root: Any) -> None:
    """Raise ``InvalidParameter`` unless both are at least zero and one is above."""
    require_number("epsilon", epsilon, least=0.0)
    require_number("epsilon_root", epsilon_root, least=0.0)
    if isinstance(epsilon, float) and isinstance(epsilon_root, float):
        require_number("epsilon + epsilon_root", epsilon + epsilon_root, above=0.0)
