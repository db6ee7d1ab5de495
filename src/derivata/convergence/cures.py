"""What to do about a descent that did not arrive, or arrived late.

Each cure is named with what it would bring: kappa before and after, steps before and after.
"""

from __future__ import annotations

from typing import Any

from derivata.convergence.conditioning import Conditioning
from derivata.convergence.prediction import Prediction
from derivata.convergence.words import count_words
from derivata.plain_text import number
from derivata.solvers.adaptive import Adaptive
from derivata.solvers.first_order import Curved, GradientDescent
from derivata.solvers.result import FitResult

# More steps than this are worth a cure although they arrive.
MANY_STEPS = 500
# kappa from which on a penalty, or a column less, is worth a thought.
ILL_CONDITIONED = 1e6
# A penalty of this share of L bounds kappa by about its inverse.
SHARE = 1e-3


def cures(
    solver: Any, conditioning: Conditioning, prediction: Prediction, fit: FitResult | None
) -> tuple[str, ...]:
    """Sentences, the most useful first; none if nothing needs one.

    Parameters
    ----------
    solver : solver
    conditioning : Conditioning    at the minimiser
    prediction : Prediction
    fit : FitResult or None        the run, if there was one
    """
    if fit is not None and fit.interrupted:
        return ("start again from where it stopped.",)
    if not prediction.has_minimiser:
        return ("add a penalty: without one F falls for ever along some direction.",)
    unstable = _shorter(solver, conditioning, prediction)
    if unstable:
        return (unstable,)
    steps = prediction.iterations if fit is None or not fit.converged else fit.n_iter
    arrives = fit.converged if fit is not None else steps is not None
    if arrives and (steps is None or steps <= MANY_STEPS):
        return ()
    found = [
        _scale(conditioning),
        _penalise(conditioning),
        _more_steps(solver, prediction, fit),
        _smaller_noise(solver, fit),
        _other_solver(solver),
    ]
    return tuple(words for words in found if words)


def _shorter(solver: Any, conditioning: Conditioning, prediction: Prediction) -> str:
    step, largest = prediction.step, prediction.largest_step
    if step is None or largest is None or step < largest or not isinstance(solver, Curved):
        return ""
    return (
        f"take a step below {number(largest)} ({solver.bound_words}, L = "
        f"{number(conditioning.largest)}), or give none, which takes the best one."
    )


def _scale(conditioning: Conditioning) -> str:
    if not conditioning.gains_by_scaling:
        return ""
    return (
        f"scale the columns: kappa falls from {number(conditioning.condition, 3)} to "
        f"{number(conditioning.scaled.condition, 3)}."
    )


def _penalise(conditioning: Conditioning) -> str:
    # Where scaling takes kappa down there is no need to change what is fitted.
    condition = min(conditioning.condition, conditioning.scaled.condition)
    if condition < ILL_CONDITIONED:
        return ""
    return (
        "add a penalty, or leave out a column that others repeat: a penalty of "
        f"{number(SHARE * conditioning.largest, 3)} a squared coefficient would bound kappa by "
        f"{1.0 / SHARE + 1.0:,.0f} (and changes what is fitted)."
    )


def _more_steps(solver: Any, prediction: Prediction, fit: FitResult | None) -> str:
    most, needed = getattr(solver, "max_iter", None), prediction.iterations
    if most is None or needed is None or needed < most or (fit is not None and fit.converged):
        return ""
    return f"raise the limit of steps from {most:,} to above {count_words(needed)}, as predicted."


def _smaller_noise(solver: Any, fit: FitResult | None) -> str:
    if fit is None or fit.converged:
        return ""
    if getattr(solver, "batch_size", None) is not None:
        return "let the step fall by a schedule: the floor of noise falls with it."
    if isinstance(solver, Adaptive):
        return (
            "let the step fall by a schedule if the run swings about the minimiser; take a larger "
            "one if it is still on its way, as no parameter moves by much more than the step."
        )
    return ""


def _other_solver(solver: Any) -> str:
    if isinstance(solver, GradientDescent):
        return (
            "use momentum, which takes steps in proportion to the root of kappa, or Newton's "
            "method, for which kappa does not count."
        )
    if isinstance(solver, Curved | Adaptive):
        return "use Newton's method, for which kappa does not count."
    return ""
