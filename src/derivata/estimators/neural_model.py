"""A fitted network or several, without an estimator's face: what predicts and what is saved.

    outputs = mean over members of network(member, encoder(table))        regression, standardised
    P(class) = mean over members of softmax(...)                          classes

Prediction is NumPy in float64 on the float32 weights: it needs no JAX, compiles nothing, and what
it says of a row does not depend on the rows beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from derivata.contracts import Array
from derivata.estimators.neural_inputs import InputEncoder
from derivata.losses.classification import helmert
from derivata.neural.losses import ManyClasses, NetworkLoss, SquaredError, TwoClasses
from derivata.neural.network import Inputs, Network, Params
from derivata.tables import Table

# Rows a block of prediction: the widest layer's values stay within some tens of MB.
BLOCK_ROWS = 8192


@dataclass(frozen=True, eq=False)
class NetworkModel:
    """Fitted networks on a table's columns.

    Parameters
    ----------
    encoder : InputEncoder
    network : Network
    loss : NetworkLoss
    members : tuple of trees       float32 parameters, one tree each
    center, scale : float          of the target: outputs are (y - center) / scale
    """

    encoder: InputEncoder
    network: Network
    loss: NetworkLoss
    members: tuple[Params, ...]
    center: float = 0.0
    scale: float = 1.0

    def member_outputs(self, table: Table) -> Array:
        """Outputs of each member, (n_members, n_rows, n_outputs)."""
        inputs = self.encoder.encode(table)
        return np.stack([self._outputs(_in_float64(member), inputs) for member in self.members])

    def means(self, table: Table) -> Array:
        """Expected targets, (n_rows,)."""
        return self.center + self.scale * self.member_outputs(table)[:, :, 0].mean(axis=0)

    def probabilities(self, table: Table) -> Array:
        """Class probabilities, (n_rows, n_classes)."""
        outputs = self.member_outputs(table)
        if isinstance(self.loss, ManyClasses):
            each = softmax(outputs @ helmert(self.loss.n_classes), axis=2)
            return each.mean(axis=0)
        second = expit(outputs[:, :, 0]).mean(axis=0)
        first = expit(-outputs[:, :, 0]).mean(axis=0)
        return np.column_stack([first, second])

    def _outputs(self, params: Params, inputs: Inputs) -> Array:
        blocks = [
            self.network.apply(params, inputs.take(slice(start, start + BLOCK_ROWS)))
            for start in range(0, inputs.n_rows, BLOCK_ROWS)
        ]
        return np.concatenate(blocks)


def loss_named(name: str, n_classes: int) -> NetworkLoss:
    """The loss of a saved model."""
    losses: dict[str, Any] = {"squared": SquaredError(), "two": TwoClasses()}
    return losses[name] if name in losses else ManyClasses(n_classes)


def loss_name(loss: NetworkLoss) -> str:
    """How a saved model calls its loss."""
    if isinstance(loss, ManyClasses):
        return "many"
    return "squared" if isinstance(loss, SquaredError) else "two"


def _in_float64(params: Params) -> Params:
    tree: Params = {
        "layers": [
            {name: array.astype(float) for name, array in layer.items()}
            for layer in params["layers"]
        ],
        "embeddings": [table.astype(float) for table in params["embeddings"]],
    }
    if "scale" in params:
        tree["scale"] = params["scale"].astype(float)
    return tree
