"""Training of a network: `train`, a pure function of network, loss, rows, settings and seed.

    params_0 from the seed  ->  epochs of batches  ->  the weights of the best epoch on held-out
                                                       rows; the last ones if nothing is held out

    trained = train(network, loss, rows, settings, seed=0, held_out=judges)
    trained.params      NumPy float32 tree, as `Network.apply` takes it
    trained.history     losses of every epoch, the best one, why it stopped

The same arguments give the same bits, in one go or resumed from a checkpoint. What goes wrong on
the way is no error: training ends with the last good weights and ``history.reason`` says why.

Maths: docs/math/networks.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidData, NotAvailable

try:
    import jax
except ImportError as missing:
    raise NotAvailable(
        "training a network needs JAX, which is not installed: `pip install 'derivata[jax]'`. A "
        "trained network predicts without it, and additive models never need it."
    ) from missing

from derivata.neural.checkpoint import Checkpoint, fingerprint
from derivata.neural.device import compiled_code_kept
from derivata.neural.divergence import Divergence, find_divergence, is_finite
from derivata.neural.epochs import Carry, Numbers, Program, first_carry, run_epochs
from derivata.neural.history import History
from derivata.neural.interrupt import Interrupt
from derivata.neural.losses import NetworkLoss
from derivata.neural.network import Network, Params
from derivata.neural.plan import Planner
from derivata.neural.rows import Rows
from derivata.neural.seeds import WEIGHTS, generator
from derivata.neural.settings import Training
from derivata.row_grid import pad_rows, pad_with_zeros, padded_size

Watch = Callable[[History], None]
"""Called after each few epochs with the history so far: progress bars."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What training gives.

    Parameters
    ----------
    params : tree of arrays        float32, on the host
    history : History
    divergence : Divergence or None
        Where and why the loss stopped being a number, if it did.
    """

    params: Params
    history: History
    divergence: Divergence | None = None


def train(
    network: Network,
    loss: NetworkLoss,
    rows: Rows,
    settings: Training,
    *,
    seed: int = 0,
    held_out: Rows | None = None,
    start: Params | None = None,
    constant: Array | None = None,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """Train ``network`` on ``rows``.

    Parameters
    ----------
    network : Network
    loss : NetworkLoss             its ``n_outputs`` are the network's
    rows : Rows
        Weights of mean 1; a row of weight 0 takes a place in a batch for nothing: leave it out.
    settings : Training
    seed : int
        Of first weights, order of rows and dropout.
    held_out : Rows, optional
        Rows that choose the best epoch.
    start : tree of arrays, optional
        First parameters in place of those drawn from the seed.
    constant : array (n_outputs,), optional
        The last bias to start from: best the loss's ``null_outputs``.
    watch : callable, optional
        Called with the `History` so far, after each few epochs.
    checkpoint : Checkpoint, optional
        Where to keep, and from where to go on with, unfinished training.

    Returns
    -------
    trained : Trained

    Raises
    ------
    InvalidData
        If there are no rows, or none held out where some should be.
    ShapeMismatch
        If inputs have other columns than the network reads.
    ModelFileError
        If the checkpoint is of other data, settings or versions, or cannot be written.

    Notes
    -----
    Costs about six multiplications a row, epoch and parameter. On a device it runs as one call of a
    compiled function for each few epochs; between calls it listens to Ctrl-C.
    """
    for name, given in (("rows", rows), ("held_out", held_out)):
        if given is not None:
            network.require(given.inputs)
            if not given.n_rows:
                raise InvalidData(f"`{name}` has no row, so there is nothing to learn from.")
    planner = Planner(settings, rows.n_rows, network.n_params, seed)
    program = Program.of(network, loss, settings)
    if start is None:
        start = network.init(generator(seed, WEIGHTS), constant)
    numbers = Numbers.of(settings, start)
    with compiled_code_kept(), Interrupt() as interrupt:
        carry, history = first_carry(program, start, held_out is not None), History.empty()
        mark = {}
        if checkpoint is not None:
            mark = fingerprint(network, loss, rows, held_out, settings, seed, start)
            carry, history = checkpoint.resume(mark, carry) or (carry, history)
            history = history.ended(history.reason or _why_over(history, settings))
        data = on_device(rows, planner.n_padded)
        judges = None if held_out is None else on_device(held_out, padded_size(held_out.n_rows))
        while not history.reason:
            first = history.n_epochs
            last = min(first + planner.most_epochs, settings.n_epochs)
            plan = planner.plan(first, last)
            after, losses, held_losses = run_epochs(carry, data, judges, plan, numbers, program)
            found = np.asarray(losses)[: last - first], np.asarray(held_losses)[: last - first]
            divergence = None
            if not is_finite(after, found[0]):
                divergence = find_divergence(carry, data, judges, plan, numbers, program)
                after, last = divergence.carry, divergence.epoch - 1
                found = found[0][: last - first], found[1][: last - first]
            carry = after
            history = history.extended(
                *found, plan.step, int(carry.best_epoch), held_out is not None
            )
            if divergence is not None:
                return Trained(_kept(carry, held_out), history.ended("diverged"), divergence)
            if watch is not None:
                watch(history)
            # Also after the last epoch: who fits several networks must know that it was asked for.
            reason = "interrupted" if interrupt.asked else _why_over(history, settings)
            history = history.ended(reason)
            if checkpoint is not None:
                checkpoint.keep(mark, carry, history)
    return Trained(_kept(carry, held_out), history)


def on_device(rows: Rows, n_padded: int) -> Rows:
    """Rows on JAX's device, padded with rows of weight zero."""
    padded = jax.tree.map(lambda leaf: pad_rows(leaf, n_padded), rows)
    return jax.device_put(padded._replace(weight=pad_with_zeros(rows.weight, n_padded)))


def _kept(carry: Carry, held_out: Rows | None) -> Params:
    params: Any = carry.params if held_out is None or int(carry.best_epoch) < 0 else carry.best
    return jax.tree.map(np.asarray, params)


def _why_over(history: History, settings: Training) -> str:
    """Why training is over after so many epochs, or ''."""
    if history.n_epochs >= settings.n_epochs:
        return "finished"
    waited = history.n_epochs - 1 - history.best_epoch
    if settings.patience is not None and history.best_epoch >= 0 and waited >= settings.patience:
        return "no improvement"
    return ""
