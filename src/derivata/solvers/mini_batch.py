"""First-order steps with a few rows at a time.

    gradient = n / b sum_(i in batch) s_i g_i + g_R

is right on average, so the penalty counts once, not once a batch. An epoch passes over all rows in
a random order, b at a time; F and its gradient are taken between epochs. With a constant step the
run ends in a noise floor proportional to it. Where none is given, it is

    s_t = min(1, h / t) (1 - beta) / (2 L_b),    h = 4 L_b / mu,
    L_b = n (b - 1) / (b (n - 1)) L + (n - b) / (b (n - 1)) n max_i L_i

with L_i the curvature of row i: a batch is at most so much curvier than n / b of all rows, on
average, and 2 / (mu t) is the fall that makes noise vanish. Source: Gower, Loizou, Qian,
Sailanbayev, Shulgin & Richtarik (2019), ICML, arXiv:1901.09401.

Maths: docs/math/first_order.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.curvature.chain import expand
from derivata.curvature.spectrum import LARGEST_DENSE, spectrum
from derivata.errors import InvalidParameter
from derivata.objective import Expansion
from derivata.solvers.kink import Kink
from derivata.solvers.pace import Pace
from derivata.solvers.result import FitResult
from derivata.solvers.schedules import Constant, InverseTime
from derivata.solvers.trail import Trail, is_finite


def over_batches(solver: Any, start: Expansion, kink: Kink | None, trail: Trail) -> FitResult:
    """Epochs of steps until the gradient of all rows is small."""
    objective, hyper = start.objective, start.hyper
    n_rows, size = objective.predictor.n_rows, solver.batch_size
    if size > n_rows:
        raise InvalidParameter(
            f"`batch_size` is {size}, but there are {n_rows} rows. Use None for all rows at once."
        )
    running = _with_step(solver, start)
    rng = np.random.default_rng(solver.random_state)
    here, params, count = start, start.params, 0
    state = running.init(params)
    while here.relative_gradient > solver.tol:
        if trail.n_iter >= solver.max_iter:
            return trail.limited(
                solver.tol, running, getattr(solver, "aside", "") + _floor(running)
            )
        order = rng.permutation(n_rows)
        for first in range(0, n_rows, size):
            rows = order[first : first + size]
            batch = Expansion(objective.take(rows), params, hyper)
            gradient = (n_rows / len(rows)) * batch.loss_gradient
            step = running.step_at(count)
            if kink is None:
                gradient = gradient + objective.penalty.gradient(params, hyper)
                move, state = running.update(gradient, state, params, step)
                moved = params + move
            else:
                moved, state = running.proximal(gradient, state, params, step, kink)
            if not np.isfinite(moved).all():
                if not np.isfinite(gradient).all():
                    return trail.spoiled(gradient, running, f"step {count + 1}")
                end = expand(objective, moved, hyper)
                return trail.lost(end, step, running, f"step {count + 1}")
            params, count = moved, count + 1
        here = expand(objective, params, hyper)
        if not is_finite(here) or trail.runs_away(here):
            return trail.lost(here, running.step_at(count), running)
        trail.add(here)
    return trail.arrived(here, solver.tol, running)


def _with_step(solver: Any, start: Expansion) -> Any:
    """The solver with its step, by the formula above if it has none."""
    if not hasattr(solver, "resolved") or solver.step is not None:
        return Pace.first(solver, start).solver
    n_rows, size = start.objective.predictor.n_rows, solver.batch_size
    ends = spectrum(start)
    shares = (n_rows * (size - 1.0), float(n_rows - size))
    curvature = (shares[0] * ends.largest + shares[1] * n_rows * _sharpest_row(start)) / (
        size * max(n_rows - 1.0, 1.0)
    )
    curvature = max(curvature, ends.largest, np.finfo(float).tiny)
    hold = np.ceil(4.0 * curvature / max(ends.smallest, np.finfo(float).tiny))
    kept = getattr(solver, "kept", 0.0)
    return replace(solver, step=InverseTime((1.0 - kept) / (2.0 * curvature), float(hold)))


def _sharpest_row(start: Expansion) -> float:
    """The largest curvature of a row's loss, max_i trace(J_i^T W_i J_i)."""
    n_params = len(start.params)
    if n_params > LARGEST_DENSE:
        raise InvalidParameter(
            f"`step` is None, and the curvature of single rows is not looked for with {n_params:,} "
            "parameters. Give a step or a schedule, or leave `batch_size` out."
        )
    each = start.objective.predictor.leverage(start.params, np.eye(n_params))
    curvature: Array = np.einsum("nab,nba->n", each, start.output_hessian)
    return float(curvature.max(initial=0.0))


def _floor(running: Any) -> str:
    schedule = getattr(running, "step", None)
    if schedule is None or (callable(schedule) and not isinstance(schedule, Constant)):
        return ""
    return (
        ". Steps of a constant size over batches end in a noise proportional to it: let it fall, "
        "as InverseSqrt or Cosine do"
    )
