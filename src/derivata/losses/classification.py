"""Losses of a class label, in nats: logistic for two classes, softmax for more.

    logistic   log(1 + exp(z)) - y z,                     y in [0, 1]
    softmax    logsumexp(z Q) - (z Q)_y,                  y in {0, ..., K - 1}

Softmax has K - 1 outputs, not K: adding a constant to all K scores changes nothing, so scores are
written z Q with the K - 1 orthonormal rows of Q orthogonal to the constant vector. As Q Q^T = I,
a ridge on the coefficients of z equals the same ridge on those of the K scores, whose minimiser
sums to zero over classes: nothing is lost, the Hessian has no null direction, and there are
K (K - 1) / 2 blocks of it to form instead of K (K + 1) / 2.

Maths: docs/math/losses.md
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.special import entr

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.lazy import lazy
from derivata.losses.targets import require, require_finite


@dataclass(frozen=True)
class LogisticLoss:
    """Minus the log-likelihood of a Bernoulli target; z is the log-odds."""

    name = "logistic"
    n_outputs = 1
    curvature_is_constant = False
    scale_is_free = False
    targets_are_classes = True

    def at(self, y: Array, outputs: Array) -> _LogisticRows:
        """Derivatives at log-odds (n, 1)."""
        return _LogisticRows(y, outputs[:, 0])

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """Log-odds of the weighted share of ones."""
        share = np.clip(np.average(y, weights=weight), 1e-12, 1 - 1e-12)
        return np.array([np.log(share / (1 - share))])

    def saturated(self, y: Array) -> Array:
        """The entropy of a share, where the probability is y itself: zero for labels; (n,)."""
        return entr(y) + entr(1.0 - y)

    def validate(self, y: Array) -> None:
        """Refuse targets outside [0, 1]."""
        require_finite(y)
        require(y, (y >= 0) & (y <= 1), "the logistic loss needs targets in [0, 1]", "Encode them.")


class _LogisticRows:
    def __init__(self, y: Array, outputs: Array):
        self.y, self.outputs = y, outputs
        # exp(-|z|) <= 1 cannot overflow and serves value, probability and both higher orders.
        self.exponential = np.exp(-np.abs(outputs))
        smaller = self.exponential / (1.0 + self.exponential)
        self.probability = np.where(outputs >= 0, 1.0 - smaller, smaller)
        self.smaller = smaller

    @lazy
    def value(self) -> Array:
        return np.maximum(self.outputs, 0.0) - self.y * self.outputs + np.log1p(self.exponential)

    @lazy
    def gradient(self) -> Array:
        return (self.probability - self.y)[:, None]

    @lazy
    def hessian(self) -> Array:
        # p (1 - p) from the smaller of the two, which keeps its digits when p rounds to 1.
        return (self.smaller * (1.0 - self.smaller))[:, None, None]

    def third(self, matrices: Array) -> Array:
        return (self._third * matrices[:, 0, 0])[:, None]

    @lazy
    def _third(self) -> Array:
        return self.hessian[:, 0, 0] * (1.0 - 2.0 * self.probability)

    def cubic(self, directions: Array) -> Array:
        return self._third * directions[:, 0] * directions[:, 0] * directions[:, 0]


@dataclass(frozen=True)
class SoftmaxLoss:
    """Minus the log-likelihood of a categorical target with ``n_classes`` classes.

    Parameters
    ----------
    n_classes : int
        At least 2.
    """

    n_classes: int
    contrasts: Array = field(init=False, repr=False, compare=False)  # Q, (K - 1, K)
    name = "softmax"
    curvature_is_constant = False
    scale_is_free = False
    targets_are_classes = True

    def __post_init__(self) -> None:
        if self.n_classes < 2:
            raise InvalidParameter(f"`n_classes` is {self.n_classes}; it must be at least 2.")
        object.__setattr__(self, "contrasts", helmert(self.n_classes))

    @property
    def n_outputs(self) -> int:
        """K - 1."""
        return self.n_classes - 1

    @lazy
    def contrast_squares(self) -> Array:
        """Q_ac Q_bc as (K, (K - 1)^2), so that Q diag(v) Q^T is one matrix product."""
        squares = self.contrasts[:, None, :] * self.contrasts[None, :, :]
        return np.ascontiguousarray(squares.reshape(-1, self.n_classes).T)

    def at(self, y: Array, outputs: Array) -> _SoftmaxRows:
        """Derivatives at contrasts of scores, (n, K - 1)."""
        return _SoftmaxRows(self, y.astype(np.intp), outputs)

    def null_outputs(self, y: Array, weight: Array) -> Array:
        """Contrasts of the log of the weighted class shares."""
        shares = np.bincount(y.astype(np.intp), weight, minlength=self.n_classes) / weight.sum()
        return self.contrasts @ np.log(np.maximum(shares, 1e-12))

    def saturated(self, y: Array) -> Array:
        """Zero, which the loss nears as the class becomes certain; (n,)."""
        return np.zeros(len(y))

    def validate(self, y: Array) -> None:
        """Refuse anything but integers 0 ... K - 1."""
        require_finite(y)
        legal = (y >= 0) & (y < self.n_classes) & (y == np.floor(y))
        require(y, legal, f"softmax needs labels 0 ... {self.n_classes - 1}", "Encode the labels.")


class _SoftmaxRows:
    def __init__(self, loss: SoftmaxLoss, labels: Array, outputs: Array):
        self.loss, self.labels = loss, labels
        scores = outputs @ loss.contrasts
        scores -= scores.max(axis=1, keepdims=True)
        self.exponential = np.exp(scores)
        self.total = self.exponential.sum(axis=1)
        self.probability = self.exponential / self.total[:, None]
        self.own_score = scores[np.arange(len(labels)), labels]

    @lazy
    def value(self) -> Array:
        return np.log(self.total) - self.own_score

    @lazy
    def gradient(self) -> Array:
        residual = self.probability.copy()
        residual[np.arange(len(self.labels)), self.labels] -= 1.0
        return residual @ self.loss.contrasts.T

    @lazy
    def mean_contrast(self) -> Array:
        return self.probability @ self.loss.contrasts.T

    @lazy
    def hessian(self) -> Array:
        # Q (diag p - p p^T) Q^T
        n_outputs = self.loss.n_outputs
        blocks = (self.probability @ self.loss.contrast_squares).reshape(-1, n_outputs, n_outputs)
        return blocks - self.mean_contrast[:, :, None] * self.mean_contrast[:, None, :]

    def third(self, matrices: Array) -> Array:
        # With N = Q^T M Q: the gradient of sum_a N_aa p_a - p^T N p by the scores, then by z.
        diagonal = matrices.reshape(len(matrices), -1) @ self.loss.contrast_squares.T
        turned = (matrices @ self.mean_contrast[:, :, None])[:, :, 0] @ self.loss.contrasts
        slope = diagonal - 2.0 * turned
        mean_slope = (self.probability * slope).sum(axis=1, keepdims=True)
        return (self.probability * (slope - mean_slope)) @ self.loss.contrasts.T

    def cubic(self, directions: Array) -> Array:
        # logsumexp generates cumulants: the third is the third central moment of the scores.
        scores = directions @ self.loss.contrasts
        apart = scores - (self.probability * scores).sum(axis=1, keepdims=True)
        return (self.probability * apart * apart * apart).sum(axis=1)


def helmert(n_classes: int) -> Array:
    """Orthonormal contrasts: (K - 1, K), rows orthogonal to the constant vector."""
    contrasts = np.zeros((n_classes - 1, n_classes))
    for row in range(n_classes - 1):
        contrasts[row, : row + 1] = 1.0
        contrasts[row, row + 1] = -(row + 1.0)
        contrasts[row] /= np.sqrt((row + 1.0) * (row + 2.0))
    return contrasts
