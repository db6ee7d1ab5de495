"""Surfaces: what two columns do together, and nothing of what each does alone."""

import numpy as np
import pytest

from derivata.errors import InvalidData, InvalidParameter
from derivata.terms import FittedLevelCurves, FittedSurface, Product, Spline, Surface
from derivata.terms.ranked import Ranks
from derivata.terms.surface import MARGINAL_BASIS


def words(*values):
    return np.array(values, object)


def draw(n_rows=2000, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "a": rng.uniform(size=n_rows),
        "b": rng.normal(size=n_rows),
        "two": rng.integers(0, 2, n_rows).astype(float),
        "city": rng.choice(words("Bath", "York", "Rome"), n_rows),
    }


def parts(fitted, cells):
    block, names = fitted.block(cells), np.array(fitted.parts)
    return {part: block[:, names == part] for part in dict.fromkeys(fitted.parts)}


def ranked(cells):
    """The same cells with ranks in the place of numbers."""
    return {
        name: values
        if values.dtype == object
        else Ranks.fit(values, np.ones(values.size)).at(values)
        for name, values in cells.items()
    }


def smoothest(cells, name, n_bends):
    """The straight line and the first bends of a spline over ranks, these of length 1 together."""
    cells = ranked(cells)
    block = Spline(name, MARGINAL_BASIS + 2).fit(cells).block(cells)[:, : 1 + n_bends]
    block[:, 1:] /= np.sqrt((block[:, 1:] ** 2).sum(1).mean())
    return block


def test_the_parts_are_the_product_of_the_lines_and_all_other_products():
    cells = draw()
    fitted = Surface("a", "b").fit(cells)
    assert isinstance(fitted, FittedSurface)
    assert fitted.parts == ("bilinear", *("surface",) * 24)
    assert fitted.names[:2] == ("a×b", "a×b~1") and fitted.names[-1] == "a~4×b~4"
    assert fitted.label == "a × b"
    product = Product("a", "b").fit(ranked(cells)).block(ranked(cells))
    np.testing.assert_allclose(fitted.block(cells)[:, 0], product[:, 0], rtol=1e-9)


def test_features_are_products_of_the_smoothest_columns_of_each_spline():
    cells = draw()
    block = Surface("a", "b", 3).fit(cells).block(cells)
    a, b = (smoothest(cells, name, 2) for name in ("a", "b"))
    truth = (a[:, :, None] * b[:, None, :]).reshape(2000, 9)
    np.testing.assert_allclose(block[:, 1:] / truth[:, 1:], (block / truth)[0, 1], rtol=1e-9)


@pytest.mark.parametrize("term", [Surface("a", "b"), Surface("a", "city"), Surface("two", "a")])
def test_the_mean_row_of_each_part_has_length_one(term):
    cells = draw()
    for part in parts(term.fit(cells), cells).values():
        assert (part**2).sum(1).mean() == pytest.approx(1, rel=1e-9)


def test_for_independent_columns_the_surface_holds_nothing_of_a_column_alone():
    side = np.random.default_rng(0).gamma(2.0, size=60)
    a, b = (part.ravel() for part in np.meshgrid(side, side**2))
    cells = {"a": a, "b": b}
    surface = Surface("a", "b").fit(cells).block(cells)
    for name in cells:
        alone = Spline(name).fit(cells).block(cells)
        np.testing.assert_allclose(alone.T @ surface / len(a), 0, atol=1e-10)
    np.testing.assert_allclose(surface.mean(0), 0, atol=1e-10)


def test_a_smooth_interaction_is_within_reach():
    cells = draw()
    x, y = cells["a"], cells["b"]
    truth = np.sin(3 * x) * np.tanh(y)
    B = np.column_stack(
        [np.ones(len(x))]
        + [
            term.fit(cells).block(cells)
            for term in (Spline("a"), Spline("b"), Surface("a", "b", 6))
        ]
    )
    coef = np.linalg.lstsq(B, truth, rcond=None)[0]
    assert np.std(B @ coef - truth) < 0.01 * np.std(truth)


def test_a_smooth_interaction_of_long_tails_is_within_reach():
    cells = draw()
    truth = np.sin(3 * cells["a"]) * np.tanh(cells["b"])
    cells["a"], cells["b"] = np.exp(9 * cells["a"]), np.exp(3 * cells["b"])
    alone = [Spline(name).fit(ranked(cells)).block(ranked(cells)) for name in ("a", "b")]
    together = Surface("a", "b", 6).fit(cells).block(cells)
    B = np.column_stack([np.ones(2000), *alone, together])
    coef = np.linalg.lstsq(B, truth, rcond=None)[0]
    assert np.std(B @ coef - truth) < 0.02 * np.std(truth)
    assert np.abs(together).max() < 10  # of rows of mean length 1


@pytest.mark.parametrize("term", [Surface("a", "b"), Surface("a", "city"), Surface("two", "b")])
def test_beyond_the_training_values_a_surface_stays_as_it_is(term):
    cells = {name: values[:2] for name, values in draw().items()}
    fitted = term.fit(draw())
    far = cells | {"a": np.array([-1e9, 1e300]), "b": np.array([-1e300, 7.0])}
    cells["a"] = np.array([draw()["a"].min(), draw()["a"].max()])
    cells["b"] = np.array([draw()["b"].min(), draw()["b"].max()])
    np.testing.assert_array_equal(fitted.block(far), fitted.block(cells))


def test_a_rising_function_of_a_column_changes_nothing_at_the_training_rows():
    cells = draw()
    grown = cells | {"a": np.exp(9 * cells["a"]), "b": cells["b"] ** 3}
    for term in (Surface("a", "b"), Surface("city", "a")):
        block = term.fit(cells).block(cells)
        # Between the quantiles through which ranks go, the two differ in how they interpolate.
        assert np.abs(term.fit(grown).block(grown) - block).max() < 0.02 * np.abs(block).max()


@pytest.mark.parametrize(
    ("term", "widths"),
    [
        (Surface("two", "a"), (1, 16)),
        (Surface("a", "two", 3), (9, 1)),
        (Surface("a", "five", 5), (6, 4)),
        (Surface("five", "a", 8), (4, 16)),
        (Surface("five", "two", 8), (4, 1)),
        (Surface("a", "b", 16), (16, 16)),
    ],
)
def test_what_a_column_of_few_values_cannot_use_is_left_to_the_other(term, widths):
    cells = draw() | {"five": np.random.default_rng(2).integers(0, 5, 2000) / 7}
    fitted = term.fit(cells)
    assert (fitted.first_curve.n_features, fitted.second_curve.n_features) == widths
    assert len(fitted.names) == len(fitted.parts) == np.prod(widths)


@pytest.mark.parametrize(("n_levels", "n_features"), [(1, 16), (2, 12), (3, 8), (9, 5), (50, 5)])
def test_few_levels_leave_more_to_each_curve(n_levels, n_features):
    rng = np.random.default_rng(0)
    cells = {"a": rng.normal(size=900), "id": words(*(str(i % n_levels) for i in range(900)))}
    fitted = Surface("a", "id").fit(cells)
    assert len(fitted.names) == n_levels * n_features == n_levels * fitted.curve.n_features


def test_a_column_of_two_values_is_a_line():
    fitted = Surface("two", "a").fit(draw())
    assert fitted.names == ("two×a", *(f"two×a~{j}" for j in range(1, 16)))


def test_two_columns_of_two_values_have_their_product_alone():
    cells = draw()
    cells["a"] = (cells["a"] > 0.5).astype(float)
    fitted = Surface("two", "a").fit(cells)
    assert fitted.parts == ("bilinear",)
    assert (fitted.block(cells) ** 2).mean() == pytest.approx(1)


def test_gaps_are_zeros():
    cells = draw()
    cells["a"][:10] = cells["b"][5:15] = np.nan
    block = Surface("a", "b").fit(cells).block(cells)
    assert not block[:15].any() and block[15:].all(axis=0).any()


@pytest.mark.parametrize("term", [Surface("a", "city"), Surface("city", "a")])
def test_a_number_and_words_are_a_curve_a_level(term):
    cells = draw()
    fitted = term.fit(cells)
    assert isinstance(fitted, FittedLevelCurves) and fitted.texts == ("city",)
    assert fitted.columns == term.columns and fitted.label == " × ".join(term.columns)
    assert fitted.parts == ("slopes",) * 3 + ("curves",) * 21
    curve, block = smoothest(cells, "a", 7), fitted.block(cells)
    for name, feature in zip(fitted.names, block.T, strict=True):
        number, level = name.split("×city=")
        j = 0 if number == "a" else int(number.removeprefix("a~"))
        mine = cells["city"] == level
        assert not feature[~mine].any()
        np.testing.assert_allclose(feature[mine], curve[mine, j], atol=1e-10)


def test_words_by_words_is_no_surface():
    cells = draw() | {"shop": draw(seed=1)["city"]}
    with pytest.raises(InvalidData, match=r"both hold words.*Use `Product\('city', 'shop'\)`"):
        Surface("city", "shop").fit(cells)


def test_many_levels_are_too_many_curves():
    cells = {"a": np.arange(102.0), "id": words(*(str(i % 51) for i in range(102)))}
    with pytest.raises(InvalidData, match="column 'id' has 51 levels.* at most 50.*Product"):
        Surface("a", "id").fit(cells)


@pytest.mark.parametrize("n_basis", [1, 17, 5.0])
def test_n_basis_is_a_count(n_basis):
    with pytest.raises(InvalidParameter, match="`n_basis` is .* from 2 to 16"):
        Surface("a", "b", n_basis)
