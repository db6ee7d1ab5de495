"""Contributions as lines of text: signed bars about an axis, numbers whose decimals line up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from derivata.plain_text import clean

WIDTH, LONGEST_NAME = 10, 40
# Significant digits of the largest contribution; the others get as many decimals.
DIGITS, MOST_DECIMALS = 4, 12
# From this size on numbers are written with an exponent.
LARGE = 1e12


def signed_bar(value: float, largest: float, *, width: int = WIDTH, plain: bool = False) -> str:
    """A bar to the right of an axis for a gain, to its left for a loss.

    Parameters
    ----------
    value : float
    largest : float                the size that fills a side
    width : int                    characters a side
    plain : bool                   for terminals that know ASCII alone

    Returns
    -------
    text : str                     2 width + 1 characters, blanks at the right left out

    Examples
    --------
    >>> signed_bar(0.6, 1.0, width=4)
    '    │██▌'
    >>> signed_bar(-1.0, 1.0, width=4)
    '████│'
    >>> signed_bar(-0.4, 1.0, width=4, plain=True)
    '  --|'
    """
    share = min(abs(value) / largest, 1.0) if largest > 0.0 else 0.0
    full, half = divmod(round(2 * share * width), 2)
    if plain:
        full, half = round(share * width), 0
    thin = not (full or half) and share > 0.0
    if value < 0.0:
        left = ("-" if plain else "▕") if thin else "▐" * half + ("-" if plain else "█") * full
        return f"{left:>{width}}{'|' if plain else '│'}"
    right = ("+" if plain else "▏") if thin else ("+" if plain else "█") * full + "▌" * half
    return f"{'':{width}}{'|' if plain else '│'}{right}"


def decimals_of(values: Iterable[float]) -> int:
    """Decimals that give the largest of some numbers four digits; -1: exponents are needed."""
    sizes = np.abs(np.asarray(list(values), dtype=float))
    largest = float(sizes[np.isfinite(sizes)].max(initial=0.0))
    if largest >= LARGE:
        return -1
    if largest == 0.0:
        return DIGITS - 1
    decimals = max(DIGITS - 1 - int(np.floor(np.log10(largest))), 0)
    return decimals if decimals <= MOST_DECIMALS else -1


def fixed(value: float, decimals: int, *, signed: bool = False) -> str:
    """A number with so many decimals, or an exponent where they are -1; a plus if ``signed``.

    Examples
    --------
    >>> fixed(1234.567, 1), fixed(0.25, 2, signed=True), fixed(-0.001, 2, signed=True)
    ('1,234.6', '+0.25', '0.00')
    """
    sign = "+" if signed else ""
    if decimals < 0:
        return f"{value:{sign}.{DIGITS - 1}e}"
    rounded = round(float(value), decimals)
    return f"{rounded:{sign},.{decimals}f}" if rounded else f"{0.0:.{decimals}f}"


def aligned(rows: Sequence[tuple[str, str, str]], longest: int = LONGEST_NAME) -> list[str]:
    """Names to the left, numbers to the right, then bars."""
    width = max(len(clean(name, longest)) for name, _, _ in rows)
    digits = max(len(text) for _, text, _ in rows)
    return [
        f"{clean(name, longest):{width}}  {text:>{digits}}  {bar}".rstrip()
        for name, text, bar in rows
    ]
