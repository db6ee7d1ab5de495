"""Formulas come back as people write them, to third order, and as code that runs."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from derivata.double_precision import float64
from derivata.errors import InvalidParameter
from derivata.symbolic.derive import derive

LINEAR = {"X": "nd", "y": "n", "w": "d"}


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(0)
    return {
        "X": rng.standard_normal((7, 3)),
        "y": rng.integers(0, 2, 7).astype(float),
        "w": rng.standard_normal(3),
    }


@pytest.mark.parametrize(
    "text, gradient",
    [
        ("sum((y - X@w)**2)", "-2 * (X.T @ (y - X @ w))"),
        ("0.5*sum((X@w - y)**2)", "X.T @ (X @ w - y)"),
        ("sum(log(1 + exp(X@w)) - y*(X@w))", "X.T @ (special.expit(X @ w) - y)"),
        ("sum(exp(X@w) - y*(X@w))", "X.T @ (np.exp(X @ w) - y)"),
        ("sum(huber(X@w - y))", "X.T @ np.clip(X @ w - y, -1, 1)"),
        ("w@w", "2 * w"),
        ("norm(w)", "w / np.sqrt(w @ w)"),
        ("logsumexp(X@w)", "X.T @ special.softmax(X @ w, axis=0)"),
    ],
)
def test_a_gradient_reads_as_people_write_it(text, gradient):
    assert str(derive(text, "w", LINEAR).gradient) == gradient


@pytest.mark.parametrize(
    "text, hessian",
    [
        ("sum((y - X@w)**2)", "2 * (X.T @ X)"),
        ("sum(exp(X@w))", "X.T @ (np.exp(X @ w)[:, None] * X)"),
        ("sum(w**4)", "12 * np.diag(w**2)"),
        ("w@w/2", "np.eye(d)"),
    ],
)
def test_a_hessian_is_in_matrix_form(text, hessian):
    shapes = LINEAR if "X" in text else {"w": "d"}
    assert str(derive(text, "w", shapes).hessian) == hessian


def test_shared_parts_are_computed_once_under_a_usual_name():
    code = derive("sum(log(1 + exp(X@w)) - y*(X@w))", "w", LINEAR).code()
    assert "    z = X @ w\n" in code
    assert code.count("X @ w") == 3  # once in each of the three functions


def test_dimensions_serve_as_numbers(values):
    derivation = derive("sum((y - X@w)**2)/(n - d)", "w", LINEAR)
    found = derivation.callable().gradient(**values)
    X, y, w = values.values()
    np.testing.assert_allclose(found, -2 * X.T @ (y - X @ w) / 4, rtol=1e-14)


THIRD = {
    "mean(softplus(X@w) - y*(X@w)) + sum(tanh(w)**2)": lambda X, y, w: (
        jnp.mean(jax.nn.softplus(X @ w) - y * (X @ w)) + jnp.sum(jnp.tanh(w) ** 2)
    ),
    "sum(exp(X@w) - y*(X@w))/n": lambda X, y, w: jnp.mean(jnp.exp(X @ w) - y * (X @ w)),
    "logsumexp(X@w) + norm(w)": lambda X, y, w: (
        jax.scipy.special.logsumexp(X @ w) + jnp.sqrt(w @ w)
    ),
    "(w@w)**3 + log(1 + w@w)": lambda X, y, w: (w @ w) ** 3 + jnp.log1p(w @ w),
}


@pytest.mark.parametrize("text", THIRD)
def test_third_derivatives_equal_those_of_autodiff(text, values):
    third = derive(text, "w", {k: s for k, s in LINEAR.items() if k in text}).derivative(*"www")
    X, y, w = values.values()

    def loss(w):
        return THIRD[text](jnp.asarray(X), jnp.asarray(y), w)

    with float64():
        true = np.asarray(jax.jit(jax.jacfwd(jax.hessian(loss)))(jnp.asarray(w)))
    found = third.callable()(**{name: values[name] for name in third.shapes})
    assert third.shape == "ddd"
    np.testing.assert_allclose(found, true, rtol=0, atol=1e-12 * np.abs(true).max())


def test_cross_blocks_are_transposes_of_each_other():
    shapes = {"X": "nd", "y": "n", "W": "dh", "v": "h"}
    blocks = derive("mean((y - tanh(X@W)@v)**2)", ("W", "v"), shapes).blocks
    rng = np.random.default_rng(1)
    sizes = dict(n=6, d=3, h=2)
    operands = {k: rng.standard_normal([sizes[c] for c in s]) for k, s in shapes.items()}
    one, other = (blocks[pair].callable()(**operands) for pair in (("W", "v"), ("v", "W")))
    np.testing.assert_allclose(one, np.moveaxis(other, 0, -1), rtol=1e-13)


def test_a_jacobian_of_a_vector_is_had_by_the_same_step():
    from derivata.symbolic.formula import Formula
    from derivata.symbolic.parse import parse

    jacobian = Formula(parse("tanh(X@w)", LINEAR), LINEAR).by("w")
    assert jacobian.shape == "nd"
    assert str(jacobian) == "X * (1 - np.tanh(X @ w)**2)[:, None]"


@pytest.mark.parametrize("size", [40.0, 800.0])
def test_code_does_not_overflow_where_the_text_would(size):
    X = np.array([[1.0], [-1.0]])
    values = {"X": X, "y": np.array([0.0, 0.0]), "w": np.array([size])}
    text = "sum(log(1 + exp(X@w)) - y*(X@w))"
    functions = derive(text, "w", LINEAR).callable()
    np.testing.assert_allclose(functions.loss(**values), size + np.log1p(np.exp(-size)), rtol=1e-15)
    np.testing.assert_allclose(
        functions.gradient(**values), special.expit(size) - special.expit(-size), rtol=1e-15
    )
    curvature = 2 * special.expit(size) * special.expit(-size)
    np.testing.assert_allclose(functions.hessian(**values), [[curvature]], rtol=1e-14)


@pytest.mark.parametrize(
    "text",
    [
        "-sum(log(sigmoid(w)))",
        "-sum(log(1/(1 + exp(-w))))",
        "-sum(log(exp(w)/sum(exp(w))))",
        "log(sum(exp(w)))",
        "logaddexp(w@w, 1) + log(exp(w@w) + exp(2))",
        "sum(log(1 - sigmoid(w)))",
    ],
)
def test_textbook_forms_that_overflow_are_written_stably(text):
    functions = derive(text, "w", {"w": "d"}).callable()
    w = np.array([900.0, -900.0])
    found = (
        functions.loss(w=w),
        *np.ravel(functions.gradient(w=w)),
        *np.ravel(functions.hessian(w=w)),
    )
    assert np.isfinite(found).all()


def test_the_same_text_gives_the_same_code_in_every_process():
    script = (
        "from derivata.symbolic.derive import derive\n"
        "print(derive('mean((Y - softmax(X@W + b))**2) + lam*sum(W**2)', ('W', 'b'),"
        " dict(X='nd', Y='nk', W='dk', b='k', lam='')).code())"
    )
    codes = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(codes) == 1 and "def hessian" in codes.pop()


def test_the_code_runs_by_itself(values):
    derivation = derive("mean(logaddexp(0, X@w) - y*(X@w))", "w", LINEAR)
    space = {}
    exec(derivation.code(), space)
    for name in ("loss", "gradient", "hessian"):
        np.testing.assert_array_equal(
            space[name](**values), getattr(derivation.callable(), name)(**values)
        )


def test_with_several_operands_gradients_come_in_their_order():
    functions = derive("mean((y - w0 - w1*x)**2)", ("w0", "w1")).callable()
    x, y = np.array([1.0, 2.0, 4.0]), np.array([0.0, 1.0, 1.0])
    first, second = functions.gradient(x=x, y=y, w0=0.5, w1=-1.0)
    r = y - 0.5 + x
    np.testing.assert_allclose([first, second], [-2 * r.mean(), -2 * (r * x).mean()], rtol=1e-15)


def test_shapes_that_were_not_given_are_said():
    shapes = derive("mean((y - X@w)**2) + lam*w@w").shapes
    assert shapes == {"X": "nd", "y": "n", "w": "d", "lam": ""}


def test_a_name_without_a_reading_has_to_be_declared():
    with pytest.raises(InvalidParameter, match="at position 14: `b`: is not declared"):
        derive("sum((y - X@w -b)**2)")


@pytest.mark.parametrize("wrt", [(), ("w", "w")])
def test_operands_to_differentiate_by_are_some_and_differ(wrt):
    with pytest.raises(InvalidParameter, match="`wrt` is .* expected names of operands"):
        derive("w@w", wrt, {"w": "d"})


def test_declared_shapes_rule_the_others():
    assert derive("sum((Y - X@W)**2)", "W", {"Y": "mk"}).shapes["X"][0] == "m"


def test_the_derivative_by_an_unknown_name_is_refused():
    with pytest.raises(InvalidParameter, match="'q' is no operand"):
        derive("w@w", "w", {"w": "d"}).derivative("q")
