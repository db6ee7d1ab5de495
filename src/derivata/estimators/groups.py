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
    """
    if groups is None:
        return np.zeros(len(names), dtype=np.intp), ("all",)
    if isinstance(groups, str):
        if groups != "columns":
            raise InvalidParameter(
                f"`groups` is {groups!r}; expected None, 'columns', or one label a column."
            )
        return np.arange(len(names)), tuple(names)
    labels = list(groups)
    if len(labels) != len(names):
        raise ShapeMismatch(
            f"`groups` has {len(labels)} labels but X has {len(names)} columns. Was the intercept "
            "counted? It is never penalised: leave it out of `groups`."
        )
    order: dict[Any, int] = {}
    numbers = [FREE if label is None else order.setdefault(label, len(order)) for label in labels]
    return np.array(numbers, dtype=np.intp), tuple(str(label) for label in order)
