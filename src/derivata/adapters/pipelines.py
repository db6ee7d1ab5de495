"""Models at the end of a Pipeline, and the best of a search.

Transformers are taken as they were fitted: they turn the rows handed in into those of the last
step, and stay what they are when a row is left out. A transformer that looks at the target, or that
has few rows a column, so makes evaluations somewhat too good; ``notes`` says so.

Maths: docs/math/adapters.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from derivata.adapters.adapt import adapt
from derivata.adapters.fitted import FittedModel
from derivata.adapters.inputs import columns_of, require_fitted
from derivata.errors import DerivataError, InvalidData, InvalidParameter
from derivata.objective import Objective

AS_FITTED = (
    "transformers ({names}) are taken as fitted: they are not fitted anew where rows are left out"
)
SEARCHED = "{name} chose its settings from these rows, which scores do not know of"


def adapt_pipeline(model: Any, X: Any, y: Any, sample_weight: Any = None) -> FittedModel:
    """A fitted Pipeline whose last step can be adapted."""
    steps = [(name, step) for name, step in model.steps if step not in (None, "passthrough")]
    if not steps:
        raise InvalidParameter("`model` is a Pipeline without steps; its last must be a model.")
    last = steps[-1][1]
    if len(steps) == 1:
        return adapt(last, X, y, sample_weight)
    before = [step for _, step in steps[:-1]]
    transform = _transform(before)
    inner = _named(adapt(last, transform(X), y, sample_weight), model, last)
    names = ", ".join(type(step).__name__ for step in before)
    return replace(
        _through(inner, transform),
        name=f"Pipeline({names}, {inner.name})",
        # Transformers of text have no number of columns.
        columns=columns_of(model) if hasattr(model, "n_features_in_") else inner.columns,
        notes=(AS_FITTED.format(names=names), *inner.notes),
    )


def adapt_search(model: Any, X: Any, y: Any, sample_weight: Any = None) -> FittedModel:
    """The best model of a GridSearchCV or RandomizedSearchCV."""
    kind = type(model).__name__
    if not getattr(model, "refit", True):
        raise InvalidParameter(
            f"`model` is a {kind}(refit=False), which keeps no model. Fit it with `refit=True`."
        )
    require_fitted(model, "best_estimator_")
    inner = adapt(model.best_estimator_, X, y, sample_weight)
    return replace(inner, is_tuned=True, notes=(*inner.notes, SEARCHED.format(name=kind)))


def _transform(steps: list[Any]) -> Callable[[Any], Any]:
    """The user's X -> the rows of the last step."""

    def transform(X: Any) -> Any:
        rows = X
        try:
            for step in steps:
                rows = step.transform(rows)
        except DerivataError:
            raise
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidData(f"the pipeline's transformers refuse `X`: {error}") from error
        return rows

    return transform


def _through(inner: FittedModel, transform: Callable[[Any], Any]) -> FittedModel:
    """The model of transformed rows as one of rows."""

    def judged(X: Any, y: Any, sample_weight: Any = None) -> Objective:
        return inner.judged(transform(X), y, sample_weight)

    shape = inner.shape
    if hasattr(shape, "inputs"):
        inputs = shape.inputs
        shape = replace(shape, inputs=lambda X: inputs(transform(X)))
    elif hasattr(shape, "effects"):
        effects = shape.effects
        shape = replace(shape, effects=lambda X: effects(transform(X)))
    return replace(inner, judged=judged, shape=shape)


def _named(inner: FittedModel, model: Any, last: Any) -> FittedModel:
    """The model of the last step with the names that the transformers give its columns."""
    if hasattr(last, "feature_names_in_"):
        return inner
    try:
        names = tuple(str(name) for name in model[:-1].get_feature_names_out())
    except (AttributeError, ValueError, TypeError):  # a transformer that knows none
        return inner
    if len(names) != len(inner.columns):
        return inner
    new = dict(zip(inner.columns, names, strict=True))
    coefficients, shape = inner.coefficients, inner.shape
    if coefficients is not None:
        coefficients = coefficients.renamed(new)
    if hasattr(shape, "columns"):
        shape = replace(shape, columns=tuple(new.get(name, name) for name in shape.columns))
    return replace(inner, columns=names, coefficients=coefficients, shape=shape)
