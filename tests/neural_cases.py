"""A small network and its rows, of one shape for all tests: compiled once."""

import numpy as np

from derivata.neural.losses import ManyClasses, SquaredError, TwoClasses
from derivata.neural.network import Inputs, Network
from derivata.neural.rows import Rows

N_ROWS = 50
SQUARED = SquaredError()


def inputs(n_rows=N_ROWS, seed=0):
    """Four numbers, one code of five."""
    rng = np.random.default_rng(seed)
    numbers = rng.standard_normal((n_rows, 4)).astype(np.float32)
    return Inputs(numbers, rng.integers(4, size=(n_rows, 1)).astype(np.int32))


def network(loss=SQUARED, **changes):
    """Two hidden layers of 8 and 6, one embedding."""
    values = {"hidden": (8, 6), "levels": (5,), "widths": (2,)} | changes
    return Network(n_numbers=4, n_outputs=loss.n_outputs, **values)


def rows(loss=SQUARED, n_rows=N_ROWS, seed=0, weighted=False):
    """Rows whose target follows the first number and the code."""
    read = inputs(n_rows, seed)
    rng = np.random.default_rng(seed + 100)
    signal = np.sin(2.0 * read.numbers[:, 0]) + 0.5 * read.codes[:, 0] - 0.7
    y = signal + 0.1 * rng.standard_normal(n_rows)
    if isinstance(loss, TwoClasses):
        y = y > 0
    if isinstance(loss, ManyClasses):
        y = np.clip(np.round(y), -1, loss.n_classes - 2) + 1
    weight = rng.uniform(0.5, 1.5, n_rows) if weighted else np.ones(n_rows)
    return Rows(read, loss.targets(y), (weight / weight.mean()).astype(np.float32))
