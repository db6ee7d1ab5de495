"""What a table is to be fitted for: its target, family, weights and exposures, as checked arrays.

    logistic, softmax             two classes, or more
    squared, huber, quantile      numbers
    poisson, negative-binomial    counts, perhaps over exposures
    gamma, tweedie                amounts > 0, or >= 0, perhaps over exposures

Everything that can be wrong with these columns is found here, before anything is fitted, and named
by the line of the file it stands on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter, InvalidTarget, InvalidWeight, TableError
from derivata.estimators.families import FAMILIES, choose_family
from derivata.tables import Table
from derivata.tables.columns import Column
from derivata.tables.task_choice import MAX_CLASSES, TaskChoice, take_target

EXPOSED = ("poisson", "negative-binomial", "gamma", "tweedie")


@dataclass(frozen=True)
class TableTask:
    """The roles of a table's columns.

    Parameters
    ----------
    target : str                   the column to predict
    family : str                   one of `FAMILIES`
    reason : str                   why that family, a sentence
    weights : str or None          the column of row weights
    exposure : str or None         the column of exposures; families with a log link only
    drop : tuple of str            columns left out
    drop_missing_target : bool     rows without a target are left out, not refused
    level : float or None          of the family quantile
    is_told : bool                 the family was told from the target, not given
    """

    target: str
    family: str
    reason: str
    weights: str | None = None
    exposure: str | None = None
    drop: tuple[str, ...] = ()
    drop_missing_target: bool = False
    level: float | None = None
    is_told: bool = False

    @property
    def classifies(self) -> bool:
        """Whether the target is a class."""
        return self.family in ("logistic", "softmax")

    @property
    def family_to_fit(self) -> str:
        """The family as an estimator is asked for it: counts may turn out overdispersed."""
        return "auto" if self.is_told and self.family == "poisson" else self.family

    @classmethod
    def choose(
        cls,
        table: Table,
        target: str,
        *,
        family: str = "auto",
        level: float | None = None,
        weights: str | None = None,
        exposure: str | None = None,
        drop: Collection[str] = (),
        drop_missing_target: bool = False,
    ) -> TableTask:
        """Name the roles, and choose the family if it is ``"auto"``.

        Returns
        -------
        TableTask

        Raises
        ------
        InvalidParameter               a column with two roles, an unknown family, or exposures for
                                       a family without them
        TableError, InvalidTarget      as `rows`
        """
        if family != "auto" and family not in FAMILIES:
            raise InvalidParameter(
                f"`family` is {family!r}; expected 'auto' or one of {', '.join(FAMILIES)}."
            )
        if isinstance(drop, str):
            raise InvalidParameter(f"`drop` is the string {drop!r}: write [{drop!r}].")
        _require_one_role_each(target, weights, exposure, drop)
        if level is not None and family != "quantile":
            raise InvalidParameter(
                f"`level` is {level!r}, but the family is {family}: only a quantile has a level. "
                "Leave it out, or use the family quantile."
            )
        task = cls(target, family, "", weights, exposure, tuple(drop), drop_missing_target, level)
        chosen = _chosen(task._checked(table).target, family, exposure)
        if exposure is not None and chosen.family not in EXPOSED:
            raise InvalidParameter(
                f"`exposure` is {exposure!r}, but the family is {chosen.family}: only amounts on a "
                f"log scale ({', '.join(EXPOSED)}) have exposures. Leave it out, or give it as "
                "`weights` if it is one."
            )
        return replace(task, family=chosen.family, reason=chosen.reason, is_told=family == "auto")

    def rows(self, table: Table) -> TrainingRows:
        """The rows of a table that has these columns, checked.

        Returns
        -------
        TrainingRows

        Raises
        ------
        TableError                     if a column is not there, or the target is missing somewhere
        InvalidTarget                  if the target is none of the family's; names the line
        InvalidWeight                  if a weight or an exposure cannot be one; names the line
        """
        rows = self._checked(table)
        _require_family(rows, self.family)
        return self._labelled(rows)

    def judged_rows(self, table: Table) -> TrainingRows:
        """Rows that a fitted model is judged on: as `rows`, but targets may all be equal."""
        return self._labelled(self._checked(table))

    def _labelled(self, rows: TrainingRows) -> TrainingRows:
        return replace(rows, y=_labels(rows.target)) if self.classifies else rows

    def _checked(self, table: Table) -> TrainingRows:
        numbers = np.arange(table.n_rows)
        # 1. A row of weight 0 counts as absent, whatever else is wrong with it.
        weight = None
        if self.weights is not None:
            weight = _amounts(table, self.weights, "weights", least="zero")
            if not weight.any():
                raise InvalidWeight(
                    f"{table.source}: `weights` {self.weights!r} is zero in every row, so no row "
                    "is left to fit."
                )
            numbers = np.flatnonzero(weight)
            table, weight = table.take(numbers), weight[numbers]
        # 2. Neither does one without a target teach anything; taken out before exposures are read.
        if self.drop_missing_target and not table[self.target].missing.all():
            present = ~table[self.target].missing
            table, weight = table.take(present), None if weight is None else weight[present]
            numbers = numbers[present]
        exposure = None
        if self.exposure is not None:
            exposure = exposures(table, self.exposure)
        # 3. The columns that are left are the features.
        others = {self.weights, self.exposure, *self.drop} - {None}
        features, target = take_target(
            table.without([name for name in others if name is not None]), self.target
        )
        return TrainingRows(features, target, target.values, weight, exposure, numbers)


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """A table's features beside its target, weights and exposures, row by row.

    Parameters
    ----------
    features : Table
    target : Column                no cell missing
    y : (n_rows,)                  numbers, or class labels: whole numbers, else words
    weight : (n_rows,) or None     > 0; None: all ones
    exposure : (n_rows,) or None   > 0
    numbers : (n_rows,)            the number of each row in the table handed in
    """

    features: Table
    target: Column
    y: Array
    weight: Array | None
    exposure: Array | None
    numbers: Array

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.target.values)

    def take(self, rows: Array) -> TrainingRows:
        """Only ``rows``: an index or bool array."""
        return TrainingRows(
            self.features.take(rows),
            self.target.take(rows),
            self.y[rows],
            None if self.weight is None else self.weight[rows],
            None if self.exposure is None else self.exposure[rows],
            self.numbers[rows],
        )

    def weights_or_ones(self) -> Array:
        """The weights, (n_rows,)."""
        return np.ones(self.n_rows) if self.weight is None else self.weight


def exposures(table: Table, name: str) -> Array:
    """The column ``name`` as exposures (n_rows,): finite and > 0, or an error naming the line."""
    return _amounts(table, name, "exposure", least="above zero")


def _require_one_role_each(
    target: str, weights: str | None, exposure: str | None, drop: Collection[str]
) -> None:
    roles: dict[str, str] = {}
    named = [("target", target), ("weights", weights), ("exposure", exposure)]
    for role, name in [*named, *(("drop", name) for name in drop)]:
        if name is None or roles.get(name) == role == "drop":
            continue
        if name in roles:
            raise InvalidParameter(
                f"column {name!r} is named as `{roles[name]}` and as `{role}`; it can be one only."
            )
        roles[name] = role


def _chosen(target: Column, family: str, exposure: str | None) -> TaskChoice:
    if family == "softmax" and _n_levels(target) == 2:
        return TaskChoice("logistic", "softmax was asked for, which for two classes is logistic.")
    if family != "auto":
        return TaskChoice(family, "given by the user.")
    found, reason = choose_family(target.values, target.name, exposure=exposure)
    return TaskChoice(found.name, reason)


def _require_family(rows: TrainingRows, family: str) -> None:
    """Refuse a target that is none of the family's."""
    target, table = rows.target, rows.features
    if family not in ("logistic", "softmax"):
        if target.kind != "numeric":
            raise InvalidTarget(
                f"{table.place(0)}: target {target.name!r} is the word {target.values[0]!r:.40}, "
                f"but the family {family} needs numbers. Use `family='softmax'` for classes, or "
                "correct the cells that are no numbers."
            )
        low, high = target.values.min(), target.values.max()
        illegal = target.values <= 0 if family == "gamma" else target.values < 0
        if family in EXPOSED and illegal.any():
            row = int(np.argmax(illegal))
            what = f"targets of {family} are {'> 0' if family == 'gamma' else '>= 0'}"
            raise InvalidTarget(
                f"{table.place(row)}: target {target.name!r} is {target.values[row]:g}, but "
                f"{what}. Use `family='squared'`, or correct the cell."
            )
        if low == high:
            raise InvalidTarget(
                f"target {target.name!r} is {low:g} in every row: there is nothing to learn."
            )
        return
    n_levels = _n_levels(target)
    if n_levels == 1:
        only = target.as_text().values[0]
        raise InvalidTarget(
            f"target {target.name!r} is {only!r} in every row: there is nothing to learn."
        )
    if family == "logistic" and n_levels > 2:
        raise InvalidTarget(
            f"target {target.name!r} has {n_levels:,} different values, but the family logistic "
            "needs two. Use `family='softmax'` for several classes, 'squared' for amounts."
        )
    # With more than this a class has hardly a row: an amount was taken for a class.
    if n_levels > max(MAX_CLASSES, rows.n_rows // 10):
        raise InvalidTarget(
            f"target {target.name!r} has {n_levels:,} different values in {rows.n_rows:,} rows, "
            "too many for classes. Use `family='squared'` for amounts, or merge rare classes."
        )


def _labels(target: Column) -> Array:
    """Class labels (n_rows,): whole numbers stay numbers, so that 10 comes after 9."""
    if target.kind != "numeric":
        return target.values
    whole = np.all(target.values % 1 == 0) and np.abs(target.values).max() < 2.0**53
    return target.values.astype(np.int64) if whole else target.as_text().values


def _n_levels(target: Column) -> int:
    if target.kind == "numeric":
        return len(np.unique(target.values))
    return len(set(target.values))


def _amounts(table: Table, name: str, role: str, least: str) -> Array:
    """A column of weights or exposures as finite numbers, (n_rows,)."""
    column = table[name]
    if column.kind != "numeric":
        present = np.flatnonzero(~column.missing)
        row = int(present[0]) if present.size else 0
        raise TableError(
            f"{table.place(row)}: `{role}` {name!r} is {column.values[row]!r:.40}; expected a "
            "number in every row."
        )
    values = column.values
    with np.errstate(invalid="ignore"):
        good = np.isfinite(values) & ((values > 0) if least == "above zero" else (values >= 0))
    if not good.all():
        row = int(np.argmin(good))
        cell = "missing" if np.isnan(values[row]) else f"{values[row]:g}"
        bound = "> 0" if least == "above zero" else ">= 0 (0 leaves the row out)"
        raise InvalidWeight(
            f"{table.place(row)}: `{role}` {name!r} is {cell}; expected a number {bound}. "
            "Correct the cell, or leave the row out."
        )
    return values
