"""A fitted ``TableModel`` as a ``FittedModel``: its additive model, and the roles of its columns.

The table holds all there is to a row: features, target, weights and exposures. So ``y`` is None
wherever a table is handed in, and rows are numbered as the table's.

Maths: docs/math/adapters_own.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from derivata.adapters.fitted import FittedModel
from derivata.adapters.inputs import weights_of
from derivata.adapters.own_additive import adapt_additive
from derivata.adapters.own_shapes import table_shape
from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.estimators.table_model import TableModel
from derivata.estimators.table_task import TrainingRows
from derivata.objective import Objective
from derivata.tables import Table, table_from_frame


def adapt_table(model: TableModel, X: Any, y: Any = None, sample_weight: Any = None) -> FittedModel:
    """A fitted ``TableModel`` beside the table of its fit.

    Parameters
    ----------
    model : TableModel
    X : Table or frame             whole: with the columns of the target, weights and exposures
    y : None
    sample_weight : array-like (n_rows,), optional
        Multiplies the weights that the table has.

    Returns
    -------
    FittedModel
        ``kept`` numbers the rows of the table; rows of weight 0, or without a target where those
        are left out, are not among them.

    Raises
    ------
    InvalidParameter               if ``y`` is given
    TableError, InvalidTarget, InvalidWeight
        Naming the column and the line.
    """
    roles = _Roles(model)
    table = _whole(X, y)
    rows = model.task.rows(table)
    weight = roles.weight(rows, table, sample_weight)
    fitted = adapt_additive(model.estimator, rows.features, rows.y, weight, exposure=rows.exposure)
    return replace(
        fitted,
        name=f"TableModel ({model.model.family.name}, target {model.task.target})",
        kept=rows.numbers[fitted.kept],
        judged=roles.judged(fitted),
        shape=table_shape(model),
        hint="",
    )


@dataclass(frozen=True, eq=False)
class _Roles:
    """What a table model reads off a table beside the features."""

    model: TableModel

    def weight(self, rows: TrainingRows, table: Table, sample_weight: Any) -> Array:
        """The table's weights times those handed in, (n_rows,) of ``rows``."""
        return rows.weights_or_ones() * weights_of(sample_weight, table.n_rows)[rows.numbers]

    def judged(self, fitted: FittedModel) -> Any:
        """The objective of other tables' rows; those without a target may be left out."""

        def judged(X: Any, y: Any = None, sample_weight: Any = None) -> Objective:
            table = _whole(X, y)
            rows = self.model.task.judged_rows(table)
            weight = self.weight(rows, table, sample_weight)
            return fitted.judged(rows.features, rows.y, weight, exposure=rows.exposure)

        return judged


def _whole(X: Any, y: Any) -> Table:
    if y is not None:
        raise InvalidParameter(
            "`y` is given beside a TableModel, which reads its target off the table. Hand in the "
            "whole table, target column included, and `y=None`."
        )
    return table_from_frame(X, "`X`")
