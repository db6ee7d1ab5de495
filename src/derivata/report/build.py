"""The report: one HTML file that needs no script, no network and no other file.

Every section is a function of a `RunRecord` that returns escaped markup; the page's frame and its
style are in ``page.html``. The size is bounded: charts of more than 2,000 points are binned, and
tables show their first or largest rows with a note on how many are left out.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template

from markupsafe import Markup, escape

import derivata
from derivata.plain_text import clean, duration, number, percent, plural
from derivata.report.axes import joined
from derivata.report.effects_section import effects_section
from derivata.report.judgement import judgement_section
from derivata.report.parts import facts, folded, key_figures, paragraph, section, table
from derivata.report.record import RunRecord
from derivata.report.tuning_section import (
    convergence_section,
    penalties_section,
    score_section,
)
from derivata.report.words import (
    columns_in_words,
    family_in_words,
    headline,
    quantile_in_words,
)

MOST_COLUMNS = 60
MOST_WARNINGS = 50


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
            score_section(record),
            effects_section(record),
            judgement_section(record),
            _data_section(record),
            penalties_section(record),
            convergence_section(record),
            _warnings_section(record),
            _reproduce_section(record),
        ]
    )
    template = Template(files("derivata.report").joinpath("page.html").read_text("utf-8"))
    return template.substitute(
        title=escape(f"{clean(task.target, 60)} – derivata"),
        file=escape(clean(record.file_name, 80)),
        heading=Markup("Predicting <bdi>{}</bdi>").format(clean(task.target, 80)),
        subtitle=escape(_subtitle(record)),
        headline=paragraph(headline(record), "headline"),
        figures=key_figures(_key_figures(record)),
        alert=_alert(record),
        body=body,
        version=escape(derivata.__version__),
    )


def _subtitle(record: RunRecord) -> str:
    return (
        f"{family_in_words(record.model)} · {plural(record.model.n_rows, 'row')} · "
        f"{columns_in_words(record)}"
    )


def _key_figures(record: RunRecord) -> list[tuple[str, str, str]]:
    found, model = record.metrics, record.model.model
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
    elif "d1" in found:
        of = quantile_in_words(record.model.task.level or 0.5)
        shown = [
            (percent(found["share_below"]), "of rows below", f"their predicted {of}, unseen rows"),
            (number(found["d1"], 3), "D¹", "pinball loss explained, unseen rows"),
        ]
    elif "median_absolute_error" in found:
        shown = [
            (number(found["d2"], 3), "D²", "Huber's loss explained, unseen rows"),
            (number(found["median_absolute_error"], 3), "typical error", "median, unseen rows"),
        ]
    elif "d2" in found:
        shown = [
            (number(found["d2"], 3), "D²", "deviance explained, unseen rows"),
            (number(found["mean_deviance"], 3), "mean deviance", "unseen rows"),
        ]
    effective = model.effective_params
    of = f"of {plural(record.n_coefficients, 'coefficient')}"
    shown.append((number(effective, 3), "effective parameters", of))
    how = "given" if model.tuning is None else "tuned"
    tuned = f"{plural(len(model.alphas), 'penalty', 'penalties')} {how}"
    took = duration(record.seconds["fit"])
    shown.append((took, "to tune and fit", tuned))
    return shown


def _alert(record: RunRecord) -> Markup:
    """What must not be overlooked, above everything else."""
    if not record.converged:
        return paragraph(
            "The fit or its tuning stopped before its end: numbers below may be off. See "
            "Convergence and Warnings.",
            "alert",
        )
    return Markup("")


def _data_section(record: RunRecord) -> Markup:
    columns = record.columns
    n_gaps = sum(c.n_missing for c in columns if c.role == "feature")
    out = [c for c in columns if c.role in ("left out", "dropped")]
    encoder = record.model.encoder
    lead = (
        f"{plural(len(encoder.terms), 'term')} with "
        f"{plural(len(encoder.feature_names), 'feature')} from {columns_in_words(record)}"
    )
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
            "A missing number has the average effect of its column, beside what being missing adds "
            "by itself; a missing word is a level."
        )
    notes += _pairs(record)
    return section(
        "Data",
        lead,
        folded(f"The {plural(len(rows), 'column')}", table(head, rows, numeric=(3, 4)), len(rows)),
        paragraph(" ".join(notes), "note") if notes else Markup(""),
    )


def _pairs(record: RunRecord) -> list[str]:
    """What became of the pairs of columns that were looked at."""
    looked, kept = len(record.model.model.pairs), record.interactions
    if not looked:
        return []
    words = f"{plural(looked, 'pair')} of columns looked as if they act together; "
    if not kept:
        return [words + "none was worth a surface."]
    return [words + f"{plural(len(kept), 'surface')} proved worth having."]


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
                ("Family", f"{family_in_words(record.model)}: {task.reason}"),
                ("derivata", derivata.__version__),
                ("random_state", str(record.model.estimator.random_state)),
            ]
        ),
    )
