"""Smoothed penalties: where they come near the kink, what a user names, what is refused."""

import numpy as np
import pytest
from scipy import sparse

from derivata.errors import InvalidParameter, NotAvailable, ShapeMismatch
from derivata.penalties import (
    FREE,
    ChainVariation,
    FusedLasso,
    Lasso,
    SmoothedAbsolute,
    SmoothedLasso,
    SmoothedVariation,
    TotalVariation,
)

GROUPS = np.array([0, 0, FREE, 0, FREE])


def test_a_narrow_smoothed_penalty_is_the_one_with_the_kink():
    rng = np.random.default_rng(0)
    params, hyper = rng.standard_normal(5), np.array([0.3])
    for smooth, kinked in ((SmoothedLasso, Lasso), (SmoothedVariation, TotalVariation)):
        near, limit = smooth(1e-9).on(GROUPS, 1), kinked().on(GROUPS, 1)
        assert near.value(params, hyper) == pytest.approx(limit.value(params, hyper), rel=1e-8)
        assert np.allclose(near.gradient(params, hyper), limit.gradient(params, hyper), atol=1e-8)


def test_it_is_never_above_the_absolute_value_and_less_than_a_width_below():
    penalty = SmoothedAbsolute.of_sizes(np.zeros(1, dtype=int), ("all",), 0.5)
    for size in (0.0, 1e-12, 1e-3, 0.5, 3.0, 1e9, 1e300):
        value = penalty.value(np.array([size]), np.zeros(1))
        assert size - 0.5 <= value <= size
    # Near zero it is size^2 / 2 width, without cancellation.
    assert penalty.value(np.array([1e-12]), np.zeros(1)) == pytest.approx(1e-24, rel=1e-12)


def test_chains_are_those_of_the_groups_and_a_lone_column_is_free():
    penalty = TotalVariation().on(np.array([0, 1, 0, FREE, 2, 2]), 1)
    assert isinstance(penalty, ChainVariation)
    assert penalty.chains.tolist() == [0, FREE, 0, FREE, 1, 1]
    assert FusedLasso().on(GROUPS, 1).hyper_names == ("variation", "l1")
    with pytest.raises(InvalidParameter, match="no two columns share a group"):
        TotalVariation().on(np.arange(3), 1)


def test_in_differences_total_variation_is_a_lasso_with_free_levels():
    penalty = TotalVariation().on_differences(np.array([0, 1, 0, 0, FREE, 1]))
    assert penalty.blocks.tolist() == [FREE, FREE, 0, 1, FREE, 2]
    rng = np.random.default_rng(1)
    params, hyper = rng.standard_normal(6), np.array([0.4])
    chains = TotalVariation().on(np.array([0, 1, 0, 0, FREE, 1]), 1)
    moved = params.copy()
    for chain in (0, 1):
        inside = np.flatnonzero(chains.chains == chain)
        moved[inside] = np.diff(params[inside], prepend=0.0)
    assert penalty.value(moved, hyper) == pytest.approx(chains.value(params, hyper), rel=1e-14)


@pytest.mark.parametrize("width", [0.0, -1.0, np.inf, np.nan, "narrow", True])
def test_a_width_that_is_no_positive_number_is_refused(width):
    for named in (SmoothedLasso, SmoothedVariation):
        with pytest.raises(InvalidParameter, match="`width` is"):
            named(width)


def test_several_classes_are_refused_with_the_penalty_that_takes_them():
    with pytest.raises(InvalidParameter, match=r"with 4 classes .*`penalty=Lasso\(\)`"):
        SmoothedLasso().on(GROUPS, 3)
    for named in (SmoothedVariation(), TotalVariation(), FusedLasso()):
        with pytest.raises(InvalidParameter, match=r"Variation\(\)|FusedLasso\(\)"):
            named.on(GROUPS, 3)


def test_groups_that_do_not_fit_are_refused():
    rows = sparse.eye_array(3, format="csr")
    with pytest.raises(ShapeMismatch, match="`groups` has 2 numbers for 3"):
        SmoothedAbsolute(rows, np.zeros(2, dtype=int), ("all",), 1.0)
    with pytest.raises(InvalidParameter, match=r"expected 0 ... 1"):
        SmoothedAbsolute(rows, np.zeros(3, dtype=int), ("a", "b"), 1.0)


def test_a_prior_of_differences_in_a_circle_has_no_known_integral():
    rows = np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0], [-1.0, 0.0, 1.0]])
    ring = SmoothedAbsolute(sparse.csr_array(rows), np.zeros(3, dtype=int), ("ring",), 0.1)
    with pytest.raises(NotAvailable, match="circles"):
        ring.logdet(np.zeros(1))
    held = SmoothedAbsolute(
        sparse.csr_array([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]]), np.zeros(3, dtype=int), ("a",), 0.1
    )
    with pytest.raises(NotAvailable, match="circles"):
        held.logdet(np.zeros(1))


def test_equal_penalties_are_equal_and_print_as_they_are_written():
    assert SmoothedLasso() == SmoothedLasso(0.01) != SmoothedLasso(0.1)
    assert repr(SmoothedVariation(0.5)) == "SmoothedVariation(width=0.5)"
    assert repr(TotalVariation()) == "TotalVariation()"
