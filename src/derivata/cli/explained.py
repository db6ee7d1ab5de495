"""Rows of a table explained by a run's model, as a value, as plain JSON and as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.estimators.table_model import TableModel
from derivata.evaluation.attribute import attribute
from derivata.evaluation.attribution import Attribution
from derivata.lazy import lazy
from derivata.plain_text import plural
from derivata.tables import Table


@dataclass(frozen=True, eq=False)
class ExplainedRows:
    """Predictions of some rows with what each term adds.

    Attributes
    ----------
    model : TableModel
    rows : Table                   the rows explained, in the order asked for
    number : int array (m,)        their numbers in the table, from 1
    prediction : array (m,)        as ``derivata predict`` gives them
    classes : tuple of str         the class explained in each row; () if the model has none
    found : Attribution            of that class: values (m, n_terms)
    response : bool                means or probabilities are shared out
    """

    model: TableModel
    rows: Table
    number: Array
    prediction: Array
    classes: tuple[str, ...]
    found: Attribution
    response: bool

    @lazy
    def responses(self) -> Attribution:
        """The same rows with means or probabilities shared out."""
        return _found(self.model, self.rows, self.classes, response=True)

    def columns_of(self, j: int) -> tuple[str, ...]:
        """The columns that a term reads; the term after the last is the exposure."""
        terms = self.model.encoder.terms
        if j < len(terms):
            return terms[j].columns
        exposure = self.model.task.exposure
        return (exposure,) if exposure is not None and exposure in self.rows.names else ()

    def cell(self, name: str, place: int) -> str | float | None:
        """A cell of one of the rows: a word, a number, or None where it is missing."""
        value = self.rows[name].values[place]
        if value is None or isinstance(value, str):
            return value
        return None if np.isnan(value) else float(value)

    @property
    def is_log(self) -> bool:
        """Whether contributions add up on the scale of a logarithm."""
        return not self.response and (bool(self.classes) or self.model.model.family.takes_exposure)


def explained_rows(
    model: TableModel,
    table: Table,
    numbers: Sequence[int],
    *,
    target: str | None = None,
    response: bool = False,
) -> ExplainedRows:
    """Explain rows of a table by their numbers, from 1; all of them if none is given.

    Raises
    ------
    InvalidParameter
        If there is no such row or class.
    """
    place = np.asarray(numbers, dtype=np.intp) - 1
    for number_ in numbers:
        if not 1 <= number_ <= table.n_rows:
            raise InvalidParameter(
                f"`--row` is {number_}, but {table.source} has {plural(table.n_rows, 'row')}: give "
                f"a number from 1, the first row below the header, to {table.n_rows}."
            )
    if not len(place):
        place = np.arange(table.n_rows)
    _require_class(model, target)
    rows = table.take(place)
    predicted = model.predict(rows)
    classes: tuple[str, ...] = ()
    if model.classes:
        second = np.full(len(place), model.classes[-1], object)
        own = second if len(model.classes) == 2 else predicted["prediction"]
        classes = tuple(own if target is None else np.full(len(place), target, object))
    found = _found(model, rows, classes, response=response)
    return ExplainedRows(model, rows, place + 1, predicted["prediction"], classes, found, response)


def as_record(explained: ExplainedRows) -> dict[str, Any]:
    """Plain JSON types: every row with every term."""
    found, terms = explained.found, explained.found.names
    rows = []
    for place, values in enumerate(found.values):
        contributions = [
            {
                "term": term,
                "columns": {name: explained.cell(name, place) for name in explained.columns_of(j)},
                "contribution": float(values[j]),
            }
            for j, term in enumerate(terms)
        ]
        row: dict[str, Any] = {"row": int(explained.number[place])}
        if explained.rows.lines is not None:
            row["line"] = int(explained.rows.lines[place])
        predicted = explained.prediction[place]
        row["prediction"] = predicted if isinstance(predicted, str) else float(predicted)
        if explained.classes:
            row["class"] = explained.classes[place]
        rows.append(
            row
            | {
                "output": float(found.output[place]),
                "baseline_output": float(found.baseline_output[place]),
                "completeness_error": float(found.completeness_error[place]),
                "contributions": contributions,
            }
        )
    return {"target": explained.model.task.target, "scale": found.scale, "rows": rows}


def as_columns(explained: ExplainedRows) -> dict[str, Array]:
    """A row each: its number, prediction, baseline and contributions, for ``csv_chunks``."""
    found = explained.found
    columns = {
        "row": np.array([str(number_) for number_ in explained.number], object),
        "prediction": explained.prediction,
    }
    if explained.classes:
        columns["class"] = np.array(explained.classes, object)
    columns |= {"output": found.output, "baseline_output": found.baseline_output}
    for name, values in zip(found.names, found.values.T, strict=True):
        columns[f"contribution:{name}"] = np.ascontiguousarray(values)
    return columns | {"completeness_error": found.completeness_error}


def _require_class(model: TableModel, target: str | None) -> None:
    if target is None or target in model.classes:
        return
    there = ", ".join(model.classes) or "it has none, as it does not classify"
    raise InvalidParameter(f"`--class` is {target!r:.60}; the model's classes are: {there}.")


def _found(
    model: TableModel, rows: Table, wanted: tuple[str, ...], *, response: bool
) -> Attribution:
    """Contributions, of each row to the class wanted."""
    found, every = attribute(model, rows, on="response" if response else "outputs"), model.classes
    if not every:
        return found
    if len(every) == 2:
        # Found are those of the second class; the first's are their opposites.
        sign = np.where(np.array(wanted) == every[1], 1.0, -1.0)
        whole = np.where(sign < 0.0, 1.0, 0.0) if response else 0.0
        values = found.values * sign[:, None]
        output, first = whole + sign * found.output, whole + sign * found.baseline_output
        error = found.completeness_error
    else:
        row = np.arange(len(wanted))
        own = np.array([every.index(name) for name in wanted])
        values = found.values[row, :, own]
        output, first = found.output[row, own], found.baseline_output[row, own]
        error = found.completeness_error[row, own]
    return replace(
        found,
        values=values,
        output=output,
        baseline_output=first,
        completeness_error=error,
        scale=found.scale.partition(" of ")[0],
        output_names=(),
    )
