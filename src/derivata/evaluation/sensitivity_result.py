"""What is known of a fitted model's sensitivity: frozen values that print as tables.

Maths: docs/math/sensitivity.md
"""

from __future__ import annotations

from dataclasses import dataclass, field

from derivata.contracts import Array
from derivata.evaluation.measurement_error import ColumnSensitivity
from derivata.evaluation.sensitivity_words import table_of


@dataclass(frozen=True)
class Moved:
    """The criterion at another value of a hyperparameter.

    Attributes
    ----------
    factor : float                 0.9: ten per cent less
    first_order, predicted : float
        Its change by the slope alone, and with the curvature.
    refitted : float               by fits there; NaN if none could be judged
    entered, left : tuple of str   columns of a penalty with kinks, in any of the fits
    n_crossed : int                rows that cross a kink of their loss, summed over fits
    n_bounds, n_minima : int       fits that rest on other bounds, or end in another minimum
    """

    factor: float
    first_order: float
    predicted: float
    refitted: float
    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    n_crossed: int = 0
    n_bounds: int = 0
    n_minima: int = 0

    @property
    def leaps(self) -> bool:
        """Whether a fit leaps on the way there, so that no prediction can hold."""
        counts = self.n_crossed + self.n_bounds + self.n_minima
        return bool(self.entered or self.left or counts)


@dataclass(frozen=True)
class HyperSensitivity:
    """What one hyperparameter decides. Derivatives are by the log of its value.

    Attributes
    ----------
    name : str
    value : float
    slope, slope_error : float     of the criterion, and its standard error over rows
    curvature : float              second derivative; NaN where it was not asked for
    elasticity : float             per cent of the criterion for one per cent of the value
    in_errors : float              slope in standard errors of the criterion
    prediction_rms, prediction_max : float
        Slope of predictions, over all rows; in their unit.
    prediction_rms_errors, prediction_max_errors : float
        Slope of the outputs in their own standard errors.
    effective_params : float       derivative of the parameters that the data decide; NaN likewise
    moved : tuple of Moved         at -10 %, -1 %, +1 % and +10 %; empty where not refitted
    verdict : str                  in words
    """

    name: str
    value: float
    slope: float
    slope_error: float
    curvature: float
    elasticity: float
    in_errors: float
    prediction_rms: float
    prediction_max: float
    prediction_rms_errors: float
    prediction_max_errors: float
    effective_params: float
    moved: tuple[Moved, ...]
    verdict: str

    def at(self, factor: float) -> Moved | None:
        """What happens where the value is multiplied by one of the factors that were refitted."""
        return next((each for each in self.moved if each.factor == factor), None)


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Hyperparameters and columns of a fitted model. ``print`` shows both as tables.

    Attributes
    ----------
    model : str
    criterion : str
    in_nats : bool
        Whether the criterion is a whole in nats (evidence); else it is a mean a row.
    value, standard_error : float
        The criterion and its standard error over rows (NaN for evidence).
    hyper : tuple of HyperSensitivity
    columns : tuple of ColumnSensitivity
    rows : int array (m,)
        The user's numbers of the rows that these are about:
    outputs_by_hyper : array (m, n_outputs, n_hyper)
        Derivative of each output, on the link scale, by the log of each value.
    predictions_by_hyper : array (m, c, n_hyper)
        The same of predictions: means (c = 1) or the probability of each class.
    notes : tuple of str
    """

    model: str
    criterion: str
    in_nats: bool
    value: float
    standard_error: float
    hyper: tuple[HyperSensitivity, ...]
    columns: tuple[ColumnSensitivity, ...]
    rows: Array = field(repr=False)
    outputs_by_hyper: Array = field(repr=False)
    predictions_by_hyper: Array = field(repr=False)
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return table_of(self)
