"""Products: numbers by numbers, slopes a level, pairs of levels."""

import numpy as np
import pytest

from derivata.errors import InvalidData, TableWarning, UnseenCategoryWarning
from derivata.terms import (
    FittedPairs,
    FittedProduct,
    FittedSlopes,
    Product,
)
from derivata.terms import (
    pairs as pairs_module,
)


def words(*values):
    return np.array(values, object)


def draw(n_rows=300):
    rng = np.random.default_rng(0)
    return {
        "a": rng.gamma(2.0, size=n_rows),
        "b": 50 + rng.normal(size=n_rows),
        "city": rng.choice(words("Bath", "York", "Rome"), n_rows),
        "shop": rng.choice(words("A", "B"), n_rows),
    }


def test_two_numbers_are_multiplied_about_their_means():
    cells = draw()
    fitted = Product("a", "b").fit(cells)
    block = fitted.block(cells)[:, 0]
    truth = (cells["a"] - cells["a"].mean()) * (cells["b"] - cells["b"].mean())
    np.testing.assert_allclose(block, truth / np.sqrt((truth**2).mean()), rtol=1e-9)
    assert isinstance(fitted, FittedProduct)
    assert fitted.names == ("a×b",) and fitted.label == "a × b" and fitted.parts == ("product",)


def test_a_gap_in_either_number_makes_the_product_zero():
    cells = draw()
    cells["a"][0] = cells["b"][1] = np.nan
    block = Product("a", "b").fit(cells).block(cells)[:, 0]
    assert block[:2].tolist() == [0, 0] and np.all(block[2:])


@pytest.mark.parametrize("term", [Product("a", "city"), Product("city", "a")])
def test_a_number_and_words_are_a_slope_a_level(term):
    cells = draw()
    fitted = term.fit(cells)
    assert isinstance(fitted, FittedSlopes) and fitted.texts == ("city",)
    assert fitted.columns == term.columns and fitted.label == " × ".join(term.columns)
    standard = (cells["a"] - cells["a"].mean()) / cells["a"].std()
    for name, feature in zip(fitted.names, fitted.block(cells).T, strict=True):
        level = name.removeprefix("a×city=")
        np.testing.assert_allclose(feature, standard * (cells["city"] == level), atol=1e-12)


def test_the_slope_of_a_level_never_seen_is_zero_and_said():
    fitted, cells = Product("a", "city").fit(draw()), draw(3)
    cells["city"][0] = "Oslo"
    with pytest.warns(UnseenCategoryWarning, match="'Oslo'"):
        assert not fitted.block(cells)[0].any()


def test_two_columns_of_words_are_their_pairs():
    cells = {"city": words("b", "a", "b", None, "a"), "shop": words("x", "x", "x", "x", "y")}
    fitted = Product("city", "shop").fit(cells)
    assert isinstance(fitted, FittedPairs) and fitted.texts == ("city", "shop")
    assert fitted.pairs == (("b", "x"), ("a", "x"), ("a", "y"))
    assert fitted.names[0] == "city=b×shop=x"
    assert fitted.block(cells).tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1]]
    # A pair that is new is the sum of its levels: no warning.
    new = {"city": words("b", "c"), "shop": words("y", "x")}
    assert not fitted.block(new).any()


def test_pairs_beyond_the_cap_have_no_feature_and_are_counted(monkeypatch):
    monkeypatch.setattr(pairs_module, "MAX_LEVELS", 2)
    match = "columns 'city' and 'shop' have 6 pairs of levels; the 2 most frequent .* other 4 none"
    with pytest.warns(TableWarning, match=match):
        fitted = Product("city", "shop").fit(draw())
    assert len(fitted.pairs) == 2


def test_pairs_whose_names_would_read_alike_are_quoted():
    cells = {"a": words("1", "1×b=2"), "b": words("2×b=3", "3")}
    names = Product("a", "b").fit(cells).names
    assert len(set(names)) == 2


def test_columns_that_are_nowhere_both_present_are_named():
    cells = {"a": words("x", None), "b": words(None, "x")}
    with pytest.raises(InvalidData, match="columns 'a' and 'b' are nowhere both present"):
        Product("a", "b").fit(cells)


def test_entries_are_those_of_the_block():
    cells = draw()
    for term in (Product("a", "city"), Product("city", "shop")):
        fitted = term.fit(cells)
        rows, columns, values = fitted.entries(cells)
        rebuilt = np.zeros((300, len(fitted.names)))
        rebuilt[rows, columns] = values
        np.testing.assert_array_equal(rebuilt, fitted.block(cells))
        assert np.all(values != 0)
