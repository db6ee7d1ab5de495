"""Standard errors as a value: a table with words, intervals, and intervals of predictions.

Maths: docs/math/standard_errors.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import fill
from typing import Any

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student

from derivata.adapters.fitted import FittedModel
from derivata.adapters.inputs import n_rows_of
from derivata.contracts import Array, HessianInverse
from derivata.errors import InvalidParameter
from derivata.evaluation.family_of import family_of
from derivata.evaluation.prediction_intervals import PredictionIntervals, intervals_of
from derivata.objective import Expansion


@dataclass(frozen=True, eq=False)
class StandardErrors:
    """Coefficients with their errors; ``print`` it for a table.

    Attributes
    ----------
    names : tuple of str
    coef, errors : array (r,)          in the user's units
    covariance : array (r, r)          of the coefficients
    kind : str                         "bayes", "sandwich" or "cluster"
    freedom : float                    of Student's t; inf where the reference is normal
    is_test : array (r,) of bool       where z is a test of zero: no penalty touches it
    phi : float                        dispersion of the noise
    notes : tuple of str               what the numbers mean, in sentences
    """

    names: tuple[str, ...]
    coef: Array
    errors: Array
    covariance: Array
    kind: str
    freedom: float
    is_test: Array
    phi: float
    notes: tuple[str, ...]
    _at: ErrorsBasis = field(repr=False)
    _of_params: Array = field(repr=False)

    @property
    def z(self) -> Array:
        """Coefficients in units of their errors, (r,); NaN where the error is zero."""
        sound = self.errors > 0.0
        return np.where(sound, self.coef / np.where(sound, self.errors, 1.0), np.nan)

    @property
    def p_value(self) -> Array:
        """Two-sided p-values of a coefficient of zero, (r,); NaN where a penalty forbids one."""
        return np.where(self.is_test, 2.0 * self._tail(np.abs(self.z)), np.nan)

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Bounds (r,), (r,) of each coefficient, of probability ``level`` in the middle."""
        reach = self._reach(level) * self.errors
        return self.coef - reach, self.coef + reach

    def predict_interval(self, X: Any, level: float = 0.95) -> PredictionIntervals:
        """Intervals of new rows' expected targets, and of the targets themselves.

        Parameters
        ----------
        X : array or frame             columns as at the fit
        level : float                  in (0, 1)

        Notes
        -----
        Of the output (linear predictor) by J V J^T, then through the inverse link. A new
        observation adds the family's noise, with the dispersion of the fit; that noise has the
        family's form also where the covariance is a sandwich, which needs no family.
        """
        at, n_rows = self._at, n_rows_of(X)
        # Targets are not looked at; any that the model knows will do.
        judged = at.fitted.judged(X, np.repeat(at.sample_target, n_rows))
        outputs = judged.outputs(at.expansion.params)
        spread = judged.predictor.leverage(at.expansion.params, self._of_params)
        family, response = family_of(judged.loss), at.fitted.response
        reach = self._reach(level)
        return intervals_of(outputs, spread, response, family, at.noise, level, reach)

    def _reach(self, level: float) -> float:
        if not 0.0 < level < 1.0:
            raise InvalidParameter(f"`level` is {level!r}; expected a number in (0, 1).")
        upper = 0.5 + 0.5 * level
        if np.isinf(self.freedom):
            return float(norm.ppf(upper))
        return float(student.ppf(upper, self.freedom))

    def _tail(self, z: Array) -> Array:
        return norm.sf(z) if np.isinf(self.freedom) else student.sf(z, self.freedom)

    def __str__(self) -> str:
        lower, upper = self.interval()
        width = max([len(name) for name in self.names] + [11])
        head = f"{'coefficient':{width}s}  {'estimate':>11s}  {'error':>10s}  {'z':>7s}  "
        lines = [head + f"{'p':>8s}  {'95 % interval':>25s}"]
        p_value, z = self.p_value, self.z
        for row, name in enumerate(self.names):
            p = f"{p_value[row]:8.2g}" if np.isfinite(p_value[row]) else f"{'–':>8s}"
            lines.append(
                f"{name:{width}s}  {self.coef[row]:11.5g}  {self.errors[row]:10.4g}  "
                f"{z[row]:7.2f}  {p}  {lower[row]:12.5g} {upper[row]:12.5g}"
            )
        return "\n".join([*lines, "", *(fill(note, 100) for note in self.notes)])


@dataclass(frozen=True, eq=False)
class ErrorsBasis:
    """A model at its minimum, with what all kinds of error need."""

    fitted: FittedModel
    expansion: Expansion
    inverse: HessianInverse
    edf: float
    phi: float
    noise: float
    sample_target: Any
