"""What errors of measurement in each column do to predictions, held-out loss and coefficients.

At prediction, a column that is measured with an independent error of standard deviation s moves a
row's outputs from z(x) to z(x + s e). With e normal, expectations are taken by the Gauss-Hermite
rule of three nodes,

    E f(e) ~ 2/3 f(0) + 1/6 f(sqrt 3) + 1/6 f(-sqrt 3)

which is exact for polynomials up to the fifth degree: the mean square of z's move, and the expected
change of the loss, s^2 / 2 d2 loss / dx^2 to leading order, cost two passes a column whatever the
model is.

At the fit, errors in the column's rows pull its coefficient towards zero (attenuation) and move the
others: ``implicit.params_by_noise``.

Maths: docs/math/sensitivity.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.adapters.fitted import FittedModel
from derivata.contracts import Array
from derivata.evaluation.moved_columns import Columns
from derivata.evaluation.prediction_moves import two_axes
from derivata.implicit import params_by_noise
from derivata.integrals.shapes import LinearOutputs
from derivata.lazy import lazy
from derivata.objective import Expansion

NODE = float(np.sqrt(3.0))
# Above so many multiplications, over all columns, the attenuation of coefficients is left out.
LARGEST_WORK = 2e10
# Slopes of inputs by a column, found by a difference, are equal but for rounding.
SAME = 1e-6


@dataclass(frozen=True)
class ColumnSensitivity:
    """What errors of measurement in one column do.

    Attributes
    ----------
    name : str
    error : float                  s, standard deviation of the error, in the column's unit
    prediction_change : float      root mean square of the move of a prediction, in its unit
    prediction_change_max : float  of the row that moves most
    in_errors : float              root mean square of the outputs' move, in standard errors
    loss_change : float            expected change of the mean held-out loss
    coefficient : float            of a linear model of one output, else NaN
    coefficient_bias : float       its expected change, were the model fitted with such errors
    coefficient_spread : float     the standard deviation of that change
    """

    name: str
    error: float
    prediction_change: float
    prediction_change_max: float
    in_errors: float
    loss_change: float
    coefficient: float = float("nan")
    coefficient_bias: float = float("nan")
    coefficient_spread: float = float("nan")

    @property
    def attenuation(self) -> float:
        """The expected share of the coefficient that is lost; below zero where it grows."""
        return -self.coefficient_bias / self.coefficient if self.coefficient else float("nan")


@dataclass(frozen=True, eq=False)
class Judge:
    """What predictions and losses are measured by.

    Attributes
    ----------
    fitted : FittedModel
    expansion : Expansion          at the minimum
    columns : Columns              of the rows of the fit
    y : targets of the same rows, as handed in
    base : array (n, k)            outputs that losses are judged at: of fits without the row
    output_errors : array (n, k)   standard errors of the outputs; > 0
    """

    fitted: FittedModel
    expansion: Expansion
    columns: Columns
    y: Any
    base: Array
    output_errors: Array

    def all(self, errors: Mapping[str, float]) -> tuple[ColumnSensitivity, ...]:
        """The sensitivity to each of the named columns."""
        predictor = self.expansion.objective.predictor
        work = len(errors) * predictor.n_rows * predictor.n_params**2
        made = [self._column(name, error) for name, error in errors.items()]
        if work > LARGEST_WORK or predictor.n_outputs > 1 or not predictor.is_linear:
            return tuple(made)
        return tuple(replace(each, **self._coefficient(each.name, each.error)) for each in made)

    def _column(self, name: str, error: float) -> ColumnSensitivity:
        """What errors in one column do at prediction."""
        moves = self._moves(name, NODE * error)
        objective, weight = self.expansion.objective, self.expansion.objective.weight
        mean, at = self.fitted.response.mean, self.expansion.outputs
        start = two_axes(mean(at))
        shifts = [two_axes(mean(at + move)) - start for move in moves]
        rows = np.sqrt(sum((shift**2).max(axis=1) for shift in shifts) / 6.0)
        relative = (moves[0] ** 2 + moves[1] ** 2) / (6.0 * self.output_errors**2)
        loss, y = objective.loss, objective.y
        losses = [loss.at(y, self.base + move).value for move in moves]
        change = (losses[0] + losses[1] - 2.0 * loss.at(y, self.base).value) / 6.0
        return ColumnSensitivity(
            name,
            error,
            prediction_change=float(np.sqrt(np.average(rows**2, weights=weight))),
            prediction_change_max=float(rows.max()),
            in_errors=float(np.sqrt(np.average(relative.max(axis=1), weights=weight))),
            loss_change=float(np.average(change, weights=weight)),
        )

    def _moves(self, name: str, shift: float) -> tuple[Array, Array]:
        """Moves of the outputs (n, k) by ``shift`` more and less in a column."""
        more, less = (self._outputs(self.columns.moved(name, by)) for by in (shift, -shift))
        return more - self._still, less - self._still

    @lazy
    def _still(self) -> Array:
        """Outputs as they are: not those of the fit, which may have an offset beside them."""
        return self._outputs(self.columns.X)

    def _outputs(self, X: Any) -> Array:
        return self.fitted.judged(X, self.y).outputs(self.expansion.params)

    def _coefficient(self, name: str, error: float) -> dict[str, float]:
        """What the fit does with such errors in its rows, if a coefficient is the column's."""
        direction = self._direction(name, error)
        if direction is None:
            return {}
        slope = float(direction @ self.expansion.params)
        noisy = params_by_noise(self.expansion, direction, slope)
        along = direction @ noisy.factor
        return {
            "coefficient": slope,
            "coefficient_bias": error**2 * float(direction @ noisy.bias),
            "coefficient_spread": error * float(np.sqrt(along @ along)),
        }

    def _direction(self, name: str, error: float) -> Array | None:
        """Derivative by the parameters of the column's coefficient in the user's units, or None.

        Inputs that a pipeline makes of the column must be linear in it, the same for every row.
        """
        fitted, shape = self.fitted, self.fitted.shape
        if fitted.coefficients is None or not isinstance(shape, LinearOutputs):
            return None
        n_inputs = shape.weight.shape[1]
        rows = _dense(fitted.coefficients.matrix)[:n_inputs]
        if rows.shape[0] != n_inputs or not np.allclose(rows @ fitted.params, shape.weight[0]):
            return None  # coefficients that are no weights of the inputs
        before, after = (shape.inputs(self.columns.moved(name, by)) for by in (0.0, error))
        slopes = _dense(after - before) / error
        spread = np.abs(slopes - slopes[0]).max()
        return slopes[0] @ rows if spread <= SAME * np.abs(slopes).max() else None


def _dense(values: Any) -> Array:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values)
