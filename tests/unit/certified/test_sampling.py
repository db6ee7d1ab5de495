"""The sample of refits and what it says of the rest."""

import numpy as np
import pytest

from derivata.certified.sampling import draw, estimate


def uniforms(seed, n=200):
    return np.random.default_rng(seed).uniform(size=n)


def predicted(n=200):
    return np.random.default_rng(0).gamma(0.4, size=n)


def test_the_total_is_estimated_without_bias_though_sizes_predict_it_badly():
    rng = np.random.default_rng(1)
    sizes = predicted()
    errors = 0.1 * sizes * rng.normal(size=200) + 0.01 * rng.normal(size=200)
    found = np.array([estimate(draw(sizes, 40, uniforms(r)), errors) for r in range(2000)])
    spread = found[:, 0].std()
    assert found[:, 0].mean() == pytest.approx(errors.sum(), abs=4 * spread / np.sqrt(2000))
    # What it says it may be off by is at least what it is off by, and of that size.
    root = np.sqrt(np.mean(found[:, 1] ** 2))
    assert spread < root < 3.0 * spread
    assert np.mean(np.abs(found[:, 0] - errors.sum()) <= 2 * found[:, 1]) > 0.95


def test_exactly_as_many_rows_as_asked_for_are_drawn_and_the_largest_for_sure():
    sizes = predicted()
    for count in (1, 2, 7, 50, 199):
        sample = draw(sizes, count, uniforms(3))
        assert sample.chosen.sum() == count
        assert sample.probability.sum() == pytest.approx(count)
        assert sample.chosen[np.argsort(-sizes)[: count // 2]].all()


def test_all_rows_leave_no_error_and_rows_without_one_are_never_drawn():
    sizes = predicted()
    sizes[:50] = 0.0
    sample = draw(sizes, 500, uniforms(0))
    assert sample.chosen.sum() == 150 and not sample.chosen[:50].any()
    total, error = estimate(sample, np.ones(200))
    assert total == pytest.approx(150.0) and error == 0.0


def test_differences_that_are_all_alike_do_not_look_like_certainty():
    sizes = np.ones(200)
    total, error = estimate(draw(sizes, 20, uniforms(0)), np.full(200, 0.3))
    assert error > 0.1 * abs(total)


def test_a_sample_in_which_nothing_happened_does_not_say_that_nothing_can():
    total, error = estimate(draw(np.ones(200), 20, uniforms(0)), np.zeros(200))
    assert total == 0.0 and error > 0.0


def test_a_sample_of_two_says_that_it_is_small():
    errors = np.random.default_rng(5).normal(size=200)
    few = np.median([estimate(draw(np.ones(200), 4, uniforms(r)), errors)[1] for r in range(200)])
    many = np.median([estimate(draw(np.ones(200), 64, uniforms(r)), errors)[1] for r in range(200)])
    assert few > 4.0 * many


def test_infinite_predictions_come_first_and_no_count_draws_nothing():
    sizes = predicted()
    sizes[[3, 77]] = np.inf
    assert draw(sizes, 4, uniforms(0)).chosen[[3, 77]].all()
    assert not draw(sizes, 0, uniforms(0)).chosen.any()
    sizes[:] = np.inf
    assert draw(sizes, 10, uniforms(0)).chosen.sum() == 10


def test_the_same_seed_gives_the_same_rows():
    one, other = draw(predicted(), 30, uniforms(4)), draw(predicted(), 30, uniforms(4))
    np.testing.assert_array_equal(one.chosen, other.chosen)
