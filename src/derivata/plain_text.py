"""Numbers and names as people read them, the same on the screen and in the report."""

from __future__ import annotations

import math
import re

# C0 and C1 controls (a terminal obeys them), and marks that turn the direction of what follows.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean(text: str, longest: int = 200) -> str:
    """Text on one line, not endless, in which a control character is a U+FFFD."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return _CONTROLS.sub("\ufffd", short)


def number(value: float | None, digits: int = 4) -> str:
    """A number to so many significant digits.

    Returns
    -------
    text : str

    Examples
    --------
    >>> number(1509.3), number(0.074912, 3), number(2.3694e9), number(None)
    ('1,509', '0.0749', '2.369e9', 'unknown')
    """
    if value is None or math.isnan(value):
        return "unknown"
    if value == 0.0 or math.isinf(value):
        return f"{value:g}"
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")  # rounds 9.9996 up to 10.00
    exponent = int(power)
    if -5 <= exponent < 7:
        return f"{value:,.{max(digits - 1 - exponent, 0)}f}"
    return f"{mantissa}e{exponent}"


def percent(share: float) -> str:
    """A share as a percentage, with more digits the nearer it is to none or all.

    Returns
    -------
    text : str

    Examples
    --------
    >>> percent(0.482), percent(0.974), percent(0.9995)
    ('48 %', '97.4 %', '99.95 %')
    """
    if math.isnan(share):
        return "an unknown share"
    distance = min(abs(share), abs(1.0 - share))
    return f"{100 * share:.{0 if distance >= 0.1 else 1 if distance >= 0.001 else 2}f} %"


def plural(count: int, noun: str, many: str = "") -> str:
    """A count with its noun.

    Returns
    -------
    text : str

    Examples
    --------
    >>> plural(1, "row"), plural(12000, "row"), plural(2, "penalty", "penalties")
    ('1 row', '12,000 rows', '2 penalties')
    """
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def duration(seconds: float) -> str:
    """A time span in the unit that fits it.

    Returns
    -------
    text : str

    Examples
    --------
    >>> duration(0.0058), duration(8.51), duration(150.0)
    ('5.8 ms', '8.5 s', '2.5 min')
    """
    if seconds < 1.0:
        return f"{number(1e3 * seconds, 2)} ms"
    return f"{number(seconds, 2)} s" if seconds < 120.0 else f"{number(seconds / 60.0, 2)} min"
