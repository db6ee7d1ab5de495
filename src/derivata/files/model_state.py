"""What a fitted model must remember, as plain values: names, JSON and arrays.

Estimators turn themselves into a `ModelState` and back; `model_file` turns one into a file and
back. Neither knows the other, and no class of ours is inside, so that a file can hold no code.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from derivata.errors import InvalidParameter
from derivata.files.strict_json import MAX_DEPTH

MAX_INT_BITS = 1024  # a random seed may have 128; Python refuses to print more than about 14000
MAX_DIMENSIONS = 32

# Name in the file -> type, in the order the arrays are laid out: each then starts at a multiple of
# its item size, so that other readers may map the file into memory.
DTYPES = {"I64": "<i8", "F64": "<f8", "F32": "<f4", "I8": "|i1", "BOOL": "|b1"}

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,127}")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")


@dataclass(frozen=True, eq=False)
class ModelState:
    """All that a fitted model must remember; checked when made, so one that exists can be saved.

    Parameters
    ----------
    kind : str                     name of the estimator, a key of `persistence.KINDS`
    state : dict                   None, bool, int, finite float, str, and lists and dicts (with
                                   str keys) of these, at most 63 deep. Dicts come back sorted:
                                   where order matters, use a list
    arrays : dict of str to array  float64, float32, int64, int8 or bool, of any shape; NaN and
                                   infinities are kept. Names: a letter, then letters, digits, _./-

    Raises
    ------
    InvalidParameter               names the entry that could not be saved, or would not come back
                                   equal, and says what to make of it
    """

    kind: str
    state: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        """Refuse now what would fail, or come back changed, later."""
        if not isinstance(self.kind, str) or not _KIND.fullmatch(self.kind):
            raise InvalidParameter(
                f"`kind` must be a plain name such as 'LinearRegressor', got {self.kind!r}."
            )
        if not isinstance(self.state, dict) or not isinstance(self.arrays, dict):
            raise InvalidParameter(
                "`state` and `arrays` must be dicts, got"
                f" {type(self.state).__name__} and {type(self.arrays).__name__}."
            )
        _require_json(self.state, "state", depth=2)  # 1 is the document it is written into
        for name, array in self.arrays.items():
            require_name(name)
            _require_array(array, name)


def dtype_name(array: np.ndarray) -> str | None:
    """The file's word for the type of an array, or None if that type is not saved."""
    for name, code in DTYPES.items():  # [1:]: byte order does not matter, it comes back native
        if array.dtype.str[1:] == code[1:]:
            return name
    return None


def require_name(name: Any) -> None:
    """Refuse an array name that is not plain (``__metadata__`` would be taken for metadata)."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidParameter(
            "names in `arrays` must be a letter and then at most 127 letters, digits or _ . / -,"
            f" got {name!r:.80}."
        )


def _require_json(value: Any, where: str, depth: int) -> None:
    """Refuse what JSON cannot hold or would bring back as something else."""
    if value is None or isinstance(value, bool | str):
        return
    if isinstance(value, int):
        if value.bit_length() > MAX_INT_BITS:
            raise InvalidParameter(
                f"`{where}` is an int of {value.bit_length()} bits; at most"
                f" {MAX_INT_BITS} can be saved."
            )
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidParameter(
                f"`{where}` is {value}, which JSON does not have. Use None, or put it in `arrays`."
            )
    elif isinstance(value, list | dict):
        if depth > MAX_DEPTH:
            raise InvalidParameter(
                f"`{where:.200}` is nested more than {MAX_DEPTH} deep. Does it hold itself?"
            )
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in pairs:
            if isinstance(value, dict) and not isinstance(key, str):
                raise InvalidParameter(
                    f"`{where}` has the key {key!r}, a {type(key).__name__}; JSON has only str"
                    " keys. Convert it, or use a list of pairs."
                )
            _require_json(item, f"{where}[{key!r}]", depth + 1)
    else:
        cure = {"tuple": "Use a list", "ndarray": "Put it in `arrays`"}.get(
            type(value).__name__, "Convert it to a str, a number, a list or a dict"
        )
        raise InvalidParameter(
            f"`{where}` is a {type(value).__name__}, which JSON would lose. {cure}."
        )


def _require_array(array: Any, name: str) -> None:
    """Refuse arrays that would lose something: a mask, a table's labels, Python objects."""
    if type(array) is not np.ndarray:
        raise InvalidParameter(
            f"`arrays[{name!r}]` must be a plain NumPy array, got {type(array).__name__}."
            " Convert it with `numpy.array(...)`; a mask would be lost."
        )
    if dtype_name(array) is None:
        raise InvalidParameter(
            f"`arrays[{name!r}]` has dtype {array.dtype}; saved are float64, float32, int64, int8"
            " and bool. Convert it with `.astype`, or keep text as a list in `state`."
        )
    if array.ndim > MAX_DIMENSIONS:
        raise InvalidParameter(
            f"`arrays[{name!r}]` has {array.ndim} dimensions; at most {MAX_DIMENSIONS} are saved."
        )
