"""Descent against its theory, and against optax and torch: steps, numbers, and time a step.

Run with ``./dev bench descent``, or name parts: ``./dev bench descent steps equality time``.

*steps*: iterations predicted and taken on six real tables, columns scaled, a ridge of strength one,
from the best constant to a relative gradient of 1e-8. Every prediction is made before the run.
Where the step is "constant" it is the textbook's for the curvatures at start and minimiser; where
it is "own" the solver takes it from the curvature on its way, and the prediction is for the
constants at the minimiser. *equality*: 200 steps of each method with the same gradients.
*time*: CPU seconds a full-batch step, in turns; the three end at the same parameters.

torch and optax are compared with where they are installed.
"""

from __future__ import annotations

import harness  # first: it sets the number of BLAS threads

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np

from derivata.cli.converging import constant_start
from derivata.cli.plain_design import PlainDesign
from derivata.convergence import minimiser, predict, settled
from derivata.convergence.words import count_words
from derivata.curvature.spectrum import spectrum
from derivata.losses import LogisticLoss, SquaredLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import (
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    GradientDescent,
    Momentum,
    Nesterov,
    Newton,
    RMSProp,
)
from derivata.tables import read_table

TABLES = {
    "california_housing": ("median_house_value", SquaredLoss()),
    "concrete": ("strength_mpa", SquaredLoss()),
    "kin8nm": ("y", SquaredLoss()),
    "german_credit": ("credit_risk", LogisticLoss()),
    "ionosphere": ("label", LogisticLoss()),
    "spambase": ("spam", LogisticLoss()),
}
ALPHA, MOST, WITHIN = 1.0, 200_000, 0.2
STEPS = 200


def objective(name: str) -> Objective | None:
    """The linear model of a shared table, columns scaled; None where the table is absent."""
    path = harness.SHARED / f"{name}.csv.gz"
    if not path.exists():
        print(f"({name} left out: {path.name} is not there)")
        return None
    target, loss = TABLES[name]
    table = read_table(str(path), drop=("x1",) if name == "ionosphere" else ())  # constant
    y = table[target].values
    if isinstance(loss, LogisticLoss):
        y = np.unique(y, return_inverse=True)[1]
    weight = np.ones(len(y))
    design = PlainDesign.of(table.without([target])).scaled(weight)
    groups = np.append(np.zeros(design.n_columns - 1, int), FREE)
    penalty = GroupRidge(groups, ("all",))
    return Objective(loss, LinearPredictor(design), penalty, y.astype(float), weight)


def steps() -> None:
    """Predicted and taken."""
    hyper = np.log([ALPHA])
    print("| table | kappa | solver | step | from kappa | predicted | taken | off | ≤ 20 % |")
    print("|---|---|---|---|---|---|---|---|---|")
    worst: dict[str, float] = {}
    for name in TABLES:
        f = objective(name)
        if f is None:
            continue
        start = f.at(constant_start(f), hyper)
        end = minimiser(f, start.params, hyper)
        loss = type(f.loss).__name__.removesuffix("Loss").lower()
        about = f"{name}, {loss} ({len(f.y):,} × {f.predictor.n_params - 1})"
        for solver in (GradientDescent(), Momentum(), Nesterov(), Newton()):
            for kind in ("constant", "own"):
                if kind == "own" and (isinstance(solver, Newton) or loss == "squared"):
                    continue  # the same
                run = replace(solver, max_iter=MOST)
                if kind == "constant" and not isinstance(solver, Newton):
                    run = settled(run, start, end)
                told = predict(run, start, end)
                fit = run.minimize(f, start.params, hyper)
                assert fit.converged, fit.reason
                off = (told.iterations or 0) / fit.n_iter - 1.0
                what = f"{type(solver).__name__}, {'–' if isinstance(solver, Newton) else kind}"
                worst[what] = max(worst.get(what, 0.0), abs(off))
                alone = "–" if told.from_kappa is None else count_words(told.from_kappa)
                print(
                    f"| {about} | {spectrum(end).condition:,.3g} | {type(solver).__name__} "
                    f"| {'–' if isinstance(solver, Newton) else kind} | {alone} "
                    f"| {count_words(told.iterations)} | {fit.n_iter:,} | {off:+.1%} "
                    f"| {'yes' if abs(off) <= WITHIN else '**no**'} |",
                    flush=True,
                )
    print("\nfurthest off: " + "; ".join(f"{name}: {off:.1%}" for name, off in worst.items()))


@dataclass(frozen=True)
class Method:
    """One of ours, and how torch and optax call the same."""

    ours: Any
    torch: Callable[[Any, Any], Any]  # of the module and parameters
    optax: Callable[[Any], Any]  # of the module


METHODS = {
    "gradient descent": Method(
        GradientDescent(1e-4), lambda t, p: t.optim.SGD(p, 1e-4), lambda o: o.sgd(1e-4)
    ),
    "momentum": Method(
        Momentum(1e-4, 0.9),
        lambda t, p: t.optim.SGD(p, 1e-4, momentum=0.9),
        lambda o: o.sgd(1e-4, momentum=0.9),
    ),
    "Nesterov": Method(
        Nesterov(1e-4, 0.9),
        lambda t, p: t.optim.SGD(p, 1e-4, momentum=0.9, nesterov=True),
        lambda o: o.sgd(1e-4, momentum=0.9, nesterov=True),
    ),
    "AdaGrad": Method(
        AdaGrad(1e-2, epsilon=0.0, epsilon_root=1e-7, initial=0.1),
        lambda t, p: None,
        lambda o: o.adagrad(1e-2),
    ),
    "AdaGrad (torch's)": Method(
        AdaGrad(1e-2), lambda t, p: t.optim.Adagrad(p, 1e-2), lambda o: None
    ),
    "RMSProp": Method(
        RMSProp(1e-2, decay=0.9, epsilon=0.0, epsilon_root=1e-8),
        lambda t, p: None,
        lambda o: o.rmsprop(1e-2),
    ),
    "RMSProp (torch's)": Method(
        RMSProp(1e-2), lambda t, p: t.optim.RMSprop(p, 1e-2), lambda o: None
    ),
    "Adam": Method(Adam(1e-2), lambda t, p: t.optim.Adam(p, 1e-2), lambda o: o.adam(1e-2)),
    "AdamW": Method(
        AdamW(1e-2, weight_decay=1e-2),
        lambda t, p: t.optim.AdamW(p, 1e-2, weight_decay=1e-2),
        lambda o: o.adamw(1e-2, weight_decay=1e-2),
    ),
    "AMSGrad": Method(
        AMSGrad(1e-2), lambda t, p: t.optim.Adam(p, 1e-2, amsgrad=True), lambda o: None
    ),
    "AMSGrad (optax's)": Method(
        AMSGrad(1e-2, of_corrected=True), lambda t, p: None, lambda o: o.amsgrad(1e-2)
    ),
}


def equality() -> None:
    """Largest difference of any parameter over 200 steps."""
    f = objective("ionosphere")
    if f is None:
        return
    hyper = np.log([ALPHA])
    start = constant_start(f)
    gradient = lambda params: f.at(params, hyper).gradient
    print(f"| method | torch, {STEPS} steps | optax, {STEPS} steps |")
    print("|---|---|---|")
    for name, method in METHODS.items():
        own = path_of_ours(method.ours, gradient, start)
        told = [
            difference(own, path(method, gradient, start))
            for path in (path_of_torch, path_of_optax)
        ]
        print(f"| {name} | {told[0]} | {told[1]} |", flush=True)


def difference(ours: np.ndarray, theirs: np.ndarray | None) -> str:
    return "–" if theirs is None else f"{np.abs(ours - theirs).max():.1e}"


def path_of_ours(solver: Any, gradient: Any, start: np.ndarray) -> np.ndarray:
    params, state, path = start, solver.init(start), [start]
    for count in range(STEPS):
        move, state = solver.update(gradient(params), state, params, solver.step_at(count))
        params = params + move
        path.append(params)
    return np.array(path)


def path_of_torch(method: Method, gradient: Any, start: np.ndarray) -> np.ndarray | None:
    with suppress(ImportError):
        import torch

        params = torch.tensor(start, requires_grad=True)
        optimizer = method.torch(torch, [params])
        if optimizer is None:
            return None
        path = [start]
        for _ in range(STEPS):
            params.grad = torch.tensor(gradient(params.detach().numpy().copy()))
            optimizer.step()
            path.append(params.detach().numpy().copy())
        return np.array(path)
    return None


def path_of_optax(method: Method, gradient: Any, start: np.ndarray) -> np.ndarray | None:
    with suppress(ImportError):
        import jax
        import optax

        with jax.enable_x64(True):
            transformation = method.optax(optax)
            if transformation is None:
                return None
            params = jax.numpy.asarray(start)
            state, path = transformation.init(params), [start]
            for _ in range(STEPS):
                slope = jax.numpy.asarray(gradient(np.asarray(params)))
                moves, state = transformation.update(slope, state, params)
                params = optax.apply_updates(params, moves)
                path.append(np.asarray(params))
            return np.array(path)
    return None


def timing() -> None:
    """CPU seconds a full-batch step of Adam."""
    print("| work | derivata | torch | optax, jit | most that parameters differ |")
    print("|---|---|---|---|---|")
    for name in ("ionosphere", "spambase", "california_housing"):
        f = objective(name)
        if f is None:
            continue
        if isinstance(f.loss, SquaredLoss):
            f = replace(f, y=(f.y - f.y.mean()) / f.y.std())
        # Not at the best constant: there a gradient is rounding, which Adam divides by its size.
        start = constant_start(f) + 0.1
        sides = [ours_side(f, start), *peers(f, start)]
        found = harness.interleaved([side for side in sides if side is not None], 5)
        results = iter(found)
        cells, ends = [], []
        for side in sides:
            if side is None:
                cells.append("–")
                continue
            times, end = next(results)
            cells.append(f"{median(times) / STEPS * 1e6:.3g} µs")
            ends.append(end)
        apart = max(float(np.abs(end - ends[0]).max()) for end in ends)
        about = f"{name} ({len(f.y):,} × {f.predictor.n_params})"
        print(f"| {about} | {' | '.join(cells)} | {apart:.0e} |", flush=True)


def ours_side(f: Objective, start: np.ndarray) -> Callable[[], np.ndarray]:
    solver = Adam(1e-2, tol=0.0, max_iter=STEPS)
    hyper = np.log([ALPHA])

    def run() -> np.ndarray:
        # The lowest point is returned; the path ends there while Adam still comes down.
        return solver.minimize(replace(f), start, hyper).expansion.params

    return run


def peers(f: Objective, start: np.ndarray) -> Sequence[Callable[[], np.ndarray] | None]:
    X = f.predictor.design.dense(slice(None))
    squared = isinstance(f.loss, SquaredLoss)
    return torch_side(X, f.y, start, squared), optax_side(X, f.y, start, squared)


def torch_side(
    X: np.ndarray, y: np.ndarray, start: np.ndarray, squared: bool
) -> Callable[[], np.ndarray] | None:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    rows, targets = torch.tensor(np.ascontiguousarray(X)), torch.tensor(y)
    held = torch.ones(len(start), dtype=torch.float64)
    held[-1] = 0.0

    def run() -> np.ndarray:
        params = torch.tensor(start, requires_grad=True)
        optimizer = torch.optim.Adam([params], 1e-2)
        for _ in range(STEPS):
            optimizer.zero_grad()
            z = rows @ params
            if squared:
                losses = 0.5 * (targets - z).square()
            else:
                losses = torch.nn.functional.softplus(z) - targets * z
            (losses.sum() + 0.5 * ALPHA * (held * params.square()).sum()).backward()
            optimizer.step()
        return params.detach().numpy().copy()

    return run


def optax_side(
    X: np.ndarray, y: np.ndarray, start: np.ndarray, squared: bool
) -> Callable[[], np.ndarray] | None:
    try:
        import jax
        import optax
    except ImportError:
        return None
    jnp = jax.numpy
    transformation = optax.adam(1e-2)
    held = np.ones(len(start))
    held[-1] = 0.0

    def loss(params: Any, rows: Any, targets: Any) -> Any:
        z = rows @ params
        losses = 0.5 * (targets - z) ** 2 if squared else jax.nn.softplus(z) - targets * z
        return losses.sum() + 0.5 * ALPHA * (held * params**2).sum()

    @jax.jit
    def step(params: Any, state: Any, rows: Any, targets: Any) -> Any:
        moves, state = transformation.update(jax.grad(loss)(params, rows, targets), state, params)
        return optax.apply_updates(params, moves), state

    def run() -> np.ndarray:
        with jax.enable_x64(True):
            params, rows, targets = jnp.asarray(start), jnp.asarray(X), jnp.asarray(y)
            state = transformation.init(params)
            for _ in range(STEPS):
                params, state = step(params, state, rows, targets)
            return np.asarray(params)

    return run


PARTS = {"steps": steps, "equality": equality, "time": timing}


def main(chosen: list[str]) -> None:
    found = []
    for name in ("torch", "optax", "jax"):
        with suppress(Exception):
            found.append(f"{name} {version(name)}")
    print(f"{harness.machine()}, {', '.join(found)}\n")
    for name in chosen or PARTS:
        PARTS[name]()
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
