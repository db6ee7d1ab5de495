"""Penalties as users give them."""

import numpy as np
import pytest

from derivata.errors import InvalidParameter
from derivata.estimators.log_alphas import log_alphas

NAMES = ("a", "b", "c")


def test_one_number_is_for_all_and_several_are_for_each():
    assert log_alphas(2.0, NAMES) == pytest.approx(np.log([2.0, 2.0, 2.0]))
    assert log_alphas([1.0, 2.0, 4.0], NAMES) == pytest.approx(np.log([1.0, 2.0, 4.0]))
    assert log_alphas({"c": 4.0, "a": 1.0, "b": 2.0}, NAMES) == pytest.approx(
        np.log([1.0, 2.0, 4.0])
    )
    assert log_alphas(0, NAMES).tolist() == [-np.inf] * 3


@pytest.mark.parametrize(
    ("alpha", "match"),
    [
        ("tuned", "expected 'tune', a number"),
        (-1.0, "finite and >= 0"),
        (np.nan, "finite and >= 0"),
        (np.inf, "finite and >= 0"),
        ([1.0, 2.0], r"has shape \(2,\); expected one number, or 3"),
        ([[1.0, 2.0, 3.0]], "has shape"),
        ({"a": 1.0}, r"names the groups \['a'\], but they are \['a', 'b', 'c'\]"),
        ({"a": 1.0, "b": 1.0, "d": 1.0}, "names the groups"),
        ({1, 2}, "expected 'tune', a number"),
        (None, "penalties must be finite|expected 'tune'"),
    ],
    ids=str,
)
def test_what_cannot_be_a_penalty_is_refused(alpha, match):
    with pytest.raises(InvalidParameter, match=match):
        log_alphas(alpha, NAMES)
