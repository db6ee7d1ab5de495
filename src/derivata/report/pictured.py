"""What a picture of an effect shows, as plain values: curves, levels, surfaces.

Effects are on the scale of the outputs, centred over the training rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from derivata.contracts import Array


@dataclass(frozen=True, eq=False)
class Series:
    """One line of a picture.

    Parameters
    ----------
    name : str                     the class or level it speaks for; "" if there is one line
    effect : array (m,)
    lower, upper : array (m,)      NaN where unknown
    """

    name: str
    effect: Array
    lower: Array
    upper: Array


@dataclass(frozen=True, eq=False)
class CurveEffect:
    """An effect along a number.

    Parameters
    ----------
    label : str
    column : str                   what stands below the axis
    x : array (m,)
    series : tuple of Series       one; or one a class, or one a level
    rug : array (r,)               quantiles of the training cells; none for dates
    places : tuple of (float, str) ticks of x with their labels; () for the usual ones
    """

    label: str
    column: str
    x: Array
    series: tuple[Series, ...]
    rug: Array
    places: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, eq=False)
class LevelsEffect:
    """An effect of each of some levels.

    Parameters
    ----------
    label : str
    levels : tuple of str
    series : tuple of Series       one, or one a class
    n_levels : int                 how many there are in all
    """

    label: str
    levels: tuple[str, ...]
    series: tuple[Series, ...]
    n_levels: int


@dataclass(frozen=True, eq=False)
class SurfaceEffect:
    """What two numbers do beyond what each does alone.

    Parameters
    ----------
    label : str
    columns : two str
    x, y : array (m,)              the grid's middles
    effect : array (m_x, m_y)
    """

    label: str
    columns: tuple[str, str]
    x: Array
    y: Array
    effect: Array


Picture = CurveEffect | LevelsEffect | SurfaceEffect
