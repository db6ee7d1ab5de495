"""Losses and predictors of a user who writes JAX, for the tables of ``tests.cases``.

Functions are defined once, here, so that each is compiled once a shape in a whole test run.
"""

import jax.numpy as jnp
import numpy as np

from derivata.adapters.dense_network import DenseNetwork
from derivata.losses.autodiff import AutodiffLoss
from derivata.predictors.autodiff import AutodiffPredictor


def logistic_row(y, z):
    """What LogisticLoss has by hand."""
    return jnp.logaddexp(0.0, z) - y * z


def heavy_tail_row(y, z):
    """A square near zero, straight far out, convex."""
    return jnp.sqrt(1.0 + (y - z) ** 2) - 1.0


def student_row(y, z):
    """Minus the log-likelihood of Student's t with 3 degrees of freedom: not convex."""
    return 2.0 * jnp.log1p((y - z) ** 2 / 3.0)


def square_row(y, z):
    """What SquaredLoss has by hand."""
    return 0.5 * (y - z) ** 2


def logistic():
    return AutodiffLoss(logistic_row, label="logistic", least=0.0)


def heavy_tail():
    return AutodiffLoss(heavy_tail_row)


def tanh_network(params, x):
    """One hidden layer; halved, so that differences of fourth order are exact to 1e-9."""
    return jnp.tanh(0.5 * (x @ params["in"] + params["shift"])) @ params["out"] + params["mean"]


def network_params(n_features, n_hidden, n_outputs, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "in": 0.7 * rng.standard_normal((n_features, n_hidden)),
        "mean": np.zeros(n_outputs),
        "out": 0.7 * rng.standard_normal((n_hidden, n_outputs)),
        "shift": 0.5 * rng.standard_normal(n_hidden),
    }


def dense_network(X):
    """2 outputs of 3 hidden units, whose outputs are NumPy's."""
    params = network_params(X.shape[1], 3, 2)
    layers = ((params["in"], params["shift"]), (params["out"], params["mean"]))
    return DenseNetwork(X, layers, "logistic")


def network(X):
    """2 outputs of 3 hidden units."""
    return AutodiffPredictor(tanh_network, X, network_params(X.shape[1], 3, 2))
