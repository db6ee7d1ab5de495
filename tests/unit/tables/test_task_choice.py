"""The task told from a target: what a reader of the table would say, with the reason."""

import numpy as np
import pytest

from derivata.errors import InvalidTarget, TableError
from derivata.tables import Table
from derivata.tables.columns import Column
from derivata.tables.task_choice import infer_task, take_target


def words(*values):
    return np.array(values, object)


RNG = np.random.default_rng(0)
CASES = {
    "two words": (words("yes", "no", "no"), "logistic"),
    "two numbers": (np.array([0.0, 1, 1]), "logistic"),
    "minus and plus one": (np.array([-1.0, 1, 1]), "logistic"),
    "three words": (words("a", "b", "c"), "softmax"),
    "fifty words": (words(*(f"w{i}" for i in range(50))), "softmax"),
    "digits": (np.repeat(np.arange(10.0), 180), "softmax"),
    "species from 1": (np.repeat([1.0, 2, 3], [59, 71, 48]), "softmax"),
    "rare first class": (np.repeat([1.0, 2, 3], [25, 50, 925]), "softmax"),
    "rare class from 0": (np.repeat([0.0, 1, 2], [700, 200, 100]), "softmax"),
    "claims": (np.repeat([0.0, 1, 2, 3, 4], [643953, 32178, 1784, 82, 16]), "poisson"),
    "rare events": (RNG.poisson(0.4, 2_000).astype(float), "poisson"),
    "rings": (RNG.poisson(4.0, 500).astype(float), "poisson"),
    "bike hires": (np.floor(RNG.gamma(1.0, 190.0, 5_000)) + 1, "poisson"),
    "few labels in too few rows": (np.array([0.0, 1, 2, 3, 4] * 3), "squared"),
    "blood sugar": (np.round(RNG.normal(152, 40, 442)).clip(25), "squared"),
    "house prices": (np.round(RNG.gamma(2.0, 1e5, 1_000)) + 14_999, "squared"),
    "marks from 0 to 100": (np.arange(101.0), "squared"),
    "with minus": (np.array([-2.0, 0, 1, 5]), "squared"),
    "fractions": (np.array([0.5, 1.5, 2.5]), "squared"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_task_is_what_a_reader_would_say(case):
    values, family = CASES[case]
    choice = infer_task(values, "price")
    assert choice.family == family
    assert choice.reason.startswith("target 'price'") and choice.reason.endswith(".")


AMOUNTS = {
    "gamma": np.exp(RNG.normal(5.0, 1.0, 500)),
    "tweedie": np.where(RNG.random(500) < 0.5, 0.0, RNG.gamma(1.0, 7.0, 500)),
}


@pytest.mark.parametrize("family", AMOUNTS)
def test_amounts_are_told_from_numbers_only_where_the_caller_can_fit_them(family):
    assert infer_task(AMOUNTS[family], "cost").family == "squared"
    choice = infer_task(AMOUNTS[family], "cost", families=("squared", family))
    assert choice.family == family
    assert choice.reason.startswith("target 'cost'") and choice.reason.endswith("amounts.")


def test_real_targets_get_the_task_their_source_names(real_table):
    families = {
        ("adult", "income"): "logistic",
        ("abalone", "rings"): "poisson",
        ("bike_hourly", "count"): "poisson",
        ("california_housing", "median_house_value"): "squared",
        ("concrete", "strength_mpa"): "squared",
        ("german_credit", "credit_risk"): "logistic",
        ("spambase", "spam"): "logistic",
    }
    for (name, target), family in families.items():
        table = real_table(name, only=[target])
        assert infer_task(table[target].values, target).family == family, name


@pytest.fixture
def real_table():
    """Read a real table that stands beside the repository, where it does."""
    from pathlib import Path

    from derivata.tables import read_table

    folder = Path(__file__).parents[4] / "shared" / "data" / "tabular"
    if not folder.is_dir():
        pytest.skip("the real tables in ../shared/data/tabular are not here")
    return lambda name, only: read_table(folder / f"{name}.csv.gz", only=only)


@pytest.mark.parametrize("values", [words("a", "a"), np.array([2.0, 2.0])])
def test_a_target_of_one_value_is_refused(values):
    with pytest.raises(InvalidTarget, match="in every row: there is nothing to learn"):
        infer_task(values, "y")


def test_a_target_of_too_many_words_is_refused():
    with pytest.raises(InvalidTarget, match="51 different words"):
        infer_task(words(*(f"w{i}" for i in range(51))), "y")


@pytest.mark.parametrize(
    "bad, match", [(np.nan, "missing in 1 rows"), (np.inf, "infinite in row 2")]
)
def test_a_target_that_is_no_number_somewhere_is_refused_with_its_row(bad, match):
    with pytest.raises(InvalidTarget, match=match):
        infer_task(np.array([1.0, 2, bad, 3]), "y")


def table():
    return Table(
        (Column("x", np.array([1.0, 2, 3])), Column("y", np.array([5.0, np.nan, 7]))),
        "`t.csv`",
        np.array([2, 3, 5]),
    )


def test_a_missing_target_is_refused_with_its_line_and_can_be_dropped():
    with pytest.raises(TableError, match=r"`t.csv`, line 3: target 'y' is missing there, and in 1"):
        take_target(table(), "y")
    features, target = take_target(table(), "y", drop_missing=True)
    assert target.values.tolist() == [5, 7]
    assert features.names == ("x",) and features.lines.tolist() == [2, 5]


def test_a_target_that_is_always_missing_is_refused_even_if_gaps_may_be_dropped():
    gaps = Table((Column("x", np.ones(2)), Column("y", np.full(2, np.nan))))
    with pytest.raises(TableError, match="in 2 of 2 rows"):
        take_target(gaps, "y", drop_missing=True)
