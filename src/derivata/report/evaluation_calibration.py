"""How predictions compare with what came: reliability, ranking, and the width of distributions."""

from __future__ import annotations

from markupsafe import Markup

from derivata.plain_text import clean, number, percent
from derivata.report.axes import joined
from derivata.report.effect_charts import COLOURS
from derivata.report.evaluation_charts import (
    pit_chart,
    precision_recall_chart,
    reliability_chart,
    roc_chart,
)
from derivata.report.evaluation_record import EvaluationRecord, Refused
from derivata.report.parts import (
    facts,
    figure,
    legend,
    paragraph,
    section,
    side_by_side,
    table,
)
from derivata.scoring.calibration import Calibration, Ranking
from derivata.scoring.reliability import Decomposition

MOST_DRAWN = 6


def reliability_section(record: EvaluationRecord) -> Markup:
    """The reliability curve, the score's parts, and for classes the ranking."""
    found = record.calibration
    if isinstance(found, Refused):
        return section("Reliability", f"Not to be had: {found.reason}")
    made = _reliability(record, found)
    return made + _ranking(found) if found.rankings else made


def spread_section(record: EvaluationRecord) -> Markup:
    """Whether predicted distributions are as wide as they should be; nothing for classes."""
    found = record.spread
    if found is None:
        return Markup("")
    if isinstance(found, Refused):
        return section("Distributions", f"Not to be had: {found.reason}")
    rows = [
        [
            f"{100 * one.level:g} %",
            percent(one.expected),
            percent(one.share),
            number(one.standard_error * 100, 2) + " %",
            number(one.mean_width, 3),
            _agreement(one.z),
        ]
        for one in found.coverages
    ]
    head = ["interval", "should hold", "holds", "±", "mean width", ""]
    gain = ""
    if found.crps_of_constant > 0.0:
        gain = (
            f" One distribution for all rows has {number(found.crps_of_constant, 3)}: "
            f"{percent(1.0 - found.crps / found.crps_of_constant)} of it is gone."
        )
    target = clean(record.run.model.task.target, 40)
    note = (
        f"CRPS, the absolute error of a whole distribution in units of {target}: "
        f"{number(found.crps, 3)} ± {number(found.crps_error, 2)}.{gain}"
    )
    if found.n_rows < record.run.rows.n_rows:
        note += f" Intervals and CRPS by {found.n_rows:,} of the rows, evenly spaced."
    return section(
        "Distributions",
        found.in_words(),
        side_by_side(
            figure(
                "Where outcomes fall in their predicted distributions",
                pit_chart(found.pit.shares, found.pit.share_error, "Shares of outcomes by tenths"),
                "Level if distributions are right; the band is twice the standard error. High at "
                "both ends: too narrow; high in the middle: too wide.",
            ),
            figure(
                "What intervals of a new row hold",
                table(head, rows, numeric=(1, 2, 3, 4)),
                note,
            ),
        ),
    )


def _agreement(z: float) -> str:
    if abs(z) <= 2.0:
        return "as it should"
    return "too wide" if z > 0 else "too narrow"


def _reliability(record: EvaluationRecord, found: Calibration) -> Markup:
    of = clean(found.of, 60)
    target = clean(record.run.model.task.target, 40)
    classes = found.band is not None
    chart = reliability_chart(
        found,
        of if classes else f"predicted {target}",
        "share observed" if classes else f"mean {target} observed",
        f"Outcomes against {of}",
    )
    note = "Line: the never-falling curve nearest to the outcomes. Dots: bins of equal weight."
    if classes:
        note += " Band: where 90 % of such curves lie if the probabilities are right."
    parts = [_parts(part) for part in found.parts]
    return section(
        "Reliability",
        found.verdict(),
        side_by_side(
            figure("Observed against predicted, without bins", chart, note),
            Markup("<div>{}{}</div>").format(
                joined(parts), paragraph(" ".join(found.notes), "note")
            ),
        ),
    )


def _parts(part: Decomposition) -> Markup:
    """A score and what it is made of."""
    return figure(
        f"What the {part.name} is made of",
        facts(
            [
                (f"{part.name[:1].upper()}{part.name[1:]}", f"{number(part.score)} a row"),
                (
                    "= miscalibration",
                    f"{number(part.miscalibration, 3)}: what recalibrating would gain",
                ),
                (
                    "\N{MINUS SIGN} discrimination",
                    f"{number(part.discrimination, 3)}: what telling rows apart gains",
                ),
                ("+ uncertainty", f"{number(part.uncertainty)}: of one constant for all"),
            ]
        ),
    )


def _ranking(found: Calibration) -> Markup:
    rankings = found.rankings
    drawn = list(zip(COLOURS, rankings[:MOST_DRAWN], strict=False))
    curves = [(css, one.steps) for css, one in drawn]
    keys = legend([(css, one.label) for css, one in drawn]) if len(rankings) > 1 else Markup("")
    head = ["class", "share", "ROC area", "±", "up to 10 % false", "average precision", "±"]
    rows = [_row(one) for one in rankings]
    return section(
        "Ranking",
        _ranking_in_words(rankings),
        keys,
        side_by_side(
            figure(
                "Found against falsely taken (ROC)",
                roc_chart(curves, "Share found against share of the others taken"),
                "Dashed: no order at all.",
            ),
            figure(
                "Precision against recall",
                precision_recall_chart(
                    curves, [one.share for one in rankings], "Precision against recall"
                ),
                "Dashed: no order at all." if len(rankings) == 1 else "",
            ),
        ),
        table(head, rows, numeric=(1, 2, 3, 4, 5, 6)),
        paragraph(
            "ROC area: how often a row of the class scores above another one; ± its standard "
            "error. Up to 10 % false: the same over thresholds that take at most a tenth of the "
            "others, scaled to 0.5 for no order. Average precision: the share taken that is right, "
            "averaged over thresholds; without any order it is the share of the class.",
            "note",
        ),
    )


def _row(one: Ranking) -> list[str]:
    return [
        one.label,
        percent(one.share),
        number(one.roc.value, 4),
        number(one.roc.standard_error, 2),
        number(one.roc_partial, 3),
        number(one.average_precision.value, 4),
        number(one.average_precision.standard_error, 2),
    ]


def _ranking_in_words(rankings: tuple[Ranking, ...]) -> str:
    if len(rankings) == 1:
        one = rankings[0]
        return (
            f"A row of “{clean(one.label, 40)}” scores above another row "
            f"{percent(one.roc.value)} of the time."
        )
    worst = min(rankings, key=lambda one: one.roc.value)
    return (
        f"The class hardest to tell from the others is “{clean(worst.label, 40)}”: one of its rows "
        f"scores above another row {percent(worst.roc.value)} of the time."
    )
