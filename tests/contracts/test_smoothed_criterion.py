"""Criteria of fits whose penalty's curvature moves with the fit, against refits."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.criteria import Evidence, KFold, LeaveOneOut
from derivata.criteria.left_out import leave_out
from derivata.criteria.trust import leave_one_out_error
from derivata.curvature import invert
from derivata.implicit import hypergradient
from derivata.penalties import FREE, SmoothedAbsolute
from derivata.solvers import Newton
from tests.cases import LOSSES, problem
from tests.differences import jacobian, relative_error

CRITERIA = {
    "leave-one-out": LeaveOneOut(),
    "3-fold": KFold(3),
    "evidence": Evidence(),
    "evidence of known dispersion": Evidence(0.8),
}
# Chains of five columns and three; the intercept is free.
CHAINS = np.array([0, 0, 0, 1, 0, 1, 0, 1, FREE])
LOSS = pytest.mark.parametrize("name", ["squared", "logistic", "poisson", "softmax of 4", "huber"])
CRITERION = pytest.mark.parametrize("criterion", CRITERIA.values(), ids=list(CRITERIA))
PENALTY = pytest.mark.parametrize("kind", ["sizes", "differences"])
SHAPES = pytest.mark.parametrize("n_rows", [40, 7], ids=["n > p", "p > n"])
EXACT = 1e-7


def smoothed(name, kind, n_rows=40):
    objective = problem(LOSSES[name], n_rows, 8, weighted=n_rows > 10)
    k = objective.loss.n_outputs
    if kind == "sizes":
        groups = np.tile(np.append(np.arange(8) % 2, FREE), k)
        penalty = SmoothedAbsolute.of_sizes(groups, ("even", "odd"), 0.3)
    else:
        chains = np.where(CHAINS < 0, FREE, CHAINS + 2 * np.arange(k)[:, None]).ravel()
        penalty = SmoothedAbsolute.of_chains(chains, ("variation",), 0.3)
    return replace(objective, penalty=penalty), np.array([0.4, 1.2])[: penalty.n_hyper]


def refit(part, hyper, params):
    return Newton(tol=1e-13).minimize(part.objective, params, hyper).expansion


@LOSS
@CRITERION
@PENALTY
@SHAPES
def test_the_hypergradient_equals_differences_of_refits(name, criterion, kind, n_rows):
    objective, hyper = smoothed(name, kind, n_rows)
    if name == "softmax of 4" and n_rows < 10:
        pytest.skip("folds of seven rows would lack classes")
    parts = criterion.subproblems(objective)
    zeros = np.zeros(objective.predictor.n_params)
    starts = [refit(part, hyper, zeros).params for part in parts]

    def value(at):
        fits = [refit(p, at, start) for p, start in zip(parts, starts, strict=True)]
        return sum(p.judge(f, invert(f)).value for p, f in zip(parts, fits, strict=True))

    found = np.zeros(len(hyper))
    for part, start in zip(parts, starts, strict=True):
        expansion = refit(part, hyper, start)
        inverse = invert(expansion)
        found += hypergradient(expansion, part.judge(expansion, inverse), inverse)
    assert relative_error(found, jacobian(value, hyper, 5e-3)) < EXACT


@PENALTY
def test_nothing_is_frozen_where_curvature_moves(kind):
    objective, hyper = smoothed("squared", kind)
    for criterion in CRITERIA.values():
        for part in criterion.subproblems(objective):
            assert not part.is_frozen_exact
            expansion = refit(part, hyper, np.zeros(9))
            assert part.judge(expansion, invert(expansion)).stand_in() is None


@PENALTY
def test_the_error_of_leave_one_out_is_seen_though_losses_are_squared(kind):
    objective, hyper = smoothed("squared", kind)
    objective = replace(objective, weight=np.ones(40))
    expansion = refit(LeaveOneOut().subproblems(objective)[0], hyper, np.zeros(9))
    inverse = invert(expansion)
    rows = leave_out(expansion, inverse)[1].row_losses
    exact = np.empty(40)
    for row in range(40):
        kept = objective.take(np.delete(np.arange(40), row))
        fit = Newton(1e-12).minimize(kept, expansion.params, hyper).expansion
        own = objective.take(np.array([row]))
        exact[row] = own.at(fit.params, hyper).loss_value
    error = leave_one_out_error(expansion, inverse).error
    truth = np.sort(np.abs(rows - exact))[-10:].sum()
    assert 0.3 * truth < error < 3.0 * truth


def test_a_wide_smoothed_lasso_is_a_ridge():
    objective = problem(LOSSES["squared"], 40, 8)
    wide = SmoothedAbsolute.of_sizes(np.append(np.zeros(8, dtype=int), FREE), ("all",), 1e4)
    ridge = replace(objective, penalty=objective.penalty.merged(np.zeros(2, dtype=int), ("all",)))
    round_off = replace(objective, penalty=wide)
    hyper = np.array([0.7])
    values = []
    for each, at in ((ridge, hyper), (round_off, hyper + np.log(1e4))):
        part = Evidence().subproblems(each)[0]
        ends = []
        for moved in (at, at + 1.0):
            expansion = refit(part, moved, np.zeros(9))
            ends.append(part.judge(expansion, invert(expansion)).value)
        values.append(ends[1] - ends[0])
    assert values[0] == pytest.approx(values[1], rel=1e-5)
