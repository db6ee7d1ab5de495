"""Our networks, as a user writes them, and one of them tuned by search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from neural_sides.data import Task

N_TRIALS = 20


def default(task: Task) -> np.ndarray:
    return fit_predict(task)


def tuned_by_evidence(task: Task) -> np.ndarray:
    """Relevance of inputs, decays of layers: by evidence, where a hold-out says that it helps."""
    from derivata.neural.holdout import HeldOutChoice

    return fit_predict(task, method=HeldOutChoice())


def optuna_search(task: Task) -> np.ndarray:
    """The same network, twenty trials of TPE over step, weight decay, dropout, label smoothing.

    A trial trains on 80 % of the rows (and stops by some of these, as always) and is judged on the
    other 20 %; the best is trained once more, on all rows. Each trial is a fit of ours: torch would
    take two to three times the CPU seconds for the same.
    """
    import optuna
    from sklearn.model_selection import train_test_split

    from derivata.estimators.neural_defaults import default_training
    from derivata.neural.method import OneNetwork
    from derivata.solvers.first_order import Adam

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    stratify = task.y if task.n_classes else None
    fit, hold = train_test_split(
        np.arange(len(task.y)), test_size=0.2, random_state=0, stratify=stratify
    )
    train, held = (task.train.iloc[rows].reset_index(drop=True) for rows in (fit, hold))
    inner = replace(task, train=train, y=task.y[fit], test=held)

    def settings(chosen: dict[str, float], n_rows: int) -> Any:
        usual = default_training(n_rows, bool(task.n_classes))
        chosen = dict(chosen)
        return replace(usual, solver=Adam(step=chosen.pop("step")), **chosen)

    def trial_loss(trial: Any) -> float:
        chosen = {
            "step": trial.suggest_float("step", 1e-4, 1e-2, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 1e-4, 10.0, log=True),
            "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        }
        if task.n_classes:
            chosen["label_smoothing"] = trial.suggest_float("label_smoothing", 0.0, 0.2)
        training = settings(chosen, len(fit))
        predicted = fit_predict(inner, training=training, method=OneNetwork())
        if not task.n_classes:
            return float(np.mean((task.y[hold] - predicted) ** 2))
        likely = predicted[np.arange(len(hold)), task.y[hold]]
        return float(-np.mean(np.log(np.clip(likely, 1e-6, 1.0))))

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(trial_loss, n_trials=N_TRIALS)
    best = settings(study.best_params, len(task.y))
    return fit_predict(task, training=best, method=OneNetwork())


def fit_predict(task: Task, **options: Any) -> np.ndarray:
    from derivata.estimators.neural import MLPClassifier, MLPRegressor

    if task.n_classes:
        classifier = MLPClassifier(random_state=0, **options)
        return classifier.fit(task.train, task.y).predict_proba(task.test)
    return MLPRegressor(random_state=0, **options).fit(task.train, task.y).predict(task.test)
