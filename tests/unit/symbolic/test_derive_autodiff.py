"""Every loss of the list against JAX: gradient and Hessian blocks, to 1e-12 of their size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import special

from derivata.double_precision import float64
from derivata.symbolic.derive import derive
from derivata.symbolic.draw import drawn
from tests.unit.symbolic.losses import CASES


def _norm(x, axis=None, keepdims=False):
    return jnp.sqrt(jnp.sum(x**2, axis=axis, keepdims=keepdims))


def _max(x, y=None, axis=None):
    return jnp.max(x, axis=axis) if y is None else jnp.maximum(x, y)


def _huber(x, delta=1.0):
    return jnp.where(jnp.abs(x) <= delta, x**2 / 2, delta * (jnp.abs(x) - delta / 2))


ORACLE = {
    **{name: getattr(jnp, name) for name in (
        "sum", "mean", "log", "exp", "sqrt", "abs", "log1p", "tanh", "cosh", "outer", "trace",
        "where", "maximum", "minimum", "logaddexp", "diag", "square",
    )},
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "softmax": jax.nn.softmax,
    "relu": jax.nn.relu,
    "logsumexp": special.logsumexp,
    "erf": special.erf,
    "lgamma": special.gammaln,
    "inv": jnp.linalg.inv,
    "det": jnp.linalg.det,
    "logdet": lambda m: jnp.linalg.slogdet(m)[1],
    "eye": jnp.eye,
    "norm": _norm,
    "max": _max,
    "huber": _huber,
    "pi": np.pi,
}  # fmt: skip


def relative(found, true):
    true = np.asarray(true)
    assert np.shape(found) == true.shape
    return np.abs(found - true).max() / max(np.abs(true).max(), 1e-3)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_gradient_and_hessian_equal_those_of_autodiff(case):
    derivation = derive(case.text, case.wrt, case.shapes)
    values, lengths = drawn(derivation.tree, derivation.shapes, 3)
    functions = derivation.callable("numpy")
    code = compile(case.text, case.name, "eval")

    def loss(*wanted):
        return eval(code, {**ORACLE, **lengths, **values, **dict(zip(case.wrt, wanted))})  # noqa: B905

    with float64():
        at = [jnp.asarray(values[name]) for name in case.wrt]
        places = tuple(range(len(at)))
        true_gradient = jax.grad(loss, places)
        value, gradients, blocks = jax.jit(
            lambda *at: (loss(*at), true_gradient(*at), jax.jacfwd(true_gradient, places)(*at))
        )(*at)
    assert relative(functions.loss(**values), value) < 1e-12
    for j, found in enumerate(functions.gradient(**values)):
        assert relative(found, gradients[j]) < 1e-12
    # A block that is zero up to rounding is held to the size of its row.
    for j, row in enumerate(functions.hessian(**values)):
        size = max(np.abs(block).max() for block in map(np.asarray, blocks[j]))
        for found, true in zip(row, blocks[j], strict=True):
            assert np.abs(found - np.asarray(true)).max() <= 1e-12 * max(size, 1e-3)
            assert np.shape(found) == np.shape(true)
