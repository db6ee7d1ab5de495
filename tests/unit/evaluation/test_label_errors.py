"""Doubtful labels of fitted classifiers, by row and by name."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from derivata import LogisticClassifier
from derivata.evaluation.label_errors import label_errors


def wine():
    X, y = load_wine(return_X_y=True)
    names = np.array(["barolo", "grignolino", "barbera"])
    planted = [3, 70, 150]
    y[planted] = (y[planted] + 1) % 3
    return X, names[y], planted


@pytest.mark.parametrize("make", [LogisticRegression, LogisticClassifier])
def test_planted_labels_are_at_the_top_with_the_right_one_suggested(make):
    X, y, planted = wine()
    model = make_pipeline(StandardScaler(), make()).fit(X, y)
    found = label_errors(model, X, y)
    assert set(planted) <= set(found.rows[:4].tolist())
    truth = load_wine(return_X_y=True)[1]
    names = np.array(["barolo", "grignolino", "barbera"])
    assert (found.suggested[planted] == names[truth[planted]]).all()
    assert (found.labels == y).all()
    assert set(found.likely.tolist()) == {3, 150}  # the third is doubted, no more
    lines = found.table(3).splitlines()
    assert len(lines) == 4 and "grignolino" in str(found)
    assert "more likely wrong than right" in str(found)


def test_rows_are_the_users_numbers_where_some_have_no_weight():
    X, y = load_iris(return_X_y=True)
    y[140] = 0
    weight = np.ones(150)
    weight[:50:2] = 0.0
    model = LogisticRegression(max_iter=1000).fit(X, y, sample_weight=weight)
    found = label_errors(model, pd.DataFrame(X).to_numpy(), y, sample_weight=weight)
    assert found.rows[0] == 140
    assert sorted(found.rows) == np.flatnonzero(weight).tolist()
    assert len(found.score) == 125 == len(found.kept)
    assert found.likely[0] == 140


def test_the_order_is_that_of_the_score_and_the_same_every_time():
    X, y, _ = wine()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    one, two = (label_errors(model, X, y) for _ in range(2))
    np.testing.assert_array_equal(one.score, two.score)
    assert (np.diff(one.score[one.rows]) <= 0.0).all()
    np.testing.assert_allclose(one.probability, 1.0 / (1.0 + np.exp(-one.score)))
