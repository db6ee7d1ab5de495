"""Rows and groups of rows as a user names them, as rows of the objective.

A group is named by a label a row, by a column of the table, or one by one with its rows. Rows of
weight zero have no part in a fit, and so none in a group.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from derivata.adapters import FittedModel
from derivata.contracts import Array
from derivata.errors import InvalidParameter, ShapeMismatch
from derivata.plain_text import clean


def places_of(fitted: FittedModel, rows: Any, what: str = "rows") -> Array:
    """The user's row numbers as rows of the objective: int (m,).

    Raises
    ------
    InvalidParameter
        If some is no row of the fit, or there twice.
    """
    numbers = np.atleast_1d(np.asarray(rows))
    kept = fitted.kept
    if numbers.dtype.kind in "iu" and numbers.ndim == 1 and len(numbers):
        places = np.minimum(np.searchsorted(kept, numbers), len(kept) - 1)
        if (kept[places] == numbers).all():
            if len(np.unique(places)) < len(places):
                raise InvalidParameter(f"`{what}` names a row twice: {numbers!r:.80}.")
            return places
    raise InvalidParameter(
        f"`{what}` is {rows!r:.80}; expected numbers of rows of the fit whose weight is not zero, "
        f"from 0 to {int(kept[-1]):,}."
    )


def groups_of(fitted: FittedModel, groups: Any, X: Any, n_rows: int) -> dict[str, Array]:
    """Groups by name, each as rows of the objective.

    Parameters
    ----------
    fitted : FittedModel
    groups : dict of name -> rows, str, or array (n_rows,)
    X : the user's table
    n_rows : int                       rows of it

    Raises
    ------
    InvalidParameter
        If a group is empty, holds every row, or names rows that are none.
    ShapeMismatch
        If there is not one label a row.
    """
    if isinstance(groups, Mapping):
        found = {
            str(name): places_of(fitted, _not_empty(rows, name), f"groups[{name!r}]")
            for name, rows in groups.items()
        }
    else:
        labels = _column(X, groups, fitted) if isinstance(groups, str) else np.asarray(groups)
        if labels.shape != (n_rows,):
            raise ShapeMismatch(
                f"`groups` has shape {labels.shape}; expected one label for each of the "
                f"{n_rows:,} rows of `X`, the name of a column, or a dict from names to rows."
            )
        found = _by_label(labels[fitted.kept])
    if not found:
        raise InvalidParameter("`groups` is empty; expected at least one group of rows.")
    for name, places in found.items():
        if len(places) == len(fitted.kept):
            raise InvalidParameter(
                f"`groups`: {name!r} holds every row of the fit, and without them there is none."
            )
    return found


def _not_empty(rows: Any, name: Any) -> Any:
    if np.size(rows) == 0:
        raise InvalidParameter(f"`groups[{name!r}]` is empty; leave the group out.")
    return rows


def _by_label(labels: Array) -> dict[str, Array]:
    """Places of each label, in the order in which labels first come."""
    found: dict[str, list[int]] = {}
    for place, label in enumerate(labels.tolist()):
        missing = label is None or label != label
        found.setdefault("missing" if missing else clean(str(label), 60), []).append(place)
    return {name: np.array(places) for name, places in found.items()}


def _column(X: Any, name: str, fitted: FittedModel) -> Array:
    """A column of the user's table by its name."""
    try:
        if hasattr(X, "columns") or isinstance(X, Mapping):
            return np.asarray(X[name])
        return np.asarray(X[:, fitted.columns.index(name)])
    except (KeyError, ValueError, IndexError, TypeError) as error:
        columns = ", ".join(map(str, fitted.columns[:8]))
        raise InvalidParameter(
            f"`groups` is {name!r}, no column of `X`; there are {columns}"
            f"{', ...' if len(fitted.columns) > 8 else ''}."
        ) from error
