"""Attribution: how much of a prediction each column makes, against a baseline, with its error.

    f(x) - f(b) = sum_j IG_j,      IG_j = (x_j - b_j) int_0^1 d_j f(b + t (x - b)) dt

Exact for linear and additive models, in closed form, and for networks of ReLU, between kinks;
otherwise by Gauss-Legendre. No training data is needed, and nothing is fitted.

Source: Sundararajan, Taly & Yan (2017), Axiomatic attribution for deep networks, ICML, section 3.
Maths: docs/math/attribution.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from derivata.adapters.shapes import shape_of
from derivata.contracts import Array
from derivata.errors import AttributionWarning, InvalidParameter, NotAvailable, ShapeMismatch, warn
from derivata.evaluation.attribution import SCORES, Attribution
from derivata.integrals.by_shape import Rule, integrate, integrate_effects
from derivata.integrals.links import Exponential, Identity, Softmax
from derivata.integrals.path_integral import PathIntegral, mean_integral
from derivata.integrals.shapes import AdditiveOutputs, LinearOutputs, NetworkOutputs, Shape

# Contributions that miss by more than this share of their sizes are warned of.
LARGEST_MISS = 1e-4
SEVERAL_INPUTS = "paths are straight in what the first layer reads: scaled numbers and levels."


def attribute(
    model: Any,
    rows: Any,
    *,
    baseline: Any = None,
    background: Any = None,
    on: str = "outputs",
    target: Any = None,
    rule: Rule | None = None,
) -> Attribution:
    """How much each column adds to the outputs of some rows, against a baseline.

    Parameters
    ----------
    model : estimator, TableModel or a shape
        Fitted: a linear or additive model, a network, or a Pipeline or search of one; or
        ``SmoothOutputs(columns, function, gradient, inputs)`` for any smooth function.
    rows : array, frame or Table (m, n_columns)
        To explain; one row may be given as one line.
    baseline : array or frame, optional
        Rows to compare with; of several the average is taken (expected gradients), at their number
        times the cost. One line, such as ``X.mean(axis=0)``, is one baseline.
    background : array or frame, optional
        In place of ``baseline``: the mean of what the model reads of these rows.
    on : "outputs" or "response"
        The link scale, on which linear and additive models are sums; or means and probabilities.
    target : class label, optional
        Explain this class alone; default: all, of two classes the second.
    rule : GaussLegendre or BetweenKinks, optional
        How networks and functions are integrated; default: what fits.

    Returns
    -------
    Attribution
        Contributions that add up to the change of the output, with what they miss.

    Raises
    ------
    InvalidParameter
        If the model is of another kind, naming those there are; it is not fitted; an argument has
        a value that is not allowed; or a baseline is needed and none is given.
    NotAvailable
        If ``on="response"`` is asked of a model that has no response.
    InvalidData, TableError
        If rows have other columns than the model was fitted to, or a cell that is no number.

    Warns
    -----
    AttributionWarning
        If contributions miss the change by more than 1e-4 of their sizes.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> data = load_diabetes(as_frame=True)
    >>> model = Ridge(alpha=0.1).fit(data.data, data.target)
    >>> found = attribute(model, data.data[:1], background=data.data)
    >>> found.names[found.order()[0]], round(float(found.values.sum()), 1)
    ('bmi', 47.7)
    """
    if on not in ("outputs", "response"):
        raise InvalidParameter(f"`on` is {on!r}; expected 'outputs' or 'response'.")
    if baseline is not None and background is not None:
        raise InvalidParameter("`baseline` and `background` are both given; one of them decides.")
    shape, response = shape_of(model), on == "response"
    if response and shape.link is None:
        raise NotAvailable(
            f"{type(model).__name__} has scores and no probabilities, so there is no response to "
            "explain. Use on='outputs'."
        )
    if isinstance(shape, AdditiveOutputs):
        found, notes = _of_terms(shape, rows, baseline, background, response)
        names = shape.labels
    else:
        found, notes = _of_inputs(shape, rows, baseline, background, response, rule)
        found, names = _by_column(found, shape.owner, len(shape.columns)), shape.columns
    _require_complete(found)
    return _chosen(found, names, shape, response, target, notes)


def as_rows(values: Any) -> Any:
    """Rows as the model takes them; a single line becomes a table of one row."""
    if hasattr(values, "to_frame") and getattr(values, "ndim", 2) == 1:  # a Series of pandas
        return values.to_frame().T.infer_objects()
    if isinstance(values, list | tuple) and len(values) and np.ndim(values[0]) == 0:
        return np.asarray(values)[None]
    return values[None] if isinstance(values, np.ndarray) and values.ndim == 1 else values


def _of_terms(
    shape: AdditiveOutputs, rows: Any, baseline: Any, background: Any, response: bool
) -> tuple[PathIntegral, tuple[str, ...]]:
    """Contributions of an additive model's terms."""
    end = shape.effects(as_rows(rows))
    if baseline is not None:
        start = shape.effects(as_rows(baseline))
        if not response or isinstance(shape.link, Identity):  # linear in the baseline
            start = start.mean(axis=1, keepdims=True)
        each = (
            integrate_effects(shape, start[:, j : j + 1], end, response=response)
            for j in range(start.shape[1])
        )
        return mean_integral(each), ()
    if background is not None:
        middle, notes = shape.effects(background).mean(axis=1), ()
    else:
        middle, notes = shape.middle, (f"the baseline is {shape.middle_is}.",)
    if middle is None:
        raise _no_baseline()
    return integrate_effects(shape, middle[:, None, :], end, response=response), notes


def _of_inputs(
    shape: Any, rows: Any, baseline: Any, background: Any, response: bool, rule: Rule | None
) -> tuple[PathIntegral, tuple[str, ...]]:
    """Contributions of the inputs of a linear model, a network or a function."""
    end = np.asarray(shape.inputs(as_rows(rows)), float)
    network = isinstance(shape, NetworkOutputs)
    notes = (SEVERAL_INPUTS,) if network and shape.owner is not None else ()
    if baseline is not None:
        starts = np.asarray(shape.inputs(as_rows(baseline)), float)
        linear = isinstance(shape, LinearOutputs)
        if linear and (not response or isinstance(shape.link, Identity)):  # linear in it
            starts = starts.mean(axis=0)[None]
    elif background is not None:
        starts = np.asarray(shape.inputs(background), float).mean(axis=0)[None]
    elif shape.middle is not None:
        starts = shape.middle[None]
        notes = (f"the baseline is {shape.middle_is}.", *notes)
    else:
        raise _no_baseline()
    if starts.shape[1] != end.shape[1]:
        raise ShapeMismatch(
            f"`baseline` has {starts.shape[1]} columns and `rows` has {end.shape[1]}."
        )
    each = (
        integrate(shape, np.broadcast_to(start, end.shape), end, response=response, rule=rule)
        for start in starts
    )
    return mean_integral(each), notes


def _no_baseline() -> InvalidParameter:
    return InvalidParameter(
        "`baseline` is None, and this model keeps no mean of the rows that it was fitted to. Give "
        "`background=X_train`, whose mean is taken; or a row to compare with as `baseline`, such "
        "as `X_train.mean(axis=0)`."
    )


def _by_column(found: PathIntegral, owner: Array | None, n_columns: int) -> PathIntegral:
    """Contributions of the inputs of each column added up."""
    if owner is None:
        return found
    member = (owner[:, None] == np.arange(n_columns)).astype(float)
    return replace(found, values=np.einsum("mpq,pc->mcq", found.values, member))


def _require_complete(found: PathIntegral) -> None:
    """Warn where contributions miss the change of the output."""
    miss = found.completeness_error
    size = np.abs(found.values).sum(axis=1)
    bad = ~(miss <= LARGEST_MISS * size + 1e-12)
    if bad.any():
        row, output = np.unravel_index(int(np.argmax(np.where(bad, miss, -1.0))), miss.shape)
        warn(
            f"the contributions of {int(bad.any(axis=1).sum())} of {len(miss)} rows do not add up: "
            f"those of row {row} miss the change of its output by {miss[row, output]:.2g}, where "
            f"their sizes sum to {size[row, output]:.2g}. Give more nodes: "
            "`rule=GaussLegendre(max_evaluations=512)`.",
            AttributionWarning,
        )


def _chosen(
    found: PathIntegral,
    names: tuple[str, ...],
    shape: Shape,
    response: bool,
    target: Any,
    notes: tuple[str, ...],
) -> Attribution:
    """What was found, as the user sees it: one output without an axis of outputs."""
    classes, q = shape.classes, found.end.shape[1]
    labels = [str(label) for label in classes]
    if target is not None and (not classes or str(target) not in labels):
        there = ", ".join(labels) if classes else "none: it does not classify"
        raise InvalidParameter(
            f"`target` is {target!r:.60}, which is no class of the model; its classes are {there}."
        )
    values, start, end = found.values, found.start, found.end
    output_names: tuple[str, ...] = ()
    if q == 1:
        first = target is not None and labels.index(str(target)) == 0
        if first:  # of two classes the other one
            whole = 1.0 if response else 0.0
            values, start, end = -values, whole - start, whole - end
        values, start, end = values[:, :, 0], start[:, 0], end[:, 0]
        scale = _scale(shape, response)
        if classes:
            scale += f" of {labels[0 if first else 1]}"
    else:
        scale = _scale(shape, response)
        output_names = tuple(labels) if len(labels) == q else tuple(f"output {j}" for j in range(q))
        if isinstance(shape.link, Softmax) and not response:
            notes = (*notes, f"{SCORES}.")
    result = Attribution(
        values,
        names,
        end,
        start,
        np.abs(values.sum(axis=1) - (end - start)),
        found.n_evaluations,
        found.method,
        scale,
        output_names,
        notes,
    )
    return result.of(target) if target is not None and q > 1 else result


def _scale(shape: Shape, response: bool) -> str:
    """What the outputs are, in words."""
    if shape.classes:
        if response:
            return "probability"
        return "log-odds" if shape.link is not None and len(shape.classes) == 2 else "score"
    if isinstance(shape.link, Exponential):
        return "expected value" if response else "log of the expected value"
    return "prediction"
