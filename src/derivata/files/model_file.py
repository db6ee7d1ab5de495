"""The model file: one safetensors file whose metadata holds one JSON document.

    8 bytes     length of the header, little endian
    header      JSON: {"__metadata__": {"derivata": document, "sha256": checksum of the document},
                       name: {"dtype": ..., "shape": [...], "data_offsets": [begin, end]}, ...}
    the rest    the arrays' bytes, little endian, C order, wide types first

    document    JSON: {"format": "derivata", "format_version": 1, "derivata_version": ...,
                       "kind": ..., "state": {...},
                       "arrays": {name: {"dtype": ..., "sha256": ..., "shape": [...]}, ...}}

The whole header is a function of the document, `_header_of`. The writer writes it; the reader
computes it again and accepts no other, so that overlapping offsets, lying shapes, doubled names and
flipped bits all fall to one comparison. No array is made before every size has been checked.

Checksums find damage, not malice: who can write the file can write its checksums. A hostile file is
harmless because reading it runs none of its code and takes no more memory than it is long, but for
its 16 MiB of JSON, which as Python objects are at most some 550 MB. So nothing here ever unpickles.

The safetensors package reads these files, and a test proves it. It is not used to read: it checks
offsets and sizes but neither checksums nor the document, allows headers of 100 MB, and, once the
header is known to be true, an array is one `numpy.frombuffer`.

Source: https://github.com/huggingface/safetensors, README, "Format".
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
from importlib import metadata
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from derivata.errors import InvalidParameter, ModelFileError
from derivata.files.atomic import atomic_writer, why_not_written
from derivata.files.file_kinds import looks_like
from derivata.files.model_state import (
    DTYPES,
    MAX_DIMENSIONS,
    ModelState,
    dtype_name,
    require_name,
)
from derivata.files.strict_json import from_json, to_json

FORMAT = "derivata"
FORMAT_VERSION = 1
MAX_HEADER_BYTES = 16 * 2**20

_DOCUMENT_ENTRIES = {
    "arrays": dict,
    "derivata_version": str,
    "format": str,
    "format_version": int,
    "kind": str,
    "state": dict,
}
_ARRAY_ENTRIES = {"dtype": str, "sha256": str, "shape": list}
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,31}")


def write_state(path: str | os.PathLike[str], state: ModelState) -> None:
    """Save ``state`` at ``path``, whole or not at all; equal states give equal bytes.

    The new file takes the place of the old one in one step (`derivata.files.atomic`): a full disk,
    an error or a kill at any moment leaves what was there before. No time stamp is written.

    Parameters
    ----------
    path : str or path-like        its folder must exist
    state : ModelState             what to save

    Raises
    ------
    ModelFileError                 if the file cannot be written (says why, and the cure), or if
                                   `state` is more than 16 MiB of JSON
    """
    arrays = {name: _as_stored(array) for name, array in state.arrays.items()}
    table = {
        name: {
            "dtype": dtype_name(array),
            "sha256": hashlib.sha256(_bytes_of(array)).hexdigest(),
            "shape": list(array.shape),
        }
        for name, array in arrays.items()
    }
    document = to_json(
        {
            "arrays": table,
            "derivata_version": _our_version(),
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "kind": state.kind,
            "state": state.state,
        }
    )
    header = _header_of(document, table)
    if len(header) > MAX_HEADER_BYTES:
        raise ModelFileError(
            f"the state of this {state.kind} is {len(header) / 2**20:.1f} MiB of JSON; at most"
            f" {MAX_HEADER_BYTES // 2**20} MiB are saved. Keep long lists of numbers in `arrays`."
        )
    try:
        with atomic_writer(path) as file:
            file.write(len(header).to_bytes(8, "little"))
            file.write(header)
            for name in _layout(table):
                file.write(_bytes_of(arrays[name]))
    except OSError as error:
        raise ModelFileError(why_not_written(error, path)) from error


def read_state(path: str | os.PathLike[str]) -> ModelState:
    """Load what `write_state` saved, or refuse it with the reason; runs no code from the file.

    Parameters
    ----------
    path : str or path-like        the model file

    Returns
    -------
    state : ModelState             its arrays are new and writable

    Raises
    ------
    ModelFileError                 if the file is missing, is something else (says what it looks
                                   like), is damaged, or has a newer format (says what to install)
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # before opening: a pipe would wait for ever
            raise _Refused(_what_it_is_instead(path))
        with open(path, "rb") as file:
            return _read(file)
    except OSError as error:
        raise ModelFileError(
            f"{str(path)!r} cannot be read ({error.strerror or error}). Give the path of a model"
            " file, such as 'run/model.derivata'."
        ) from error
    except _Refused as refused:
        raise ModelFileError(f"{str(path)!r} {refused}") from refused.__cause__


class _Refused(Exception):
    """Why a file is refused: the end of a sentence that begins with its path."""


def _damaged(what: str) -> _Refused:
    return _Refused(
        f"is damaged: {what}. Copy it again from where it was made, or save the model again."
    )


def _read(file: BufferedReader) -> ModelState:
    """Check the sizes, then the header, then the document, and only then read the arrays."""
    size = os.fstat(file.fileno()).st_size
    start = file.read(512)
    length = int.from_bytes(start[:8], "little")
    if start[8:9] != b"{" or length > min(size - 8, MAX_HEADER_BYTES):
        raise _no_header(start, length, size)
    file.seek(8)
    header = file.read(length)
    text = _text_in(header)
    document = _document_in(text)
    table = document["arrays"]
    if _header_of(text, table) != header:
        raise _damaged("its list of arrays is not the one its document describes")
    due = 8 + length + sum(_n_bytes(entry) for entry in table.values())
    if due != size:
        raise _damaged(f"it is {size:,} bytes long and should be {due:,}")
    arrays = {name: _read_array(file, name, table[name]) for name in _layout(table)}
    try:
        return ModelState(document["kind"], document["state"], arrays)
    except InvalidParameter as error:
        raise _damaged(f"its document holds what derivata never writes: {error}") from error


def _no_header(start: bytes, length: int, size: int) -> _Refused:
    """Tell a model file whose first bytes are damaged, or that was cut off, from another file."""
    if b'"__metadata__"' in start[:32]:
        return _damaged(
            f"its header claims {length:,} bytes; the file has {size:,}, and {MAX_HEADER_BYTES:,}"
            " is the limit"
        )
    return _Refused(
        f"is not a model that derivata saved: it looks like {looks_like(start)}. derivata never"
        " unpickles and loads only its own files: fit the model again and `save` it."
    )


def _text_in(header: bytes) -> str:
    """The document in the header, still JSON, once its checksum is right."""
    try:
        held = from_json(header.decode("utf-8"))["__metadata__"]
    except ValueError as error:  # not UTF-8, not JSON, too deep
        raise _damaged(f"its header is not JSON ({error})") from error
    except (KeyError, TypeError):
        held = None
    if not isinstance(held, dict) or not isinstance(held.get(FORMAT), str):
        raise _Refused(
            "is a safetensors file, but not a model that derivata saved: its metadata has no"
            " derivata document. Load it with the program that made it."
        )
    if held.get("sha256") != _sha256(held[FORMAT]):
        raise _damaged("the checksum of its document is wrong")
    return held[FORMAT]


def _document_in(text: str) -> dict[str, Any]:
    """The document, once it is known to have every entry, of the right type, and no other."""
    try:
        document = from_json(text)
    except ValueError as error:
        raise _damaged(f"its document is not JSON ({error})") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _damaged("its document does not say that it is one of derivata's")
    version = document.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:
        raise _Refused(_how_to_read_newer(version, document.get("derivata_version")))
    # Before the rest is believed: only this spelling of the document is one that we write. It is
    # also what finds doubled keys, NaN, and 1e999, which Python reads as infinity.
    try:
        as_written = to_json(document)
    except ValueError:
        as_written = None
    if as_written != text:
        raise _damaged("its document is not JSON as derivata writes it (NaN? a key twice?)")
    if _types(document) != _DOCUMENT_ENTRIES or version != FORMAT_VERSION:
        raise _damaged("its document has other entries than a model's")
    for name, entry in document["arrays"].items():
        try:
            require_name(name)
        except InvalidParameter as error:
            raise _damaged(f"an array has an impossible name: {error}") from error
        if not isinstance(entry, dict) or _types(entry) != _ARRAY_ENTRIES:
            raise _damaged(f"the entry of its array {name!r} is not one of derivata's")
        if entry["dtype"] not in DTYPES:
            raise _damaged(f"its array {name!r} has the unknown type {entry['dtype']!r:.40}")
        if len(entry["shape"]) > MAX_DIMENSIONS or any(
            type(n) is not int or n < 0 for n in entry["shape"]
        ):
            raise _damaged(f"its array {name!r} has an impossible shape")
    return document


def _read_array(file: BufferedReader, name: str, entry: dict[str, Any]) -> np.ndarray:
    """The next array of the file, once its checksum is right."""
    data = bytearray(_n_bytes(entry))  # not bytes, so that the array is writable
    file.readinto(data)
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise _damaged(f"the checksum of its array {name!r} is wrong")
    if entry["dtype"] == "BOOL" and any(data.translate(None, b"\x00\x01")):
        raise _damaged(f"its array {name!r} of bools has other bytes than 0 and 1")
    code = np.dtype(DTYPES[entry["dtype"]])
    try:
        stored = np.frombuffer(data, code).reshape(entry["shape"])
    except (ValueError, OverflowError) as error:  # an empty array of 2**62 rows by 2**62 columns
        raise _damaged(f"its array {name!r} has an impossible shape") from error
    return stored.astype(code.newbyteorder("="), copy=False)


def _header_of(document: str, table: dict[str, dict[str, Any]]) -> bytes:
    """The header: the document, its checksum, and where each of its arrays lies."""
    header: dict[str, Any] = {"__metadata__": {FORMAT: document, "sha256": _sha256(document)}}
    begin = 0
    for name in _layout(table):
        entry = table[name]
        end = begin + _n_bytes(entry)
        header[name] = {
            "dtype": entry["dtype"],
            "shape": entry["shape"],
            "data_offsets": [begin, end],
        }
        begin = end
    # Not sorted: the metadata come first, so that the first bytes of the file tell what it is.
    encoded = json.dumps(header, separators=(",", ":")).encode("ascii")
    return encoded + b" " * (-len(encoded) % 8)  # the arrays then begin at a multiple of 8


def _layout(table: dict[str, dict[str, Any]]) -> list[str]:
    """The order in which the arrays are stored."""
    order = list(DTYPES)
    return sorted(table, key=lambda name: (order.index(table[name]["dtype"]), name))


def _n_bytes(entry: dict[str, Any]) -> int:
    return math.prod(entry["shape"]) * np.dtype(DTYPES[entry["dtype"]]).itemsize


def _as_stored(array: np.ndarray) -> np.ndarray:
    """The array, little endian and C order; itself where it already is."""
    return np.asarray(array, DTYPES[str(dtype_name(array))], order="C")


def _bytes_of(array: np.ndarray) -> memoryview:
    """The bytes of a stored array, not copied."""
    return array.reshape(-1).view(np.uint8).data


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _types(entries: dict[str, Any]) -> dict[str, type]:
    return {key: type(value) for key, value in entries.items()}


def _how_to_read_newer(version: int, writer: Any) -> str:
    """What to install for a file of a newer format."""
    ours = f"this derivata ({_our_version()}) reads up to format {FORMAT_VERSION}"
    # The version is shown in a command that people paste, so only if it is a version.
    if isinstance(writer, str) and _VERSION.fullmatch(writer):
        needs = f"derivata>={writer}"
        return (
            f"has format {version}, written by derivata {writer}; {ours}. Install a newer one:"
            f" pip install --upgrade '{needs}'."
        )
    return f"has format {version}; {ours}. Install a newer one: pip install --upgrade derivata."


def _what_it_is_instead(path: str | os.PathLike[str]) -> str:
    """What stands at a path that is no ordinary file, and what to give instead."""
    if not os.path.isdir(path):
        return "is no model file but a device, a pipe or a socket. Give the path of a model file."
    model = Path(path) / "model.derivata"
    cure = f"Give {str(model)!r}" if model.is_file() else "Give the path of a model file in it"
    return f"is no model file but a folder. {cure}."


def _our_version() -> str:
    try:
        return metadata.version("derivata")
    except metadata.PackageNotFoundError:  # run from its sources, not installed
        return "unknown"
