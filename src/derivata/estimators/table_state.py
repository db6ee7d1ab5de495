"""A table's model as plain values and back: its parts' own records, side by side.

task       which column plays which role
estimator  as the estimator writes itself; its arrays are named ``estimator.NAME``
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from derivata.errors import ShapeMismatch
from derivata.estimators.additive import AdditiveClassifier, AdditiveRegressor
from derivata.estimators.families import FAMILIES
from derivata.estimators.table_task import TableTask
from derivata.files.model_state import ModelState

PREFIX = "estimator."
KINDS = {kind.__name__: kind for kind in (AdditiveRegressor, AdditiveClassifier)}


def write_table_model(model: Any) -> ModelState:
    """All that a ``TableModel`` remembers."""
    inner = model.estimator.to_state()
    arrays = {f"{PREFIX}{name}": array for name, array in inner.arrays.items()}
    state = {
        "estimator": {"kind": inner.kind, "state": inner.state},
        "task": asdict(model.task) | {"drop": list(model.task.drop)},
        "n_rows": model.n_rows,
        "missing_words": list(model.missing_words),
    }
    return ModelState("TableModel", state, arrays)


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
    expected = AdditiveClassifier if task.classifies else AdditiveRegressor
    if task.family not in FAMILIES or KINDS.get(kind) is not expected:
        raise ShapeMismatch(f"a {kind!r} cannot be the estimator of family {task.family!r}.")
    arrays = {
        name.removeprefix(PREFIX): array
        for name, array in state.arrays.items()
        if name.startswith(PREFIX)
    }
    estimator = KINDS[kind].from_state(ModelState(kind, inner, arrays))
    if estimator.family_.name != task.family:
        raise ShapeMismatch(
            f"the estimator's family is {estimator.family_.name!r}, but the task's {task.family!r}."
        )
    return {
        "estimator": estimator,
        "task": task,
        "n_rows": int(saved["n_rows"]),
        "missing_words": tuple(str(word) for word in saved["missing_words"]),
    }
