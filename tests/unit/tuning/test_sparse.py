"""Tuning of sparse penalties: near the grid's best, never in the trap, the same for equal data."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.criteria import KFold, LeaveOneOut
from derivata.criteria.distinct_folds import DistinctFolds
from derivata.penalties import ElasticNet, Lasso
from derivata.solvers import ProximalNewton
from derivata.tuning.guard import no_guard
from derivata.tuning.problem import Problem
from derivata.tuning.scale import loss_unit
from derivata.tuning.sparse import tune_sparse
from derivata.tuning.sparse_path import approach, first_point, walk
from derivata.tuning.sparse_search import NOTHING, search
from tests.cases import LOSSES, SPARSE_PENALTIES, sparse_problem

PENALTY = pytest.mark.parametrize("named", SPARSE_PENALTIES.values(), ids=list(SPARSE_PENALTIES))
# Tuning stops where a step promises little (.05 nats), and the criterion has kinks; the grid's
# best may lie in another of its hollows.
EQUALLY_GOOD = 1.5


def at(objective, criterion, hyper):
    """The criterion at log strengths, from precise fits."""
    total, zeros = 0.0, np.zeros(objective.predictor.n_params)
    for part in criterion.subproblems(objective):
        fit = ProximalNewton(1e-10).minimize(part.objective, zeros, hyper)
        judged = fit.expansion.objective
        assert judged is part.objective
        total += part.judge(fit.expansion, None).value
    return total


@PENALTY
@pytest.mark.parametrize("name", ["squared", "logistic", "poisson", "softmax of 4"])
def test_the_end_is_about_as_good_as_the_best_of_a_grid(named, name):
    objective = sparse_problem(LOSSES[name], 120, 9, named, seed=1)
    criterion = KFold(4)
    result = tune_sparse(objective, criterion=criterion).result
    assert result.converged
    top = first_point(objective, ProximalNewton(1e-10)).hyper
    lowest = min(at(objective, criterion, top - t) for t in np.linspace(0.05, 7.0, 40))
    unit = loss_unit(objective, lowest, result.judged_weight)
    assert at(objective, criterion, result.hyper) <= lowest + EQUALLY_GOOD * unit


def signal(n_rows, n_features, strength, seed=0, name="squared", named=None):
    """A problem in which only the first column has an effect, of this strength."""
    objective = sparse_problem(
        LOSSES[name], n_rows, n_features, named or Lasso(), weighted=False, offset=False, seed=seed
    )
    rng = np.random.default_rng(seed)
    X = objective.predictor.design.columns
    y = strength * X[0] + rng.standard_normal(n_rows)
    return replace(objective, y=(y > 0).astype(float) if name == "logistic" else y)


@pytest.mark.parametrize("seed", range(5))
@PENALTY
def test_a_search_started_just_below_alpha_max_comes_down_to_where_the_signal_is(named, seed):
    # Above alpha_max nothing is left and no criterion has a slope: the trap.
    objective = signal(100, 12, 2.0, seed, named=named)
    first = first_point(objective, ProximalNewton(1e-8))
    problem = Problem(
        KFold(5).subproblems(objective), ProximalNewton(1e-6), no_guard(len(first.hyper))
    )
    result = search(problem, [first])
    assert (result.hyper[0] < first.hyper[0] - 0.5).all()
    assert result.criterion < 0.5 * at(objective, KFold(5), first.hyper + 1.0)


def test_a_search_that_comes_to_where_nothing_is_left_looks_below_once_more():
    # Its only start lies so little below alpha_max that every fold is empty and has no slope.
    objective = signal(60, 6, 1.5)
    solver = ProximalNewton(1e-8)
    points = walk(objective, solver, first_point(objective, solver))
    stuck = replace(points[0], hyper=points[0].hyper - 1e-3, criterion=-np.inf)
    problem = Problem(KFold(5).subproblems(objective), solver, no_guard(1))
    start = problem.evaluate(stuck.hyper, [stuck.expansion.params] * 5)
    assert (start.gradient == 0.0).all()
    result = search(problem, [points[0], stuck, *points[1:]])
    assert result.hyper[0] < points[0].hyper[0] - 0.5
    assert result.reason != NOTHING


@pytest.mark.parametrize("name", ["squared", "logistic"])
def test_where_no_column_helps_the_empty_model_wins_and_says_so(name):
    empty = 0
    for seed in range(8):
        objective = signal(80, 10, 0.0, seed, name)
        result = tune_sparse(objective).result
        if result.reason == NOTHING:
            empty += 1
            top = first_point(objective, ProximalNewton(1e-10)).hyper
            assert (result.hyper > top).all()
            zeros = np.zeros(11)
            params = ProximalNewton().minimize(objective, zeros, result.hyper).expansion.params
            assert not params[:10].any()
    assert empty >= 3


def test_the_check_of_the_active_set_decides_between_leave_one_out_and_folds():
    many_columns = tune_sparse(signal(80, 40, 1.0))
    assert isinstance(many_columns.criterion, DistinctFolds)
    assert many_columns.changes.share > 0.1
    assert f"{many_columns.changes.share:.0%}" in many_columns.reason
    few_columns = tune_sparse(signal(400, 2, 1.0))
    assert isinstance(few_columns.criterion, LeaveOneOut)
    assert few_columns.changes.share <= 0.1


def test_too_few_rows_for_folds_are_tuned_by_leave_one_out():
    found = tune_sparse(signal(8, 3, 3.0))
    assert isinstance(found.criterion, LeaveOneOut)
    assert "too few rows" in found.reason


def test_groups_are_tuned_by_folds_and_told_why():
    found = tune_sparse(signal(80, 9, 1.0, named=SPARSE_PENALTIES["group lasso"]))
    assert isinstance(found.criterion, DistinctFolds) and "leave-one-out" in found.reason


@PENALTY
def test_two_runs_give_the_same_bits(named):
    objective = sparse_problem(LOSSES["logistic"], 90, 12, named)
    one, two = tune_sparse(objective, random_state=3), tune_sparse(objective, random_state=3)
    assert np.array_equal(one.result.hyper, two.result.hyper)
    assert one.result.criterion == two.result.criterion


@PENALTY
def test_rows_of_weight_two_tune_as_rows_given_twice(named):
    objective = sparse_problem(LOSSES["logistic"], 60, 6, named, weighted=False, seed=2)
    times = np.random.default_rng(0).integers(1, 4, 60)
    weighted = tune_sparse(replace(objective, weight=times.astype(float))).result
    order = np.random.default_rng(1).permutation(times.sum())
    repeated = tune_sparse(objective.take(np.repeat(np.arange(60), times)[order])).result
    np.testing.assert_allclose(weighted.hyper, repeated.hyper, rtol=1e-8)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_unit_of_the_target_moves_strengths_by_just_that_unit(scale):
    objective = signal(80, 10, 1.0)
    plain = tune_sparse(objective).result.hyper
    scaled = tune_sparse(replace(objective, y=scale * objective.y)).result.hyper
    np.testing.assert_allclose(scaled - np.log(scale), plain, atol=1e-6)
    net = replace(
        objective, penalty=sparse_problem(LOSSES["squared"], 80, 10, ElasticNet()).penalty
    )
    plain = tune_sparse(net).result.hyper
    scaled = tune_sparse(replace(net, y=scale * net.y)).result.hyper
    np.testing.assert_allclose(scaled - [np.log(scale), 0.0], plain, atol=1e-6)


def test_accepted_steps_never_raise_the_criterion_and_are_told_one_by_one():
    objective = signal(90, 20, 0.7)
    steps = []
    result = tune_sparse(objective, criterion=KFold(5), progress=steps.append).result
    values = [step.criterion for step in result.path]
    assert (np.diff(values) <= 0.0).all()
    assert [step.criterion for step in steps] == values[1:]


@PENALTY
@pytest.mark.parametrize("below", [-1.0, 0.5, 3.0, np.inf])
def test_given_strengths_are_approached_from_above(named, below):
    objective = sparse_problem(LOSSES["logistic"], 40, 20, named)
    hyper = first_point(objective, ProximalNewton(1e-8)).hyper - below
    params = approach(objective, hyper)
    fit = ProximalNewton().minimize(objective, params, hyper)
    assert fit.converged


def test_a_path_ends_where_rows_are_fitted_with_certainty():
    rng = np.random.default_rng(0)
    objective = sparse_problem(LOSSES["logistic"], 20, 60, Lasso(), weighted=False)
    objective = replace(objective, y=(rng.random(20) < 0.5).astype(float))
    solver = ProximalNewton(1e-6)
    points = walk(objective, solver, first_point(objective, solver))
    assert 2 <= len(points) <= 16
    assert np.isfinite([point.criterion for point in points]).all()


def test_a_strength_found_on_folds_is_raised_by_the_root_of_the_rows_they_lack():
    objective = signal(100, 10, 1.0)
    found = tune_sparse(objective, criterion=KFold(5)).result
    on_folds = found.hyper[0] - 0.5 * np.log(100 / 80)
    last = found.path[-1].hyper[0]
    assert abs(on_folds - last) <= 0.3  # a short last step is taken without being judged
    judged = tune_sparse(signal(400, 2, 1.0))
    assert isinstance(judged.criterion, LeaveOneOut)  # fits of all rows: nothing to raise
    assert abs(judged.result.hyper[0] - judged.result.path[-1].hyper[0]) <= 0.3
