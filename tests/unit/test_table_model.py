"""A table's model: what it learns, predicts, remembers and is worth on rows it did not see."""

import warnings

import numpy as np
import pandas as pd
import pytest

from derivata import TableModel, load
from derivata.datasets import load_dataset, simulate
from derivata.errors import (
    ConstantColumnWarning,
    InvalidParameter,
    InvalidTarget,
    InvalidWeight,
    LeverageWarning,
    ModelFileError,
    NotAvailable,
    TableError,
    TableWarning,
)
from derivata.estimators.metrics import deviance_rows, outer_metrics
from derivata.estimators.outer_folds import deal_outer_folds
from derivata.estimators.table_task import TableTask
from derivata.files.model_state import ModelState
from derivata.tables import Table
from derivata.tables.columns import Column


def mixed_table(n_rows=120, seed=0):
    """Numbers with gaps, words, and a target of both."""
    rng = np.random.default_rng(seed)
    size, town = rng.standard_normal(n_rows), rng.integers(0, 3, n_rows)
    gaps = rng.random(n_rows) < 0.2
    y = 2.0 * np.where(gaps, 0.0, size) + np.array([-1.0, 0.0, 1.0])[town] + 0.5 * gaps
    columns = (
        Column("size", np.where(gaps, np.nan, size)),
        Column("town", np.array(["Bath", "York", "Rye"], object)[town]),
        Column("price", y + 0.1 * rng.standard_normal(n_rows)),
    )
    return Table(columns)


def with_column(table, name, values):
    values = np.asarray(values)
    values = values if values.dtype == object else values.astype(float)
    kept = tuple(c for c in table.columns if c.name != name)
    return Table((*kept, Column(name, values)))


# fitting


def test_a_simulated_truth_is_found_within_three_standard_errors():
    data = simulate("squared", 800, 6, noise=0.5)
    model = TableModel.fit(data.table, "y")
    summary = model.summary()
    ratio = (summary.coef[:6] - data.coef) / summary.standard_error[:6]
    assert np.abs(ratio).max() < 3.0
    assert summary.names[:2] == ["x0", "x1"] and summary.names[-1] == "(intercept)"


def test_each_kind_of_column_has_a_penalty_of_its_own():
    model = TableModel.fit(mixed_table(), "price")
    assert set(model.estimator.alphas_per_group_) == {"numeric", "category", "missing"}
    assert model.encoder.feature_names[:2] == ("size", "size=(missing)")


@pytest.mark.parametrize(("family", "n_classes"), [("squared", 0), ("logistic", 2), ("poisson", 0)])
def test_the_family_is_told_from_the_target(family, n_classes):
    model = TableModel.fit(simulate(family, 200).table, "y")
    assert model.task.family == family and len(model.classes) == n_classes
    assert "'y'" in model.task.reason


def test_a_given_family_overrules_the_target():
    table = load_dataset("digits").table.take(np.arange(300))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantColumnWarning)
        model = TableModel.fit(table, "digit", family="squared")
    assert model.task.family == "squared" and model.task.reason == "given by the user."


def test_softmax_of_two_classes_is_logistic():
    model = TableModel.fit(simulate("logistic", 100).table, "y", family="softmax")
    assert model.task.family == "logistic"


def test_a_data_frame_is_as_good_as_a_table():
    table = mixed_table()
    frame = pd.DataFrame({column.name: column.values for column in table.columns})
    ours = TableModel.fit(table, "price").predict(table)["prediction"]
    assert np.array_equal(TableModel.fit(frame, "price").predict(frame)["prediction"], ours)


def test_a_row_of_weight_zero_is_a_row_removed():
    table = mixed_table()
    keep = np.arange(table.n_rows) % 3 > 0
    weighted = with_column(table, "w", keep.astype(float))
    model = TableModel.fit(weighted, "price", weights="w")
    without = TableModel.fit(table.take(keep), "price")
    assert model.n_rows == keep.sum()
    assert np.array_equal(model.estimator.coef_, without.estimator.coef_)


def test_an_exposure_makes_counts_of_any_whole_numbers_and_scales_predictions():
    data = simulate("poisson", 300, 3)
    table = with_column(data.table, "days", np.full(300, 2.0))
    model = TableModel.fit(table, "y", exposure="days")
    assert model.task.family == "poisson" and "'days'" in model.task.reason
    once = model.predict(table)["prediction"]
    twice = model.predict(with_column(table, "days", np.full(300, 4.0)))["prediction"]
    assert twice == pytest.approx(2.0 * once, rel=1e-12)
    with pytest.warns(TableWarning, match="no column 'days'.*per unit of exposure"):
        unit = model.predict(table.without(["days"]))["prediction"]
    assert unit == pytest.approx(once / 2.0, rel=1e-12)


def test_warnings_of_the_fit_name_columns_of_the_table():
    """Not the columns x0, x1, ... of the matrix it becomes."""
    table = simulate("squared", 100, 2).table
    spike = np.zeros(100)
    spike[:3] = [1e6, 0.1, 0.2]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        TableModel.fit(with_column(table, "income", spike), "y")
    assert any("'income'" in str(w.message) for w in said)
    assert not any("'x2'" in str(w.message) for w in said)
    assert {w.filename for w in said} == {__file__}


# classes


def test_whole_numbers_as_classes_keep_their_order_and_spelling():
    rng = np.random.default_rng(0)
    labels = np.repeat([2.0, 9.0, 10.0], 30)
    table = Table((Column("x", labels + rng.standard_normal(90)), Column("kind", labels)))
    model = TableModel.fit(table, "kind", family="softmax")
    assert model.classes == ("2", "9", "10")
    predicted = model.predict(table)
    assert list(predicted) == ["prediction", "probability:2", "probability:9", "probability:10"]
    assert np.mean(predicted["prediction"] == np.array(["2", "9", "10"], object).repeat(30)) > 0.7
    total = sum(predicted[f"probability:{word}"] for word in model.classes)
    assert total == pytest.approx(1.0, abs=1e-12)


def test_fractions_as_classes_are_words():
    rng = np.random.default_rng(1)
    labels = np.repeat([0.5, 1.0], 40)
    table = Table((Column("x", labels + rng.standard_normal(80)), Column("kind", labels)))
    model = TableModel.fit(table, "kind")
    assert model.classes == ("0.5", "1")
    assert model.outer_score(table).judged.all()


# predicting


def test_predictions_do_not_depend_on_the_order_of_columns_or_on_others():
    table = mixed_table()
    model = TableModel.fit(table, "price")
    turned = with_column(Table(table.columns[::-1]), "other", np.zeros(table.n_rows))
    assert np.array_equal(model.predict(turned)["prediction"], model.predict(table)["prediction"])


def test_the_predictions_are_those_of_the_estimator_on_the_encoded_table():
    table = mixed_table()
    model = TableModel.fit(table, "price")
    X = model.encoder.transform(table)
    assert np.array_equal(model.predict(table)["prediction"], model.estimator.predict(X))


# the outer score


def test_the_outer_score_is_that_of_a_loop_over_folds():
    table = mixed_table()
    model = TableModel.fit(table, "price")
    outer = model.outer_score(table, folds=4)
    losses, inner = np.empty(table.n_rows), []
    for number in range(4):
        held = outer.fold == number
        other = TableModel.fit(table.take(~held), "price", family="squared")
        error = table["price"].values[held] - other.predict(table.take(held))["prediction"]
        losses[held] = 0.5 * error**2
        inner.append(other.estimator.tuning_.criterion)
    score = outer.score
    assert score.score == pytest.approx(losses.mean(), rel=1e-12)
    assert score.standard_error == pytest.approx(losses.std() / losses.size**0.5, rel=1e-12)
    assert score.inner == pytest.approx(np.mean(inner), rel=1e-12)
    assert score.optimism == score.score - score.inner


def test_noise_is_not_predicted_on_unseen_rows():
    rng = np.random.default_rng(3)
    columns = [Column(f"c{j}", rng.standard_normal(80)) for j in range(20)]
    table = Table((*columns, Column("y", rng.standard_normal(80))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its penalty goes to the end of the range
        model = TableModel.fit(table, "y")
        outer = model.outer_score(table)
    assert outer_metrics(model.task, model.training_rows(table), outer)["r2"] < 0.05


def test_metrics_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    data = simulate("logistic", 150)
    model = TableModel.fit(data.table, "y")
    rows, outer = model.training_rows(data.table), model.outer_score(data.table)
    ours = outer_metrics(model.task, rows, outer)
    assert ours["log_loss"] == pytest.approx(metrics.log_loss(rows.y, outer.predictions))
    winner = np.array(["no", "yes"])[outer.predictions.argmax(axis=1)]
    assert ours["accuracy"] == pytest.approx(metrics.accuracy_score(rows.y, winner))
    mean, y = np.array([0.5, 2.0, 3.0]), np.array([0.0, 1.0, 5.0])
    assert deviance_rows(y, mean).mean() == pytest.approx(
        metrics.mean_poisson_deviance(y, mean), rel=1e-12
    )
    counts = simulate("poisson", 150)
    model = TableModel.fit(counts.table, "y")
    rows, outer = model.training_rows(counts.table), model.outer_score(counts.table)
    ours = outer_metrics(model.task, rows, outer)["d2"]
    assert ours == pytest.approx(metrics.d2_tweedie_score(rows.y, outer.predictions, power=1))


def test_the_row_of_a_class_that_has_only_one_is_trained_on_and_never_judged():
    rng = np.random.default_rng(2)
    words = np.array(["a"] * 30 + ["b"] * 29 + ["rare"], object)
    table = Table((Column("x", rng.standard_normal(60)), Column("kind", words)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeverageWarning)
        model = TableModel.fit(table, "kind")
        outer = model.outer_score(table)
    assert np.flatnonzero(~outer.judged).tolist() == [59]
    assert np.isfinite(outer.score.score)


def test_no_fold_holds_every_row_of_a_class():
    for seed in range(20):
        codes = np.repeat(np.arange(5.0), [2, 2, 3, 2, 2])
        fold = deal_outer_folds(codes, 5, seed, classifies=True)
        assert (fold >= 0).all() and set(fold) == set(range(fold.max() + 1))
        for code in range(5):
            assert len(set(fold[codes == code])) > 1


def test_a_number_that_occurs_once_is_judged_like_any_other():
    target = np.concatenate([np.zeros(40), np.ones(40), [7.0, 99.0]])
    fold = deal_outer_folds(target, 5, 0, classifies=False)
    assert (fold >= 0).all() and np.bincount(fold).max() - np.bincount(fold).min() <= 1


def test_two_rows_cannot_be_judged_by_folds():
    table = Table((Column("x", np.array([0.0, 1.0])), Column("y", np.array([0.5, 2.5]))))
    with pytest.raises(NotAvailable, match="2 rows are too few"):
        deal_outer_folds(table["y"].values, 5, 0, classifies=False)


# saving


@pytest.mark.parametrize("family", ["squared", "logistic", "poisson", "softmax"])
def test_a_loaded_model_predicts_to_the_bit_what_the_saved_one_did(family, tmp_path):
    if family == "softmax":
        data = load_dataset("iris")
        table, target = data.table, data.target
    else:
        table, target = simulate(family, 150, 4).table, "y"
    model = TableModel.fit(table, target, missing_words=["unknown"])
    path = tmp_path / "model.derivata"
    model.save(path)
    again = load(path)
    ours, theirs = model.predict(table), again.predict(table)
    assert list(ours) == list(theirs)
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert again.task == model.task and again.missing_words == ("unknown",)
    assert np.array_equal(again.feature_scale, model.feature_scale)
    assert again.summary().names == model.summary().names
    again.save(tmp_path / "again.derivata")
    assert (tmp_path / "again.derivata").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state, arrays: state["encoder"]["terms"].pop(),
        lambda state, arrays: state["task"].update(family="poisson"),
        lambda state, arrays: state["task"].update(colour="red"),
        lambda state, arrays: arrays.update(feature_scale=np.ones(99)),
        lambda state, arrays: state.pop("n_rows"),
        lambda state, arrays: arrays.pop("estimator.output_coef"),
    ],
)
def test_a_model_whose_parts_do_not_fit_is_refused(spoil, tmp_path):
    from derivata.persistence import write_state

    saved = TableModel.fit(mixed_table(), "price").to_state()
    state, arrays = dict(saved.state), dict(saved.arrays)
    spoil(state, arrays)
    write_state(tmp_path / "m", ModelState("TableModel", state, arrays))
    with pytest.raises(ModelFileError, match="Load it with the derivata that saved it|Save the"):
        load(tmp_path / "m")


# what is refused


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"target": "prise"}, TableError, "no column 'prise'. Did you mean 'price'"),
        ({"family": "gamma"}, InvalidParameter, "`family` is 'gamma'; expected 'auto' or one of"),
        ({"drop": "town"}, InvalidParameter, r"write \['town'\]"),
        ({"weights": "price"}, InvalidParameter, "named as `target` and as `weights`"),
        ({"drop": ["price"]}, InvalidParameter, "named as `target` and as `drop`"),
        ({"weights": "town"}, TableError, "`weights` 'town' is '.*'; expected a number"),
        (
            {"weights": "size"},
            InvalidWeight,
            "row .*`weights` 'size' is .*; expected a number >= 0",
        ),
        ({"exposure": "size"}, InvalidWeight, "`exposure` 'size' is .*; expected a number > 0"),
        (
            {"target": "town", "family": "squared"},
            InvalidTarget,
            "is the word '.*' but|needs numbers",
        ),
        ({"family": "poisson"}, InvalidTarget, "row .*target 'price' is -.*, but counts are >= 0"),
        ({"family": "logistic"}, InvalidTarget, "has 120 different values, but .* needs two"),
        ({"family": "softmax"}, InvalidTarget, "too many for classes. Use `family='squared'`"),
    ],
)
def test_what_cannot_be_fitted_is_named_with_its_cure(arguments, error, says):
    with pytest.raises(error, match=says):
        TableModel.fit(mixed_table(), **{"target": "price", **arguments})


def test_an_exposure_is_refused_by_a_family_without_one():
    table = with_column(mixed_table(), "days", np.ones(120))
    with pytest.raises(InvalidParameter, match="only counts .poisson. have exposures"):
        TableModel.fit(table, "price", family="squared", exposure="days")


@pytest.mark.parametrize("family", ["squared", "logistic", "softmax", "poisson"])
def test_a_target_of_one_value_is_refused_whatever_the_family(family):
    table = with_column(mixed_table(), "y", np.ones(120))
    with pytest.raises(InvalidTarget, match="'y' is '?1'? in every row: there is nothing to learn"):
        TableModel.fit(table, "y", family=family)


def test_rows_without_a_target_are_left_out_when_asked():
    values = mixed_table()["price"].values.copy()
    values[5] = np.nan
    table = with_column(mixed_table(), "price", values)
    with pytest.raises(TableError, match="row 5 .*--drop-missing-target"):
        TableModel.fit(table, "price")
    model = TableModel.fit(table, "price", drop_missing_target=True)
    assert model.n_rows == 119
    assert model.outer_score(table).fold.shape == (119,)


def test_the_task_keeps_which_column_plays_which_role():
    task = TableTask.choose(mixed_table(), "price", drop=["town"])
    assert (task.target, task.family, task.drop) == ("price", "squared", ("town",))
    assert task.rows(mixed_table()).features.names == ("size",)
