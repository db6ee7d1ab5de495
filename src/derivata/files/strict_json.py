"""JSON that nobody vouches for: one spelling out, limits in.

`json` of the standard library writes NaN, which is no JSON, reads 1e999 as infinity, keeps the last
of two equal keys, and recurses into nesting as deep as a file asks. Writing has one spelling here,
so a text is ours if and only if ``to_json(from_json(text)) == text``; that comparison finds all of
these, and it is exact because Python's ``repr`` of a float is.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

MAX_DEPTH = 64  # Python's own parser gives up near 1000; others sooner, or with a crash

# Possessive, so that no text can make it go back and try again: linear in the length of any text.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)


def to_json(value: Any) -> str:
    """The one spelling of a value: sorted keys, no spaces, ASCII only.

    Returns
    -------
    text : str                     equal values give equal texts

    Raises
    ------
    ValueError                     for NaN, an infinity, or a value that holds itself
    TypeError                      for what JSON does not have
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def from_json(text: str) -> Any:
    """Parse a text after measuring its nesting, without recursion.

    Returns
    -------
    value                          compare `to_json` of it with the text to know that it is ours

    Raises
    ------
    ValueError                     if it is nested too deep or is not JSON
    """
    depth = _depth(text)
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested {depth} deep; at most {MAX_DEPTH} are allowed")
    return json.loads(text)


def _depth(text: str) -> int:
    """The most brackets open at once, those in strings not counted."""
    brackets = np.frombuffer(_STRING.sub(b"", text.encode("utf-8", "surrogatepass")), np.uint8)
    opening = (brackets == ord("[")) | (brackets == ord("{"))
    closing = (brackets == ord("]")) | (brackets == ord("}"))
    steps = opening.astype(np.int8) - closing.astype(np.int8)
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))
