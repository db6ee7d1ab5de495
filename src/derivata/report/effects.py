"""What each term of an additive model does, as values to draw: curves, levels, surfaces.

    f(x) = z(x) coef - mean,     band f(x) +- 1.96 sqrt(z(x)^T V z(x))

on the scale of the outputs, centred over the training rows. For more than two classes the outputs
are contrasts Q of the classes' scores t = outputs Q, so effects and covariances are turned into
those of each class: f_c = f Q_c, V_c = Q_c^T V Q_c. A class's score is its log-odds against the
mean of all classes.

A number whose curve differs by level is drawn with what number and level do alone, so that the
curves are those of the levels; a surface is drawn alone: zero is where both columns merely add.

Maths: docs/math/splines.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from derivata.contracts import Array
from derivata.estimators.additive_model import AdditiveModel
from derivata.estimators.table_model import TableModel
from derivata.losses import SoftmaxLoss
from derivata.report.date_effects import date_parts
from derivata.report.pictured import CurveEffect, LevelsEffect, Picture, Series, SurfaceEffect
from derivata.terms import (
    FittedCategory,
    FittedDate,
    FittedLevelCurves,
    FittedMissing,
    FittedPairs,
    FittedSlopes,
    FittedTerm,
)

Cells = dict[str, Array]

POINTS, SIDE = 61, 24
MOST_LEVELS, MOST_CURVES, MOST_CLASSES = 25, 6, 6
REACH = 1.959964
ABSENT = "(missing)"


@dataclass(frozen=True, eq=False)
class EffectReader:
    """Reads effects off a model, class by class where there are several.

    Parameters
    ----------
    model : AdditiveModel
    classes : tuple of str         () for a regressor
    """

    model: AdditiveModel
    classes: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: TableModel) -> EffectReader:
        """That of a table's model."""
        return cls(model.model, model.classes)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The name of each line: the classes shown, or one without a name."""
        return self.classes[:MOST_CLASSES] if len(self.classes) > 2 else ("",)

    @cached_property
    def contrasts(self) -> Array:
        """What outputs are multiplied by, (k, number of lines)."""
        if len(self.classes) <= 2:
            return np.ones((1, 1))
        return SoftmaxLoss(len(self.classes)).contrasts[:, : len(self.names)]

    def pictures(self, label: str) -> tuple[Picture, ...]:
        """The pictures of one term; several for dates, and for a surface of several classes."""
        number = self.model.term_number(label)
        term = self.model.encoder.terms[number]
        if isinstance(term, FittedDate):
            return self._of_date(number, term)
        if isinstance(term, FittedMissing):
            cells = {term.column: np.array([np.nan, 0.0])}
            made = self._series(number, cells)
            return (LevelsEffect(label, (f"{term.column} missing", "present"), made, 2),)
        if isinstance(term, FittedPairs):
            return (self._of_pairs(number, term),)
        if isinstance(term, FittedCategory):
            return (self._of_levels(number, term),)
        if isinstance(term, FittedLevelCurves | FittedSlopes):
            return self._of_curves(number, term)
        if len(term.columns) == 1:
            return (self._of_number(number, term),)
        return self._of_surface(number, term)

    def _of_number(self, number: int, term: FittedTerm) -> CurveEffect:
        column = term.columns[0]
        rug, x = self._axis(column, POINTS)
        return CurveEffect(term.label, column, x, self._series(number, {column: x}), rug)

    def _of_levels(self, number: int, term: FittedCategory) -> LevelsEffect:
        words: list[str | None] = [
            *term.levels[:MOST_LEVELS],
            *([None] if term.has_missing else []),
        ]
        made = self._series(number, {term.column: _objects(words)})
        levels = tuple(ABSENT if word is None else word for word in words)
        order = np.argsort(-made[0].effect, kind="stable")
        if len(made) > 1:
            order = np.arange(len(levels))
        return LevelsEffect(
            term.label,
            tuple(levels[place] for place in order),
            tuple(_taken(one, order) for one in made),
            len(term.levels) + term.has_missing,
        )

    def _of_pairs(self, number: int, term: FittedPairs) -> LevelsEffect:
        first, second = zip(*term.pairs, strict=True)
        made = self._series(number, {term.first: _objects(first), term.second: _objects(second)})
        size = np.max([np.abs(one.effect) for one in made], axis=0)
        kept = np.argsort(-size, kind="stable")[:MOST_LEVELS]
        kept = kept[np.argsort(-made[0].effect[kept], kind="stable")]
        levels = tuple(f"{first[place]} × {second[place]}" for place in kept)
        return LevelsEffect(
            term.label, levels, tuple(_taken(one, kept) for one in made), len(first)
        )

    def _of_curves(
        self, number: int, term: FittedLevelCurves | FittedSlopes
    ) -> tuple[CurveEffect, ...]:
        column, text = term.column, term.levels.column
        numbers = [number, *self._alone(column), *self._alone(text)]
        rug, x = self._axis(column, POINTS)
        lines: dict[str, list[Series]] = {name: [] for name in self.names}
        for level in term.levels.levels[:MOST_CURVES]:
            cells = {column: x, text: _objects([level] * len(x))}
            total = np.sum([self._effect(one, cells) for one in numbers], axis=0)
            unknown = np.full(len(x), np.nan)
            for name, effect in zip(self.names, total.T, strict=True):
                lines[name].append(Series(level, effect, unknown, unknown))
        return tuple(
            CurveEffect(_of_class(term.label, name), column, x, tuple(own), rug)
            for name, own in lines.items()
        )

    def _of_surface(self, number: int, term: FittedTerm) -> tuple[SurfaceEffect, ...]:
        first, second = term.columns
        x, y = (_middles(self._axis(name, SIDE + 1)[1]) for name in (first, second))
        grid = np.meshgrid(x, y, indexing="ij")
        effect = self._effect(number, {first: grid[0].ravel(), second: grid[1].ravel()})
        return tuple(
            SurfaceEffect(
                _of_class(term.label, name), (first, second), x, y, own.reshape(len(x), len(y))
            )
            for name, own in zip(self.names, effect.T, strict=True)
        )

    def _of_date(self, number: int, term: FittedDate) -> tuple[Picture, ...]:
        found: list[Picture] = []
        for part in date_parts(term):
            cells = {term.column: part.words}
            kept = np.isin(term.parts, part.parts)
            made = self._series(number, cells, kept)
            label = f"{term.label}: {part.name}"
            if part.levels:
                found.append(LevelsEffect(label, part.levels, made, len(part.levels)))
            else:
                found.append(CurveEffect(label, part.axis, part.x, made, np.empty(0), part.places))
        return tuple(found)

    def _series(self, number: int, cells: Cells, kept: Array | None = None) -> tuple[Series, ...]:
        """Effects of a term at cells, or of its features ``kept`` alone, with their bands."""
        features = self._features(number, cells, kept)
        mean = 0.0 if kept is not None else self._mean(number)
        effect = self._times(number, features) - mean
        error = self._error(number, features - self._average(number))
        return tuple(
            Series(name, own, own - REACH * its, own + REACH * its)
            for name, own, its in zip(self.names, effect.T, error.T, strict=True)
        )

    def _effect(self, number: int, cells: Cells) -> Array:
        """Effects of a term at cells, (m, number of lines)."""
        return self._times(number, self._features(number, cells)) - self._mean(number)

    def _features(self, number: int, cells: Cells, kept: Array | None = None) -> Array:
        encoder = self.model.encoder
        features = encoder.terms[number].block(cells) - encoder.center[encoder.spans[number]]
        return features if kept is None else features * kept

    def _times(self, number: int, features: Array) -> Array:
        coef = self.model.params[:, :-1][:, self.model.encoder.spans[number]]
        return features @ coef.T @ self.contrasts

    def _mean(self, number: int) -> Array:
        return self.model.strengths.mean[number] @ self.contrasts

    def _average(self, number: int) -> Array | float:
        """The features of the average row, about which a category's levels are uncertain.

        Those of numbers are centred already; one-hot features are not.
        """
        term = self.model.encoder.terms[number]
        if not isinstance(term, FittedCategory):
            return 0.0
        found = self.model.ranges[term.column]
        counts = np.array(found.counts, float)
        return counts @ term.block({term.column: _objects(found.levels)}) / counts.sum()

    def _error(self, number: int, features: Array) -> Array:
        """Posterior standard deviations, (m, number of lines); NaN if the model has none."""
        if self.model.covariance is None:
            return np.full((len(features), len(self.names)), np.nan)
        k, width = self.model.params.shape
        span = self.model.encoder.spans[number]
        blocks = self.model.covariance.reshape(k, width, k, width)[:, span, :, span]
        own = np.einsum("ac,aibj,bc->cij", self.contrasts, blocks, self.contrasts, optimize=True)
        variance = np.stack([((features @ one) * features).sum(axis=1) for one in own], axis=1)
        return np.sqrt(np.maximum(variance, 0.0))

    def _axis(self, column: str, n_points: int) -> tuple[Array, Array]:
        """Quantiles of a numeric column's training cells, and points over their range."""
        found = self.model.ranges[column]
        return np.unique(found.quantiles), found.axis(n_points)

    def _alone(self, column: str) -> list[int]:
        """The terms of a column by itself, its gaps left out."""
        return [
            number
            for number, term in enumerate(self.model.encoder.terms)
            if term.columns == (column,) and not isinstance(term, FittedMissing)
        ]


def _of_class(label: str, name: str) -> str:
    return f"{label}, class {name}" if name else label


def _taken(series: Series, places: Array) -> Series:
    return Series(series.name, series.effect[places], series.lower[places], series.upper[places])


def _middles(edges: Array) -> Array:
    return 0.5 * (edges[1:] + edges[:-1])


def _objects(words: Sequence[str | None]) -> Array:
    cells = np.empty(len(words), dtype=object)
    cells[:] = words
    return cells
