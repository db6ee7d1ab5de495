"""Probabilities of classes where the outputs are not known for sure.

    log P(c) = log E exp(-loss(c, z)),      z ~ N(mean, covariance)

for any loss that is minus the log-probability of a label: by Gauss-Hermite with 32 nodes for one
output, for k outputs by the rule of 2 k nodes at +- sqrt(k) that is exact for cubics.

Maths: docs/math/influence.md
"""

from __future__ import annotations

import numpy as np

from derivata.contracts import Array, HessianInverse, Loss
from derivata.losses.class_weighted import ClassWeighted
from derivata.objective import Expansion
from derivata.removal.rows import row_steps

NODES = 32


def left_out_classes(expansion: Expansion, inverse: HessianInverse, n_classes: int) -> Array:
    """log P(class | the other rows) of every row, by one Newton step without it: (n, K).

        z_i ~ N(z_i + L_i a_i, (I - L_i W_i)^-1 L_i)

    Parameters
    ----------
    expansion : Expansion              of a classifier, at a minimiser
    inverse : HessianInverse           of the same
    n_classes : int                    K
    """
    steps = row_steps(expansion, None, inverse)
    leverage = steps.leverage
    left = np.eye(leverage.shape[1]) - leverage @ expansion.output_hessian
    covariance = np.linalg.pinv(left) @ leverage
    covariance = 0.5 * (covariance + covariance.transpose(0, 2, 1))
    outputs = expansion.outputs + steps.own_change
    return log_classes(expansion.objective.loss, n_classes, outputs, covariance)


def log_classes(loss: Loss, n_classes: int, mean: Array, covariance: Array | None = None) -> Array:
    """log P(c) of every class, (n, K), for outputs (n, k) and their covariances (n, k, k)."""
    if covariance is None:
        return _log_likelihoods(loss, n_classes, mean)
    nodes, log_weights = _nodes(mean.shape[1])
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    total = np.full((len(mean), n_classes), -np.inf)
    for node, log_weight in zip(nodes, log_weights, strict=True):
        logs = _log_likelihoods(loss, n_classes, mean + root @ node)
        np.logaddexp(total, logs + log_weight, out=total)
    return total


def _log_likelihoods(loss: Loss, n_classes: int, outputs: Array) -> Array:
    """-loss(c, z) for every class, (n, K)."""
    if isinstance(loss, ClassWeighted):  # a class that costs more is no more probable
        loss = loss.loss
    labels = np.ones(len(outputs))
    return np.stack([-loss.at(c * labels, outputs).value for c in range(n_classes)], axis=1)


def _nodes(k: int) -> tuple[Array, Array]:
    """Nodes (m, k) and the logs of their weights for a standard normal of k numbers."""
    if k == 1:
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
        return nodes[:, None], np.log(weights / weights.sum())
    nodes = np.sqrt(k) * np.concatenate([np.eye(k), -np.eye(k)])
    return nodes, np.full(2 * k, -np.log(2.0 * k))
