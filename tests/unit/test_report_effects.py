"""Effects in the report: read off the model, and drawn as curves, levels and surfaces."""

import warnings
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from derivata import TableModel
from derivata.cli.telling import told
from derivata.datasets import load_dataset
from derivata.plain_text import clean
from derivata.report import build_report
from derivata.report.date_effects import date_parts, date_ticks
from derivata.report.effect_charts import (
    OutputScale,
    curve_chart,
    levels_chart,
    spread,
    surface_chart,
)
from derivata.report.effects import EffectReader
from derivata.report.pictured import CurveEffect, LevelsEffect, Series, SurfaceEffect
from derivata.report.words import term_kind
from derivata.tables import Table
from derivata.tables.columns import Column
from derivata.terms import (
    Category,
    Cyclic,
    Date,
    FittedMissing,
    Linear,
    Missing,
    Product,
    Spline,
    Surface,
)
from tests.unit.test_report import Page, record_of
from tests.unit.test_table_model import mixed_table


def rich_table(n_rows=300, seed=0):
    """Numbers, words, dates, gaps, and a target with interactions."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (2, n_rows))
    side, unit = rng.integers(0, 2, n_rows), rng.integers(0, 5, n_rows)
    days = np.datetime64("2021-03-01") + rng.integers(0, 900, n_rows)
    hours = rng.integers(0, 24, n_rows)
    weekend = (days.astype(int) + 3) % 7 >= 5
    gappy = np.where(rng.random(n_rows) < 0.3, np.nan, rng.standard_normal(n_rows))
    y = np.sin(3 * a) + 2 * a * b + (2 * side - 1) * b + (unit == 1) * side + 0.5 * weekend
    y = y + np.cos(2 * np.pi * hours / 24) + np.isnan(gappy) + 0.2 * rng.standard_normal(n_rows)
    when = [f"{day}T{hour:02}:30" for day, hour in zip(days, hours, strict=True)]
    words = {"side": ["left", "right"], "unit": list("pqrst")}
    return Table(
        (
            Column("a", a),
            Column("b", b),
            Column("side", np.array(words["side"], object)[side]),
            Column("unit", np.array(words["unit"], object)[unit]),
            Column("when", np.array(when, object)),
            Column("hour", hours.astype(float)),
            Column("gappy", gappy),
            Column("y", y),
        )
    )


TERMS = [
    Spline("a"),
    Linear("b"),
    Category("side"),
    Category("unit"),
    Date("when"),
    Cyclic("hour", 24.0),
    Spline("gappy"),
    Missing("gappy"),
    Surface("a", "b"),
    Surface("a", "side"),
    Product("b", "side"),
    Product("side", "unit"),
]


CURVES = (("a",), ("b",), ("hour",), ("gappy",))


@pytest.fixture(scope="module")
def rich():
    """A model with a term of every kind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return TableModel.fit(rich_table(), "y", terms=TERMS, interactions=None)


@pytest.fixture(scope="module")
def iris():
    """A model of three classes with a category and a surface."""
    data = load_dataset("iris")
    size = np.where(data.table["sepal_length_cm"].values > 5.8, "large", "small").astype(object)
    table = Table((*data.table.columns, Column("size", size)))
    terms = [
        Spline("petal_length_cm"),
        Spline("petal_width_cm"),
        Category("size"),
        Surface("petal_length_cm", "petal_width_cm"),
    ]
    return TableModel.fit(table, data.target, terms=terms)


# what is read


def test_curves_and_their_bands_are_those_of_the_estimator(rich):
    for term in (term for term in rich.encoder.terms if term.columns in CURVES):
        if isinstance(term, FittedMissing):
            continue
        label = term.label
        (ours,) = EffectReader.of(rich).pictures(label)
        theirs = rich.estimator.partial_effect(label, len(ours.x))
        (line,) = ours.series
        assert np.array_equal(ours.x, theirs.cells[term.columns[0]])
        assert line.effect == pytest.approx(theirs.effect[:, 0], abs=1e-12)
        assert line.lower == pytest.approx(theirs.lower[:, 0], rel=1e-5, abs=1e-9)
        assert set(ours.rug) <= set(rich.model.ranges[term.columns[0]].quantiles)


def test_levels_come_by_their_effect_and_add_up_to_nothing_over_the_rows(rich):
    (picture,) = EffectReader.of(rich).pictures("unit")
    (line,) = picture.series
    assert sorted(picture.levels) == list("pqrst") and np.all(np.diff(line.effect) <= 0)
    found = rich.model.ranges["unit"]
    counts = dict(zip(found.levels, found.counts, strict=True))
    shares = np.array([counts[level] for level in picture.levels]) / rich.n_rows
    assert shares @ line.effect == pytest.approx(0.0, abs=1e-10)


def test_levels_are_as_certain_as_their_difference_from_the_average_row():
    """By the covariance of w_l - mean w: what all levels share is the intercept's."""
    model = TableModel.fit(mixed_table(), "price", terms=[Category("town")])
    (picture,) = EffectReader.of(model).pictures("town")
    model = model.model
    counts = np.array(model.ranges["town"].counts, float)
    away = np.eye(3) - counts / counts.sum()
    found = np.sqrt(np.diag(away @ model.covariance[:3, :3] @ away.T))
    names = model.encoder.terms[0].levels
    for level, low, high in zip(
        picture.levels, picture.series[0].lower, picture.series[0].upper, strict=True
    ):
        reach = 0.5 * (high - low)
        assert reach == pytest.approx(1.959964 * found[names.index(level)], rel=1e-5)


def test_gaps_are_told_from_present_cells(rich):
    (picture,) = EffectReader.of(rich).pictures("gappy=(missing)")
    assert picture.levels == ("gappy missing", "present")
    missing, present = picture.series[0].effect
    assert 0.7 < missing - present < 1.2  # drawn with 1


def test_a_curve_a_level_holds_what_both_columns_do_alone(rich):
    (picture,) = EffectReader.of(rich).pictures("a × side")
    assert sorted(line.name for line in picture.series) == ["left", "right"]
    for line in picture.series:
        words = np.full(len(picture.x), line.name, dtype=object)
        cells = {"a": picture.x, "side": words}
        total = np.zeros(len(picture.x))
        from derivata.estimators.term_effect import effect_at

        for number, term in enumerate(rich.encoder.terms):
            if term.columns in (("a",), ("side",), ("a", "side")):
                own = {name: cells[name] for name in term.columns}
                total += effect_at(rich.model, number, own).effect[:, 0]
        assert line.effect == pytest.approx(total, abs=1e-10)


def test_pairs_of_levels_are_the_largest_of_all(rich):
    (picture,) = EffectReader.of(rich).pictures("side × unit")
    assert picture.n_levels == 10 and picture.levels[0] == "right × q"


def test_a_surface_is_what_both_numbers_do_beyond_each_alone(rich):
    (picture,) = EffectReader.of(rich).pictures("a × b")
    corner = picture.effect[-1, -1] + picture.effect[0, 0]
    other = picture.effect[0, -1] + picture.effect[-1, 0]
    assert corner - other > 4.0  # of 2 a b over the square: 8, less shrinkage


def test_dates_have_a_picture_for_each_of_their_parts(rich):
    pictures = EffectReader.of(rich).pictures("when")
    assert [one.label for one in pictures] == [
        f"when: {part}" for part in ("trend", "season", "weekday", "hour")
    ]
    trend, _, weekday, hour = pictures
    assert weekday.levels[0] == "Monday" and weekday.levels[-1] == "Sunday"
    assert min(weekday.series[0].effect[5:]) > max(weekday.series[0].effect[:5])
    assert hour.x[0] == 0 and hour.x[-1] < 24
    first, last = (np.datetime64(int(day), "D") for day in (trend.x[0], trend.x[-1]))
    assert str(first)[:7] == "2021-03" and str(last)[:4] == "2023"


def test_parts_of_dates_are_drawn_at_dates_that_have_them(rich):
    (term,) = [term for term in rich.encoder.terms if term.label == "when"]
    for part in date_parts(term):
        block = term.block({"when": part.words})
        assert np.isfinite(block).all() and block[:, np.isin(term.parts, part.parts)].any()


@pytest.mark.parametrize(
    ("low", "high", "first"),
    [(18262, 20000, "2020"), (18262, 18400, "2020-01"), (18262, 18270, "2020-01-01")],
)
def test_ticks_of_dates_are_years_months_or_days(low, high, first):
    ticks = date_ticks(low, high)
    assert ticks[0][1] == first and 2 <= len(ticks) <= 7
    assert all(low <= day <= high for day, _ in ticks)


def test_effects_of_classes_are_those_of_their_scores(iris):
    """Moving one column moves the scores by the differences of its effects."""
    (picture,) = EffectReader.of(iris).pictures("size")
    assert [line.name for line in picture.series] == list(iris.classes)
    data = load_dataset("iris").table.take(np.zeros(2, int))
    cells = np.array(["large", "small"], object)
    table = Table((*data.columns[:-1], Column("size", cells)))
    moved = np.diff(iris.estimator.decision_function(table), axis=0)[0]
    large, small = (picture.levels.index(level) for level in cells)
    drawn = [line.effect[small] - line.effect[large] for line in picture.series]
    assert drawn == pytest.approx(moved, abs=1e-10)


def test_errors_of_classes_are_those_of_their_scores(iris):
    """By the whole covariance of the outputs, turned to scores: not output by output."""
    from derivata.losses import SoftmaxLoss

    (picture,) = EffectReader.of(iris).pictures("petal_length_cm")
    model = iris.model
    number = model.term_number("petal_length_cm")
    span, term = model.encoder.spans[number], model.encoder.terms[number]
    features = term.block({"petal_length_cm": picture.x}) - model.encoder.center[span]
    k, width = model.params.shape
    wide = np.zeros((len(picture.x), k, k * width))
    for output in range(k):
        wide[:, output, output * width + span.start : output * width + span.stop] = features
    scores = np.einsum("mkp,kc->mcp", wide, SoftmaxLoss(3).contrasts)
    error = np.sqrt(np.einsum("mcp,pq,mcq->mc", scores, model.covariance, scores))
    for line, own in zip(picture.series, error.T, strict=True):
        assert 0.5 * (line.upper - line.lower) == pytest.approx(1.959964 * own, rel=1e-4)


def test_a_surface_of_classes_has_a_picture_a_class(iris):
    pictures = EffectReader.of(iris).pictures("petal_length_cm × petal_width_cm")
    assert len(pictures) == 3 and all(isinstance(one, SurfaceEffect) for one in pictures)
    assert "class setosa" in pictures[0].label
    total = sum(one.effect for one in pictures)
    assert total == pytest.approx(np.zeros_like(total), abs=1e-9)  # scores sum to nothing


# what is drawn

SCALE = OutputScale("adds to the prediction", "odds")


def drawings(model):
    reader = EffectReader.of(model)
    for term in model.encoder.terms:
        for one in reader.pictures(term.label):
            chart = {CurveEffect: curve_chart, LevelsEffect: levels_chart}.get(type(one))
            yield one, (chart or surface_chart)(one, SCALE)


@pytest.mark.parametrize("kind", ["rich", "iris"])
def test_every_effect_is_drawn_well_formed_small_and_with_a_title(kind, request):
    for one, chart in drawings(request.getfixturevalue(kind)):
        tree = ElementTree.fromstring(chart)
        assert clean(one.label) in tree.find("title").text
        assert "nan" not in chart and "inf" not in chart and len(chart) < 20_000


def test_curves_levels_and_surfaces_have_what_a_reader_looks_for(rich):
    drawn = {one.label: chart for one, chart in drawings(rich)}
    assert 'class="band a"' in drawn["a"] and 'class="rug"' in drawn["a"] and "×1" in drawn["a"]
    assert drawn["unit"].count("whisker a") == 5
    assert drawn["a × side"].count("polyline") == 2
    assert 'class="cell a"' in drawn["a × b"] and 'class="cell b"' in drawn["a × b"]


def test_a_weak_effect_looks_weak_on_the_axis_of_a_strong_one():
    line = np.linspace(-0.01, 0.01, 5)
    weak = (Series("", line, line, line),)
    assert spread(weak).high - spread(weak).low < 0.03
    assert spread(weak, 1.0).high - spread(weak, 1.0).low >= 1.0


def test_a_band_that_is_far_wider_than_its_line_does_not_flatten_it():
    line = np.linspace(-1.0, 1.0, 5)
    wide = (Series("", line, line - 1e6, line + 1e6),)
    assert spread(wide).high - spread(wide).low < 12.0


def test_effects_of_nothing_can_be_drawn():
    zero = np.zeros(3)
    unknown = np.full(3, np.nan)
    flat = (Series("", zero, unknown, unknown),)
    x = np.arange(3.0)
    for chart in (
        curve_chart(CurveEffect("a", "a", x, flat, x), SCALE),
        levels_chart(LevelsEffect("a", ("p", "q", "r"), flat, 3), SCALE),
        surface_chart(SurfaceEffect("a", ("a", "b"), x, x, np.zeros((3, 3))), SCALE),
    ):
        assert "nan" not in chart and ElementTree.fromstring(chart) is not None


# the section


def with_shrunk(record, labels):
    """The record as if the terms of these labels had been shrunk to nothing."""
    rows = tuple(replace(row, shrunk=row.label in labels) for row in record.terms)
    record.__dict__["terms"] = rows  # a cached property
    return record


def test_terms_shrunk_to_nothing_are_named_and_not_drawn():
    record = with_shrunk(record_of(mixed_table(), "price", interactions=None), ["town"])
    html = build_report(record)
    assert "The data do not support town: it was shrunk to nothing." in Page(html).text
    assert "<title>Effect of size</title>" in html and "<title>Effect of town</title>" not in html
    assert "shrunk        town: to nothing" in told(record, "run")


def test_a_model_of_noise_says_that_no_column_helps():
    record = record_of(mixed_table(), "price", outer=False)
    record = with_shrunk(record, [row.label for row in record.terms])
    assert "every term was shrunk to nothing" in Page(build_report(record)).text
    assert "effects       none" in told(record, "run")


def test_the_kind_of_a_term_says_how_far_it_was_shrunk(rich):
    kinds = {term.label: term_kind(rich.model, term.label) for term in rich.encoder.terms}
    assert kinds["unit"] == "category of 5 levels" and kinds["b"] == "straight line"
    assert kinds["when"] == "dates" and kinds["gappy=(missing)"] == "gaps"
    assert kinds["a × b"] == "surface" and kinds["side × unit"] == "pairs of levels"
    rng = np.random.default_rng(0)
    x = rng.standard_normal(500)
    y = x + 0.1 * rng.standard_normal(500)
    line = TableModel.fit(Table((Column("x", x), Column("y", y))), "y")
    assert term_kind(line.model, "x") == "curve, shrunk to a straight line"
