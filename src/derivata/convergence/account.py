"""A run of a solver held against theory: what was predicted, what happened, and what to do.

    fit = GradientDescent().minimize(objective, start, hyper)
    print(convergence_of(fit, start=start))

L, mu and kappa are those at the minimiser, where they govern the end of every run; for a squared
loss they are the same everywhere.

Maths: docs/math/convergence.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from derivata.contracts import Array
from derivata.convergence.conditioning import Conditioning
from derivata.convergence.cures import cures
from derivata.convergence.minimiser import minimiser
from derivata.convergence.observed import lowest, observed_rate
from derivata.convergence.prediction import Prediction, predict
from derivata.convergence.subject import subject
from derivata.convergence.words import count_words, name_of, rate_words, told_rate
from derivata.errors import InvalidParameter
from derivata.plain_text import number
from derivata.solvers.result import FitResult

WIDTH = 12


@dataclass(frozen=True)
class Convergence:
    """What theory says of a solver on an objective, beside what a run of it did.

    Attributes
    ----------
    solver : str
        Its name.
    conditioning : Conditioning
        At the minimiser: L, mu and kappa, and kappa with each column in its own unit.
    prediction : Prediction
        Rate, steps and largest step; with what that rests on.
    observed_rate : float or None
        What a step multiplied the distance to the minimiser by, over the last half of the run.
    n_iter : int or None
        Steps taken; None before a run.
    converged, diverged : bool or None
        How it ended.
    reason : str
        Why it stopped: a sentence.
    gap : float or None
        F at its end less F at the minimiser.
    cures : tuple of str
        What would help, the most useful first; empty where nothing needs help.
    """

    solver: str
    conditioning: Conditioning
    prediction: Prediction
    observed_rate: float | None = None
    n_iter: int | None = None
    converged: bool | None = None
    diverged: bool | None = None
    reason: str = ""
    gap: float | None = None
    cures: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = self.prediction
        lines = [self.solver, _line("curvature", str(self.conditioning))]
        if told.largest_step is not None:
            step = "" if told.step is None else f"{number(told.step)}; "
            lines.append(_line("step", f"{step}stable below {number(told.largest_step)}"))
        lines.append(_line("rate", f"{told_rate(told)} predicted{self._bound()}{self._observed()}"))
        lines.append(_line("steps", f"{self._steps()}"))
        lines.append(_line("basis", told.basis))
        if self.reason:
            lines.append(_line("stopped", self.reason))
        lines += [_line("cure" if not k else "", words) for k, words in enumerate(self.cures)]
        return "\n".join(lines)

    def _bound(self) -> str:
        bound = self.prediction.guaranteed
        if bound is None or bound == self.prediction.rate:
            return ""
        return f" ({rate_words(bound)} guaranteed beyond quadratics)"

    def _observed(self) -> str:
        return "" if self.n_iter is None else f", {rate_words(self.observed_rate)} observed"

    def _steps(self) -> str:
        told = self.prediction
        words = f"{count_words(told.iterations)} predicted"
        if told.from_kappa is not None:
            words += f" ({count_words(told.from_kappa)} from kappa alone)"
        return words if self.n_iter is None else f"{words}, {self.n_iter:,} taken"


def convergence_of(
    what: Any,
    solver: Any = None,
    *,
    start: Any = None,
    hyper: Any = None,
    gradient: Callable[[Array], Any] | None = None,
    hessian: Callable[[Array], Any] | None = None,
) -> Convergence:
    """Hold a run against theory; or, of an objective not yet minimised, say what theory expects.

    Parameters
    ----------
    what : FitResult, Objective or callable
        A run, or what is to be minimised; a callable takes an array (p,) and gives a number.
    solver : solver, optional
        Needed with an objective; of a run only where its result does not say by what it was made.
    start : array (n_params,), optional
        Where the run began, or would; the predictor's reference if not given, zeros for a linear
        one.
    hyper : array (n_hyper,), optional
        The log of each strength of an objective's penalty.
    gradient, hessian : callable, optional
        Of a function; by differences if left out.

    Returns
    -------
    Convergence                    ``print`` it

    Raises
    ------
    InvalidParameter, ShapeMismatch
        If a solver, a start or a strength is missing, or has another shape.

    Notes
    -----
    Costs a few Newton steps to the minimiser, its Hessian's eigenvectors, and what `predict` does.
    """
    fit = what if isinstance(what, FitResult) else None
    if fit is not None:
        what, hyper = fit.expansion.objective, fit.expansion.hyper
        # Where the step followed from the curvature, the result says what it was in the end.
        solver = fit.solver or solver
    if solver is None:
        raise InvalidParameter(
            "`solver` is None, and theory is about a solver. Give the one that is to run, such as "
            "`GradientDescent()`."
        )
    objective, begin, hyper = subject(what, start, hyper, gradient, hessian)
    end = minimiser(objective, begin if fit is None else fit.expansion.params, hyper)
    return account(solver, objective.at(begin, hyper), end, fit)


def account(solver: Any, start: Any, end: Any, fit: FitResult | None) -> Convergence:
    """The same from expansions at the start and at the minimiser, and the run if there was one."""
    conditioning = Conditioning.of(end)
    prediction = predict(solver, start, end)
    if fit is None:
        said = cures(solver, conditioning, prediction, None)
        return Convergence(name_of(solver), conditioning, prediction, cures=said)
    best = lowest([end.value, fit.expansion.value, *fit.values])
    return Convergence(
        solver=name_of(solver),
        conditioning=conditioning,
        prediction=prediction,
        observed_rate=observed_rate(fit.values, best),
        n_iter=fit.n_iter,
        converged=fit.converged,
        diverged=fit.diverged,
        reason=fit.reason,
        gap=fit.expansion.value - best,
        cures=cures(solver, conditioning, prediction, fit),
    )


def _line(name: str, words: str) -> str:
    return f"  {name:{WIDTH}}{words}"
