import numpy as np
import pytest

from derivata.errors import InvalidParameter
from derivata.penalties import FREE, Lasso
from derivata.solvers import Adam, from_optax, minimize
from tests.cases import LOSSES, problem

optax = pytest.importorskip("optax")
HYPER = np.array([0.4, 1.2])


def test_an_optax_transformation_fits_an_objective_to_the_tolerance_in_float64():
    # JAX computes moves in float32 here, which rounds the way and not its end.
    objective = problem(LOSSES["squared"], 60, 4)
    solver = from_optax(optax.adam(0.05), max_iter=2_000)
    fit = solver.minimize(objective, np.zeros(5), HYPER)
    assert fit.converged and fit.expansion.relative_gradient <= 1e-8
    assert fit.expansion.params.dtype == np.float64


def test_the_adapter_walks_the_path_of_our_own_rule():
    import jax

    objective = problem(LOSSES["logistic"], 60, 4)
    with jax.enable_x64(True):
        theirs = from_optax(optax.adam(0.05), max_iter=40).minimize(objective, np.zeros(5), HYPER)
    ours = Adam(0.05, max_iter=40).minimize(objective, np.zeros(5), HYPER)
    np.testing.assert_allclose(theirs.values, ours.values, rtol=1e-12)


def test_batches_and_bare_functions_go_through_it():
    objective = problem(LOSSES["squared"], 60, 4)
    batches = from_optax(optax.lion(1e-3), batch_size=20, max_iter=3)
    fit = batches.minimize(objective, np.zeros(5), HYPER)
    assert fit.n_iter == 3 and fit.expansion.value < fit.values[0]
    bare = minimize(lambda w: (w - 1.0) @ (w - 1.0), np.zeros(3), solver=from_optax(optax.sgd(0.3)))
    assert bare.converged


def test_what_is_no_transformation_is_refused():
    with pytest.raises(InvalidParameter, match="expected an optax.GradientTransformation"):
        from_optax(optax.adam)


def test_a_transformation_that_searches_along_a_line_is_refused_in_words():
    import jax

    objective = problem(LOSSES["squared"], 20, 4)
    words = r"asks for more than a gradient .*`LBFGS\(\)`"
    with jax.enable_x64(True), pytest.raises(InvalidParameter, match=words):
        from_optax(optax.lbfgs()).minimize(objective, np.zeros(5), HYPER)


def test_a_kinked_penalty_is_refused_as_the_metric_of_the_moves_is_unknown():
    from dataclasses import replace

    objective = problem(LOSSES["squared"], 20, 4)
    kinked = replace(objective, penalty=Lasso().on(np.append(np.zeros(4, dtype=int), FREE), 1))
    with pytest.raises(InvalidParameter, match="FromOptax has no proximal step"):
        from_optax(optax.sgd(0.1)).minimize(kinked, np.zeros(5), np.zeros(1))
