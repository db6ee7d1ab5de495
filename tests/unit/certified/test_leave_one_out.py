"""Certified leave-one-out: what it gives, what it says it may be off by, and when it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.certified.exact import exact_outputs
from derivata.certified.leave_one_out import certify, most_refits
from derivata.curvature import invert
from derivata.designs import DenseDesign
from derivata.errors import InvalidData, InvalidParameter, NotAvailable, NotConverged
from derivata.losses import LogisticLoss, SquaredLoss
from derivata.losses.identity import IdentityLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import ConstrainedNewton, Newton, ProximalNewton
from tests.cases import LOSSES, SPARSE_PENALTIES, problem, sparse_problem

SOLVER, PROXIMAL = Newton(tol=1e-11), ProximalNewton(tol=1e-10)
HYPER = np.array([-1.0, -0.5])


def fit(objective, solver=SOLVER, hyper=HYPER):
    return solver.minimize(objective, objective.predictor.reference, hyper).expansion


def exact_score(end, solver):
    found = exact_outputs(end, solver, invert(end), np.arange(len(end.objective.y)))
    assert found.reached.all()
    losses = end.objective.loss.at(end.objective.y, found.outputs).value
    return float(np.average(losses, weights=end.objective.weight))


def misses(y, outputs):
    return ((outputs[:, 0] > 0.0) != (y > 0.5)).astype(float)


def test_squared_error_is_exact_without_a_refit():
    end = fit(problem(LOSSES["squared"], 40, 4))
    found = certify(end, SOLVER)
    assert found.is_exact and not len(found.refitted)
    assert found.score == pytest.approx(exact_score(end, SOLVER), abs=1e-12)
    assert found.approximation_error < 1e-8 * found.score


def test_squared_error_on_an_active_set_refits_only_rows_that_move_it():
    objective = sparse_problem(LOSSES["squared"], 50, 16, SPARSE_PENALTIES["lasso"])
    end = fit(objective, PROXIMAL, np.array([1.5]))
    found = certify(end, PROXIMAL)
    assert found.is_exact and 0 < len(found.refitted) < 45
    assert found.score == pytest.approx(exact_score(end, PROXIMAL), abs=1e-9)


@pytest.mark.parametrize("name", ["logistic", "softmax of 4", "poisson", "huber", "gamma"])
@pytest.mark.parametrize("budget", [0.15, 0.3, None])
def test_the_error_it_states_covers_the_error_it_makes(name, budget):
    end = fit(problem(LOSSES[name], 120, 6))
    truth = exact_score(end, SOLVER)
    covered = 0
    for seed in range(10):
        found = certify(end, SOLVER, budget=budget, random_state=seed)
        assert budget is None or len(found.refitted) <= np.ceil(budget * 120)
        off = abs(found.score - truth)
        covered += off <= 2 * found.approximation_error
        assert off <= 3 * found.approximation_error + 0.01 * abs(found.optimism)
    assert covered >= 9


def test_without_a_limit_the_error_is_negligible_though_not_all_rows_are_refitted():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(2_000, 5)), np.ones(2_000)])
    y = (rng.random(2_000) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
    penalty = GroupRidge(np.append(np.zeros(5, int), FREE), ("all",))
    predictor = LinearPredictor(DenseDesign.from_array(X))
    end = fit(Objective(LogisticLoss(), predictor, penalty, y, np.ones(2_000)), hyper=np.zeros(1))
    found = certify(end, SOLVER)
    assert 0 < len(found.refitted) < 2_000
    allowed = max(5e-4 * found.optimism, 1e-4 * found.standard_error)
    assert found.approximation_error <= allowed
    assert abs(found.score - exact_score(end, SOLVER)) <= 3 * found.approximation_error


def test_no_budget_is_one_newton_step_with_an_unknown_error():
    end = fit(problem(LOSSES["logistic"], 40, 4))
    found = certify(end, SOLVER, budget=0)
    assert np.isnan(found.approximation_error) and not len(found.refitted)
    assert found.score == pytest.approx(exact_score(end, SOLVER), rel=0.05)


def test_a_metric_with_a_jump_is_certified_too():
    end = fit(problem(LOSSES["logistic"], 150, 8, weighted=False))
    truth = certify(end, SOLVER, misses, budget=1.0).score
    for seed in range(20):
        found = certify(end, SOLVER, misses, budget=15, random_state=seed)
        assert found.approximation_error > 0.0
        assert abs(found.score - truth) <= 2 * found.approximation_error + 1e-12


def test_a_weight_of_two_is_two_rows():
    objective = problem(LOSSES["poisson"], 40, 4, weighted=False)
    heavy = replace(objective, weight=np.where(np.arange(40) < 5, 2.0, 1.0))
    twice = objective.take(np.append(np.arange(40), np.arange(5)))
    one, other = certify(fit(heavy), SOLVER), certify(fit(twice), SOLVER)
    assert one.score == pytest.approx(other.score, rel=1e-8)
    assert one.fitted_score == pytest.approx(other.fitted_score, rel=1e-8)


def test_the_standard_error_is_that_of_a_mean_over_rows():
    found = certify(fit(problem(LOSSES["squared"], 40, 4, weighted=False)), SOLVER)
    assert found.standard_error == pytest.approx(found.per_row.std(ddof=1) / np.sqrt(40))
    assert found.optimism == found.score - found.fitted_score > 0.0


def test_constraints_are_refitted_by_their_solver():
    objective = problem(LOSSES["squared"], 40, 5, weighted=False)
    solver = ConstrainedNewton(np.eye(6)[:5], tol=1e-10)
    end = fit(objective, solver)
    assert type(end).__name__ == "FaceExpansion"
    found = certify(end, solver, budget=1.0)
    assert found.is_exact
    assert found.score == pytest.approx(exact_score(end, solver), abs=1e-8)


def test_a_network_is_refitted_row_by_row():
    pytest.importorskip("jax")
    from tests.unit.predictors.test_autodiff import HYPER as STRONG
    from tests.unit.predictors.test_autodiff import problem as network_problem

    end = fit(network_problem("logistic", weighted=False), SOLVER, STRONG + 1.0)
    truth = exact_score(end, SOLVER)
    for found in (certify(end, SOLVER, budget=0.3), certify(end, SOLVER)):
        assert 0.0 < found.approximation_error < 0.1 * found.optimism
        assert abs(found.score - truth) <= 3 * found.approximation_error


def test_the_same_seed_gives_the_same_bits():
    end = fit(problem(LOSSES["logistic"], 60, 4))
    one, other = (certify(end, SOLVER, budget=0.2, random_state=7) for _ in range(2))
    assert one.score == other.score
    np.testing.assert_array_equal(one.refitted, other.refitted)


def alone(loss, y):
    """A column that only row 7 has, without a penalty on it."""
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.normal(size=(30, 2)), np.ones(30), np.arange(30) == 7]).astype(float)
    penalty = GroupRidge(np.array([0, 0, FREE, FREE]), ("all",))
    predictor = LinearPredictor(DenseDesign.from_array(X))
    return fit(Objective(loss, predictor, penalty, y, np.ones(30)), hyper=np.zeros(1))


@pytest.mark.parametrize("loss", [SquaredLoss(), LOSSES["gamma"].loss], ids=["squared", "gamma"])
def test_a_row_that_decides_a_coefficient_alone_leaves_the_score_unknown(loss):
    y = 1.0 + np.random.default_rng(1).random(30)
    found = certify(alone(loss, y), SOLVER)
    assert found.failed.tolist() == [7]
    assert found.approximation_error == np.inf and np.isfinite(found.score)


def test_a_row_without_which_the_classes_are_separated_leaves_the_score_unknown():
    x = np.concatenate([-np.arange(1.0, 16.0), np.arange(1.0, 16.0)])
    y = (x > 0.0).astype(float)
    y[4] = 1.0  # the one that overlaps
    X = np.column_stack([x, np.ones(30)])
    predictor, penalty = (
        LinearPredictor(DenseDesign.from_array(X)),
        GroupRidge(np.full(2, FREE), ()),
    )
    end = fit(Objective(LogisticLoss(), predictor, penalty, y, np.ones(30)), hyper=np.zeros(0))
    found = certify(end, SOLVER)
    assert found.failed.tolist() == [4] and found.approximation_error == np.inf


def test_separated_classes_without_a_penalty_are_refused():
    x = np.linspace(-1.0, 1.0, 30)
    X = np.column_stack([x, np.ones(30)])
    predictor, penalty = (
        LinearPredictor(DenseDesign.from_array(X)),
        GroupRidge(np.full(2, FREE), ()),
    )
    objective = Objective(LogisticLoss(), predictor, penalty, (x > 0) * 1.0, np.ones(30))
    end = Newton(tol=1e-6).minimize(objective, np.zeros(2), np.zeros(0)).expansion
    with pytest.raises(NotConverged, match="no minimum"):
        certify(end, SOLVER)


def test_another_point_than_a_minimum_and_a_loss_without_rows_are_refused():
    objective = problem(LOSSES["logistic"], 40, 4)
    with pytest.raises(NotConverged, match="relative gradient here is"):
        certify(objective.at(np.zeros(5), HYPER), SOLVER)
    whole = replace(objective, loss=IdentityLoss())
    with pytest.raises(NotAvailable, match="leave-one-out needs a loss of the form"):
        certify(whole.at(np.zeros(5), HYPER), SOLVER)


def test_a_single_row_has_no_others():
    objective = problem(LOSSES["squared"], 40, 4)
    one = replace(objective, weight=(np.arange(40) == 3) * 1.0)
    with pytest.raises(InvalidData, match="two rows"):
        certify(fit(one), SOLVER)


@pytest.mark.parametrize("budget", [-1, 1.5, -0.1, "auto", True, np.nan])
def test_budgets_that_are_none_are_refused(budget):
    with pytest.raises(InvalidParameter, match="`budget` is"):
        most_refits(budget, 100)


def test_budgets_are_shares_or_numbers():
    assert [most_refits(b, 101) for b in (None, 0, 0.0, 0.1, 1.0, 7, 500)] == [
        101, 0, 0, 11, 101, 7, 101
    ]  # fmt: skip


def test_a_metric_that_is_not_one_number_a_row_is_refused():
    end = fit(problem(LOSSES["squared"], 40, 4))
    with pytest.raises(InvalidParameter, match="one number a row"):
        certify(end, SOLVER, lambda y, outputs: outputs)
