"""Rows to train on or to be judged by, and their division into the two."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from derivata.contracts import Array
from derivata.neural.network import Inputs


class Rows(NamedTuple):
    """Rows to learn from or to be judged by; a tree for JAX.

    Parameters
    ----------
    inputs : Inputs
    targets : array (n, m)         as `NetworkLoss.targets` makes them
    weight : array (n,)            of mean 1
    """

    inputs: Inputs
    targets: Any
    weight: Any

    @property
    def n_rows(self) -> int:
        """How many rows it has."""
        return len(self.weight)

    def take(self, rows: Any) -> Rows:
        """The chosen rows, by index or slice."""
        return Rows(self.inputs.take(rows), self.targets[rows], self.weight[rows])


def held_apart(
    n_rows: int, share: float, rng: np.random.Generator, labels: Array | None = None
) -> tuple[Array, Array]:
    """Row numbers to train on and to hold out, each in order.

    Parameters
    ----------
    n_rows : int                   at least 2
    share : float                  of rows to hold out, in (0, 1): at least one, and not all
    rng : numpy.random.Generator
    labels : array (n_rows,), optional
        Class codes: each class is divided by itself, and keeps a row to train on.

    Returns
    -------
    training, held_out : arrays of int
    """
    codes = np.zeros(n_rows, np.intp) if labels is None else labels.astype(np.intp)
    order = rng.permutation(n_rows)
    held: list[Array] = []
    # Rounding the running sum, not each class, holds out the asked share of all rows.
    due = 0.0
    for code in np.unique(codes):
        own = order[codes[order] == code]
        due += share * len(own)
        n_held = min(round(due), len(own) - 1)
        due -= n_held
        held.append(own[:n_held])
    held_out = np.sort(np.concatenate(held))
    if not len(held_out):
        held_out = order[:1]
    return np.setdiff1d(np.arange(n_rows), held_out), held_out
