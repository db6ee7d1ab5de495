"""Criteria of sparse fits: their derivative on the active set against refits, for every loss."""

import numpy as np
import pytest

from derivata.criteria import HoldOut, KFold, LeaveOneOut
from derivata.criteria.distinct_folds import DistinctFolds
from derivata.curvature import invert
from derivata.errors import NotAvailable
from derivata.implicit import hypergradient, params_by_hyper, value_and_hypergradient
from derivata.solvers import ProximalNewton
from derivata.tuning.sparse_path import first_point
from tests.cases import LOSSES, SPARSE_PENALTIES, sparse_problem
from tests.differences import NODES, jacobian, relative_error

CRITERIA = {
    "leave-one-out": LeaveOneOut(),
    "3-fold": KFold(3),
    "3 distinct folds": DistinctFolds(3),
    "hold-out": HoldOut(0.3),
}
LOSS = pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))
PENALTY = pytest.mark.parametrize("named", SPARSE_PENALTIES.values(), ids=list(SPARSE_PENALTIES))
CRITERION = pytest.mark.parametrize("criterion", CRITERIA.values(), ids=list(CRITERIA))
SHAPES = pytest.mark.parametrize("shape", [(48, 6), (24, 30)], ids=["n > p", "p > n"])
STEP = 1e-3
# Refits to 1e-12 and differences of fourth order leave less than 1e-8 of doubt; 1e-6 is asked for.
EXACT = 1e-7


def refit(part, hyper, params):
    return ProximalNewton(1e-13).minimize(part.objective, params, hyper).expansion


def supports(parts, hyper, starts):
    return [tuple(refit(p, hyper, s).columns) for p, s in zip(parts, starts, strict=True)]


def settled(objective, parts):
    """Log strengths around which no part's active set changes, and its fits there."""
    top = first_point(objective, ProximalNewton(1e-10)).hyper
    zeros = [np.zeros(objective.predictor.n_params)] * len(parts)
    for below in np.arange(1.0, 2.5, 0.0371):
        hyper = top - below
        starts = [refit(p, hyper, z).params for p, z in zip(parts, zeros, strict=True)]
        here = supports(parts, hyper, starts)
        ends = [
            hyper + sign * max(abs(s) for s, _ in NODES) * STEP * unit
            for unit in np.eye(len(hyper))
            for sign in (-1.0, 1.0)
        ]
        if all(supports(parts, end, starts) == here for end in ends):
            return hyper, starts
    raise AssertionError("active sets change everywhere")


@LOSS
@PENALTY
@CRITERION
@SHAPES
def test_the_hypergradient_equals_differences_of_refits(case, named, criterion, shape):
    objective = sparse_problem(case, *shape, named)
    if not objective.penalty.is_separable and isinstance(criterion, LeaveOneOut):
        pytest.skip("refused: see below")
    parts = criterion.subproblems(objective)
    hyper, starts = settled(objective, parts)

    def value(at):
        total = 0.0
        for part, start in zip(parts, starts, strict=True):
            expansion = refit(part, at, start)
            total += part.judge(expansion, invert(expansion)).value
        return total

    found = np.zeros(len(hyper))
    for part, start in zip(parts, starts, strict=True):
        expansion = refit(part, hyper, start)
        inverse = invert(expansion)
        found += hypergradient(expansion, part.judge(expansion, inverse), inverse)
    assert relative_error(found, jacobian(value, hyper, STEP)) < EXACT


@LOSS
@PENALTY
@SHAPES
def test_the_derivative_of_the_minimiser_equals_differences_and_is_zero_off_the_support(
    case, named, shape
):
    objective = sparse_problem(case, *shape, named)
    part = LeaveOneOut().subproblems(objective)[0]
    hyper, (start,) = settled(objective, [part])
    expansion = refit(part, hyper, start)
    found = params_by_hyper(expansion, invert(expansion))
    truth = jacobian(lambda h: refit(part, h, start).params, hyper, STEP)
    assert relative_error(found, truth) < EXACT
    outside = np.ones(len(start), dtype=bool)
    outside[expansion.support] = False
    assert (found[outside] == 0.0).all()


@PENALTY
def test_the_adjoint_makes_the_value_second_order_in_what_the_solver_left(named):
    objective = sparse_problem(LOSSES["logistic"], 48, 6, named)
    part = KFold(3).subproblems(objective)[0]
    hyper, _ = settled(objective, [part])
    exact = refit(part, hyper, np.zeros(7))
    errors = []
    for size in (1e-3, 1e-4):
        params = exact.params.copy()
        params[exact.support] *= 1.0 + size
        rough = type(exact)(part.objective, params, hyper)
        inverse = invert(rough)
        # Judged as is: the tolerance of the judge is not what is tested.
        judged = part.judge(exact, invert(exact))
        valid = part.judged
        assert valid.n_rows > 0
        found = value_and_hypergradient(rough, _judged_at(part, rough), inverse)[0]
        errors.append(abs(found - judged.value))
    assert errors[1] < 0.03 * errors[0]


def _judged_at(part, expansion):
    """The hold-out's partials at a point that its judge would call no minimiser."""
    lenient = type(expansion)(expansion.objective, expansion.params, expansion.hyper)
    vars(lenient)["relative_gradient"] = 0.0
    return part.judge(lenient, invert(lenient))


def test_leave_one_out_refuses_groups_and_names_folds():
    objective = sparse_problem(LOSSES["logistic"], 48, 6, SPARSE_PENALTIES["group lasso"])
    part = LeaveOneOut().subproblems(objective)[0]
    hyper = first_point(objective, ProximalNewton(1e-8)).hyper - 1.0
    expansion = refit(part, hyper, np.zeros(7))
    with pytest.raises(NotAvailable, match=r"KFold\(\)"):
        part.judge(expansion, invert(expansion))
