"""What other libraries' users write: functions from a task to predictions of its test rows.

Numbers get medians for missing cells and a StandardScaler, categories one column a level, numeric
targets are standardised: what a competent user does. `raw` leaves out the scaling.
"""

from __future__ import annotations

import logging
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from neural_sides.data import Task
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def prepared_columns(task: Task, *, scaled: bool = True) -> ColumnTransformer:
    number: Any = SimpleImputer(strategy="median")
    if scaled:
        number = make_pipeline(number, StandardScaler())
    category = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    return ColumnTransformer(
        [("numbers", number, task.numbers), ("categories", category, task.categories)]
    )


def as_objects(frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Categories as text: an imputer refuses a level that the column's dtype does not have."""
    return frame.astype({name: object for name in task.categories})


def scikit_learn(task: Task, *, scaled: bool = True) -> np.ndarray:
    """Defaults of MLPClassifier and MLPRegressor: 100 hidden units, 200 epochs of Adam."""
    columns = prepared_columns(task, scaled=scaled)
    train, test = as_objects(task.train, task), as_objects(task.test, task)
    if task.n_classes:
        model: Any = make_pipeline(columns, MLPClassifier(random_state=0))
        return model.fit(train, task.y).predict_proba(test)
    model = make_pipeline(columns, MLPRegressor(random_state=0))
    if scaled:
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    return model.fit(train, task.y).predict(test)


def scikit_learn_raw(task: Task) -> np.ndarray:
    return scikit_learn(task, scaled=False)


def real_mlp(task: Task) -> np.ndarray:
    """RealMLP's tuned defaults (Holzmüller, Grinsztajn & Steinwart 2024), by its own wrapper."""
    return fitted_real_mlp(task, {})


def real_mlp_for_log_loss(task: Task) -> np.ndarray:
    """The same without label smoothing and stopped by log-loss: its defaults are for accuracy."""
    return fitted_real_mlp(task, {"use_ls": False, "val_metric_name": "cross_entropy"})


def fitted_real_mlp(task: Task, options: dict[str, Any]) -> np.ndarray:
    for name in ("lightning.pytorch", "pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    train, test = complete(task.train, task), complete(task.test, task)
    names = {"cat_col_names": task.categories}
    with TemporaryDirectory() as folder:
        options = options | {"device": "cpu", "random_state": 0, "n_threads": 1}
        options["tmp_folder"] = folder
        if task.n_classes:
            classifier = RealMLP_TD_Classifier(**options).fit(train, task.y, **names)
            return np.asarray(classifier.predict_proba(test))
        regressor = RealMLP_TD_Regressor(**options).fit(train, task.y, **names)
        return np.asarray(regressor.predict(test)).reshape(-1)


def complete(frame: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The frame without missing cells, which it does not take: medians, a level of its own."""
    filled = frame.copy()
    for name in task.numbers:
        filled[name] = frame[name].fillna(task.train[name].median())
    for name in task.categories:
        filled[name] = frame[name].astype(object).fillna("missing").astype("category")
    return filled
