"""The sections on tuning: how good it claims to be and is, how it went, and whether it ended."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from derivata.plain_text import number, plural
from derivata.report.charts import Interval, interval_chart, path_chart
from derivata.report.parts import facts, figure, paragraph, section, side_by_side, table
from derivata.report.record import RunRecord
from derivata.report.words import optimism_in_words, unit

NO_INTERVAL = float("nan")


def score_section(record: RunRecord) -> Markup:
    """The criterion that tuning minimised beside the score on rows it did not see."""
    tuning, outer = record.model.estimator.tuning_, record.outer
    measure = unit(record.model.task.family)
    rows = []
    if tuning is not None:
        rows.append(_point(f"criterion ({tuning.criterion_name})", tuning.criterion))
    note = ""
    if outer is not None:
        score, twice = outer.score, 2.0 * outer.score.standard_error
        low, high = score.score - twice, score.score + twice
        rows.append(_point("criterion in the outer folds", score.inner))
        rows.append(
            Interval("outer score, unseen rows", score.score, low, high, "a", number(score.score))
        )
        note = (
            "Bar: twice the standard error over rows. Each of "
            f"{plural(outer.n_folds, 'outer fold')} refits encoder, tuning and model on the other "
            "rows."
        )
    if not rows:
        return section("Score", optimism_in_words(record))
    drawing = interval_chart(
        rows, f"{measure} a row", "Tuned criterion and outer score", zero=False
    )
    return section(
        "Score",
        optimism_in_words(record),
        figure(f"Mean loss of a row, in {measure}: lower is better", drawing, note),
        _unjudged(record),
    )


def penalties_section(record: RunRecord) -> Markup:
    """The penalty of each group, and the path that led there."""
    estimator = record.model.estimator
    tuning = estimator.tuning_
    if tuning is None:
        return Markup("")
    names = list(estimator.alphas_per_group_)
    total = float(record.rows.weights_or_ones().sum())
    values = [{"criterion": step.criterion / total} for step in tuning.path]
    strengths = [dict(zip(names, np.exp(step.hyper).tolist(), strict=True)) for step in tuning.path]
    return section(
        "Penalties",
        f"Tuned by {tuning.criterion_reason}. {plural(tuning.n_evaluations, 'evaluation')}, "
        f"{plural(len(tuning.path), 'step')} accepted.",
        _penalties(record),
        side_by_side(
            figure(
                "The criterion, step by step",
                path_chart(
                    values,
                    f"{unit(record.model.task.family)} a row",
                    "Criterion at each accepted step",
                    log=False,
                ),
            ),
            figure(
                "The penalties, step by step",
                path_chart(
                    strengths,
                    "penalty (log scale)",
                    "Penalty of each group at each accepted step",
                    log=True,
                ),
            ),
        ),
        paragraph(
            "A penalty is a prior precision: half of it times the squared coefficients of "
            "standardised columns is added to the summed loss. It equals scikit-learn's Ridge "
            "alpha, and 1/C of its LogisticRegression.",
            "note",
        ),
    )


def convergence_section(record: RunRecord) -> Markup:
    """Why the fit and its tuning stopped, and how flat the criterion is there."""
    estimator, outer = record.model.estimator, record.outer
    tuning = estimator.tuning_
    pairs = [("Fit", estimator.convergence_)]
    chart = Markup("")
    if tuning is not None:
        pairs.append(("Tuning", tuning.reason))
        norm = f"{number(tuning.hypergradient_norm, 2)} a row, the largest of any log penalty"
        pairs.append(("Hypergradient", norm))
        chart = _flatness(record)
    if outer is not None and outer.n_not_converged:
        stopped = f"{outer.n_not_converged} of {outer.n_folds} did not converge"
        pairs.append(("Outer folds", stopped))
    pairs.append(("Solver", f"{plural(estimator.n_iter_, 'step')}, tuning included"))
    effective = f"{number(estimator.effective_params_)} of {record.n_coefficients:,}"
    pairs.append(("Effective parameters", effective))
    if record.model.task.family == "squared":
        pairs.append(("Residual variance", number(estimator.dispersion_)))
    lead = "Everything converged." if record.converged else "Something stopped before its end."
    return section("Convergence", lead, side_by_side(facts(pairs), chart))


def _point(label: str, value: float) -> Interval:
    return Interval(label, value, NO_INTERVAL, NO_INTERVAL, "b", number(value))


def _unjudged(record: RunRecord) -> Markup:
    n_left = 0 if record.outer is None else int((~record.outer.judged).sum())
    if not n_left:
        return Markup("")
    return paragraph(
        f"{plural(n_left, 'row')} could not be judged: no other row has the same class.", "note"
    )


def _penalties(record: RunRecord) -> Markup:
    estimator, encoder = record.model.estimator, record.model.encoder
    tuning = estimator.tuning_
    bounds = {} if tuning is None else dict(tuning.at_bound)
    kinds = [encoder.group_names[group] for group in encoder.groups]
    rows = [
        [name, f"{kinds.count(name):,}", number(alpha, 4)]
        + ([f"at the {bounds[name]} end of its range" if name in bounds else ""] if bounds else [])
        for name, alpha in estimator.alphas_per_group_.items()
    ]
    head = ["group", "features", "penalty"] + ([""] if bounds else [])
    return table(head, rows, numeric=(1, 2))


def _flatness(record: RunRecord) -> Markup:
    tuning = record.model.estimator.tuning_
    if tuning is None or len(tuning.path) < 2:
        return Markup("")
    total = float(record.rows.weights_or_ones().sum())
    norms = [{"gradient": max(step.gradient_norm / total, 1e-18)} for step in tuning.path]
    drawing = path_chart(norms, "a row, log scale", "Hypergradient at each accepted step", log=True)
    return figure("Largest derivative of the criterion by a log penalty", drawing)
