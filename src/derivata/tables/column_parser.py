"""Words to columns: which columns of a text table hold numbers, words or dates.

A column is numeric if every present cell is a number. Otherwise let s be the share of present
cells that are none, and call the column *coded* if its cells repeat as codes do: at most 50
distinct ones, each four times on average. Then

    s < 1 %, or not coded and s <= 25 %,
    or not coded and s <= 50 % in at most 3 distinct words      refused, naming the first such line
    otherwise                                                   text; said, if a tenth are numbers

so that one stray word among 10,000 numbers never turns them into 10,000 categories, while codes
such as 0, 1, 2, 3+ stay what they are. Where the delimiter is not a comma, columns whose numbers
have a decimal comma are read so (1.234,5 = 1234.5), and then a column of nothing but 1.234 in the
same file has thousands too, with a warning.

The file is parsed once, a chunk of rows at a time, each chunk of a column straight to floats. Words
are kept only where a chunk is not numeric; a column that turns out late to be text is read again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from derivata.errors import TableError, TableWarning, warn
from derivata.tables.columns import Column, quote_names, text_column
from derivata.tables.csv_reader import CsvText

_COMMA_NUMBER = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*)(,\d+)?([eE][+-]?\d+)?")
_DECORATION = re.compile(r"[\s$€£¥%,'\u00a0\u202f]|USD|EUR|GBP|CHF")


@dataclass(frozen=True)
class ParseRules:
    """How the cells of a text table are to be read.

    Parameters
    ----------
    missing : frozenset of str     cells that are missing, blanks around them dropped
    categories : frozenset of str  names of columns that are text whatever they look like
    decimal : str or None          ``"."``, ``","``, or found from the text if None
    """

    missing: frozenset[str]
    categories: frozenset[str] = frozenset()
    decimal: str | None = None


def parse_columns(
    text: CsvText, rules: ParseRules, wanted: Collection[str]
) -> tuple[list[Column], np.ndarray]:
    """Read the ``wanted`` columns of ``text``.

    Parameters
    ----------
    text : CsvText
    rules : ParseRules
    wanted : collection of str     names; the cells of other columns are only counted

    Returns
    -------
    columns : list of Column
    lines : (n_rows,) int          the line each row begins on

    Raises
    ------
    TableError                     a ragged row, a stray word in a numeric column, or no rows
    """
    every = {j for j, name in enumerate(text.names) if name in wanted}
    as_words = {j for j in every if text.names[j] in rules.categories}
    comma = rules.decimal == ","
    piles, lines = _gather(text, rules.missing, every, every if comma else as_words)
    if not lines.size:
        raise TableError(f"`{text.source}` has column names but no rows below them.")
    if rules.decimal is None and text.delimiter != ",":
        comma = any(_holds_decimal_commas(pile, rules.missing) for pile in piles.values())
        if comma:  # 1.234 must be seen as written, in every column
            piles, lines = _gather(text, rules.missing, every, every)

    verdicts = {
        j: _judge(piles[j], _levels(piles[j], rules.missing, comma), j in as_words)
        for j in sorted(every)
    }
    for j, verdict in verdicts.items():
        if verdict.is_refused:
            raise TableError(_stray_fault(text, j, verdict, lines))
    again = {j for j in every if verdicts[j].is_text and piles[j].has_floats}
    if again:
        piles |= _gather(text, rules.missing, again, again)[0]
    columns, levels = [], {}
    for j in verdicts:
        name, levels[j] = text.names[j], _levels(piles[j], rules.missing, comma)
        if verdicts[j].is_text:
            pairs = zip(piles[j].words, levels[j].is_missing, strict=True)
            words = [None if gap else word for word, gap in pairs]
            columns.append(text_column(name, piles[j].codes, words))
        else:
            columns.append(Column(name, piles[j].numbers(levels[j].values)))
    _warn_of_doubts(text, verdicts, levels, lines, as_words)
    return columns, lines


@dataclass(frozen=True)
class _Pile:
    """One column as its chunks come in: each part floats, or codes into ``words``."""

    parts: list[np.ndarray] = field(default_factory=list)
    words: defaultdict[str, int] = field(default_factory=defaultdict)

    def __post_init__(self):
        self.words.default_factory = self.words.__len__

    @property
    def has_floats(self) -> bool:
        return any(part.dtype == np.float64 for part in self.parts)

    @property
    def codes(self) -> np.ndarray:
        return np.concatenate(self.parts)

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Return the cells as floats, given what each of the words is worth."""
        return np.concatenate(
            [part if part.dtype == np.float64 else values[part] for part in self.parts]
        )


@dataclass(frozen=True)
class _Levels:
    """What each distinct word of a pile is, (n_words,) each; ``values`` is NaN for non-numbers."""

    values: np.ndarray
    is_missing: np.ndarray
    is_number: np.ndarray
    is_dotted: np.ndarray


@dataclass(frozen=True)
class _Verdict:
    """Whether a column is text, is refused, and the first cell that is no number."""

    is_text: bool
    is_refused: bool = False
    stray_share: float = 0.0
    row: int = 0
    word: str = ""


def _gather(
    text: CsvText, missing: frozenset[str], wanted: Collection[int], as_words: Collection[int]
) -> tuple[dict[int, _Pile], np.ndarray]:
    """Go through the file once and pile up the ``wanted`` columns."""
    piles = {j: _Pile() for j in sorted(wanted)}
    numeric_missing = np.array(
        [value for word in missing if (value := _number(word)) is not None and value == value]
    )
    # float("1_000") is 1000 to Python, but a code to whoever wrote the file.
    underscores = b"_" in text.body
    every_line = []
    for lines, cells in text.chunks():
        every_line.append(lines)
        for j, pile in piles.items():
            part = None
            is_coded = bool(pile.parts) and pile.parts[-1].dtype != np.float64
            if (
                j not in as_words
                and not is_coded
                and not (underscores and "_" in "".join(cells[j]))
            ):
                part = _floats(cells[j], missing)
                if part is not None and numeric_missing.size:
                    part[np.isin(part, numeric_missing)] = np.nan
            if part is None:
                part = np.fromiter(map(pile.words.__getitem__, cells[j]), np.intp, len(cells[j]))
            pile.parts.append(part)
    return piles, np.concatenate(every_line) if every_line else np.empty(0, np.intp)


def _floats(cells: tuple[str, ...], missing: frozenset[str]) -> np.ndarray | None:
    """Return the cells as floats, or None if one is neither a number nor missing."""
    try:
        return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        pass
    try:
        numbers = (np.nan if cell in missing else float(cell) for cell in cells)
        return np.fromiter(numbers, np.float64, len(cells))
    except ValueError:
        return None


def _number(word: str) -> float | None:
    try:
        return None if "_" in word else float(word)
    except ValueError:
        return None


def _comma_number(word: str) -> float | None:
    if not _COMMA_NUMBER.fullmatch(word):
        return None
    return _number(word.replace(".", "").replace(",", "."))


def _levels(pile: _Pile, missing: frozenset[str], comma: bool) -> _Levels:
    """Read the distinct words of a pile, with a decimal comma if most of them have it."""
    words = [word.strip() for word in pile.words]
    is_missing = np.array([word in missing for word in words], bool)
    readings = [list(map(_number, words))]
    if comma:
        readings.insert(0, list(map(_comma_number, words)))
    counts = [sum(value is not None for value in reading) for reading in readings]
    reading = readings[int(np.argmax(counts))]
    values = np.array([np.nan if value is None else value for value in reading], np.float64)
    values[is_missing] = np.nan
    is_number = np.array([value is not None for value in reading], bool) & ~is_missing
    # Beside 1,5 a dot can only mean thousands; in a column without commas it is a guess.
    is_guess = comma and reading is readings[0] and not any("," in word for word in words)
    is_dotted = np.array([is_guess and "." in word for word in words], bool)
    return _Levels(values, is_missing, is_number, is_dotted & is_number)


def _holds_decimal_commas(pile: _Pile, missing: frozenset[str]) -> bool:
    """Whether what is no number in the column has a decimal comma, every cell of it."""
    levels = _levels(pile, missing, comma=False)
    odd = ~(levels.is_number | levels.is_missing)
    strays = [word.strip() for word, is_odd in zip(pile.words, odd, strict=True) if is_odd]
    return bool(strays) and all(_comma_number(word) is not None for word in strays)


def _judge(pile: _Pile, levels: _Levels, is_category: bool) -> _Verdict:
    """Decide between numbers and words; the module's docstring has the rule."""
    if is_category:
        return _Verdict(is_text=True)
    is_stray = ~(levels.is_number | levels.is_missing)
    if not is_stray.any():
        return _Verdict(is_text=False)
    coded = [part for part in pile.parts if part.dtype != np.float64]
    floats = [part for part in pile.parts if part.dtype == np.float64]
    counts = np.bincount(np.concatenate(coded), minlength=len(levels.values))
    n_present = counts[~levels.is_missing].sum() + sum((part == part).sum() for part in floats)
    share = counts[is_stray].sum() / n_present
    distinct = np.unique(np.concatenate([*floats, levels.values])).size + is_stray.sum()
    is_coded = distinct <= 50 and 4 * distinct <= n_present
    is_refused = share < 0.01 or (
        not is_coded and (share <= 0.25 or (share <= 0.5 and is_stray.sum() <= 3))
    )
    row = 0
    for part in pile.parts:
        hits = np.empty(0) if part.dtype == np.float64 else np.flatnonzero(is_stray[part])
        if hits.size:
            word = list(pile.words)[part[hits[0]]]
            return _Verdict(not is_refused, is_refused, share, row + int(hits[0]), word)
        row += part.size
    raise AssertionError("a stray word has a cell")


def _stray_fault(text: CsvText, j: int, verdict: _Verdict, lines: np.ndarray) -> str:
    name, word = text.names[j], verdict.word.strip()
    return (
        f"`{text.source}`, line {lines[verdict.row]}, column {name!r}: {word[:40]!r} is no number, "
        f"while {1 - verdict.stray_share:.2%} of the column's cells are. Correct it; or declare it "
        f"missing (`--missing {word[:40]!r}`, `missing=MISSING_WORDS | {{{word[:40]!r}}}`); or "
        f"make the column a category (`--category {name!r}`, `categories=[{name!r}]`)."
    )


def _warn_of_doubts(
    text: CsvText,
    verdicts: dict[int, _Verdict],
    levels: dict[int, _Levels],
    lines: np.ndarray,
    categories: Collection[int],
) -> None:
    """Warn of columns that a reader could have meant otherwise."""
    for j, verdict in verdicts.items():
        name = text.names[j]
        place = f"`{text.source}`, column {name!r}"
        if verdict.is_text and j not in categories:
            line, word = lines[verdict.row], verdict.word.strip()
            if verdict.stray_share <= 0.9:
                warn(
                    f"{place} is read as text: {1 - verdict.stray_share:.0%} of its cells are "
                    f"numbers, but line {line} holds {word[:40]!r}. To read it as numbers, declare "
                    "such words missing (`--missing WORD`); to be rid of this, name it as a "
                    f"category (`--category {name!r}`).",
                    TableWarning,
                )
            elif _DECORATION.search(word) and _number(_DECORATION.sub("", word)) is not None:
                warn(
                    f"{place} is read as text, though {word[:40]!r} on line {line} looks like a "
                    "number with a sign, unit or separator. Write plain numbers to read it as "
                    "such; if the comma is the decimal one, pass `--decimal ,`.",
                    TableWarning,
                )
    dotted = [
        text.names[j] for j in verdicts if levels[j].is_dotted.any() and not verdicts[j].is_text
    ]
    if dotted:
        warn(
            f"`{text.source}`, {quote_names(dotted)}: a dot is taken as a thousands separator "
            "(1.234 is 1234), because the file has decimal commas. If it is the decimal one, pass "
            "`--decimal .` and write every number so.",
            TableWarning,
        )
