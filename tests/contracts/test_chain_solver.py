"""Fits with total variation: every loss, its minimum, and what is derived from it on the face."""

from dataclasses import replace

import numpy as np
import pytest

from derivata.criteria import Evidence, KFold, LeaveOneOut
from derivata.curvature import invert
from derivata.curvature.chain import ChainExpansion, expand
from derivata.errors import NotAvailable
from derivata.implicit import hypergradient, params_by_hyper
from derivata.penalties import FREE, ChainVariation
from derivata.solvers import LBFGS, Newton, ProximalNewton
from tests.cases import LOSSES, problem
from tests.differences import NODES, jacobian, relative_error

LOSS = pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))
KIND = pytest.mark.parametrize("names", [("variation",), ("variation", "l1")], ids=["tv", "fused"])
SHAPES = pytest.mark.parametrize("shape", [(48, 8), (18, 30)], ids=["n > p", "p > n"])
TOL = 1e-9
STEP, EXACT = 1e-3, 1e-7


def chained(case, n_rows, n_features, names, **settings):
    """The random objective of the other contracts with chains of four columns and the rest."""
    objective = problem(case, n_rows, n_features, **settings)
    chains = np.append(np.minimum(np.arange(n_features) // 4, 1), FREE)
    return replace(objective, penalty=ChainVariation(chains, case.loss.n_outputs, names))


def strengths(objective, below=1.0):
    """Log strengths this far below those of typical gradients at zero."""
    zeros = np.zeros(objective.predictor.n_params)
    pull = np.abs(objective.at(zeros, np.zeros(2)).loss_gradient).mean()
    return (np.log(pull) - below - np.array([0.0, 1.0]))[: objective.penalty.n_hyper]


def fitted(objective, hyper, tol=TOL):
    return ProximalNewton(tol).minimize(objective, np.zeros(objective.predictor.n_params), hyper)


@LOSS
@KIND
@SHAPES
def test_the_conditions_of_optimality_hold_by_their_definition(case, names, shape):
    objective = chained(case, *shape, names)
    penalty, hyper = objective.penalty, strengths(objective)
    fit = fitted(objective, hyper)
    assert fit.converged and isinstance(fit.expansion, ChainExpansion)
    # A minimiser is a fixed point of the proximal step, of any length.
    params = fit.expansion.params
    for step in (1e-3, 1.0):
        step /= float(np.abs(fit.expansion.gram).sum(axis=0).max())
        moved = penalty.prox(params - step * fit.expansion.loss_gradient, hyper, step)
        scale = step * objective.gradient_scale
        assert (np.abs(moved - params) <= 10 * TOL * scale.max()).all()
    number = penalty.faces(params)
    assert len(np.unique(number)) < len(params)  # something is joined


@LOSS
@KIND
def test_values_never_rise_and_the_start_does_not_matter(case, names):
    objective = chained(case, 48, 8, names)
    hyper = strengths(objective)
    fit = fitted(objective, hyper)
    assert (np.diff(fit.values) <= 1e-14 * (1.0 + np.abs(fit.values[0]))).all()
    start = np.random.default_rng(1).standard_normal(objective.predictor.n_params)
    other = ProximalNewton(TOL).minimize(objective, start, hyper)
    assert other.converged
    assert other.expansion.value == pytest.approx(fit.expansion.value, rel=1e-10)


def settled(parts, hyper, starts):
    """Whether no part's face changes as far as differences reach."""
    ends = [
        hyper + sign * max(abs(s) for s, _ in NODES) * STEP * unit
        for unit in np.eye(len(hyper))
        for sign in (-1.0, 1.0)
    ]
    for part, start in zip(parts, starts, strict=True):
        face = part.objective.penalty.faces
        here = face(start).tolist()
        for end in ends:
            moved = ProximalNewton(1e-12).minimize(part.objective, start, end).expansion.params
            if face(moved).tolist() != here:
                return False
    return True


@pytest.mark.parametrize("name", ["squared", "logistic", "poisson", "softmax of 4"])
@KIND
@SHAPES
@pytest.mark.parametrize("criterion", [LeaveOneOut(), KFold(3)], ids=["leave-one-out", "3-fold"])
def test_the_hypergradient_equals_differences_of_refits(name, names, shape, criterion):
    if name == "softmax of 4" and names == ("variation",) and shape == (18, 30):
        pytest.skip("levels have no penalty, and with them the rows of a fold are separable")
    objective = chained(LOSSES[name], *shape, names)
    parts = criterion.subproblems(objective)
    for below in np.arange(0.5, 2.5, 0.0371):
        hyper = strengths(objective, below)
        starts = [fitted(part.objective, hyper, 1e-12).expansion.params for part in parts]
        if settled(parts, hyper, starts):
            break
    else:
        raise AssertionError("faces change everywhere")

    def value(at):
        total = 0.0
        for part, start in zip(parts, starts, strict=True):
            expansion = ProximalNewton(1e-13).minimize(part.objective, start, at).expansion
            total += part.judge(expansion, invert(expansion)).value
        return total

    found = np.zeros(len(hyper))
    for part, start in zip(parts, starts, strict=True):
        expansion = ProximalNewton(1e-13).minimize(part.objective, start, hyper).expansion
        inverse = invert(expansion)
        found += hypergradient(expansion, part.judge(expansion, inverse), inverse)
    assert relative_error(found, jacobian(value, hyper, STEP)) < EXACT


def test_the_minimiser_moves_along_its_face():
    objective = chained(LOSSES["logistic"], 48, 8, ("variation", "l1"))
    part = LeaveOneOut().subproblems(objective)[0]
    for below in np.arange(1.0, 2.5, 0.0371):
        hyper = strengths(objective, below)
        start = fitted(objective, hyper, 1e-13).expansion.params
        if settled([part], hyper, [start]):
            break
    expansion = expand(objective, start, hyper)
    found = params_by_hyper(expansion, invert(expansion))
    refit = lambda h: ProximalNewton(1e-13).minimize(objective, start, h).expansion.params
    assert relative_error(found, jacobian(refit, hyper, STEP)) < EXACT
    assert np.abs(objective.penalty.pinned(start) @ found).max() < 1e-12


@pytest.mark.parametrize("solver", [Newton(TOL), LBFGS(TOL)], ids=["newton", "lbfgs"])
def test_solvers_that_know_no_kinks_hand_over_and_say_so(solver):
    objective = chained(LOSSES["logistic"], 48, 8, ("variation",))
    hyper = strengths(objective)
    fit = solver.minimize(objective, np.zeros(9), hyper)
    name = type(solver).__name__
    assert fit.converged and f"{name} knows no kinks" in fit.reason
    assert np.array_equal(fit.expansion.params, fitted(objective, hyper).expansion.params)


def test_too_many_parameters_for_a_hessian_are_refused_with_the_solver_that_takes_them(monkeypatch):
    monkeypatch.setattr("derivata.solvers.proximal.LARGEST_DENSE", 8)
    objective = chained(LOSSES["squared"], 48, 8, ("variation",))
    with pytest.raises(NotAvailable, match=r"Nesterov\(\)"):
        fitted(objective, np.zeros(1))


def test_evidence_is_refused_where_there_are_kinks():
    objective = chained(LOSSES["squared"], 48, 8, ("variation",))
    hyper = strengths(objective)
    expansion = fitted(objective, hyper).expansion
    part = Evidence().subproblems(objective)[0]
    with pytest.raises(NotAvailable, match=r"SmoothedVariation\(\)"):
        part.judge(expansion, invert(expansion))
