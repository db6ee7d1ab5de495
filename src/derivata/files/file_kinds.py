"""What a file that is not what was asked for looks like, told from its first bytes.

Nothing is opened, decompressed or parsed, so that no archive can unfold and no pickle can run.

Source: file(1)'s magic numbers; for pickle, `pickle.PROTO` followed by the protocol, 2 to 5.
"""

from __future__ import annotations

_FIRST_BYTES = {
    b"\x80\x02": "a Python pickle (joblib writes these too)",
    b"\x80\x03": "a Python pickle (joblib writes these too)",
    b"\x80\x04": "a Python pickle (joblib writes these too)",
    b"\x80\x05": "a Python pickle (joblib writes these too)",
    b"PK\x03\x04": "a zip archive (.npz, .skops, PyTorch and Excel files are zip archives)",
    b"PK\x05\x06": "an empty zip archive",
    b"\x1f\x8b": "a gzip file, perhaps a compressed joblib pickle",
    b"BZh": "a bzip2 file, perhaps a compressed joblib pickle",
    b"\xfd7zXZ\x00": "an xz file, perhaps a compressed joblib pickle",
    b"\x04\x22\x4d\x18": "an lz4 file, perhaps a compressed joblib pickle",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"x\x01": "a zlib file, perhaps a compressed joblib pickle",
    b"x\x5e": "a zlib file, perhaps a compressed joblib pickle",
    b"x\x9c": "a zlib file, perhaps a compressed joblib pickle",
    b"x\xda": "a zlib file, perhaps a compressed joblib pickle",
    b"\x93NUMPY": "a NumPy .npy array",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file (Keras writes these)",
    b"PAR1": "a Parquet table",
    b"ARROW1": "an Arrow table",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x89PNG\r\n\x1a\n": "a PNG image",
    b"%PDF-": "a PDF document",
}


def looks_like(start: bytes) -> str:
    """Say what a file beginning with ``start`` (some hundred bytes) seems to be: ``"a ..."``."""
    if not start:
        return "an empty file"
    for first_bytes, what in _FIRST_BYTES.items():
        if start.startswith(first_bytes):
            return what
    if _is_text(start):
        beginning = start.lstrip(b"\xef\xbb\xbf").lstrip()[:1]
        if beginning in (b"{", b"["):
            return "a JSON text"
        return "an HTML or XML text" if beginning == b"<" else "a text file"
    return "no kind of file that derivata knows"


def _is_text(start: bytes) -> bool:
    """True if these bytes can be printed: UTF-8, perhaps cut within a character, no controls."""
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # not a character that the cut split
            return False
    return all(byte >= 32 or byte in b"\t\n\r\f" for byte in start)
