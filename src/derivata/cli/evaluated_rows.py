"""The rows of a table that a fitted model is to be judged on, read as its fit read its own.

Unlike at a fit, targets may all be equal, or zero; classes must be among those the model knows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidTarget
from derivata.estimators.table_model import TableModel
from derivata.estimators.table_task import TrainingRows
from derivata.tables import Table, read_table
from derivata.tables.columns import MISSING_WORDS


def read_judged(
    model: TableModel,
    path: str,
    missing: Collection[str] = (),
    delimiter: str | None = None,
    decimal: str | None = None,
) -> Table:
    """The columns of a file that the model, its target and its weights need.

    Raises
    ------
    TableError                     if the file cannot be read, or lacks one of them
    """
    task = model.task
    own = [name for name in (task.target, task.weights) if name is not None]
    # Classes that are words stay words, whatever they look like.
    words = task.classifies and not np.issubdtype(classes_of(model).dtype, np.number)
    return read_table(
        path,
        delimiter=delimiter,
        decimal=decimal,
        missing=MISSING_WORDS | set(model.missing_words) | set(missing),
        categories=sorted(model.encoder.texts | ({task.target} if words else set())),
        only=tuple(dict.fromkeys([*model.columns_needed, *own])),
    )


def known_rows(model: TableModel, table: Table) -> TrainingRows:
    """The rows of a table as the model's task reads them, with classes that the model knows.

    Raises
    ------
    InvalidTarget                  naming the line of a class that the model was not fitted to, or
                                   of a target that is none of the family's
    """
    rows = model.task.judged_rows(table)
    if not model.task.classifies:
        _require_numbers(model, rows)
        # The family itself would refuse targets that are all zero, which some rows may be.
        model.model.family.loss().validate(rows.y)
        return rows
    known = classes_of(model)
    labels = rows.y
    if not np.issubdtype(known.dtype, np.number):
        labels = np.array([str(label) for label in labels], dtype=object)
    unknown = ~np.isin(labels, known)
    if unknown.any():
        row = int(np.argmax(unknown))
        raise InvalidTarget(
            f"{rows.features.place(row)}: target {model.task.target!r} is "
            f"{str(labels[row])!r:.60}, a class that the model does not know; it knows "
            f"{', '.join(model.classes)[:200]}."
        )
    return replace(rows, y=labels)


def classes_of(model: TableModel) -> Array:
    """The labels that a classifier knows, in the order of their probabilities."""
    return model.estimator.classes_  # type: ignore[union-attr]


def _require_numbers(model: TableModel, rows: TrainingRows) -> None:
    if rows.target.kind != "numeric":
        raise InvalidTarget(
            f"{rows.features.place(0)}: target {rows.target.name!r} is the word "
            f"{rows.target.values[0]!r:.40}, but the model predicts numbers (family "
            f"{model.model.family.name}). Correct the cells that are no numbers."
        )
