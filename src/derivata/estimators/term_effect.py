"""The effect of one term over the range of its columns, with a pointwise posterior band.

    f(x) = z(x) coef - mean,      band f(x) +- q sqrt(z(x)^T V z(x))

z(x) are the term's centred features, V the posterior covariance of its coefficients, penalties'
uncertainty included. On the scale of the outputs: log-odds, log-means, or the target's own unit.
Source: Marra & Wood (2012), Scand. J. Statist. 39, 53-74, who show that such bands cover about
right on average over x. Maths: docs/math/additive.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.estimators.additive_model import AdditiveModel
from derivata.terms import FittedTerm


@dataclass(frozen=True, eq=False)
class TermEffect:
    """An effect at chosen cells.

    Attributes
    ----------
    label : str
    cells : dict of str to array (m,)
        Where it is given: numbers, or words with None for a missing cell.
    effect, lower, upper : array (m, k)
        On the scale of the outputs, centred over the training rows; bounds are NaN where the model
        has too many coefficients for error bars.
    level : float
    """

    label: str
    cells: dict[str, Array]
    effect: Array
    lower: Array
    upper: Array
    level: float


def term_effect(model: AdditiveModel, label: str, n_points: int, level: float) -> TermEffect:
    """The effect of the term of a label; see ``AdditiveRegressor.partial_effect``."""
    if not 0.0 < level < 1.0:
        raise InvalidParameter(f"`level` is {level!r}; expected a number in (0, 1).")
    if n_points < 2:
        raise InvalidParameter(f"`n_points` is {n_points!r}; expected at least 2.")
    number = model.term_number(label)
    cells = term_cells(model, model.encoder.terms[number], n_points)
    return effect_at(model, number, cells, level)


def effect_at(
    model: AdditiveModel, number: int, cells: dict[str, Array], level: float = 0.95
) -> TermEffect:
    """The effect of a term at given cells of its columns."""
    term, span = model.encoder.terms[number], model.encoder.spans[number]
    features = term.block(cells) - model.encoder.center[span]
    effect = features @ model.params[:, :-1][:, span].T - model.strengths.mean[number]
    error: Any = np.full_like(effect, np.nan)
    if model.covariance is not None:
        error = model.effect_error(number, features)
    reach = float(ndtri(0.5 + 0.5 * level)) * error
    return TermEffect(term.label, cells, effect, effect - reach, effect + reach, level)


def term_cells(model: AdditiveModel, term: FittedTerm, n_points: int) -> dict[str, Array]:
    """Cells over the range of a term's columns: a line of points, every level, or a grid."""
    each = n_points if len(term.columns) == 1 else max(int(round(n_points**0.5)), 2)
    axes = {name: model.ranges[name].axis(each) for name in term.columns}
    if len(axes) == 1:
        return axes
    grids = np.meshgrid(*[np.arange(len(axis)) for axis in axes.values()], indexing="ij")
    return {
        name: axis[grid.ravel()] for (name, axis), grid in zip(axes.items(), grids, strict=True)
    }
