"""Pictures of a sensitivity: what they show, and that they are sound SVG."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, LinearRegression, Ridge

from derivata.evaluation.sensitivity import sensitivity
from derivata.report.sensitivity_charts import (
    MOST_BARS,
    column_chart,
    elasticity_chart,
    response_chart,
    sensitivity_pictures,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
Y = X[:, 0] - 0.3 * X[:, 1] + RNG.standard_normal(60)


@pytest.fixture(scope="module")
def made():
    return sensitivity(ElasticNet(alpha=0.3, l1_ratio=0.5, tol=1e-12).fit(X, Y), X, Y)


def drawn(svg):
    """The parsed picture and its words."""
    root = ElementTree.fromstring(str(svg))
    return root, [node.text for node in root.iter() if node.text]


def test_every_hyperparameter_has_its_elasticity(made):
    _, words = drawn(elasticity_chart(made))
    assert {"alpha", "l1_ratio"} <= set(words)
    assert any("for one per cent of the value" in word for word in words)


def test_a_response_shows_four_refits_and_two_lines(made):
    root, words = drawn(response_chart(made, made.hyper[0]))
    classes = [node.get("class") or "" for node in root.iter()]
    assert classes.count("line a") == classes.count("reference") == 1
    marks = [node.get("d") for node in root.iter() if "dot" in (node.get("class") or "")]
    assert sum(mark.count("M") for mark in marks) == 4
    assert {"as fitted", "+10 %", "\N{MINUS SIGN}10 %"} <= set(words)


def test_a_refit_beyond_a_kink_has_a_colour_of_its_own(made):
    hyper = made.hyper[0]
    moved = (*hyper.moved[:3], replace(hyper.moved[3], left=("x1",)))
    beyond = replace(hyper, moved=moved)
    root, _ = drawn(response_chart(made, beyond))
    marks = {node.get("class"): node.get("d") for node in root.iter() if node.get("d")}
    assert marks["dot large b"].count("M") == 3
    assert marks["dot large c"].count("M") == 1
    assert "beyond a leap" in sensitivity_pictures(replace(made, hyper=(beyond,)))
    assert "beyond a leap" not in sensitivity_pictures(made)


def test_a_refit_that_could_not_be_judged_is_left_out(made):
    hyper = made.hyper[0]
    gone = tuple(replace(moved, refitted=float("nan")) for moved in hyper.moved)
    assert response_chart(made, replace(hyper, moved=gone)) == ""
    assert "figure" in sensitivity_pictures(replace(made, hyper=(replace(hyper, moved=gone),)))


def test_columns_are_drawn_strongest_first(made):
    _, words = drawn(column_chart(made))
    names = [word for word in words if word in ("x0", "x1", "x2")]
    assert names[0] == "x0"


def test_nothing_is_drawn_of_nothing():
    model = LinearRegression().fit(X, Y)
    made = sensitivity(model, X, Y, measurement_error={})
    assert sensitivity_pictures(made) == ""


def test_names_are_escaped_and_long_lists_are_cut(made):
    hyper = replace(made.hyper[0], name='<script>"&')
    many = replace(made, hyper=tuple(replace(hyper, slope=float(k)) for k in range(99)))
    page = sensitivity_pictures(many)
    assert "<script>" not in page
    root, _ = drawn(elasticity_chart(many))
    bars = [node for node in root.iter() if "dot" in (node.get("class") or "")]
    assert len(bars) == MOST_BARS


def test_evidence_has_no_error_bars():
    from derivata.criteria import Evidence

    made = sensitivity(Ridge(alpha=2.0).fit(X, Y), X, Y, criterion=Evidence())
    root, _ = drawn(elasticity_chart(made))
    assert not [node for node in root.iter() if "whisker" in (node.get("class") or "")]
    _, words = drawn(response_chart(made, made.hyper[0]))
    assert any("nats" in word for word in words)
