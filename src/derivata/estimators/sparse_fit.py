"""What a fit with ``penalty=Lasso()`` and its like does otherwise than one with ridge penalties.

The penalty is made for the model's columns and outputs, its strengths are found by
``tune_sparse``, and the last fit starts from where that was. All else is as for ridge: the active
set takes the place of all parameters where a Hessian is asked for.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from derivata.contracts import Array, SparsePenalty
from derivata.curvature.active import ActiveExpansion
from derivata.errors import InvalidParameter, NoFeatureWarning, warn
from derivata.estimators.groups import resolve_groups
from derivata.estimators.log_alphas import log_alphas
from derivata.estimators.tuning_record import tuning_record
from derivata.objective import Expansion, Objective
from derivata.penalties.block_norm import BlockNorm
from derivata.penalties.smooth import FREE
from derivata.solvers.duality_gap import duality_gap
from derivata.solvers.proximal import ProximalNewton
from derivata.tuning import TuneResult
from derivata.tuning.sparse import tune_sparse
from derivata.tuning.sparse_path import approach


def sparse_groups(model: Any, names: list[str]) -> tuple[Array, tuple[str, ...]]:
    """A group for each column: the user's, or what the penalty takes for granted."""
    groups = model.penalty.default_groups if model.groups is None else model.groups
    return resolve_groups(groups, names)


def sparse_penalty(model: Any, groups: Array, has_intercept: bool, n_outputs: int) -> BlockNorm:
    """The model's penalty on its columns, the intercept's free one included."""
    return model.penalty.on(np.append(groups, FREE) if has_intercept else groups, n_outputs)


def sparse_solver(model: Any) -> ProximalNewton:
    """The model's own solver, which must know kinks, or one to its tolerance."""
    if model.solver is None:
        return ProximalNewton(model.tol, model.max_iter)
    if not isinstance(model.solver, ProximalNewton):
        raise InvalidParameter(
            f"`solver` is {model.solver!r}, which needs a smooth penalty, but `penalty` is "
            f"{model.penalty!r}. Leave `solver` out, or use `ProximalNewton()`."
        )
    return model.solver


def find_strengths(model: Any, objective: Objective) -> tuple[Array, TuneResult | None, Array]:
    """Log strengths, how they were tuned, and where the last fit starts; sets ``tuning_``."""
    model.tuning_ = None
    if not (isinstance(model.alpha, str) and model.alpha == "tune"):
        hyper = log_alphas(model.alpha, objective.penalty.hyper_names)
        return hyper, None, approach(objective, hyper)
    found = tune_sparse(
        objective, model.solver, criterion=model.criterion, random_state=model.random_state
    )
    model.tuning_ = tuning_record(found.result, found.criterion.name, found.reason)
    start = found.result.full_params
    assert start is not None  # a point of the path
    return found.result.hyper, found.result, start


def certificate(expansion: Expansion) -> str:
    """How far the fit can be from the best one, as an ending of the sentence why it stopped."""
    gap = duality_gap(cast(ActiveExpansion, expansion))
    return f"; the objective is at most {gap:.1e} above its minimum" if np.isfinite(gap) else ""


def warn_of_nothing(expansion: Expansion, tuned: bool) -> None:
    """Warn of a model in which every coefficient is zero."""
    penalty = cast(SparsePenalty, expansion.objective.penalty)
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
