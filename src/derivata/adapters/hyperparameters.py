"""The hyperparameters of a fitted model as its user set them: alpha, C, l1_ratio.

What ``FittedModel.hyper`` holds are the logs of strengths in nats: alpha times the sum of the
weights, or 1 / C. scikit-learn's models say what they were set to, so a change of the user's number
by a per cent is known as a change of the strengths; of this package's own models every strength has
a name and is a hyperparameter.

Maths: docs/math/sensitivity.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from derivata.adapters.fitted import FittedModel
from derivata.contracts import Array
from derivata.objective import Objective
from derivata.penalties.block_norm import BlockNorm
from derivata.tuning.parametrisation import (
    Parametrisation,
    each_strength,
    one_for_all,
    strength_and_share,
)
from derivata.tuning.response import without_zeros

# Names that scikit-learn gives the strength of a penalty, and the power of the strength in it.
STRENGTHS = {"alpha": 1, "C": -1}


def hyperparameters_of(model: Any, fitted: FittedModel) -> tuple[Objective, Array, Parametrisation]:
    """The objective restated where needed, its hyper, and the user's numbers behind that.

    An elastic net of one strength is restated with two, so that its ``l1_ratio`` can move.

    Parameters
    ----------
    model : estimator or FittedModel   what ``fitted`` was adapted from
    fitted : FittedModel
    """
    objective, hyper = without_zeros(fitted.objective, fitted.hyper)
    own = None if isinstance(model, FittedModel) else _strength_of(_innermost(model))
    if own is None or not len(hyper):
        return objective, hyper, each_strength(objective.penalty.hyper_names, hyper)
    name, value, power = own
    penalty = objective.penalty
    share = penalty.l1_ratio if isinstance(penalty, BlockNorm) else None
    if isinstance(penalty, BlockNorm) and share is not None and 0.0 < share < 1.0:
        apart = replace(penalty, l1_ratio=None, hyper_names=("l1", "l2"))
        hypers = strength_and_share(name, value, share, float(hyper[0]), power)
        return replace(objective, penalty=apart), hypers.hyper(hypers.values), hypers
    return objective, hyper, one_for_all(name, value, hyper, power)


def _innermost(model: Any) -> Any:
    """The estimator inside a search or at the end of a pipeline."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif hasattr(model, "steps"):
            model = model.steps[-1][1]
        else:
            return model


def _strength_of(model: Any) -> tuple[str, float, int] | None:
    """Name, value and power of a scikit-learn model's strength, as tuned if it tuned it."""
    roots = (parent.__module__.partition(".")[0] for parent in type(model).__mro__)
    if next((root for root in roots if root in ("sklearn", "derivata")), "") != "sklearn":
        return None
    for name, power in STRENGTHS.items():
        found = getattr(model, f"{name}_", getattr(model, name, None))
        if found is None:
            continue
        values = np.unique(np.asarray(found, dtype=float))
        if len(values) == 1 and 0.0 < values[0] < np.inf:
            return name, float(values[0]), power
    return None
