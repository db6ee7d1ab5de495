"""A numeric column in its own units: moved to mean 0 and stretched to standard deviation 1.

    u = (x - low) / span,     z = (u - center) / spread,

low and span the least training value and the range, center and spread the weighted mean and
standard deviation of u. In two steps, because the first is exact for neighbouring numbers: a column
of 1e8 plus small differences keeps the digits of the differences. z does not change when the column
is moved or stretched.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from derivata.errors import InvalidData, ModelFileError
from derivata.terms.record import check_keys, number_field


@dataclass(frozen=True)
class Standard:
    """What a numeric column is moved and divided by.

    Parameters
    ----------
    low, span : float              least value and range; of a constant column the span is 1
    center, spread : float         weighted mean and standard deviation of (x - low) / span
    """

    low: float
    span: float
    center: float
    spread: float

    @classmethod
    def fit(cls, column: str, values: np.ndarray, weight: np.ndarray) -> Standard:
        """Learn from the present cells.

        Parameters
        ----------
        column : str                   its name, for messages
        values : (n_rows,) float64     NaN = missing
        weight : (n_rows,)             positive

        Returns
        -------
        standard : Standard            turns a constant column into zeros

        Raises
        ------
        InvalidData                    if no cell is present, or their range is no finite number
        """
        present = ~np.isnan(values)
        if not present.any():
            raise InvalidData(
                f"column {column!r} has no cell with a number and a positive weight. Drop the term."
            )
        if not present.all():
            values, weight = values[present], weight[present]
        low, high = float(values.min()), float(values.max())
        if low == high:
            return cls(low, 1.0, 0.0, 1.0)
        if not np.isfinite(high / 2 - low / 2) or high / 2 - low / 2 > np.finfo(float).max / 2:
            raise InvalidData(
                f"column {column!r} goes from {low:.3g} to {high:.3g}, further than numbers of 64 "
                "bits can tell. Divide it by a constant."
            )
        span = high - low
        unit = (values - low) / span
        total = weight.sum()
        center = float(weight @ unit / total)
        spread = float(np.sqrt(weight @ (unit - center) ** 2 / total))
        return cls(low, span, center, spread if spread > 0 else 1.0)

    def unit(self, values: np.ndarray) -> np.ndarray:
        """Return u (n_rows,): the training values lie in [0, 1]; NaN stays."""
        return (values - self.low) / self.span

    def standardize(self, values: np.ndarray) -> np.ndarray:
        """Return z (n_rows,), which is 0 where ``values`` is NaN: the average."""
        z = (self.unit(values) - self.center) / self.spread
        return np.where(np.isnan(z), 0.0, z)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Any, where: str) -> Standard:
        """Rebuild what `to_dict` gave.

        Returns
        -------
        standard : Standard

        Raises
        ------
        ModelFileError                 naming the malformed field
        """
        keys = ("low", "span", "center", "spread")
        check_keys(record, keys, where)
        standard = cls(*(number_field(record, key, where) for key in keys))
        if not (standard.span > 0 and standard.spread > 0):
            raise ModelFileError(f"`{where}` has a span or spread that is not positive.")
        return standard
