"""Our additive models, as a user writes them: with smooth effects alone, and by default."""

from __future__ import annotations

from typing import Any

import numpy as np
from additive.data import Task

# As many basis functions as mgcv gets (mgcv.BASIS), so that a difference is not one of the basis.
MAIN_EFFECTS: dict[str, Any] = {"interactions": None, "n_basis": 10, "random_state": 0}
DEFAULTS: dict[str, Any] = {"random_state": 0}


def present() -> bool:
    try:
        from derivata import AdditiveClassifier, AdditiveRegressor  # noqa: F401
    except ImportError:
        return False
    return True


def main_effects(task: Task) -> np.ndarray:
    return fit_predict(task, MAIN_EFFECTS)


def default(task: Task) -> np.ndarray:
    return fit_predict(task, DEFAULTS)


def fit_predict(task: Task, options: dict[str, Any]) -> np.ndarray:
    from derivata import AdditiveClassifier, AdditiveRegressor

    if task.family == "binomial":
        classifier = AdditiveClassifier(**options).fit(task.train, task.y)
        return classifier.predict_proba(task.test)[:, 1]
    # RMSE is asked of integers too (abalone's rings), hence not "auto".
    family = "poisson" if task.family == "poisson" else "squared"
    model = AdditiveRegressor(family=family, **options)
    if task.exposure is None:
        return model.fit(task.train, task.y).predict(task.test)
    model.fit(task.train, task.y, exposure=task.exposure)
    return model.predict(task.test, exposure=task.test_exposure)
