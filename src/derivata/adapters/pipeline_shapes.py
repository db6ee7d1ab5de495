"""Shapes of pipelines and searches: the last step's, on what the steps before it make of the rows.

The transformers are taken as they were fitted. Where each of their columns comes from one column of
the user's, contributions are added up by that column; else they are those of the transformed
columns, under their names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from derivata.adapters.column_owners import owners
from derivata.adapters.inputs import columns_of, require_fitted
from derivata.adapters.shapes import shape_of
from derivata.contracts import Array
from derivata.errors import DerivataError, InvalidData
from derivata.integrals.shapes import AdditiveOutputs, Shape


def search_shape(model: Any) -> Shape:
    """Of the best model that a search found and refitted."""
    require_fitted(model, "best_estimator_")
    return shape_of(model.best_estimator_)


def pipeline_shape(model: Any) -> Shape:
    """Of a pipeline's last step, with its rows transformed first."""
    last = shape_of(model[-1])
    if len(model) == 1:
        return last
    first = model[:-1]

    def transformed(X: Any) -> Any:
        try:
            rows = first.transform(X)
        except DerivataError:
            raise
        except (ValueError, TypeError, KeyError) as error:
            words = " ".join(str(error).split())
            raise InvalidData(f"the pipeline cannot transform these rows: {words:.400}") from error
        return rows.toarray() if hasattr(rows, "toarray") else rows

    if isinstance(last, AdditiveOutputs):
        return replace(last, effects=_after(last.effects, transformed))
    inputs, middle = _after(last.inputs, transformed), last.middle
    if middle is None and _is_centring(first[-1]):
        middle = np.zeros(len(last.columns))
    owner = owners(first, getattr(model, "n_features_in_", 0))
    if owner is None or len(owner) != len(last.columns):
        return replace(last, columns=_names(first, last.columns), inputs=inputs, middle=middle)
    owner = owner if last.owner is None else owner[last.owner]
    return replace(last, columns=columns_of(model), inputs=inputs, owner=owner, middle=middle)


def _after(function: Callable[[Any], Array], transform: Callable[[Any], Any]) -> Any:
    return lambda X: function(transform(X))


def _is_centring(step: Any) -> bool:
    """Whether a step leaves columns whose mean over the rows of the fit is zero."""
    return type(step).__name__ == "StandardScaler" and bool(step.with_mean)


def _names(first: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    """What the transformers call their columns."""
    try:
        names = tuple(str(name) for name in first.get_feature_names_out())
    except (AttributeError, ValueError, TypeError):
        return known
    return names if len(names) == len(known) else known
