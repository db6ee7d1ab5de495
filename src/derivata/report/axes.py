"""Scales, ticks and the frame of a chart, as inline SVG.

A chart is a list of SVG fragments in user units; the page scales it to its width. Colours are CSS
classes of the page, so a chart follows light, dark and print without a second drawing. Whatever
text comes from outside goes through `markupsafe`, and is cleaned of control characters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from derivata.contracts import Array
from derivata.plain_text import clean

_TEXT = Markup('<text x="{:.1f}" y="{:.1f}" class="{}">{}</text>')
_LINE = Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>')


@dataclass(frozen=True)
class Scale:
    """Values from ``low`` to ``high``, in proportion or by their logarithm, to 0 ... 1."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def around(
        cls, values: Array | Sequence[float], *, log: bool = False, pad: float = 0.05
    ) -> Scale:
        """A scale that holds all finite values with a margin; never of zero width."""
        finite = np.asarray(values, float)
        finite = finite[np.isfinite(finite) & ((finite > 0) if log else True)]
        if not finite.size:
            return cls(1.0, 10.0, log) if log else cls(0.0, 1.0)
        low, high = float(finite.min()), float(finite.max())
        if log:
            low, high = math.log10(low), math.log10(high)
        room = pad * (high - low) or 0.5 * abs(high) * (not log) or 0.5
        low, high = low - room, high + room
        return cls(10.0**low, 10.0**high, True) if log else cls(low, high)

    def at(self, values: Array | float) -> Array:
        """Positions, 0 at ``low`` and 1 at ``high``; beyond for values outside."""
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            return (np.log10(np.maximum(values, 1e-300)) - low) / (high - low)
        return (np.asarray(values, float) - self.low) / (self.high - self.low)

    def labelled(self, about: int = 5) -> list[tuple[float, str]]:
        """Ticks with their labels."""
        ticks = self.ticks(about)
        if self.log:  # each with its own digits: 0.1, 1, 10
            return [(tick, _own_label(tick)) for tick in ticks]
        return list(zip(ticks, tick_labels(ticks), strict=True))

    def ticks(self, about: int = 5) -> list[float]:
        """Round values on the scale: 1, 2 or 5 times a power of ten; powers of ten if by log."""
        if self.log:
            low, high = (
                math.ceil(math.log10(self.low) - 1e-9),
                math.floor(math.log10(self.high) + 1e-9),
            )
            every = max(1, math.ceil((high - low + 1) / about))
            powers = [10.0**power for power in range(low, high + 1, every)]
            if len(powers) >= 2:
                return powers
            return [v for v in Scale(self.low, self.high).ticks(about) if v > 0]
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / about))
        step *= next(m for m in (1, 2, 5, 10) if (self.high - self.low) / (m * step) <= about + 1)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [
            float(np.float64(k * step).round(12)) if step > 1e-9 else k * step
            for k in range(first, last + 1)
        ]


@dataclass(frozen=True)
class Axes:
    """A plotting area with margins inside a picture of ``width`` by ``height``."""

    x: Scale
    y: Scale
    width: float = 400.0
    height: float = 270.0
    left: float = 58.0
    right: float = 14.0
    top: float = 12.0
    bottom: float = 44.0

    def px(self, values: Array | float) -> Array:
        """Horizontal positions of values of x, held inside the plotting area."""
        share = np.clip(self.x.at(values), 0.0, 1.0)
        return self.left + share * (self.width - self.left - self.right)

    def py(self, values: Array | float) -> Array:
        """Vertical positions of values of y, likewise."""
        share = np.clip(self.y.at(values), 0.0, 1.0)
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)

    def frame(
        self, x_label: str, y_label: str, *, x_places: Sequence[tuple[float, str]] | None = None
    ) -> Markup:
        """Grid lines, tick labels and the names of both axes.

        Parameters
        ----------
        x_label, y_label : str
        x_places : sequence of (float, str), optional
            Labels at these horizontal positions instead of the scale's own ticks.

        Returns
        -------
        svg : Markup
        """
        right, bottom = self.width - self.right, self.height - self.bottom
        ticks = [(float(self.px(value)), label) for value, label in self.x.labelled(6)]
        parts = []
        for value, label in self.y.labelled():
            y = float(self.py(value))
            parts.append(line(self.left, y, right, y, "grid"))
            parts.append(text(self.left - 8, y + 4, label, "tick end"))
        for x, label in ticks if x_places is None else x_places:
            parts.append(line(x, bottom, x, bottom + 4, "axis"))
            parts.append(text(x, bottom + 18, label, "tick middle"))
        parts.append(line(self.left, bottom, right, bottom, "axis"))
        parts.append(text((self.left + right) / 2, self.height - 6, x_label, "label middle"))
        middle = (self.top + bottom) / 2
        turned = Markup(
            '<text transform="translate(13 {:.1f}) rotate(-90)" class="label middle">{}</text>'
        )
        parts.append(turned.format(middle, clean(y_label, 60)))
        return joined(parts)

    def factors(self, name: str) -> Markup:
        """A second vertical axis: what exp(y) multiplies by, "×0.5" to "×2", and of what."""
        right = self.width - self.right
        parts = []
        for value, label in factor_ticks(self.y.low, self.y.high):
            y = float(self.py(value))
            parts.append(line(right, y, right + 4, y, "axis"))
            parts.append(text(right + 8, y + 4, label, "tick"))
        turned = Markup(
            '<text transform="translate({:.1f} {:.1f}) rotate(90)" class="label middle">{}</text>'
        )
        middle = (self.top + self.height - self.bottom) / 2
        parts.append(turned.format(self.width - 9, middle, clean(name, 60)))
        return joined(parts)


def picture(width: float, height: float, title: str, parts: Sequence[Markup]) -> Markup:
    """A whole SVG picture; ``title`` says what it shows to those who cannot see it."""
    return Markup(
        '<svg viewBox="0 0 {:.0f} {:.0f}" class="{}" role="img"><title>{}</title>{}</svg>'
    ).format(width, height, "wide" if width > 500 else "narrow", clean(title, 300), joined(parts))


def text(x: float, y: float, words: str, css: str) -> Markup:
    """Words at a point; anchored by the class ``middle`` or ``end``, else at their start."""
    return _TEXT.format(x, y, css, clean(words, 120))


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> Markup:
    """A straight line."""
    return _LINE.format(x1, y1, x2, y2, css)


def polyline(x: Array, y: Array, css: str) -> Markup:
    """A line through points in picture units."""
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return Markup('<polyline points="{}" class="{}"/>').format(points, css)


def area(x: Array, low: Array, high: Array, css: str) -> Markup:
    """The band between two lines over the same x."""
    there = [f"{a:.1f},{b:.1f}" for a, b in zip(x, low, strict=True)]
    back = [f"{a:.1f},{b:.1f}" for a, b in zip(x[::-1], high[::-1], strict=True)]
    return Markup('<polygon points="{}" class="{}"/>').format(" ".join(there + back), css)


def dots(x: Array, y: Array, css: str) -> Markup:
    """Round marks at points, as one path: a stroke of no length has round ends."""
    path = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, y, strict=True))
    return Markup('<path d="{}" class="{}"/>').format(path, css)


def joined(parts: Sequence[Markup]) -> Markup:
    """All parts, one after the other."""
    return Markup("").join(parts)


def label_room(y: Scale) -> float:
    """The left margin that the tick labels of a vertical scale and its name need."""
    return 34.0 + 6.6 * max((len(label) for _, label in y.labelled()), default=0)


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Labels with as many decimals as the step between ticks needs; large ones as 20k or 3M."""
    if not ticks:
        return []
    largest = max(abs(tick) for tick in ticks)
    if largest >= 1e12 or (0 < largest < 1e-5):
        return [f"{tick:.3g}" for tick in ticks]
    unit, suffix = next(
        (u, s) for u, s in ((1e9, "G"), (1e6, "M"), (1e4, "k"), (0.0, "")) if largest >= u
    )
    unit = {"k": 1e3, "": 1.0}.get(suffix, unit)
    scaled = [tick / unit for tick in ticks]
    decimals = max((_decimals(value) for value in scaled), default=0)
    labels = [f"{value:.{decimals}f}{suffix if value else ''}" for value in scaled]
    return [label.replace("-", "\N{MINUS SIGN}") for label in labels]


def factor_ticks(low: float, high: float, most: int = 6) -> list[tuple[float, str]]:
    """Logarithms between two of round factors, with their names.

    Returns
    -------
    ticks : list of (float, str)

    Examples
    --------
    >>> [label for _, label in factor_ticks(-1.2, 0.8)]
    ['×0.5', '×1', '×2']
    """
    bottom, top = math.exp(max(low, -300.0)), math.exp(min(high, 300.0))
    if top > 5.0 * bottom:
        series = [m * 10.0**power for power in range(-131, 131) for m in (1, 2, 5)]
        chosen = [value for value in series if bottom <= value <= top]
        if len(chosen) > most + 1:
            powers = [p for p in range(-130, 131) if bottom <= 10.0**p <= top]
            every = max(1, -(-len(powers) // most))
            chosen = [10.0**power for power in powers if power % every == 0]
    else:
        step = 10.0 ** math.floor(math.log10(max(top - bottom, 1e-9) / most))
        step *= next(m for m in (1, 2, 5, 10) if (top - bottom) / (m * step) <= most)
        first, last = math.ceil(bottom / step), math.floor(top / step)
        chosen = [k * step for k in range(first, last + 1) if k > 0]
    named = {f"×{value:.4g}": math.log(value) for value in chosen}  # one tick a name
    return [(value, name) for name, value in named.items()]


def _own_label(tick: float) -> str:
    if 0 < tick < 1e-3:
        return f"{tick:.0e}".replace("e-0", "e-").replace("-", "\N{MINUS SIGN}")
    return tick_labels([tick])[0]


def _decimals(value: float) -> int:
    return next(
        (d for d in range(8) if abs(value - round(value, d)) < 1e-9 * max(abs(value), 1)), 8
    )
