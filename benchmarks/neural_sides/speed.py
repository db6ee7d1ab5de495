"""Training the same network with the same solver: ours, torch's eager mode, scikit-learn.

All minimise the mean loss with Adam, step 1e-3, no penalty and no schedule. torch gets its fused
Adam and rows by index (no DataLoader). All start from the same weights and each epoch visits the
rows in an order of its own. Each side is a function without arguments that trains from the start
and returns its layers: what is timed is training and all that it needs around it; losses are taken
afterwards.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.datasets import load_digits

STEP = 1e-3

Layers = list[tuple[np.ndarray, np.ndarray]]
Run = Callable[[], Layers]


@dataclass(frozen=True)
class Problem:
    """Rows, a network's units from inputs to outputs, and a batch size."""

    name: str
    X: np.ndarray
    y: np.ndarray
    units: tuple[int, ...]
    batch_size: int
    n_epochs: int  # a repeat
    classifies: bool

    def full_batch(self, n_epochs: int) -> Problem:
        name = f"{self.name}, full batch"
        return replace(self, name=name, batch_size=len(self.y), n_epochs=n_epochs)

    def loss(self, layers: Layers) -> float:
        """Mean training loss."""
        values = self.X.astype(float)
        for weight, bias in layers[:-1]:
            values = np.maximum(values @ weight + bias, 0.0)
        outputs = values @ layers[-1][0] + layers[-1][1]
        if not self.classifies:
            return float(np.mean((outputs[:, 0] - self.y) ** 2) / 2.0)
        if outputs.shape[1] < self.units[-1]:  # contrasts
            from derivata.losses.classification import helmert

            outputs = outputs @ helmert(self.units[-1])
        right = outputs[np.arange(len(self.y)), self.y]
        return float(np.mean(logsumexp(outputs, axis=1) - right))


def digits() -> Problem:
    X, y = load_digits(return_X_y=True)
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
    return Problem("digits", X.astype(np.float32), y, (64, 256, 256, 10), 32, 30, True)


def many_rows() -> Problem:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50_000, 20)).astype(np.float32)
    y = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=50_000)
    y = ((y - y.mean()) / y.std()).astype(np.float32)
    return Problem("50,000 × 20", X, y, (20, 128, 128, 1), 256, 10, False)


def ours(problem: Problem) -> Run:
    from derivata.neural.losses import ManyClasses, SquaredError
    from derivata.neural.network import Inputs, Network
    from derivata.neural.rows import Rows
    from derivata.neural.settings import Training
    from derivata.neural.training import train
    from derivata.solvers.first_order import Adam
    from derivata.solvers.schedules import Constant

    loss: Any = ManyClasses(problem.units[-1]) if problem.classifies else SquaredError()
    network = Network(problem.units[0], loss.n_outputs, problem.units[1:-1])
    n_rows = len(problem.y)
    inputs = Inputs(problem.X, np.zeros((n_rows, 0), np.int32))
    rows = Rows(inputs, loss.targets(problem.y), np.ones(n_rows, np.float32))
    settings = Training(
        solver=Adam(step=Constant(STEP)),
        n_epochs=problem.n_epochs,
        batch_size=problem.batch_size,
        warm_up=0.0,
    )

    weights = first_weights(problem)
    weights[-1] = weights[-1][:, : loss.n_outputs]
    start = network.init(np.random.default_rng(0))
    start["layers"] = [
        {"weight": weight, "bias": np.zeros(weight.shape[1], np.float32)} for weight in weights
    ]

    def run() -> Layers:
        layers = train(network, loss, rows, settings, start=start).params["layers"]
        return [(layer["weight"], layer["bias"]) for layer in layers]

    return run


def torch_eager(problem: Problem) -> Run:
    import torch

    torch.set_num_threads(1)
    X = torch.from_numpy(problem.X)
    y = torch.from_numpy(problem.y if problem.classifies else problem.y[:, None])
    n_rows, batch_size = len(y), problem.batch_size
    weights = first_weights(problem)

    def loss_of(outputs: Any, y: Any) -> Any:
        if problem.classifies:
            return torch.nn.functional.cross_entropy(outputs, y)
        return torch.nn.functional.mse_loss(outputs, y) / 2.0

    def run() -> Layers:
        modules: list[Any] = []
        for weight in weights:
            linear = torch.nn.Linear(*weight.shape)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weight.T))
                linear.bias.zero_()
            modules += [linear, torch.nn.ReLU()]
        network = torch.nn.Sequential(*modules[:-1])
        solver = torch.optim.Adam(network.parameters(), lr=STEP, fused=True)
        for _ in range(problem.n_epochs):
            order = torch.randperm(n_rows)
            for start in range(0, n_rows, batch_size):
                chosen = order[start : start + batch_size]
                loss = loss_of(network(X[chosen]), y[chosen])
                solver.zero_grad(set_to_none=True)
                loss.backward()
                solver.step()
        linears = modules[::2]
        return [(m.weight.detach().numpy().T, m.bias.detach().numpy()) for m in linears]

    return run


def first_weights(problem: Problem) -> list[np.ndarray]:
    """Uniform within sqrt(6 / (inputs + outputs)), as scikit-learn draws them (Glorot & Bengio)."""
    rng = np.random.default_rng(0)
    pairs = zip(problem.units[:-1], problem.units[1:], strict=True)
    each = [(pair, np.sqrt(6.0 / sum(pair))) for pair in pairs]
    return [rng.uniform(-most, most, pair).astype(np.float32) for pair, most in each]


def scikit_learn(problem: Problem) -> Run:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind: Any = MLPClassifier if problem.classifies else MLPRegressor

    model = kind(
        hidden_layer_sizes=problem.units[1:-1],
        batch_size=problem.batch_size,
        alpha=0.0,
        tol=0.0,
        n_iter_no_change=problem.n_epochs + 2,
        learning_rate_init=STEP,
        random_state=0,
        warm_start=True,  # starts from the weights that it has, with a new Adam
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_params(max_iter=1).fit(problem.X, problem.y)
    model.set_params(max_iter=problem.n_epochs)

    def run() -> Layers:
        model.coefs_ = first_weights(problem)
        model.intercepts_ = [np.zeros(weight.shape[1], np.float32) for weight in model.coefs_]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(problem.X, problem.y)
        return list(zip(model.coefs_, model.intercepts_, strict=True))

    return run
