from dataclasses import replace

import numpy as np
import pytest

from derivata.curvature import spectrum as module
from derivata.curvature.chain import expand
from derivata.curvature.spectrum import Spectrum, spectrum
from derivata.penalties import FREE, GroupLasso, GroupRidge, Lasso, TotalVariation
from tests.cases import LOSSES, problem

HYPER = np.array([0.4, 1.2])
LOSS = pytest.mark.parametrize("case", LOSSES.values(), ids=list(LOSSES))


def by_hand(objective, params, hyper):
    """The Hessian by central differences of gradients."""
    columns = [
        objective.at(params + 1e-6 * axis, hyper).gradient
        - objective.at(params - 1e-6 * axis, hyper).gradient
        for axis in np.eye(len(params))
    ]
    hessian = np.array(columns) / 2e-6
    return 0.5 * (hessian + hessian.T)


@LOSS
def test_both_ends_are_those_of_the_differentiated_gradient(case):
    objective = problem(case, 30, 4)
    params = 0.1 * np.random.default_rng(1).standard_normal(objective.predictor.n_params)
    values = np.linalg.eigvalsh(by_hand(objective, params, HYPER))
    ends = spectrum(objective.at(params, HYPER))
    assert ends.largest == pytest.approx(np.abs(values).max(), rel=1e-6)
    assert ends.smallest == pytest.approx(values[values > 1e-6].min(), rel=1e-4)
    assert ends.condition == ends.largest / ends.smallest
    assert ends.n_negative == np.count_nonzero(values < -1e-6)


def test_scaling_measures_each_parameter_in_its_own_unit():
    objective = problem(LOSSES["squared"], 60, 4, offset=False)
    wide = problem(LOSSES["squared"], 60, 4, offset=False)
    columns = wide.predictor.design.columns
    columns[:4] *= np.array([1e-2, 1.0, 1e2, 1e4])[:, None]  # one row a column
    free = GroupRidge(np.full(5, FREE), ())
    one = replace(objective, penalty=free).at(np.zeros(5), np.zeros(0))
    other = replace(wide, penalty=free).at(np.zeros(5), np.zeros(0))
    assert spectrum(other).condition > 1e10
    scaled = spectrum(other, scaled=True)
    assert scaled.condition < 5.0
    assert scaled.condition == pytest.approx(spectrum(one, scaled=True).condition, rel=1e-9)


def test_flat_directions_are_counted_and_left_out_of_kappa():
    objective = problem(LOSSES["squared"], 10, 24, offset=False)
    free = replace(objective, penalty=GroupRidge(np.full(25, FREE), ()))
    ends = spectrum(free.at(np.zeros(25), np.zeros(0)))
    # The ten rows have weights of which some are zero.
    rank = np.linalg.matrix_rank(free.predictor.design.dense(slice(None))[free.weight > 0])
    assert ends.n_flat == 25 - rank
    assert ends.smallest > 1e-3 * ends.largest


@pytest.mark.parametrize("penalty", [Lasso(), GroupLasso(), TotalVariation()])
def test_a_kinked_penalty_leaves_the_curvature_of_the_losses(penalty):
    objective = problem(LOSSES["logistic"], 40, 4)
    groups = np.append(np.zeros(4, dtype=int), FREE)
    kinked = replace(objective, penalty=penalty.on(groups, 1))
    params = np.array([0.3, 0.0, 0.0, -0.2, 0.1])
    here = expand(kinked, params, np.array([2.0]))
    values = np.linalg.eigvalsh(here.gram)
    assert spectrum(here).largest == pytest.approx(values[-1], rel=1e-12)
    assert spectrum(here).smallest == pytest.approx(values[0], rel=1e-9)


@pytest.mark.parametrize("name", ["logistic", "softmax of 4"])
@pytest.mark.parametrize("scaled", [False, True])
def test_many_parameters_are_seen_through_products_alone(name, scaled, monkeypatch):
    objective = problem(LOSSES[name], 80, 30)
    here = objective.at(np.zeros(objective.predictor.n_params), HYPER)
    dense = spectrum(here, scaled=scaled)
    monkeypatch.setattr(module, "LARGEST_DENSE", 10)
    again = objective.at(np.zeros(objective.predictor.n_params), HYPER)
    lanczos = spectrum(again, scaled=scaled)
    # The diagonal of several outputs is an estimate.
    close = 1e-9 if not scaled or name == "logistic" else 0.1
    assert lanczos.largest == pytest.approx(dense.largest, rel=close)
    assert lanczos.smallest == pytest.approx(dense.smallest, rel=close)


def test_lanczos_bounds_the_ends_from_inside_when_it_stops_early(monkeypatch):
    objective = problem(LOSSES["squared"], 300, 150)
    dense = spectrum(objective.at(np.zeros(151), HYPER))
    monkeypatch.setattr(module, "LARGEST_DENSE", 10)
    monkeypatch.setattr(module, "MOST_VECTORS", 40)
    early = spectrum(objective.at(np.zeros(151), HYPER))
    assert 0.999 * dense.largest < early.largest <= dense.largest * (1.0 + 1e-12)
    assert dense.smallest * (1.0 - 1e-12) <= early.smallest < 1.5 * dense.smallest


def test_a_hessian_of_zeros_has_a_condition_of_one():
    assert Spectrum(0.0, 0.0, 3).condition == 1.0


def test_the_spectrum_is_kept_with_its_expansion():
    here = problem(LOSSES["squared"], 20, 3).at(np.zeros(4), HYPER)
    assert spectrum(here) is spectrum(here)
    assert spectrum(here, scaled=True) is not spectrum(here)
