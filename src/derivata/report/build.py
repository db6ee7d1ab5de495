"""The report: one HTML file that needs no script, no network and no other file.

Every section is a function of a `RunRecord` that returns escaped markup; the page's frame and its
style are in ``page.html``. The size is bounded: charts of more than 2,000 points are binned, and
tables show their first or largest rows with a note on how many are left out.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template

import numpy as np
from markupsafe import Markup, escape

import derivata
from derivata.plain_text import clean, number, percent, plural
from derivata.report.axes import joined
from derivata.report.charts import Interval, interval_chart, path_chart
from derivata.report.effects import Effect, strongest_effects
from derivata.report.judgement import judgement_section
from derivata.report.parts import (
    facts,
    figure,
    folded,
    key_figures,
    legend,
    paragraph,
    section,
    side_by_side,
    table,
)
from derivata.report.record import RunRecord
from derivata.report.words import columns_in_words, headline, optimism_in_words, unit

MOST_COLUMNS = 60
MOST_WARNINGS = 50
IN_CHART = 25
GROUP_COLOURS = {"numeric": "a", "category": "b", "missing": "c"}
OUTPUTS = {
    "squared": "the prediction",
    "logistic": "the log-odds of",
    "softmax": "the log-odds of the class against the mean of all",
    "poisson": "the log of the expected count",
}


def build_report(record: RunRecord) -> str:
    """The page of one run.

    Parameters
    ----------
    record : RunRecord

    Returns
    -------
    html : str                     under 1 MB whatever the table
    """
    task = record.model.task
    body = joined(
        [
            _score_section(record),
            _effects_section(record),
            judgement_section(record),
            _data_section(record),
            _penalties_section(record),
            _convergence_section(record),
            _warnings_section(record),
            _reproduce_section(record),
        ]
    )
    template = Template(files("derivata.report").joinpath("page.html").read_text("utf-8"))
    return template.substitute(
        title=escape(f"{clean(task.target, 60)} – derivata"),
        file=escape(clean(record.file_name, 80)),
        target=Markup("<bdi>{}</bdi>").format(clean(task.target, 80)),
        subtitle=escape(_subtitle(record)),
        headline=escape(headline(record)),
        figures=key_figures(_key_figures(record)),
        alert=_alert(record),
        body=body,
        version=escape(derivata.__version__),
    )


def _subtitle(record: RunRecord) -> str:
    return (
        f"{record.model.task.family} loss · {plural(record.model.n_rows, 'row')} · "
        f"{columns_in_words(record)}"
    )


def _key_figures(record: RunRecord) -> list[tuple[str, str, str]]:
    found, estimator = record.metrics, record.model.estimator
    shown = []
    if "r2" in found:
        shown = [
            (number(found["r2"], 3), "R²", "on unseen rows"),
            (number(found["rmse"], 3), "typical error", "root mean square, unseen rows"),
        ]
    elif "accuracy" in found:
        common = percent(found["accuracy_of_commonest_class"])
        shares = number(found["log_loss_of_class_shares"], 3)
        shown = [
            (percent(found["accuracy"]), "accuracy", f"commonest class: {common}"),
            (number(found["log_loss"], 3), "log-loss", f"guessing shares: {shares}"),
        ]
    elif "d2" in found:
        shown = [
            (number(found["d2"], 3), "D²", "deviance explained, unseen rows"),
            (number(found["mean_deviance"], 3), "mean deviance", "unseen rows"),
        ]
    effective = estimator.effective_params_
    of = f"of {plural(record.n_coefficients, 'coefficient')}"
    shown.append((number(effective, 3), "effective parameters", of))
    tuned = len(estimator.alphas_per_group_)
    took = number(record.seconds.get("fit"), 2)
    shown.append((f"{took} s", "to tune and fit", plural(tuned, "penalty", "penalties") + " tuned"))
    return shown


def _alert(record: RunRecord) -> Markup:
    """What must not be overlooked, above everything else."""
    if not record.converged:
        return paragraph(
            "The fit, its tuning or an outer fold stopped before its end: numbers below may be "
            "off. See Convergence and Warnings.",
            "alert",
        )
    return Markup("")


def _score_section(record: RunRecord) -> Markup:
    tuning, outer = record.model.estimator.tuning_, record.outer
    measure = unit(record.model.task.family)
    rows = []
    if tuning is not None:
        nothing = float("nan")
        rows.append(
            Interval(
                f"criterion: {tuning.criterion_name}",
                tuning.criterion,
                nothing,
                nothing,
                "b",
                number(tuning.criterion),
            )
        )
    if outer is not None:
        score = outer.score
        rows.append(
            Interval(
                "criterion in the outer folds",
                score.inner,
                float("nan"),
                float("nan"),
                "b",
                number(score.inner),
            )
        )
        twice = 2.0 * score.standard_error
        rows.append(
            Interval(
                "outer score: unseen rows",
                score.score,
                score.score - twice,
                score.score + twice,
                "a",
                number(score.score),
            )
        )
    chart = Markup("")
    if rows:
        chart = figure(
            f"Mean loss of a row, in {measure}: lower is better",
            interval_chart(
                rows, f"loss a row ({measure})", "Tuned criterion and outer score", zero=False
            ),
            "Bar: twice the standard error over rows."
            + (
                f" {plural(outer.n_folds, 'outer fold')}; each refits encoder, tuning and model on the other rows."
                if outer
                else ""
            ),
        )
    return section("Score", optimism_in_words(record), chart, _unjudged(record))


def _unjudged(record: RunRecord) -> Markup:
    outer = record.outer
    n_left = 0 if outer is None else int((~outer.judged).sum())
    if not n_left:
        return Markup("")
    return paragraph(
        f"{plural(n_left, 'row')} could not be judged: no other row has the same class.", "note"
    )


def _effects_section(record: RunRecord) -> Markup:
    model = record.model
    effects, n_effects = strongest_effects(model)
    if not effects:
        return Markup("")
    labels = tuple(dict.fromkeys(effect.label for effect in effects))
    output = OUTPUTS[model.task.family]
    if model.task.family == "logistic":
        output += f" “{clean(model.classes[1], 40)}”"
    strongest = effects[0] if len(labels) == 1 else max(effects, key=lambda e: abs(e.size))
    lead = (
        f"The strongest effect is that of {clean(strongest.feature, 60)}"
        + (f" on class {clean(strongest.label, 30)}" if strongest.label else "")
        + f": one standard deviation of it moves {output} by {number(strongest.size, 3)}."
    )
    groups = [(GROUP_COLOURS.get(name, "a"), name) for name in model.encoder.group_names]
    chart = _one_chart(effects, output) if len(labels) == 1 else _chart_a_label(effects, labels)
    rows = [
        [
            *([e.label] if e.label else []),
            e.feature,
            e.group,
            number(e.size, 3),
            number(e.coef, 4),
            number(e.coef_error, 3),
            number(e.ratio, 3),
        ]
        for e in effects
    ]
    head = ["feature", "group", "effect of 1 sd", "coefficient", "std. error", "z"]
    head = ["class", *head] if labels[0] else head
    first = len(head) - 4
    shown = f"{plural(len(effects), 'coefficient')}, largest first"
    note = (
        ""
        if len(effects) == n_effects
        else f" The {n_effects - len(effects):,} smaller ones are in the model file."
    )
    return section(
        "Effects",
        lead,
        legend(groups) if len(groups) > 1 else Markup(""),
        chart,
        folded(shown, table(head, rows, numeric=range(first, len(head))), len(rows)),
        paragraph(
            f"Shown: {shown}.{note} Coefficients are in the columns' own units and shrunk by their penalty; "
            "standard errors are posterior, given the penalties"
            + (
                "."
                if np.isfinite(effects[0].error)
                else "; those of several classes are not computed yet."
            ),
            "note",
        ),
    )


def _one_chart(effects: tuple[Effect, ...], output: str) -> Markup:
    return figure(
        f"What one standard deviation of a feature adds to {output}",
        interval_chart(
            [_interval(effect) for effect in effects[:IN_CHART]],
            "effect of one standard deviation",
            "Standardised effects with twice their standard errors",
            zero=True,
        ),
        "Bars: twice the posterior standard error." if np.isfinite(effects[0].error) else "",
    )


def _chart_a_label(effects: tuple[Effect, ...], labels: tuple[str, ...]) -> Markup:
    charts = []
    for label in labels[:12]:
        own = [effect for effect in effects if effect.label == label][:6]
        charts.append(
            figure(
                f"class {clean(label, 40)}",
                interval_chart(
                    [_interval(effect) for effect in own],
                    "effect of one standard deviation",
                    f"Strongest effects on class {clean(label, 40)}",
                    zero=True,
                    width=440.0,
                    left=130.0,
                ),
            )
        )
    return side_by_side(*charts)


def _interval(effect: Effect) -> Interval:
    twice = 2.0 * effect.error
    colour = GROUP_COLOURS.get(effect.group, "a")
    return Interval(effect.feature, effect.size, effect.size - twice, effect.size + twice, colour)


def _data_section(record: RunRecord) -> Markup:
    columns = record.columns
    n_gaps = sum(c.n_missing for c in columns if c.role == "feature")
    out = [c for c in columns if c.role in ("left out", "dropped")]
    n_features = len(record.model.encoder.feature_names)
    lead = f"{plural(n_features, 'feature')} from {columns_in_words(record)}"
    lead += f"; {plural(n_gaps, 'missing cell')}" if n_gaps else "; no cell missing"
    lead += f"; {plural(len(out), 'column')} left out." if out else "."
    rows = [
        [
            c.name,
            c.kind,
            c.role,
            f"{c.n_missing:,}" if c.n_missing else "",
            f"{c.n_features:,}" if c.n_features else "",
        ]
        for c in columns[:MOST_COLUMNS]
    ]
    head = ["column", "kind", "role", "missing", "features"]
    left = len(columns) - len(rows)
    notes = []
    if left > 0:
        notes.append(f"{left:,} more columns are listed in summary.json.")
    n_lost = record.n_rows_read - record.model.n_rows
    if n_lost:
        notes.append(f"{plural(n_lost, 'row')} without a target or with weight 0 left out.")
    if n_gaps:
        notes.append(
            "A missing number counts as its column's mean, beside an indicator with a coefficient "
            "of its own."
        )
    return section(
        "Data",
        lead,
        folded(f"The {plural(len(rows), 'column')}", table(head, rows, numeric=(3, 4)), len(rows)),
        paragraph(" ".join(notes), "note") if notes else Markup(""),
    )


def _penalties_section(record: RunRecord) -> Markup:
    estimator = record.model.estimator
    tuning = estimator.tuning_
    if tuning is None:
        return Markup("")
    names = list(estimator.alphas_per_group_)
    total = float(record.rows.weights_or_ones().sum())
    values = [{"criterion": step.criterion / total} for step in tuning.path]
    strengths = [dict(zip(names, np.exp(step.hyper).tolist(), strict=True)) for step in tuning.path]
    counts = {name: 0 for name in names}
    for group in record.model.encoder.groups:
        counts[record.model.encoder.group_names[group]] += 1
    bounds = dict(tuning.at_bound)
    rows = [
        [
            name,
            f"{counts[name]:,}",
            number(alpha, 4),
            f"at the {bounds[name]} end" if name in bounds else "",
        ]
        for name, alpha in estimator.alphas_per_group_.items()
    ]
    return section(
        "Penalties",
        f"Tuned by {tuning.criterion_reason}. {plural(tuning.n_evaluations, 'evaluation')}, "
        f"{plural(len(tuning.path), 'step')} accepted.",
        table(["group", "features", "penalty", ""], rows, numeric=(1, 2)),
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
            "A penalty is a prior precision: alpha/2 times the squared coefficients of "
            "standardised columns is added to the summed loss. It equals scikit-learn's Ridge "
            "alpha, and 1/C of its LogisticRegression.",
            "note",
        ),
    )


def _convergence_section(record: RunRecord) -> Markup:
    estimator = record.model.estimator
    tuning = estimator.tuning_
    pairs = [("Fit", estimator.convergence_)]
    chart = Markup("")
    if tuning is not None:
        pairs.append(("Tuning", tuning.reason))
        pairs.append(
            (
                "Hypergradient",
                f"{number(tuning.hypergradient_norm, 2)} a row, the largest of any log penalty",
            )
        )
        total = float(record.rows.weights_or_ones().sum())
        norms = [{"gradient": max(step.gradient_norm / total, 1e-18)} for step in tuning.path]
        if len(norms) > 1:
            chart = figure(
                "How flat the criterion became: its largest derivative by a log penalty",
                path_chart(
                    norms,
                    "hypergradient a row (log scale)",
                    "Hypergradient at each accepted step",
                    log=True,
                ),
            )
    outer = record.outer
    if outer is not None and outer.n_not_converged:
        pairs.append(
            ("Outer folds", f"{outer.n_not_converged} of {outer.n_folds} did not converge")
        )
    pairs.append(("Solver", f"{plural(estimator.n_iter_, 'step')}, tuning included"))
    effective = f"{number(estimator.effective_params_)} of {record.n_coefficients:,}"
    pairs.append(("Effective parameters", effective))
    if record.model.task.family == "squared":
        pairs.append(("Residual variance", number(estimator.dispersion_)))
    lead = "Everything converged." if record.converged else "Something stopped before its end."
    return section("Convergence", lead, side_by_side(facts(pairs), chart))


def _warnings_section(record: RunRecord) -> Markup:
    if not record.warnings:
        return section("Warnings", "None.")
    items = [
        Markup("<li><code>{}</code> <bdi>{}</bdi></li>").format(
            said.code, clean(said.message, 1000)
        )
        for said in record.warnings[:MOST_WARNINGS]
    ]
    left = len(record.warnings) - len(items)
    more = paragraph(f"{left:,} more are in summary.json.", "note") if left else Markup("")
    return section("Warnings", "", Markup("<ul>{}</ul>").format(joined(items)), more)


def _reproduce_section(record: RunRecord) -> Markup:
    task = record.model.task
    roles = [("Target", task.target), ("Weights", task.weights), ("Exposure", task.exposure)]
    return section(
        "Reproduce",
        "The same file, version and random state give the same model, to the bit on one machine.",
        facts(
            [
                ("File", record.file_name),
                ("SHA-256", record.file_sha256),
                *((name, column) for name, column in roles if column is not None),
                ("Family", f"{task.family}: {task.reason}"),
                ("derivata", derivata.__version__),
                ("random_state", str(record.model.estimator.random_state)),
            ]
        ),
    )
