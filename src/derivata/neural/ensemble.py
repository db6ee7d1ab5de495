"""Several networks whose predictions are averaged: `FoldEnsemble`, and the loss of an average.

    P(class) = 1/M sum_m P_m(class),    expected value = 1/M sum_m z_m

Each member is trained without one fold of the rows, which chooses its best epoch: together they see
every row, and each row is judged by a member that never saw it, for nothing. Where the settings
need no held-out rows (decays by evidence), members see all rows and differ by their seed.

By Jensen's inequality the average's log-loss and squared error are at most the mean of its members'
on any rows: an ensemble needs no comparison with its own members. It costs one fit a member.

Source: Lakshminarayanan, Pritzel & Blundell (2017), NeurIPS, section 2.4.

Maths: docs/math/network_tuning.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any

import jax
import numpy as np
from scipy.special import logsumexp

from derivata.contracts import Array
from derivata.criteria.resampling import deal_folds
from derivata.errors import InvalidParameter
from derivata.neural.losses import NetworkLoss
from derivata.neural.method import Fitted, NetworkProblem
from derivata.neural.network import Network, Params
from derivata.neural.rows import Rows
from derivata.row_grid import pad_rows, padded_size

# Seeds of members lie so far apart.
MEMBER_STRIDE = 7_919


@dataclass(frozen=True)
class FoldEnsemble:
    """Networks that are averaged, each trained without one fold of the rows.

    Parameters
    ----------
    n_members : int
        Networks, and folds; at least 2.

    Raises
    ------
    InvalidParameter
        If there are fewer than 2.
    """

    n_members: int = 5

    def __post_init__(self) -> None:
        if not isinstance(self.n_members, Integral) or self.n_members < 2:
            raise InvalidParameter(
                f"`n_members` is {self.n_members!r}; an ensemble has at least 2. One network is "
                "`OneNetwork()`."
            )

    def fit(self, problem: NetworkProblem) -> Fitted:
        """All members; ``history`` is the first one's, a note gives the out-of-fold loss."""
        from derivata.neural.training import train

        folds = [None] * self.n_members
        if problem.held_out_share:
            folds = fold_rows(problem, self.n_members)
        trained, losses = [], []
        for number, held in enumerate(folds):
            rows, judges = problem.rows, None
            if held is not None:
                rows = problem.rows.take(np.setdiff1d(np.arange(problem.rows.n_rows), held))
                judges = problem.rows.take(held)
            member = train(
                problem.network,
                problem.loss,
                rows,
                problem.settings,
                seed=problem.seed + MEMBER_STRIDE * number,
                held_out=judges,
                constant=problem.constant,
                watch=problem.watch,
                checkpoint=problem.checkpoint and problem.checkpoint.member(number),
            )
            trained.append(member)
            if judges is not None:
                losses.append(averaged_losses(problem, [member.params], judges))
            if member.history.reason == "interrupted":
                break
        sound = [one for one in trained if one.divergence is None] or trained[:1]
        note = f"{len(sound)} networks averaged" if len(sound) > 1 else "one network"
        if losses:
            mean = float(np.mean(np.concatenate(losses)))
            note += f"; a row's loss by a network that never saw it: {mean:.4g}"
        if len(sound) < len(trained):
            note += f"; {len(trained) - len(sound)} diverged and are left out"
        history = sound[0].history
        if trained[-1].history.reason == "interrupted":
            history = history.ended("interrupted")
        return Fitted(
            tuple(one.params for one in sound),
            history,
            problem.settings,
            sound[0].divergence,
            (note + ".",),
        )


def fold_rows(problem: NetworkProblem, n_folds: int) -> list[Array]:
    """Row numbers of each fold, balanced over classes or targets."""
    classes = problem.labels is not None
    y = np.asarray(problem.labels if classes else np.asarray(problem.rows.targets)[:, 0], float)
    dealt = deal_folds(y, min(n_folds, problem.rows.n_rows), problem.seed, classes=classes)
    folds = [np.flatnonzero(dealt == number) for number in range(n_folds)]
    return [fold for fold in folds if len(fold)]


def averaged_losses(problem: NetworkProblem, members: Sequence[Params], rows: Rows) -> Array:
    """The loss of each row by the average of ``members``, (n_rows,), targets not smoothed."""
    network, loss = problem.network, problem.loss
    if loss.classic.targets_are_classes:
        # A row's loss is minus the log of what its class is given, so no class is singled out here.
        each = np.stack([row_values(network, loss, params, rows)[1] for params in members])
        return np.log(len(members)) - logsumexp(-each, axis=0)
    outputs = np.mean([row_values(network, loss, params, rows)[0] for params in members], axis=0)
    return np.asarray(loss.rows(outputs, np.asarray(rows.targets, float), 0.0))


def row_values(
    network: Network, loss: NetworkLoss, params: Params, rows: Rows
) -> tuple[Array, Array]:
    """Outputs (n_rows, n_outputs) and losses (n_rows,), in float64 numbers of float32 accuracy."""
    n_padded = padded_size(rows.n_rows)
    padded = jax.tree.map(lambda leaf: pad_rows(np.asarray(leaf), n_padded), rows)
    outputs, losses = _row_values(params, padded, network=network, loss=loss)
    n_rows = rows.n_rows
    return np.asarray(outputs)[:n_rows].astype(float), np.asarray(losses)[:n_rows].astype(float)


@partial(jax.jit, static_argnames=("network", "loss"))
def _row_values(params: Params, rows: Rows, *, network: Network, loss: NetworkLoss) -> Any:
    outputs = network.apply(params, rows.inputs)
    return outputs, loss.rows(outputs, rows.targets, 0.0)
