"""One call that minimises anything: an objective, or a bare Python function.

    fit = minimize(objective, solver=Adam(1e-2), hyper=[0.0])
    fit = minimize(lambda w: (w[0] - 1) ** 2 + w[1] ** 4, [3.0, 2.0])

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.curvature.chain import expand
from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.function_objective import FunctionPredictor, function_objective
from derivata.gradient_check import has_kink_at
from derivata.objective import Objective
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.solvers.proximal import ProximalNewton, has_kink
from derivata.solvers.result import FitResult
from derivata.solvers.trail import Trail

# Newton's step is the best there is while its Hessian is no larger than this.
LARGEST_NEWTON = 1_000
# The last points that are looked at after Ctrl-C: more than a line search tries.
REMEMBERED = 40


def minimize(
    objective: Objective | Callable[[Array], Any],
    start: Any = None,
    *,
    solver: Any = None,
    hyper: Any = None,
    gradient: Callable[[Array], Any] | None = None,
    hessian: Callable[[Array], Any] | None = None,
) -> FitResult:
    """Minimise an objective, or a function of an array, over its parameters.

    Parameters
    ----------
    objective : Objective or callable
        A callable takes an array (p,) and gives a number.
    start : array (p,)
        Where to begin. For an objective, by default, the predictor's reference: zeros for a linear
        one. A function needs one.
    solver : Solver, optional
        Anything with ``minimize(objective, params, hyper)``. Default: ``ProximalNewton()`` where
        the penalty has a kink; ``Newton()`` for an objective of up to 1,000 parameters and for a
        function with a Hessian; else ``LBFGS()``.
    hyper : array (n_hyper,), optional
        Logs of the penalty's strengths; needed if it has any.
    gradient, hessian : callable, optional
        Of a function. A gradient is checked at the start; what is left out is had by differences
        (``derivata.function_objective``).

    Returns
    -------
    FitResult
        ``fit.expansion.params`` is the minimiser. Where the solver did not get there, and after
        Ctrl-C, it is the lowest point known, ``converged`` is False and ``reason`` says why.

    Raises
    ------
    InvalidParameter
        If start, hyper or a step cannot be used, or the gradient is wrong.
    ShapeMismatch
        If start, hyper, or what the function or its derivatives give have another shape.

    Examples
    --------
    >>> import numpy as np
    >>> from derivata.solvers import GradientDescent, minimize
    >>> fit = minimize(
    ...     lambda w: (w[0] - 1.0) ** 2 + 4.0 * (w[1] + 2.0) ** 2,
    ...     [0.0, 0.0],
    ...     gradient=lambda w: np.array([2.0 * (w[0] - 1.0), 8.0 * (w[1] + 2.0)]),
    ...     solver=GradientDescent(),
    ... )
    >>> fit.converged, fit.expansion.params.round(6)
    (True, array([ 1., -2.]))
    """
    if isinstance(objective, Objective):
        if gradient is not None or hessian is not None:
            raise InvalidParameter(
                "`gradient` and `hessian` belong to a function; an objective has its own. Leave "
                "them out."
            )
        subject = objective
    else:
        subject = _of_function(objective, start, gradient, hessian, hyper)
    params = _as_params(subject, start)
    logs = _as_hyper(subject, hyper)
    chosen = _default(subject) if solver is None else solver
    fit = _guarded(chosen, subject, params, logs)
    return replace(fit, reason=fit.reason + _aside(subject, chosen, fit))


def _of_function(function: Any, start: Any, gradient: Any, hessian: Any, hyper: Any) -> Objective:
    if not callable(function):
        raise InvalidParameter(
            f"`objective` is a {type(function).__name__}; expected an Objective, or a function of "
            "an array that gives a number."
        )
    if start is None:
        raise InvalidParameter("`start` is needed for a function: it says how many parameters.")
    if hyper is not None:
        raise InvalidParameter(
            "`hyper` belongs to an objective with a penalty. Put the penalty into the function."
        )
    return function_objective(function, start, gradient=gradient, hessian=hessian)


def _as_params(objective: Objective, start: Any) -> Array:
    n_params = objective.predictor.n_params
    if start is None:
        return np.array(objective.predictor.reference, dtype=float)
    params = np.array(start, dtype=float, ndmin=1)
    if params.shape != (n_params,):
        raise ShapeMismatch(f"`start` has shape {np.shape(start)}; expected ({n_params},).")
    bad = np.flatnonzero(~np.isfinite(params))
    if len(bad):
        raise InvalidParameter(
            f"entry {bad[0]} of `start` is {params[bad[0]]}; expected finite numbers."
        )
    return params


def _as_hyper(objective: Objective, hyper: Any) -> Array:
    names = objective.penalty.hyper_names
    if hyper is None:
        if not names:
            return np.zeros(0)
        raise InvalidParameter(
            f"`hyper` is needed: the penalty has {len(names)} strength"
            f"{'s' * (len(names) > 1)} ({', '.join(names)}). Give their logs, such as "
            f"hyper={[0.0] * len(names)} for strengths of one, or find them with `tune`."
        )
    logs = np.array(hyper, dtype=float, ndmin=1)
    if logs.shape != (len(names),):
        raise ShapeMismatch(
            f"`hyper` has shape {np.shape(hyper)}; expected ({len(names)},), the logs of the "
            f"strengths ({', '.join(names)})."
        )
    if not np.isfinite(logs).all():
        raise InvalidParameter(f"`hyper` is {hyper!r}; expected finite logs of strengths.")
    return logs


def _default(objective: Objective) -> Any:
    if has_kink(objective):
        return ProximalNewton()
    predictor = objective.predictor
    if isinstance(predictor, FunctionPredictor):
        return Newton() if predictor.bend is not None else LBFGS()
    smallest = min(predictor.n_params, predictor.n_rows * predictor.n_outputs)
    if not predictor.is_linear:
        smallest = predictor.n_params
    return Newton() if smallest <= LARGEST_NEWTON else LBFGS()


@dataclass(frozen=True, eq=False)
class _Watched(Objective):
    """An objective that remembers where it was evaluated last."""

    visited: deque[Array] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def outputs(self, params: Array) -> Array:
        self.visited.append(params)
        return super().outputs(params)


def _guarded(solver: Any, objective: Objective, params: Array, hyper: Array) -> FitResult:
    """The fit; after Ctrl-C the lowest of the last points, for solvers that do not see to it."""
    if hasattr(solver, "step_at"):
        return solver.minimize(objective, params, hyper)
    parts = {each.name: getattr(objective, each.name) for each in fields(Objective)}
    watched = _Watched(**parts)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        Trail(expand(objective, params, hyper))  # refuses a start where F is not finite
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            fit = solver.minimize(watched, params, hyper)
        return replace(fit, expansion=expand(objective, fit.expansion.params, hyper))
    except KeyboardInterrupt:
        points = [expand(objective, point, hyper) for point in (params, *watched.visited)]
        finite = [point for point in points if np.isfinite(point.value)] or points[:1]
        lowest = min(finite, key=lambda point: point.value)
        reason = (
            f"interrupted; the lowest of the last points is kept: F = {lowest.value:.6g}, relative "
            f"gradient {lowest.relative_gradient:.1e}"
        )
        return FitResult(lowest, False, 0, reason, interrupted=True)


def _aside(objective: Objective, solver: Any, fit: FitResult) -> str:
    """What else a user should know: what was had by differences."""
    predictor = objective.predictor
    if not isinstance(predictor, FunctionPredictor):
        return ""
    asides = []
    if predictor.slope is None:
        asides.append("gradients are central differences of the function")
    if predictor.bend is None and isinstance(solver, Newton):
        asides.append("Hessians are central differences of gradients")
    stopped = not (fit.converged or fit.interrupted or fit.diverged)
    if stopped and has_kink_at(predictor.value, fit.expansion.params):
        asides.append(
            "the function has a kink there, where no gradient vanishes: see `Lasso()` for sums of "
            "absolute values"
        )
    return "".join(f"; {aside}" for aside in asides)
