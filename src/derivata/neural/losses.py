"""The losses that networks are trained by: those of `derivata.losses`, in JAX and row by row.

    squared    (z - y)^2 / 2
    logistic   log(1 + e^z) - t z,            t = y smoothed
    softmax    log sum_k e^(q_k) - sum_k t_k q_k,   q = z Q

Outputs z are those of the same loss in `derivata.losses`, so that a trained network can be handed
to anything that takes an `Objective`: one for two classes, K - 1 contrasts for K. A target is
smoothed as t = (1 - s) y + s / K, which keeps scores finite (Szegedy, Vanhoucke, Ioffe, Shlens &
Wojna (2016), CVPR, section 7).

Maths: docs/math/networks.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from derivata.contracts import Array, Loss
from derivata.losses import LogisticLoss, SoftmaxLoss, SquaredLoss
from derivata.losses.classification import helmert


class NetworkLoss(Protocol):
    """A loss a row; hashable, so that compiled code is found again by it."""

    @property
    def n_outputs(self) -> int:
        """Outputs a row."""
        ...

    @property
    def classic(self) -> Loss:
        """The same loss as the rest of derivata knows it."""
        ...

    def targets(self, y: Array) -> Array:
        """What `rows` compares outputs with, (n, m) float32, of numbers or class codes (n,)."""
        ...

    def rows(self, outputs: Any, targets: Any, smoothing: Any) -> Any:
        """The loss of each row, (n,)."""
        ...


@dataclass(frozen=True)
class SquaredError:
    """Half the squared distance."""

    n_outputs = 1

    @property
    def classic(self) -> Loss:
        """`SquaredLoss`."""
        return SquaredLoss()

    def targets(self, y: Array) -> Array:
        """The numbers, (n, 1)."""
        return np.asarray(y, np.float32)[:, None]

    def rows(self, outputs: Any, targets: Any, smoothing: Any) -> Any:
        """Half the squared distance of each row; there is nothing to smooth."""
        distance = outputs[:, 0] - targets[:, 0]
        return 0.5 * distance * distance


@dataclass(frozen=True)
class TwoClasses:
    """Minus the log-likelihood of the log-odds of the second class."""

    n_outputs = 1

    @property
    def classic(self) -> Loss:
        """`LogisticLoss`."""
        return LogisticLoss()

    def targets(self, y: Array) -> Array:
        """Codes 0 and 1, (n, 1)."""
        return np.asarray(y, np.float32)[:, None]

    def rows(self, outputs: Any, targets: Any, smoothing: Any) -> Any:
        """Softplus less the target's share."""
        import jax  # here: who only predicts needs no JAX

        score, share = outputs[:, 0], targets[:, 0]
        share = share + smoothing * (0.5 - share)
        return jax.nn.softplus(score) - share * score


@dataclass(frozen=True)
class ManyClasses:
    """Minus the log-likelihood of contrasts of the classes' scores."""

    n_classes: int

    @property
    def n_outputs(self) -> int:
        """One less than there are classes."""
        return self.n_classes - 1

    @property
    def classic(self) -> Loss:
        """`SoftmaxLoss`."""
        return SoftmaxLoss(self.n_classes)

    def targets(self, y: Array) -> Array:
        """A one in the column of each row's class, (n, n_classes)."""
        return (np.asarray(y)[:, None] == np.arange(self.n_classes)).astype(np.float32)

    def rows(self, outputs: Any, targets: Any, smoothing: Any) -> Any:
        """The log of the sum of exponentials less the target's scores."""
        import jax

        scores = outputs @ helmert(self.n_classes).astype(outputs.dtype)
        shares = targets + smoothing * (1.0 / self.n_classes - targets)
        return jax.nn.logsumexp(scores, axis=1) - (shares * scores).sum(axis=1)
