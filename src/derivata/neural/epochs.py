"""Epochs of training as one compiled function: `run_epochs`.

    for each epoch:  for each batch B:
        g = gradient of  1/|B| sum_(i in B) w_i loss_i(params)  +  alpha / (2 n) |weights|^2
        move, state = solver.update(g, state, params, step * rate)
        params <- params + move - step * decay * params
    and after it the held-out loss, whose best weights are kept on the device

Everything that may change between fits is an argument: data, order of rows, step sizes, decays,
rates, betas, counts of epochs and batches. Compiled anew is only what has another network, loss,
solver, batch size or number of rows on the grid of `derivata.row_grid`.

Maths: docs/math/networks.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from derivata.neural.dense import dense
from derivata.neural.dropout import dropout
from derivata.neural.losses import NetworkLoss
from derivata.neural.network import Network, Params
from derivata.neural.rows import Rows
from derivata.neural.settings import Training, per_weight, rate_tree

# Numbers of a solver that are traced; what else a solver has is part of the compiled code.
TRACED = ("beta1", "beta2", "epsilon", "weight_decay")

# A batch of more rows is taken in parts, whose values stay in a processor's cache: 3 times faster.
LARGEST_WHOLE, PART = 1_024, 512


class Carry(NamedTuple):
    """What one step hands to the next; a tree for JAX."""

    params: Params
    states: Any  # the solver's, one for each array of params, less its count
    count: Any  # steps taken
    best: Any  # params of the least held-out loss; () where nothing is held out
    best_loss: Any
    best_epoch: Any


class Plan(NamedTuple):
    """The epochs of one call, made on the host; a tree for JAX."""

    order: Any  # (n_epochs, n_batches, batch_size) rows; that of weight zero fills up
    step: Any  # (n_epochs, n_batches)
    seed: Any  # (n_epochs, n_batches), of dropout
    first_epoch: Any
    n_epochs: Any  # how many of them to run
    n_batches: Any  # of a whole epoch
    n_last: Any  # how many of them to run in the last epoch: all, unless a fault is looked for
    n_rows: Any


class Numbers(NamedTuple):
    """The settings that are traced; a tree for JAX."""

    decay: Params
    alpha: Params
    rate: Params
    dropout: Any
    smoothing: Any
    solver: dict[str, Any]

    @classmethod
    def of(cls, settings: Training, params: Params) -> Numbers:
        """Those of some settings for a network's params."""
        return cls(
            per_weight(settings.weight_decay, params, "weight_decay"),
            per_weight(settings.alpha, params, "alpha"),
            rate_tree(settings.rates, params),
            np.float32(settings.dropout),
            np.float32(settings.label_smoothing),
            {name: np.float32(getattr(settings.solver, name)) for name in _traced(settings.solver)},
        )


@dataclass(frozen=True)
class Program:
    """What the compiled code is found by.

    Parameters
    ----------
    network : Network
    loss : NetworkLoss
    solver : first-order solver    its step and `TRACED` numbers replaced by any constant
    drops : bool                   whether there is dropout
    penalises : bool               whether some alpha is above zero
    """

    network: Network
    loss: NetworkLoss
    solver: Any
    drops: bool
    penalises: bool

    @classmethod
    def of(cls, network: Network, loss: NetworkLoss, settings: Training) -> Program:
        """The program for some settings."""
        alpha = settings.alpha if isinstance(settings.alpha, tuple) else (settings.alpha,)
        constants = dict.fromkeys(_traced(settings.solver), 0.5)
        solver = replace(settings.solver, step=1.0, **constants)
        return cls(network, loss, solver, settings.dropout > 0.0, max(alpha) > 0.0)


def first_carry(program: Program, params: Params, keeps_best: bool) -> Carry:
    """Where training starts."""
    # On the host, where zeros need no compiling.
    params = jax.tree.map(np.asarray, params)
    states = jax.tree.map(lambda leaf: _uncounted(program.solver.init(leaf)), params)
    best = params if keeps_best else ()
    return Carry(params, states, np.float32(0.0), best, np.float32(np.inf), np.int32(-1))


@partial(jax.jit, static_argnames="program")
def run_epochs(
    carry: Carry, rows: Rows, held_out: Rows | None, plan: Plan, numbers: Numbers, program: Program
) -> tuple[Carry, Any, Any]:
    """Train for ``plan.n_epochs`` epochs of ``plan.n_batches`` batches.

    Parameters
    ----------
    carry : Carry
    rows, held_out : Rows
        Padded; rows that pad have weight zero.
    plan : Plan
    numbers : Numbers
    program : Program

    Returns
    -------
    carry : Carry
    losses : array (n_epochs,)     mean loss of each epoch's batches, as they were met
    held_losses : array (n_epochs,)
        Mean loss of ``held_out`` after each epoch, targets not smoothed.
    """
    n_planned, _, batch_size = plan.order.shape
    fewest = plan.n_rows // plan.n_batches
    n_larger = plan.n_rows - fewest * plan.n_batches

    def one_batch(epoch: Any, batch: Any, inner: tuple[Carry, Any]) -> tuple[Carry, Any]:
        carry, total = inner
        chosen = jax.lax.dynamic_slice(plan.order, (epoch, batch, 0), (1, 1, batch_size))[0, 0]
        size = (fewest + (batch < n_larger)).astype(jnp.float32)

        def of_part(chosen: Any, seed: Any) -> tuple[Any, Params]:
            picked = jax.tree.map(lambda leaf: jnp.take(leaf, chosen, axis=0, mode="clip"), rows)
            drop = dropout(seed, numbers.dropout) if program.drops else None
            return jax.value_and_grad(
                lambda params: batch_loss(program, params, picked, numbers.smoothing, drop) / size
            )(carry.params)

        value, gradient = in_parts(of_part, chosen, plan.seed[epoch, batch], rows.n_rows - 1)
        step = plan.step[epoch, batch]
        return one_step(program, numbers, carry, gradient, step, plan.n_rows), total + value * size

    def one_epoch(epoch: Any, outer: tuple[Carry, Any, Any]) -> tuple[Carry, Any, Any]:
        carry, losses, held_losses = outer
        n_batches = jnp.where(epoch < plan.n_epochs - 1, plan.n_batches, plan.n_last)
        carry, total = jax.lax.fori_loop(
            0, n_batches, partial(one_batch, epoch), (carry, jnp.float32(0.0))
        )
        losses = losses.at[epoch].set(total / plan.n_rows)
        if held_out is None:
            return carry, losses, held_losses
        outputs = program.network.apply(carry.params, held_out.inputs)
        each = program.loss.rows(outputs, held_out.targets, jnp.float32(0.0))
        held_loss = (each * held_out.weight).sum() / held_out.weight.sum()
        better = held_loss < carry.best_loss
        carry = carry._replace(
            best=jax.tree.map(partial(jnp.where, better), carry.params, carry.best),
            best_loss=jnp.where(better, held_loss, carry.best_loss),
            best_epoch=jnp.where(better, plan.first_epoch + epoch, carry.best_epoch),
        )
        return carry, losses, held_losses.at[epoch].set(held_loss)

    nothing = jnp.full(n_planned, jnp.nan, jnp.float32)
    return jax.lax.fori_loop(0, plan.n_epochs, one_epoch, (carry, nothing, nothing))


def in_parts(of_part: Callable, chosen: Any, seed: Any, padding: int) -> tuple[Any, Params]:
    """The sum of ``of_part(rows, seed)`` over parts of a large batch.

    Parameters
    ----------
    of_part : callable             the loss and its gradient, by some rows and a seed of dropout
    chosen : array (batch_size,)   row numbers
    seed : int
    padding : int                  the number of a row of weight zero

    Returns
    -------
    value, gradient
    """
    if len(chosen) <= LARGEST_WHOLE:
        return of_part(chosen, seed)
    n_parts = -(-len(chosen) // PART)
    filled = jnp.pad(chosen, (0, n_parts * PART - len(chosen)), constant_values=padding)
    parts = filled.reshape(n_parts, PART)

    def add(part: Any, so_far: tuple[Any, Params]) -> tuple[Any, Params]:
        found = of_part(parts[part], seed + part.astype(jnp.uint32))
        return jax.tree.map(jnp.add, so_far, found)

    return jax.lax.fori_loop(1, n_parts, add, of_part(parts[0], seed))


def batch_loss(
    program: Program, params: Params, rows: Rows, smoothing: Any, drop: Callable | None = None
) -> Any:
    """The weighted sum of the losses of some rows."""
    outputs = program.network.apply(params, rows.inputs, layer=dense, drop=drop)
    return (rows.weight * program.loss.rows(outputs, rows.targets, smoothing)).sum()


def one_step(
    program: Program, numbers: Numbers, carry: Carry, gradient: Params, step: Any, n_rows: Any
) -> Carry:
    """The solver's move of every array of the parameters."""
    solver = replace(program.solver, **numbers.solver)

    def moved(param, gradient, state, decay, alpha, rate):
        if program.penalises:
            gradient = gradient + (alpha / n_rows) * param
        full = state._replace(count=carry.count) if _counts(state) else state
        move, state = solver.update(gradient, full, param, step * rate)
        return param + move - (step * decay) * param, _uncounted(state)

    leaves, tree = jax.tree.flatten(carry.params)
    others = (gradient, numbers.decay, numbers.alpha, numbers.rate)
    gradients, decays, alphas, rates = (jax.tree.leaves(one) for one in others)
    states = tree.flatten_up_to(carry.states)
    pairs = [
        moved(*each) for each in zip(leaves, gradients, states, decays, alphas, rates, strict=True)
    ]
    params = tree.unflatten([param for param, _ in pairs])
    states = tree.unflatten([state for _, state in pairs])
    return carry._replace(params=params, states=states, count=carry.count + 1.0)


def _uncounted(state: Any) -> Any:
    """A solver's state less its count of steps, which is the same for all arrays."""
    return state._replace(count=None) if _counts(state) else state


def _counts(state: Any) -> bool:
    return "count" in getattr(state, "_fields", ())


def _traced(solver: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(solver) if field.name in TRACED)
