"""Tables drawn from sums of known effects, to see whether a model finds them.

    make_bike_rentals(5000)              hourly rentals: peaks by hour and working day, weather, ...
    make_additive(1000, n_noise=5)       straight, wiggly, bent and flat columns, levels, gaps

    y ~ family with outputs z = intercept + sum of effects,    each a function of a few columns

Every effect is a function of what stands in the table, rounded cells and missing ones included, so
that the truth can be evaluated at any cell (`Effect.at`) and for every row (`outputs`). Truths are
the same for every ``random_state``; what is drawn is the rows. The columns of the first are near
those of the bike sharing data of Fanaee-T & Gama (2014), doi:10.1007/s13748-013-0040-3; the second
is in the manner of scikit-learn's ``make_friedman1``. All formulas are our own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.tables import Table
from derivata.tables.columns import Column

# Rentals scatter about their mean m with variance m + m^2 / 5.
RENTAL_SIZE = 5.0
# What a cell of `gappy` that is missing adds, and how many are.
GAP_EFFECT, GAP_SHARE = 0.4, 0.15

WEEKDAYS = {"Mon": 0.0, "Tue": 0.03, "Wed": 0.04, "Thu": 0.05, "Fri": 0.1, "Sat": 0.0, "Sun": -0.12}
WEATHERS = {"clear": 0.0, "cloud": -0.08, "rain": -0.6}
LEVELS = dict(
    zip(
        "abcdefghijkl",
        (0.6, -0.4, 0.0, 0.9, -0.7, 0.2, -0.2, 0.5, -0.9, 0.1, 0.4, -0.5),
        strict=True,
    )
)


@dataclass(frozen=True, eq=False)
class Effect:
    """What a few columns add to the outputs.

    Parameters
    ----------
    columns : tuple of str
    at : callable                  cells of each column, (m,) each -> (m,), before the inverse link
    """

    columns: tuple[str, ...]
    at: Callable[..., Array]


@dataclass(frozen=True, eq=False)
class KnownEffects:
    """A table drawn from a sum of effects.

    Parameters
    ----------
    name : str
    table : Table
    target : str                   a column of the table
    about : str                    what it is, a sentence
    family : str                   "squared", "logistic", "poisson" or "negative_binomial"
    intercept : float
    effects : tuple of Effect      columns in none of them have no effect
    """

    name: str
    table: Table
    target: str
    about: str
    family: str
    intercept: float
    effects: tuple[Effect, ...]

    def contribution(self, effect: Effect) -> Array:
        """What an effect adds to each row less its mean over rows, (n_rows,)."""
        added = effect.at(*(self.table[name].values for name in effect.columns))
        return added - added.mean()

    @property
    def outputs(self) -> Array:
        """The true outputs of the rows, before the inverse link, (n_rows,)."""
        cells = {column.name: column.values for column in self.table.columns}
        added = [effect.at(*(cells[name] for name in effect.columns)) for effect in self.effects]
        return self.intercept + np.sum(added, axis=0)


def make_bike_rentals(n_rows: int = 5000, random_state: int = 0) -> KnownEffects:
    """Rentals of bikes in hours drawn at random from a year, overdispersed counts.

        log mean = 3.6 + hour by working day + month + temperature + humidity + wind
                   + weather + weekday

    On working days there are peaks at 8 and at half past 17 and a low one at noon, on others one at
    14. The month's effect is a cosine. Temperature adds 0.06 a degree and flattens at about 18
    degrees; humidity and wind are straight; `reading` has no effect. Counts are negative binomial
    with mean m and variance m + m^2 / 5.

    Parameters
    ----------
    n_rows : int
    random_state : int

    Returns
    -------
    KnownEffects                   target `rentals`
    """
    rng = np.random.default_rng(random_state)
    hour = rng.integers(0, 24, n_rows).astype(float)
    month = rng.integers(1, 13, n_rows).astype(float)
    weekday = _words(WEEKDAYS)[rng.integers(0, 7, n_rows)]
    is_free = np.isin(weekday, ["Sat", "Sun"]) | (rng.random(n_rows) < 0.03)
    weather = _words(WEATHERS)[rng.choice(3, n_rows, p=[0.6, 0.28, 0.12])]
    season, day = _cycle(month, 7.5, 12.0), _cycle(hour, 15.0, 24.0)
    temperature = 12.0 + 10.0 * season + 4.0 * day + 3.5 * rng.standard_normal(n_rows)
    wetness = np.select([weather == "clear", weather == "cloud"], [52.0, 64.0], 84.0)
    humidity = np.clip(wetness - 8.0 * day + 9.0 * rng.standard_normal(n_rows), 15.0, 100.0)
    columns = (
        Column("hour", hour),
        Column("working_day", np.where(is_free, "no", "yes").astype(object)),
        Column("month", month),
        Column("weekday", weekday),
        Column("weather", weather),
        Column("temperature", np.round(temperature, 1)),
        Column("humidity", np.round(humidity)),
        Column("wind", np.round(rng.gamma(2.5, 5.0, n_rows), 1)),
        Column("reading", np.round(rng.standard_normal(n_rows), 3)),
    )
    about = "Rentals of bikes an hour, by time and weather: negative binomial about known effects."
    effects = (
        Effect(("hour", "working_day"), _rush),
        Effect(("month",), lambda month: 0.25 * _cycle(month, 7.5, 12.0)),
        Effect(("temperature",), lambda t: -0.3 * np.logaddexp(0.0, (18.0 - t) / 5.0)),
        Effect(("humidity",), lambda humidity: -0.005 * (humidity - 60.0)),
        Effect(("wind",), lambda wind: -0.012 * (wind - 12.5)),
        Effect(("weather",), lambda words: _looked_up(WEATHERS, words)),
        Effect(("weekday",), lambda words: _looked_up(WEEKDAYS, words)),
    )
    return _drawn("bike_rentals", columns, "rentals", about, "negative_binomial", 3.6, effects, rng)


def make_additive(
    n_rows: int = 1000,
    n_noise: int = 5,
    family: str = "squared",
    random_state: int = 0,
    *,
    noise: float = 1.0,
) -> KnownEffects:
    """Uniform columns with one effect of each kind, a category of 12 unequal levels, and gaps.

        z = 2 (straight - 1/2) + sin(4 pi wiggly) + 6 (bent - 1/2)^2 + level + tanh(6 gappy - 3)

    `flat` and the columns noise0, noise1, ... have no effect. Level sizes fall as 1, 1/2, 1/3, ...;
    15 % of the cells of `gappy` are missing, and a missing one adds 0.4.

    Parameters
    ----------
    n_rows, n_noise : int
    family : str                   "squared", "logistic" or "poisson"
    random_state : int
    noise : float                  standard deviation of the target about its mean; squared only

    Returns
    -------
    KnownEffects                   target `y`; logistic targets are the words "no" and "yes"

    Raises
    ------
    InvalidParameter               if there is no such family
    """
    if family not in ("squared", "logistic", "poisson"):
        raise InvalidParameter(
            f"`family` is {family!r}; expected 'squared', 'logistic' or 'poisson'."
        )
    rng = np.random.default_rng(random_state)
    names = ["straight", "wiggly", "bent", "flat", "gappy"]
    names += [f"noise{j}" for j in range(n_noise)]
    cells = dict(zip(names, rng.random((len(names), n_rows)), strict=True))
    cells["gappy"][rng.random(n_rows) < GAP_SHARE] = np.nan
    sizes = 1.0 / np.arange(1.0, len(LEVELS) + 1.0)
    level = _words(LEVELS)[rng.choice(len(LEVELS), n_rows, p=sizes / sizes.sum())]
    columns = (*(Column(name, values) for name, values in cells.items()), Column("level", level))
    effects = (
        Effect(("straight",), lambda x: 2.0 * (x - 0.5)),
        Effect(("wiggly",), lambda x: np.sin(4.0 * np.pi * x)),
        Effect(("bent",), lambda x: 6.0 * (x - 0.5) ** 2),
        Effect(("gappy",), lambda x: np.where(np.isnan(x), GAP_EFFECT, np.tanh(6.0 * x - 3.0))),
        Effect(("level",), lambda words: _looked_up(LEVELS, words)),
    )
    about = f"{family} target of five known effects, a flat column and {n_noise} of noise."
    intercept = 0.5 if family == "poisson" else 0.0
    return _drawn("additive", columns, "y", about, family, intercept, effects, rng, noise)


def _drawn(
    name: str,
    columns: tuple[Column, ...],
    target: str,
    about: str,
    family: str,
    intercept: float,
    effects: tuple[Effect, ...],
    rng: np.random.Generator,
    noise: float = 1.0,
) -> KnownEffects:
    """The table with its target, drawn at the outputs of the other columns."""
    source = f"the simulated table {name}"
    drawn = KnownEffects(name, Table(columns, source), target, about, family, intercept, effects)
    outputs, n_rows = drawn.outputs, drawn.table.n_rows
    if family == "squared":
        values = outputs + noise * rng.standard_normal(n_rows)
    elif family == "logistic":
        is_yes = rng.random(n_rows) < 1.0 / (1.0 + np.exp(-outputs))
        values = np.where(is_yes, "yes", "no").astype(object)
    else:
        mean = np.exp(outputs)
        if family == "negative_binomial":
            mean = rng.gamma(RENTAL_SIZE, mean / RENTAL_SIZE)
        values = rng.poisson(mean).astype(float)
    table = Table((*columns, Column(target, values)), source)
    return KnownEffects(name, table, target, about, family, intercept, effects)


def _rush(hour: Array, working_day: Array) -> Array:
    """The day's curve: two commuters' peaks on working days, an afternoon's on others."""
    works = 1.9 * _peak(hour, 8.0, 1.3) + 1.0 * _peak(hour, 12.5, 2.5)
    works = works + 2.1 * _peak(hour, 17.5, 2.2)
    rests = 2.1 * _peak(hour, 14.0, 4.0)
    return np.where(working_day == "yes", works, rests)


def _peak(hour: Array, centre: float, width: float) -> Array:
    """exp(-d^2 / 2 width^2), d the hours to the centre around the clock."""
    apart = (hour - centre + 12.0) % 24.0 - 12.0
    return np.exp(-0.5 * (apart / width) ** 2)


def _cycle(value: Array, top: float, period: float) -> Array:
    return np.cos(2.0 * np.pi * (value - top) / period)


def _words(levels: dict[str, float]) -> Array:
    return np.array(list(levels), dtype=object)


def _looked_up(levels: dict[str, float], words: Array) -> Array:
    return np.array([levels[word] for word in words])
