"""A table's model as plain values and back: its parts' own records, side by side.

encoder    what each column becomes            estimator  as the estimator writes itself; its
task       which column plays which role                  arrays are named ``estimator.NAME``
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from derivata.errors import ShapeMismatch
from derivata.estimators.linear import LinearRegressor
from derivata.estimators.logistic import LogisticClassifier
from derivata.estimators.poisson import PoissonRegressor
from derivata.estimators.table_task import FAMILIES, TableTask
from derivata.files.model_state import ModelState
from derivata.tables.table_encoder import TableEncoder

Estimator = LinearRegressor | LogisticClassifier | PoissonRegressor

ESTIMATORS: dict[str, type[Estimator]] = {
    "squared": LinearRegressor,
    "logistic": LogisticClassifier,
    "softmax": LogisticClassifier,
    "poisson": PoissonRegressor,
}
PREFIX = "estimator."


def write_table_model(model: Any) -> ModelState:
    """All that a ``TableModel`` remembers."""
    inner = model.estimator.to_state()
    arrays = {f"{PREFIX}{name}": array for name, array in inner.arrays.items()}
    state = {
        "encoder": model.encoder.to_dict(),
        "estimator": {"kind": inner.kind, "state": inner.state},
        "task": asdict(model.task) | {"drop": list(model.task.drop)},
        "n_rows": model.n_rows,
        "missing_words": list(model.missing_words),
    }
    return ModelState("TableModel", state, arrays | {"feature_scale": model.feature_scale})


def read_table_model(state: ModelState) -> dict[str, Any]:
    """The arguments of the ``TableModel`` that `write_table_model` wrote.

    Parameters
    ----------
    state : ModelState             nothing in it is trusted

    Returns
    -------
    arguments : dict of str to value

    Raises
    ------
    ShapeMismatch                  if the parts do not fit one another
    LookupError, TypeError         if one is missing; ``derivata.load`` says so with the file's name
    """
    saved = dict(state.state)
    task = TableTask(**{**saved["task"], "drop": tuple(saved["task"]["drop"])})
    kind, inner = saved["estimator"]["kind"], saved["estimator"]["state"]
    if task.family not in FAMILIES or ESTIMATORS[task.family].__name__ != kind:
        raise ShapeMismatch(f"a {kind!r} cannot be the estimator of family {task.family!r}.")
    arrays = {
        name.removeprefix(PREFIX): array
        for name, array in state.arrays.items()
        if name.startswith(PREFIX)
    }
    estimator = ESTIMATORS[task.family].from_state(ModelState(kind, inner, arrays))
    encoder = TableEncoder.from_dict(saved["encoder"])
    scale = state.arrays["feature_scale"]
    n_features, n_taken = len(encoder.feature_names), estimator.coef_.shape[-1]
    if n_taken != n_features or scale.shape != (n_features,):
        raise ShapeMismatch(
            f"the encoder makes {n_features} features, but the estimator takes {n_taken} and "
            f"`feature_scale` has {scale.shape}."
        )
    return {
        "encoder": encoder,
        "estimator": estimator,
        "task": task,
        "feature_scale": scale,
        "n_rows": int(saved["n_rows"]),
        "missing_words": tuple(str(word) for word in saved["missing_words"]),
    }
