"""What each column adds to a prediction, as a value that prints itself.

    output - baseline_output = sum_j values_j      up to completeness_error

Maths: docs/math/attribution.md
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derivata.contracts import Array
from derivata.errors import InvalidParameter
from derivata.evaluation.contribution_lines import (
    LONGEST_NAME,
    aligned,
    decimals_of,
    fixed,
    signed_bar,
)
from derivata.plain_text import clean, plural

SCORES = "a score is the log of a class's probability less the mean of these logs over all classes"
# Lines of a printed table.
MOST_LINES = 24


@dataclass(frozen=True, eq=False)
class Attribution:
    """Contributions of columns or terms to the outputs of m rows.

    Attributes
    ----------
    values : array (m, c), or (m, c, q) of q outputs
        Added to ``baseline_output`` they give ``output``.
    names : tuple of str
        Of the c columns; of an additive model's terms.
    output : array (m,) or (m, q)
        What is explained, at each row.
    baseline_output : array (m,) or (m, q)
        The same at the baseline, the mean over baselines if there are several.
    completeness_error : array (m,) or (m, q)
        How far contributions are from adding up, in the units of ``output``.
    n_evaluations : int array (m,)
        Gradients that were evaluated for each row.
    method : str
        How the integral was taken, in words.
    scale : str
        What ``output`` is, in words.
    output_names : tuple of str
        Of the q outputs, such as classes; () of a single one.
    notes : tuple of str
        What was taken as given, in sentences.
    """

    values: Array
    names: tuple[str, ...]
    output: Array
    baseline_output: Array
    completeness_error: Array
    n_evaluations: Array
    method: str
    scale: str
    output_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, target: Any) -> Attribution:
        """The attribution of one of several outputs, by its name or class.

        Raises
        ------
        InvalidParameter               naming those there are
        """
        if str(target) not in self.output_names:
            there = ", ".join(map(repr, self.output_names)) or "a single one"
            raise InvalidParameter(f"there is no output {target!r}; there is {there}.")
        place = self.output_names.index(str(target))
        return replace(
            self,
            values=self.values[:, :, place],
            output=self.output[:, place],
            baseline_output=self.baseline_output[:, place],
            completeness_error=self.completeness_error[:, place],
            scale=f"{self.scale} of {clean(str(target), LONGEST_NAME)}",
            output_names=(),
        )

    def order(self, row: int | None = None) -> Array:
        """Numbers of the columns, the largest contribution first: of a row, or on average."""
        size = np.abs(self.values if row is None else self.values[row : row + 1])
        size = size.mean(axis=0) if size.ndim == 2 else size.mean(axis=0).sum(axis=1)
        return np.argsort(-size, kind="stable")

    def __str__(self) -> str:
        head = [f"{self.scale}; {self.method}"]
        if self.values.ndim == 3:
            body = self._many()
        else:
            body = self._one_row() if len(self.values) == 1 else self._summary()
        return "\n".join([*head, "", *body, *self._ending()])

    def _one_row(self) -> list[str]:
        values, order = self.values[0], self.order()
        shown, rest = order[:MOST_LINES], order[MOST_LINES:]
        named = [(self.names[j], float(values[j])) for j in shown]
        if len(rest) == 1:
            named.append((self.names[rest[0]], float(values[rest[0]])))
        elif len(rest):
            named.append((f"{len(rest):,} others", float(values[rest].sum())))
        largest = float(np.abs(values[shown]).max(initial=0.0))
        # The others together have no bar: theirs could dwarf those of all that are named.
        bars = [signed_bar(float(values[j]), largest) for j in shown] + [""]
        decimals = decimals_of([value for _, value in named])
        first, last = float(self.baseline_output[0]), float(self.output[0])
        rows = [
            ("baseline", fixed(first, decimals), ""),
            *(
                (name, fixed(value, decimals, signed=True), bar)
                for (name, value), bar in zip(named, bars, strict=False)
            ),
            ("sum", fixed(first + float(values.sum()), decimals), ""),
            ("output", fixed(last, decimals), ""),
        ]
        return aligned(rows)

    def _summary(self) -> list[str]:
        size = np.abs(self.values).mean(axis=0)
        order, largest = self.order(), float(size.max(initial=0.0))
        decimals = decimals_of(size)
        width = max([len(clean(self.names[j], LONGEST_NAME)) for j in order[:MOST_LINES]] + [6])
        lines = [
            f"{plural(len(self.values), 'row')}; contributions of each column over them",
            f"{'column':{width}}  {'mean size':>10} {'mean':>10} {'least':>10} {'most':>10}",
        ]
        for j in order[:MOST_LINES]:
            own = self.values[:, j]
            ends = [fixed(x, decimals, signed=True) for x in (own.mean(), own.min(), own.max())]
            numbers = [fixed(size[j], decimals), *ends]
            cells = " ".join(f"{text:>10}" for text in numbers)
            bar = signed_bar(size[j], largest).lstrip()
            lines.append(f"{clean(self.names[j], LONGEST_NAME):{width}}  {cells}  {bar}")
        if len(order) > MOST_LINES:
            lines.append(f"and {len(order) - MOST_LINES:,} smaller ones")
        return lines

    def _many(self) -> list[str]:
        shown = self.output_names[:6]
        cells = self.values[0] if len(self.values) == 1 else np.abs(self.values).mean(axis=0)
        words = "contributions" if len(self.values) == 1 else "mean sizes of contributions"
        width = max([len(clean(self.names[j], LONGEST_NAME)) for j in self.order()] + [8])
        lines = [
            f"{plural(len(self.values), 'row')}; {words} to each of "
            f"{plural(len(self.output_names), 'output')}",
            " " * width + "".join(f" {clean(name, 11):>11}" for name in shown),
        ]

        decimals = decimals_of(cells.ravel())

        def line(name: str, values: Array) -> str:
            text = "".join(f" {fixed(float(x), decimals):>11}" for x in values[: len(shown)])
            return f"{clean(name, LONGEST_NAME):{width}}{text}"

        if len(self.values) == 1:
            lines.append(line("baseline", self.baseline_output[0]))
        lines += [line(self.names[j], cells[j]) for j in self.order()[:MOST_LINES]]
        if len(self.names) > MOST_LINES:
            lines.append(f"and {len(self.names) - MOST_LINES:,} smaller ones")
        if len(self.values) == 1:
            lines.append(line("output", self.output[0]))
        if len(self.output_names) > len(shown):
            lines.append(f"and {len(self.output_names) - len(shown)} more outputs; see `of`")
        return lines

    def _ending(self) -> list[str]:
        error = float(self.completeness_error.max(initial=0.0))
        return [
            "",
            f"contributions miss the change of the output by {error:.1e} at most "
            "(completeness error)",
            *(f"note: {note}" for note in self.notes),
        ]
