"""What a fit with ``penalty=Lasso()`` and its like does otherwise than one with ridge penalties.

The penalty is made for the model's columns and outputs, its strengths are found by
``tune_sparse``, and the last fit starts from where that was. All else is as for ridge: the active
set takes the place of all parameters where a Hessian is asked for. What total variation needs
besides is in ``variation_fit``.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from derivata.contracts import Array, Penalty
from derivata.curvature.active import ActiveExpansion
from derivata.curvature.chain import ChainExpansion, in_differences
from derivata.errors import InvalidParameter, NoFeatureWarning, warn
from derivata.estimators.groups import resolve_groups
from derivata.estimators.log_alphas import log_alphas
from derivata.estimators.tuning_record import tuning_record
from derivata.estimators.variation_fit import in_coefficients, variation_gap
from derivata.objective import Expansion, Objective
from derivata.penalties.chain_variation import ChainVariation
from derivata.penalties.smooth import FREE
from derivata.solvers.duality_gap import duality_gap
from derivata.solvers.lbfgs import LBFGS
from derivata.solvers.newton import Newton
from derivata.solvers.proximal import ProximalNewton
from derivata.solvers.two_phase import TwoPhase
from derivata.tuning import Solver, TuneResult
from derivata.tuning.fused import tune_fused
from derivata.tuning.sparse import tune_sparse
from derivata.tuning.sparse_path import approach


def sparse_groups(model: Any, names: list[str]) -> tuple[Array, tuple[str, ...]]:
    """A group for each column: the user's, or what the penalty takes for granted."""
    groups = model.penalty.default_groups if model.groups is None else model.groups
    return resolve_groups(groups, names)


def named_penalty(model: Any, groups: Array, has_intercept: bool, n_outputs: int) -> Penalty:
    """The model's penalty on its columns, the intercept's free one included."""
    return model.penalty.on(np.append(groups, FREE) if has_intercept else groups, n_outputs)


def sparse_solver(model: Any) -> Solver:
    """The model's own solver, which must know kinks, or one to its tolerance."""
    if model.solver is None:
        return ProximalNewton(model.tol, model.max_iter)
    if isinstance(model.solver, Newton | LBFGS | TwoPhase):
        raise InvalidParameter(
            f"`solver` is {model.solver!r}, which needs a smooth penalty, but `penalty` is "
            f"{model.penalty!r}. Leave `solver` out, or use `ProximalNewton()`, or a first-order "
            "solver such as `Nesterov()`."
        )
    return model.solver


def find_strengths(model: Any, objective: Objective) -> tuple[Array, TuneResult | None, Array]:
    """Log strengths, how they were tuned, and where the last fit starts; sets ``tuning_``."""
    model.tuning_ = None
    names = objective.penalty.hyper_names
    tuned = isinstance(model.alpha, str) and model.alpha == "tune"
    varies = isinstance(objective.penalty, ChainVariation)
    fused = varies and len(names) == 2
    inner = in_differences(objective) if varies and not fused else objective
    if not tuned:
        hyper, result = log_alphas(model.alpha, names), None
        start = np.zeros(objective.predictor.n_params) if fused else approach(inner, hyper)
    else:
        find = tune_fused if fused else tune_sparse
        # What searches along a path of strengths works on a set of columns, as this solver does.
        guide = model.solver if isinstance(model.solver, ProximalNewton) else None
        found = find(inner, guide, criterion=model.criterion, random_state=model.random_state)
        model.tuning_ = tuning_record(found.result, found.criterion.name, found.reason)
        hyper, result, start = found.result.hyper, found.result, found.result.full_params
        assert start is not None  # a point of the path, or the fit of a fold
    return hyper, result, in_coefficients(objective, start) if varies and not fused else start


def certificate(expansion: Expansion) -> str:
    """How far the fit can be from the best one, as an ending of the sentence why it stopped."""
    varies = isinstance(expansion, ChainExpansion)
    gap = variation_gap(expansion) if varies else duality_gap(cast(ActiveExpansion, expansion))
    return f"; the objective is at most {gap:.1e} above its minimum" if np.isfinite(gap) else ""


def warn_of_nothing(expansion: Expansion, tuned: bool) -> None:
    """Warn of a model in which every coefficient is zero, or every chain one level."""
    penalty: Any = expansion.objective.penalty
    if isinstance(penalty, ChainVariation):
        entries = expansion.params[penalty.order]
        if np.diff(entries)[penalty.joined].any():
            return
        warn(
            "no two neighbours differ: every chain has a single coefficient. "
            + ("Is there a signal?" if tuned else '`alpha` is so strong. Lower it, or use "tune".'),
            NoFeatureWarning,
        )
        return
    if expansion.params[penalty.param_blocks >= 0].any():
        return
    if tuned:
        cause, cure = "the data support no feature", "Is there a signal? A ridge penalty may see it"
    else:
        cause, cure = "`alpha` is so strong that no feature is left", 'Lower it, or use "tune"'
    warn(
        f"{cause}: every coefficient is zero, and predictions are constant. {cure}.",
        NoFeatureWarning,
    )
