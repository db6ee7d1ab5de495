"""What other libraries' users write, each as a function from a task to means of the test rows.

Every peer gets the same frames; what it cannot read (missing cells, text) is changed for it inside
the measured time, the plainest way. One thread.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from additive.data import Task
from additive.mgcv import FEWEST_VALUES


def hist_gradient_boosting(task: Task) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if task.family == "binomial":
        model: Any = HistGradientBoostingClassifier(random_state=0)
        return model.fit(task.train, task.y).predict_proba(task.test)[:, 1]
    loss = "poisson" if task.family == "poisson" else "squared_error"
    model = HistGradientBoostingRegressor(loss=loss, random_state=0)
    return model.fit(task.train, task.y).predict(task.test)


def lightgbm_optuna(task: Task) -> np.ndarray:
    """Fifty trials of TPE, each with early stopping on one fifth held out; the best is refitted.

    (Five folds a trial would cost five times as much.)
    """
    import lightgbm
    import optuna
    from sklearn.model_selection import train_test_split

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    objective = {"gaussian": "regression", "binomial": "binary", "poisson": "poisson"}[task.family]
    fixed = {
        "objective": objective,
        "num_threads": 1,
        "seed": 0,
        "deterministic": True,
        "verbosity": -1,
        "feature_pre_filter": False,
        "subsample_freq": 1,
    }
    stratify = task.y if task.family == "binomial" else None
    fit, hold = train_test_split(
        np.arange(len(task.y)), test_size=0.2, random_state=0, stratify=stratify
    )
    data = lightgbm.Dataset(task.train.iloc[fit], task.y[fit], free_raw_data=False)
    held = lightgbm.Dataset(
        task.train.iloc[hold], task.y[hold], reference=data, free_raw_data=False
    )

    def trial_loss(trial: Any) -> float:
        chosen = {
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 4, 256, log=True),
            "min_child_samples": trial.suggest_int("min_child_samples", 3, 100, log=True),
            "subsample": trial.suggest_float("subsample", 0.5, 1.0),
            "colsample_bytree": trial.suggest_float("colsample_bytree", 0.4, 1.0),
            "lambda_l1": trial.suggest_float("lambda_l1", 1e-8, 10.0, log=True),
            "lambda_l2": trial.suggest_float("lambda_l2", 1e-8, 10.0, log=True),
        }
        stop = lightgbm.early_stopping(50, verbose=False)
        model = lightgbm.train(fixed | chosen, data, 2_000, valid_sets=[held], callbacks=[stop])
        trial.set_user_attr("rounds", model.best_iteration)
        return float(next(iter(model.best_score["valid_0"].values())))

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(trial_loss, n_trials=50)
    whole = lightgbm.Dataset(task.train, task.y)
    rounds = study.best_trial.user_attrs["rounds"]
    model = lightgbm.train(fixed | study.best_params, whole, rounds)
    return np.asarray(model.predict(task.test))


def explainable_boosting(task: Task) -> np.ndarray:
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    kinds = ["nominal" if kind == "category" else "continuous" for kind in task.kinds.values()]
    common = {"feature_types": kinds, "n_jobs": 1, "random_state": 0}
    # It takes text, not pandas categories with levels that no row has.
    train, test = (
        frame.astype({name: object for name in task.categories})
        for frame in (task.train, task.test)
    )
    if task.family == "binomial":
        model: Any = ExplainableBoostingClassifier(**common)
        return model.fit(train, task.y).predict_proba(test)[:, 1]
    objective = "poisson_deviance" if task.family == "poisson" else "rmse"
    model = ExplainableBoostingRegressor(objective=objective, **common)
    return model.fit(train, task.y).predict(test)


def pygam_gridsearch(task: Task) -> np.ndarray:
    """`gridsearch` over its default eleven penalties, the same for all terms."""
    import pygam

    train, test, terms = [], [], []
    for number, name in enumerate(task.train):
        column, new = task.train[name], task.test[name]
        if task.kinds[name] == "category":
            # Codes of the levels that training saw; a new or missing level counts as the commonest.
            seen = column.astype(object).fillna("missing").astype(str)
            code = {level: at for at, level in enumerate(seen.value_counts().index)}
            train.append(seen.map(code))
            test.append(new.astype(object).fillna("missing").astype(str).map(code).fillna(0))
            terms.append(pygam.f(number))
        else:
            train.append(column.fillna(column.median()))
            test.append(new.fillna(column.median()))
            few = column.nunique() < FEWEST_VALUES
            terms.append(pygam.l(number) if few else pygam.s(number))
    together = terms[0]
    for term in terms[1:]:
        together = together + term
    X, X_test = (np.column_stack(columns).astype(float) for columns in (train, test))
    model_of = {
        "gaussian": pygam.LinearGAM,
        "binomial": pygam.LogisticGAM,
        "poisson": pygam.PoissonGAM,
    }
    model = model_of[task.family](together).gridsearch(X, task.y, progress=False)
    if task.family == "binomial":
        return model.predict_proba(X_test)
    return model.predict(X_test)


def glum_cv(task: Task) -> np.ndarray:
    """Rates weighted by exposure, numbers binned as glum's own tutorial of this table does."""
    from glum import GeneralizedLinearRegressorCV

    train, test = (motor_columns(frame) for frame in (task.train, task.test))
    for name in train.columns[train.dtypes == "category"]:
        test[name] = test[name].cat.set_categories(train[name].cat.categories)
    model = GeneralizedLinearRegressorCV(family="poisson", link="log", n_jobs=1)
    model.fit(train, task.y / task.exposure, sample_weight=task.exposure)
    return model.predict(test) * task.test_exposure


def motor_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Bins of glum's tutorial; a bonus-malus capped at 150 and the log of density as they are."""
    binned = frame.copy()
    binned["DrivAge"] = pd.Categorical(np.digitize(frame["DrivAge"], [18, 21, 25, 35, 45, 55, 70]))
    binned["VehAge"] = pd.Categorical(np.digitize(frame["VehAge"].replace(10, 9), [0, 1, 10]))
    binned["VehPower"] = pd.Categorical(np.minimum(frame["VehPower"], 9).astype(int))
    binned["BonusMalus"] = np.minimum(frame["BonusMalus"], 150.0)
    binned["Density"] = np.log(frame["Density"])
    return binned
