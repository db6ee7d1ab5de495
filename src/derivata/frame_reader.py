"""Columns of a pandas, polars or pyarrow table, of a Parquet file, or of a NumPy array.

Frames are read through narwhals, so that one piece of code serves every library and none of them is
needed. Numbers of any width become float64 and lose only what float64 cannot hold; strings,
categoricals and enumerations become words; true and false become the words "true" and "false", as a
CSV file has them; dates, times and durations become dates, of which no feature is made yet.
"""

from __future__ import annotations

import datetime
import math
import numbers
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from derivata.columns import Column, quote_names, text_column
from derivata.errors import InvalidData, ShapeMismatch, TableError
from derivata.table_bytes import open_binary
from derivata.terms.category import factorize


def columns_from_frame(frame: Any, source: str) -> list[Column]:
    """Read the columns of a data frame.

    Parameters
    ----------
    frame : pandas, polars or pyarrow table, or whatever else narwhals knows
    source : str                   what to call it in messages

    Returns
    -------
    columns : list of Column

    Raises
    ------
    TableError                     if it is no such table, is empty, has a name twice, or has a
                                   column that is neither numbers, words nor dates
    """
    import narwhals as nw

    labels = getattr(frame, "columns", None)
    if labels is not None and type(frame).__module__.partition(".")[0] == "pandas":
        frame = frame.set_axis(_text_labels(list(labels), source), axis=1)
    try:
        table = nw.from_native(frame)
    except (TypeError, ValueError) as error:
        if "uplicate" in f"{type(error).__name__} {error}":
            raise TableError(f"{source} has two columns of one name: {error}") from error
        raise TableError(
            f"{source} is {type(frame).__module__}.{type(frame).__qualname__}, expected a pandas, "
            "polars or pyarrow table, or a 2-D NumPy array."
        ) from error
    if isinstance(table, nw.LazyFrame):
        raise TableError(f"{source} is a lazy frame: call `.collect()` on it first.")
    if not table.columns:
        raise TableError(f"{source} has no columns.")
    if not len(table):
        raise TableError(f"{source} has {quote_names(table.columns)} but no rows.")
    return [_series_column(name, table[name], source) for name in table.columns]
