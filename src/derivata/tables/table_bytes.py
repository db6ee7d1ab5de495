"""The bytes of a text table on disk, as UTF-8 without a mark.

A file is read once, whole, and every guard applies while it is read: a gzip bomb is refused as soon
as it has unpacked to `GZIP_FREE` bytes at more than `GZIP_RATIO` to one, and a file without a line
break in `READ_CHUNK` bytes as soon as those are read. The encoding is told by the byte order mark;
without one the bytes must be UTF-8, and if they are not they are taken as Windows-1252 (which has
the letters of Latin-1 and more), with a `TableWarning`: such files nearly always are.
"""

from __future__ import annotations

import codecs
import gzip
import os
import re
import zlib
from pathlib import Path
from typing import IO

from derivata.errors import TableError, TableWarning, warn
from derivata.tables.columns import did_you_mean

READ_CHUNK = 16 * 2**20
GZIP_FREE = 64 * 2**20
GZIP_RATIO = 200  # tables compress 3 to 60 times; DEFLATE's limit, which bombs reach, is 1,032

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_TEXT = (
    (rb"PK\x03\x04", "a zip archive or an Excel workbook", "save the sheet as CSV, or unzip it"),
    (rb"\xd0\xcf\x11\xe0", "an Excel workbook", "save the sheet as CSV"),
    (rb"BZh[1-9]", "compressed by bzip2", "unpack it, or compress it by gzip"),
    (rb"\xfd7zXZ", "compressed by xz", "unpack it, or compress it by gzip"),
    (rb"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it, or compress it by gzip"),
    (rb"\x1f\x8b", "compressed twice", "unpack it once"),
    (rb"\x93NUMPY", "a NumPy array", "save it as CSV"),
    (rb"\x80[\x02-\x05]", "a pickle, which can run code when read", "save the table as CSV"),
    (rb"%PDF", "a PDF document", "save the table as CSV"),
    (rb"(?s).{257}ustar", "a tar archive", "unpack it"),
    (rb"(?i)\s*<(!doctype|html|\?xml)", "a web page or XML", "download the table itself"),
    (rb"\s*(\[\s*)?\{\s*\"", "JSON", "save the table as CSV"),
)


def read_text_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return the text of the file at ``path`` as UTF-8, unpacked if it is gzip.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    body : bytes                   valid UTF-8 without mark and NUL, and not blank

    Raises
    ------
    TableError                     if there is no such file, it cannot be read or unpacked, is
                                   empty, is no text, or holds a NUL or a line beyond the limit
    """
    source = str(path)
    with open_binary(path) as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if packed:
            try:
                data = _read_guarded(gzip.open(file), source, file)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise TableError(
                    f"`{source}` is damaged gzip ({error}). Copy or download it again."
                ) from error
        else:
            data = _read_guarded(file, source)
    for pattern, what, cure in _NOT_TEXT:
        if re.match(pattern, data[:300]):
            raise TableError(f"`{source}` is {what}, not a text table: {cure}.")
    body = _as_utf8(data, source)
    if not body.strip():
        raise TableError(
            f"`{source}` is empty: {len(data)} bytes. A table needs a line of column names and at "
            "least one row."
        )
    return body


def open_binary(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open the file at ``path`` for reading, or say why it cannot be.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    file : binary file

    Raises
    ------
    TableError                     with the nearest file name if there is no such file
    """
    place = Path(path)
    try:
        if place.is_dir():
            raise TableError(f"`{path}` is a directory, expected a file. Name one file in it.")
        if not place.exists():
            files = (
                [entry.name for entry in place.parent.iterdir()] if place.parent.is_dir() else []
            )
            hint = did_you_mean(place.name, files) if files else "Its directory does not exist."
            raise TableError(f"there is no file `{path}`. {hint}")
        return place.open("rb")
    except OSError as error:
        raise TableError(f"`{path}` cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # a NUL in the name; a TableError is one too
        if isinstance(error, TableError):
            raise
        raise TableError(f"{os.fspath(path)!r} is no file name: {error}.") from error


def line_at(body: bytes, position: int) -> int:
    """Return the number, from 1, of the line that holds byte ``position``."""
    before = body[:position].replace(b"\r\n", b"\n")
    return before.count(b"\n") + before.count(b"\r") + 1


def _read_guarded(
    stream: IO[bytes] | gzip.GzipFile, source: str, packed: IO[bytes] | None = None
) -> bytes:
    """Read all of ``stream``; ``packed`` is the compressed file beneath it, if there is one."""
    chunks, n_bytes = [], 0
    while chunk := stream.read(READ_CHUNK):
        n_bytes += len(chunk)
        chunks.append(chunk)
        if len(chunk) == READ_CHUNK and b"\n" not in chunk and b"\r" not in chunk:
            raise TableError(
                f"`{source}` has a line of more than {READ_CHUNK >> 20} MiB: it is no table of "
                "text lines, or its line breaks are lost."
            )
        if packed and n_bytes > max(GZIP_FREE, GZIP_RATIO * packed.tell()):
            raise TableError(
                f"`{source}` unpacks to over {GZIP_RATIO} times its size, as a gzip bomb does; "
                f"stopped after {n_bytes >> 20} MiB. If you trust it, unpack it yourself "
                "(`gunzip -k FILE`) and give the unpacked file."
            )
    return b"".join(chunks)


def _as_utf8(data: bytes, source: str) -> bytes:
    mark, encoding = next(
        ((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8")
    )
    if encoding == "utf-8":
        body = data[len(mark) :]
    else:
        try:
            body = data.decode(encoding).encode()
        except UnicodeError as error:
            raise TableError(
                f"`{source}` begins with the mark of {encoding.upper()} but is not valid "
                f"{encoding.upper()} ({error}). Save it as UTF-8."
            ) from error
    if (position := body.find(b"\0")) >= 0:
        wide = body[:1000].count(b"\0") > 200
        cure = (
            "It looks like UTF-16 without its byte order mark: save it as UTF-8."
            if wide
            else "It is damaged or no text: write it again, or remove the byte."
        )
        raise TableError(f"`{source}`, line {line_at(body, position)}: a NUL byte. {cure}")
    try:
        body.decode()
        return body
    except UnicodeDecodeError as error:
        return _from_windows(body, source, error)


def _from_windows(body: bytes, source: str, error: UnicodeDecodeError) -> bytes:
    try:
        text, name = body.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError:
        text, name = body.decode("latin-1"), "Latin-1"
    line = line_at(body, error.start)
    before, after = text[max(0, error.start - 20) : error.start], text[error.start :][:20]
    word = re.split(r"[\s,;|]", before)[-1] + re.split(r"[\s,;|]", after)[0]
    warn(
        f"`{source}` is not UTF-8 (byte 0x{body[error.start]:02x} on line {line}); it is read as "
        f"{name}, which makes that {word!r}. If that is wrong, save the file as UTF-8.",
        TableWarning,
    )
    return text.encode()
