"""Terms: what a column of a table becomes in the design.

A term is a small frozen value, fitted to one column, that turns any later column of that name into
a block of features. All answer the same questions, so an encoder never asks what kind one is:

====================================  =============================================================
``Term.fit(column, values, weight)``  the term, with what it learnt from the training rows
``term.column``                       the name of the column it reads
``term.names``                        one name a feature
``term.group``                        the kind of its features; features of a kind share a penalty
``term.block(values)``                the design block, (n_rows, n_features) float64, no NaN
``term.entries(values)``              the block's non-zeros: rows, columns, values
``term.to_dict()``                    plain JSON types; `term_from_dict` gives the term back
====================================  =============================================================
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from derivata.errors import ModelFileError
from derivata.terms.category import Category
from derivata.terms.linear import Linear
from derivata.terms.missing import Missing

__all__ = ["Category", "Linear", "Missing", "Term", "term_from_dict"]


class Term(Protocol):
    """What every term answers; see the table above."""

    group: str

    @property
    def column(self) -> str:
        """The name of the column it reads."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """One name a feature."""
        ...

    def block(self, values: np.ndarray) -> np.ndarray:
        """Return the design block (n_rows, n_features), without NaN."""
        ...

    def entries(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows, columns and values of the block's non-zeros."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        ...


KINDS = {"category": Category, "linear": Linear, "missing": Missing}
"""Every term that can be saved, by the `kind` of its record."""


def term_from_dict(record: Any, where: str = "term") -> Term:
    """Rebuild the term that `to_dict` gave ``record``.

    Parameters
    ----------
    record : Any                   what a JSON parser returned; nothing about it is trusted
    where : str                    its path in the file, for messages

    Returns
    -------
    term : Term

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
