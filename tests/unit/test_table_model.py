"""A table's model: what it learns, predicts, remembers and is worth on rows it did not see."""

import warnings

import numpy as np
import pandas as pd
import pytest

from derivata import TableModel, load
from derivata.datasets import load_dataset, simulate
from derivata.errors import (
    BoundWarning,
    ConstantColumnWarning,
    InvalidParameter,
    InvalidTarget,
    InvalidWeight,
    ModelFileError,
    NotAvailable,
    TableError,
    TableWarning,
    UnseenCategoryWarning,
)
from derivata.estimators.families import FAMILIES
from derivata.estimators.metrics import common_prediction, constant_losses, outer_metrics
from derivata.estimators.outer_folds import deal_outer_folds, judge_by_folds
from derivata.estimators.table_task import TableTask
from derivata.files.model_state import ModelState
from derivata.losses import PoissonLoss
from derivata.tables import Table
from derivata.tables.columns import Column
from derivata.terms import Linear, Spline


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


def family_table(family, n_rows=150, seed=0):
    """A table whose target is one of the family's, with the keywords to fit it."""
    rng = np.random.default_rng(seed)
    x, town = rng.standard_normal(n_rows), rng.integers(0, 3, n_rows)
    middle = 0.8 * x + np.array([-0.4, 0.0, 0.4])[town]
    days = rng.uniform(0.5, 2.0, n_rows)
    mean = days * np.exp(1.0 + 0.5 * middle)
    options = {"family": family}
    if family in ("poisson", "negative-binomial", "gamma", "tweedie"):
        options["exposure"] = "days"
    y = {
        "squared": lambda: middle + 0.5 * rng.standard_normal(n_rows),
        "huber": lambda: middle + 0.3 * rng.standard_t(2.0, n_rows),
        "quantile": lambda: middle + rng.exponential(1.0, n_rows),
        "logistic": lambda: np.array(["no", "yes"], object)[
            (middle + rng.logistic(size=n_rows) > 0).astype(int)
        ],
        "softmax": lambda: np.array(["a", "b", "c"], object)[
            np.clip((middle + rng.logistic(size=n_rows) + 1.5).astype(int), 0, 2)
        ],
        "poisson": lambda: rng.poisson(mean).astype(float),
        "negative-binomial": lambda: rng.poisson(mean * rng.gamma(2.0, 0.5, n_rows)).astype(float),
        "gamma": lambda: mean * rng.gamma(3.0, 1 / 3.0, n_rows),
        "tweedie": lambda: np.array([rng.gamma(2.0, 0.7, k).sum() for k in rng.poisson(mean)]),
    }[family]()
    if family == "quantile":
        options["level"] = 0.8
    columns = [Column("x", x), Column("town", np.array(["P", "Q", "R"], object)[town])]
    if "exposure" in options:
        columns.append(Column("days", days))
    return Table((*columns, Column("y", y))), options


@pytest.fixture(scope="module")
def fitted():
    """A table, its model and its outer folds, for each family."""
    made = {}
    for family in FAMILIES:
        table, options = family_table(family)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BoundWarning)
            model = TableModel.fit(table, "y", **options)
            made[family] = table, model, model.outer_score(table, folds=3)
    return made


def with_column(table, name, values):
    values = np.asarray(values)
    values = values if values.dtype == object else values.astype(float)
    kept = tuple(c for c in table.columns if c.name != name)
    return Table((*kept, Column(name, values)))


# fitting


def test_a_simulated_truth_is_within_the_band_of_each_effect():
    data = simulate("squared", 800, 4, noise=0.5)
    model = TableModel.fit(data.table, "y", terms=[Linear(f"x{j}") for j in range(4)])
    for j in range(4):
        effect = model.estimator.partial_effect(f"x{j}", 2, 0.997)
        x = effect.cells[f"x{j}"]
        truth = data.coef[j] * (x - data.table[f"x{j}"].values.mean())
        assert (effect.lower[:, 0] < truth).all() and (truth < effect.upper[:, 0]).all()


def test_each_part_of_each_term_has_a_penalty_of_its_own():
    model = TableModel.fit(mixed_table(), "price")
    assert {"size: straight", "size: wiggly", "size=(missing): missing", "town: category"} <= set(
        model.model.alphas
    )


@pytest.mark.parametrize(("family", "n_classes"), [("squared", 0), ("logistic", 2), ("poisson", 0)])
def test_the_family_is_told_from_the_target(family, n_classes):
    model = TableModel.fit(simulate(family, 200).table, "y")
    assert model.task.family == family and len(model.classes) == n_classes
    assert "'y'" in model.task.reason


def test_counts_that_vary_too_much_are_negative_binomial_with_the_reason():
    table, _ = family_table("negative-binomial", 300)
    model = TableModel.fit(table, "y", exposure="days")
    assert model.task.family == "negative-binomial" and model.model.family.theta > 0
    assert "vary clearly more than a Poisson's" in model.task.reason


def test_a_given_family_overrules_the_target():
    table = load_dataset("digits").table.take(np.arange(100))
    table = table.without([f"pixel_{i}_{j}" for i in range(1, 8) for j in range(8)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", (ConstantColumnWarning, BoundWarning))
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
    assert model.model.params == pytest.approx(without.model.params, abs=1e-8)


def test_an_exposure_makes_counts_of_any_whole_numbers_and_scales_predictions():
    data = simulate("poisson", 300, 3)
    table = with_column(data.table, "days", np.full(300, 2.0))
    model = TableModel.fit(table, "y", exposure="days")
    assert model.task.family == "poisson" and "'days'" in model.task.reason
    once = model.predict(table)["prediction"]
    twice = model.predict(with_column(table, "days", np.full(300, 4.0)))["prediction"]
    assert twice == pytest.approx(2.0 * once, rel=1e-12)
    with pytest.warns(TableWarning, match="no column 'days'.*for a unit of exposure"):
        unit = model.predict(table.without(["days"]))["prediction"]
    assert unit == pytest.approx(once / 2.0, rel=1e-12)


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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundWarning)
        model = TableModel.fit(table, "kind")
        assert model.classes == ("0.5", "1")
        assert model.outer_score(table).judged.all()


# predicting


def test_predictions_do_not_depend_on_the_order_of_columns_or_on_others():
    table = mixed_table()
    model = TableModel.fit(table, "price")
    turned = with_column(Table(table.columns[::-1]), "other", np.zeros(table.n_rows))
    assert np.array_equal(model.predict(turned)["prediction"], model.predict(table)["prediction"])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_predicts_with_bounds_about_its_predictions(family, fitted):
    table, model, _ = fitted[family]
    bare, found = model.predict(table), model.predict(table, interval=0.9)
    assert all(np.array_equal(bare[name], found[name]) for name in bare)
    if not model.classes:
        assert set(found) == {"prediction", "lower", "upper"}
        assert (found["lower"] <= found["prediction"]).mean() > 0.99
        assert (found["prediction"] <= found["upper"]).mean() > 0.99
        return
    for word in model.classes:
        low, high = found[f"lower:{word}"], found[f"upper:{word}"]
        assert (low <= found[f"probability:{word}"] + 1e-12).all() and (low >= 0).all()
        assert (found[f"probability:{word}"] <= high + 1e-12).all() and (high <= 1).all()


@pytest.mark.parametrize("family", ["squared", "negative-binomial", "gamma", "tweedie"])
def test_bounds_hold_about_their_share_of_new_rows(family, fitted):
    model, (new, _) = fitted[family][1], family_table(family, 1500, seed=1)
    found = model.predict(new, interval=0.8)
    y = new["y"].values
    # 1500 rows know a share to .01 (one standard error); the fit of 150 rows adds a few hundredths.
    assert 0.73 < np.mean((found["lower"] <= y) & (y <= found["upper"])) < 0.92


@pytest.mark.parametrize("family", ["squared", "softmax", "poisson"])
def test_a_level_never_seen_is_predicted_with_a_warning(family, fitted):
    table, model, _ = fitted[family]
    new = with_column(table.take(np.arange(3)), "town", np.array(["P", "Z", "Q"], object))
    with pytest.warns(UnseenCategoryWarning, match="column 'town' has 'Z', never seen at fit"):
        predicted = model.predict(new, interval=0.5)
    assert all(len(values) == 3 for values in predicted.values())


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 95])
def test_an_interval_that_is_no_probability_is_refused(level, fitted):
    table, model, _ = fitted["squared"]
    with pytest.raises(InvalidParameter, match=r"`level` is .*; expected a number in \(0, 1\)"):
        model.predict(table, interval=level)


# the outer score


def test_the_outer_score_is_that_of_a_loop_over_folds():
    table = mixed_table()
    model = TableModel.fit(table, "price")
    outer = model.outer_score(table, folds=4)
    losses = np.empty(table.n_rows)
    for number in range(4):
        held = outer.fold == number
        other = TableModel.fit(table.take(~held), "price", family="squared")
        error = table["price"].values[held] - other.predict(table.take(held))["prediction"]
        losses[held] = 0.5 * error**2
    score = outer.score
    assert score.score == pytest.approx(losses.mean(), rel=1e-9)
    assert score.standard_error == pytest.approx(losses.std() / losses.size**0.5, rel=1e-9)


def test_evidence_is_not_compared_with_a_loss_of_rows(fitted):
    for family in ("squared", "poisson", "gamma"):
        _, model, outer = fitted[family]
        assert model.estimator.tuning_.criterion_name == "evidence"
        assert not outer.criterion_is_comparable
        assert np.isnan(outer.score.inner) and np.isnan(outer.score.optimism)


class Rate:
    """A stand-in for a fit: one rate for all rows, tuned by what is given."""

    def __init__(self, rows, model, criterion_name):
        class Tuning:
            pass

        self.family_, self.tuning_ = model.model.family, Tuning()
        self.rate = np.average(rows.y, weights=rows.weights_or_ones())
        self.tuning_.criterion_name = criterion_name
        outputs = np.full((rows.n_rows, 1), np.log(self.rate))
        self.tuning_.criterion = float(self.family_.row_losses(rows.y, outputs).mean())

    @property
    def estimator(self):
        return self

    def judge(self, rows):
        outputs = np.full((rows.n_rows, 1), np.log(self.rate))
        return np.exp(outputs[:, 0]), self.family_.row_losses(rows.y, outputs)


def test_a_criterion_that_is_a_loss_of_rows_is_measured_as_the_score_is():
    """Both without what a perfect prediction of the counts would lose."""
    table = simulate("poisson", 90, 2).table
    model = TableModel.fit(table, "y", family="poisson")
    rows = model.training_rows(table)
    fold = np.arange(90) % 3
    outer = judge_by_folds(rows, fold, lambda some: Rate(some, model, "hold-out"))
    assert outer.criterion_is_comparable
    inner = []
    for k in range(3):
        kept = rows.take(fold != k)
        losses = Rate(kept, model, "").judge(kept)[1] - PoissonLoss().saturated(kept.y)
        inner.append(losses.mean())
    assert outer.score.inner == pytest.approx(np.mean(inner), rel=1e-12)
    assert abs(outer.score.optimism) < 4 * outer.score.standard_error
    assert not judge_by_folds(
        rows, fold, lambda some: Rate(some, model, "evidence")
    ).criterion_is_comparable


@pytest.mark.parametrize("family", FAMILIES)
def test_a_score_is_above_zero_and_below_that_of_one_constant(family, fitted):
    table, model, outer = fitted[family]
    rows = model.training_rows(table)
    constant = constant_losses(model.model.family, rows)
    assert (outer.row_losses > -1e-9).all() and (constant > -1e-9).all()
    assert 0 < outer.score.score < constant.mean()


def test_scores_of_counts_can_be_compared_between_their_families(fitted):
    """What a negative binomial loss is above Poisson's at a large theta is next to nothing."""
    table, model, _ = fitted["poisson"]
    rows = model.training_rows(table)
    from derivata.estimators.families import NegativeBinomialFamily

    near = constant_losses(NegativeBinomialFamily(1e7), rows)
    assert near == pytest.approx(constant_losses(model.model.family, rows), abs=1e-4)


def test_noise_is_not_predicted_on_unseen_rows():
    rng = np.random.default_rng(3)
    columns = [Column(f"c{j}", rng.standard_normal(80)) for j in range(10)]
    table = Table((*columns, Column("y", rng.standard_normal(80))))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its penalties go to the end of their range
        model = TableModel.fit(table, "y")
        outer = model.outer_score(table)
    assert outer_metrics(model.model.family, model.training_rows(table), outer)["r2"] < 0.1


# metrics


def metrics_of(fitted, family):
    table, model, outer = fitted[family]
    rows = model.training_rows(table)
    return rows, outer, outer_metrics(model.model.family, rows, outer)


def test_metrics_of_numbers_and_classes_are_those_of_scikit_learn(fitted):
    metrics = pytest.importorskip("sklearn.metrics")
    rows, outer, ours = metrics_of(fitted, "squared")
    assert ours["r2"] == pytest.approx(metrics.r2_score(rows.y, outer.predictions))
    rows, outer, ours = metrics_of(fitted, "logistic")
    assert ours["log_loss"] == pytest.approx(metrics.log_loss(rows.y, outer.predictions))
    winner = np.array(["no", "yes"])[outer.predictions.argmax(axis=1)]
    assert ours["accuracy"] == pytest.approx(metrics.accuracy_score(rows.y, winner))
    rows, outer, ours = metrics_of(fitted, "quantile")
    assert ours["d1"] == pytest.approx(
        metrics.d2_pinball_score(rows.y, outer.predictions, alpha=0.8), abs=1e-2
    )  # theirs interpolates between two rows for the common quantile
    assert ours["pinball"] == pytest.approx(
        metrics.mean_pinball_loss(rows.y, outer.predictions, alpha=0.8)
    )
    assert ours["share_below"] == np.mean(rows.y <= outer.predictions)


@pytest.mark.parametrize(("family", "power"), [("poisson", 1), ("gamma", 2), ("tweedie", None)])
def test_deviances_are_those_of_scikit_learn(family, power, fitted):
    metrics = pytest.importorskip("sklearn.metrics")
    rows, outer, ours = metrics_of(fitted, family)
    power = fitted[family][1].model.family.power if power is None else power
    theirs = metrics.mean_tweedie_deviance(rows.y, outer.predictions, power=power)
    assert ours["mean_deviance"] == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("family", ["poisson", "negative-binomial", "gamma", "tweedie"])
def test_the_common_rate_is_the_best_there_is(family, fitted):
    table, model, _ = fitted[family]
    rows, found = model.training_rows(table), model.model.family
    mean = common_prediction(found, rows)
    assert mean / rows.exposure == pytest.approx(np.full(len(mean), mean[0] / rows.exposure[0]))
    best, *others = (
        found.deviance(rows.y, np.log(mean * factor)[:, None]).sum() for factor in (1, 0.999, 1.001)
    )
    assert best < min(others)


def test_d2_of_huber_is_a_share_of_its_loss(fitted):
    rows, outer, ours = metrics_of(fitted, "huber")
    family = fitted["huber"][1].model.family
    left = family.row_losses(rows.y, outer.predictions[:, None]).sum()
    whole = family.row_losses(rows.y, common_prediction(family, rows)[:, None]).sum()
    assert ours["d2"] == pytest.approx(1 - left / whole)
    assert ours["median_absolute_error"] == pytest.approx(
        np.median(np.abs(rows.y - outer.predictions)), rel=0.02
    )


# folds


def test_the_row_of_a_class_that_has_only_one_is_trained_on_and_never_judged():
    rng = np.random.default_rng(2)
    words = np.array(["a"] * 30 + ["b"] * 29 + ["rare"], object)
    table = Table((Column("x", rng.standard_normal(60)), Column("kind", words)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BoundWarning)
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


@pytest.mark.parametrize("family", FAMILIES)
def test_a_loaded_model_predicts_to_the_bit_what_the_saved_one_did(family, fitted, tmp_path):
    table, model, _ = fitted[family]
    path = tmp_path / "model.derivata"
    model.save(path)
    again = load(path)
    ours, theirs = model.predict(table), again.predict(table)
    assert list(ours) == list(theirs)
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert again.task == model.task and str(again.summary()) == str(model.summary())
    again.save(tmp_path / "again.derivata")
    assert (tmp_path / "again.derivata").read_bytes() == path.read_bytes()


def test_the_words_for_missing_are_saved(tmp_path):
    model = TableModel.fit(mixed_table(), "price", missing_words=["unknown"])
    model.save(tmp_path / "m")
    assert load(tmp_path / "m").missing_words == ("unknown",)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state, arrays: state["estimator"]["state"]["encoder"]["terms"].pop(),
        lambda state, arrays: state["task"].update(family="poisson"),
        lambda state, arrays: state["task"].update(family="logistic"),
        lambda state, arrays: state["task"].update(colour="red"),
        lambda state, arrays: arrays.update({"estimator.effect_means": np.ones((99, 1))}),
        lambda state, arrays: arrays.update({"estimator.params": np.ones((1, 2))}),
        lambda state, arrays: state.pop("n_rows"),
        lambda state, arrays: arrays.pop("estimator.params"),
    ],
)
def test_a_model_whose_parts_do_not_fit_is_refused(spoil, tmp_path):
    from derivata.persistence import write_state

    saved = TableModel.fit(mixed_table(), "price").to_state()
    state, arrays = dict(saved.state), dict(saved.arrays)
    spoil(state, arrays)
    write_state(tmp_path / "m", ModelState("TableModel", state, arrays))
    with pytest.raises(ModelFileError, match="Load it with the derivata that saved it|ave the"):
        load(tmp_path / "m")


# what is refused


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"target": "prise"}, TableError, "no column 'prise'. Did you mean 'price'"),
        ({"family": "cauchy"}, InvalidParameter, "`family` is 'cauchy'; expected 'auto' or one of"),
        ({"level": 0.9}, InvalidParameter, "only a quantile has a level"),
        ({"family": "quantile", "level": 1.5}, InvalidParameter, "`level` is 1.5; it must lie"),
        ({"interactions": -1}, InvalidParameter, "`interactions` is -1; expected 'auto'"),
        ({"terms": []}, InvalidParameter, "`terms` is empty"),
        ({"terms": [Spline("sise")]}, TableError, "no column 'sise'"),
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
        ({"family": "poisson"}, InvalidTarget, "row .*target 'price' is -.* but .*poisson.*>= 0"),
        ({"family": "gamma"}, InvalidTarget, "row .*target 'price' is -.* but .*gamma.*> 0"),
        ({"family": "tweedie"}, InvalidTarget, "row .*target 'price' is -.* but .*tweedie.*>= 0"),
        ({"family": "logistic"}, InvalidTarget, "has 120 different values, but .* needs two"),
        ({"family": "softmax"}, InvalidTarget, "too many for classes. Use `family='squared'`"),
    ],
)
def test_what_cannot_be_fitted_is_named_with_its_cure(arguments, error, says):
    with pytest.raises(error, match=says):
        TableModel.fit(mixed_table(), **{"target": "price", **arguments})


@pytest.mark.parametrize("family", ["squared", "huber", "quantile"])
def test_an_exposure_is_refused_by_a_family_without_one(family):
    table = with_column(mixed_table(), "days", np.ones(120))
    with pytest.raises(InvalidParameter, match="only amounts on a log scale .*have exposures"):
        TableModel.fit(table, "price", family=family, exposure="days")


@pytest.mark.parametrize("family", FAMILIES)
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
