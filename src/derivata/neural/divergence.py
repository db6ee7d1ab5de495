"""Where training stopped giving numbers: the step, the parameter, and the weights before it.

Nothing is watched while training runs. When a call ends with a loss or a parameter that is not
finite, its steps are run again from where it began, ever fewer of them by bisection: the same steps
give the same bits, so the first bad one is found in some twelve runs, and the weights before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np

from derivata.neural.dropout import dropout
from derivata.neural.epochs import Carry, Numbers, Plan, Program, batch_loss, run_epochs
from derivata.neural.network import Params
from derivata.neural.rows import Rows


@dataclass(frozen=True, eq=False)
class Divergence:
    """The first step after which something was not finite.

    Parameters
    ----------
    step : int                     counted from 1 through the whole training
    epoch : int                    counted from 1
    name : str                     the parameter, such as "layers.0.weight"
    size : float                   its largest magnitude before the step
    step_size : float
    carry : Carry                  before the step: everything finite
    """

    step: int
    epoch: int
    name: str
    size: float
    step_size: float
    carry: Carry

    def __str__(self) -> str:
        return (
            f"in step {self.step:,} (epoch {self.epoch}), of size {self.step_size:.3g}, the loss "
            f"or the gradient of `{self.name}`, whose largest number was {self.size:.3g}, stopped "
            "being finite"
        )


def is_finite(carry: Carry, losses: Any) -> bool:
    """Whether all losses and parameters are finite numbers; the held-out loss follows from them."""
    leaves = [*jax.tree.leaves(carry.params), losses]
    return all(np.isfinite(np.asarray(leaf)).all() for leaf in leaves)


def find_divergence(
    carry: Carry, rows: Rows, held_out: Rows | None, plan: Plan, numbers: Numbers, program: Program
) -> Divergence:
    """The first bad step of a call of `run_epochs` that ended badly.

    Parameters
    ----------
    carry, rows, held_out, plan, numbers, program
        What that call was given; ``carry`` is finite.

    Returns
    -------
    divergence : Divergence
    """
    n_batches = int(plan.n_batches)

    def after(n_steps: int) -> tuple[Carry, bool]:
        if n_steps == 0:
            return carry, True
        n_epochs, n_last = divmod(n_steps - 1, n_batches)
        part = plan._replace(n_epochs=np.int32(n_epochs + 1), n_last=np.int32(n_last + 1))
        end, losses, _ = run_epochs(carry, rows, held_out, part, numbers, program)
        return end, is_finite(end, np.asarray(losses)[: n_epochs + 1])

    good, bad = 0, int(plan.n_epochs) * n_batches
    while bad - good > 1:
        middle = (good + bad) // 2
        if after(middle)[1]:
            good = middle
        else:
            bad = middle
    before = after(good)[0]
    place = divmod(good, n_batches)
    gradient = _gradient(before.params, rows, plan, numbers, program, place)
    name, param = _first_bad(gradient, after(bad)[0].params, before.params)
    return Divergence(
        step=int(plan.first_epoch) * n_batches + bad,
        epoch=int(plan.first_epoch) + place[0] + 1,
        name=name,
        size=float(np.abs(param).max(initial=0.0)),
        step_size=float(plan.step[place]),
        carry=before,
    )


def _gradient(
    params: Params,
    rows: Rows,
    plan: Plan,
    numbers: Numbers,
    program: Program,
    place: tuple[int, int],
) -> Params:
    picked = jax.tree.map(lambda leaf: np.asarray(leaf)[plan.order[place]], rows)
    return _gradient_of(params, picked, plan.seed[place], numbers, program)


@partial(jax.jit, static_argnames="program")
def _gradient_of(params: Params, rows: Rows, seed: Any, numbers: Numbers, program: Program) -> Any:
    drop = dropout(seed, numbers.dropout) if program.drops else None
    return jax.grad(lambda params: batch_loss(program, params, rows, numbers.smoothing, drop))(
        params
    )


def _first_bad(gradient: Params, after: Params, before: Params) -> tuple[str, Any]:
    """The first array with a bad gradient, or that is bad after the step; else the largest."""
    found = jax.tree_util.tree_flatten_with_path(before)[0]
    names = [jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in found]
    params = [np.asarray(param) for _, param in found]
    for tree in (gradient, after):
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
        for name, param, leaf in zip(names, params, leaves, strict=True):
            if not np.isfinite(leaf).all():
                return name, param
    return max(zip(names, params, strict=True), key=lambda pair: np.abs(pair[1]).max(initial=0.0))
