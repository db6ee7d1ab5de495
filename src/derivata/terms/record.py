"""The fields of a saved record, each checked before it is used.

A saved model may come from anyone, so nothing in it is trusted: a record is a plain JSON object
with exactly the expected keys, and every value has the expected type. What is wrong is named by
its path, for example ``terms[3].fill``.
"""

from __future__ import annotations

import math
from typing import Any

from derivata.errors import ModelFileError


def check_keys(record: Any, keys: tuple[str, ...], where: str) -> None:
    """Refuse a record that is no JSON object or has other keys than ``keys``.

    Raises
    ------
    ModelFileError                 naming the missing or unknown keys
    """
    if not isinstance(record, dict):
        raise ModelFileError(
            f"`{where}` is {_kind(record)}, expected an object with the keys {', '.join(keys)}. "
            "The model file is damaged: save the model again."
        )
    missing = [key for key in keys if key not in record]
    unknown = sorted(str(key) for key in record if key not in keys)
    if missing or unknown:
        found = f"lacks {missing}" if missing else f"has the unknown keys {unknown[:8]}"
        raise ModelFileError(
            f"`{where}` {found}; expected {', '.join(keys)}. The model file is damaged or was "
            "written by another version of derivata."
        )


def text_field(record: dict, key: str, where: str) -> str:
    """Return the string stored under ``key``; anything else is a `ModelFileError`."""
    value = record[key]
    if not isinstance(value, str):
        raise ModelFileError(f"`{where}.{key}` is {_kind(value)}, expected a string.")
    return value


def column_fields(record: dict, keys: tuple[str, str], where: str) -> tuple[str, str]:
    """Return the names of two different columns; anything else is a `ModelFileError`."""
    first = text_field(record, keys[0], where)
    return first, other_column_field(record, keys[1], where, first)


def other_column_field(record: dict, key: str, where: str, column: str) -> str:
    """Return the name of a column that is not ``column``; else it is a `ModelFileError`."""
    other = text_field(record, key, where)
    if other == column:
        raise ModelFileError(f"`{where}.{key}` is column {column!r} again, expected another one.")
    return other


def number_field(record: dict, key: str, where: str) -> float:
    """Return the finite number stored under ``key``; anything else is a `ModelFileError`."""
    value = record[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ModelFileError(f"`{where}.{key}` is {_kind(value)}, expected a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ModelFileError(f"`{where}.{key}` is not a finite number.")
    return number


def choice_field(record: dict, key: str, where: str, choices: tuple[Any, ...]) -> Any:
    """Return what is stored under ``key`` if it is one of ``choices``, each a string or None.

    Raises
    ------
    ModelFileError                 if it is anything else
    """
    value = record[key]
    if not (value is None or isinstance(value, str)) or value not in choices:
        raise ModelFileError(f"`{where}.{key}` is none of {', '.join(map(repr, choices))}.")
    return value


def flag_field(record: dict, key: str, where: str) -> bool:
    """Return the true or false stored under ``key``; anything else is a `ModelFileError`."""
    value = record[key]
    if not isinstance(value, bool):
        raise ModelFileError(f"`{where}.{key}` is {_kind(value)}, expected true or false.")
    return value


def list_field(record: dict, key: str, where: str) -> list:
    """Return the list stored under ``key``; anything else is a `ModelFileError`."""
    value = record[key]
    if not isinstance(value, list):
        raise ModelFileError(f"`{where}.{key}` is {_kind(value)}, expected a list.")
    return value


def texts_field(record: dict, key: str, where: str) -> tuple[str, ...]:
    """Return the distinct strings listed under ``key``; anything else is a `ModelFileError`."""
    values = list_field(record, key, where)
    for position, value in enumerate(values):
        if not isinstance(value, str):
            raise ModelFileError(
                f"`{where}.{key}[{position}]` is {_kind(value)}, expected a string."
            )
    if len(set(values)) < len(values):
        raise ModelFileError(f"`{where}.{key}` holds the same string twice.")
    return tuple(values)


def numbers_field(
    record: dict, key: str, where: str, length: int | None = None
) -> tuple[float, ...]:
    """Return the finite numbers listed under ``key``, ``length`` of them if that is given.

    Raises
    ------
    ModelFileError                 if it is anything else
    """
    values = list_field(record, key, where)
    if length is not None and len(values) != length:
        raise ModelFileError(f"`{where}.{key}` holds {len(values)} numbers, expected {length}.")
    places = {f"{key}[{position}]": value for position, value in enumerate(values)}
    return tuple(number_field(places, place, where) for place in places)


def matrix_field(
    record: dict, key: str, where: str, shape: tuple[int, int]
) -> tuple[tuple[float, ...], ...]:
    """Return the rows of finite numbers under ``key``, a matrix of ``shape``.

    Raises
    ------
    ModelFileError                 if it is anything else
    """
    rows = list_field(record, key, where)
    if len(rows) != shape[0]:
        raise ModelFileError(f"`{where}.{key}` holds {len(rows)} rows, expected {shape[0]}.")
    places = {f"{key}[{position}]": row for position, row in enumerate(rows)}
    return tuple(numbers_field(places, place, where, shape[1]) for place in places)


def _kind(value: Any) -> str:
    """Name the JSON type of ``value``, as its reader would."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    names |= {int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), f"of type {type(value).__name__}")
