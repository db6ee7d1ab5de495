"""Exposures and offsets on the scale of the outputs."""

import numpy as np
import pytest

from derivata.errors import InvalidParameter
from derivata.estimators.exposure import log_scale, middle_of
from derivata.estimators.families import PoissonFamily, SquaredFamily


def test_an_exposure_and_an_offset_add_up_on_the_log_scale():
    exposure, offset = np.array([1.0, 2.0]), np.array([0.1, -0.1])
    found = log_scale(PoissonFamily(), exposure, offset, 2)
    assert found == pytest.approx(np.log(exposure) + offset)
    assert log_scale(PoissonFamily(), None, offset, 2) == pytest.approx(offset)
    assert log_scale(PoissonFamily(), 3.0, None, 2) == pytest.approx(np.log([3.0, 3.0]))
    assert log_scale(SquaredFamily(), None, None, 2) is None


def test_a_family_without_exposures_refuses_them():
    with pytest.raises(InvalidParameter, match="family is squared"):
        log_scale(SquaredFamily(), np.ones(2), None, 2)


def test_the_middle_of_an_offset_is_the_log_of_the_mean_exposure():
    exposure, weight = np.array([1.0, 10.0, 100.0]), np.array([1.0, 2.0, 1.0])
    found = middle_of(np.log(exposure), weight, PoissonFamily())
    assert found == pytest.approx(np.log(weight @ exposure / weight.sum()), rel=1e-12)
    assert middle_of(exposure, weight, SquaredFamily()) == weight @ exposure / weight.sum()
    assert middle_of(None, weight, PoissonFamily()) == 0.0


def test_the_middle_of_huge_offsets_does_not_overflow():
    assert middle_of(np.array([400.0, 499.0]), np.ones(2), PoissonFamily()) == pytest.approx(
        499.0 - np.log(2.0), rel=1e-12
    )
