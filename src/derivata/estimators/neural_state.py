"""A neural estimator as plain values and back: names, JSON and arrays, never code.

How it was trained is not kept, what came of it is: a loaded model predicts, and its ``training``,
``method`` and ``checkpoint`` parameters are None.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import ModelFileError
from derivata.estimators.neural_inputs import InputEncoder
from derivata.estimators.neural_model import NetworkModel, loss_name, loss_named
from derivata.estimators.state import (
    labels_from_record,
    labels_record,
    plain_value,
    value_from_plain,
)
from derivata.files.model_state import ModelState
from derivata.neural.activations import ACTIVATIONS
from derivata.neural.history import History
from derivata.neural.network import Network, Params

# Parameters of the estimator that were needed to fit, not to predict.
FORGOTTEN = ("training", "method", "checkpoint", "activation")


def write_neural(estimator: Any) -> ModelState:
    """All that a fitted neural estimator remembers."""
    model: NetworkModel = estimator.model_
    history, arrays = estimator.history_.to_dict()
    arrays = {f"history/{name}": array for name, array in arrays.items()}
    for number, member in enumerate(model.members):
        arrays |= {f"members/{number}/{name}": leaf for name, leaf in _leaves(member)}
    parameters = estimator.get_params(deep=False) | dict.fromkeys(FORGOTTEN)
    state: dict[str, Any] = {
        "encoder": model.encoder.to_dict(),
        "network": _network_record(model.network),
        "loss": loss_name(model.loss),
        "n_members": len(model.members),
        "center": model.center,
        "scale": model.scale,
        "history": history,
        "notes": list(estimator.notes_),
        "n_features_in": estimator.n_features_in_,
        "parameters": {name: plain_value(value) for name, value in parameters.items()},
        "classes": labels_record(estimator.classes_) if hasattr(estimator, "classes_") else None,
    }
    names = getattr(estimator, "feature_names_in_", None)
    state["feature_names"] = None if names is None else [str(name) for name in names]
    return ModelState(type(estimator).__name__, state, arrays)


def read_neural(estimator_class: type, saved: ModelState) -> Any:
    """The estimator that ``write_neural`` wrote.

    Raises
    ------
    ModelFileError                 if something is missing or is not what it should be
    """
    try:
        return _read(estimator_class, saved)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(
            f"the saved {saved.kind} lacks a part or holds a wrong one "
            f"({type(error).__name__}: {error}). Save the model again with this derivata."
        ) from error


def _read(estimator_class: type, saved: ModelState) -> Any:
    state, arrays = saved.state, saved.arrays
    encoder = InputEncoder.from_dict(state["encoder"])
    network = _network_from(state["network"])
    if (encoder.n_numbers, encoder.levels) != (network.n_numbers, network.levels):
        raise ValueError("the network does not fit its columns")
    classes = None if state["classes"] is None else labels_from_record(state["classes"])
    loss = loss_named(state["loss"], 0 if classes is None else len(classes))
    if loss.n_outputs != network.n_outputs or (classes is None) != (state["loss"] == "squared"):
        raise ValueError("the network's outputs do not fit its target")
    members = tuple(
        _member(network, f"members/{number}", arrays) for number in range(state["n_members"])
    )
    if not members:
        raise ValueError("there is no member")
    parameters = {name: value_from_plain(value) for name, value in state["parameters"].items()}
    parameters["hidden"] = tuple(parameters["hidden"])
    estimator = estimator_class(**parameters)
    estimator.n_features_in_ = int(state["n_features_in"])
    if state["feature_names"] is not None:
        estimator.feature_names_in_ = np.array(state["feature_names"], dtype=object)
    if classes is not None:
        estimator.classes_ = classes
    estimator.model_ = NetworkModel(
        encoder, network, loss, members, float(state["center"]), float(state["scale"])
    )
    histories = {
        name.removeprefix("history/"): array
        for name, array in arrays.items()
        if name.startswith("history/")
    }
    estimator.history_ = History.from_dict(state["history"], histories)
    estimator.notes_ = tuple(str(note) for note in state["notes"])
    estimator._publish()
    return estimator


def _network_record(network: Network) -> dict[str, Any]:
    return {
        "n_numbers": network.n_numbers,
        "n_outputs": network.n_outputs,
        "hidden": list(network.hidden),
        "levels": list(network.levels),
        "widths": list(network.widths),
        "activation": type(network.activation).__name__,
        "scaled": network.scaled,
    }


def _network_from(record: dict[str, Any]) -> Network:
    activations = {activation.__name__: activation for activation in ACTIVATIONS}
    values = dict(record)
    values["activation"] = activations[record["activation"]]()
    for name in ("hidden", "levels", "widths"):
        values[name] = tuple(record[name])
    return Network(**values)


def _leaves(params: Params) -> list[tuple[str, Array]]:
    found = [
        (f"layers/{number}/{name}", layer[name])
        for number, layer in enumerate(params["layers"])
        for name in ("weight", "bias")
    ]
    found += [(f"embeddings/{place}", table) for place, table in enumerate(params["embeddings"])]
    return found + ([("scale", params["scale"])] if "scale" in params else [])


def _member(network: Network, prefix: str, arrays: dict[str, Array]) -> Params:
    params = network.init(np.random.default_rng(0))
    for name, expected in _leaves(params):
        found = arrays[f"{prefix}/{name}"]
        if found.shape != expected.shape or found.dtype != expected.dtype:
            raise ValueError(f"{prefix}/{name} has another shape or type than its network")
        expected[...] = found
    return params
