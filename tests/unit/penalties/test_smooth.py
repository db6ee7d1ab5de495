"""What GroupRidge refuses."""

import numpy as np
import pytest

from derivata.errors import InvalidParameter
from derivata.penalties import FREE, GroupRidge


def test_a_group_without_a_name_is_refused():
    with pytest.raises(InvalidParameter, match="`groups` holds numbers from 0 to 2"):
        GroupRidge(np.array([0, 1, 2]), ("a", "b"))


def test_a_number_below_free_is_refused():
    with pytest.raises(InvalidParameter, match="-2"):
        GroupRidge(np.array([0, -2]), ("a",))


def test_a_named_group_without_a_parameter_is_refused_by_name():
    with pytest.raises(InvalidParameter, match="'b' has no parameter"):
        GroupRidge(np.array([0, 0, FREE]), ("a", "b"))


def test_penalised_says_which_parameters_carry_a_penalty():
    penalty = GroupRidge(np.array([0, FREE, 0]), ("a",))
    assert penalty.penalised.tolist() == [True, False, True]
