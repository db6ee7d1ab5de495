"""Findings as sentences: what the screen and the report both say."""

from __future__ import annotations

from derivata.plain_text import clean, number, percent, plural
from derivata.report.record import RunRecord

UNITS = {"squared": "half squared units"}


def unit(family: str) -> str:
    """What the loss of a row is measured in."""
    return UNITS.get(family, "nats")


def columns_in_words(record: RunRecord) -> str:
    """Which columns the features come from: ``8 columns (6 numeric, 2 text)``."""
    used = [column for column in record.columns if column.role == "feature"]
    kinds = {kind: sum(column.kind == kind for column in used) for kind in ("numeric", "text")}
    shown = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
    return f"{plural(len(used), 'column')} ({shown})"


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
    if "d2" in found:
        return (
            f"D2 {number(found['d2'], 3)} of the deviance explained, mean deviance "
            f"{number(found['mean_deviance'], 3)}"
        )
    return ""


def headline(record: RunRecord) -> str:
    """The finding in one sentence, for people who read no other."""
    found, target = record.metrics, clean(record.model.task.target, 60)
    if "r2" in found:
        if not found["r2"] > 0:
            return (
                f"On rows it has not seen, the model predicts {target} no better than its mean "
                f"does; its typical error is {number(found['rmse'], 3)}."
            )
        return (
            f"On rows it has not seen, the model explains {percent(found['r2'])} of the variance "
            f"of {target}; its typical error is {number(found['rmse'], 3)}."
        )
    if "accuracy" in found:
        share = 1.0 - found["log_loss"] / found["log_loss_of_class_shares"]
        knows = (
            f"removes {percent(share)} of the uncertainty about it"
            if share > 0
            else "knows no more about it than the class shares do"
        )
        return (
            f"On rows it has not seen, the model names the right {target} for "
            f"{percent(found['accuracy'])} of them and {knows}."
        )
    if "d2" in found:
        if not found["d2"] > 0:
            return f"On rows it has not seen, the model predicts {target} no better than one rate."
        return (
            f"On rows it has not seen, the model explains {percent(found['d2'])} of the deviance "
            f"of {target} from one common rate."
        )
    return f"The model of {target} could not be judged on rows it has not seen."


def optimism_in_words(record: RunRecord) -> str:
    """Whether the tuned criterion flatters, in a sentence that knows its own noise."""
    if record.outer is None:
        return f"There is no outer score: {record.outer_missing}"
    score = record.outer.score
    gap, noise = score.optimism, 2.0 * score.standard_error
    if abs(gap) <= noise:
        return (
            f"The outer score differs by {number(gap, 2)} from the criterion tuned in the same "
            f"folds, within its noise (twice its standard error: {number(noise, 2)}): tuning did "
            "not flatter itself measurably."
        )
    size = f"{number(abs(gap), 2)} {unit(record.model.task.family)} a row"
    if gap > 0:
        return (
            f"The criterion flatters by {size}, more than noise explains: believe the outer score."
        )
    return (
        f"The outer score is better than the criterion by {size}, more than noise explains; "
        "rows may not be independent, or the criterion is ruled by a few of them."
    )
