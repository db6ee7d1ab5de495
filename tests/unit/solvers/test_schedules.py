import numpy as np
import pytest

from derivata.errors import InvalidParameter
from derivata.solvers.schedules import (
    Constant,
    Cosine,
    InverseSqrt,
    InverseTime,
    WarmUp,
    as_schedule,
)


def steps(schedule, n):
    return np.array([float(schedule(count)) for count in range(n)])


def test_each_schedule_is_its_formula():
    counts = np.arange(12)
    assert (steps(Constant(0.3), 12) == 0.3).all()
    np.testing.assert_allclose(steps(InverseSqrt(0.3), 12), 0.3 / np.sqrt(counts + 1.0))
    held = np.minimum(5.0 / (counts + 1.0), 1.0)
    np.testing.assert_allclose(steps(InverseTime(0.3, 5), 12), 0.3 * held)
    share = np.minimum(counts / 8.0, 1.0)
    half = 0.1 + 0.2 * 0.5 * (1.0 + np.cos(np.pi * share))
    np.testing.assert_allclose(steps(Cosine(0.3, 8, 0.1), 12), half)


def test_a_warm_up_rises_straight_to_the_first_step_of_what_follows():
    schedule = WarmUp(4, InverseSqrt(0.5))
    np.testing.assert_allclose(steps(schedule, 5), 0.5 * np.arange(1, 6) / 5.0)
    np.testing.assert_allclose(steps(schedule, 9)[4:], steps(InverseSqrt(0.5), 5))


def test_a_cosine_ends_at_its_last_step_and_stays_there():
    assert Cosine(1.0, 10)(10) == pytest.approx(0.0, abs=1e-16)
    assert Cosine(1.0, 10, 0.2)(1_000) == pytest.approx(0.2)


def test_a_number_is_a_constant_schedule():
    assert as_schedule(0.25) == Constant(0.25)
    assert as_schedule(InverseSqrt(1.0)) == InverseSqrt(1.0)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Constant(0.0), "step"),
        (lambda: Constant(np.nan), "step"),
        (lambda: InverseSqrt(-1.0), "step"),
        (lambda: InverseSqrt(np.inf), "step"),
        (lambda: InverseTime(1.0, 0), "hold"),
        (lambda: Cosine(1.0, 0), "n_steps"),
        (lambda: Cosine(1.0, 10, -0.1), "last"),
        (lambda: Cosine("fast", 10), "step"),
        (lambda: WarmUp(0, Constant(1.0)), "n_steps"),
    ],
)
def test_what_cannot_be_a_step_is_refused_by_name(make, name):
    with pytest.raises(InvalidParameter, match=f"`{name}` is "):
        make()
