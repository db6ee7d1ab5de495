"""Penalty groups as users give them: nothing, "columns", or one label a column."""

from __future__ import annotations

from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.penalties.smooth import FREE


def resolve_groups(groups: Any, names: list[str]) -> tuple[Array, tuple[str, ...]]:
    """A group number for each column and a name for each group.

    Parameters
    ----------
    groups : None, "columns" or sequence (n_features,)
        None: one group named "all". "columns": a group a column. A sequence: columns with equal
        labels share a penalty; a label None leaves its column free.
    names : list of str (n_features,)

    Returns
    -------
    numbers : int array (n_features,), -1 where free
    group_names : tuple of str, in order of first appearance

    Raises
    ------
    ShapeMismatch
        If there are not as many labels as columns.
    InvalidParameter
        If labels are no sequence, or one is missing, a container, or prints as another does.
    """
    if groups is None:
        return np.zeros(len(names), dtype=np.intp), ("all",)
    if isinstance(groups, str):
        if groups != "columns":
            raise InvalidParameter(
                f"`groups` is {groups!r}; expected None, 'columns', or one label a column."
            )
        return np.arange(len(names)), tuple(names)
    if isinstance(groups, dict | set | frozenset):
        raise InvalidParameter(
            f"`groups` is a {type(groups).__name__}; expected one label a column, in their order: "
            "`[label[name] for name in X.columns]`."
        )
    labels = list(groups)
    if len(labels) != len(names):
        raise ShapeMismatch(
            f"`groups` has {len(labels)} labels but X has {len(names)} columns. Was the intercept "
            "counted? It is never penalised: leave it out of `groups`."
        )
    for name, label in zip(names, labels, strict=True):
        _require_label(name, label)
    order: dict[Any, int] = {}
    numbers = [FREE if label is None else order.setdefault(label, len(order)) for label in labels]
    if len({str(label) for label in order}) < len(order):
        raise InvalidParameter(
            f"`groups` has different labels that print alike, among {list(order)!r:.200}: their "
            "penalties could not be told apart. Make all labels text, or all numbers."
        )
    return np.array(numbers, dtype=np.intp), tuple(str(label) for label in order)


def _require_label(name: str, label: Any) -> None:
    """Refuse what is no name for a group: containers, and NaN, which equals nothing."""
    try:
        sound = label is None or bool(label == label)
        hash(label)
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise InvalidParameter(
            f"`groups` has the label {label!r:.60} for column {name!r}; expected text or a number, "
            "or None for a column without a penalty."
        )
