"""What is asked of a removal: its effect on a loss, on predictions or on coefficients.

Each question answers twice: for Newton steps without many rows at once, and exactly, at parameters
of a fit without some. Effects are after less before.

Maths: docs/math/influence.md
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from derivata.adapters import Coefficients, FittedModel
from derivata.contracts import Array
from derivata.errors import InvalidParameter, NotAvailable
from derivata.objective import Objective
from derivata.removal.effects import loss_effects
from derivata.removal.rows import RowSteps, chunks

# Effects of every row on every prediction: at most this many numbers, 400 MB.
LARGEST_RESULT = 50_000_000


class Question(Protocol):
    """One kind of effect."""

    @property
    def unit(self) -> str:
        """What is changed, for print."""
        ...

    @property
    def of_what(self) -> tuple[str, ...]:
        """A name for each number of an effect; empty where it is one number."""
        ...

    @property
    def before(self) -> Array:
        """What it is with all rows: (,) or (r, ...)."""
        ...

    def by_steps(self, steps: RowSteps) -> Array:
        """Effects of removing each row by its Newton step: (m,) or (m, r, ...)."""
        ...

    def exact(self, params: Array, rows: Array) -> Array:
        """The effect at the parameters of a fit without ``rows``."""
        ...


class LossEffect:
    """On the mean loss of judged rows, or on the summed loss of the other rows of the fit."""

    of_what: tuple[str, ...] = ()

    def __init__(self, fitted: FittedModel, judged: Objective | None):
        self.fitted, self.judged = fitted, judged
        self.expansion = fitted.at_minimum
        self.weight = 1.0 if judged is None else float(judged.weight.sum())
        if judged is None:
            self.before = np.asarray(self.expansion.loss_value)
            self.unit = "summed loss of the other rows"
        else:
            self.there = judged.at(self.expansion.params, fitted.hyper)
            self.before = np.asarray(self.there.loss_value / self.weight)
            self.unit = f"mean loss of {len(judged.y):,} judged rows"

    def by_steps(self, steps: RowSteps) -> Array:
        """To second order, from one adjoint solve: no pass a row."""
        return loss_effects(steps, self.judged) / self.weight

    def exact(self, params: Array, rows: Array) -> Array:
        """A pass over the judged rows."""
        objective = self.judged or self.fitted.objective
        before = (self.there if self.judged is not None else self.expansion).rows.value
        change = objective.weight * (objective.at(params, self.fitted.hyper).rows.value - before)
        if self.judged is None:
            change[rows] = 0.0
        return np.asarray(change.sum() / self.weight)


class PredictionEffect:
    """On the prediction of each judged row: its mean, or its probabilities."""

    def __init__(self, fitted: FittedModel, judged: Objective | None):
        self.fitted = fitted
        self.objective = judged or fitted.objective
        self.before = self._predicted(fitted.at_minimum.params)
        numbers = fitted.kept if judged is None else np.arange(len(self.objective.y))
        self.of_what = tuple(f"row {row}" for row in numbers)
        classes = fitted.response.classes
        said = "prediction" if classes is None else "probabilities"
        if classes is not None and len(classes) == 2:
            said = f"probability of {classes[1]}"
        self.unit = f"{said} of {'each' if judged is None else 'each judged'} row"

    def by_steps(self, steps: RowSteps) -> Array:
        """At the parameters of each step, a pass each."""
        base = self.fitted.at_minimum.params
        return _each(steps, self.before, lambda change: self._predicted(base + change))

    def exact(self, params: Array, rows: Array) -> Array:
        """A pass over the judged rows."""
        return self._predicted(params) - self.before

    def _predicted(self, params: Array) -> Array:
        mean = self.fitted.response.mean(self.objective.outputs(params))
        is_binary = mean.ndim == 2 and mean.shape[1] == 2
        return mean[:, 1] if is_binary else mean


class CoefEffect:
    """On every coefficient, in the user's units."""

    unit = "coefficients"

    def __init__(self, fitted: FittedModel, judged: Objective | None):
        if judged is not None:
            raise InvalidParameter("`judged` has no part in `on='coef'`: leave it out.")
        if fitted.coefficients is None:
            raise NotAvailable(
                f"{fitted.name} has no coefficients with names. Ask for its effect on predictions: "
                "`on='prediction'`."
            )
        self.coefficients: Coefficients = fitted.coefficients
        self.base = fitted.at_minimum.params
        self.of_what = self.coefficients.names
        self.before = self.coefficients.of(self.base)

    def by_steps(self, steps: RowSteps) -> Array:
        """Linear in the steps."""
        return _each(steps, self.before, lambda change: self.coefficients.of(self.base + change))

    def exact(self, params: Array, rows: Array) -> Array:
        """Linear in the parameters."""
        return self.coefficients.of(params) - self.before


QUESTIONS = {"loss": LossEffect, "prediction": PredictionEffect, "coef": CoefEffect}


def question(name: str, fitted: FittedModel, judged: Objective | None) -> Question:
    """The question of a name, or ``InvalidParameter``."""
    if name not in QUESTIONS:
        raise InvalidParameter(
            f"`on` is {name!r}; expected {', '.join(map(repr, QUESTIONS))}: what a removal changes."
        )
    return QUESTIONS[name](fitted, judged)


def require_room(effect_size: int, count: int) -> None:
    """Refuse results too large to hold."""
    if effect_size * count > LARGEST_RESULT:
        raise InvalidParameter(
            f"`rows` asks for {count:,} times {effect_size:,} effects, more than "
            f"{LARGEST_RESULT:,}. Choose fewer `rows`, or fewer rows in `judged`."
        )


def _each(steps: RowSteps, before: Array, after: Callable[[Array], Array]) -> Array:
    """after(change) - before for every step: (m, ...)."""
    effects = np.empty((len(steps.rows), *before.shape))
    for part in chunks(len(steps.rows), len(steps.expansion.params)):
        for number, change in enumerate(steps.params_change(part), start=part.start):
            effects[number] = after(change) - before
    return effects
