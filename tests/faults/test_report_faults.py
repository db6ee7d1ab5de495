"""Reports of hostile and huge tables; numbered as in the list of faults."""

import warnings
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from markupsafe import escape

from derivata import TableModel
from derivata.report import RunRecord, Said, build_report
from derivata.report.effect_charts import (
    OutputScale,
    curve_chart,
    levels_chart,
    surface_chart,
)
from derivata.report.pictured import CurveEffect, LevelsEffect, Series, SurfaceEffect
from derivata.report.record import column_facts
from derivata.tables import Table
from derivata.tables.columns import Column
from derivata.terms import Category, Product, Spline

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "</style><svg onload=alert(1)>",
    "</title></head><body onload=alert(1)>",
    "'-alert(1)-'",
    "${figures}$body$$",
    "{0}{style}%s",
    "&lt;script&gt;",
]


def report_of(table, target, file_name="t.csv", said=(), *, outer=True, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = TableModel.fit(table, target, **options)
        judged = model.outer_score(table, folds=3) if outer else None
    record = RunRecord(
        model=model,
        rows=model.training_rows(table),
        columns=column_facts(table, model, ()),
        file_name=file_name,
        file_sha256="0" * 64,
        n_rows_read=table.n_rows,
        outer=judged,
        outer_missing="",
        warnings=tuple(said),
        seconds={"read": 0.0, "fit": 0.0, "outer_folds": 0.0},
    )
    return build_report(record)


# 91: markup in names, labels, texts, titles and paths


def shape(html):
    """How often each element and each attribute stands in a page."""
    found = Counter()

    class Counting(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.update([tag, *(name for name, _ in attributes)])

    parser = Counting()
    parser.feed(html)
    parser.close()
    return found


def named_table(text):
    rng = np.random.default_rng(0)
    labels = np.array([text, "other"], object)
    return Table(
        (
            Column(text, rng.standard_normal(60)),
            Column("words", labels[rng.integers(0, 2, 60)]),
            Column(f"target {text}", labels[rng.integers(0, 2, 60)]),
        )
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_markup_in_pictures_of_effects_is_shown_and_not_run(attack):
    line = (Series(attack, np.arange(3.0), np.arange(3.0) - 1, np.arange(3.0) + 1),)
    x, scale = np.arange(3.0), OutputScale(attack, attack)
    for chart in (
        curve_chart(CurveEffect(attack, attack, x, line, x, ((1.0, attack),)), scale),
        levels_chart(LevelsEffect(attack, (attack, "b", "c"), line, 3), scale),
        surface_chart(SurfaceEffect(attack, (attack, "b"), x, x, np.eye(3)), scale),
    ):
        allowed = {"svg", "title", "text", "line", "path", "polyline", "polygon", "rect"}
        assert {node.tag for node in ElementTree.fromstring(chart).iter()} <= allowed
        assert str(escape(attack)) in chart


@pytest.mark.parametrize("attack", ATTACKS)
def test_markup_in_names_labels_and_paths_is_shown_and_not_run(attack):
    """The page has the same elements and attributes as one with a harmless name in its place."""
    pages = [
        report_of(named_table(text), f"target {text}", text, [Said("D302", text)])
        for text in (attack, "harmless")
    ]
    assert shape(pages[0]) == shape(pages[1])
    assert str(escape(attack)) in pages[0]


def test_control_and_direction_marks_are_made_visible():
    rng = np.random.default_rng(0)
    name = "a\x00b\x1b[31m\u202ecsv.exe"
    table = Table((Column(name, rng.standard_normal(40)), Column("y", rng.standard_normal(40))))
    html = report_of(table, "y", name)
    assert not set("\x00\x1b\u202e") & set(html) and "a\ufffdb\ufffd[31m\ufffdcsv.exe" in html


def test_names_of_any_script_and_length_are_kept_within_the_page():
    rng = np.random.default_rng(0)
    names = ["température", "温度", "🌡️", "حرارة", "x" * 20_000, "long " * 50]
    columns = [Column(name, rng.standard_normal(60)) for name in names]
    html = report_of(Table((*columns, Column("y", rng.standard_normal(60)))), "y", "文件.csv")
    assert all(name in html for name in names[:4]) and len(html) < 100_000


# 93: bounded size


def test_a_report_of_1500_columns_stays_under_a_megabyte():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 1500))
    columns = [Column(f"feature_{j}", values) for j, values in enumerate(X.T)]
    target = Column("y", X[:, :5].sum(axis=1))
    html = report_of(Table((*columns, target)), "y")
    assert len(html.encode()) < 300_000
    assert "1,441 more columns" in html
    assert "1,200 weaker terms are listed in summary.json" in html


def test_a_report_with_every_picture_it_can_have_stays_under_a_megabyte():
    """Curves of six classes, surfaces a class, and as many levels as are drawn."""
    rng = np.random.default_rng(0)
    size = rng.standard_normal(180)
    numbers = {f"number {j}": size + 0.5 * rng.standard_normal(180) for j in range(3)}
    words = np.array([f"a level with a long name {k}" for k in range(30)], object)
    kind = np.array([f"class {k}" for k in range(6)], object)[
        np.clip(np.round(2 * size + 2.5).astype(int), 0, 5)
    ]
    columns = [Column(name, values) for name, values in numbers.items()]
    columns += [Column("words", words[rng.integers(0, 30, 180)]), Column("kind", kind)]
    terms = [*(Spline(name, n_basis=5) for name in numbers), Category("words")]
    terms += [Product(f"number {j}", f"number {(j + 1) % 3}") for j in range(3)]
    html = report_of(Table(tuple(columns)), "kind", outer=False, terms=terms)
    assert html.count("<svg") > 20 and len(html.encode()) < 400_000


def test_a_report_of_24_classes_and_many_rows_shows_the_commonest_20():
    rng = np.random.default_rng(0)
    kind = np.concatenate([np.arange(240) % 24, rng.integers(0, 20, 100)])
    words = np.array([f"class {k}" for k in range(24)], object)
    table = Table((Column("x", kind + rng.standard_normal(340)), Column("kind", words[kind])))
    html = report_of(table, "kind")
    assert len(html.encode()) < 200_000 and "4 rarer classes not shown" in html


def test_a_report_of_many_long_warnings_stays_bounded():
    rng = np.random.default_rng(0)
    table = Table((Column("x", rng.standard_normal(40)), Column("y", rng.standard_normal(40))))
    html = report_of(table, "y", said=[Said("D302", f"{k} " + "w" * 10_000) for k in range(500)])
    assert len(html.encode()) < 200_000 and "450 more are in summary.json" in html
