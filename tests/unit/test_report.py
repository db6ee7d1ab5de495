"""The report: what each section shows, the drawing of charts, and the numbers behind them."""

import warnings
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from derivata import TableModel
from derivata.datasets import load_dataset, simulate
from derivata.errors import DerivataError
from derivata.plain_text import clean, duration, number, percent
from derivata.report import RunRecord, Said, build_report
from derivata.report.axes import Axes, Scale, tick_labels
from derivata.report.charts import (
    Interval,
    calibration_chart,
    equal_parts,
    interval_chart,
    path_chart,
    scatter_chart,
    shares_chart,
    smooth_chart,
)
from derivata.report.effects import strongest_effects
from derivata.report.judgement import _calibration
from derivata.report.record import column_facts
from derivata.report.words import headline, metrics_in_words, optimism_in_words
from derivata.tables import Table
from derivata.tables.columns import Column
from derivata.tuning import OuterScore

# Elements that HTML closes by itself.
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Every tag of a page, its text, and whether each element is closed in its order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words).replace("\xa0", " ")


def record_of(table, target, *, outer=True, said=(), dropped=(), **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = TableModel.fit(table, target, **options)
        judged, why_not = None, "none was asked for."
        if outer:
            try:
                judged, why_not = model.outer_score(table), ""
            except DerivataError as error:
                why_not = str(error)
    return RunRecord(
        model=model,
        rows=model.training_rows(table),
        columns=column_facts(table, model, dropped),
        file_name="table.csv",
        file_sha256="0" * 64,
        n_rows_read=table.n_rows,
        outer=judged,
        outer_missing=why_not,
        warnings=tuple(said),
        seconds={"read": 0.1, "fit": 0.2, "outer_folds": 0.3},
    )


@pytest.fixture(scope="module")
def records():
    """A record for each family, fitted once."""
    iris, diabetes = load_dataset("iris"), load_dataset("diabetes")
    return {
        "squared": record_of(diabetes.table, diabetes.target),
        "logistic": record_of(simulate("logistic", 200, 4).table, "y"),
        "softmax": record_of(iris.table, iris.target),
        "poisson": record_of(simulate("poisson", 200, 4).table, "y"),
    }


FAMILIES = ["squared", "logistic", "softmax", "poisson"]


# the page


@pytest.mark.parametrize("family", FAMILIES)
def test_the_page_has_every_section_and_closes_every_element(records, family):
    page = Page(build_report(records[family]))
    assert page.open == []
    about_rows = "Residuals" if family == "squared" else "Calibration"
    for title in ("Score", "Effects", about_rows, "Data", "Penalties", "Convergence", "Warnings"):
        assert title in page.words
    assert page.tags.count("svg") >= 6


@pytest.mark.parametrize("family", FAMILIES)
def test_the_page_runs_no_script_and_loads_nothing(records, family):
    html = build_report(records[family])
    page = Page(html)
    assert not {"script", "img", "link", "iframe", "object", "embed", "form"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on") and name not in ("src", "href", "srcset", "xlink:href")
        assert "javascript:" not in (value or "")
    assert (
        "url(" not in html
        and "@import" not in html
        and "http" not in html.replace("http-equiv", "")
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_every_chart_is_well_formed_and_has_a_title(records, family):
    html = build_report(records[family])
    charts = ["<svg" + rest.split("</svg>")[0] + "</svg>" for rest in html.split("<svg")[1:]]
    for chart in charts:
        tree = ElementTree.fromstring(chart)
        assert tree.find("title").text and "nan" not in chart and "inf" not in chart


def test_the_page_follows_dark_print_and_narrow_screens(records):
    html = build_report(records["squared"])
    for query in ("prefers-color-scheme: dark", "@media print", "max-width"):
        assert query in html


@pytest.mark.parametrize("family", FAMILIES)
def test_the_headline_is_the_score_on_unseen_rows(records, family):
    record = records[family]
    assert headline(record) in Page(build_report(record)).text
    found = record.metrics
    main = {"squared": "r2", "poisson": "d2"}.get(family, "accuracy")
    assert percent(found[main]) in headline(record)


def test_the_summary_and_the_page_tell_the_same_numbers(records):
    record = records["squared"]
    summary, text = record.to_dict(), Page(build_report(record)).text
    assert number(summary["outer_score"]["score_a_row"]) in text
    assert number(summary["tuning"]["criterion"]["value_a_row"]) in text
    assert all(number(alpha) in text for alpha in summary["tuning"]["penalties"].values())
    assert summary["outer_score"]["optimism"] == record.outer.score.optimism


def test_a_run_without_an_outer_score_says_why(records):
    cells = {"x": [0.0, 1.0, 3.0], "y": [0.5, 2.5, 4.0]}
    table = Table(tuple(Column(name, np.array(values)) for name, values in cells.items()))
    record = record_of(table, "y", outer=False)
    text = Page(build_report(record)).text
    assert "none was asked for" in text and "could not be judged" in text
    assert record.metrics == {}
    assert record.to_dict()["outer_score"] == {"why_not": "none was asked for."}


def test_warnings_and_columns_left_out_are_listed():
    table = simulate("squared", 60, 2).table
    dates = np.array([f"2024-02-{k % 28 + 1:02}" for k in range(60)], object)
    record = record_of(
        Table((*table.columns, Column("day", dates, is_date=True))),
        "y",
        said=[Said("D302", "take <care>")],
        dropped=["id"],
    )
    roles = [(fact.name, fact.role) for fact in record.columns]
    assert roles[2:] == [("y", "target"), ("day", "left out"), ("id", "dropped")]
    text = Page(build_report(record)).text
    assert "D302" in text and "take <care>" in text and "2 columns left out" in text


def test_counts_with_more_spread_than_poisson_are_said_to_have_it():
    rng = np.random.default_rng(0)
    y = rng.negative_binomial(1, 0.2, 400).astype(float)
    record = record_of(Table((Column("x", rng.standard_normal(400)), Column("y", y))), "y")
    assert "standard errors are too small" in Page(build_report(record)).text


# words


def test_optimism_is_called_flattery_only_beyond_its_noise(records):
    record = records["squared"]

    def words(score, error, inner):
        from dataclasses import replace

        outer = replace(record.outer, score=OuterScore(score, error, inner))
        return optimism_in_words(replace(record, outer=outer))

    assert "within its noise" in words(1.0, 0.1, 0.9)
    assert "flatters by 0.50" in words(1.0, 0.1, 0.5)
    assert "better than the criterion by 0.50" in words(0.5, 0.1, 1.0)


def test_a_model_that_knows_nothing_is_said_to_know_nothing():
    rng = np.random.default_rng(0)
    table = Table((Column("x", rng.standard_normal(60)), Column("y", rng.standard_normal(60))))
    record = record_of(table, "y")
    assert record.metrics["r2"] <= 0.0 and "no better than its mean" in headline(record)
    assert metrics_in_words(record).startswith("R2 -0.")


def test_numbers_are_spelled_for_people():
    assert [number(x) for x in (0.0, 99999.6, 1e7, -0.0001234, np.inf)] == [
        "0", "100,000", "1.000e7", "-0.0001234", "inf",
    ]  # fmt: skip
    assert percent(float("nan")) == "an unknown share" and duration(119.0) == "119 s"
    assert clean("a\x1b[31m\u202eb\nc", 50) == "a\ufffd[31m\ufffdb\ufffdc"
    assert clean("x" * 300, 10) == "x" * 9 + "…"


# effects


def test_the_strongest_effects_are_coefficients_times_standard_deviations(records):
    model = records["squared"].model
    effects, n_effects = strongest_effects(model)
    assert n_effects == 10 and len(effects) == 10
    sizes = np.array([abs(effect.size) for effect in effects])
    assert np.all(np.diff(sizes) <= 0)
    table = load_dataset("diabetes").table
    for effect in effects:
        position = model.encoder.feature_names.index(effect.feature)
        spread = table[effect.feature].values.std()
        assert effect.size == pytest.approx(model.estimator.coef_[position] * spread, rel=1e-9)
        assert effect.ratio == pytest.approx(effect.coef / effect.coef_error)


def test_every_class_has_an_equal_share_of_the_effects_shown(records):
    effects, n_effects = strongest_effects(records["softmax"].model, most=6)
    classes = records["softmax"].model.classes
    assert [effect.label for effect in effects] == [word for word in classes for _ in "ab"]
    assert n_effects == 12


# scales and charts


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3, 7), (1e-7, 3e-7), (25, 346), (-1e9, 2.4e9), (0.99, 1.01)]
)
def test_ticks_are_round_few_and_inside(low, high):
    ticks = Scale(low, high).ticks(5)
    assert 2 <= len(ticks) <= 7 and low <= ticks[0] and ticks[-1] <= high
    labels = tick_labels(ticks)
    assert len(set(labels)) == len(labels) and max(map(len, labels)) <= 9


@pytest.mark.parametrize(("low", "high"), [(1e-6, 1e3), (0.3, 80.0), (2.0, 3.0)])
def test_ticks_by_logarithm_are_powers_of_ten_where_there_are_two(low, high):
    ticks = Scale(low, high, log=True).ticks(5)
    assert len(ticks) >= 2 and low <= min(ticks) and max(ticks) <= high
    if high / low > 100:
        assert np.log10(ticks) == pytest.approx(np.round(np.log10(ticks)))


@pytest.mark.parametrize("values", [[], [5.0], [0.0, 0.0], [np.nan, np.inf], [-1e300, 1e300]])
def test_a_scale_around_any_values_has_a_width(values):
    scale = Scale.around(np.array(values))
    assert np.isfinite([scale.low, scale.high]).all() and scale.low < scale.high


def test_positions_stay_inside_the_picture():
    axes = Axes(Scale(0, 1), Scale(0, 1))
    far = np.array([-1e9, 0.5, 1e9])
    assert axes.px(far).min() >= 0 and axes.px(far).max() <= axes.width
    assert axes.py(far).min() >= 0 and axes.py(far).max() <= axes.height


def test_equal_parts_keep_equal_values_together():
    x = np.array([3.0, 1.0, 1.0, 1.0, 2.0, 5.0])
    parts = equal_parts(x, 3)
    assert sorted(np.concatenate(parts).tolist()) == list(range(6))
    assert [
        set(x[part]) & set(x[other]) for part, other in zip(parts, parts[1:], strict=False)
    ] == [set() for _ in parts[1:]]


def test_a_chart_of_very_many_points_is_no_larger_than_one_of_few():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(200_000)
    for chart in (scatter_chart, smooth_chart):
        assert len(chart(x, x + 0.1, "x", "y", "title")) < 120_000


def test_charts_of_a_single_value_can_be_drawn():
    one = np.ones(1)
    drawn = [
        scatter_chart(one, one, "x", "y", "t"),
        smooth_chart(one, one, "x", "y", "t"),
        path_chart([{"a": 1.0}], "y", "t", log=True),
        interval_chart([Interval("a", 1.0, np.nan, np.nan)], "x", "t", zero=False),
        calibration_chart([Interval("", 0.5, 0.2, 0.8)], [0.5], "x", "y", "t", shares=[1.0]),
        shares_chart(np.array([0.0, 1.0]), one, one, "x", "y", "t"),
    ]
    for chart in drawn:
        assert "nan" not in chart and ElementTree.fromstring(chart) is not None


def test_intervals_of_a_calibrated_forecast_hold_their_share():
    """95 % of Wilson's intervals should hold the truth; over 60 tables, 90 to 99 % do."""
    held = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        p = rng.random(400)
        points, x = _calibration(p, rng.random(400) < p, np.ones(400))
        held += [point.low <= at <= point.high for point, at in zip(points, x, strict=True)]
    assert 0.90 < np.mean(held) < 0.99


def test_calibration_bins_hold_every_row_and_none_is_nearly_empty():
    rng = np.random.default_rng(0)
    p = np.r_[rng.random(200) * 0.05, 0.5, 0.99 - rng.random(200) * 0.02]
    points, _ = _calibration(p, p > 0.5, np.ones(p.size))
    assert len(points) == 2
