"""Everything derivata raises or warns with, drawn as trees.

Errors, all ``DerivataError`` (a ``ValueError``, so handlers written for scikit-learn catch them)::

    DerivataError
    +-- InvalidData            a value in X, y or the weights cannot be used; names column and row
    |   +-- ShapeMismatch      two things that must have the same length do not
    |   +-- InvalidTarget      the target is illegal for the loss (negative counts, one class, ...)
    |   +-- InvalidWeight      a sample weight, offset or exposure cannot be used
    +-- InvalidParameter       an argument of ours has a value outside what is allowed
    +-- NotConverged           something needs a minimiser and was handed another point
    +-- NotAvailable           this quantity cannot be had this way; says which way it can
    +-- TableError             a table cannot be read or has other columns than expected
    +-- ModelFileError         a saved model is damaged, unsafe or of a newer format

Warnings, all ``DerivataWarning`` (a ``UserWarning``), each with a stable ``code``::

    DerivataWarning
    +-- NotConvergedWarning    D101  the solver stopped early (a ConvergenceWarning too)
    +-- BoundWarning           D102  all tuned penalties ended on one edge of their range
    +-- StoppedWarning         D103  training was interrupted or diverged; the best weights stay
    +-- SeparationWarning      D201  a column or a combination separates the classes
    +-- CollinearWarning       D202  columns repeat each other; their split is arbitrary
    +-- ConstantColumnWarning  D203  a column has one value; its coefficient is 0
    +-- ExtremeValueWarning    D204  a value lies so far out that it rules its column
    +-- LeverageWarning        D205  a row is fitted by itself alone; leave-one-out cannot judge it
    +-- PerfectFitWarning      D206  the residuals are zero; error bars are not meaningful
    +-- NoFeatureWarning       D207  a sparse penalty left no feature: all coefficients are zero
    +-- AttributionWarning     D208  contributions to a prediction do not add up to it
    +-- UnseenCategoryWarning  D301  a level at predict was not there at fit; it adds nothing
    +-- TableWarning           D302  a table was read with a repair that you should know of
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path


class DerivataError(ValueError):
    """Base of every error raised on purpose by derivata."""


class InvalidData(DerivataError):
    """A value in the data cannot be used; the message names its column and row."""


class ShapeMismatch(InvalidData):
    """Two things that must agree in length or shape do not."""


class InvalidTarget(InvalidData):
    """The target is illegal for the loss."""


class InvalidWeight(InvalidData):
    """A sample weight, an offset or an exposure cannot be used."""


class InvalidParameter(DerivataError):
    """An argument has a value outside what is allowed."""


class NotConverged(DerivataError):
    """A minimiser was needed and another point was given."""


class NotAvailable(DerivataError):
    """The quantity asked for cannot be had this way."""


class TableError(DerivataError):
    """A table cannot be read, or lacks columns that a model needs."""


class ModelFileError(DerivataError):
    """A saved model is damaged, unsafe, or written by a newer format."""


class DerivataWarning(UserWarning):
    """Base of every warning; ``code`` is stable and documented."""

    code = "D000"

    def __str__(self) -> str:
        return f"[{self.code}] {super().__str__()}"


class NotConvergedWarning(DerivataWarning):
    """The solver stopped before its tolerance was met."""

    code = "D101"


class BoundWarning(DerivataWarning):
    """All tuned penalties ended on the same edge of their range."""

    code = "D102"


class StoppedWarning(DerivataWarning):
    """Training of a network ended before its last epoch; the best weights so far are kept."""

    code = "D103"


class SeparationWarning(DerivataWarning):
    """Some combination of columns separates the classes."""

    code = "D201"


class CollinearWarning(DerivataWarning):
    """Columns repeat each other, so the split between them is arbitrary."""

    code = "D202"


class ConstantColumnWarning(DerivataWarning):
    """A column holds a single value; its coefficient is zero."""

    code = "D203"


class ExtremeValueWarning(DerivataWarning):
    """A value lies so far out that it rules its column."""

    code = "D204"


class LeverageWarning(DerivataWarning):
    """A row is fitted by itself alone, so leave-one-out cannot judge it."""

    code = "D205"


class PerfectFitWarning(DerivataWarning):
    """The residuals are zero; error bars are not meaningful."""

    code = "D206"


class NoFeatureWarning(DerivataWarning):
    """A sparse penalty left no feature in the model."""

    code = "D207"


class AttributionWarning(DerivataWarning):
    """Contributions to a prediction miss it by more than rounding: the integral is too coarse."""

    code = "D208"


class UnseenCategoryWarning(DerivataWarning):
    """A category at predict was not there at fit."""

    code = "D301"


class TableWarning(DerivataWarning):
    """A table was read with a repair worth knowing of."""

    code = "D302"


def warn(message: str, category: type[DerivataWarning]) -> None:
    """Issue a warning that points to the first line outside this package: the user's own."""
    package, level = str(Path(__file__).parent), 2
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
