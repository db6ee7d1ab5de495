"""Random networks for the tests of integrals, and their integrals by brute force."""

import numpy as np

from derivata.integrals.activations import activation_named
from derivata.integrals.dense_path import DensePath
from derivata.integrals.shapes import NetworkOutputs


def random_layers(sizes, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(
        (rng.standard_normal((a, b)) * np.sqrt(2.0 / a), 0.3 * rng.standard_normal(b))
        for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    )


def random_paths(activation, sizes=(6, 20, 15, 3), m=4, n_members=1, seed=0):
    rng = np.random.default_rng(100 + seed)
    start, end = rng.standard_normal((2, m, sizes[0]))
    chosen = activation_named(activation)
    return [
        DensePath(random_layers(sizes, seed + member), chosen, start, end - start)
        for member in range(n_members)
    ]


def random_shape(activation, link, sizes=(6, 20, 15, 3), n_members=1, **more):
    return NetworkOutputs(
        tuple(f"x{j}" for j in range(sizes[0])),
        tuple(random_layers(sizes, member) for member in range(n_members)),
        activation,
        np.asarray,
        link,
        **more,
    )


def plain_outputs(path, x):
    """Outputs of a network at inputs, written out."""
    for number, (weight, bias) in enumerate(path.layers):
        x = x @ weight + bias
        if number < len(path.layers) - 1:
            x = path.activation.value(x)
    return x


def brute_force(paths, link, n_nodes=20_000):
    """Contributions (m, p, q) by the midpoint rule and differences of inputs."""
    start, step = paths[0].start, paths[0].step
    m, p = start.shape

    def value(x):
        return link.value(np.concatenate([plain_outputs(path, x) for path in paths], axis=1))

    total = 0.0
    t = (np.arange(n_nodes) + 0.5) / n_nodes
    for row in range(m):
        x = start[row] + t[:, None] * step[row]
        each = []
        for j in range(p):
            h = np.zeros(p)
            h[j] = 1e-6
            each.append((value(x + h) - value(x - h)).mean(axis=0) / 2e-6 * step[row, j])
        total = [*total, np.array(each)] if row else [np.array(each)]
    return np.array(total)
