"""A fitted linear model as plain values and back: names, JSON and arrays, never code.

Criteria and solvers are written by name and fields; only the names in ``_PARTS`` are known. A
criterion or solver of the user's own is written as None: it was needed to fit, not to predict.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.criteria import HoldOut, KFold, LeaveOneOut
from derivata.errors import InvalidParameter, ModelFileError
from derivata.estimators.tuning_record import Tuning
from derivata.files.model_state import ModelState
from derivata.penalties import (
    ElasticNet,
    FusedLasso,
    GroupLasso,
    Lasso,
    SmoothedLasso,
    SmoothedVariation,
    TotalVariation,
)
from derivata.solvers import LBFGS, Newton, ProximalNewton
from derivata.tuning import OuterScore, TuneStep

_PARTS = {
    part.__name__: part
    for part in (
        ElasticNet,
        FusedLasso,
        GroupLasso,
        HoldOut,
        KFold,
        LBFGS,
        Lasso,
        LeaveOneOut,
        Newton,
        ProximalNewton,
        SmoothedLasso,
        SmoothedVariation,
        TotalVariation,
    )
}
# What a fitted model holds, by how it is written. Arrays may be absent (None).
_ARRAYS = (
    "_output_coef",
    "_output_intercept",
    "_output_covariance",
    "_intercept_covariance",
)
_VALUES = (
    "n_features_in_",
    "n_iter_",
    "converged_",
    "convergence_",
    "dispersion_",
    "effective_params_",
    "_feature_groups",
    "_n_rows",
)


def write_model(model: Any) -> ModelState:
    """All that a fitted linear model remembers."""
    found = {name.lstrip("_"): getattr(model, name) for name in _ARRAYS}
    arrays = {name: array for name, array in found.items() if array is not None}
    state: dict[str, Any] = {name: getattr(model, name) for name in _VALUES}
    state["parameters"] = {name: plain_value(v) for name, v in model.get_params(deep=False).items()}
    names = getattr(model, "feature_names_in_", None)
    state["feature_names"] = None if names is None else [str(name) for name in names]
    state["group_names"] = list(model.alphas_per_group_)
    arrays["alphas"] = np.array(list(model.alphas_per_group_.values()), dtype=float)
    state["classes"] = labels_record(model.classes_) if hasattr(model, "classes_") else None
    state["tuning"] = None
    if model.tuning_ is not None:
        state["tuning"], arrays["path"] = tuning_record_of(model.tuning_)
    return ModelState(type(model).__name__, state, arrays)


def read_model(model_class: type, saved: ModelState) -> Any:
    """The model that ``write_model`` wrote.

    Returns
    -------
    model : model_class

    Raises
    ------
    ModelFileError
        If something is missing or is not what it should be.
    """
    try:
        return _read_model(model_class, saved)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ModelFileError(
            f"the saved {saved.kind} lacks a part or holds a wrong one "
            f"({type(error).__name__}: {error}). Save the model again with this derivata."
        ) from error


def _read_model(model_class: type, saved: ModelState) -> Any:
    state, arrays = saved.state, saved.arrays
    parameters = {name: value_from_plain(v) for name, v in state["parameters"].items()}
    model = model_class(**parameters)
    for name in _VALUES:
        setattr(model, name, state[name])
    for name in _ARRAYS:
        setattr(model, name, arrays.get(name.lstrip("_")))
    n_outputs, n_features = arrays["output_coef"].shape
    if n_features != state["n_features_in_"] or arrays["output_intercept"].shape != (n_outputs,):
        raise ValueError("coefficients do not fit the number of features")
    if state["feature_names"] is not None:
        model.feature_names_in_ = np.array(state["feature_names"], dtype=object)
    alphas = arrays["alphas"]
    model.alphas_per_group_ = {
        str(name): float(a) for name, a in zip(state["group_names"], alphas, strict=True)
    }
    model.alpha_ = float(alphas[0]) if len(alphas) == 1 else alphas
    model.tuning_ = None
    if state["tuning"] is not None:
        model.tuning_ = tuning_from_record(state["tuning"], arrays["path"])
    if state["classes"] is not None:
        model.classes_ = labels_from_record(state["classes"])
    model._publish()
    return model


def plain_value(value: Any) -> Any:
    """A constructor argument as JSON: parts of ours by name and fields, arrays as lists."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if type(value).__name__ in _PARTS and isinstance(value, _PARTS[type(value).__name__]):
        own = {f.name: getattr(value, f.name) for f in fields(value)}
        return {"part": type(value).__name__, "fields": own}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {"pairs": [[plain_value(k), plain_value(v)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)) or hasattr(value, "__array__"):  # a column of a table too
        return [plain_value(item) for item in value]
    return None


def value_from_plain(value: Any) -> Any:
    """What ``plain_value`` wrote."""
    if isinstance(value, dict) and "part" in value:
        return _PARTS[value["part"]](**value["fields"])
    if isinstance(value, dict):
        return {value_from_plain(k): value_from_plain(v) for k, v in value["pairs"]}
    if isinstance(value, list):
        return [value_from_plain(item) for item in value]
    return value


def labels_record(classes: Array) -> dict[str, Any]:
    """Class labels with their type, as plain JSON."""
    if classes.dtype.kind not in "biufUO":
        raise InvalidParameter(
            f"the class labels are of type {classes.dtype}, which a model file does not hold. Fit "
            "with text or numbers: `y.astype(str)`."
        )
    kind = "object" if classes.dtype.kind == "O" else classes.dtype.str
    return {"labels": [plain_value(label) for label in classes.tolist()], "dtype": kind}


def labels_from_record(record: dict[str, Any]) -> Array:
    """What ``labels_record`` wrote."""
    return np.array(record["labels"], dtype=record["dtype"])


def tuning_record_of(tuning: Tuning) -> tuple[dict[str, Any], Array]:
    """A tuning as plain JSON, and its path as an array."""
    written = {
        f.name: getattr(tuning, f.name) for f in fields(tuning) if f.name not in ("path", "outer")
    }
    written["at_bound"] = [list(pair) for pair in tuning.at_bound]
    written["outer"] = None if tuning.outer is None else asdict(tuning.outer)
    written = {name: None if value == np.inf else value for name, value in written.items()}
    if written["optimism"] is not None and np.isnan(written["optimism"]):
        written["optimism"] = None
    rows = [np.r_[step.criterion, step.gradient_norm, step.hyper] for step in tuning.path]
    return written, np.array(rows)


def tuning_from_record(written: dict[str, Any], rows: Array) -> Tuning:
    """What ``tuning_record_of`` wrote."""
    values = dict(written)
    values["path"] = tuple(TuneStep(row[2:], float(row[0]), float(row[1])) for row in rows)
    values["at_bound"] = tuple((str(name), str(side)) for name, side in values["at_bound"])
    values["outer"] = None if values["outer"] is None else OuterScore(**values["outer"])
    if values["optimism"] is None:  # it was not estimated
        values["optimism"] = np.nan
    if values["guard_strength"] is None:  # JSON has no infinity: an infinite guard ties penalties
        values["guard_strength"] = np.inf
    return Tuning(**values)
