"""Findings as sentences: what the screen and the report both say."""

from __future__ import annotations

import math

import numpy as np

from derivata.estimators.additive_model import AdditiveModel
from derivata.estimators.families import QuantileFamily
from derivata.estimators.table_model import TableModel
from derivata.plain_text import clean, number, percent, plural
from derivata.report.effect_charts import OutputScale
from derivata.report.record import RunRecord
from derivata.terms import (
    FittedCategory,
    FittedCyclic,
    FittedDate,
    FittedLevelCurves,
    FittedLinear,
    FittedMissing,
    FittedPairs,
    FittedProduct,
    FittedSlopes,
    FittedSpline,
    FittedSurface,
)

KINDS = {
    FittedSpline: "curve",
    FittedCyclic: "periodic curve",
    FittedLinear: "straight line",
    FittedMissing: "gaps",
    FittedDate: "dates",
    FittedSurface: "surface",
    FittedLevelCurves: "a curve a level",
    FittedSlopes: "a slope a level",
    FittedProduct: "product",
    FittedPairs: "pairs of levels",
}
# Bends with fewer effective parameters than this are not seen.
NO_BENDS = 0.05


def unit(model: TableModel) -> str:
    """What the loss of a row is measured in."""
    return model.model.family.loss_unit


def family_in_words(model: TableModel) -> str:
    """The family's name with its shape: ``negative-binomial (theta 4.5)``."""
    family = model.model.family
    shape = [f"{name} {number(value, 3)}" for name, value in family.shape.items()]
    if isinstance(family, QuantileFamily):
        shape.insert(0, f"level {family.level:g}")
    return f"{family.name} ({', '.join(shape)})" if shape else family.name


def columns_in_words(record: RunRecord) -> str:
    """Which columns the terms read: ``8 columns (6 numeric, 2 text)``."""
    used = [column for column in record.columns if column.role == "feature"]
    every = ("numeric", "text", "date")
    kinds = {kind: sum(column.kind == kind for column in used) for kind in every}
    shown = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
    return f"{plural(len(used), 'column')} ({shown})"


def quantile_in_words(level: float) -> str:
    """A quantile's name: ``90 % quantile``; ``median``."""
    return "median" if level == 0.5 else f"{100 * level:.10g} % quantile"


def output_scale(model: TableModel) -> OutputScale:
    """What effects are added to, and what their exponentials multiply."""
    family, target = model.model.family, clean(model.task.target, 30)
    if family.name == "logistic":
        return OutputScale(f"adds to the log-odds of “{clean(model.classes[1], 24)}”", "odds")
    if family.classifies:
        return OutputScale("adds to the score of a class")
    if family.takes_exposure:
        return OutputScale(f"adds to the log of expected {target}", "expected value")
    if isinstance(family, QuantileFamily):
        return OutputScale(f"adds to the {quantile_in_words(family.level)} of {target}")
    return OutputScale(f"adds to the predicted {target}")


def term_kind(model: AdditiveModel, label: str) -> str:
    """What a term is, in words: "curve", "category of 12 levels"."""
    number = model.term_number(label)
    term, span = model.encoder.terms[number], model.encoder.spans[number]
    if isinstance(term, FittedCategory):
        return f"category of {plural(len(term.names), 'level')}"
    kind = KINDS.get(type(term), "term")
    bends = np.array(term.parts) == "wiggly"
    if kind == "curve" and model.edf is not None:
        if model.edf[:, :-1][:, span][:, bends].sum() < NO_BENDS:
            return "curve, shrunk to a straight line" if bends.any() else "straight line"
    return kind


def share_in_words(share: float) -> str:
    """A term's share of the variation: ``48 %``, ``0.3 %``, ``< 0.1 %``."""
    if abs(share) < 5e-4:
        return "< 0.1 %"
    digits = 0 if abs(share) >= 0.0995 else 1
    return f"{100 * share:.{digits}f} %".replace("-", "\N{MINUS SIGN}")


def p_value_in_words(value: float) -> str:
    """A p-value to two digits, ``< 0.0001`` below that."""
    if math.isnan(value):
        return "unknown"
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def metrics_in_words(record: RunRecord) -> str:
    """The outer folds' score in the user's terms, one line; "" without outer folds."""
    found = record.metrics
    if "r2" in found:
        return f"R2 {number(found['r2'], 3)}, typical error (RMSE) {number(found['rmse'], 3)}"
    if "accuracy" in found:
        return (
            f"accuracy {percent(found['accuracy'])} (always the commonest class: "
            f"{percent(found['accuracy_of_commonest_class'])}); log-loss "
            f"{number(found['log_loss'], 3)} (guessing class shares: "
            f"{number(found['log_loss_of_class_shares'], 3)})"
        )
    if "d1" in found:
        return (
            f"D1 {number(found['d1'], 3)} of the pinball loss explained; "
            f"{percent(found['share_below'])} of the rows lie below their predicted quantile"
        )
    if "median_absolute_error" in found:
        return (
            f"D2 {number(found['d2'], 3)} by Huber's loss, median absolute error "
            f"{number(found['median_absolute_error'], 3)}"
        )
    if "d2" in found:
        return (
            f"D2 {number(found['d2'], 3)} of the deviance explained, mean deviance "
            f"{number(found['mean_deviance'], 3)}"
        )
    return ""


def headline(record: RunRecord) -> str:
    """The finding in one sentence, for people who read no other."""
    found, target = record.metrics, clean(record.model.task.target, 60)
    start = "On rows it has not seen, the model"
    if "r2" in found:
        if not found["r2"] > 0:
            return (
                f"{start} predicts {target} no better than its mean does; its typical error is "
                f"{number(found['rmse'], 3)}."
            )
        return (
            f"{start} explains {percent(found['r2'])} of the variance of {target}; its typical "
            f"error is {number(found['rmse'], 3)}."
        )
    if "accuracy" in found:
        guessed = found["log_loss_of_class_shares"]
        share = 1.0 - found["log_loss"] / guessed if guessed > 0 else 0.0
        knows = (
            f"removes {percent(share)} of the uncertainty about it"
            if share > 0
            else "knows no more about it than the class shares do"
        )
        right = percent(found["accuracy"])
        return f"{start} names the right {target} for {right} of them and {knows}."
    if "d1" in found:
        of = f"{quantile_in_words(record.model.task.level or 0.5)} of {target}"
        held = f"{percent(found['share_below'])} of the rows lie below their predicted {of}"
        if not found["d1"] > 0:
            return f"{held}, but one quantile for all would do as well."
        return (
            f"{held}, on rows the model has not seen; it explains {percent(found['d1'])} of the "
            "loss of one quantile for all."
        )
    if "median_absolute_error" in found:
        error = number(found["median_absolute_error"], 3)
        return f"{start} predicts half of the rows to within {error} of their {target}."
    if "d2" in found:
        if not found["d2"] > 0:
            return f"{start} predicts {target} no better than one rate."
        return (
            f"{start} explains {percent(found['d2'])} of the deviance of {target} from one common "
            "rate."
        )
    return f"The model of {target} could not be judged on rows it has not seen."


def optimism_in_words(record: RunRecord) -> str:
    """What to think of the tuned criterion beside the outer score, in a sentence or two."""
    outer = record.outer
    if outer is None:
        return f"There is no outer score: {record.outer_missing}"
    if not outer.criterion_is_comparable:
        return gain_in_words(record)
    score = outer.score
    gap, noise = score.optimism, 2.0 * score.standard_error
    if abs(gap) <= noise:
        return (
            f"The outer score differs by {number(gap, 2)} from the criterion tuned in the same "
            f"folds, within its noise (twice its standard error: {number(noise, 2)}): tuning did "
            "not flatter itself measurably."
        )
    size = f"{number(abs(gap), 2)} {unit(record.model)} a row"
    if gap > 0:
        return (
            f"The criterion flatters by {size}, more than noise explains: believe the outer score."
        )
    return (
        f"The outer score is better than the criterion by {size}, more than noise explains; "
        "rows may not be independent, or the criterion is ruled by a few of them."
    )


def gain_in_words(record: RunRecord) -> str:
    """The outer score against one constant, and how far that is from chance."""
    outer, baseline = record.outer, record.baseline
    if outer is None or baseline is None:
        return ""
    words = (
        f"On unseen rows the model's loss is {number(outer.score.score, 3)} a row; predicting one "
        f"constant for all it is {number(baseline.score, 3)}, "
    )
    gain, noise = baseline.gain, 2.0 * baseline.gain_error
    size = f"by {number(abs(gain), 2)} ± {number(noise, 2)}"
    if gain > noise:
        return f"{words}worse {size}."
    if gain < -noise:
        return f"{words}better {size}: do not use this model."
    return f"{words}a difference of {number(gain, 2)} ± {number(noise, 2)} that may be chance."
