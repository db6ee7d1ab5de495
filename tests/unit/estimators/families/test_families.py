"""Every family: its mean, noise, shape and record, judged the same way."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from derivata.errors import InvalidParameter, InvalidTarget, ModelFileError, ShapeMismatch
from derivata.estimators.families import (
    FAMILIES,
    GammaFamily,
    HuberFamily,
    LogisticFamily,
    NegativeBinomialFamily,
    PoissonFamily,
    QuantileFamily,
    SoftmaxFamily,
    SquaredFamily,
    TweedieFamily,
    family_from_dict,
    family_named,
    overdispersed,
)
from derivata.estimators.families.gamma import likeliest_dispersion
from derivata.estimators.families.huber import CORNER
from derivata.estimators.families.negative_binomial import LARGEST_THETA

N = 4_000


@dataclass(frozen=True)
class Case:
    """A family, how its targets scatter about outputs (n, 1), and the dispersion of that."""

    family: Any
    draw: Any
    dispersion: float = 1.0


def sums(rng, mean, power, scale):
    """Tweedie amounts by their definition."""
    number = rng.poisson(mean ** (2 - power) / (scale * (2 - power)))
    size = scale * (power - 1) * mean ** (power - 1)
    shape = np.maximum((2 - power) / (power - 1) * number, 1e-300)
    return np.where(number > 0, rng.gamma(shape) * size, 0.0)


CASES = {
    "squared": Case(SquaredFamily(), lambda rng, z: rng.normal(z, 1.5), 2.25),
    # Of normal noise: E psi^2 / E psi' with psi clipped at 1.345 scales, .71 / .82 of the variance.
    "huber": Case(HuberFamily(1.5 * CORNER), lambda rng, z: rng.normal(z, 1.5), 0.8652 * 2.25),
    "poisson": Case(PoissonFamily(), lambda rng, z: rng.poisson(np.exp(z)).astype(float)),
    "negative-binomial": Case(
        NegativeBinomialFamily(2.0),
        lambda rng, z: rng.poisson(rng.gamma(2.0, np.exp(z) / 2.0)).astype(float),
    ),
    "gamma": Case(GammaFamily(), lambda rng, z: rng.gamma(2.5, np.exp(z) / 2.5), 0.4),
    "tweedie": Case(TweedieFamily(1.6), lambda rng, z: sums(rng, np.exp(z), 1.6, 1.2), 1.2),
    # tau (1 - tau) / density at the median of a normal.
    "quantile": Case(QuantileFamily(0.5, 0.05), lambda rng, z: rng.normal(z, 1.0), 0.25 / 0.3989),
}
NUMBERS = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def drawn(case, seed=0):
    rng = np.random.default_rng(seed)
    outputs = rng.normal(1.0, 0.7, (N, 1))
    return case.draw(rng, outputs[:, 0]), outputs, np.ones(N)


def test_every_family_has_a_case():
    assert set(FAMILIES) == {*CASES, "logistic", "softmax"}


@NUMBERS
def test_the_dispersion_is_that_of_the_noise(case):
    y, outputs, weight = drawn(case)
    found = case.family.dispersion(y, outputs, weight, 0.0)
    assert found == pytest.approx(case.dispersion, rel=0.1)  # 4,000 rows: 2 to 5 % by chance
    if found != 1.0:  # three effective parameters fewer leave that many degrees of freedom less
        fewer = case.family.dispersion(y, outputs, weight, 3.0)
        assert fewer == pytest.approx(found * N / (N - 3.0), rel=1e-12)
        assert case.family.dispersion(y, outputs, weight, None) == found


@NUMBERS
def test_the_dispersion_of_intervals_is_that_of_the_noise_too(case):
    y, outputs, weight = drawn(case)
    family = case.family
    found = family.noise_dispersion(y, outputs, weight, 3.0)
    if family.name not in ("gamma", "tweedie"):
        assert found == family.dispersion(y, outputs, weight, 3.0)
        return
    assert found == pytest.approx(case.dispersion, rel=0.05)
    # One amount of 200 means moves Pearson's by 200^2 / n, and the likeliest hardly.
    y[0] = 200.0 * family.mean(outputs)[0]
    assert family.dispersion(y, outputs, weight, 3.0) > 5.0 * case.dispersion
    assert family.noise_dispersion(y, outputs, weight, 3.0) < 1.2 * case.dispersion


@pytest.mark.parametrize("dispersion", [1e-9, 1e-4, 0.3, 5.0, 100.0])
def test_the_likeliest_dispersion_of_a_gamma_has_the_deviance_it_was_had_from(dispersion):
    # E of a unit deviance is 2 (log nu - psi(nu)), nu = 1 / phi.
    from scipy.special import psi

    shape = 1.0 / dispersion
    deviance = 2.0 * (np.log(shape) - psi(shape)) if shape < 1e4 else dispersion
    assert likeliest_dispersion(deviance) == pytest.approx(dispersion, rel=1e-3)
    assert likeliest_dispersion(0.0) == pytest.approx(0.0, abs=1e-10)


@NUMBERS
def test_a_row_of_weight_two_is_two_rows(case):
    y, outputs, _ = drawn(case)
    weight = np.where(np.arange(N) % 3 == 0, 2.0, 1.0)
    twice = np.repeat(np.arange(N), weight.astype(int))
    ones = np.ones(len(twice))
    family = case.family
    found = family.dispersion(y, outputs, weight, 2.0)
    assert found == pytest.approx(family.dispersion(y[twice], outputs[twice], ones, 2.0), rel=1e-9)
    noise = family.noise_dispersion(y, outputs, weight, 2.0)
    again = family.noise_dispersion(y[twice], outputs[twice], ones, 2.0)
    assert noise == pytest.approx(again, rel=1e-5)
    start, again = family.started(y, weight).shape, family.started(y[twice], ones).shape
    assert start == pytest.approx(again, rel=1e-9)
    fitted = family.restated(y, outputs, weight, 2.0).shape
    assert fitted == pytest.approx(family.restated(y[twice], outputs[twice], ones, 2.0).shape, 1e-5)


@NUMBERS
def test_rows_of_weight_zero_have_no_part_in_the_shape(case):
    y, outputs, _ = drawn(case)
    weight = (np.arange(N) % 4 > 0).astype(float)
    kept = weight > 0
    family = case.family
    start = family.started(y, weight).shape
    assert start == pytest.approx(family.started(y[kept], weight[kept]).shape, rel=1e-9)
    shape = family.restated(y, outputs, weight, 2.0).shape
    again = family.restated(y[kept], outputs[kept], weight[kept], 2.0).shape
    assert shape == pytest.approx(again, rel=1e-5)


@NUMBERS
def test_the_shape_is_found_again_from_its_own_targets(case):
    y, outputs, weight = drawn(case)
    family = case.family.started(y, weight).restated(y, outputs, weight, 0.0)
    if case.family.name in ("huber", "negative-binomial", "tweedie"):
        for key, truth in case.family.shape.items():
            assert family.shape[key] == pytest.approx(truth, rel=0.15)  # theta: 5 % by chance
    assert family.settled(family.restated(y, outputs, weight, 0.0))
    for key in family.shape:
        apart = type(family)(**{**vars(family), key: 1.1 * family.shape[key]})
        assert not family.settled(apart)


@NUMBERS
def test_intervals_hold_the_share_of_new_targets_that_they_promise(case):
    rng = np.random.default_rng(5)
    outputs = rng.normal(1.0, 0.7, (N, 1))
    variance = rng.uniform(0.0, 0.2, N)
    truth = outputs[:, 0] + np.sqrt(variance) * rng.standard_normal(N)
    lower, upper = case.family.interval(outputs, variance, case.dispersion, 0.8)
    assert (lower <= upper).all()
    if case.family.name == "quantile":
        inside = (lower <= truth) & (truth <= upper)  # of the quantile itself
    else:
        y = case.draw(rng, truth)
        inside = (lower <= y) & (y <= upper)
    # .6 % by chance; whole numbers hold more than they promise.
    discrete = case.family.name in ("poisson", "negative-binomial", "tweedie")
    assert 0.78 < inside.mean() < (0.93 if discrete else 0.82)


@NUMBERS
def test_a_wider_level_or_variance_gives_a_wider_interval(case):
    outputs = np.linspace(-1.0, 3.0, 30)[:, None]
    lower, upper = case.family.interval(outputs, np.full(30, 0.1), case.dispersion, 0.8)
    for variance, level in ((0.1, 0.95), (0.5, 0.8)):
        other = case.family.interval(outputs, np.full(30, variance), case.dispersion, level)
        assert (other[0] <= lower + 1e-9).all() and (other[1] >= upper - 1e-9).all()
    with pytest.raises(InvalidParameter, match="`level` is 1.0"):
        case.family.interval(outputs, np.full(30, 0.1), case.dispersion, 1.0)


@NUMBERS
def test_deviance_is_twice_the_loss_above_its_least(case):
    y, outputs, _ = drawn(case)
    loss, family = case.family.loss(), case.family
    above = loss.at(y, outputs).value - loss.saturated(y)
    assert family.deviance(y, outputs) == pytest.approx(2.0 * above, rel=1e-9, abs=1e-12)
    assert np.array_equal(family.row_losses(y, outputs), loss.at(y, outputs).value)


@NUMBERS
def test_means_are_what_targets_average_to(case):
    y, outputs, _ = drawn(case)
    error = np.std(y - case.family.mean(outputs)) / N**0.5
    assert abs(np.mean(y - case.family.mean(outputs))) < 4.0 * error


ALL = [*(case.family for case in CASES.values()), LogisticFamily(), SoftmaxFamily(3)]


@pytest.mark.parametrize("family", ALL, ids=lambda family: family.name)
def test_a_record_gives_the_family_back(family):
    import json

    record = json.loads(json.dumps(family.to_dict()))
    assert family_from_dict(record) == family


@pytest.mark.parametrize(
    "record, match",
    [
        (None, "no object"),
        ({"name": "squared"}, "no object with the key 'family'"),
        ({"family": 3}, "expected a string"),
        ({"family": "cauchy"}, "'cauchy'; expected one of squared"),
        ({"family": "squared", "delta": 1.0}, "unknown keys"),
        ({"family": "huber"}, "lacks"),
        ({"family": "huber", "delta": "1"}, "expected a number"),
        ({"family": "huber", "delta": -1.0}, "`delta` is -1"),
        ({"family": "tweedie", "power": 2.0}, "`power` is 2"),
        ({"family": "quantile", "level": 1.0, "width": 1.0}, "`level` is 1"),
        ({"family": "softmax", "n_classes": 2.5}, "n_classes"),
        ({"family": "softmax", "n_classes": 1}, "n_classes"),
        ({"family": "softmax", "n_classes": 1e9}, "n_classes"),
    ],
)
def test_a_record_that_is_none_is_refused(record, match):
    with pytest.raises(ModelFileError, match=match):
        family_from_dict(record, "family")


@pytest.mark.parametrize("name", FAMILIES)
def test_families_are_had_by_name(name):
    family = family_named(name, n_classes=3)
    assert family.name == name
    assert family.loss().targets_are_classes == family.classifies


def test_names_that_need_more_or_are_none_are_refused():
    with pytest.raises(InvalidParameter, match="`family` is 'normal'; expected one of squared"):
        family_named("normal")
    with pytest.raises(InvalidParameter, match="needs `n_classes`"):
        family_named("softmax")
    with pytest.raises(InvalidParameter, match="only a quantile has a level"):
        family_named("huber", level=0.9)
    assert family_named("quantile", level=0.9).level == 0.9


@pytest.mark.parametrize(
    "family, y, match",
    [
        (SquaredFamily(), [1.0, np.nan], "in row 1"),
        (PoissonFamily(), [1.0, -1.0], "in row 1.*LinearRegressor"),
        (NegativeBinomialFamily(), [1.0, -1.0], "in row 1.*squared"),
        (GammaFamily(), [1.0, 0.0], "in row 1.*Tweedie"),
        (TweedieFamily(), [1.0, -0.5], "in row 1.*squared"),
        (PoissonFamily(), [0.0, 0.0], "zero in every row"),
        (LogisticFamily(), [0.0, 2.0], "in row 1"),
        (SoftmaxFamily(3), [0.0, 3.0], "in row 1"),
    ],
)
def test_targets_of_another_family_are_refused_by_row(family, y, match):
    with pytest.raises(InvalidTarget, match=match):
        family.validate(np.array(y))


# Shapes in odd cases.


def test_underdispersed_counts_end_at_the_largest_theta():
    rng = np.random.default_rng(0)
    y = rng.binomial(10, 0.5, 200).astype(float)
    outputs = np.full((200, 1), np.log(5.0))
    family = NegativeBinomialFamily().started(y, np.ones(200))
    assert family.theta == LARGEST_THETA
    assert family.restated(y, outputs, np.ones(200), 1.0).theta == LARGEST_THETA


def test_a_perfect_fit_keeps_the_shapes_that_residuals_cannot_tell():
    y, weight = np.arange(20.0), np.ones(20)
    huber = HuberFamily(3.0)
    assert huber.restated(y, y[:, None], weight, 2.0) == huber
    width = QuantileFamily(0.5, 3.0).restated(y, y[:, None], weight, 2.0).width
    assert np.isfinite(width) and width > 0.0
    constant = HuberFamily().started(np.full(5, 2.0), np.ones(5))
    assert constant.delta == CORNER


def test_the_width_of_a_quantile_falls_with_rows_and_grows_with_parameters():
    rng = np.random.default_rng(0)
    y = rng.standard_normal(8_000)
    family, zero = QuantileFamily(0.9), np.zeros((8_000, 1))
    many = family.restated(y, zero, np.ones(8_000), 1.0).width
    few = family.restated(y[:1_000], zero[:1_000], np.ones(1_000), 1.0).width
    assert few / many == pytest.approx(2.0, rel=0.1)
    more = family.restated(y, zero, np.ones(8_000), 8.0).width
    assert more / many == pytest.approx(2.0, rel=1e-12)
    assert family.restated(y, zero, np.ones(8_000), 1.0).level == 0.9


def test_overdispersion_is_judged_about_the_fit_not_about_the_mean():
    rng = np.random.default_rng(0)
    z = rng.normal(1.0, 1.0, 2_000)
    y, weight = rng.poisson(np.exp(z)).astype(float), np.ones(2_000)
    assert np.var(y) > 3.0 * np.mean(y)
    clearly, sentence = overdispersed(y, z[:, None], weight, 5.0)
    assert not clearly and "do not vary clearly more" in sentence
    mixed = rng.poisson(np.exp(z) * rng.gamma(1.0, 1.0, 2_000)).astype(float)
    clearly, sentence = overdispersed(mixed, z[:, None], weight, 5.0)
    assert clearly and "1995 degrees of freedom" in sentence


def test_a_few_rows_are_no_clear_overdispersion():
    y, outputs = np.array([0.0, 4.0, 0.0]), np.zeros((3, 1))
    assert not overdispersed(y, outputs, np.ones(3), 1.0)[0]


# Probabilities of classes.


def test_logistic_intervals_are_of_the_probability_of_the_second_class():
    lower, upper = LogisticFamily().interval(np.array([[0.5]]), np.array([0.04]), 1.0, 0.95)
    assert lower[0] == pytest.approx(expit(0.5 - 1.959964 * 0.2), rel=1e-6)
    assert upper[0] == pytest.approx(expit(0.5 + 1.959964 * 0.2), rel=1e-6)


def test_softmax_intervals_of_two_classes_are_logistic_ones():
    z, variance = np.array([[0.4], [-2.0]]), np.array([0.3, 0.1])
    # Scores (z, -z) / sqrt 2 differ by sqrt 2 z in favour of class 0.
    lower, upper = SoftmaxFamily(2).interval(z, variance[:, None, None], 1.0, 0.9)
    truth = LogisticFamily().interval(np.sqrt(2.0) * z, 2.0 * variance, 1.0, 0.9)
    assert lower[:, 0] == pytest.approx(truth[0], rel=1e-12)
    assert upper[:, 0] == pytest.approx(truth[1], rel=1e-12)
    assert lower[:, 1] == pytest.approx(1.0 - truth[1], rel=1e-10)


def test_softmax_intervals_hold_the_probabilities_of_drawn_outputs():
    rng = np.random.default_rng(0)
    family = SoftmaxFamily(4)
    root = 0.3 * rng.standard_normal((3, 3))
    covariance = root @ root.T
    z = np.array([0.5, -0.2, 1.0])
    some = family.mean(z + rng.standard_normal((20_000, 3)) @ root.T)
    lower, upper = family.interval(z[None], covariance[None], 1.0, 0.9)
    # The delta method for log-odds that are not quite linear in the outputs.
    assert np.abs(((lower <= some) & (some <= upper)).mean(axis=0) - 0.9).max() < 0.02
    with pytest.raises(ShapeMismatch, match="covariances of 3 outputs"):
        family.interval(z[None], np.ones(1), 1.0, 0.9)
