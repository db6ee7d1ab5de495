"""From outputs to what is explained: the mean, probabilities, or log-odds of averaged networks.

    identity   mu = z                  exponential   mu = exp z
    logistic   p = 1 / (1 + exp -z)    softmax       p_a = exp z_a / sum_b exp z_b

and for several networks, whose outputs z_1 ... z_M lie side by side,

    mean of outputs     1/M sum_m z_m
    mean of responses   1/M sum_m mu(z_m)
    log-odds of those   log p - log(1 - p);  with K classes log p_a - 1/K sum_b log p_b

Each gives its value and its Jacobian, rows apart: (n, k) -> (n, q) and (n, q, k).

Maths: docs/math/attribution.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import expit

from derivata.contracts import Array

# exp(709) is the largest double.
LARGEST_EXPONENT = 709.0
# What rounding may make of a probability, so that a logarithm of it is a number.
LEAST_PROBABILITY = 1e-300


class Link(Protocol):
    """A smooth function of the outputs of each row."""

    @property
    def is_linear(self) -> bool:
        """Whether its Jacobian is the same everywhere."""
        ...

    @property
    def is_elementwise(self) -> bool:
        """Whether each value depends on the output of its own place alone."""
        ...

    def value(self, outputs: Array) -> Array:
        """Outputs (n, k) -> values (n, q)."""
        ...

    def jacobian(self, outputs: Array) -> Array:
        """Derivatives (n, q, k) at outputs (n, k)."""
        ...


@dataclass(frozen=True)
class Identity:
    """What is explained are the outputs."""

    is_linear = True
    is_elementwise = True

    def value(self, outputs: Array) -> Array:
        """The outputs."""
        return outputs

    def jacobian(self, outputs: Array) -> Array:
        """Ones on the diagonal."""
        return _diagonal(np.ones_like(outputs))


@dataclass(frozen=True)
class Exponential:
    """Means of a log link; cut off at the largest double."""

    is_linear = False
    is_elementwise = True

    def value(self, outputs: Array) -> Array:
        """exp z."""
        return np.exp(np.minimum(outputs, LARGEST_EXPONENT))

    def jacobian(self, outputs: Array) -> Array:
        """exp z on the diagonal."""
        return _diagonal(self.value(outputs))


@dataclass(frozen=True)
class Logistic:
    """The probability of the second of two classes, or of each of several labels."""

    is_linear = False
    is_elementwise = True

    def value(self, outputs: Array) -> Array:
        """1 / (1 + exp -z)."""
        return expit(outputs)

    def jacobian(self, outputs: Array) -> Array:
        """p (1 - p) on the diagonal."""
        return _diagonal(expit(outputs) * expit(-outputs))


@dataclass(frozen=True)
class Softmax:
    """Probabilities of classes from their scores."""

    is_linear = False
    is_elementwise = False

    def value(self, outputs: Array) -> Array:
        """exp z_a over the sum of all."""
        odds = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def jacobian(self, outputs: Array) -> Array:
        """p_a ([a = b] - p_b)."""
        share = self.value(outputs)
        return _diagonal(share) - share[:, :, None] * share[:, None, :]


@dataclass(frozen=True)
class MeanOfOutputs:
    """The average over networks of what they give."""

    n_members: int
    is_linear = True
    is_elementwise = False

    def value(self, outputs: Array) -> Array:
        """(n, M k) -> (n, k)."""
        return _members(outputs, self.n_members).mean(axis=1)

    def jacobian(self, outputs: Array) -> Array:
        """1/M beside each other."""
        k = outputs.shape[1] // self.n_members
        each = np.tile(np.eye(k) / self.n_members, self.n_members)
        return np.broadcast_to(each, (len(outputs), *each.shape))


@dataclass(frozen=True)
class MeanOfResponses:
    """The average over networks of their probabilities or means."""

    link: Link
    n_members: int
    is_linear = False
    is_elementwise = False

    def value(self, outputs: Array) -> Array:
        """(n, M k) -> (n, q)."""
        each = _members(outputs, self.n_members)
        n, m, k = each.shape
        return self.link.value(each.reshape(n * m, k)).reshape(n, m, -1).mean(axis=1)

    def jacobian(self, outputs: Array) -> Array:
        """Each network's own over M, beside each other."""
        each = _members(outputs, self.n_members)
        n, m, k = each.shape
        own = self.link.jacobian(each.reshape(n * m, k)).reshape(n, m, -1, k)
        return own.transpose(0, 2, 1, 3).reshape(n, -1, m * k) / m


@dataclass(frozen=True)
class LogOddsOfMean:
    """Log-odds of the average probability of the second of two classes."""

    n_members: int
    is_linear = False
    is_elementwise = False

    def value(self, outputs: Array) -> Array:
        """(n, M) -> (n, 1)."""
        second, first = self._both(outputs)
        return np.log(second) - np.log(first)

    def jacobian(self, outputs: Array) -> Array:
        """p_m (1 - p_m) / M over each of the two averages."""
        second, first = self._both(outputs)
        own = expit(outputs) * expit(-outputs) / self.n_members
        return (own * (1.0 / second + 1.0 / first))[:, None, :]

    def _both(self, outputs: Array) -> tuple[Array, Array]:
        """Averages of the second and of the first class, each by itself for its digits."""
        both = (expit(side).mean(axis=1, keepdims=True) for side in (outputs, -outputs))
        second, first = (np.maximum(one, LEAST_PROBABILITY) for one in both)
        return second, first


@dataclass(frozen=True)
class ScoresOfMean:
    """Logs of the average probabilities of K classes less the mean of those logs."""

    n_members: int
    is_linear = False
    is_elementwise = False

    def value(self, outputs: Array) -> Array:
        """(n, M K) -> (n, K)."""
        logs = np.log(self._shares(outputs))
        return logs - logs.mean(axis=1, keepdims=True)

    def jacobian(self, outputs: Array) -> Array:
        """Of each log, less the mean of all."""
        of_shares = MeanOfResponses(Softmax(), self.n_members).jacobian(outputs)
        of_logs = of_shares / self._shares(outputs)[:, :, None]
        return of_logs - of_logs.mean(axis=1, keepdims=True)

    def _shares(self, outputs: Array) -> Array:
        shares = MeanOfResponses(Softmax(), self.n_members).value(outputs)
        return np.maximum(shares, LEAST_PROBABILITY)


@dataclass(frozen=True)
class Composed:
    """One link after another."""

    outer: Link
    inner: Link
    is_elementwise = False

    @property
    def is_linear(self) -> bool:
        """Whether both are."""
        return self.outer.is_linear and self.inner.is_linear

    def value(self, outputs: Array) -> Array:
        """outer(inner(z))."""
        return self.outer.value(self.inner.value(outputs))

    def jacobian(self, outputs: Array) -> Array:
        """The chain rule."""
        return self.outer.jacobian(self.inner.value(outputs)) @ self.inner.jacobian(outputs)


def _diagonal(slopes: Array) -> Array:
    n, k = slopes.shape
    result = np.zeros((n, k, k))
    result[:, np.arange(k), np.arange(k)] = slopes
    return result


def _members(outputs: Array, n_members: int) -> Array:
    return outputs.reshape(len(outputs), n_members, -1)
