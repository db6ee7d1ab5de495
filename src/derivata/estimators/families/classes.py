"""Classes: two by their log-odds, more by contrasts of scores.

    logistic   P(y = 1) = 1 / (1 + exp(-z))
    softmax    P(y = a) = exp(t_a) / sum_b exp(t_b),    t = z Q    (contrasts of the loss)

What is uncertain about a class is its probability: intervals are of that, from the normal posterior
of its log-odds. For softmax the log-odds of class a against the rest vary as the gradient

    d log(p_a / (1 - p_a)) / d t = (e_a - p) / (1 - p_a)

Maths: docs/math/families.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from derivata.contracts import Array
from derivata.errors import ShapeMismatch
from derivata.estimators.families.common import FamilyOfLoss, normal_interval, two_sided
from derivata.losses import LogisticLoss, SoftmaxLoss


@dataclass(frozen=True)
class LogisticFamily(FamilyOfLoss):
    """Two classes, coded 0 and 1."""

    name = "logistic"
    classifies = True

    def loss(self) -> LogisticLoss:
        """Minus the log of the class's probability."""
        return LogisticLoss()

    def mean(self, outputs: Array) -> Array:
        """Probabilities of both classes, (n, 2)."""
        return np.column_stack([expit(-outputs[:, 0]), expit(outputs[:, 0])])

    def interval(
        self, outputs: Array, output_variance: Array, dispersion: float, level: float
    ) -> tuple[Array, Array]:
        """Of the probability of the second class, (n,)."""
        lower, upper = normal_interval(outputs[:, 0], output_variance, level)
        return expit(lower), expit(upper)


@dataclass(frozen=True)
class SoftmaxFamily(FamilyOfLoss):
    """Classes coded 0 ... n_classes - 1.

    Parameters
    ----------
    n_classes : int
        At least 2.
    """

    n_classes: int
    name = "softmax"
    classifies = True

    def __post_init__(self) -> None:
        self.loss()  # refuses fewer than two classes

    def loss(self) -> SoftmaxLoss:
        """Minus the log of the class's probability."""
        return SoftmaxLoss(self.n_classes)

    def mean(self, outputs: Array) -> Array:
        """Probabilities, (n, n_classes)."""
        scores = outputs @ self.loss().contrasts
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def interval(
        self, outputs: Array, output_variance: Array, dispersion: float, level: float
    ) -> tuple[Array, Array]:
        """Of every class's probability, (n, n_classes), from covariances (n, k, k) of outputs."""
        n_rows, n_outputs = outputs.shape
        if output_variance.shape != (n_rows, n_outputs, n_outputs):
            raise ShapeMismatch(
                f"`output_variance` has shape {output_variance.shape}; softmax needs the "
                f"covariances of {n_outputs} outputs a row, ({n_rows}, {n_outputs}, {n_outputs})."
            )
        contrasts = self.loss().contrasts
        probability = self.mean(outputs)
        others = np.maximum(1.0 - probability, np.finfo(float).tiny)
        lower, upper = np.empty_like(probability), np.empty_like(probability)
        for own in range(self.n_classes):
            by_score = -probability / others[:, own, None]
            by_score[:, own] = 1.0
            by_output = by_score @ contrasts.T
            variance = np.einsum("na,nab,nb->n", by_output, output_variance, by_output)
            reach = two_sided(level) * np.sqrt(np.maximum(variance, 0.0))
            own_share = np.maximum(probability[:, own], np.finfo(float).tiny)
            log_odds = np.log(own_share) - np.log(others[:, own])
            lower[:, own], upper[:, own] = expit(log_odds - reach), expit(log_odds + reach)
        return lower, upper


def class_family(n_classes: int) -> LogisticFamily | SoftmaxFamily:
    """The family of so many classes."""
    return LogisticFamily() if n_classes == 2 else SoftmaxFamily(n_classes)
