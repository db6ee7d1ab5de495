"""Tuning by evidence: tied, then apart under a weak prior, and what rows left out say of both."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.criteria.evidence import Evidence
from derivata.curvature import invert
from derivata.designs import DenseDesign
from derivata.losses import LogisticLoss, SquaredLoss
from derivata.objective import Objective
from derivata.penalties import FREE, GroupRidge
from derivata.predictors import LinearPredictor
from derivata.solvers import Newton
from derivata.tuning import by_evidence
from derivata.tuning.by_evidence import PULL, ROUGH_PULL, can_have_evidence, tune_by_evidence
from derivata.tuning.guard import Guard, WeakPrior
from tests.cases import LOSSES, problem

LOSS = pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))
SOLVER = Newton(tol=1e-8)
# Two points that differ by less are equally good: see `test_search`.
EQUALLY_GOOD = 0.03


def evidence(objective, hyper):
    end = SOLVER.minimize(objective, np.zeros(objective.predictor.n_params), hyper).expansion
    return Evidence().subproblems(objective)[0].judge(end, invert(end)).value


def drawn(sizes, n_rows=300, loss=None, seed=0, scale=1.0):
    """Blocks of four columns, each with coefficients of a size of its own, and an intercept."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.standard_normal((n_rows, 4 * len(sizes))), np.ones(n_rows)])
    coefs = np.append(np.repeat(sizes, 4) * rng.standard_normal(4 * len(sizes)), 0.3)
    outputs = scale * X @ coefs
    y = outputs + rng.standard_normal(n_rows)
    if loss is not None:
        y = (rng.random(n_rows) < 1.0 / (1.0 + np.exp(-outputs))).astype(float)
    names = tuple(f"block {g}" for g in range(len(sizes)))
    groups = np.append(np.repeat(np.arange(len(sizes)), 4), FREE)
    return Objective(
        loss or SquaredLoss(),
        LinearPredictor(DenseDesign.from_array(X)),
        GroupRidge(groups, names),
        y,
        np.ones(n_rows),
    )


def tuned(objective, kinds, **settings):
    """The result alone."""
    return tune_by_evidence(objective, SOLVER, kinds=np.asarray(kinds), **settings).result


@LOSS
def test_no_penalty_can_be_moved_to_raise_the_evidence_further(case):
    objective = problem(case, 300, 6)
    kinds = np.zeros(2, dtype=int)
    found = tune_by_evidence(objective, SOLVER, kinds=kinds)
    result = found.result
    rate = 0.0 if case.loss.scale_is_free else by_evidence.RATE
    pull = PULL if case.loss.curvature_is_constant else ROUGH_PULL
    prior = WeakPrior(Guard(pull, kinds), rate)

    def value(hyper):
        return evidence(objective, hyper) + prior.at(hyper)[0]

    here = value(result.hyper)
    for move in (-1.0, -0.3, 0.3, 1.0):
        for direction in np.eye(2):
            assert here <= value(result.hyper + move * direction) + EQUALLY_GOOD
    assert result.converged and result.guard_strength == pull
    assert found.criterion.name == "evidence" and found.reason.startswith("evidence")


def test_blocks_of_different_sizes_are_told_apart():
    result = tuned(drawn([2.0, 0.3, 0.0]), [0, 0, 0])
    large, small, none = result.hyper
    # Four coefficients tell a standard deviation to a factor of about 1.4, log penalties to 0.7.
    assert large == pytest.approx(-2.0 * np.log(2.0), abs=2.0)
    assert small == pytest.approx(-2.0 * np.log(0.3), abs=2.0)
    assert none > 4.0
    assert result.n_evaluations >= len(result.path)


def test_kinds_of_one_penalty_each_are_tuned_at_once_without_a_tied_search():
    objective = drawn([2.0, 0.3, 0.0])
    alone, alike = tuned(objective, [0, 1, 2]), tuned(objective, [0, 0, 0])
    # Without others of its kind nothing pulls at the third, which the data do not support.
    assert alone.hyper[2] > alike.hyper[2]
    assert alone.hyper[:2] == pytest.approx(alike.hyper[:2], abs=0.5)


@pytest.mark.parametrize("loss", [None, LogisticLoss()], ids=["squared", "logistic"])
def test_with_few_rows_a_penalty_the_kinds_stay_tied(loss):
    objective = drawn([1.0, 0.5, 0.0, 0.0], n_rows=11, loss=loss)
    found = tune_by_evidence(objective, SOLVER, kinds=np.array([0, 1, 0, 1]))
    result = found.result
    assert result.guard_strength == np.inf
    assert result.hyper[0] == result.hyper[2] and result.hyper[1] == result.hyper[3]
    assert found.criterion.name != "evidence"
    assert "one penalty a kind, as they are many for the rows" in found.reason
    for step in result.path:
        assert step.hyper.shape == (4,)


@pytest.mark.parametrize("better", ["tied", "apart"])
def test_where_penalties_are_many_rows_left_out_choose_between_tied_and_apart(monkeypatch, better):
    asked = []

    def told(candidates, solver, random_state):
        asked.extend(np.ptp(each.hyper) == 0.0 for each in candidates)
        return [float((np.ptp(each.hyper) == 0.0) != (better == "tied")) for each in candidates]

    monkeypatch.setattr(by_evidence, "left_out_losses", told)
    found = tune_by_evidence(
        drawn([1.0, 1.0, 1.0, 0.0], n_rows=80), SOLVER, kinds=np.zeros(4, dtype=int)
    )
    assert sorted(asked) == [False, True]
    assert (np.ptp(found.result.hyper) == 0.0) == (better == "tied")
    assert found.result.guard_strength == (np.inf if better == "tied" else PULL)
    assert (found.criterion.name == "evidence") == (better == "apart")


def test_where_rows_are_many_nothing_is_compared(monkeypatch):
    monkeypatch.setattr(by_evidence, "left_out_losses", None)
    assert tuned(drawn([1.0, 0.0]), [0, 0]).guard_strength == PULL


def test_a_start_takes_the_place_of_the_tied_search():
    objective, kinds = drawn([2.0, 0.3, 0.0]), [0, 0, 0]
    cold = tuned(objective, kinds)
    warm = tuned(objective, kinds, start=cold.hyper, params=cold.full_params)
    assert warm.n_evaluations < cold.n_evaluations
    here, there = (evidence(objective, each.hyper) for each in (warm, cold))
    assert here == pytest.approx(there, abs=EQUALLY_GOOD)


def test_every_accepted_step_is_told():
    steps = []
    tuned(drawn([2.0, 0.3, 0.0]), [0, 0, 0], progress=steps.append)
    assert steps and all(np.isfinite(step.criterion) for step in steps)


def test_separable_rows_keep_their_penalties_off_the_lower_end():
    # The evidence of separable rows falls as penalties do, until Laplace breaks down.
    objective = drawn([3.0, 3.0, 0.0], n_rows=60, loss=LogisticLoss(), scale=20.0)
    result = tuned(objective, [0, 0, 0])
    assert np.isfinite(result.hyper).all() and not result.at_bound
    # Blocks that move log-odds by more than 20 a standard deviation are kept from it by the prior.
    assert result.hyper.min() > -6.0


def test_the_unit_of_a_target_of_squared_loss_moves_no_penalty():
    objective = drawn([2.0, 0.3, 0.0])
    result, other = (
        tuned(replace(objective, y=unit * objective.y), [0, 0, 0]) for unit in (1.0, 1e8)
    )
    assert other.hyper == pytest.approx(result.hyper, abs=1e-4)


def test_tuning_twice_gives_the_same_bits():
    objective = drawn([1.0, 0.0, 0.0], n_rows=70, loss=LogisticLoss())
    one, other = (tuned(objective, [0, 1, 1]) for _ in range(2))
    assert np.array_equal(one.hyper, other.hyper)
    assert one.criterion == other.criterion


def test_evidence_can_be_had_where_the_hessian_or_its_dual_fits(monkeypatch):
    monkeypatch.setattr(by_evidence, "LARGEST_DENSE", 20)
    assert can_have_evidence(problem(LOSSES["squared"], 100, 19))
    assert can_have_evidence(problem(LOSSES["squared"], 20, 100))
    assert not can_have_evidence(problem(LOSSES["squared"], 100, 20))
    assert not can_have_evidence(problem(LOSSES["softmax of 4"], 100, 19))
