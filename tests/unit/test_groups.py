"""Penalty groups as users give them."""

import numpy as np
import pandas as pd
import pytest

from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.estimators.groups import resolve_groups
from derivata.penalties import FREE

NAMES = ["age", "size", "price"]


@pytest.mark.parametrize(
    "groups, numbers, names",
    [
        (None, [0, 0, 0], ("all",)),
        ("columns", [0, 1, 2], ("age", "size", "price")),
        (["b", "a", "b"], [0, 1, 0], ("b", "a")),
        ([None, "a", None], [FREE, 0, FREE], ("a",)),
        ([None, None, None], [FREE, FREE, FREE], ()),
        (np.array([7, -1, 7]), [0, 1, 0], ("7", "-1")),
        (pd.Series(["u", "v", "u"], index=[2, 1, 0]), [0, 1, 0], ("u", "v")),
        (range(3), [0, 1, 2], ("0", "1", "2")),
        ([1, 1.0, True], [0, 0, 0], ("1",)),  # equal labels are one group
        ([("a", 1), ("a", 1), None], [0, 0, FREE], ("('a', 1)",)),
    ],
    ids=str,
)
def test_groups_are_numbered_in_order_of_appearance(groups, numbers, names):
    found, found_names = resolve_groups(groups, NAMES)
    assert found.tolist() == numbers
    assert found_names == names


def test_as_many_labels_as_columns_are_needed():
    with pytest.raises(ShapeMismatch, match="2 labels but X has 3 columns"):
        resolve_groups(["a", "b"], NAMES)


def test_labels_that_print_alike_would_share_a_name():
    with pytest.raises(InvalidParameter, match="print alike"):
        resolve_groups([1, "1", "a"], NAMES)
