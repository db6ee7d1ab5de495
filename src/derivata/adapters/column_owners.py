"""Which column of the user's each column of a fitted scikit-learn transformer comes from.

Known for transformers that treat columns one by one (scalers, imputers, encoders, splines of each
column, selections), alone, in a Pipeline or in a ColumnTransformer. They are asked for the names
of their columns with numbers for names, from which the owner is read off.
"""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np

from derivata.contracts import Array

COLUMN_BY_COLUMN = frozenset(
    {
        "StandardScaler",
        "MinMaxScaler",
        "MaxAbsScaler",
        "RobustScaler",
        "PowerTransformer",
        "QuantileTransformer",
        "Binarizer",
        "KBinsDiscretizer",
        "SplineTransformer",
        "OrdinalEncoder",
        "OneHotEncoder",
        "TargetEncoder",
        "SimpleImputer",
        "VarianceThreshold",
        "SelectKBest",
        "SelectPercentile",
        "SelectFromModel",
        "SelectFdr",
        "SelectFpr",
        "SelectFwe",
        "RFE",
        "RFECV",
        "SequentialFeatureSelector",
    }
)
_OWNER = re.compile(r"(?:missingindicator_)?c(\d+)(?:_|$)")


def owners(step: Any, n_columns: int) -> Array | None:
    """The number of the column that each output of a fitted transformer comes from.

    Parameters
    ----------
    step : transformer, "passthrough" or None
    n_columns : int                that it reads

    Returns
    -------
    owner : int array (n_outputs,) or None
        None where an output mixes columns, or it is not known that none does.
    """
    if step is None or step == "passthrough":
        return np.arange(n_columns)
    kind = type(step).__name__
    if kind == "Pipeline":
        found: Array | None = np.arange(n_columns)
        for _, each in step.steps:
            own = owners(each, len(found))
            if own is None:
                return None
            found = found[own]
        return found
    if kind == "ColumnTransformer":
        return _of_parts(step)
    return _of_names(step, n_columns) if kind in COLUMN_BY_COLUMN else None


def _of_parts(step: Any) -> Array | None:
    """Of a ColumnTransformer: each part's own columns, put where its outputs are."""
    read = getattr(step, "_transformer_to_input_indices", {})
    width = max((place.stop for place in step.output_indices_.values()), default=0)
    result = np.full(width, -1)
    for name, part, _ in step.transformers_:
        place = step.output_indices_[name]
        if part == "drop" or place.start == place.stop:
            continue
        if name not in read:
            return None
        columns = np.asarray(read[name], int)
        own = owners(part, len(columns))
        if own is None or len(own) != place.stop - place.start:
            return None
        result[place] = columns[own]
    return None if (result < 0).any() else result


def _of_names(step: Any, n_columns: int) -> Array | None:
    """By what it calls its outputs when its columns are c0, c1, ..."""
    unnamed = copy.copy(step)
    if hasattr(unnamed, "feature_names_in_"):
        del unnamed.feature_names_in_
    try:
        names = unnamed.get_feature_names_out([f"c{j}" for j in range(n_columns)])
    except (ValueError, AttributeError, TypeError):
        return None
    found = [_OWNER.match(str(name)) for name in names]
    if not all(found):
        return None
    return np.array([int(match[1]) for match in found if match], int)
