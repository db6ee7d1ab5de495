"""A text column as one 0/1 feature a level, every level kept.

    z_l(x) = 1 if x is level l, else 0;     sum_l z_l(x) = 1 for a level seen at fit.

No level is left out as a reference: the penalty makes the coefficients unique, and treats every
level alike (a random effect). A row of zeros, which a level never seen at fit gets, is then
predicted by what is known of the row otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import ModelFileError, TableWarning, UnseenCategoryWarning, warn
from derivata.terms.cells import counted_rows, require_names, words
from derivata.terms.record import check_keys, choice_field, flag_field, text_field, texts_field

MAX_LEVELS = 1_000
"""Levels that get a feature of their own; the rarer rest shares one."""


@dataclass(frozen=True)
class Category:
    """The text column ``column``, one feature a level."""

    column: str

    def __post_init__(self) -> None:
        require_names(self.column)

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of the column it reads."""
        return (self.column,)

    def fit(
        self, cells: Mapping[str, np.ndarray], weight: np.ndarray | None = None
    ) -> FittedCategory:
        """Learn the levels, sorted by their total weight, then by name.

        Beyond `MAX_LEVELS` the rest is merged into one level and a `TableWarning` names the column.

        Parameters
        ----------
        cells : mapping                ``cells[column]`` is (n_rows,) object of str; None = missing
        weight : (n_rows,) or None     non-negative; all ones if None

        Returns
        -------
        fitted : FittedCategory

        Raises
        ------
        InvalidData                    if the column is not there or holds numbers
        """
        cells, weight = counted_rows(cells, self.columns, weight)
        codes, levels = factorize(words(cells, self.column))
        totals = np.bincount(codes, weight, len(levels))
        order = sorted(
            (code for code, word in enumerate(levels) if word is not None),
            key=lambda code: (-totals[code], levels[code]),
        )
        kept = tuple(str(levels[code]) for code in order[:MAX_LEVELS])
        if len(order) > MAX_LEVELS:
            warn(
                f"column {self.column!r} has {len(order):,} levels; the {MAX_LEVELS:,} most "
                f"frequent get a coefficient each and the other {len(order) - MAX_LEVELS:,} share "
                f"one, '{self.column}=(other)'. Group its levels yourself, or drop the column.",
                TableWarning,
            )
        return FittedCategory(self.column, kept, None in levels, len(order) > MAX_LEVELS)


@dataclass(frozen=True)
class FittedCategory:
    """The levels of the text column ``column``, most frequent first.

    Parameters
    ----------
    column : str
    levels : tuple of str          each has a feature of its own
    has_missing : bool             missing cells were there at fit and are a level
    has_other : bool               levels beyond `MAX_LEVELS` were merged into one
    """

    column: str
    levels: tuple[str, ...]
    has_missing: bool = False
    has_other: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of the column it reads."""
        return (self.column,)

    @property
    def texts(self) -> tuple[str, ...]:
        """Its column: its cells are words."""
        return (self.column,)

    @property
    def label(self) -> str:
        """The name of its column."""
        return self.column

    @property
    def names(self) -> tuple[str, ...]:
        """One name a level, ``column=level``; then ``(missing)`` and ``(other)`` if there are."""
        words = list(self.levels)
        for word in ["(missing)"] * self.has_missing + ["(other)"] * self.has_other:
            while word in words:  # a level may itself be spelled "(missing)"
                word = f"({word})"
            words.append(word)
        return tuple(f"{self.column}={word}" for word in words)

    @property
    def parts(self) -> tuple[str, ...]:
        """One penalty for all levels."""
        return ("category",) * len(self.names)

    def block(self, cells: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the design block of ``cells``; see `entries` for levels not seen at fit.

        Parameters
        ----------
        cells : mapping                ``cells[column]`` is (n_rows,) object of str; None = missing

        Returns
        -------
        block : (n_rows, n_levels)     zeros and ones, float64
        """
        rows, columns, ones = self.entries(cells)
        block = np.zeros((len(cells[self.column]), len(self.names)))
        block[rows, columns] = ones
        return block

    def entries(self, cells: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows, columns and values of the entries of `block` that are not zero.

        A level not seen at fit has no entry, and one `UnseenCategoryWarning` names such levels with
        their count; the same holds for missing cells where the fit saw none. Where rare levels were
        merged, a level that is not kept may be one of them, so it counts as one, silently.

        Returns
        -------
        rows, columns, ones : three arrays (n_entries,)
        """
        values = words(cells, self.column)
        codes, found = factorize(values)
        position: dict[str | None, int] = {word: i for i, word in enumerate(self.levels)}
        if self.has_missing:
            position[None] = len(self.levels)
        other = len(self.names) - 1 if self.has_other else -1
        places = np.array(
            [position.get(word, other if word is not None else -1) for word in found], np.intp
        )
        columns = places[codes]
        rows = np.flatnonzero(columns >= 0)
        if rows.size < len(values):
            unseen = [word for word, place in zip(found, places, strict=True) if place < 0]
            self._warn_unseen(unseen, len(values) - rows.size, len(values))
        return rows, columns[rows], np.ones(rows.size)

    def _warn_unseen(self, unseen: list[str | None], n_cells: int, n_rows: int) -> None:
        shown = [repr(word) if word is not None else "a missing cell" for word in unseen[:5]]
        more = f" and {len(unseen) - 5} more" if len(unseen) > 5 else ""
        warn(
            f"column {self.column!r} has {', '.join(shown)}{more}, never seen at fit, in {n_cells} "
            f"of {n_rows} rows; they get no coefficient of it. If this is a spelling of "
            "a known level, correct it; else fit again with such rows.",
            UnseenCategoryWarning,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the term as plain JSON types."""
        return {
            "kind": "category",
            "column": self.column,
            "levels": list(self.levels),
            "has_missing": self.has_missing,
            "has_other": self.has_other,
        }

    @classmethod
    def from_dict(cls, record: Any, where: str = "term") -> FittedCategory:
        """Rebuild what `to_dict` gave.

        Returns
        -------
        term : Category

        Raises
        ------
        ModelFileError                 naming the malformed field
        """
        check_keys(record, ("kind", "column", "levels", "has_missing", "has_other"), where)
        choice_field(record, "kind", where, ("category",))
        term = cls(
            text_field(record, "column", where),
            texts_field(record, "levels", where),
            flag_field(record, "has_missing", where),
            flag_field(record, "has_other", where),
        )
        if not term.names or len(term.levels) > MAX_LEVELS:
            raise ModelFileError(
                f"`{where}.levels` holds {len(term.levels):,} levels, expected 1 to {MAX_LEVELS:,}."
            )
        return term


def factorize(values: Sequence | np.ndarray) -> tuple[np.ndarray, list]:
    """Number the distinct values in order of appearance.

    One dictionary look-up a value: several times faster than `np.unique`, which sorts objects.

    Returns
    -------
    codes : (n_rows,) int
    distinct : list                ``distinct[codes[i]] == values[i]``
    """
    seen: defaultdict[Any, int] = defaultdict()
    seen.default_factory = seen.__len__
    codes = np.fromiter(map(seen.__getitem__, values), np.intp, len(values))
    return codes, list(seen)
