"""Adam and its kin: averages of gradients over the roots of averages of their squares.

    Adam      m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
              move = -s m / (1 - b1^t) / (sqrt(v / (1 - b2^t) + e_root) + e)
    AdamW     that of Adam, and -s w params
    AMSGrad   Adam with the largest v so far

Pairs in plain arithmetic, as in ``solvers.adaptive``. The powers free both averages of their start
at zero.

Sources: Kingma & Ba (2015), ICLR, algorithm 1; Loshchilov & Hutter (2019), ICLR, algorithm 2;
Reddi, Kale & Kumar (2018), ICLR, algorithm 2.

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

from derivata.solvers.adaptive import Adaptive, require_epsilons, require_share
from derivata.solvers.kink import Kink
from derivata.solvers.schedules import Schedule, namespace, require_number


class AdamState(NamedTuple):
    """Steps taken, moving averages of gradients and of squares, the largest of these."""

    count: Any
    mean: Any
    square: Any
    largest: Any  # None but for AMSGrad


@dataclass(frozen=True)
class Adam(Adaptive):
    """Moving averages of gradients over the roots of those of squares, both freed of their start.

    Parameters
    ----------
    step : float or Schedule
    beta1, beta2 : float
        What is kept of the two averages at each step.
    epsilon, epsilon_root : float
        Added to the root, and under it.

    Notes
    -----
    The same numbers as ``torch.optim.Adam`` and ``optax.adam``, which agree.
    """

    step: float | Schedule = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_root: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share("beta1", self.beta1)
        require_share("beta2", self.beta2)
        require_epsilons(self.epsilon, self.epsilon_root)

    def init(self, params: Any) -> AdamState:
        """Averages of zero after no step."""
        zeros = namespace(params).zeros_like(params)
        return AdamState(0, zeros, zeros, None)

    def scaled(self, gradient: Any, state: AdamState, params: Any) -> tuple[Any, Any, AdamState]:
        """The average gradient, and the root of the average of squares."""
        count = state.count + 1
        mean = self.beta1 * state.mean + (1.0 - self.beta1) * gradient
        square = self.beta2 * state.square + (1.0 - self.beta2) * (gradient * gradient)
        size, largest = self._size(square, 1.0 - self.beta2**count, state)
        scale = namespace(size).sqrt(size + self.epsilon_root) + self.epsilon
        return mean / (1.0 - self.beta1**count), scale, AdamState(count, mean, square, largest)

    def _size(self, square: Any, share: Any, state: AdamState) -> tuple[Any, Any]:
        """What takes the place of squares under the root, and the largest so far."""
        return square / share, state.largest


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with weight decay beside the gradient, undivided by its scale.

    Parameters
    ----------
    step, beta1, beta2, epsilon, epsilon_root
        As of Adam.
    weight_decay : float or array like params
        The share of params, times the step, that each step takes away.

    Notes
    -----
    The same numbers as ``torch.optim.AdamW``; ``optax.adamw`` has a weight decay of 1e-4 unless
    told otherwise. The decay is no part of F, so params settle where F is not stationary.
    """

    weight_decay: Any = 1e-2

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("weight_decay", self.weight_decay, least=0.0)

    @property
    def aside(self) -> str:
        """What a run that does not meet its tolerance should say of the rule."""
        if isinstance(self.weight_decay, Real) and self.weight_decay == 0.0:
            return ""
        return (
            "; the weight decay of AdamW is no part of F, whose gradient it keeps from vanishing: "
            "give the objective an L2 penalty instead, or look at the change of F alone"
        )

    def update(self, gradient: Any, state: AdamState, params: Any, step: Any) -> tuple[Any, Any]:
        """The move of Adam less ``step * weight_decay * params``, and the next state."""
        move, state = super().update(gradient, state, params, step)
        return move - step * self.weight_decay * params, state

    def proximal(
        self, gradient: Any, state: Any, params: Any, step: Any, kink: Kink
    ) -> tuple[Any, Any]:
        """As of Adam, from decayed params."""
        decayed = params - step * self.weight_decay * params
        return super().proximal(gradient, state, decayed, step, kink)


@dataclass(frozen=True)
class AMSGrad(Adam):
    """Adam that divides by the root of the largest average of squares so far.

    Parameters
    ----------
    step, beta1, beta2, epsilon, epsilon_root
        As of Adam.
    of_corrected : bool
        Whether the largest is taken after averages are freed of their start, or before.

    Notes
    -----
    ``torch.optim.Adam(amsgrad=True)`` takes it before, which is ours unless told otherwise, and
    ``optax.amsgrad`` after. The paper corrects neither average.
    """

    of_corrected: bool = False

    def init(self, params: Any) -> AdamState:
        """Averages of zero after no step."""
        state = super().init(params)
        return state._replace(largest=state.square)

    def _size(self, square: Any, share: Any, state: AdamState) -> tuple[Any, Any]:
        arrays = namespace(square)
        if self.of_corrected:
            largest = arrays.maximum(state.largest, square / share)
            return largest, largest
        largest = arrays.maximum(state.largest, square)
        return largest / share, largest
