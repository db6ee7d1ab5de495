from dataclasses import replace

import numpy as np
import pytest

from derivata.penalties import FREE, Lasso
from derivata.solvers import (
    Adam,
    Constant,
    Cosine,
    GradientDescent,
    InverseSqrt,
    InverseTime,
    Momentum,
    Nesterov,
    Newton,
    ProximalNewton,
)
from tests.cases import LOSSES, problem

HYPER = np.array([0.4, 1.2])


@pytest.mark.parametrize("name", ["squared", "logistic", "softmax of 4", "poisson"])
@pytest.mark.parametrize("size", [1, 7, 40])
def test_batches_of_an_epoch_average_to_the_gradient_of_all_rows(name, size):
    # n / b times the losses of the batch, and the penalty once: their mean over batches of equal
    # size, which share the rows out, is the gradient.
    objective = problem(LOSSES[name], 280, 4)
    params = 0.1 * np.ones(objective.predictor.n_params)
    seen = []

    class Recorder(Adam):
        def update(self, gradient, state, params, step):
            seen.append(gradient)
            return 0.0 * gradient, state

    Recorder(batch_size=size, max_iter=1).minimize(objective, params, HYPER)
    assert len(seen) == 280 // size
    truth = objective.at(params, HYPER).gradient
    np.testing.assert_allclose(np.mean(seen, axis=0), truth, rtol=1e-11, atol=1e-11)


def test_a_last_batch_that_is_short_is_scaled_by_its_own_size():
    objective = problem(LOSSES["squared"], 25, 3)
    seen = []

    class Recorder(Adam):
        def update(self, gradient, state, params, step):
            seen.append(gradient)
            return 0.0 * gradient, state

    Recorder(batch_size=10, max_iter=1).minimize(objective, np.zeros(4), HYPER)
    mean = np.average(seen, axis=0, weights=[10, 10, 5])
    np.testing.assert_allclose(mean, objective.at(np.zeros(4), HYPER).gradient, rtol=1e-11)


@pytest.mark.parametrize("solver", [GradientDescent(), Momentum(), Nesterov()])
@pytest.mark.parametrize("name", ["squared", "logistic"])
@pytest.mark.parametrize("size", [1, 16])
def test_steps_left_out_fall_so_that_the_noise_vanishes(solver, name, size):
    objective = problem(LOSSES[name], 300, 4, weighted=False)
    end = Newton(1e-12).minimize(objective, np.zeros(5), HYPER).expansion
    gaps = []
    for passes in (5, 40):
        fit = replace(solver, batch_size=size, max_iter=passes).minimize(
            objective, np.zeros(5), HYPER
        )
        gaps.append(fit.values[-1] - end.value)
    assert isinstance(fit.solver.step, InverseTime)
    # Theory: one over the passes.
    assert gaps[1] < 0.3 * gaps[0]
    assert gaps[1] < 0.02


def test_a_batch_of_all_rows_is_gradient_descent():
    objective = problem(LOSSES["squared"], 40, 3)
    step = 1e-3
    whole = GradientDescent(step, max_iter=20).minimize(objective, np.zeros(4), HYPER)
    batch = GradientDescent(step, batch_size=40, max_iter=20).minimize(
        objective, np.zeros(4), HYPER
    )
    np.testing.assert_allclose(whole.values, batch.values, rtol=1e-13)


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    objective = problem(LOSSES["logistic"], 90, 4)
    fits = [
        Adam(0.02, batch_size=8, max_iter=3, random_state=seed).minimize(
            objective, np.zeros(5), HYPER
        )
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(fits[0].expansion.params, fits[1].expansion.params)
    assert not np.array_equal(fits[0].expansion.params, fits[2].expansion.params)


def test_values_are_kept_for_every_pass_and_the_lowest_is_returned():
    objective = problem(LOSSES["squared"], 120, 4)
    fit = Adam(0.1, batch_size=6, max_iter=30).minimize(objective, np.zeros(5), HYPER)
    assert fit.n_iter == 30 and len(fit.values) == len(fit.gradients) == 31
    assert fit.expansion.value == min(fit.values) < fit.values[-1]
    assert "of pass" in fit.reason and "max_iter = 30 passes" in fit.reason


@pytest.mark.parametrize(
    ("step", "told"), [(0.05, True), (Constant(0.05), True), (InverseSqrt(0.05), False)]
)
def test_the_noise_of_a_constant_step_is_told(step, told):
    objective = problem(LOSSES["squared"], 120, 4)
    fit = Adam(step, batch_size=6, max_iter=5).minimize(objective, np.zeros(5), HYPER)
    assert ("noise proportional" in fit.reason) is told


@pytest.mark.parametrize("solver", [GradientDescent(), Adam(Cosine(0.05, 2_400))])
def test_proximal_steps_over_batches_come_near_the_sparse_minimum(solver):
    objective = problem(LOSSES["logistic"], 300, 6, weighted=False)
    groups = np.append(np.zeros(6, dtype=int), FREE)
    kinked = replace(objective, penalty=Lasso().on(groups, 1))
    hyper = np.array([3.0])
    truth = ProximalNewton(1e-11).minimize(kinked, np.zeros(7), hyper).expansion
    fit = replace(solver, batch_size=10, max_iter=80).minimize(kinked, np.zeros(7), hyper)
    assert fit.expansion.value - truth.value < 2e-2
    # A coefficient that a batch has woken is put back by the next, but for the last.
    assert (np.abs(fit.expansion.params[truth.params == 0.0]) < 1e-6).all()
    assert (fit.expansion.params == 0.0).any()


def test_a_batch_whose_rows_all_weigh_nothing_moves_by_the_penalty_alone():
    objective = problem(LOSSES["squared"], 12, 3)
    objective = replace(objective, weight=np.where(np.arange(12) < 6, 0.0, 1.0))
    fit = GradientDescent(1e-3, batch_size=1, max_iter=5).minimize(objective, np.ones(4), HYPER)
    assert np.isfinite(fit.values).all()
