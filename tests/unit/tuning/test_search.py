"""Tuning: it finds the criterion's minimum, monotonically, and says how it ended."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from derivata.contracts import Criterion
from derivata.criteria import KFold, LeaveOneOut, frozen
from derivata.curvature import invert
from derivata.designs import DenseDesign
from derivata.losses import SquaredLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton
from derivata.tuning import loss_unit, mean_curvature, tune
from derivata.tuning.guard import Guard
from derivata.tuning.search import ABOVE, BELOW
from tests.cases import CRITERIA, LOSSES, problem

LOSS = pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))
CRITERION = pytest.mark.parametrize("criterion", CRITERIA.values(), ids=list(CRITERIA))
SOLVER = Newton(tol=1e-8)
# What two points may differ by and still be equally good, in nats: tuning stops where a model of
# the criterion promises a thousandth of a nat, and its word is good to a factor of some tens. A
# factor of e^.03 in likelihood is beneath what any data can tell.
EQUALLY_GOOD = 0.03


def exact(objective, criterion, hyper):
    """The criterion from fits of its own."""
    total = 0.0
    for part in criterion.subproblems(objective):
        start = np.zeros(part.objective.predictor.n_params)
        end = SOLVER.minimize(part.objective, start, hyper).expansion
        total += part.judge(end, invert(end)).value
    return total


def one_penalty(objective):
    groups = np.where(objective.penalty.groups == FREE, FREE, 0)
    return replace(objective, penalty=GroupRidge(groups, ("all",)))


def limits(objective):
    middle = mean_curvature(objective)
    return middle - BELOW, middle + ABOVE


@LOSS
@CRITERION
def test_one_penalty_ends_at_the_lowest_point_of_a_fine_grid(case, criterion):
    objective = one_penalty(problem(case, 120, 5))
    result = tune(objective, criterion, SOLVER)
    grid = np.linspace(*limits(objective), 61)
    lowest = min(exact(objective, criterion, np.array([h])) for h in grid)
    unit = loss_unit(objective, lowest, result.judged_weight)
    assert exact(objective, criterion, result.hyper) <= lowest + EQUALLY_GOOD * unit


@LOSS
@CRITERION
def test_the_criterion_falls_with_every_step_and_the_path_ends_at_the_result(case, criterion):
    objective = problem(case, 120, 5)
    result = tune(objective, criterion, SOLVER)
    values = [step.criterion for step in result.path]
    assert all(later < earlier for earlier, later in zip(values, values[1:], strict=False))
    assert result.criterion == values[-1]
    assert result.gradient_norm == result.path[-1].gradient_norm
    assert len(result.path) <= result.n_evaluations <= 60
    assert result.converged and result.reason
    assert result.n_solver_steps >= len(result.fits)
    for step in result.path[:1] + result.path[-1:]:
        assert step.criterion == pytest.approx(exact(objective, criterion, step.hyper), rel=1e-6)


@LOSS
def test_the_point_returned_is_at_least_as_good_as_the_last_one_evaluated(case):
    objective = problem(case, 120, 5)
    result = tune(objective, LeaveOneOut(), SOLVER)
    unit = loss_unit(objective, result.criterion, 120.0)
    # The last step is taken on the model's word.
    assert exact(objective, LeaveOneOut(), result.hyper) <= result.criterion + 1e-3 * unit


@LOSS
def test_no_penalty_can_be_moved_to_lower_the_criterion_further(case):
    objective = problem(case, 120, 5)
    result = tune(objective, LeaveOneOut(), SOLVER)
    here = exact(objective, LeaveOneOut(), result.hyper)
    unit = loss_unit(objective, here, 120.0)
    lower, upper = limits(objective)
    for move in (-1.0, -0.3, 0.3, 1.0):
        for direction in np.eye(2):
            there = np.clip(result.hyper + move * direction, lower, upper)
            gain = here - exact(objective, LeaveOneOut(), there)
            assert gain <= EQUALLY_GOOD * unit


def linear(y, X, groups, names, weight=None):
    return Objective(
        SquaredLoss(),
        LinearPredictor(DenseDesign.from_array(X)),
        GroupRidge(np.asarray(groups), names),
        y,
        np.ones(len(y)) if weight is None else weight,
    )


def signal_and_noise(seed=0, n=150):
    """Two columns that matter, three that do not, and noise made orthogonal to those three."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 5))
    noise = rng.standard_normal(n)
    noise -= X[:, 2:] @ np.linalg.lstsq(X[:, 2:], noise, rcond=None)[0]
    X[:, :2] -= X[:, 2:] @ np.linalg.lstsq(X[:, 2:], X[:, :2], rcond=None)[0]
    return X, X[:, 0] - 2.0 * X[:, 1] + noise


def test_columns_without_any_signal_are_shrunk_to_nothing_and_the_others_are_not():
    X, y = signal_and_noise()
    objective = linear(y, X, [0, 0, 1, 1, 1], ("signal", "noise"))
    result = tune(objective, LeaveOneOut(), SOLVER)
    # The curvature of a column is its sum of squares, about 150; e^3 times it leaves 5 %.
    assert result.hyper[1] > np.log(150.0) + 3.0
    assert result.hyper[0] < np.log(150.0) - 3.0
    assert result.converged


def test_a_penalty_that_ends_on_a_bound_is_named_with_its_side():
    X, y = signal_and_noise()
    objective = linear(y, X, [0, 0, 1, 1, 1], ("signal", "noise"))
    lower, upper = limits(objective)
    on_upper = tune(objective, LeaveOneOut(), SOLVER, start=np.array([0.0, upper]))
    assert on_upper.at_bound == (("noise", "upper"),)
    assert on_upper.hyper[1] == upper
    exact_target = linear(X @ np.arange(1.0, 6.0), X, np.zeros(5, dtype=int), ("all",))
    lower = limits(exact_target)[0]
    on_lower = tune(exact_target, LeaveOneOut(), SOLVER, start=np.array([lower]))
    assert on_lower.at_bound == (("all", "lower"),)
    assert on_lower.hyper[0] == lower


@pytest.mark.parametrize("budget", [1, 2, 3])
def test_a_budget_ends_tuning_at_the_best_point_so_far_and_is_said(budget):
    objective = problem(LOSSES["softmax of 4"], 120, 5)
    result = tune(objective, LeaveOneOut(), SOLVER, max_evaluations=budget)
    assert not result.converged
    assert result.n_evaluations == budget
    assert result.reason == f"budget of {budget} evaluations spent; the best point is kept"
    assert result.criterion == min(step.criterion for step in result.path)
    assert np.array_equal(result.hyper, result.path[-1].hyper)


@CRITERION
def test_ties_keep_penalties_together_and_equal_one_penalty(criterion):
    objective = problem(LOSSES["logistic"], 120, 5)
    tied = tune(objective, criterion, SOLVER, ties=np.ones((2, 1)))
    assert tied.hyper[0] == tied.hyper[1]
    alone = tune(one_penalty(objective), criterion, SOLVER)
    assert tied.hyper[0] == pytest.approx(alone.hyper[0], abs=1e-6)
    assert tied.criterion == pytest.approx(alone.criterion, rel=1e-9)


def test_an_infinite_guard_is_ties_and_a_strong_one_is_near_them():
    objective = problem(LOSSES["logistic"], 120, 5)
    kinds = np.zeros(2, dtype=int)
    free = tune(objective, LeaveOneOut(), SOLVER)
    tied = tune(objective, LeaveOneOut(), SOLVER, ties=Guard(1.0, kinds).ties())
    gaps = []
    for strength in (0.1, 1.0, 1e3):
        pulled = tune(objective, LeaveOneOut(), SOLVER, guard=Guard(strength, kinds))
        assert pulled.guard_strength == strength
        gaps.append(abs(pulled.hyper[0] - pulled.hyper[1]))
    assert abs(free.hyper[0] - free.hyper[1]) > gaps[0] > gaps[1] > gaps[2]
    assert pulled.hyper == pytest.approx(tied.hyper, abs=0.1)
    # The criterion reported is the criterion, without the guard.
    hyper = pulled.path[-1].hyper
    assert pulled.criterion == pytest.approx(exact(objective, LeaveOneOut(), hyper), rel=1e-6)


@dataclass(frozen=True)
class WithoutStandIns:
    """The same criterion, dearer: its tuner has no stand-in."""

    criterion: Criterion

    @property
    def name(self):
        return self.criterion.name

    def subproblems(self, objective):
        return [
            replace(part, judge=lambda e, i, judge=part.judge: without_stand_in(judge(e, i)))
            for part in self.criterion.subproblems(objective)
        ]


def without_stand_in(partials):
    return replace(partials, stand_in=lambda: None)


@LOSS
@pytest.mark.parametrize("name", ["leave-one-out", "3-fold"])
def test_tuning_with_and_without_stand_ins_ends_at_the_same_optimum(case, name, monkeypatch):
    monkeypatch.setattr(frozen, "ROWS_PER_PARAM", 0)
    monkeypatch.setattr(frozen, "SMALL_PASS", 0)
    monkeypatch.setattr(frozen, "EXACT_ROWS", 20)
    objective, criterion = problem(case, 240, 5), CRITERIA[name]
    part = criterion.subproblems(objective)[0]
    with_stand_ins = tune(objective, criterion, SOLVER)
    without = tune(objective, WithoutStandIns(criterion), SOLVER)
    end = with_stand_ins.fits[0].expansion
    assert part.judge(end, invert(end)).stand_in() is not None
    unit = loss_unit(objective, without.criterion, 240.0)
    found, truth = (exact(objective, criterion, r.hyper) for r in (with_stand_ins, without))
    assert found == pytest.approx(truth, abs=EQUALLY_GOOD * unit)


def test_the_start_is_where_the_path_begins_brought_within_bounds():
    objective = problem(LOSSES["logistic"], 120, 5)
    lower, upper = limits(objective)
    result = tune(objective, LeaveOneOut(), SOLVER, start=np.array([1.0, 2.0]))
    assert np.array_equal(result.path[0].hyper, [1.0, 2.0])
    far = tune(objective, LeaveOneOut(), SOLVER, start=np.array([-1e3, 1e3]), max_evaluations=1)
    assert far.path[0].hyper == pytest.approx([lower, upper], abs=1e-12)


def test_starting_at_the_optimum_costs_one_or_two_evaluations():
    objective = problem(LOSSES["logistic"], 120, 5)
    first = tune(objective, LeaveOneOut(), SOLVER)
    again = tune(
        objective,
        LeaveOneOut(),
        SOLVER,
        start=first.hyper,
        params=first.fits[0].expansion.params,
    )
    assert again.n_evaluations <= 2


def test_progress_receives_every_accepted_step_but_the_start():
    heard = []
    objective = problem(LOSSES["logistic"], 120, 5)
    result = tune(objective, LeaveOneOut(), SOLVER, progress=heard.append)
    assert tuple(heard) == result.path[1:]


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_unit_of_the_target_does_not_move_the_penalties(scale):
    objective = problem(LOSSES["squared"], 120, 5, offset=False)
    truth = tune(objective, LeaveOneOut(), SOLVER)
    found = tune(replace(objective, y=scale * objective.y), LeaveOneOut(), SOLVER)
    assert found.hyper == pytest.approx(truth.hyper, abs=1e-5)
    assert found.criterion == pytest.approx(scale**2 * truth.criterion, rel=1e-7)
    assert found.optimism == pytest.approx(scale**2 * truth.optimism, rel=1e-3)


@LOSS
def test_weights_of_two_tune_as_rows_given_twice(case):
    objective = replace(problem(case, 60, 4), weight=np.full(60, 2.0))
    twice = objective.take(np.repeat(np.arange(60), 2))
    twice = replace(twice, weight=np.ones(120))
    found, truth = (tune(o, LeaveOneOut(), SOLVER) for o in (objective, twice))
    assert found.criterion == pytest.approx(truth.criterion, rel=1e-8)
    assert found.hyper == pytest.approx(truth.hyper, abs=1e-4)


def test_tuning_twice_gives_the_same_bits():
    objective = problem(LOSSES["poisson"], 120, 5)
    one, other = (tune(objective, KFold(3), SOLVER) for _ in "ab")
    assert np.array_equal(one.hyper, other.hyper) and one.criterion == other.criterion


def test_more_penalised_columns_than_rows_are_tuned_too():
    objective = problem(LOSSES["logistic"], 30, 60)
    result = tune(objective, LeaveOneOut(), SOLVER)
    assert result.converged
    assert "Woodbury" in invert(result.fits[0].expansion).reason


def test_an_objective_without_penalties_is_judged_once():
    objective = problem(LOSSES["logistic"], 60, 3)
    free = replace(objective, penalty=GroupRidge(np.full(4, FREE), ()))
    result = tune(free, LeaveOneOut(), SOLVER)
    assert result.n_evaluations == 1 and result.hyper.shape == (0,)


# Optimism.


@pytest.mark.parametrize("n_groups", [4, 12])
def test_the_estimated_optimism_is_that_of_a_simulation(n_groups):
    n, p, repeats = 60, 12, 100
    measured, estimated = np.empty(repeats), np.empty(repeats)
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        sizes = rng.choice([0.05, 0.15, 0.5], n_groups)
        truth = rng.standard_normal(p) * np.repeat(sizes, p // n_groups)
        X = rng.standard_normal((n, p))
        groups = np.repeat(np.arange(n_groups), p // n_groups)
        y = X @ truth + rng.standard_normal(n)
        objective = linear(y, X, groups, tuple(map(str, range(n_groups))))
        result = tune(objective, LeaveOneOut(), Newton(tol=1e-6))
        params = SOLVER.minimize(objective, np.zeros(p), result.hyper).expansion.params
        # Expected loss of new rows, in closed form: noise and coefficients' errors.
        measured[seed] = 0.5 * n * (1.0 + np.sum((params - truth) ** 2)) - result.criterion
        estimated[seed] = result.optimism
    error = measured.std() / np.sqrt(repeats)
    # A first-order estimate: asked to be within half of the truth, and three standard errors.
    assert abs(estimated.mean() - measured.mean()) < 0.5 * measured.mean() + 3.0 * error
    assert measured.mean() > 2.0 * error  # the simulation can tell it from nothing
