"""The family told from a target, amounts included."""

import numpy as np
import pytest

from derivata.errors import InvalidTarget
from derivata.estimators.families import choose_family

RNG = np.random.default_rng(0)
N = 2_000
CASES = {
    "incomes": (np.exp(RNG.normal(10.0, 1.0, N)), "gamma"),
    "incomes in whole units": (np.ceil(np.exp(RNG.normal(8.0, 1.0, N))) + 10, "gamma"),
    "rainfall": (np.where(RNG.random(N) < 0.4, 0.0, RNG.gamma(0.7, 9.0, N)), "tweedie"),
    "claims in whole units": (
        np.where(RNG.random(N) < 0.9, 0.0, np.ceil(RNG.gamma(1.0, 900.0, N)) + 20),
        "tweedie",
    ),
    "heights": (RNG.normal(170.0, 8.0, N), "squared"),
    "amounts that hardly vary": (RNG.gamma(20.0, 1.0, N), "squared"),
    "one outlier": (np.append(RNG.normal(100.0, 5.0, N), 1e5), "squared"),
    "a few zeros": (np.append(RNG.gamma(2.0, 1.0, N), np.zeros(4)), "squared"),
    "differences": (RNG.standard_t(3.0, N), "squared"),
    "overdispersed counts": (RNG.poisson(RNG.gamma(0.5, 8.0, N)).astype(float), "poisson"),
    "two words": (np.array(["no", "yes", "no"], object), "logistic"),
    "four words": (np.array(list("abcd"), object), "softmax"),
    "three labels": (np.repeat([0.0, 1, 2], 40), "softmax"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_family_is_what_a_reader_would_say(case):
    values, name = CASES[case]
    family, reason = choose_family(values, "price")
    assert family.name == name
    assert reason.startswith("target 'price'") and reason.endswith(".")


def test_softmax_knows_how_many_classes_there_are():
    assert choose_family(np.array(list("abcd"), object))[0].n_classes == 4
    assert choose_family(np.repeat([1.0, 2, 3], 40))[0].n_classes == 3


@pytest.mark.parametrize(
    "values, name",
    [
        ([0.0, 1.0, 4.0], "poisson"),
        ([0.0, 1.5, 4.0], "tweedie"),
        ([0.5, 1.5, 4.0], "gamma"),
        ([-0.5, 1.5, 4.0], "poisson"),  # which then refuses the row by name
    ],
)
def test_exposures_ask_for_counts_or_amounts(values, name):
    family, reason = choose_family(np.array(values), "y", exposure="years")
    assert family.name == name and family.takes_exposure
    assert reason.startswith("exposures are given ('years')")


def test_a_target_of_one_value_is_refused():
    with pytest.raises(InvalidTarget, match="in every row"):
        choose_family(np.full(5, 2.5))
