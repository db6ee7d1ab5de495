"""What ``derivata evaluate`` asks of the fit itself, each within seconds whatever the table's size.

Analyses that refit have a budget by the multiplications of one Gram matrix: with fewer refits or
samples the errors that they tell of themselves are larger, and what would take minutes is left out
with the call that does it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from derivata.adapters import FittedModel
from derivata.contracts import Array
from derivata.errors import NotAvailable
from derivata.estimators.table_model import TableModel
from derivata.estimators.table_task import TrainingRows
from derivata.evaluation.evidence import evidence
from derivata.evaluation.influence import InfluenceResult, influence
from derivata.evaluation.label_errors import label_errors
from derivata.evaluation.sensitivity import sensitivity
from derivata.evaluation.term_errors import term_errors
from derivata.tables import Table

# Analyses that refit, by the multiplications of one: rows times coefficients squared.
MOST_WORK_FOR_LABELS, MOST_WORK_FOR_GROUPS = 3e9, 1e9
# Samples of the evidence's correction: with fewer its error, which is told, is larger.
MOST_SAMPLES, FEWEST_SAMPLES, WORK_OF_SAMPLES = 4_000, 1_000, 4e11
# Refits of single rows, and hyperparameters that the sensitivity refits: at most, and what all of
# them together may take; leave-one-out says what its error is with so many.
MOST_REFITS, FEWEST_REFITS, WORK_OF_REFITS = 300, 30, 4e10
MOST_REFITTED, WORK_OF_REFITTED = 4, 2e9

# Groups whose removal is shown, and their size as a share of the rows.
MOST_GROUPS, LEAST_GROUP, LARGEST_GROUP = 12, 0.01, 0.4

# Takes the name of an analysis and the analysis; its result, or why there is none.
Guard = Callable[[str, Callable[[], Any]], Any]


def analyses_of_fit(
    model: TableModel,
    fitted: FittedModel,
    table: Table,
    rows: TrainingRows,
    random_state: int,
    guarded: Guard,
) -> dict[str, Any]:
    """Results, or refusals, by the name of their place in an ``EvaluationRecord``.

    Parameters
    ----------
    model : TableModel
    fitted : FittedModel           the same at the rows of its fit
    table : Table                  of the fit, target included
    rows : TrainingRows            of the table
    random_state : int
    guarded : callable             (name, analysis) to its result or refusal
    """
    work = work_of(fitted)
    few = min(int(WORK_OF_REFITTED / work), MOST_REFITTED)
    value = model.model
    samples = int(np.clip(WORK_OF_SAMPLES / work, FEWEST_SAMPLES, MOST_SAMPLES))
    found = {
        "influence": guarded(
            "influence", lambda: influence(fitted, None, None, budget=refits_of(fitted))
        ),
        "groups": guarded("groups", lambda: _of_groups(model, fitted, rows)),
        "errors": guarded(
            "terms",
            lambda: term_errors(value, model.summary().terms, rows.features),
        ),
        "evidence": guarded(
            "evidence",
            lambda: evidence(fitted, None, None, n_samples=samples, random_state=random_state),
        ),
        "sensitivity": guarded(
            "sensitivity",
            lambda: sensitivity(fitted, table, None, n_refitted=few),
        ),
    }
    if model.task.classifies:
        found["label_errors"] = guarded("label errors", lambda: _labels(fitted, work))
    return found


def work_of(fitted: FittedModel) -> float:
    """Multiplications of one Gram matrix: rows times coefficients squared."""
    return float(fitted.objective.predictor.n_rows) * len(fitted.params) ** 2


def refits_of(fitted: FittedModel) -> int:
    """How many rows may be refitted in seconds."""
    return int(np.clip(WORK_OF_REFITS / work_of(fitted), FEWEST_REFITS, MOST_REFITS))


def _of_groups(
    model: TableModel, fitted: FittedModel, rows: TrainingRows
) -> InfluenceResult | None:
    """Effects of groups that share a word; None if there are none, or fits take too long."""
    groups = groups_by_words(model, rows)
    if not groups or work_of(fitted) > MOST_WORK_FOR_GROUPS:
        return None
    return influence(fitted, None, None, groups=groups)


def groups_by_words(model: TableModel, rows: TrainingRows) -> dict[str, Array]:
    """Row numbers of the levels of columns of words, those of the strongest terms first.

    A level has at least `LEAST_GROUP` and at most `LARGEST_GROUP` of the rows; `MOST_GROUPS` of
    them are taken.
    """
    found: dict[str, Array] = {}
    for term in model.summary().terms:
        column = rows.features[term.label] if term.label in rows.features.names else None
        if column is None or column.kind != "text":
            continue
        values = np.where(column.missing, "", column.values).astype(str)
        for level, count in zip(*np.unique(values, return_counts=True), strict=True):
            share = count / rows.n_rows
            if level and LEAST_GROUP <= share <= LARGEST_GROUP and len(found) < MOST_GROUPS:
                found[f"{term.label} = {level}"] = rows.numbers[values == level]
    return found


def _labels(fitted: FittedModel, work: float) -> Any:
    if work > MOST_WORK_FOR_LABELS:
        raise NotAvailable(
            "the table and the model are too large to judge labels in seconds: it takes up to a "
            "hundred fits. Run `derivata.label_errors(model, table, None)` in Python."
        )
    return label_errors(fitted, None, None)
