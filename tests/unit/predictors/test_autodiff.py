"""A predictor that is any JAX function: trees, chunks, pickles, and the criteria over it."""

import pickle
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from derivata.criteria import Evidence, HoldOut, LeaveOneOut
from derivata.criteria.jacobian import moving_jacobian
from derivata.criteria.left_out import leave_out
from derivata.criteria.trust import leave_one_out_error
from derivata.curvature import invert
from derivata.curvature.exact import invert_exact
from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.implicit import hypergradient, params_by_hyper
from derivata.losses import LogisticLoss, SoftmaxLoss, SquaredLoss
from derivata.losses.autodiff import AutodiffLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import autodiff
from derivata.predictors.autodiff import AutodiffPredictor
from derivata.solvers import LBFGS, Newton
from tests.differences import jacobian, relative_error
from tests.jax_cases import network, network_params, student_row, tanh_network

HYPER = np.array([0.5, 0.5])
N_ROWS = 48


def targets(name, outputs, rng):
    if name == "logistic":
        return (outputs + rng.logistic(size=len(outputs)) > 0).astype(float)
    if name == "softmax":
        return np.digitize(outputs + 0.5 * rng.standard_normal(len(outputs)), [-0.7, 0.7]) * 1.0
    return outputs + 0.4 * rng.standard_t(3, len(outputs))


LOSSES = {
    "logistic": LogisticLoss(),
    "squared": SquaredLoss(),
    "student": AutodiffLoss(student_row),
    "softmax": SoftmaxLoss(3),
}
LOSS = pytest.mark.parametrize("name", LOSSES)


def problem(name, n_rows=N_ROWS, n_hidden=3, weighted=True):
    """A small network: weights of two layers penalised, the last constant free."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n_rows, 4))
    loss = LOSSES[name]
    k = loss.n_outputs
    predictor = AutodiffPredictor(tanh_network, X, network_params(4, n_hidden, k))
    sizes = dict(zip(predictor.leaf_names, predictor.leaf_sizes, strict=True))
    groups = {"in": 0, "mean": FREE, "out": 1, "shift": 0}
    y = targets(name, X[:, 0] * X[:, 1] + X[:, 2], rng)
    weight = np.resize([1.0, 1.0, 0.5, 2.0, 0.0, 1.0], n_rows) if weighted else np.ones(n_rows)
    numbers = np.concatenate([np.full(sizes[leaf], groups[leaf]) for leaf in sizes])
    penalty = GroupRidge(numbers, ("in", "out"))
    return Objective(loss, predictor, penalty, y, weight)


def fit(objective, hyper, start=None):
    start = objective.predictor.reference if start is None else start
    return Newton(tol=1e-13, max_iter=300).minimize(objective, start, hyper).expansion


# Criteria over a predictor whose Jacobian moves


@LOSS
@pytest.mark.parametrize(
    "criterion", [LeaveOneOut(), HoldOut(0.3), Evidence()], ids=lambda c: c.name
)
def test_hypergradients_equal_differences_of_refits(name, criterion):
    objective = problem(name)
    (part,) = criterion.subproblems(objective)
    end = fit(part.objective, HYPER)

    def value(hyper):
        near = fit(part.objective, hyper, end.params)
        return part.judge(near, invert(near)).value

    partials = part.judge(end, invert(end))
    found = hypergradient(end, partials, invert(end))
    # Minima of small networks bend sharply, so differences need short steps: 1e-8 is their doubt.
    truth = jacobian(value, HYPER, step=3e-4)
    assert relative_error(found, truth) < 1e-7


def test_without_the_change_of_the_jacobian_the_derivative_of_leave_one_out_is_wrong():
    objective = problem("logistic")
    (part,) = LeaveOneOut().subproblems(objective)
    end = fit(objective, HYPER)
    inverse = invert(end)
    partials = part.judge(end, inverse)
    _, rows = leave_out(end, inverse)
    sandwich = inverse.sandwich(rows.by_leverage)
    moved = moving_jacobian(end, inverse, rows.by_leverage)
    moved = moved - moving_jacobian(end, sandwich, end.output_hessian)
    whole = hypergradient(end, partials, inverse)
    frozen = hypergradient(end, replace(partials, by_params=partials.by_params - moved), inverse)
    assert np.abs(frozen - whole).max() > 0.1 * np.abs(whole).max()


def test_the_minimiser_moves_as_the_exact_hessian_says_and_not_as_gauss_newton_s():
    objective = problem("logistic")
    end = fit(objective, HYPER)
    truth = jacobian(lambda hyper: fit(objective, hyper, end.params).params, HYPER, step=3e-4)
    assert relative_error(params_by_hyper(end, invert(end)), truth) < 1e-7
    moves = np.stack(
        [objective.penalty.mixed_jvp(end.params, HYPER, unit) for unit in np.eye(2)], axis=1
    )
    assert relative_error(-invert(end).solve(moves), truth) > 1e-2


@LOSS
def test_the_exact_hessian_is_the_derivative_of_the_gradient(name):
    objective = problem(name)
    params = objective.predictor.reference
    truth = jacobian(lambda w: objective.at(w, HYPER).gradient, params)
    found = objective.at(params, HYPER).exact_hessian
    assert relative_error(found, truth) < 1e-8
    direction = np.random.default_rng(2).standard_normal(len(params))
    assert relative_error(objective.at(params, HYPER).hvp(direction), found @ direction) < 1e-12


@pytest.mark.parametrize("name", ["logistic", "softmax"])
def test_leave_one_out_is_near_refits_where_the_penalty_holds_the_network(name):
    objective = problem(name, weighted=False)
    hyper = np.array([1.5, 1.5])
    end = fit(objective, hyper)
    inverse = invert(end)
    losses = leave_out(end, inverse)[1].row_losses
    truth = np.empty(N_ROWS)
    for row in range(N_ROWS):
        weight = np.ones(N_ROWS)
        weight[row] = 0.0
        without = Newton(1e-7).minimize(replace(objective, weight=weight), end.params, hyper)
        truth[row] = objective.loss.at(objective.y, without.expansion.outputs).value[row]
    change = truth.sum() - end.loss_value
    assert abs(losses.sum() - truth.sum()) < 0.15 * change
    assert leave_one_out_error(end, inverse).error < 0.5 * change


# Solvers


@LOSS
def test_newton_and_lbfgs_end_at_a_minimum_of_a_small_network(name):
    objective = problem(name)
    for solver in (Newton(tol=1e-9), LBFGS(tol=1e-7)):
        end = solver.minimize(objective, objective.predictor.reference, HYPER)
        assert end.converged, end.reason
        assert np.linalg.eigvalsh(end.expansion.exact_hessian)[0] > 0.0


def test_newton_converges_quadratically_with_the_exact_hessian():
    objective = problem("squared")
    end = Newton(tol=1e-12).minimize(objective, objective.predictor.reference, HYPER)
    last = [g for g in end.gradients if g < 1e-2]
    assert end.converged and len(last) <= 5  # Gauss-Newton takes some twenty from there


def test_newton_leaves_a_saddle_where_the_gradient_is_zero():
    objective = problem("logistic", weighted=False)
    free = np.concatenate([np.zeros(objective.predictor.n_params)])
    mean = objective.loss.null_outputs(objective.y, objective.weight)
    names = objective.predictor.names
    free[names.index("mean[0]")] = mean[0]
    hyper = np.array([-3.0, -3.0])
    assert objective.at(free, hyper).relative_gradient < 1e-12  # every hidden unit is dead
    end = Newton().minimize(objective, free, hyper)
    assert end.converged and end.n_iter > 0
    assert end.expansion.value < objective.at(free, hyper).value - 1.0
    assert np.linalg.eigvalsh(end.expansion.exact_hessian)[0] > 0.0


# The predictor itself


def test_chunks_of_rows_give_the_same_numbers(monkeypatch):
    rng = np.random.default_rng(0)
    predictor = network(rng.standard_normal((40, 4)))
    params, k, p = rng.standard_normal(predictor.n_params), 2, predictor.n_params
    matrix, weights = rng.standard_normal((p, p)), rng.standard_normal((40, k, k))
    matrix, weights = matrix + matrix.T, weights + weights.transpose(0, 2, 1)
    cotangent, directions = rng.standard_normal((40, k)), rng.standard_normal((40, k, p))

    def everything():
        made = network(predictor.X)
        return [
            made.predict(params),
            made.jvp(params, directions[0, 0]),
            made.vjp(params, cotangent),
            made.input_vjp(params, cotangent),
            made.jacobian(params, slice(None)),
            made.gram(params, weights),
            made.leverage(params, matrix),
            made.curvature(params, cotangent),
            made.curvature_vp(params, cotangent, directions[0, 0]),
            made.row_curvature_vp(params, directions),
            made.leverage_vjp(params, matrix, weights),
            made.column_squares(np.arange(40.0)),
        ]

    whole = everything()
    monkeypatch.setattr(autodiff, "CHUNK", 16 * k * p)
    monkeypatch.setattr(autodiff, "CHUNK_ROWS", 16)
    for one, other in zip(whole, everything(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


def test_input_vjp_is_the_derivative_by_the_rows():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5, 4))
    predictor = network(X)
    params, cotangent = 0.5 * predictor.reference, rng.standard_normal((5, 2))
    truth = jacobian(
        lambda flat: np.sum(network(flat.reshape(5, 4)).predict(params) * cotangent), X.ravel()
    )
    assert relative_error(predictor.input_vjp(params, cotangent).ravel(), truth) < 1e-9


def by_place(params, row):
    """A number a row, from a table looked up and a slope: rows are trees, of several types."""
    return params["level"][row["group"]] + row["x"] * params["slope"]


def test_rows_and_parameters_may_be_trees_and_one_output_a_number():
    X = {"group": np.array([0, 2, 1, 2]), "x": np.array([1.0, 2.0, 3.0, 4.0], dtype=np.float32)}
    predictor = AutodiffPredictor(by_place, X, {"level": np.zeros(3), "slope": np.zeros(())})
    assert (predictor.n_rows, predictor.n_outputs, predictor.n_params) == (4, 1, 4)
    assert predictor.names == ["level[0]", "level[1]", "level[2]", "slope"]
    assert predictor.leaf_sizes == [3, 1]
    params = np.array([10.0, 20.0, 30.0, 0.5])
    np.testing.assert_allclose(predictor.predict(params)[:, 0], [10.5, 31.0, 21.5, 32.0])
    assert predictor.tree(params)["slope"] == 0.5
    np.testing.assert_allclose(predictor.take([1, 3]).predict(params)[:, 0], [31.0, 32.0])
    assert predictor.jacobian(params, np.array([1]))[0, 0].tolist() == [0.0, 0.0, 1.0, 2.0]


def test_a_pickle_keeps_function_and_rows_and_not_what_was_compiled():
    predictor = network(np.random.default_rng(0).standard_normal((40, 4)))
    before = predictor.predict(predictor.reference)
    copy = pickle.loads(pickle.dumps(predictor))
    np.testing.assert_array_equal(copy.predict(copy.reference), before)


@pytest.mark.parametrize(
    "apply, told",
    [
        (lambda w, x: jnp.outer(x, w), r"float64 of shape \(4, 2\) for one row"),
        (lambda w, x: (w, x), "gives tuple"),
        (lambda w, x: x @ w, "cannot be traced by JAX for one row of shape"),
        (lambda w, x: x > 0, "bool of shape"),
    ],
)
def test_a_function_that_is_no_predictor_is_refused_with_what_it_gave(apply, told):
    with pytest.raises(InvalidParameter, match=told):
        AutodiffPredictor(apply, np.ones((3, 4)), np.zeros(2))


def test_arrays_of_different_numbers_of_rows_are_refused():
    with pytest.raises(ShapeMismatch, match=r"\[3, 4\] rows"):
        AutodiffPredictor(by_place, {"group": np.zeros(3, int), "x": np.ones(4)}, np.zeros(2))


def test_a_saddle_is_refused_for_whatever_needs_a_minimum():
    objective = problem("logistic", weighted=False)
    zeros = np.zeros(objective.predictor.n_params)
    zeros[objective.predictor.names.index("mean[0]")] = objective.loss.null_outputs(
        objective.y, objective.weight
    )[0]
    saddle = objective.at(zeros, np.array([-3.0, -3.0]))
    inverse = invert_exact(saddle)
    assert inverse.reason.startswith("indefinite")
    partials = HoldOut(0.3).subproblems(objective)[0].judge(saddle, inverse)
    with pytest.raises(ValueError, match="needs a minimum, but the Hessian here has .* negative"):
        hypergradient(saddle, partials, invert(saddle))
