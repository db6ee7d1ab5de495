"""Promising pairs: interactions seen in the residuals of main effects."""

import numpy as np
import pytest

from derivata.estimators.interactions import promising_pairs
from derivata.tables import Table
from derivata.tables.columns import Column

N_ROWS = 1_000


def drawn(effect, seed=0, noise=1.0):
    """Columns, and what is left of an effect of them when its main effects are taken out."""
    rng = np.random.default_rng(seed)
    cells = {name: rng.uniform(-1.0, 1.0, N_ROWS) for name in "abcd"}
    cells["w"] = rng.choice(["p", "q", "r"], N_ROWS).astype(object)
    cells["v"] = rng.choice(["s", "t"], N_ROWS).astype(object)
    table = Table(tuple(Column(name, values) for name, values in cells.items()))
    residual = effect(**cells) + noise * rng.standard_normal(N_ROWS)
    return table, -residual[:, None]


def pairs(table, gradient, dispersion=1.0):
    ones = np.ones_like(gradient)
    return promising_pairs(table, table.names, gradient, ones, dispersion)


@pytest.mark.parametrize(
    ("columns", "effect"),
    [
        (("a", "b"), lambda a, b, **_: 1.5 * a * b),
        (("b", "c"), lambda b, c, **_: np.sin(3.0 * b) * np.cos(3.0 * c)),
        (("a", "w"), lambda a, w, **_: a * np.select([w == "p", w == "q"], [1.0, -1.0], 0.0)),
        (("w", "v"), lambda w, v, **_: 0.7 * ((w == "p") == (v == "s")) - 0.35),
    ],
    ids=["plane", "waves", "slopes", "words"],
)
def test_the_pair_that_acts_together_comes_first(columns, effect):
    found = pairs(*drawn(effect))
    assert set(found[0].columns) == set(columns)
    assert found[0].gain > 10.0
    gains = [pair.gain for pair in found]
    assert gains == sorted(gains, reverse=True)


def test_of_noise_few_pairs_seem_to_gain_and_little():
    gains = [pair.gain for seed in range(10) for pair in pairs(*drawn(lambda **_: 0.0, seed))]
    # Of 150 pairs; each gain is a log-likelihood ratio with its complexity taken off.
    assert len(gains) < 75 and max(gains) < 6.0


def test_main_effects_are_nobodys_interaction():
    # Additive parts that the model should have taken out, in full strength.
    table, gradient = drawn(lambda a, b, **_: 2.0 * a + np.sin(3.0 * b))
    found = pairs(table, gradient, float(gradient.var()))
    assert max((pair.gain for pair in found), default=0.0) < 6.0


def test_a_smaller_dispersion_makes_more_of_the_same_residuals():
    table, gradient = drawn(lambda a, b, **_: 1.5 * a * b)
    strict, lax = pairs(table, gradient, 4.0)[0], pairs(table, gradient, 1.0)[0]
    assert lax.gain > strict.gain


def test_several_outputs_add_up():
    table, gradient = drawn(lambda a, b, **_: 1.5 * a * b)
    one = pairs(table, gradient)[0]
    two = pairs(table, np.column_stack([gradient, gradient]))[0]
    assert two.columns == one.columns and two.gain == pytest.approx(2.0 * one.gain, rel=0.05)


def test_gaps_constant_columns_and_rare_words_are_no_trouble():
    rng = np.random.default_rng(0)
    a = rng.uniform(-1.0, 1.0, 200)
    a[::5] = np.nan
    words = np.array([f"w{i}" for i in range(200)], dtype=object)
    words[::3] = None
    table = Table(
        (
            Column("a", a),
            Column("one", np.ones(200)),
            Column("w", words),
            Column("none", np.full(200, np.nan)),
        )
    )
    gradient = rng.standard_normal((200, 1))
    for pair in promising_pairs(table, table.names, gradient, np.ones((200, 1)), 1.0):
        assert np.isfinite(pair.gain)


def test_rows_without_curvature_say_nothing():
    table, gradient = drawn(lambda a, b, **_: 1.5 * a * b)
    curvature = np.ones_like(gradient)
    half = np.arange(N_ROWS) < N_ROWS // 2
    curvature[half] = gradient[half] = 0.0
    part = table.take(np.flatnonzero(~half))
    found = promising_pairs(table, ("a", "b"), gradient, curvature, 1.0)
    alone = promising_pairs(part, ("a", "b"), gradient[~half], curvature[~half], 1.0)
    assert found[0].gain == pytest.approx(alone[0].gain, rel=0.2)  # cells are cut elsewhere
