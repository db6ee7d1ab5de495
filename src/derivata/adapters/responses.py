"""From outputs to what users predict: means or probabilities, and the metrics that judge them.

A metric is a loss a row, smaller is better, of the outputs (n, k) and the targets: leave-one-out
averages it over rows, whatever the model was fitted by.

Maths: docs/math/certified_leave_one_out.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter

# What rounding may make of a probability, so that a logarithm of it is a number.
LEAST_PROBABILITY = 1e-300


@dataclass(frozen=True, eq=False)
class Response:
    """What outputs mean.

    Attributes
    ----------
    mean : callable
        Outputs (n, k) -> means (n,), or probabilities (n, n_classes).
    classes : array or None
        The labels, in the order of the probabilities; ``y`` of the objective are their numbers.
    """

    mean: Callable[[Array], Array]
    classes: Any = None

    @property
    def is_classifier(self) -> bool:
        """Whether targets are labels."""
        return self.classes is not None

    def metric(self, name: str) -> Callable[[Array, Array], Array]:
        """A loss a row by name: (y, outputs) -> (n,).

        Of classifiers "log_loss", "brier" (summed over classes but halved, so that it is the usual
        one for two) and "error" (1 where the likeliest class is wrong); of the others "squared"
        (of the mean) and "absolute".

        Raises
        ------
        InvalidParameter               naming those there are
        """
        table = _CLASS_METRICS if self.is_classifier else _MEAN_METRICS
        if name not in table:
            raise InvalidParameter(
                f"`metric` is {name!r}; for this model it may be {', '.join(map(repr, table))}, or "
                "a callable (y, prediction) -> one number a row."
            )
        chosen = table[name]
        return lambda y, outputs: chosen(y, self.mean(outputs))


def _log_loss(y: Array, probability: Array) -> Array:
    own = probability[np.arange(len(y)), y.astype(int)]
    return -np.log(np.maximum(own, LEAST_PROBABILITY))


def _brier(y: Array, probability: Array) -> Array:
    hit = y.astype(int)[:, None] == np.arange(probability.shape[1])
    return 0.5 * ((probability - hit) ** 2).sum(axis=1)


def _error(y: Array, probability: Array) -> Array:
    return (probability.argmax(axis=1) != y).astype(float)


_CLASS_METRICS = {"log_loss": _log_loss, "brier": _brier, "error": _error}
_MEAN_METRICS = {
    "squared": lambda y, mean: (y - mean) ** 2,
    "absolute": lambda y, mean: np.abs(y - mean),
}
