"""Gradient descent and its two accelerations, which need to know the curvature.

    gradient descent   move = -s g                               s < 2 / L
    heavy ball         v = b v + g,  move = -s v                 s < 2 (1 + b) / L
    Nesterov           v = b v + g,  move = -s (g + b v)         s < 2 (1 + b) / ((1 + 2 b) L)

with L and mu the largest and smallest curvature of F. On a quadratic F a longer step than its bound
grows without limit. The steps taken where none is given, and the factor by which each then shortens
the distance to the minimiser, kappa = L / mu:

    gradient descent   s = 2 / (L + mu)                       (kappa - 1) / (kappa + 1)
    heavy ball         s = 4 / (sqrt L + sqrt mu)^2, b = q^2  q
    Nesterov           s = 1 / L, b = q                       1 - 1 / sqrt kappa
    with               q = (sqrt kappa - 1) / (sqrt kappa + 1)

Each is a pair ``init(params) -> state`` and ``update(gradient, state, params, step) -> (move,
state)`` in plain arithmetic: it runs on NumPy arrays and inside a JAX jit, of any shape.

Sources: Polyak (1964), USSR Comput. Math. Math. Phys. 4(5), 1-17; Nesterov (1983), Soviet Math.
Dokl. 27, 372-376; Lessard, Recht & Packard (2016), SIAM J. Optim. 26, 57-95, section 4.

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

from derivata.curvature.spectrum import Spectrum
from derivata.errors import InvalidParameter
from derivata.solvers.adam import Adam, AdamW, AMSGrad
from derivata.solvers.adaptive import AdaGrad, RMSProp, require_share
from derivata.solvers.descent import Descent
from derivata.solvers.kink import Kink
from derivata.solvers.line_search import Backtracking
from derivata.solvers.schedules import as_schedule, namespace

__all__ = [
    "AMSGrad",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Backtracking",
    "GradientDescent",
    "Momentum",
    "Nesterov",
    "RMSProp",
]
# What is kept of a velocity where the step is given and nothing else.
USUAL_BETA = 0.9
# Beyond this kappa the smallest curvature is rounding, and beta would round to one.
LARGEST_CONDITION = 1e15


@dataclass(frozen=True)
class Curved(Descent):
    """What they share: a step with a bound, taken from the curvature where none is given.

    Parameters
    ----------
    step : float, Schedule or None
        None: by the formulas above, from the spectrum at the start and, where curvature changes,
        again after 8, 16, 32, ... steps.
    allow_unstable : bool
        Whether a step at or beyond its bound may run; else it is refused before it does.
    """

    step: Any = None
    allow_unstable: bool = field(default=False, kw_only=True)

    bound_words: ClassVar[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step is not None:
            as_schedule(self.step)

    def step_at(self, count: Any) -> Any:
        """The step size after ``count`` steps.

        Raises
        ------
        InvalidParameter
            If there is no step yet.
        """
        if isinstance(self.step, Backtracking):
            raise InvalidParameter(
                "`step` is Backtracking(), which finds each step anew from the objective's values. "
                "Give a number or a schedule where a step must be known."
            )
        if self.step is None:
            raise InvalidParameter(
                f"`step` of {type(self).__name__} is None, and only an objective can say what it "
                "should be. Give a number or a schedule, or use `resolved(spectrum)`."
            )
        return as_schedule(self.step)(count)

    def resolved(self, spectrum: Spectrum) -> Curved:
        """The same solver with every None filled in from the curvature."""
        raise NotImplementedError

    def bound(self, largest: float) -> float:
        """The step from which on a quadratic of largest curvature ``largest`` diverges."""
        raise NotImplementedError


@dataclass(frozen=True)
class GradientDescent(Curved):
    """Steps down the gradient: move = -step gradient.

    Parameters
    ----------
    step : float, Schedule, Backtracking or None
        None: 2 / (L + mu). Refused from 2 / L on. ``Backtracking()``: found by a line search.

    Notes
    -----
    The same numbers as ``torch.optim.SGD`` and ``optax.sgd``.
    """

    bound_words = "2 / L"

    def __post_init__(self) -> None:
        Descent.__post_init__(self)
        if self.step is not None and not isinstance(self.step, Backtracking):
            as_schedule(self.step)

    def resolved(self, spectrum: Spectrum) -> GradientDescent:
        """With step 2 / (L + mu) if none is given."""
        if self.step is not None:
            return self
        return replace(self, step=2.0 / (spectrum.largest + spectrum.smallest))

    def bound(self, largest: float) -> float:
        """2 / L."""
        return 2.0 / largest

    def init(self, params: Any) -> tuple[()]:
        """Nothing is remembered."""
        return ()

    def update(self, gradient: Any, state: Any, params: Any, step: Any) -> tuple[Any, Any]:
        """The move from ``params``, and the next state."""
        return -step * gradient, state

    def proximal(
        self, gradient: Any, state: Any, params: Any, step: Any, kink: Kink
    ) -> tuple[Any, Any]:
        """The next params and state where the penalty has a kink: the prox of the move's end."""
        return kink.prox(params - step * gradient, step), state


class Velocity(NamedTuple):
    """Past gradients, the older the less."""

    velocity: Any


@dataclass(frozen=True)
class Remembering(Curved):
    """What the two accelerations share: a velocity.

    Parameters
    ----------
    step : float, Schedule or None
    beta : float or None
        What is kept of the velocity at each step. None: by the formulas above if no step is given
        either, else 0.9.
    """

    beta: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.beta is not None:
            require_share("beta", self.beta)

    @property
    def kept(self) -> Any:
        """``beta``, or the usual one."""
        return USUAL_BETA if self.beta is None else self.beta

    def init(self, params: Any) -> Velocity:
        """No velocity."""
        return Velocity(namespace(params).zeros_like(params))


@dataclass(frozen=True)
class Momentum(Remembering):
    """The heavy ball: gradients push a velocity, which moves params.

    Parameters
    ----------
    step : float, Schedule or None
        None: 2 (1 + beta) / (L + mu), which for the best beta is 4 / (sqrt L + sqrt mu)^2. Refused
        from 2 (1 + beta) / L on.
    beta : float or None
        None: ((sqrt kappa - 1) / (sqrt kappa + 1))^2 if no step is given either, else 0.9.

    Notes
    -----
    The same numbers as ``torch.optim.SGD(momentum=beta)`` and ``optax.sgd(momentum=beta)``. F may
    rise on the way.
    """

    bound_words = "2 (1 + beta) / L"

    def resolved(self, spectrum: Spectrum) -> Momentum:
        """With the best step and beta if they are not given."""
        if self.step is not None:
            return replace(self, beta=self.kept)
        beta = _best_root(spectrum) ** 2 if self.beta is None else self.beta
        step = 2.0 * (1.0 + beta) / (spectrum.largest + spectrum.smallest)
        return replace(self, step=step, beta=beta)

    def bound(self, largest: float) -> float:
        """2 (1 + beta) / L."""
        return 2.0 * (1.0 + self.kept) / largest

    def update(self, gradient: Any, state: Velocity, params: Any, step: Any) -> tuple[Any, Any]:
        """The move from ``params``, and the next state."""
        velocity = self.kept * state.velocity + gradient
        return -step * velocity, Velocity(velocity)

    def proximal(
        self, gradient: Any, state: Velocity, params: Any, step: Any, kink: Kink
    ) -> tuple[Any, Any]:
        """The next params and state where the penalty has a kink.

        The prox takes part in the velocity: otherwise the gradient would count 1 / (1 - beta)
        times, and the penalty once. Source: Ochs, Chen, Brox & Pock (2014), SIAM J. Imaging Sci. 7,
        1388-1419, algorithm 2.
        """
        end = params - step * (self.kept * state.velocity + gradient)
        following = kink.prox(end, step)
        return following, Velocity((params - following) / step)


@dataclass(frozen=True)
class Nesterov(Remembering):
    """Nesterov's acceleration: the gradient is taken where the velocity is about to lead.

    Params are the point that looks ahead, y = x + b (x - x_before), where gradients are taken; at
    the minimiser it is x itself.

    Parameters
    ----------
    step : float, Schedule or None
        None: 1 / L. Refused from 2 (1 + beta) / ((1 + 2 beta) L) on.
    beta : float or None
        None: (sqrt kappa - 1) / (sqrt kappa + 1) if no step is given either, else 0.9.

    Notes
    -----
    The same numbers as ``torch.optim.SGD(momentum=beta, nesterov=True)`` and ``optax.sgd`` with
    ``nesterov=True``. F may rise on the way.
    """

    bound_words = "2 (1 + beta) / ((1 + 2 beta) L)"

    def resolved(self, spectrum: Spectrum) -> Nesterov:
        """With step 1 / L and the best beta if they are not given."""
        if self.step is not None:
            return replace(self, beta=self.kept)
        beta = _best_root(spectrum) if self.beta is None else self.beta
        return replace(self, step=1.0 / spectrum.largest, beta=beta)

    def bound(self, largest: float) -> float:
        """2 (1 + beta) / ((1 + 2 beta) L)."""
        return 2.0 * (1.0 + self.kept) / ((1.0 + 2.0 * self.kept) * largest)

    def update(self, gradient: Any, state: Velocity, params: Any, step: Any) -> tuple[Any, Any]:
        """The move from ``params``, and the next state."""
        velocity = self.kept * state.velocity + gradient
        return -step * (gradient + self.kept * velocity), Velocity(velocity)

    def proximal(
        self, gradient: Any, state: Velocity, params: Any, step: Any, kink: Kink
    ) -> tuple[Any, Any]:
        """The next params and state where the penalty has a kink.

        Source: Beck & Teboulle (2009), SIAM J. Imaging Sci. 2, 183-202, eqs. 4.1-4.3, with beta
        constant.
        """
        behind = params + self.kept * step * state.velocity
        arrived = kink.prox(params - step * gradient, step)
        move = arrived - behind
        return arrived + self.kept * move, Velocity(-move / step)


def _best_root(spectrum: Spectrum) -> float:
    root = min(spectrum.condition, LARGEST_CONDITION) ** 0.5
    return (root - 1.0) / (root + 1.0)
