"""The trust region and the small quadratic problem inside it."""

import numpy as np
import pytest

from derivata.tuning.trust_region import TrustRegion, quadratic_in_box
from derivata.tuning.trust_region import _newton_in_box as newton_in_box


def valley(x):
    """Rosenbrock's function with a milder valley, and its gradient."""
    a, b = 1.0 - x[0], x[1] - x[0] ** 2
    return a * a + 5.0 * b * b, np.array([-2.0 * a - 20.0 * b * x[0], 10.0 * b])


def bowl(x):
    """A crude stand-in for the valley: right in one coordinate's curvature, wrong elsewhere."""
    return 3.0 * float(x[0] ** 2) + 5.0 * float(x[1] ** 2), np.array([6.0 * x[0], 10.0 * x[1]])


def search(function, start, lower, upper, stand_in=None, rounds=60, radius=1.0):
    """The loop that tuning runs: values of accepted points, and the last of them."""
    region = TrustRegion(np.array(lower), np.array(upper), radius, 4.0)
    point = np.array(start, dtype=float)
    value, gradient = function(point)
    region.centre(point, value, gradient, stand_in)
    values = [value]
    for _ in range(rounds):
        proposal = region.propose()
        if proposal.size < 1e-7 or proposal.promised < 1e-15:
            break
        value, gradient = function(proposal.point)
        if region.learn(proposal, value, gradient):
            point = proposal.point
            region.centre(point, value, gradient, stand_in)
            values.append(value)
    return values, point, region


def is_optimal(matrix, gradient, lower, upper, step):
    """First-order conditions of a quadratic in a box, in units of the gradient."""
    slope = gradient + matrix @ step
    inside = (step > lower) & (step < upper)
    size = np.abs(gradient).max() + np.abs(matrix).max()
    return (
        (step >= lower).all()
        and (step <= upper).all()
        and np.abs(slope[inside]).max(initial=0.0) <= 1e-9 * size
        and (slope[step == lower] >= -1e-9 * size).all()
        and (slope[step == upper] <= 1e-9 * size).all()
    )


def boxes(n, count=200):
    """Random quadratics whose minimiser mostly lies on some sides of a box around 0."""
    rng = np.random.default_rng(n)
    for _ in range(count):
        root = rng.standard_normal((n, n))
        matrix = root @ root.T + 0.05 * np.eye(n)
        lower, upper = -rng.exponential(1.0, n), rng.exponential(1.0, n)
        yield matrix, 3.0 * rng.standard_normal(n), lower, upper


@pytest.mark.parametrize("n", [1, 2, 30])
def test_quadratic_in_box_is_optimal(n):
    for matrix, gradient, lower, upper in boxes(n):
        step = quadratic_in_box(matrix, gradient, lower, upper)
        assert is_optimal(matrix, gradient, lower, upper, step)


@pytest.mark.parametrize("n", [3, 5, 12])
def test_quadratic_in_box_is_optimal_also_where_its_active_set_cycles(n):
    for matrix, gradient, lower, upper in boxes(n, 2000):
        step = quadratic_in_box(matrix, gradient, lower, upper)
        assert is_optimal(matrix, gradient, lower, upper, step)


def test_quadratic_in_box_takes_the_whole_newton_step_where_it_fits():
    matrix, gradient = np.diag([2.0, 4.0]), np.array([2.0, -4.0])
    step = quadratic_in_box(matrix, gradient, np.full(2, -9.0), np.full(2, 9.0))
    assert step == pytest.approx([-1.0, 1.0], abs=1e-15)


def test_quadratic_in_box_of_no_coordinates_is_empty():
    none = np.zeros(0)
    assert quadratic_in_box(np.zeros((0, 0)), none, none, none).shape == (0,)


@pytest.mark.parametrize("stand_in", [None, bowl], ids=["no stand-in", "a crude stand-in"])
def test_the_search_finds_the_minimum_and_never_rises(stand_in):
    values, point, _ = search(valley, [-1.0, 1.5], [-3.0, -3.0], [3.0, 3.0], stand_in)
    assert (np.diff(values) < 0.0).all()
    assert point == pytest.approx([1.0, 1.0], abs=1e-3)


@pytest.mark.parametrize("stand_in", [None, bowl], ids=["no stand-in", "a crude stand-in"])
def test_a_minimum_beyond_the_bounds_is_sought_on_them(stand_in):
    values, point, _ = search(valley, [-1.0, 0.5], [-3.0, -3.0], [0.5, 3.0], stand_in)
    assert point[0] == 0.5
    assert point[1] == pytest.approx(0.25, abs=1e-3)


def test_the_model_has_the_exact_value_and_gradient_at_its_centre_whatever_the_stand_in():
    for stand_in in (None, bowl):
        _, point, region = search(valley, [-1.0, 1.5], [-3.0, -3.0], [3.0, 3.0], stand_in, rounds=3)
        value, gradient = region.model(point)
        truth = valley(point)
        assert value == pytest.approx(truth[0], rel=1e-13)
        assert gradient == pytest.approx(truth[1], rel=1e-12, abs=1e-12)


def test_a_stand_in_that_is_the_function_ends_the_search_at_once():
    values, point, _ = search(valley, [0.0, 0.0], [-3.0, -3.0], [3.0, 3.0], valley, radius=4.0)
    assert point == pytest.approx([1.0, 1.0], abs=1e-4)
    assert len(values) <= 4  # one long step, and its rounding


def test_a_step_that_does_not_gain_shrinks_the_radius_and_a_good_one_widens_it():
    region = TrustRegion(np.full(1, -9.0), np.full(1, 9.0), 1.0, 4.0)
    region.centre(np.zeros(1), 10.0, np.array([-4.0]), None)
    proposal = region.propose()
    assert proposal.size == pytest.approx(1.0)
    assert not region.learn(proposal, 11.0, np.array([4.0]))
    assert region.radius == pytest.approx(0.3)
    region = TrustRegion(np.full(1, -9.0), np.full(1, 9.0), 1.0, 4.0)
    region.centre(np.zeros(1), 10.0, np.array([-4.0]), None)
    assert region.learn(region.propose(), 10.0 - 4.0, np.array([-4.0]))
    assert region.radius == pytest.approx(2.0)


def test_a_value_that_is_nan_is_refused():
    region = TrustRegion(np.full(1, -9.0), np.full(1, 9.0), 1.0, 4.0)
    region.centre(np.zeros(1), 10.0, np.array([-4.0]), None)
    assert not region.learn(region.propose(), np.nan, np.array([1.0]))
    assert region.radius < 1.0


def test_the_curvature_learned_is_that_of_a_quadratic():
    matrix = np.array([[4.0, 1.0], [1.0, 3.0]])

    def quadratic(x):
        return 0.5 * float(x @ matrix @ x), matrix @ x

    for stand_in in (None, bowl):
        _, point, region = search(quadratic, [2.0, -1.0], [-5.0, -5.0], [5.0, 5.0], stand_in)
        assert point == pytest.approx([0.0, 0.0], abs=1e-4)
        # Both updates have seen steps along both axes by then.
        assert region.full_curvature() == pytest.approx(matrix, abs=0.3)


def test_a_stand_in_that_breaks_down_somewhere_is_not_followed_there():
    def breaking(x):
        if x[0] > 0.5:
            raise np.linalg.LinAlgError
        return bowl(x)

    values, point, _ = search(valley, [-1.0, 1.5], [-3.0, -3.0], [3.0, 3.0], breaking, rounds=10)
    assert point[0] <= 0.5
    assert values[-1] < values[0]


# Newton on a model of known curvature.


def valley_curvature(x):
    """Second derivative of the valley, which is curved downwards on both sides of its floor."""
    return np.array([[2.0 - 20.0 * (x[1] - 3.0 * x[0] ** 2), -20.0 * x[0]], [-20.0 * x[0], 10.0]])


@pytest.mark.parametrize("n", [1, 2, 8])
def test_newton_in_a_box_finds_the_minimum_of_a_quadratic(n):
    for matrix, gradient, lower, upper in boxes(n, 50):

        def quadratic(s, matrix=matrix, gradient=gradient):
            return float(gradient @ s + 0.5 * s @ matrix @ s), gradient + matrix @ s

        step, value = newton_in_box(quadratic, lambda s, matrix=matrix: matrix, lower, upper)
        best = quadratic(quadratic_in_box(matrix, gradient, lower, upper))[0]
        # Eigenvalues below a thousandth of the largest are taken for that, and a gain of 1e-4 ends.
        assert value == pytest.approx(best, abs=1e-3)
        assert ((lower <= step) & (step <= upper)).all()


@pytest.mark.parametrize("start", [[-1.0, 1.5], [0.0, 0.0], [-2.0, 2.9]])
def test_newton_in_a_box_follows_a_valley_that_curves_downwards(start):
    start = np.array(start)
    step, value = newton_in_box(
        lambda s: valley(start + s),
        lambda s: valley_curvature(start + s),
        np.full(2, -3.0) - start,
        np.full(2, 3.0) - start,
    )
    assert value < 1e-3
    assert start + step == pytest.approx([1.0, 1.0], abs=0.1)
    assert value == valley(start + step)[0]


@pytest.mark.parametrize("broken", [np.nan, np.inf], ids=str)
def test_newton_in_a_box_ends_where_the_function_cannot_be_had(broken):
    def function(s):
        return (0.0, -np.ones(2)) if not s.any() else (broken, np.full(2, broken))

    step, value = newton_in_box(function, lambda s: np.eye(2), np.full(2, -1.0), np.full(2, 1.0))
    assert value == 0.0 and not step.any()
    nan = (np.nan, np.full(2, np.nan))
    step, value = newton_in_box(lambda s: nan, lambda s: np.eye(2), -np.ones(2), np.ones(2))
    assert np.isnan(value) and not step.any()


def test_a_stand_in_of_known_curvature_is_followed_by_newton_steps():
    region = TrustRegion(np.full(2, -3.0), np.full(2, 3.0), 4.0, 4.0)
    start = np.array([-1.0, 1.5])
    region.centre(start, *valley(start), valley, valley_curvature)
    proposal = region.propose()
    assert proposal.point == pytest.approx([1.0, 1.0], abs=0.1)
    assert proposal.promised == pytest.approx(valley(start)[0], abs=1e-3)
    assert region.full_curvature() == pytest.approx(valley_curvature(start), rel=1e-12)
