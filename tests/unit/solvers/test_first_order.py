"""The rules: bounds, rates, noise floors, and what a run says of itself."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.curvature.chain import expand
from derivata.curvature.spectrum import Spectrum, spectrum
from derivata.errors import InvalidParameter
from derivata.penalties import FREE, FusedLasso, GroupLasso, GroupRidge, Lasso
from derivata.solvers import (
    AdaGrad,
    Adam,
    AdamW,
    AMSGrad,
    Backtracking,
    Constant,
    Cosine,
    GradientDescent,
    InverseSqrt,
    Momentum,
    Nesterov,
    Newton,
    ProximalNewton,
    RMSProp,
)
from tests.cases import LOSSES, problem

HYPER = np.array([0.4, 1.2])
CURVED = {"gradient descent": GradientDescent, "momentum": Momentum, "nesterov": Nesterov}
KIND = pytest.mark.parametrize("kind", CURVED.values(), ids=list(CURVED))
# Where each arrives with a step that falls as half a cosine, as a relative gradient.
ADAPTIVE = {
    "adagrad": AdaGrad(0.5),
    "rmsprop": RMSProp(Cosine(0.1, 2_000)),
    "rmsprop with momentum": RMSProp(Cosine(0.03, 2_000), momentum=0.8),
    "rmsprop, centred": RMSProp(Cosine(0.03, 2_000), centered=True),
    "adam": Adam(Cosine(0.1, 2_000)),
    "amsgrad": AMSGrad(Cosine(0.1, 2_000)),
}


def quadratic(n_rows=200, n_features=6, seed=0):
    """A squared loss without a penalty whose kappa is some tens."""
    objective = problem(LOSSES["squared"], n_rows, n_features, seed=seed, offset=False)
    spread = np.append(np.linspace(1.0, 5.0, n_features), 1.0)
    objective.predictor.design.columns[:] *= spread[:, None]
    return replace(objective, penalty=GroupRidge(np.full(n_features + 1, FREE), ()))


def start_of(objective):
    return np.zeros(objective.predictor.n_params)


@KIND
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_the_bound_parts_the_steps_that_converge_from_those_that_diverge(kind, beta):
    settings = {} if kind is GradientDescent else {"beta": beta}
    objective = quadratic()
    largest = spectrum(objective.at(start_of(objective), np.zeros(0))).largest
    bound = kind(1.0, **settings).bound(largest)
    inside = kind(0.99 * bound, max_iter=20_000, **settings)
    assert inside.minimize(objective, start_of(objective), np.zeros(0)).converged
    outside = kind(1.01 * bound, max_iter=20_000, allow_unstable=True, **settings)
    fit = outside.minimize(objective, start_of(objective), np.zeros(0))
    assert fit.diverged and not fit.converged
    assert fit.reason.startswith("diverged: step")
    # The start, or a point before the swings grew.
    assert fit.expansion.value == min(fit.values)


@KIND
def test_an_unstable_step_is_refused_before_it_runs_with_the_bound_and_the_cure(kind):
    objective = quadratic()
    largest = spectrum(objective.at(start_of(objective), np.zeros(0))).largest
    bound = kind(1.0).bound(largest)
    for step in (bound, InverseSqrt(bound), Constant(2.0 * bound)):
        with pytest.raises(InvalidParameter) as refused:
            kind(step).minimize(objective, start_of(objective), np.zeros(0))
        message = str(refused.value)
        assert f"L = {largest:.4g}" in message and f"{bound:.4g}" in message
        assert "`step=None`" in message and "`allow_unstable=True`" in message


@KIND
def test_the_rate_on_a_quadratic_is_the_one_predicted_from_kappa(kind):
    objective = quadratic()
    kappa = spectrum(objective.at(start_of(objective), np.zeros(0))).condition
    assert 20.0 < kappa < 100.0
    root = kappa**0.5
    predicted = {
        GradientDescent: (kappa - 1.0) / (kappa + 1.0),
        Momentum: (root - 1.0) / (root + 1.0),
        Nesterov: 1.0 - 1.0 / root,
    }[kind]
    end = Newton(1e-13).minimize(objective, start_of(objective), np.zeros(0)).expansion
    fit = kind(tol=1e-11).minimize(objective, start_of(objective), np.zeros(0))
    assert fit.converged
    gaps = np.array(fit.values) - end.value
    late = (gaps < 1e-4 * gaps[0]) & (gaps > 1e-10 * gaps[0])
    slope = np.polyfit(np.flatnonzero(late), np.log(gaps[late]), 1)[0]
    # The gap falls by the square. A double root, as the two accelerations have, adds a factor k.
    assert 0.5 * slope == pytest.approx(
        np.log(predicted), rel=0.02 if kind is GradientDescent else 0.2
    )


def test_steps_left_out_are_those_of_the_formulas():
    ends = Spectrum(100.0, 4.0, 0)
    assert GradientDescent().resolved(ends).step == pytest.approx(2.0 / 104.0)
    ball = Momentum().resolved(ends)
    assert ball.step == pytest.approx(4.0 / (10.0 + 2.0) ** 2)
    assert ball.beta == pytest.approx((8.0 / 12.0) ** 2)
    ahead = Nesterov().resolved(ends)
    assert (ahead.step, ahead.beta) == pytest.approx((0.01, 8.0 / 12.0))
    assert Momentum(0.01).resolved(ends).beta == 0.9
    assert Momentum(beta=0.5).resolved(ends).step == pytest.approx(3.0 / 104.0)
    assert GradientDescent(0.3).resolved(ends) == GradientDescent(0.3)


def test_a_result_carries_the_settings_it_ended_with():
    objective = quadratic()
    ends = spectrum(objective.at(start_of(objective), np.zeros(0)))
    fit = Momentum().minimize(objective, start_of(objective), np.zeros(0))
    assert fit.solver == Momentum().resolved(ends)
    assert fit.n_gradients == fit.n_iter + 1


def test_a_step_of_none_has_no_value_before_an_objective_says_it():
    with pytest.raises(InvalidParameter, match="only an objective can say"):
        GradientDescent().step_at(0)
    with pytest.raises(InvalidParameter, match="finds each step anew"):
        GradientDescent(Backtracking()).step_at(0)


@KIND
def test_curvature_that_grows_on_the_way_shortens_the_step_and_is_reported(kind):
    # At z = -4 a Poisson loss is nearly straight: the step from there is a hundred times too long.
    objective = problem(LOSSES["poisson"], 60, 4, weighted=False)
    start = np.array([0.0, 0.0, 0.0, 0.0, -4.0])
    fit = kind().minimize(objective, start, HYPER)
    assert fit.converged
    assert "shortened" in fit.reason
    assert fit.n_gradients >= fit.n_iter + 1


@KIND
def test_curvature_that_falls_on_the_way_lengthens_the_step(kind):
    objective = problem(LOSSES["poisson"], 60, 4, weighted=False)
    start = np.array([0.0, 0.0, 0.0, 0.0, 6.0])
    first = spectrum(objective.at(start, HYPER))
    fit = kind().minimize(objective, start, HYPER)
    last = spectrum(fit.expansion)
    assert fit.converged and first.largest > 20.0 * last.largest
    assert fit.solver.step > 5.0 * kind().resolved(first).step


@KIND
def test_no_curvature_at_the_start_is_no_obstacle(kind):
    # Every row lies in Huber's straight tails, and nothing is penalised: H is zero.
    objective = problem(LOSSES["huber"], 48, 4)
    objective = replace(objective, y=objective.y + 50.0, penalty=GroupRidge(np.full(5, FREE), ()))
    start = np.zeros(5)
    assert spectrum(objective.at(start, np.zeros(0))).largest == 0.0
    fit = kind(tol=1e-6).minimize(objective, start, np.zeros(0))
    assert fit.converged


def test_a_run_that_ends_early_blames_the_condition_number_where_it_is_to_blame():
    objective = quadratic()
    objective.predictor.design.columns[0] *= 1e3
    short = GradientDescent(max_iter=50)
    fit = short.minimize(objective, start_of(objective), np.zeros(0))
    kappa = spectrum(objective.at(start_of(objective), np.zeros(0))).condition
    assert f"condition number is {kappa:.1e}" in fit.reason and "one scale" in fit.reason
    fine = short.minimize(quadratic(), start_of(objective), np.zeros(0))
    assert "condition number" not in fine.reason


def test_a_line_search_takes_no_more_steps_than_the_best_constant_step():
    objective = problem(LOSSES["negative binomial"], 48, 4)
    plain = GradientDescent().minimize(objective, np.zeros(5), HYPER)
    searched = GradientDescent(Backtracking()).minimize(objective, np.zeros(5), HYPER)
    assert searched.converged and plain.converged
    assert searched.n_iter < 0.5 * plain.n_iter


def test_a_line_search_is_for_gradient_descent_over_all_rows_only():
    with pytest.raises(InvalidParameter, match="step"):
        Momentum(Backtracking())
    objective = quadratic()
    with pytest.raises(InvalidParameter, match="`batch_size` is 10, but a line search"):
        GradientDescent(Backtracking(), batch_size=10).minimize(
            objective, start_of(objective), np.zeros(0)
        )


@pytest.mark.parametrize("solver", ADAPTIVE.values(), ids=list(ADAPTIVE))
@pytest.mark.parametrize("name", ["squared", "logistic", "softmax of 4", "poisson"])
def test_adaptive_methods_with_a_falling_step_arrive(solver, name):
    objective = problem(LOSSES[name], 48, 4)
    truth = Newton(1e-12).minimize(objective, start_of(objective), HYPER).expansion
    fit = replace(solver, max_iter=2_000).minimize(objective, start_of(objective), HYPER)
    assert fit.expansion.relative_gradient < 1e-5
    assert np.abs(fit.expansion.params - truth.params).max() < 1e-4


def test_a_constant_step_of_adam_over_batches_ends_in_a_floor_proportional_to_it():
    objective = problem(LOSSES["squared"], 4_000, 4, weighted=False)
    end = Newton(1e-12).minimize(objective, np.zeros(5), HYPER).expansion
    floors = []
    for step in (0.04, 0.08, 0.16):
        solver = Adam(step, batch_size=20, max_iter=12, tol=0.0)
        fit = solver.minimize(objective, end.params, HYPER)
        floors.append(np.mean(fit.values[4:]) - end.value)
    ratios = np.array(floors[1:]) / np.array(floors[:-1])
    # Twice the step, twice the gap: 2.0 each time here, as the mean of nine draws.
    assert ((ratios > 1.5) & (ratios < 2.7)).all()


def test_weight_decay_moves_the_fixed_point_and_adam_without_it_is_adam():
    objective = problem(LOSSES["squared"], 48, 4)
    decayed = AdamW(Cosine(0.1, 1_000), weight_decay=1.0, max_iter=1_000)
    away = decayed.minimize(objective, np.zeros(5), HYPER)
    assert not away.converged and away.expansion.relative_gradient > 1e-4
    assert "weight decay of AdamW is no part of F" in away.reason
    plain = Adam(0.05, max_iter=50).minimize(objective, np.zeros(5), HYPER)
    none = AdamW(0.05, weight_decay=0.0, max_iter=50).minimize(objective, np.zeros(5), HYPER)
    assert plain.values == none.values


@pytest.mark.parametrize("penalty", [Lasso(), GroupLasso(), FusedLasso()])
@pytest.mark.parametrize(
    "solver",
    [
        GradientDescent(),
        GradientDescent(Backtracking()),
        Momentum(),
        Momentum(0.002),
        Nesterov(),
        Nesterov(0.002),
        Adam(Cosine(0.1, 2_000)),
        AdaGrad(0.3),
        RMSProp(Cosine(0.1, 2_000)),
        RMSProp(Cosine(0.02, 2_000), momentum=0.8),
        AMSGrad(Cosine(0.1, 2_000)),
    ],
    ids=lambda solver: type(solver).__name__,
)
def test_proximal_steps_find_the_sparse_minimum_with_its_exact_zeros(solver, penalty):
    objective = problem(LOSSES["logistic"], 80, 9)
    grouped = isinstance(penalty, GroupLasso)
    groups = np.append(np.arange(9) // 3 if grouped else np.zeros(9, dtype=int), FREE)
    kinked = replace(objective, penalty=penalty.on(groups, 1))
    hyper = np.full(kinked.penalty.n_hyper, 2.5 if grouped else 2.0)
    truth = ProximalNewton(1e-11).minimize(kinked, np.zeros(10), hyper).expansion
    fit = replace(solver, tol=1e-7, max_iter=4_000).minimize(kinked, np.zeros(10), hyper)
    assert fit.converged
    assert np.abs(fit.expansion.params - truth.params).max() < 1e-5
    zeros = truth.params == 0.0
    assert 0 < np.count_nonzero(zeros) < 10
    assert np.array_equal(fit.expansion.params == 0.0, zeros)
    assert (
        fit.expansion.relative_gradient
        == expand(kinked, fit.expansion.params, hyper).relative_gradient
    )


def test_weight_decay_takes_part_in_a_proximal_step():
    objective = problem(LOSSES["squared"], 48, 4)
    groups = np.append(np.zeros(4, dtype=int), FREE)
    kinked = replace(objective, penalty=Lasso().on(groups, 1))
    plain = Adam(0.05, max_iter=200).minimize(kinked, np.zeros(5), np.array([1.0]))
    none = AdamW(0.05, weight_decay=0.0, max_iter=200)
    some = AdamW(0.05, weight_decay=0.5, max_iter=200)
    assert none.minimize(kinked, np.zeros(5), np.array([1.0])).values == plain.values
    decayed = some.minimize(kinked, np.zeros(5), np.array([1.0])).expansion.params
    assert np.linalg.norm(decayed) < np.linalg.norm(plain.expansion.params)


def test_a_step_over_all_rows_takes_one_pass_forth_and_one_back():
    objective = problem(LOSSES["logistic"], 200, 8)
    passes = []
    predictor = objective.predictor
    kind = type(predictor)

    class Counted(kind):
        def predict(self, params):
            passes.append("forth")
            return super().predict(params)

        def vjp(self, params, cotangent):
            passes.append("back")
            return super().vjp(params, cotangent)

        def gram(self, params, weights):
            passes.append("gram")
            return super().gram(params, weights)

    counted = replace(objective, predictor=Counted(predictor.design, predictor.n_outputs))
    for solver in (Adam(0.01, max_iter=50), GradientDescent(max_iter=50, tol=0.0)):
        passes.clear()
        fit = solver.minimize(counted, np.zeros(9), HYPER)
        assert passes.count("forth") == passes.count("back") == fit.n_iter + 1
        # The spectrum at the start, after 8 steps and, as it had hardly changed, after 32.
        assert passes.count("gram") == (0 if isinstance(solver, Adam) else 3)
