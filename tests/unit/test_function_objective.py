"""A bare function as an objective: derivatives as given, or by differences to a stated accuracy."""

import numpy as np
import pytest

from derivata.curvature.spectrum import spectrum
from derivata.errors import InvalidParameter, NotAvailable, ShapeMismatch
from derivata.function_objective import function_objective
from derivata.gradient_check import require_right_gradient

START = np.array([-1.2, 1.0, 0.5])
NO_HYPER = np.zeros(0)


def value(w):
    """Rosenbrock's valley, and a parameter beside it."""
    return 100.0 * (w[1] - w[0] ** 2) ** 2 + (1.0 - w[0]) ** 2 + np.exp(w[2]) - 2.0 * w[2]


def gradient(w):
    bend = w[1] - w[0] ** 2
    return np.array([-400.0 * w[0] * bend - 2.0 * (1.0 - w[0]), 200.0 * bend, np.exp(w[2]) - 2.0])


def hessian(w):
    result = np.zeros((3, 3))
    result[0, 0] = 1200.0 * w[0] ** 2 - 400.0 * w[1] + 2.0
    result[0, 1] = result[1, 0] = -400.0 * w[0]
    result[1, 1], result[2, 2] = 200.0, np.exp(w[2])
    return result


@pytest.mark.parametrize(
    ("given", "exact_gradient", "exact_hessian"),
    [
        ({"gradient": gradient, "hessian": hessian}, 1e-15, 1e-15),
        ({"gradient": gradient}, 1e-15, 1e-9),
        ({}, 1e-9, 1e-5),
    ],
    ids=["all given", "gradient given", "nothing given"],
)
def test_every_derivative_is_there_to_its_accuracy(given, exact_gradient, exact_hessian):
    objective = function_objective(value, START, **given)
    params = START + 0.3
    here = objective.at(params, NO_HYPER)
    truth, size = hessian(params), np.abs(hessian(params)).max()
    assert here.value == value(params)
    slope = gradient(params)
    assert np.abs(here.gradient - slope).max() <= exact_gradient * np.abs(slope).max()
    assert np.abs(here.exact_hessian - truth).max() <= exact_hessian * size
    direction = np.array([0.3, -2.0, 1.0])
    assert np.abs(here.hvp(direction) - truth @ direction).max() <= 3.0 * exact_hessian * size
    ends = spectrum(here)
    assert ends.largest == pytest.approx(np.linalg.eigvalsh(truth)[-1], rel=2 * exact_hessian)


def test_a_gradient_is_relative_to_that_of_the_start():
    objective = function_objective(value, START, gradient=gradient)
    assert objective.at(START, NO_HYPER).relative_gradient == pytest.approx(1.0)
    # Where the start is a minimum already there is nothing to be relative to but F itself.
    flat = function_objective(lambda w: 5.0 + (w @ w), np.zeros(2), gradient=lambda w: 2.0 * w)
    assert flat.at(np.zeros(2), NO_HYPER).relative_gradient == 0.0
    assert flat.at(np.array([1e-3, 0.0]), NO_HYPER).relative_gradient == pytest.approx(0.4)


def test_the_function_cannot_change_the_parameters_it_is_given():
    def careless(w):
        w *= 2.0
        return float(w @ w)

    start = np.ones(2)
    objective = function_objective(careless, start)
    here = objective.at(start, NO_HYPER)
    assert here.value == 8.0 and (here.params == 1.0).all()


def test_a_right_gradient_passes_on_any_scale():
    for scale in (1e-12, 1.0, 1e12):
        require_right_gradient(
            lambda w, scale=scale: scale * value(w),
            lambda w, scale=scale: scale * gradient(w),
            START,
        )
    big = 1e6 * START
    require_right_gradient(lambda w: float(w @ w), lambda w: 2.0 * w, big)


def test_a_function_in_single_precision_passes_with_its_own_gradient():
    def rounded(w):
        w = w.astype(np.float32)
        return float(np.float32(0.5) * (w @ w) + np.exp(-w).sum())

    start = np.linspace(0.1, 1.0, 7)
    require_right_gradient(rounded, lambda w: w - np.exp(-w), start)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda g: g * np.array([1.0, 2.0, 1.0]), "entry 1 is .* The wrong ones are all 2 times"),
        (lambda g: -g, "3 of 3 entries are wrong.* all -1 times"),
        (lambda g: g * np.array([1.0, 1.0, 1.1]), "entry 2 is "),
        (lambda g: g + np.array([0.0, 0.0, 0.5]), "entry 2 is .*1 of 3"),
        (lambda g: g[[1, 0, 2]], "2 of 3 entries are wrong"),
        (lambda g: 0.0 * g, "3 of 3 entries"),
    ],
)
def test_a_wrong_gradient_is_refused_naming_the_entries(wrong, words):
    with pytest.raises(InvalidParameter, match=words):
        function_objective(value, START, gradient=lambda w: wrong(gradient(w)))


def test_a_gradient_that_is_right_at_the_start_alone_is_refused_too():
    # At zeros the forgotten penalty has no gradient.
    def penalised(w):
        return float((w - 1.0) @ (w - 1.0) + 3.0 * (w @ w))

    with pytest.raises(InvalidParameter, match="is not the gradient of the function"):
        function_objective(penalised, np.zeros(3), gradient=lambda w: 2.0 * (w - 1.0))


def test_a_kink_at_the_start_is_refused_in_words():
    def lasso(w):
        return float((w - 1.0) @ (w - 1.0) + np.abs(w[1:]).sum())

    def slope(w):
        return 2.0 * (w - 1.0) + np.append(0.0, np.sign(w[1:]))

    with pytest.raises(InvalidParameter, match=r"kink at the start, in parameter 1, 2: .*Lasso"):
        function_objective(lasso, np.zeros(3), gradient=slope)
    function_objective(lasso, np.full(3, 0.3), gradient=slope)  # beside it all is smooth


@pytest.mark.parametrize(
    ("function", "settings", "error", "words"),
    [
        (lambda w: w, {}, ShapeMismatch, r"array of shape \(3,\); expected one number"),
        (
            value,
            {"gradient": lambda w: gradient(w)[:2]},
            ShapeMismatch,
            r"shape \(2,\), but .*\(3,\)",
        ),
        (value, {"gradient": lambda w: gradient(w)[:, None]}, ShapeMismatch, r"\(3, 1\)"),
        (value, {"gradient": gradient, "hessian": gradient}, ShapeMismatch, r"expected \(3, 3\)"),
        (lambda w: np.nan, {}, InvalidParameter, "the function is nan at the start"),
        (
            lambda w: float(w @ w),
            {"gradient": lambda w: np.array([1.0, np.inf, 1.0])},
            InvalidParameter,
            "entry 1 of the gradient is inf at the start, where that parameter is 1",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(function, settings, error, words):
    with pytest.raises(error, match=words):
        function_objective(function, START, **settings)


@pytest.mark.parametrize("start", [np.zeros((2, 2)), [], [1.0, np.nan]])
def test_a_start_that_is_no_flat_finite_array_is_refused(start):
    with pytest.raises((ShapeMismatch, InvalidParameter), match="`start`"):
        function_objective(value, start)


def test_differences_have_a_limit():
    with pytest.raises(NotAvailable, match="Give `gradient=`"):
        function_objective(lambda w: float(w @ w), np.ones(201))
    large = function_objective(lambda w: float(w @ w), np.ones(1_001), gradient=lambda w: 2.0 * w)
    with pytest.raises(NotAvailable, match=r"Give `hessian=`, or use `LBFGS\(\)`"):
        large.at(np.ones(1_001), NO_HYPER).exact_hessian
