"""Unfinished training in a file, to go on with later as if nothing had happened.

    Checkpoint("run/training.derivata")

The file is written whole or not at all, every so many seconds and at the end, in the format of
model files. It holds everything that the next step depends on but the data: parameters, the
solver's state, the best weights, the history. Orders of rows and dropout are drawn from the seed
and the number of the epoch, so resumed training gives the bits of the uninterrupted one.

A checkpoint goes on only with what it began with: a hash of data, network, settings, seed and the
versions of derivata and JAX stands in it, and what differs is named.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np

from derivata.contracts import Array
from derivata.errors import ModelFileError
from derivata.files.model_file import read_state, write_state
from derivata.files.model_state import ModelState
from derivata.neural.epochs import Carry
from derivata.neural.history import History
from derivata.neural.losses import NetworkLoss
from derivata.neural.network import Network, Params
from derivata.neural.rows import Rows
from derivata.neural.settings import Training

KIND = "TrainingCheckpoint"

Mark = dict[str, str]
"""What a training began with: a short text or hash of each part."""


@dataclass(eq=False)
class Checkpoint:
    """A file to keep training in.

    Parameters
    ----------
    path : path-like               its folder must exist
    seconds : float                write when so many have passed, and at the end
    """

    path: str | os.PathLike[str]
    seconds: float = 30.0
    _written: float = field(default_factory=time.monotonic, init=False, repr=False)

    def member(self, number: int) -> Checkpoint:
        """The file of one network of several, beside this one: ``path`` and its number."""
        return Checkpoint(f"{os.fspath(self.path)}.{number}", self.seconds)

    def keep(self, mark: Mark, carry: Carry, history: History) -> None:
        """Write, if it is time or training is over.

        Raises
        ------
        ModelFileError                 if the file cannot be written; says why, and the cure
        """
        if not history.reason and time.monotonic() - self._written < self.seconds:
            return
        record, arrays = history.to_dict()
        arrays = {f"history/{name}": array for name, array in arrays.items()}
        arrays |= {name: _stored(leaf) for name, leaf in _named(carry)}
        write_state(self.path, ModelState(KIND, {"mark": mark, "history": record}, arrays))
        self._written = time.monotonic()

    def resume(self, mark: Mark, carry: Carry) -> tuple[Carry, History] | None:
        """What is in the file; None if there is none.

        Parameters
        ----------
        mark : dict
            Of the training that is about to begin.
        carry : Carry
            Where it would start: the shapes of what must be in the file.

        Raises
        ------
        ModelFileError
            If the file is damaged, something else, or of other data, settings or versions.
        """
        if not Path(self.path).exists():
            return None
        saved = read_state(self.path)
        if saved.kind != KIND:
            raise ModelFileError(
                f"{str(self.path)!r} holds a {saved.kind}, not unfinished training. Give another "
                "path for the checkpoint; a model is loaded with `derivata.load`."
            )
        other = [part for part, value in mark.items() if saved.state["mark"].get(part) != value]
        if other:
            raise ModelFileError(
                f"{str(self.path)!r} is a checkpoint of other training: its {' and '.join(other)} "
                f"{'differ' if len(other) > 1 else 'differs'} from what is to be trained now. "
                "Delete it to begin anew, or give another path."
            )
        try:
            found = {
                name.removeprefix("history/"): array
                for name, array in saved.arrays.items()
                if name.startswith("history/")
            }
            history = History.from_dict(saved.state["history"], found)
            leaves = [_restored(saved.arrays[name], leaf) for name, leaf in _named(carry)]
        except (KeyError, ValueError, TypeError) as error:
            raise ModelFileError(
                f"{str(self.path)!r} lacks a part or holds a wrong one ({error}). Delete it to "
                "begin anew."
            ) from error
        if history.reason == "interrupted":
            history = history.ended("")
        return jax.tree.unflatten(jax.tree.structure(carry), leaves), history


def fingerprint(
    network: Network,
    loss: NetworkLoss,
    rows: Rows,
    held_out: Rows | None,
    settings: Training,
    seed: int,
    start: Params,
) -> Mark:
    """What a training begins with, in short."""
    return {
        "data": _hash((rows, held_out)),
        "network": f"{network!r} {loss!r}",
        "settings": repr(settings),
        "seed": str(seed),
        "first weights": _hash(start),
        "version": f"derivata {_version('derivata')}, jax {jax.__version__}",
    }


def _hash(tree: Any) -> str:
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _named(carry: Carry) -> list[tuple[str, Any]]:
    found = jax.tree_util.tree_flatten_with_path(carry)[0]
    return [
        (jax.tree_util.keystr(path, simple=True, separator="/").replace("~", "-"), leaf)
        for path, leaf in found
    ]


def _stored(leaf: Any) -> Array:
    array = np.asarray(leaf)
    return array.astype(np.int64) if array.dtype.kind == "i" else array


def _restored(array: Array, leaf: Any) -> Any:
    if array.shape != np.shape(leaf):
        raise ValueError(f"an array of shape {array.shape} where {np.shape(leaf)} is due")
    return array.astype(leaf.dtype)
