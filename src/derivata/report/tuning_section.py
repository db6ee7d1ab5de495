"""The sections on tuning: what the model is worth, how its penalties were found, how it ended."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from derivata.criteria.evidence import Evidence
from derivata.estimators.outer_folds import mean_with_error
from derivata.plain_text import number, plural
from derivata.report.charts import Interval, interval_chart, path_chart
from derivata.report.parts import facts, figure, folded, paragraph, section, side_by_side, table
from derivata.report.record import RunRecord
from derivata.report.words import family_in_words, gain_in_words, optimism_in_words, unit

NO_INTERVAL = float("nan")
# Paths of more penalties than this cross too often to be read.
MOST_PATHS, MOST_PENALTIES = 6, 400
EVIDENCE = (
    "Penalties were tuned by evidence: how probable the targets are once the coefficients are "
    "integrated out. Evidence tells models of the same rows apart; it is no error of predictions, "
    "so it is not shown beside the score."
)
MIXED = "The folds were not all tuned by one criterion, so none is shown beside the score."


def score_section(record: RunRecord) -> Markup:
    """The score on rows that tuning did not see, beside one constant's, fold by fold."""
    outer, baseline = record.outer, record.baseline
    if outer is None or baseline is None:
        return section("Score", optimism_in_words(record))
    score, tuning = outer.score, record.model.model.tuning
    rows = [
        _interval("one constant for all", baseline.score, baseline.standard_error, "c"),
        _interval("the model", score.score, score.standard_error, "a"),
        *_of_folds(record),
    ]
    if tuning is not None and outer.criterion_is_comparable:
        label = f"criterion ({tuning.criterion_name})"
        rows.append(_interval(label, score.inner, NO_INTERVAL, "b"))
    measure = unit(record.model)
    drawing = interval_chart(rows, f"{measure} a row", "Outer score and its folds", zero=False)
    notes = [
        "Bars: twice the standard error over rows. Each of "
        f"{plural(outer.n_folds, 'outer fold')} refits terms, tuning and model on the other rows."
    ]
    if outer.criterion_is_comparable:
        notes.insert(0, gain_in_words(record))
    elif tuning is not None:
        notes.append(EVIDENCE if tuning.criterion_name == Evidence.name else MIXED)
    return section(
        "Score",
        optimism_in_words(record),
        figure(f"Mean loss of an unseen row, in {measure}: lower is better", drawing),
        paragraph(" ".join(notes), "note"),
        _unjudged(record),
    )


def penalties_section(record: RunRecord) -> Markup:
    """The penalty of each part of each term, and the path that led there."""
    model = record.model.model
    tuning, names = model.tuning, list(model.alphas)
    if tuning is None:
        lead = f"{plural(len(names), 'penalty', 'penalties')} given, not tuned."
        return section("Penalties", lead, _penalties(record))
    total = float(record.rows.weights_or_ones().sum())
    values = [{"criterion": step.criterion / total} for step in tuning.path]
    strengths = [dict(zip(names, np.exp(step.hyper).tolist(), strict=True)) for step in tuning.path]
    measure = "nats" if tuning.criterion_name == Evidence.name else unit(record.model)
    charts = []
    if len(values) > 1:
        drawing = path_chart(
            values, f"{measure} a row", "Criterion at each accepted step", log=False
        )
        charts.append(figure(f"The criterion ({tuning.criterion_name}), step by step", drawing))
        if len(names) <= MOST_PATHS:
            title = "Penalty of each part at each accepted step"
            drawing = path_chart(strengths, "penalty (log scale)", title, log=True)
            charts.append(figure("The penalties, step by step", drawing))
    tied = ""
    if np.isinf(tuning.guard_strength):
        tied = " Those of one kind were kept equal, as the rows do not tell them apart."
    return section(
        "Penalties",
        f"{plural(len(names), 'penalty', 'penalties')}, one for each part of each term, tuned by "
        f"{tuning.criterion_reason}.{tied}",
        side_by_side(*charts) if charts else Markup(""),
        folded(f"The {plural(len(names), 'penalty', 'penalties')}", _penalties(record), len(names)),
        paragraph(
            "A penalty is a prior precision: half of it times the squared coefficients is added to "
            "the summed loss. The larger it is, the less its part of the term may do.",
            "note",
        ),
    )


def convergence_section(record: RunRecord) -> Markup:
    """Why the fit and its tuning stopped, and how flat the criterion is there."""
    model, outer = record.model.model, record.outer
    tuning = model.tuning
    pairs = [("Fit", model.reason)]
    chart = Markup("")
    if tuning is not None:
        value = f"{number(tuning.criterion, 6)} a row, {tuning.criterion_name}"
        pairs.append(("Tuning", tuning.reason))
        pairs.append(("Criterion", value))
        norm = f"{number(tuning.hypergradient_norm, 2)} a row, the largest of any log penalty"
        pairs.append(("Hypergradient", norm))
        chart = _flatness(record)
    if outer is not None and outer.n_not_converged:
        stopped = f"{outer.n_not_converged} of {outer.n_folds} did not converge"
        pairs.append(("Outer folds", stopped))
    pairs.append(("Solver", f"{plural(model.n_iter, 'step')}, tuning included"))
    effective = f"{number(model.effective_params)} of {record.n_coefficients:,}"
    pairs.append(("Effective parameters", effective))
    pairs.append(("Family", family_in_words(record.model)))
    if model.family.loss().scale_is_free:
        name = "Residual variance" if model.family.name == "squared" else "Dispersion"
        pairs.append((name, number(model.dispersion)))
    lead = "Everything converged." if record.converged else "Something stopped before its end."
    return section("Convergence", lead, side_by_side(facts(pairs), chart))


def _interval(label: str, value: float, error: float, css: str) -> Interval:
    low = float(np.maximum(value - 2.0 * error, 0.0))  # no loss is below zero; NaN stays
    return Interval(label, value, low, value + 2.0 * error, css, number(value))


def _of_folds(record: RunRecord) -> list[Interval]:
    outer, weight = record.outer, record.rows.weights_or_ones()
    rows = []
    if outer is None or outer.n_folds > 10:
        return rows
    for fold in range(outer.n_folds):
        held = outer.fold == fold
        value, error = mean_with_error(outer.row_losses[held], weight[held])
        rows.append(_interval(f"fold {fold + 1}", value, error, "soft"))
    return rows


def _unjudged(record: RunRecord) -> Markup:
    n_left = 0 if record.outer is None else int((~record.outer.judged).sum())
    if not n_left:
        return Markup("")
    return paragraph(
        f"{plural(n_left, 'row')} could not be judged: no other row has the same class.", "note"
    )


def _penalties(record: RunRecord) -> Markup:
    model = record.model.model
    bounds = {} if model.tuning is None else dict(model.tuning.at_bound)
    features = list(model.encoder.penalty_names)
    rows = []
    for name, alpha in list(model.alphas.items())[:MOST_PENALTIES]:
        end = f"at the {bounds[name]} end of its range" if name in bounds else ""
        rows.append([name, f"{features.count(name):,}", number(alpha, 3), end])
    made = table(["penalty of", "features", "strength", ""], rows, numeric=(1, 2))
    left = len(model.alphas) - len(rows)
    note = f"{left:,} more are listed in summary.json."
    return made + paragraph(note, "note") if left else made


def _flatness(record: RunRecord) -> Markup:
    tuning = record.model.model.tuning
    if tuning is None or len(tuning.path) < 2:
        return Markup("")
    total = float(record.rows.weights_or_ones().sum())
    norms = [{"gradient": max(step.gradient_norm / total, 1e-18)} for step in tuning.path]
    drawing = path_chart(norms, "a row, log scale", "Hypergradient at each accepted step", log=True)
    return figure("Largest derivative of the criterion by a log penalty", drawing)
