"""The report: what each section shows, the drawing of charts, and the numbers behind them."""

import copy
import json
import re
import warnings
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from derivata import TableModel
from derivata.datasets import simulate
from derivata.errors import DerivataError
from derivata.estimators.families import FAMILIES
from derivata.plain_text import clean, duration, number, percent
from derivata.report import RunRecord, Said, build_report
from derivata.report.axes import Axes, Scale, factor_ticks, tick_labels
from derivata.report.charts import (
    Interval,
    calibration_chart,
    interval_chart,
    level_chart,
    path_chart,
    shares_chart,
)
from derivata.report.clouds import equal_parts, scatter_chart, smooth_chart
from derivata.report.judgement_classes import calibration
from derivata.report.record import column_facts
from derivata.report.share_interval import share_interval
from derivata.report.words import (
    gain_in_words,
    headline,
    metrics_in_words,
    optimism_in_words,
    output_scale,
    p_value_in_words,
    share_in_words,
)
from derivata.tables import Table
from derivata.tables.columns import Column
from derivata.tuning import OuterScore
from tests.unit.test_table_model import family_table

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
                judged, why_not = model.outer_score(table, folds=3), ""
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
    made = {}
    for family in FAMILIES:
        table, options = family_table(family)
        made[family] = record_of(table, "y", **options)
    return made


# The metric that the headline tells.
MAIN = {
    "squared": "r2",
    "huber": "median_absolute_error",
    "quantile": "d1",
    "logistic": "accuracy",
    "softmax": "accuracy",
}


# the page


@pytest.mark.parametrize("family", FAMILIES)
def test_the_page_has_every_section_and_closes_every_element(records, family):
    page = Page(build_report(records[family]))
    assert page.open == []
    about_rows = "Residuals" if family in ("squared", "huber") else "Calibration"
    for title in ("Score", "Effects", about_rows, "Data", "Penalties", "Convergence", "Warnings"):
        assert title in page.words
    assert page.tags.count("svg") >= 5


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
    main = record.metrics[MAIN.get(family, "d2")]
    assert (percent(main) if family != "huber" else number(main, 3)) in headline(record)
    assert metrics_in_words(record)


def test_the_summary_and_the_page_tell_the_same_numbers(records):
    record = records["squared"]
    summary, text = record.to_dict(), Page(build_report(record)).text
    assert number(summary["outer_score"]["score_a_row"]) in text
    assert number(summary["outer_score"]["score_of_best_constant"]) in text
    assert number(summary["tuning"]["criterion"]["value_a_row"], 6) in text
    for name, alpha in summary["tuning"]["penalties"].items():
        assert name in text and number(alpha, 3) in text
    for term in summary["terms"]:
        assert term["label"] in text and share_in_words(term["share"]) in text
    json.dumps(summary, allow_nan=False)


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
    names = np.array([f"row {k}" for k in range(60)], object)
    record = record_of(
        Table((*table.columns, Column("name", names))),
        "y",
        said=[Said("D302", "take <care>")],
        dropped=["id"],
    )
    roles = [(fact.name, fact.role) for fact in record.columns]
    assert roles[2:] == [("y", "target"), ("name", "left out"), ("id", "dropped")]
    text = Page(build_report(record)).text
    assert "D302" in text and "take <care>" in text and "2 columns left out" in text


def test_counts_with_more_spread_than_their_family_are_said_to_have_it():
    rng = np.random.default_rng(0)
    y = rng.negative_binomial(1, 0.2, 400).astype(float)
    table = Table((Column("x", rng.standard_normal(400)), Column("y", y)))
    narrow = record_of(table, "y", family="poisson")
    assert "error bars and intervals are too narrow" in Page(build_report(narrow)).text
    told = record_of(table, "y")
    assert told.model.task.family == "negative-binomial"
    text = Page(build_report(told)).text
    assert "vary clearly more than a Poisson's" in text and "as they should be" in text


def test_the_share_below_a_quantile_is_shown_beside_what_it_should_be(records):
    text = Page(build_report(records["quantile"])).text
    below = percent(records["quantile"].metrics["share_below"])
    assert f"{below} of the rows lie at or below their predicted 80 % quantile of y" in text


def test_outliers_do_not_rule_the_picture_of_residuals():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(200)
    y = x + 0.1 * rng.standard_normal(200)
    y[:4] = 1e6
    record = record_of(Table((Column("x", x), Column("y", y))), "y", family="huber")
    text = Page(build_report(record)).text
    assert "4 outliers drawn at the edge" in text
    share = re.search(r"(\d\.\d) % of the residuals exceed three robust", text)
    assert share is not None and 2.0 <= float(share[1]) < 4.0


def test_pairs_that_were_looked_at_are_told():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 300))
    y = a * b + 0.1 * rng.standard_normal(300)
    table = Table((Column("a", a), Column("b", b), Column("y", y)))
    record = record_of(table, "y", outer=False)
    assert record.interactions == ("a × b",)
    text = Page(build_report(record)).text
    assert "1 pair of columns looked as if they act together; 1 surface proved" in text


# words


def test_optimism_is_called_flattery_only_beyond_its_noise(records):
    record = records["squared"]

    def words(score, error, inner):
        outer = replace(record.outer, score=OuterScore(score, error, inner))
        return optimism_in_words(replace(record, outer=outer))

    assert "within its noise" in words(1.0, 0.1, 0.9)
    assert "flatters by 0.50" in words(1.0, 0.1, 0.5)
    assert "better than the criterion by 0.50" in words(0.5, 0.1, 1.0)


@pytest.mark.parametrize("family", ["squared", "poisson", "tweedie"])
def test_evidence_is_explained_and_not_set_beside_the_score(family, records):
    record, html = records[family], build_report(records[family])
    text = Page(html).text
    assert optimism_in_words(record) == gain_in_words(record) and gain_in_words(record) in text
    assert "how probable the targets are once the coefficients are integrated out" in text
    assert 'class="name">the model' in html and 'class="name">criterion' not in html


def test_a_criterion_that_is_a_loss_stands_beside_the_score(records):
    record = records["softmax"]
    tuning = replace(record.model.model.tuning, criterion_name="5-fold")
    inner = replace(record.model.model, tuning=tuning)
    model = replace(record.model, estimator=copy.copy(record.model.estimator))
    model.estimator.model_, model.estimator.tuning_ = inner, tuning
    score = replace(record.outer.score, inner=0.5)
    record = replace(record, model=model, outer=replace(record.outer, score=score))
    html = build_report(record)
    assert 'class="name">criterion (5-fold)' in html
    assert optimism_in_words(record) in Page(html).text
    assert gain_in_words(record) in Page(html).text


def test_the_gain_over_a_constant_knows_its_noise(records):
    record = records["squared"]

    def words(gain):
        # The constant loses 1 a row, the model 1 - gain; the pairs differ by .1 up and down.
        judged = record.outer.judged
        constant = record.baseline.score
        losses = np.full(judged.size, np.nan)
        from derivata.estimators.metrics import constant_losses

        own = constant_losses(record.model.model.family, record.rows.take(judged))
        losses[judged] = own - gain + 0.1 * (-1.0) ** np.arange(judged.sum())
        score = OuterScore(constant - gain, 0.1, np.nan)
        return gain_in_words(
            replace(record, outer=replace(record.outer, row_losses=losses, score=score))
        )

    assert "worse by 0.50 ± 0.016" in words(0.5)
    assert "better by 0.50 ± 0.016: do not use this model" in words(-0.5)
    assert "that may be chance" in words(0.001)


def test_scales_of_effects_are_named(records):
    named = {family: output_scale(record.model) for family, record in records.items()}
    assert named["squared"].adds_to == "adds to the predicted y" and not named["squared"].multiplies
    assert named["quantile"].adds_to == "adds to the 80 % quantile of y"
    assert named["logistic"].adds_to == "adds to the log-odds of “yes”"
    assert named["logistic"].multiplies == "odds"
    for family in ("poisson", "negative-binomial", "gamma", "tweedie"):
        assert named[family].adds_to == "adds to the log of expected y"
        assert named[family].multiplies == "expected value"


def test_shares_and_p_values_are_spelled_for_people():
    assert [share_in_words(x) for x in (0.482, 0.0031, -0.0131, 1e-5, 1.0, 0.0995)] == [
        "48 %", "0.3 %", "−1.3 %", "< 0.1 %", "100 %", "10 %",
    ]  # fmt: skip
    assert [p_value_in_words(p) for p in (0.0312, 1e-9, float("nan"))] == [
        "0.031", "< 0.0001", "unknown",
    ]  # fmt: skip


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


@pytest.mark.parametrize(
    ("low", "high"), [(-1.2, 0.8), (-0.05, 0.04), (-3, 3), (-8, 8), (-1e-6, 1e-6), (-300, 600)]
)
def test_factors_are_few_round_and_where_their_logarithms_are(low, high):
    ticks = factor_ticks(low, high)
    assert 1 <= len(ticks) <= 8
    for value, label in ticks:
        assert low <= value + 1e-9 and value <= high + 1e-9
        assert np.exp(value) == pytest.approx(float(label.removeprefix("×")), rel=1e-3)


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
        level_chart([Interval("", 0.5, 0.2, 0.8)], [0.5], 0.5, "x", "y", "t"),
    ]
    for chart in drawn:
        assert "nan" not in chart and ElementTree.fromstring(chart) is not None


def test_intervals_of_a_calibrated_forecast_hold_their_share():
    """95 % of Wilson's intervals should hold the truth; over 60 tables, 90 to 99 % do."""
    held = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        p = rng.random(400)
        points, x = calibration(p, rng.random(400) < p, np.ones(400))
        held += [point.low <= at <= point.high for point, at in zip(points, x, strict=True)]
    assert 0.90 < np.mean(held) < 0.99


def test_the_interval_of_a_share_is_inside_0_to_1_and_never_empty():
    for hits in (0, 3, 10):
        hit = np.arange(10) < hits
        found = share_interval(hit, np.full(10, 2.0))
        assert found.value == hits / 10 and 0 <= found.low < found.high <= 1
    alone = share_interval(np.array([True]), np.ones(1))
    assert alone.low < 0.3  # one row tells little


def test_calibration_bins_hold_every_row_and_none_is_nearly_empty():
    rng = np.random.default_rng(0)
    p = np.r_[rng.random(200) * 0.05, 0.5, 0.99 - rng.random(200) * 0.02]
    points, _ = calibration(p, p > 0.5, np.ones(p.size))
    assert len(points) == 2
