"""Text lines to rows of cells: which delimiter, where the header is, which line a row is on.

The delimiter is the one under which the rows agree: for each candidate

    score = share of sampled rows that are as wide as the header
            x (1 + share of cells that hold no other candidate)

over the first `SAMPLE` bytes, if it splits the header at all. Quoting is RFC 4180's (a cell that
holds the delimiter, a line break or a quote stands in double quotes, an inner quote is doubled) and
strict: a quote that never ends would swallow the rest of the file without a word. Blank lines are
skipped; blanks after a delimiter belong to no cell. Line breaks may be LF, CRLF or CR.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from derivata.errors import InvalidParameter, TableError, TableWarning, warn
from derivata.tables.columns import quote_names

CANDIDATES = ",;\t|"
SAMPLE = 256 * 2**10
CELLS_A_CHUNK = 8_000  # a chunk's words fit the cache: three times faster than 200,000

_SPELLED = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "space"}
_NUMBER = re.compile(r"\s*[+-]?(\d[\d.,]*|[.,]\d+)([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class CsvText:
    """A text table whose delimiter and header are known.

    Parameters
    ----------
    source : str                   the file's name, for messages
    body : bytes                   UTF-8
    delimiter : str
    names : tuple of str           distinct, none empty
    """

    source: str
    body: bytes
    delimiter: str
    names: tuple[str, ...]

    def chunks(self) -> Iterator[tuple[np.ndarray, list[tuple[str, ...]]]]:
        """Yield the rows below the header, some thousand at a time.

        Yields
        ------
        lines : (n_rows,) int          the number, from 1, of the line each row begins on
        cells : list of tuple of str   one tuple a column, n_rows long

        Raises
        ------
        TableError                     naming the line that has too few or too many cells, a quote
                                       that does not end, or a cell beyond the limit of `csv`
        """
        reader = _reader(self.body, self.delimiter)
        next(row for row in reader if row)
        n_rows = max(64, CELLS_A_CHUNK // len(self.names))
        while True:
            before, rows = reader.line_num, []
            try:
                rows.extend(islice(reader, n_rows))  # keeps what came before an error
            except csv.Error as error:
                before += int(_heights(rows).sum())
                raise TableError(self._quoting_fault(before + 1, error)) from error
            if not rows:
                return
            lines = before + 1 + np.arange(len(rows))
            if reader.line_num - before != len(rows):
                lines[1:] = before + 1 + np.cumsum(_heights(rows))[:-1]
            widths = np.fromiter(map(len, rows), np.intp, len(rows))
            full = widths > 0
            wrong = np.flatnonzero(full & (widths != len(self.names)))
            if wrong.size:
                raise TableError(self._ragged_fault(lines[wrong[0]], rows[wrong[0]]))
            if not full.all():
                rows, lines = [row for row in rows if row], lines[full]
            if rows:
                yield lines, list(zip(*rows, strict=True))

    def _ragged_fault(self, line: int, row: list[str]) -> str:
        found, expected = len(row), len(self.names)
        cure = (
            "Quote cells that hold the delimiter, and look for a lost or stray one on that line."
            if expected > 1
            else "Is the first line a title? Delete it; else give the delimiter."
        )
        return (
            f"`{self.source}`, line {line}: {found} cells, but the header has {expected} (delimiter"
            f": {_SPELLED.get(self.delimiter, repr(self.delimiter))}). {cure}"
        )

    def _quoting_fault(self, line: int, error: csv.Error) -> str:
        if "field limit" in str(error):
            what = f"a cell of more than {csv.field_size_limit():,} characters"
            cure = "A quote that is never closed does this; if the cell is right, drop its column."
        elif "unexpected end" in str(error):
            what = "a quoted cell that never ends"
            cure = "Close its quote, or write a quote that belongs to the cell as two."
        else:
            what = f"quotes that do not pair ({error})"
            cure = "Write a quote that belongs to a quoted cell as two."
        return f"`{self.source}`: the row that begins on line {line} has {what}. {cure}"


def open_csv(source: str, body: bytes, delimiter: str | None = None) -> CsvText:
    """Find the delimiter and the header of a text table.

    Parameters
    ----------
    source : str                   the file's name, for messages
    body : bytes                   UTF-8, not blank
    delimiter : str or None        one character; found from the text if None

    Returns
    -------
    text : CsvText

    Raises
    ------
    InvalidParameter               if ``delimiter`` is not one character that can be one
    TableError                     if there is no header, or a name comes twice in it
    """
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise InvalidParameter(
            f"`delimiter` is {delimiter!r}, expected one character such as ',' or '\\t'."
        )
    # Excel's own way of naming the delimiter; the line is blanked so that line numbers stay right.
    if named := re.match(rb"sep=([^\r\n])(?=\r|\n)", body):
        delimiter = delimiter or named[1].decode()
        body = body[named.end() :]
        body = b"\n" + body if not body.startswith(b"\r\n") else body
    if delimiter is None:
        delimiter = _sniff(source, body)
    try:
        header = next(row for row in _reader(body, delimiter) if row)
    except (csv.Error, StopIteration) as error:
        raise TableError(
            f"`{source}`: the line of column names cannot be read ({error}). Check its quotes."
        ) from error
    return CsvText(source, body, delimiter, _column_names(source, header))


def _reader(body: bytes, delimiter: str) -> Any:
    lines = io.TextIOWrapper(io.BytesIO(body), "utf-8", newline=None)
    # `csv` forbids blanks to be both skipped and the delimiter.
    return csv.reader(
        lines, delimiter=delimiter, strict=True, skipinitialspace=not delimiter.isspace()
    )


def _heights(rows: list[list[str]]) -> np.ndarray:
    """Return how many lines each row takes: one, and one more for each line break in its cells."""
    breaks = (sum(cell.count("\n") for cell in row) for row in rows)
    return 1 + np.fromiter(breaks, np.intp, len(rows))


def _sniff(source: str, body: bytes) -> str:
    """Return the delimiter under which the sampled rows agree best."""
    sample = body[:SAMPLE].decode(errors="ignore")
    best, best_score = ",", -1.0
    for candidate in CANDIDATES:
        rows = _sample_rows(sample, candidate, len(body) > SAMPLE)
        width = len(rows[0])
        agree = sum(len(row) == width for row in rows) / len(rows)
        others = set(CANDIDATES) - {candidate}
        clean = np.mean([others.isdisjoint(cell) for row in rows for cell in row])
        # A header that is not split is believed only where nothing splits it.
        score = agree * (1 + float(clean)) * (1.0 if width > 1 else 1e-3)
        if score > best_score:
            best, best_score = candidate, score
    if best_score < 0.01:
        _refuse_hidden_columns(source, sample, len(body) > SAMPLE)
    return best


def _sample_rows(sample: str, delimiter: str, is_cut: bool) -> list[list[str]]:
    lines = io.StringIO(sample, newline=None)
    reader = csv.reader(
        lines, delimiter=delimiter, skipinitialspace=not delimiter.isspace(), strict=False
    )
    rows: list[list[str]] = []
    try:
        rows.extend(row for row in islice(reader, 1_000) if row)
    except csv.Error:  # a cell beyond the limit: judged by the rows before it
        pass
    if is_cut and len(rows) > 1:
        rows.pop()
    return rows or [[""]]


def _refuse_hidden_columns(source: str, sample: str, is_cut: bool) -> None:
    """Refuse a text that seems to have one column because its header hides that it has more."""
    lines = [line for line in io.StringIO(sample, newline=None) if line.strip()]
    lines = lines[: -1 if is_cut else None][:1_000]
    split = [line.split() for line in lines]
    if len(split[0]) > 1 and len(split) > 1 and all(len(row) == len(split[0]) for row in split):
        if all(_NUMBER.fullmatch(cell) for cell in split[-1]):
            raise TableError(
                f"`{source}`: its {len(split[0])} columns seem to be separated by blanks. Use "
                "commas, semicolons, tabs or pipes."
            )
    if all(_NUMBER.fullmatch(line) for line in lines[1:]):
        return  # one column of decimal commas
    for candidate in CANDIDATES:
        rows = _sample_rows(sample, candidate, is_cut)[1:]
        widths = Counter(map(len, rows))
        width, count = widths.most_common(1)[0] if rows else (1, 0)
        if width > 1 and count >= 0.8 * len(rows):
            raise TableError(
                f"`{source}`, line 1: one cell, while the lines below hold {width} each "
                f"(delimiter: {_SPELLED[candidate]}). If line 1 is a title, delete it; if there is "
                "but one column, give another delimiter."
            )


def _column_names(source: str, header: list[str]) -> tuple[str, ...]:
    names = [name.strip() for name in header]
    positions: dict[str, int] = {}
    for position, name in enumerate(names, 1):
        if name and name in positions:
            raise TableError(
                f"`{source}`: cells {positions[name]} and {position} of the header are both "
                f"{name!r}. Give every column its own name; if line 1 holds data, add a header."
            )
        positions[name] = position
    unnamed = []
    for position, name in enumerate(names, 1):
        if not name:
            name = f"column_{position}"
            while name in positions:
                name += "_"
            names[position - 1] = name
            positions[name] = position
            unnamed.append(name)
    if unnamed:
        warn(
            f"`{source}`: {len(unnamed)} of {len(names)} cells of the header are empty; they are "
            f"called {quote_names(unnamed)}. Name them, or drop them.",
            TableWarning,
        )
    # Years, or pandas' 0, 1, 2, ...: numbers that count up are names.
    first = int(names[0]) if re.fullmatch(r"\d{1,9}", names[0]) else 0
    counting = names == [str(first + position) for position in range(len(names))]
    if not unnamed and not counting and all(_NUMBER.fullmatch(name) for name in names):
        warn(
            f"`{source}`: its first line holds only numbers ({', '.join(names[:4])}, ...) and is "
            "taken as the column names. If it is data, add a line of names above it.",
            TableWarning,
        )
    return tuple(names)
