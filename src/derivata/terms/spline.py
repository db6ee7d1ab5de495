"""A numeric column as a smooth curve: one feature for its trend, a block of them for its bends.

    f(x) = b s(x) + Z(x) c,     penalty  alpha_straight b^2 + alpha_wiggly |c|^2,
                                |c|^2 ~ int f''(x)^2 dx;

see `Curve` for s and Z. A curve can be asked to only rise or only fall, and to bend one way only:
then coefficients must satisfy linear inequalities, ``constraints() @ coef >= 0``. Those for convex
curves are exact, those for rising ones sufficient: a quadratic B-spline (f') with no negative
coefficient is nowhere negative. Both hold beyond the outer knots too, where f is straight.

Source: Eilers & Marx (1996), Statistical Science 11, 89-121 (penalised B-splines); Wood (2017),
Generalized Additive Models, 2nd ed., chapter 5.
Maths: docs/math/splines.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import InvalidData, InvalidParameter, ModelFileError
from derivata.terms.cells import counted_rows, numbers, require_count, require_names
from derivata.terms.curve import LEAST_VALUES, Curve
from derivata.terms.record import check_keys, choice_field, text_field

MONOTONE = (None, "increasing", "decreasing")
CONVEX = (None, "convex", "concave")


@dataclass(frozen=True)
class Spline:
    """A smooth curve of the numeric column ``column``.

    Parameters
    ----------
    column : str
    n_basis : int                  dimension of all curves, the constant and the line included;
                                   fewer where the column has fewer distinct values. More than
                                   enough is right: the penalty decides how much the curve bends
    monotone : str or None         "increasing", "decreasing"
    convex : str or None           "convex", "concave"
    adaptive : bool                measure bends where the rows are, for columns with long tails:
                                   int h(x) f''^2 dx, see `Curve`

    >>> import numpy as np
    >>> x = np.array([0.0, 1.0, 2.0, 3.0, 5.0, np.nan])
    >>> fitted = Spline("age").fit({"age": x})
    >>> fitted.names
    ('age', 'age~1', 'age~2', 'age~3')
    >>> fitted.parts
    ('straight', 'wiggly', 'wiggly', 'wiggly')
    >>> fitted.block({"age": x}).round(2)[-2:, 0]
    array([1.63, 0.  ])
    """

    column: str
    n_basis: int = 12
    monotone: str | None = None
    convex: str | None = None
    adaptive: bool = False

    def __post_init__(self) -> None:
        require_names(self.column)
        require_count("n_basis", self.n_basis, LEAST_VALUES, 200)
        for name, value, choices in (
            ("monotone", self.monotone, MONOTONE),
            ("convex", self.convex, CONVEX),
        ):
            if value not in choices:
                raise InvalidParameter(
                    f"`{name}` is {value!r}, expected one of {', '.join(map(repr, choices))}."
                )
        if not isinstance(self.adaptive, bool):
            raise InvalidParameter(f"`adaptive` is {self.adaptive!r}, expected True or False.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of the column it reads."""
        return (self.column,)

    def fit(
        self, cells: Mapping[str, np.ndarray], weight: np.ndarray | None = None
    ) -> FittedSpline:
        """Place knots and find the bends.

        Parameters
        ----------
        cells : mapping                ``cells[column]`` is (n_rows,) float64; NaN = missing
        weight : (n_rows,) or None     non-negative; all ones if None

        Returns
        -------
        fitted : FittedSpline

        Raises
        ------
        InvalidData                    if there are fewer than 4 distinct values
        """
        cells, weight = counted_rows(cells, self.columns, weight)
        values = numbers(cells, self.column)
        curve = Curve.fit(self.column, values, weight, self.n_basis, adaptive=self.adaptive)
        if not curve.splines.n_splines:
            n_distinct = np.unique(values[~np.isnan(values)]).size
            raise InvalidData(
                f"column {self.column!r} has {n_distinct} distinct values, and a spline needs at "
                f"least {LEAST_VALUES}. Use `Linear({self.column!r})`, or make words of the values "
                f"and use `Category({self.column!r})`."
            )
        return FittedSpline(self.column, curve, self.monotone, self.convex)


@dataclass(frozen=True)
class FittedSpline:
    """The curve of the numeric column ``column``, and the shape that was asked for."""

    column: str
    curve: Curve
    monotone: str | None = None
    convex: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of the column it reads."""
        return (self.column,)

    @property
    def texts(self) -> tuple[str, ...]:
        """None: its cells are numbers."""
        return ()

    @property
    def label(self) -> str:
        """The name of its column."""
        return self.column

    @property
    def names(self) -> tuple[str, ...]:
        """The column's name for the straight feature, ``column~1`` and so on for the bends."""
        n_bends = self.curve.splines.n_splines
        return (self.column, *(f"{self.column}~{j}" for j in range(1, n_bends + 1)))

    @property
    def parts(self) -> tuple[str, ...]:
        """One penalty for the trend, one for all bends."""
        return ("straight", *("wiggly",) * self.curve.splines.n_splines)

    def block(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the design block of ``cells``.

        Parameters
        ----------
        cells : mapping                ``cells[column]`` is (n_rows,) float64; NaN = missing

        Returns
        -------
        block : (n_rows, n_features)   zeros, which is the average, where a cell is missing
        """
        return self.curve.block(numbers(cells, self.column))

    def constraints(self) -> np.ndarray:
        """Return the inequalities of the shape that was asked for.

        Returns
        -------
        A : (n_constraints, n_features)   rows of length 1; with ``A @ coef >= 0``, ``block @ coef``
                                          has the shape everywhere. No row if none was asked for
        """
        slopes, bends = self.curve.slopes, self.curve.bends
        up = {"increasing": 1.0, "decreasing": -1.0, None: 0.0}[self.monotone]
        bent = {"convex": 1.0, "concave": -1.0, None: 0.0}[self.convex]
        rows = np.zeros((0, self.curve.n_features))
        if bent:
            rows = bent * bends
        if up and bent:
            # The slope only rises (or only falls), so that at one end decides.
            rows = np.vstack([rows, up * slopes[[0 if up == bent else -1]]])
        elif up:
            rows = up * slopes
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.where(lengths > 0, lengths, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        return {
            "kind": "spline",
            "column": self.column,
            "curve": self.curve.to_dict(),
            "monotone": self.monotone,
            "convex": self.convex,
        }

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> FittedSpline:
        """Rebuild what `to_dict` gave.

        Returns
        -------
        term : FittedSpline

        Raises
        ------
        ModelFileError                 naming the malformed field
        """
        check_keys(record, ("kind", "column", "curve", "monotone", "convex"), where)
        curve = Curve.from_dict(record["curve"], f"{where}.curve")
        if not curve.splines.n_splines:
            raise ModelFileError(f"`{where}.curve` has no bends, which a spline has.")
        return cls(
            text_field(record, "column", where),
            curve,
            choice_field(record, "monotone", where, MONOTONE),
            choice_field(record, "convex", where, CONVEX),
        )
