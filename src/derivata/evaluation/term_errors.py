"""The terms of an additive model with the errors of their effects.

    strength = standard deviation of f_t over the rows
    error    = root mean square of the posterior standard deviation of f_t over the rows

both on the link scale; of several outputs, over all of them. A term whose error exceeds its
strength is not known, whatever its p-value: its shape may be another.

Maths: docs/math/additive.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.estimators.additive_model import AdditiveModel
from derivata.estimators.term_summary import TermRow
from derivata.predictors.linear import LinearPredictor
from derivata.tables import Table

# Errors are averaged over so many rows, evenly spaced.
MOST_ROWS = 400


@dataclass(frozen=True)
class TermError:
    """One term.

    Attributes
    ----------
    row : TermRow                  its strength, effective parameters and test
    error : float                  of its effect, in the unit of the strength
    """

    row: TermRow
    error: float


@dataclass(frozen=True)
class TermErrors:
    """All terms, strongest first.

    Attributes
    ----------
    terms : tuple of TermError
    output_error : float           root mean square posterior error of the outputs
    output_spread : float          standard deviation of the outputs over the rows
    """

    terms: tuple[TermError, ...]
    output_error: float
    output_spread: float


def term_errors(model: AdditiveModel, rows: tuple[TermRow, ...], table: Table) -> TermErrors:
    """Errors of every term's effect at rows of a table.

    Parameters
    ----------
    model : AdditiveModel
    rows : tuple of TermRow        of its ``summary()``
    table : Table                  with the feature columns

    Raises
    ------
    NotAvailable                   if the model has too many coefficients for a covariance
    """
    if table.n_rows > MOST_ROWS:
        table = table.take(np.linspace(0, table.n_rows - 1, MOST_ROWS).round().astype(np.intp))
    variance = model.output_variance(table)
    spread = np.sqrt(np.mean(np.diagonal(variance, axis1=1, axis2=2)))
    outputs = model.outputs(table)
    predictor = LinearPredictor(model.encoder.design(table), 1)
    features = predictor.jacobian(np.zeros(predictor.n_params), np.arange(table.n_rows))[:, 0]
    found = [TermError(row, _error(model, row.label, features)) for row in rows]
    return TermErrors(tuple(found), float(spread), float(outputs.std(axis=0).mean()))


def _error(model: AdditiveModel, label: str, features: Array) -> float:
    number = model.term_number(label)
    block = features[:, model.encoder.spans[number]]
    return float(np.sqrt(np.mean(model.effect_error(number, block) ** 2)))
