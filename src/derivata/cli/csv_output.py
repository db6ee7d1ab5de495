"""Columns as CSV text that is safe to open in a spreadsheet.

A spreadsheet takes a cell that begins with = + - @, a tab or a carriage return for a formula and
runs it, and class names come from whoever wrote the table. Such a cell is written with an
apostrophe before it, unless it is a number: numbers are never changed.

Source: OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from derivata.cli.exit_codes import CannotWrite
from derivata.files.atomic import atomic_writer, why_not_written

CHUNK = 20_000
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def csv_chunks(columns: Mapping[str, np.ndarray]) -> Iterator[str]:
    """The text of a CSV file with a header, some rows at a time.

    Parameters
    ----------
    columns : mapping of str to array (n_rows,)
        float64 (written so that they read back equal; NaN as an empty cell) or object of str.

    Yields
    ------
    chunk : str                    whole lines, each ended by a line feed
    """
    yield ",".join(map(text_cell, columns)) + "\n"
    n_rows = len(next(iter(columns.values())))
    known: dict[str, str] = {}
    for start in range(0, n_rows, CHUNK):
        cells = [_cells(values[start : start + CHUNK], known) for values in columns.values()]
        yield "".join(f"{','.join(row)}\n" for row in zip(*cells, strict=True))


def text_cell(text: str) -> str:
    """One cell of text: harmless in a spreadsheet, and quoted if it must be."""
    if text[:1] in ("=", "+", "-", "@", "\t", "\r") and text and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    if any(character in text for character in ',"\n\r') or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def write_chunks(chunks: Iterable[str], path: str) -> None:
    """Write text to a file, whole or not at all; to a device or a pipe as it comes.

    Raises
    ------
    CannotWrite                    says why, and the cure
    """
    try:
        if _is_special(Path(path)):
            with open(path, "w", encoding="utf-8", newline="") as stream:
                stream.writelines(chunks)
            return
        with atomic_writer(path) as file:
            for chunk in chunks:
                file.write(chunk.encode("utf-8", "replace"))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWrite(why_not_written(error, path)) from error


def refuse_overwriting(out: str, *inputs: str | Path) -> None:
    """Raise ``CannotWrite`` if a command's output is one of its inputs; "-" is no file."""
    for path in map(Path, inputs):
        if out != "-" and Path(out).exists() and path.exists() and Path(out).samefile(path):
            raise CannotWrite(f"{out!r} is an input of this command. Write to another file.")


def _cells(values: np.ndarray, known: dict[str, str]) -> list[str]:
    if values.dtype == np.float64:
        return ["" if value != value else repr(value) for value in values.tolist()]
    for text in set(values) - known.keys():
        known[text] = text_cell(text)
    return [known[text] for text in values]


def _is_special(path: Path) -> bool:
    """Whether there is something at the path that is neither a file nor a folder."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
