"""The fit of a predictor that is any JAX function: what ``LossEstimator`` does without a design."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from derivata.contracts import Array, HessianInverse
from derivata.covariance import dispersion, effective_params
from derivata.curvature.iterative import IterativeInverse
from derivata.errors import InvalidData, InvalidParameter, NotAvailable, NotConverged, warn
from derivata.estimators.custom_checks import (
    explain_unfinished,
    require_finite_start,
    resolve_loss,
)
from derivata.estimators.messages import FitNotConverged, warn_of_tuning
from derivata.estimators.threads import fitting_threads
from derivata.losses.identity import IdentityLoss
from derivata.objective import Objective
from derivata.penalties.smooth import FREE, GroupRidge
from derivata.solvers.result import FitResult
from derivata.tuning import TuneResult

PRECISION = 1e-6


def fit_function(model: Any, X: Any, y: Array, weight: Array) -> None:
    """Fit ``model.predictor`` to checked rows and set the model's fitted attributes."""
    if sparse.issparse(X):
        raise InvalidData("`X` is sparse, which a JAX function does not take: use `X.toarray()`.")
    if not callable(model.predictor):
        raise InvalidParameter(
            f"`predictor` is {model.predictor!r:.60}; expected a function of (params, x) in "
            "`jax.numpy`, or None for a linear one."
        )
    kept = model._kept
    objective = _objective(model, X[kept], y[kept], weight[kept])
    predictor = objective.predictor
    with fitting_threads(predictor.n_rows, predictor.n_params):
        try:
            hyper, tuned, start = model._find_penalties(objective)
            solver = model._solver(objective, model.tol, PRECISION)
            fit = model._explained(solver.minimize(objective, start, hyper), kept)
        except NotConverged as error:
            raise explain_unfinished(error, objective.loss, y, kept) from error
        _keep(model, fit, tuned, model._inverse(fit.expansion))
    _warn(model, fit, tuned)


def _objective(model: Any, X: Array, y: Array, weight: Array) -> Objective:
    from derivata.predictors.autodiff import AutodiffPredictor
    from derivata.predictors.whole import whole_objective

    tree = _start_params(model)
    if isinstance(model.loss, IdentityLoss):
        return _whole_objective(model, whole_objective(model.predictor, X, y, tree), weight)
    predictor = AutodiffPredictor(model.predictor, X, tree)
    loss = resolve_loss(model.loss, predictor.n_outputs)
    outputs = predictor.predict(predictor.reference)
    _require_finite_outputs(outputs, model._kept)
    if not predictor.column_squares(np.ones(len(y))).any():
        raise InvalidParameter(
            "no output moves with any parameter at the `params` given (all zeros?), so there is no "
            "way to go. Start from other numbers, such as random ones."
        )
    model._start(loss, y, weight)
    require_finite_start(loss, y, weight, outputs)
    return Objective(loss, predictor, _penalty(model, predictor), y, weight)


def _whole_objective(model: Any, predictor: Any, weight: Array) -> Objective:
    if model.alpha is None or isinstance(model.alpha, str):
        raise NotAvailable(
            "`alpha='tune'` needs rows that can be left out, and a loss given as a whole has none. "
            "Give `alpha=0.0`, or a number that you trust."
        )
    if (weight != 1.0).any():
        raise NotAvailable(
            "`sample_weight` multiplies the losses of rows, and a loss given as a whole has none. "
            "Take weights into the function itself."
        )
    value = predictor.predict(predictor.reference)
    if not np.isfinite(value).all():
        raise InvalidParameter(
            f"the objective is {value[0, 0]} at the `params` given; it must be finite there."
        )
    model._loss_name = "whole"
    penalty = _penalty(model, predictor)
    return Objective(model.loss, predictor, penalty, np.zeros(1), np.ones(1))


def _start_params(model: Any) -> Any:
    params = model.params
    if params is None:
        raise InvalidParameter(
            "`params` is None, but a `predictor` needs parameters to start from: a tree of arrays, "
            "or a function of (random_state, n_features) that gives one."
        )
    tree = params(model.random_state, model.n_features_in_) if callable(params) else params
    if tree is None:
        raise InvalidParameter("`params` gave None; expected a tree of arrays.")
    return tree


def _penalty(model: Any, predictor: Any) -> GroupRidge:
    if model.penalty is not None:
        raise NotAvailable(
            f"`penalty` is {model.penalty!r}, which is for the columns of a linear predictor; "
            "with a `predictor` penalties are squares: use `groups` and `alpha`."
        )
    bad = ~np.isfinite(predictor.reference)
    if bad.any():
        raise InvalidParameter(
            f"`params` holds {predictor.reference[bad][0]} in {predictor.names[np.argmax(bad)]}; "
            "expected finite numbers."
        )
    sizes, groups = predictor.leaf_sizes, model.groups
    if groups is None:
        return GroupRidge(np.zeros(sum(sizes), dtype=np.intp), ("all",))
    if isinstance(groups, str) and groups == "leaves":
        return GroupRidge(np.repeat(np.arange(len(sizes)), sizes), tuple(predictor.leaf_names))
    if isinstance(groups, str) or len(list(groups)) != len(sizes):
        raise InvalidParameter(
            f"`groups` is {groups!r:.80}; expected None, 'leaves', or a label for each of the "
            f"{len(sizes)} arrays of `params`: {', '.join(predictor.leaf_names[:6])}."
        )
    order: dict[str, int] = {}
    numbers = [FREE if g is None else order.setdefault(str(g), len(order)) for g in groups]
    return GroupRidge(np.repeat(numbers, sizes), tuple(order))


def _require_finite_outputs(outputs: Array, kept: Array) -> None:
    bad = ~np.isfinite(outputs).all(axis=1)
    if bad.any():
        row = int(np.argmax(bad))
        raise InvalidParameter(
            f"the predictor gives {outputs[row][~np.isfinite(outputs[row])][0]} for row "
            f"{kept[row]} at the `params` given; outputs must be finite there. Start from smaller "
            "parameters, or scale the columns of X."
        )


def _keep(model: Any, fit: FitResult, tuned: TuneResult | None, inverse: HessianInverse) -> None:
    expansion = fit.expansion
    predictor: Any = expansion.objective.predictor
    penalty: Any = expansion.objective.penalty
    model._keep_expansion(expansion)
    model.params_ = predictor.tree(expansion.params)
    model.param_names_, model.param_values_ = predictor.names, expansion.params
    alphas = np.exp(expansion.hyper)
    model.alphas_per_group_ = {
        name: float(a) for name, a in zip(penalty.hyper_names, alphas, strict=True)
    }
    model.alpha_ = float(alphas[0]) if len(alphas) == 1 else alphas
    model._param_groups = [
        penalty.hyper_names[g] if g != FREE else "" for g in penalty.groups.tolist()
    ]
    model.effective_params_, model.dispersion_ = None, 1.0
    if not isinstance(inverse, IterativeInverse):
        model.effective_params_ = effective_params(expansion, inverse)
        model.dispersion_ = dispersion(expansion, inverse)
    model._n_rows = len(model._kept)
    model.n_iter_ = max(fit.n_iter + (tuned.n_solver_steps if tuned else 0), 1)
    model.converged_, model.convergence_ = fit.converged, fit.reason


def _warn(model: Any, fit: FitResult, tuned: TuneResult | None) -> None:
    if not fit.converged:
        cure = "Raise `max_iter`, or the penalty."
        if "no step lowers" in fit.reason:
            cure = (
                "Has the predictor kinks? Smooth them, such as `jax.nn.softplus` for a rectifier."
            )
        warn(f"the fit did not converge: {fit.reason}. {cure}", FitNotConverged)
    if tuned is not None:
        warn_of_tuning(tuned)
