"""A fitted additive model as a table, a row a term: strength, effective parameters, test.

Strengths are those of ``term_strengths``, tests those of ``term_tests``. Maths:
docs/math/additive.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derivata.estimators.additive_model import AdditiveModel

# A term with less than this of a parameter, or of the outputs' variation, is shrunk to nothing.
NO_PARAMETER, NO_SHARE = 0.05, 1e-4


@dataclass(frozen=True)
class TermRow:
    """What is known of one term.

    Attributes
    ----------
    label : str
    kind : str                     what it is made of: "straight, wiggly", "category", ...
    strength : float               standard deviation of its effect over the training rows
    share : float                  of the variation of the outputs
    n_features : int
    effective_params : float       NaN if unknown
    statistic, p_value : float     NaN if unknown
    shrunk : bool                  to nothing: the data do not support it
    """

    label: str
    kind: str
    strength: float
    share: float
    n_features: int
    effective_params: float
    statistic: float
    p_value: float
    shrunk: bool


@dataclass(frozen=True)
class TermSummary:
    """What ``summary()`` returns; ``str()`` of it is a table.

    Attributes
    ----------
    terms : tuple of TermRow       strongest first
    family : str
    shape : dict of str to float
    n_rows : int
    effective_params : float or None
    dispersion : float
    tuning : str                   one line on how penalties were found
    """

    terms: tuple[TermRow, ...]
    family: str
    shape: dict[str, float]
    n_rows: int
    effective_params: float | None
    dispersion: float
    tuning: str

    def __str__(self) -> str:
        effective = "unknown" if self.effective_params is None else f"{self.effective_params:.1f}"
        shape = "".join(f", {name} {value:.4g}" for name, value in self.shape.items())
        width = max([len(row.label) for row in self.terms] + [4])
        kinds = max([len(row.kind) for row in self.terms] + [4])
        lines = [
            f"{self.family} family{shape}, {self.n_rows:,} rows, {len(self.terms):,} terms, "
            f"{effective} effective parameters, dispersion {self.dispersion:.4g}",
            self.tuning,
            "",
            f"{'term':{width}s}  {'kind':{kinds}s}  {'strength':>9s}  {'share':>6s}  "
            f"{'effective':>10s}  {'p-value':>8s}",
        ]
        for row in self.terms:
            note = "  shrunk to nothing" if row.shrunk else ""
            lines.append(
                f"{row.label:{width}s}  {row.kind:{kinds}s}  {row.strength:9.3g}  "
                f"{row.share:6.1%}  {row.effective_params:6.1f}/{row.n_features:<3d}  "
                f"{_p_value(row.p_value):>8s}{note}"
            )
        lines += [
            "",
            "strength: standard deviation of a term's effect over the rows, on the scale of the "
            "outputs.",
            "share: of their variation; p-value: that there is no effect, given the penalties.",
        ]
        return "\n".join(lines)


def summarize_terms(model: AdditiveModel) -> TermSummary:
    """The summary of a fitted model, strongest terms first."""
    rows = [_term_row(model, number) for number in range(len(model.encoder.terms))]
    return TermSummary(
        terms=tuple(sorted(rows, key=lambda row: -row.strength)),
        family=model.family.name,
        shape=model.family.shape,
        n_rows=model.n_rows,
        effective_params=model.effective_params,
        dispersion=model.dispersion,
        tuning=tuning_line(model),
    )


def tuning_line(model: AdditiveModel) -> str:
    """How the penalties were found, in a line."""
    tuning = model.tuning
    if tuning is None:
        return "penalties given, not tuned"
    tied = ", those of a kind kept equal" if np.isinf(tuning.guard_strength) else ""
    return (
        f"{plural_penalties(len(model.alphas))} tuned by {tuning.criterion_name}{tied}: "
        f"{tuning.criterion:.5g} nats a row in {tuning.n_evaluations} evaluations"
    )


def plural_penalties(count: int) -> str:
    """As in "1 penalty", "12 penalties"."""
    return f"{count:,} penalt{'y' if count == 1 else 'ies'}"


def _term_row(model: AdditiveModel, number: int) -> TermRow:
    encoder = model.encoder
    term, span = encoder.terms[number], encoder.spans[number]
    n_features = len(term.names) * len(model.params)
    edf = float("nan") if model.edf is None else float(model.edf[:, :-1][:, span].sum())
    share = float(model.strengths.share[number])
    strength = float(model.strengths.strength[number])
    shrunk = edf < NO_PARAMETER or (abs(share) < NO_SHARE and edf < 0.5)
    statistic, p_value = model.tests.statistic[number], model.tests.p_value[number]
    kind = ", ".join(dict.fromkeys(term.parts))
    return TermRow(
        term.label,
        kind,
        strength,
        share,
        n_features,
        edf,
        float(statistic),
        float(p_value),
        bool(shrunk),
    )


def _p_value(value: float) -> str:
    if np.isnan(value):
        return "unknown"
    return "< 1e-16" if value < 1e-16 else f"{value:.2g}"
