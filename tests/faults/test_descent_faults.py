"""Bad input to descent: each ends in a sentence with the step, the parameter and the cure."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from derivata.criteria import LeaveOneOut
from derivata.errors import InvalidParameter
from derivata.solvers import (
    LBFGS,
    Adam,
    Backtracking,
    GradientDescent,
    Momentum,
    Nesterov,
    Newton,
    RMSProp,
    minimize,
)
from derivata.tuning import tune
from tests.cases import LOSSES, problem

HYPER = np.array([0.4, 1.2])
RUNS = {
    "gradient descent": GradientDescent(),
    "line search": GradientDescent(Backtracking()),
    "momentum": Momentum(),
    "nesterov": Nesterov(),
    "adam": Adam(0.01),
    "adam over batches": Adam(0.01, batch_size=10),
    "gradient descent over batches": GradientDescent(batch_size=10),
    "lbfgs": LBFGS(),
    "newton": Newton(),
}
RUN = pytest.mark.parametrize("solver", RUNS.values(), ids=list(RUNS))


class Failing:
    """A loss that does something else from some evaluation on."""

    def __init__(self, inner, after, act):
        self.inner, self.left, self.act = inner, after, act

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def at(self, y, outputs):
        self.left -= 1
        rows = self.inner.at(y, outputs)
        return rows if self.left >= 0 else self.act(rows)


class NaNs:
    def __init__(self, rows):
        self.rows = rows

    def __getattr__(self, name):
        return getattr(self.rows, name)

    @property
    def value(self):
        return np.full_like(self.rows.value, np.nan)

    @property
    def gradient(self):
        return np.full_like(self.rows.gradient, np.nan)


def interrupt_once():
    done = []

    def act(rows):
        if done:
            return rows
        done.append(True)
        raise KeyboardInterrupt

    return act


def failing(after, act, name="logistic"):
    objective = problem(LOSSES[name], 60, 4)
    objective.gradient_scale  # taken before anything fails
    kept = dict(vars(objective))
    broken = replace(objective, loss=Failing(objective.loss, after, act))
    vars(broken).update({key: kept[key] for key in kept if key not in vars(broken)})
    return objective, broken


@RUN
def test_ctrl_c_returns_the_best_point_so_far_marked(solver):
    # Its next key press is a new one: Newton and L-BFGS know nothing of it, and `minimize`, which
    # sees to them, evaluates F once more to tell.
    objective, broken = failing(8 if isinstance(solver, Newton | LBFGS) else 12, interrupt_once())
    fit = minimize(broken, solver=solver, hyper=HYPER)
    assert fit.interrupted and not fit.converged
    assert fit.reason.startswith("interrupted")
    assert "lowest" in fit.reason and f"{fit.expansion.relative_gradient:.1e}" in fit.reason
    before = objective.at(np.zeros(5), HYPER).value
    assert fit.expansion.value < before


@pytest.mark.parametrize(
    "solver", [Adam(0.01), Adam(0.01, batch_size=10), GradientDescent(0.001), RMSProp(0.01)]
)
def test_a_loss_that_becomes_nan_ends_at_the_last_good_parameters(solver):
    objective, broken = failing(40, NaNs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = solver.minimize(broken, np.zeros(5), HYPER)
    assert not fit.converged and not fit.interrupted
    assert ("leads to F = nan" in fit.reason) == (solver.batch_size is None)
    assert "the gradient by parameter 0 is nan" in fit.reason
    assert "step" in fit.reason and "is kept: F = " in fit.reason
    assert np.isfinite(fit.expansion.params).all()
    kept = objective.at(fit.expansion.params, HYPER).value
    assert kept == fit.expansion.value == min(fit.values)


@pytest.mark.parametrize("solver", [GradientDescent(), Momentum(), Nesterov()])
def test_where_a_step_follows_curvature_nan_makes_it_shorter_and_then_ends_it(solver):
    _, broken = failing(12, NaNs)
    fit = solver.minimize(broken, np.zeros(5), HYPER)
    assert not fit.converged and np.isfinite(fit.expansion.value)
    assert "no step lowers the objective further" in fit.reason


@pytest.mark.parametrize("kind", [GradientDescent, Momentum, Nesterov])
def test_a_step_that_overflows_says_at_which_step_and_in_which_parameter(kind):
    objective = problem(LOSSES["squared"], 60, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = kind(1e200, allow_unstable=True).minimize(objective, np.zeros(5), HYPER)
    assert fit.diverged and not fit.converged
    assert fit.reason.startswith("diverged: step 1, of size 1e+200, leads to F = ")
    assert "parameter" in fit.reason and "the start, is kept" in fit.reason
    assert (fit.expansion.params == 0.0).all()


def test_a_divergence_is_shown_up_to_where_it_is_hopeless():
    objective = problem(LOSSES["squared"], 60, 4)
    fit = GradientDescent(0.05, allow_unstable=True).minimize(objective, np.zeros(5), HYPER)
    assert fit.diverged and len(fit.values) > 5
    assert fit.values[-1] > 1e6 * fit.values[0]


@RUN
def test_nan_at_the_start_is_refused_as_there_is_nothing_to_keep(solver):
    _, broken = failing(0, NaNs)
    with pytest.raises(InvalidParameter, match=r"F is nan at the start .*Start elsewhere"):
        minimize(broken, solver=solver, hyper=HYPER)


@pytest.mark.parametrize("size", [0, -3, 2.5, True, "32"])
def test_a_batch_size_that_is_no_number_of_rows_is_refused(size):
    with pytest.raises(InvalidParameter, match="`batch_size` is .*at least 1"):
        Adam(batch_size=size)


def test_a_batch_larger_than_the_data_is_refused():
    objective = problem(LOSSES["squared"], 20, 4)
    with pytest.raises(InvalidParameter, match="`batch_size` is 21, but there are 20 rows"):
        Adam(batch_size=21).minimize(objective, np.zeros(5), HYPER)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Adam(0.0), "step"),
        (lambda: Adam(-1e-3), "step"),
        (lambda: Adam(np.nan), "step"),
        (lambda: GradientDescent("fast"), "step"),
        (lambda: Adam(beta1=1.0), "beta1"),
        (lambda: Adam(beta2=-0.1), "beta2"),
        (lambda: Adam(epsilon=0.0), "epsilon \\+ epsilon_root"),
        (lambda: Momentum(0.1, 1.0), "beta"),
        (lambda: RMSProp(decay=1.0), "decay"),
        (lambda: Adam(tol=-1.0), "tol"),
        (lambda: Adam(max_iter=-1), "max_iter"),
        (lambda: Adam(max_iter=1.5), "max_iter"),
        (lambda: GradientDescent(Backtracking(0.0)), "first"),
    ],
)
def test_a_setting_outside_its_range_is_refused_by_name(make, name):
    with pytest.raises(InvalidParameter, match=f"`{name}` is "):
        make()


def test_no_step_at_all_is_allowed_and_says_so():
    objective = problem(LOSSES["squared"], 20, 4)
    fit = Adam(max_iter=0).minimize(objective, np.zeros(5), HYPER)
    assert fit.n_iter == 0 and "max_iter = 0 reached" in fit.reason


def test_a_function_that_leaves_its_domain_keeps_what_was_good():
    # The step leads where the logarithm has no value.
    with np.errstate(invalid="ignore", divide="ignore"):
        fit = minimize(
            lambda w: float(10.0 * w[0] - np.log(w[0])),
            [1.0],
            gradient=lambda w: 10.0 - 1.0 / w,
            solver=GradientDescent(0.9),
        )
    assert not fit.converged and fit.expansion.params == pytest.approx([1.0])
    assert "leads to F = nan (the largest parameter, 0, is -7.1)" in fit.reason


def test_ctrl_c_in_a_fit_of_a_search_ends_the_search():
    _, broken = failing(25, interrupt_once())
    with pytest.raises(KeyboardInterrupt):
        tune(broken, LeaveOneOut(), GradientDescent(tol=1e-6))
