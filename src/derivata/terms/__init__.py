"""Terms: what columns of a table become in the design.

A *request* is what the user writes, ``Category("city")``: a small frozen value that names columns
and has seen no data. Its `Term.fit` gives a *fitted* term, which turns any later cells of those
columns into a block of features. All answer the same questions, so nobody asks what kind one is:

==============================  ===================================================================
``Term.columns``                the names of the columns it reads
``Term.fit(cells, weight)``     the fitted term, with what it learnt from the training rows
------------------------------  -------------------------------------------------------------------
``FittedTerm.columns``          the names of the columns it reads
``FittedTerm.texts``            those of them that it reads as words; the others are numbers
``FittedTerm.label``            how reports call it
``FittedTerm.names``            one name a feature
``FittedTerm.parts``            the penalty part of each feature; one penalty a part of a term
``FittedTerm.block(cells)``     the design block, (n_rows, n_features) float64, no NaN
``FittedTerm.to_dict()``        plain JSON types; `term_from_dict` gives the fitted term back
==============================  ===================================================================

``cells`` maps the name of a column to its cells, (n_rows,): float64 with NaN for a missing cell, or
an object array of str with None for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from derivata.errors import ModelFileError
from derivata.terms.category import Category, FittedCategory
from derivata.terms.cyclic import Cyclic, FittedCyclic
from derivata.terms.date import Date, FittedDate
from derivata.terms.level_curves import FittedLevelCurves
from derivata.terms.linear import FittedLinear, Linear
from derivata.terms.missing import FittedMissing, Missing
from derivata.terms.pairs import FittedPairs
from derivata.terms.product import FittedProduct, Product
from derivata.terms.slopes import FittedSlopes
from derivata.terms.spline import FittedSpline, Spline
from derivata.terms.surface import FittedSurface, Surface

__all__ = [
    "KINDS",
    "Category",
    "Cyclic",
    "Date",
    "FittedCategory",
    "FittedCyclic",
    "FittedDate",
    "FittedLevelCurves",
    "FittedLinear",
    "FittedMissing",
    "FittedPairs",
    "FittedProduct",
    "FittedSlopes",
    "FittedSpline",
    "FittedSurface",
    "FittedTerm",
    "Linear",
    "Missing",
    "Product",
    "ShapedTerm",
    "Spline",
    "Surface",
    "Term",
    "term_from_dict",
]


class Term(Protocol):
    """What a user asks for: columns, and what should become of them."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it reads."""
        ...

    def fit(self, cells: Mapping[str, np.ndarray], weight: np.ndarray | None = None) -> FittedTerm:
        """Learn from training rows.

        Parameters
        ----------
        cells : mapping                column name -> (n_rows,) float64 or object of str
        weight : (n_rows,) or None     non-negative; all ones if None

        Returns
        -------
        fitted : FittedTerm

        Raises
        ------
        InvalidData                    if the cells cannot be what the term asks for
        """
        ...


class FittedTerm(Protocol):
    """What every fitted term answers; see the table above."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it reads."""
        ...

    @property
    def texts(self) -> tuple[str, ...]:
        """Those of its columns whose cells it reads as words: object arrays, None = missing."""
        ...

    @property
    def label(self) -> str:
        """How reports call the term: "age", "a × b"."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """One name a feature, with the names of its columns in it: unique in a model."""
        ...

    @property
    def parts(self) -> tuple[str, ...]:
        """The penalty part of each feature; features of one term and part share one penalty."""
        ...

    def block(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the design block (n_rows, n_features) of ``cells``, without NaN."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        ...

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> FittedTerm:
        """Rebuild what `to_dict` gave; a malformed field raises `ModelFileError`."""
        ...


@runtime_checkable
class ShapedTerm(Protocol):
    """A fitted term that may be asked to be monotone or convex."""

    def constraints(self) -> np.ndarray:
        """Return A (m, n_features): ``A @ coef >= 0`` gives the shape asked for; m may be 0."""
        ...


KINDS: dict[str, type[FittedTerm]] = {
    "category": FittedCategory,
    "cyclic": FittedCyclic,
    "date": FittedDate,
    "level_curves": FittedLevelCurves,
    "linear": FittedLinear,
    "missing": FittedMissing,
    "pairs": FittedPairs,
    "product": FittedProduct,
    "slopes": FittedSlopes,
    "spline": FittedSpline,
    "surface": FittedSurface,
}
"""Every fitted term that can be saved, by the `kind` of its record."""


def term_from_dict(record: Any, where: str = "term") -> FittedTerm:
    """Rebuild the fitted term that `to_dict` gave ``record``.

    Parameters
    ----------
    record : Any                   what a JSON parser returned; nothing about it is trusted
    where : str                    its path in the file, for messages

    Returns
    -------
    term : FittedTerm

    Raises
    ------
    ModelFileError                 naming the malformed field
    """
    kind = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ModelFileError(
            f"`{where}.kind` is {kind!r}, expected one of {', '.join(sorted(KINDS))}. The model "
            "file is damaged or was written by a newer version of derivata."
        )
    return KINDS[kind].from_dict(record, where)
