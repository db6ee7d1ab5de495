"""How many steps a solver will take, and at which rate, before it takes any.

For the methods of a linear rate there are two answers. *From kappa alone*: the rate of the worst
direction, from the relative gradient at the start to the tolerance; it needs L and mu and is often
too high by far, as a start seldom lies along the worst direction. *From the spectrum*: each
eigenvector at its own rate from its own share of the start. That is exact for a squared loss; for
others it takes the curvature at the minimiser for that of the whole way. Newton's steps are those
it takes on the line to the minimiser. Of the others nothing is predicted.

Maths: docs/math/convergence.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.convergence.modes import QuadraticModel, iterations_from_rate
from derivata.convergence.newton_line import newton_iterations
from derivata.convergence.rates import HeavyBall, LookAhead, Plain, Recurrence, rate
from derivata.curvature.spectrum import LARGEST_DENSE, exact_hessian, spectrum
from derivata.solvers.adaptive import Adaptive
from derivata.solvers.first_order import (
    Curved,
    GradientDescent,
    Momentum,
    Nesterov,
)
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.solvers.pace import is_quadratic
from derivata.solvers.schedules import Constant

# Curvature below this share of that at the start is that of no minimiser.
VANISHED = 1e-6


@dataclass(frozen=True)
class Prediction:
    """What theory says of a run.

    Attributes
    ----------
    rate : float or None
        What a step multiplies the distance to the minimiser by in the end, for a method of linear
        rate.
    guaranteed : float or None
        The rate that holds for every F with curvatures between mu and L, quadratic or not.
    order : str
        "linear", "quadratic", "superlinear", or "" where no theory says.
    iterations : int or None
        Steps to the tolerance: from the spectrum and the start, or for Newton from the line to the
        minimiser.
    from_kappa : int or None
        Steps to the tolerance from L, mu and the gradient at the start alone.
    largest_step : float or None
        The step from which on the method goes away from the minimiser.
    step : float or None
        The step taken, where it is one for all.
    has_minimiser : bool
        False where the curvature vanishes on the way.
    basis : str
        What this rests on, or why nothing is predicted: a sentence.
    """

    rate: float | None = None
    guaranteed: float | None = None
    order: str = ""
    iterations: int | None = None
    from_kappa: int | None = None
    largest_step: float | None = None
    step: float | None = None
    has_minimiser: bool = True
    basis: str = field(default="", compare=False)


def predict(solver: Any, start: Any, end: Any) -> Prediction:
    """What theory says of a solver's way from one expansion to the minimiser.

    Parameters
    ----------
    solver : solver
    start : Expansion              where it begins
    end : Expansion                at the minimiser

    Returns
    -------
    Prediction

    Notes
    -----
    Costs a Hessian with its eigenvectors up to 2,000 parameters, and then p^2 a predicted step up
    to 20,000 of these. Beyond 2,000 parameters there is a prediction from kappa alone.
    """
    if getattr(solver, "batch_size", None) is not None:
        return Prediction(
            basis="no prediction: with gradients of batches a run ends in a floor of noise, which "
            "is in proportion to the step"
        )
    if hasattr(getattr(end.objective, "penalty", None), "prox"):
        return Prediction(
            basis="no prediction: the penalty has a kink, and the rate is that of the coefficients "
            "that will turn out to be in use"
        )
    if has_vanished(start, end):
        return Prediction(
            has_minimiser=False,
            basis="no prediction: F has no minimiser, its curvature vanishes on the way (as where "
            "classes are separated); a penalty would give it one",
        )
    return _predicted(solver, start, end)


def has_vanished(start: Any, end: Any) -> bool:
    """Whether next to nothing is left at the end of the curvature at the start."""
    return spectrum(end).largest < VANISHED * spectrum(start).largest


@singledispatch
def _predicted(solver: Any, start: Any, end: Any) -> Prediction:
    return Prediction(basis=f"no prediction: there is no theory of {type(solver).__name__} here")


@_predicted.register
def _(solver: Adaptive, start: Any, end: Any) -> Prediction:
    return Prediction(
        basis="no prediction: steps divided by the size of past gradients have no such bound"
    )


@_predicted.register
def _(solver: LBFGS, start: Any, end: Any) -> Prediction:
    return Prediction(
        order="superlinear",
        basis="no prediction: quasi-Newton steps get faster as they go, and no bound says how fast",
    )


@_predicted.register
def _(solver: Newton, start: Any, end: Any) -> Prediction:
    iterations = newton_iterations(start, end, solver.tol, solver.precision)
    return Prediction(
        order="quadratic",
        iterations=iterations,
        basis="errors are squared at each step; steps counted on the line from the start to the "
        "minimiser",
    )


@_predicted.register
def _(solver: Curved, start: Any, end: Any) -> Prediction:
    ends = spectrum(end)
    if ends.n_negative or not ends.largest > 0.0:
        return Prediction(basis="no prediction: F does not bend upwards at the end of the run")
    solver = solver.resolved(ends)
    recurrence = recurrence_of(solver)
    largest_step = solver.bound(ends.largest)
    if recurrence is None:
        return Prediction(
            largest_step=largest_step, basis="no prediction: the step changes from one to the next"
        )
    slowest = rate(recurrence, ends.smallest, ends.largest)
    from_kappa = iterations_from_rate(slowest, start.relative_gradient, solver.tol)
    iterations, basis = None, "from kappa alone: too many parameters for a whole spectrum"
    if recurrence.step >= largest_step:
        basis = "the step is above the largest stable one: it goes away from the minimiser"
    elif len(end.params) <= LARGEST_DENSE:
        iterations = quadratic_model(start, end).iterations(recurrence, solver.tol)
        basis = "from the spectrum at the minimiser and the start's share of each eigenvector"
        if not is_quadratic(end):
            basis += "; F is no quadratic, so near the steps taken and not exact"
    return Prediction(
        rate=slowest,
        guaranteed=recurrence.guaranteed(ends.smallest, ends.largest),
        order="linear",
        iterations=iterations,
        from_kappa=from_kappa,
        largest_step=largest_step,
        step=recurrence.step,
        basis=basis,
    )


@singledispatch
def recurrence_of(solver: Any) -> Recurrence | None:
    """The recurrence of a solver along an eigenvector; None if its step is not one number."""
    return None


@recurrence_of.register
def _(solver: GradientDescent) -> Recurrence | None:
    step = _constant_step(solver)
    return None if step is None else Plain(step)


@recurrence_of.register
def _(solver: Momentum) -> Recurrence | None:
    step = _constant_step(solver)
    return None if step is None else HeavyBall(step, float(solver.kept))


@recurrence_of.register
def _(solver: Nesterov) -> Recurrence | None:
    step = _constant_step(solver)
    return None if step is None else LookAhead(step, float(solver.kept))


def quadratic_model(start: Any, end: Any) -> QuadraticModel:
    """The quadratic at one expansion, and the distance of another from it."""
    return QuadraticModel.of(exact_hessian(end), start.params - end.params, gradient_scale(end))


def gradient_scale(expansion: Any) -> Array:
    """What each entry of the gradient is small against; infinite where no row moves the entry."""
    objective = expansion.objective
    squares = getattr(objective, "column_squares", None)
    scale = objective.gradient_scale
    return scale if squares is None else np.where(squares > 0.0, scale, np.inf)


def _constant_step(solver: Curved) -> float | None:
    step = solver.step
    if isinstance(step, Constant):
        step = step.step
    return float(step) if isinstance(step, int | float) else None
