"""scikit-learn's own models beside ours: prepared as its users do, judged on the same folds."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from derivata import TableModel
from derivata.errors import BoundWarning, NotAvailable, UnseenCategoryWarning
from derivata.estimators.metrics import outer_metrics
from derivata.estimators.peers import ALPHAS, judge_peer
from derivata.tables import Table
from derivata.tables.columns import Column
from tests.unit.test_table_model import family_table, mixed_table, with_column


def judged(table, target, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", (BoundWarning, UnseenCategoryWarning))
        model = TableModel.fit(table, target, **options)
        rows, outer = model.training_rows(table), model.outer_score(table, folds=3)
    return model, rows, outer, judge_peer(model, rows, outer.fold)


def test_the_peer_is_the_pipeline_that_its_users_write():
    table = mixed_table()
    _, rows, outer, peer = judged(table, "price")
    frame = pd.DataFrame({column.name: column.values for column in table.columns})
    pipeline = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["size"]),
            (OneHotEncoder(handle_unknown="ignore"), ["town"]),
        ),
        RidgeCV(ALPHAS),
    )
    for number in range(3):
        held = outer.fold == number
        pipeline.fit(frame[~held], frame["price"][~held])
        ours = peer.outer.predictions[held]
        assert ours == pytest.approx(pipeline.predict(frame[held]), rel=1e-9)
    losses = 0.5 * (rows.y - peer.outer.predictions) ** 2
    assert peer.outer.row_losses == pytest.approx(losses, rel=1e-12)
    assert peer.name == "RidgeCV" and peer.alpha in ALPHAS and peer.tuned_in_folds


@pytest.mark.parametrize("family", ["logistic", "softmax"])
def test_classes_are_judged_by_their_log_loss(family):
    table, options = family_table(family)
    _, rows, outer, peer = judged(table, "y", **options)
    codes = np.unique(rows.y, return_inverse=True)[1]
    own = peer.outer.predictions[np.arange(rows.n_rows), codes]
    assert peer.outer.row_losses == pytest.approx(-np.log(own), rel=1e-12)
    assert peer.name == "LogisticRegressionCV" and set(peer.metrics) >= {"accuracy", "log_loss"}
    assert np.array_equal(peer.outer.fold, outer.fold)


@pytest.mark.parametrize("family", ["poisson", "negative-binomial", "gamma", "tweedie"])
def test_counts_and_amounts_are_judged_by_the_loss_of_our_family(family):
    table, options = family_table(family)
    del options["exposure"]
    model, rows, _, peer = judged(table, "y", **options)
    assert peer.name == ("GammaRegressor" if family == "gamma" else "PoissonRegressor")
    assert peer.metrics == outer_metrics(model.model.family, rows, peer.outer)
    assert (peer.outer.row_losses > -1e-9).all() and not peer.outer.criterion_is_comparable


def test_words_that_a_fold_has_not_seen_are_no_fault():
    table = mixed_table()
    rare = table["town"].values.copy()
    rare[7] = "Hamlet"
    peer = judged(with_column(table, "town", rare), "price")[3]
    assert np.isfinite(peer.outer.predictions).all()


def test_dates_are_left_out():
    table = mixed_table()
    days = np.array([f"2024-01-{k % 28 + 1:02}" for k in range(table.n_rows)], object)
    peer = judged(Table((*table.columns, Column("day", days, is_date=True))), "price")[3]
    assert np.allclose(peer.outer.predictions, judged(table, "price")[3].outer.predictions)


@pytest.mark.parametrize("family", ["quantile", "huber", "poisson"])
def test_where_there_is_no_peer_it_is_said(family):
    table, options = family_table(family)
    with pytest.raises(NotAvailable, match=f"no tuned model of the family {family}"):
        judged(table, "y", **options)
