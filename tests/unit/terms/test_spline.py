"""Splines: the block says what a smoothing spline says, and keeps the shape that was asked for."""

import numpy as np
import pytest
from scipy.interpolate import make_smoothing_spline
from scipy.optimize import nnls

from derivata.errors import InvalidData, InvalidParameter
from derivata.terms import Spline

SHAPES = [
    (monotone, convex)
    for monotone in (None, "increasing", "decreasing")
    for convex in (None, "convex", "concave")
]


def draw(n_rows=400, seed=0):
    return np.random.default_rng(seed).gamma(2.0, size=n_rows)


def fit(x, *options, weight=None, **named):
    return Spline("x", *options, **named).fit({"x": x}, weight)


def block(fitted, x):
    return fitted.block({"x": np.asarray(x, float)})


def knots_of(fitted):
    """In the column's own unit."""
    standard = fitted.curve.standard
    return standard.low + standard.span * np.array(fitted.curve.splines.knots)


def roughness(fitted, coef, adaptive=False):
    """The integral of f''^2 from values of f alone: on each interval f is a cubic."""
    knots, total = knots_of(fitted), 0.0
    for a, b in zip(knots[:-1], knots[1:], strict=True):
        local = (b - a) / np.diff(knots).max() if adaptive else 1.0
        t = np.cos(np.pi * (np.arange(8) + 0.5) / 8)
        cubic = np.polynomial.Polynomial.fit(
            (a + b) / 2 + (b - a) / 2 * t, block(fitted, (a + b) / 2 + (b - a) / 2 * t) @ coef, 3
        )
        square = (cubic.deriv(2) ** 2).integ()
        total += local * (square(b) - square(a))
    return total


@pytest.mark.parametrize("adaptive", [False, True])
def test_the_square_sum_of_the_wiggly_coefficients_is_the_roughness(adaptive):
    fitted, rng = fit(draw(), adaptive=adaptive), np.random.default_rng(1)
    ratios = []
    for _ in range(8):
        coef = rng.standard_normal(len(fitted.names)) * np.array([5, *np.ones(10)])
        ratios.append(roughness(fitted, coef, adaptive) / (coef[1:] @ coef[1:]))
    # Second derivatives of polynomials through values lose half the digits.
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-7)
    line = np.eye(len(fitted.names))[0]
    assert roughness(fitted, line) < 1e-20 * ratios[0]


def test_a_ridge_on_the_block_is_a_smoothing_spline():
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(size=40))
    y = np.sin(7 * x) + 0.3 * rng.standard_normal(40)
    fitted = fit(x, 42)
    coef = np.eye(len(fitted.names))[-1]
    unit = roughness(fitted, coef)
    for strength in (1e-4, 1e-3, 1e-2):
        truth = make_smoothing_spline(x, y, lam=strength)
        Z = np.column_stack([np.ones(40), block(fitted, x)])
        penalty = np.diag([0, 0, *[strength * unit] * (Z.shape[1] - 2)])
        found = Z @ np.linalg.solve(Z.T @ Z + penalty, Z.T @ y)
        # The two have the same penalty; ours has its knots at quantiles, not at the rows.
        np.testing.assert_allclose(found, truth(x), atol=0.01)


def test_the_straight_feature_is_the_best_line_and_lines_leave_the_rest_alone():
    x, rng = draw(), np.random.default_rng(1)
    weight = rng.random(400)
    fitted = fit(x, weight=weight)
    B = block(fitted, x)
    gram = (B.T * weight) @ B / weight.sum()
    mean = weight @ B / weight.sum()
    np.testing.assert_allclose(mean, 0, atol=1e-12)
    np.testing.assert_allclose(gram[0], np.eye(len(gram))[0], atol=1e-12)
    # Uncorrelated, the smoothest first, and of length 1 together.
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)
    assert np.all(np.diff(np.diag(gram)[1:]) < 0)
    assert np.trace(gram[1:, 1:]) == pytest.approx(1, rel=1e-12)
    y = np.cos(x)
    Z = np.column_stack([np.ones(400), B])
    penalty = np.diag([0, 0, *np.ones(B.shape[1] - 1)])
    ridge = lambda y: np.linalg.solve((Z.T * weight) @ Z + penalty, Z.T @ (weight * y))
    np.testing.assert_allclose(ridge(y)[2:], ridge(y + 100 - 7 * x)[2:], atol=1e-11)


def test_straight_lines_are_reproduced_everywhere():
    fitted, x = fit(draw()), np.linspace(-50, 90, 99)
    line = block(fitted, x)[:, 0]
    slope, height = np.polyfit(x, line, 1)
    np.testing.assert_allclose(line, slope * x + height, rtol=0, atol=1e-12 * np.abs(line).max())
    assert slope == pytest.approx(1 / draw().std()) and height == pytest.approx(
        -draw().mean() / draw().std()
    )


def test_beyond_the_outer_knots_all_is_straight_and_joins_smoothly():
    x = draw()
    fitted = fit(x)
    for end, out in ((x.min(), -1.0), (x.max(), 1.0)):
        beyond = block(fitted, end + out * np.array([0.0, 1.0, 2.0, 50.0]))
        rise = beyond[1] - beyond[0]
        np.testing.assert_allclose(beyond[2], beyond[0] + 2 * rise, atol=1e-10)
        np.testing.assert_allclose(beyond[3], beyond[0] + 50 * rise, atol=1e-9)
        step = 1e-6
        inside = (beyond[0] - block(fitted, [end - out * step])[0]) / step
        # A step of 1e-6 leaves curvature times 1e-6 and rounding over 1e-6.
        np.testing.assert_allclose(inside, rise, rtol=1e-4, atol=1e-4)


def test_curves_are_smooth_at_the_knots():
    fitted, h = fit(draw()), 1e-5
    for knot in knots_of(fitted)[1:-1]:
        around = block(fitted, knot + h * np.arange(-3, 4))
        second = np.diff(around, 2, axis=0) / h**2
        bend = np.abs(second).max()
        np.testing.assert_allclose(second[0], second[-1], atol=0.01 * bend + 1e-4)


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize(("move", "stretch"), [(0.0, 1e-30), (0.0, 1e30), (1e6, 2.0), (-77.0, 1.0)])
def test_units_and_origins_do_not_matter(move, stretch, adaptive):
    x, new = draw(), np.linspace(-3, 20, 50)
    truth = block(fit(x, adaptive=adaptive), new)
    found = block(fit(move + stretch * x, adaptive=adaptive), move + stretch * new)
    np.testing.assert_allclose(found, truth, rtol=0, atol=1e-8 * np.abs(truth).max())


def test_a_column_of_a_large_number_plus_a_little_keeps_its_digits():
    x = np.arange(1000) / 1024  # so that the sum below is exact
    np.testing.assert_array_equal(block(fit(1e8 + x), 1e8 + x), block(fit(x), x))


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("skew", [1, 3, 6, 12])
def test_heavy_skew_keeps_the_bends_of_the_tail(skew, adaptive):
    x = np.exp(skew * np.random.default_rng(0).standard_normal(5000))
    fitted = fit(x, adaptive=adaptive)
    B = block(fitted, x)
    assert np.isfinite(B).all() and len(fitted.names) >= 3
    np.testing.assert_allclose(B.T @ B / 5000, np.diag((B**2).mean(0)), atol=1e-10)
    knots = fitted.curve.splines.knots
    assert knots[0] == 0 and knots[-1] == 1 and min(np.diff(knots)) > 1e-8


def ridge(x, y, penalty, adaptive):
    B = block(fit(x, 20, adaptive=adaptive), x)
    Z = np.column_stack([np.ones(len(x)), B])
    strength = np.diag([0, 0, *[penalty] * (B.shape[1] - 1)])
    return Z @ np.linalg.solve(Z.T @ Z + strength, Z.T @ y)


@pytest.mark.parametrize("penalty", [1e-5, 1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("seed", range(3))
def test_adaptive_roughness_lets_the_many_of_a_long_tail_bend(seed, penalty):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal(2000)
    truth = np.sin(2 * z)
    y = truth + 0.5 * rng.standard_normal(2000)
    x = np.exp(2 * z)
    plain, adaptive = (np.std(ridge(x, y, penalty, how) - truth) for how in (False, True))
    assert adaptive < 0.7 * plain


def test_for_evenly_spread_values_adaptive_roughness_is_the_plain_one():
    x = np.linspace(0, 1, 1001)
    y = np.sin(9 * x) + np.random.default_rng(0).standard_normal(1001)
    for penalty in (1e-3, 1.0):
        plain, adaptive = (ridge(x, y, penalty, how) for how in (False, True))
        np.testing.assert_allclose(adaptive, plain, atol=1e-10)


def test_a_value_draws_knots_by_the_root_of_its_rows():
    # 900 rows to the left and 100 to the right of 1: as 3 to 1.
    x = np.concatenate([np.repeat(np.linspace(0, 1, 100), 9), np.linspace(1, 2, 101)[1:]])
    knots = knots_of(fit(x, 42))
    assert len(knots) == 40
    assert np.count_nonzero(knots < 1) == pytest.approx(30, abs=1)
    # Were all values counted once, there would be as many on both sides.
    distinct = np.unique(x)
    assert np.count_nonzero(knots_of(fit(distinct, 42)) < 1) == 20


def test_rows_of_one_value_draw_no_knots_from_the_others():
    x = np.append(np.linspace(0, 1, 101), np.zeros(10_000))
    knots = knots_of(fit(x, 22))
    assert len(knots) == 20 and np.diff(knots).max() < 0.15


def test_few_distinct_values_have_as_many_features():
    rng = np.random.default_rng(0)
    for n_distinct in (4, 5, 8, 12, 13):
        x = rng.integers(0, n_distinct, 500).astype(float)
        fitted = fit(x, 12)
        # With the constant, one dimension a value, or n_basis.
        assert len(fitted.names) == min(n_distinct, 12) - 1
        assert np.linalg.matrix_rank(block(fitted, x)) == len(fitted.names)


def test_a_column_of_zeros_and_some_numbers_has_knots_among_the_numbers():
    x = np.where(np.arange(1000) % 10 == 0, np.linspace(1, 2, 1000), 0.0)
    assert len(fit(x).curve.splines.knots) == 10


@pytest.mark.parametrize("n_distinct", [1, 2, 3])
def test_fewer_than_four_values_are_refused(n_distinct):
    x = np.append(np.arange(100.0) % n_distinct, np.nan)
    match = rf"column 'x' has {n_distinct} distinct .* at least 4. Use `Linear\('x'\)`.*Category"
    with pytest.raises(InvalidData, match=match):
        fit(x)


def test_rows_without_weight_count_for_nothing():
    x = np.append(draw(), [1e9, np.nan])
    weight = np.append(np.ones(400), [0, 0])
    assert fit(x, weight=weight) == fit(draw())


def test_gaps_are_the_average():
    x = draw()
    x[::3] = np.nan
    fitted = fit(x)
    assert not block(fitted, x)[::3].any()
    np.testing.assert_allclose(block(fitted, x).mean(0), 0, atol=1e-12)


def allowed(A, coef):
    """The nearest coefficients with A @ coef >= 0; its dual is non-negative least squares."""
    # SciPy 1.17's nnls aborts on a matrix without columns.
    return coef + A.T @ nnls(A.T, -coef)[0] if len(A) else coef


@pytest.mark.parametrize(("monotone", "convex"), SHAPES)
def test_allowed_coefficients_have_the_shape_everywhere(monotone, convex):
    x, rng = draw(), np.random.default_rng(1)
    fitted = fit(x, monotone=monotone, convex=convex)
    A = fitted.constraints()
    assert A.shape[1] == len(fitted.names)
    assert bool(len(A)) == bool(monotone or convex)
    np.testing.assert_allclose(np.linalg.norm(A, axis=1), 1)
    grid = np.linspace(x.min() - 2, x.max() + 5, 20_001)
    B, at_bound = block(fitted, grid), 0
    for _ in range(20):
        drawn = rng.standard_normal(len(fitted.names))
        coef = allowed(A, drawn)
        at_bound += len(A) and (A @ coef).min() < 1e-9
        f = B @ coef
        tolerance = 1e-12 * np.abs(B @ drawn).max()
        rise, bend = np.diff(f), np.diff(f, 2)
        if monotone:
            assert ((rise if monotone == "increasing" else -rise) > -tolerance).all()
        if convex:
            assert ((bend if convex == "convex" else -bend) > -tolerance).all()
    assert at_bound or not len(A)


@pytest.mark.parametrize("convex", ["convex", "concave"])
def test_every_convex_curve_is_allowed(convex):
    x, rng, sign = draw(), np.random.default_rng(1), 1.0 if convex == "convex" else -1.0
    fitted = fit(x, convex=convex)
    A, B = fitted.constraints(), block(fitted, np.linspace(x.min(), x.max(), 5001))
    counts = {False: 0, True: 0}
    for _ in range(200):
        # Near the boundary of what is allowed, on both sides.
        coef = allowed(A, rng.standard_normal(len(fitted.names)))
        coef += 0.1 * rng.standard_normal(len(coef))
        worst, bend = (A @ coef).min(), sign * np.diff(B @ coef, 2)
        counts[bool(worst < 0)] += 1
        # The grid misses what bends the wrong way only next to a knot.
        assert (bend.min() < -1e-12) == (worst < 0) or -0.05 < worst < 0
    assert counts[True] > 50


def test_a_steep_rise_is_within_reach_of_rising_splines():
    # The conditions are sufficient, not necessary; they must not forbid what data ask for.
    x = np.linspace(0, 1, 500)
    y = 1 / (1 + np.exp(-20 * (x - 0.5)))
    fitted = fit(x, 20, monotone="increasing")
    A, Z = fitted.constraints(), np.column_stack([np.ones(500), block(fitted, x)])
    free = np.linalg.lstsq(Z, y, rcond=None)[0]
    # Least squares under A c >= 0, in the metric of Z.
    root = np.linalg.cholesky(Z.T @ Z + 1e-9 * np.eye(Z.shape[1])).T
    full = np.column_stack([np.zeros(len(A)), A])
    turned = np.linalg.solve(root.T, full.T)
    best = np.linalg.solve(root, root @ free + turned @ nnls(turned, -(root @ free))[0])
    assert (full @ best).min() > -1e-8
    assert np.abs(Z @ best - y).max() < 0.01


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_basis": 3}, "`n_basis` is 3, expected a whole number from 4 to 200"),
        ({"n_basis": 12.0}, "`n_basis` is 12.0"),
        ({"n_basis": True}, "`n_basis` is True"),
        ({"monotone": "up"}, "`monotone` is 'up', expected one of None, 'increasing'"),
        ({"convex": True}, "`convex` is True, expected one of None, 'convex'"),
        ({"adaptive": "yes"}, "`adaptive` is 'yes', expected True or False"),
    ],
)
def test_options_are_checked_when_they_are_written(options, match):
    with pytest.raises(InvalidParameter, match=match):
        Spline("x", **options)


def test_a_range_beyond_floats_is_refused_by_name():
    with pytest.raises(InvalidData, match="column 'x' goes from -1.7e"):
        fit(np.array([-1.7e308, 0, 1, 2, 1.7e308]))
