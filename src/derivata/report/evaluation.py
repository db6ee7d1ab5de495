"""The page of an evaluation: one HTML file beside the report of the fit, in its style.

Every section is a function of an `EvaluationRecord` that returns escaped markup. Where an analysis
refused, its section shows the sentence instead of a result.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template

from markupsafe import Markup, escape

import derivata
from derivata.evaluation.leave_one_out import LeaveOneOutResult
from derivata.plain_text import clean, number, percent, plural
from derivata.report.axes import joined
from derivata.report.evaluation_calibration import reliability_section, spread_section
from derivata.report.evaluation_fit import evidence_section, sensitivity_section, terms_section
from derivata.report.evaluation_record import SURE, EvaluationRecord, Refused
from derivata.report.evaluation_rows import influence_section, labels_section
from derivata.report.evaluation_words import headline, promise_in_words, score_facts
from derivata.report.judgement import judgement_section
from derivata.report.parts import facts, key_figures, paragraph, section
from derivata.report.words import family_in_words
from derivata.scoring.calibration import Calibration

MOST_WARNINGS = 50
_LINK = Markup(' · <a href="report.html">Report of the fit</a>')


def build_evaluation(record: EvaluationRecord) -> str:
    """The page of one evaluation.

    Parameters
    ----------
    record : EvaluationRecord

    Returns
    -------
    html : str                     under 1 MB whatever the table
    """
    run = record.run
    body = joined(
        [
            _score_section(record),
            judgement_section(run),
            reliability_section(record),
            spread_section(record),
            influence_section(record),
            labels_section(record),
            terms_section(record),
            evidence_section(record),
            sensitivity_section(record),
            _warnings_section(record),
            _reproduce_section(record),
        ]
    )
    target = clean(run.model.task.target, 80)
    template = Template(files("derivata.report").joinpath("page.html").read_text("utf-8"))
    return template.substitute(
        title=escape(f"{clean(target, 60)} evaluated – derivata"),
        file=escape(clean(run.file_name, 80)),
        heading=Markup("Evaluating predictions of <bdi>{}</bdi>").format(target),
        subtitle=escape(_subtitle(record)) + (_LINK if record.has_report else Markup("")),
        headline=paragraph(headline(record), "headline"),
        figures=key_figures(_key_figures(record)),
        alert=_alert(record),
        body=body,
        version=escape(derivata.__version__),
    )


def _subtitle(record: EvaluationRecord) -> str:
    run = record.run
    which = "the rows of the fit, each left out" if record.is_training else "rows of another table"
    return f"{family_in_words(run.model)} · {plural(run.rows.n_rows, 'row')}: {which}"


def _key_figures(record: EvaluationRecord) -> list[tuple[str, str, str]]:
    found, score = record.run.metrics, record.score
    unseen = "each row left out" if record.is_training else "of this table"
    shown = []
    if "r2" in found:
        shown.append((number(found["r2"], 3), "R²", unseen))
        shown.append((number(found["rmse"], 3), "typical error", "root mean square"))
    elif "accuracy" in found:
        shown.append((percent(found["accuracy"]), "accuracy", unseen))
    elif "d2" in found:
        shown.append((number(found["d2"], 3), "D²", unseen))
    elif "d1" in found:
        shown.append((number(found["d1"], 3), "D¹", unseen))
    calibration = record.calibration
    if isinstance(calibration, Calibration):
        rankings = calibration.rankings
        if len(rankings) == 1:
            area = rankings[0].roc
            spread = f"± {number(2 * area.standard_error, 2)}"
            shown.append((number(area.value, 3), "ROC area", f"{spread}, twice its error"))
        if calibration.band is not None:
            most, root = percent(calibration.error.interval()[1]), percent(calibration.error.root)
            if calibration.error.z > SURE:
                shown.append((root, "calibration error", f"root mean square; at most {most}"))
            else:
                shown.append(
                    (
                        f"\N{LESS-THAN OR EQUAL TO} {most}",
                        "calibration error",
                        "no more than chance",
                    )
                )
    if record.promise is not None and record.run.outer is not None:
        z = f"{record.promise.z(*score):+.1f}".replace("-", "\N{MINUS SIGN}")
        shown.append((z, "errors from promise", record.verdict))
    return shown[:4]


def _alert(record: EvaluationRecord) -> Markup:
    """What must not be overlooked."""
    if record.verdict.startswith("worse"):
        return paragraph(f"These rows are predicted {record.verdict}.", "alert")
    if isinstance(record.leave_one_out, Refused):
        return paragraph(
            f"The rows could not be judged without themselves: {record.leave_one_out.reason}",
            "alert",
        )
    return Markup("")


def _score_section(record: EvaluationRecord) -> Markup:
    notes = [record.recognised]
    if isinstance(record.leave_one_out, LeaveOneOutResult):
        said = [
            note[:1].upper() + note[1:].rstrip(".") + "." for note in record.leave_one_out.notes
        ]
        notes += [*said, "The outer folds of the fit chose both anew."]
    return section(
        "Score",
        promise_in_words(record),
        facts(score_facts(record)),
        paragraph(" ".join(notes), "note"),
    )


def _warnings_section(record: EvaluationRecord) -> Markup:
    said = record.run.warnings
    if not said:
        return Markup("")
    items = [
        Markup("<li><code>{}</code> <bdi>{}</bdi></li>").format(one.code, clean(one.message, 1000))
        for one in said[:MOST_WARNINGS]
    ]
    return section("Warnings", "", Markup("<ul>{}</ul>").format(joined(items)))


def _reproduce_section(record: EvaluationRecord) -> Markup:
    run = record.run
    return section(
        "Reproduce",
        "The same model, file, version and random state give the same evaluation.",
        facts(
            [
                ("Model", record.run_name),
                ("File", run.file_name),
                ("SHA-256", run.file_sha256),
                ("Rows", f"{run.n_rows_read:,} read, {run.rows.n_rows:,} judged"),
                ("derivata", derivata.__version__),
            ]
        ),
    )
