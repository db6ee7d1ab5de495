"""Comparing models: what compares with what, paired errors, and where judges disagree."""

import numpy as np
import pytest
from numpy.polynomial import legendre
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)

from derivata import LinearRegressor
from derivata.adapters import adapt
from derivata.criteria import Evidence
from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.evaluation.compare import compare
from derivata.evaluation.evidence import evidence
from derivata.evaluation.leave_one_out import leave_one_out


def polynomial(n=80, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    columns = np.column_stack([legendre.legval(x, unit) for unit in np.eye(7)[1:]])
    y = columns[:, :3] @ [0.5, -1.0, 1.5] + 0.3 * rng.standard_normal(n)
    return columns, y


def test_the_degree_of_a_polynomial_is_found_with_its_probability():
    columns, y = polynomial()
    models = {}
    for degree in range(1, 7):
        X = columns[:, :degree]
        models[f"degree {degree}"] = (LinearRegressor(criterion=Evidence()).fit(X, y), X)
    found = compare(models, None, y)
    assert found.best_by_evidence == "degree 3"
    chances = np.array([each.probability for each in found.models])
    assert chances.sum() == pytest.approx(1.0) and chances[2] > 0.5
    logs = np.array([each.evidence.log_evidence for each in found.models])
    np.testing.assert_allclose(np.log(chances[2] / chances[3]), logs[2] - logs[3])
    best = found[found.best_by_leave_one_out]
    assert best.difference == 0.0 and best.difference_error == 0.0
    text = str(found)
    assert "best by evidence: degree 3" in text and "probability" in text and "exact" in text


def test_differences_are_paired_over_rows():
    columns, y = polynomial()
    one, other = Ridge(alpha=1.0).fit(columns, y), Ridge(alpha=3.0).fit(columns, y)
    found = compare([one, other], columns, y, penalties=False)
    left = [leave_one_out(model, columns, y) for model in (one, other)]
    apart = left[1].per_row - left[0].per_row
    line = found.models[1]
    assert line.score == pytest.approx(left[1].score)
    assert line.difference == pytest.approx(apart.mean(), abs=1e-12)
    assert line.difference_error == pytest.approx(apart.std(ddof=1) / np.sqrt(80))
    assert line.difference_error < 0.8 * line.standard_error  # rows go together: that is the point
    assert found.models[0].evidence.log_evidence == evidence(one, columns, y).log_evidence


def test_models_without_the_same_free_coefficients_have_no_probabilities():
    columns, y = polynomial()
    models = {d: (LinearRegression().fit(columns[:, :d], y), columns[:, :d]) for d in (2, 3)}
    found = compare(models, None, y)
    assert found.best_by_evidence is None and np.isnan(found["2"].probability)
    assert any("improper priors differ" in note for note in found.notes)
    assert found.best_by_leave_one_out == "3"


def test_families_compare_by_the_density_of_rows_left_out():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((150, 2))
    counts = rng.poisson(np.exp(0.2 + X @ [0.8, 0.3]))
    found = compare(
        [PoissonRegressor(alpha=0.01).fit(X, counts), Ridge().fit(X, counts)], X, counts
    )
    assert found.metric == "minus log density" and found.best_by_evidence is None
    assert found.best_by_leave_one_out.startswith("PoissonRegressor")
    assert found.models[1].difference > 2 * found.models[1].difference_error
    common = compare(
        [PoissonRegressor(alpha=0.01).fit(X, counts), Ridge().fit(X, counts)],
        X,
        counts,
        metric="squared",
        penalties=False,
    )
    assert common.metric == "squared"


def test_equal_names_are_told_apart():
    columns, y = polynomial()
    found = compare([Ridge().fit(columns, y), Ridge().fit(columns, y)], columns, y, penalties=False)
    names = [each.name for each in found.models]
    assert names[1] == names[0] + " #2" and found.models[1].difference == 0.0


def test_disagreement_of_evidence_and_rows_left_out_is_told():
    # A strong true effect under a prior that says it is tiny: the evidence knows only the prior.
    columns, y = polynomial(40, 3)
    narrow = (Ridge(alpha=1e-4).fit(columns, y), columns)
    tiny = (Ridge(alpha=1.0).fit(columns[:, :3], y), columns[:, :3])
    flexible = (Ridge(alpha=1e-8).fit(columns[:, :3], y), columns[:, :3])
    found = compare({"all": narrow, "three": tiny, "loose": flexible}, None, y)
    assert found.best_by_evidence == "three"
    if found.best_by_leave_one_out != "three":
        assert any("evidence and rows left out disagree" in told for told in found.warnings)
    assert any("leave-one-out by" in told for told in found.warnings)  # half a decade apart


def test_separable_rows_make_the_two_ask_for_other_penalties():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 6))
    labels = (X[:, 0] + 0.05 * rng.standard_normal(40) > 0).astype(int)
    models = [
        LogisticRegression(C=C, max_iter=1_000, tol=1e-8).fit(X, labels) for C in (1.0, 100.0)
    ]
    found = compare(models, X, labels)
    check = found.models[0].penalties
    apart = abs(np.log10(check.by_evidence / check.by_leave_one_out))
    assert check.disagree == (apart > 0.5)
    assert any("leave-one-out by" in told for told in found.warnings) == any(
        each.penalties.disagree for each in found.models
    )


def test_what_does_not_compare_is_refused():
    columns, y = polynomial()
    model = Ridge().fit(columns, y)
    for models, told in (
        ([model], "expected two or more fitted models"),
        (model, "expected two or more fitted models"),
        ("ab", "expected two or more fitted models"),
    ):
        with pytest.raises(InvalidParameter, match=told):
            compare(models, columns, y)
    with pytest.raises(InvalidParameter, match="comes without an X"):
        compare({"a": model, "b": (model, columns)}, None, y)
    fewer = adapt(Ridge().fit(columns[:50], y[:50]), columns[:50], y[:50])
    with pytest.raises(ShapeMismatch, match="models compare on the same rows only"):
        compare([fewer, model], columns, y)
    found = compare([model, Ridge(2.0).fit(columns, y)], columns, y, penalties=False)
    with pytest.raises(InvalidParameter, match="there is no model 'x'"):
        found["x"]
