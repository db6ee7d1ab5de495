"""Solvers side by side as a page: theory beside practice, and how each run came down.

One HTML file that needs no script, no network and no other file, in the style of the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from string import Template

from markupsafe import Markup, escape

import derivata
from derivata.comparison import HEAD, Comparison, row
from derivata.convergence.conditioning import Conditioning
from derivata.convergence.words import step_words
from derivata.plain_text import clean, number, percent, plural
from derivata.report.axes import joined
from derivata.report.convergence_charts import (
    colours,
    gap_by_gradients,
    gap_by_time,
    path_map,
)
from derivata.report.convergence_record import ConvergenceRecord
from derivata.report.convergence_words import cure_lines, headline, scaling_words
from derivata.report.parts import (
    facts,
    figure,
    key_figures,
    legend,
    paragraph,
    section,
    side_by_side,
    table,
)

MOST_NAMES = 40
SHORT = 20
STEPS_NOTE = (
    "“Predicted” steps are from the spectrum at the minimiser and the start's share of each "
    "eigenvector; for Newton's method from the line between start and minimiser. Those from kappa "
    "alone take every direction for the slowest. A rate is what a step multiplies the distance to "
    "the minimiser by; the gap falls by its square."
)
CHART_NOTE = (
    "F − F* on a logarithmic scale: a linear rate is a straight line where the axis below counts "
    "in equal steps. A dot marks the end of each run. Hessians are not counted as gradients; the "
    "picture against time has their cost in it."
)


def convergence_page(record: ConvergenceRecord) -> str:
    """The page of `derivata converge`: a comparison on a table.

    Parameters
    ----------
    record : ConvergenceRecord

    Returns
    -------
    html : str                     under 1 MB whatever the runs
    """
    task, comparison = record.task, record.comparison
    return _page(
        f"Converging on {task.target}",
        Markup("Converging on <bdi>{}</bdi>").format(clean(task.target, 80)),
        record.file_name,
        _subtitle(record),
        comparison,
        key_figures(_key_figures(record)),
        _alert(record),
        [
            _table_section(comparison),
            _pictures_section(comparison),
            _paths_section(comparison, [*record.names, "intercept"]),
            _curvature_section(record),
            _ends_section(comparison),
            _cures_section(comparison),
            _data_section(record),
        ],
    )


def comparison_page(comparison: Comparison, title: str = "F", names: Sequence[str] = ()) -> str:
    """The page of a comparison of solvers on any objective or function.

    Parameters
    ----------
    comparison : Comparison        by ``compare_solvers``
    title : str                    what was minimised
    names : sequence of str        of two parameters, for the picture of their paths

    Returns
    -------
    html : str                     one file; write it where you like
    """
    found, n_params = comparison.conditioning, len(comparison.minimiser)
    arrived = sum(run.fit.converged for run in comparison.runs)
    figures = [
        (number(found.condition, 3), "kappa", "as parameters are"),
        (number(found.scaled.condition, 3), "kappa, scaled", "each parameter in its own unit"),
        (number(found.largest_step, 3), "largest stable step", "of gradient descent: 2 / L"),
        (f"{arrived} of {len(comparison.runs)}", "arrived", "at their tolerance"),
    ]
    return _page(
        f"Minimising {title}",
        Markup("Minimising <bdi>{}</bdi>").format(clean(title, 80)),
        "",
        plural(n_params, "parameter"),
        comparison,
        key_figures(figures),
        Markup(""),
        [
            _table_section(comparison),
            _pictures_section(comparison),
            _paths_section(comparison, [*names, "w0", "w1"] if len(names) != 2 else names),
            _ends_section(comparison),
            _cures_section(comparison),
        ],
    )


def _page(
    title: str,
    heading: Markup,
    file: str,
    subtitle: str,
    comparison: Comparison,
    figures: Markup,
    alert: Markup,
    sections: Sequence[Markup],
) -> str:
    template = Template(files("derivata.report").joinpath("page.html").read_text("utf-8"))
    return template.substitute(
        title=escape(f"{clean(title, 80)} – derivata"),
        file=escape(clean(file, 80)),
        heading=heading,
        subtitle=escape(subtitle),
        headline=paragraph(headline(comparison), "headline"),
        figures=figures,
        alert=alert,
        body=joined(sections),
        version=escape(derivata.__version__),
    )


def _subtitle(record: ConvergenceRecord) -> str:
    scaled = "columns scaled" if record.scale else "columns as they are"
    return (
        f"{record.task.family} loss · {plural(record.n_rows, 'row')} · "
        f"{plural(len(record.names), 'column')}, {scaled} · penalty {number(record.alpha, 3)}"
    )


def _key_figures(record: ConvergenceRecord) -> list[tuple[str, str, str]]:
    found, runs = record.comparison.conditioning, record.comparison.runs
    arrived = [run for run in runs if run.fit.converged]
    shown = [
        (number(record.as_raw.condition, 3), "kappa, raw", "columns as they are"),
        (number(record.as_scaled.condition, 3), "kappa, scaled", "mean 0, deviation 1"),
        (number(found.largest_step, 3), "largest stable step", "of gradient descent: 2 / L"),
        (f"{len(arrived)} of {len(runs)}", "arrived", f"at a gradient of {record.tol:.0e}"),
    ]
    return shown


def _alert(record: ConvergenceRecord) -> Markup:
    if record.has_minimiser:
        return Markup("")
    return paragraph(record.why_no_minimiser, "alert")


def _table_section(comparison: Comparison) -> Markup:
    told = [row(run) for run in comparison.runs]
    return section(
        "Theory and practice",
        _agreement(comparison),
        table(HEAD, [[_unbroken(name), *rest] for name, *rest in told], tuple(range(1, 9))),
        paragraph(STEPS_NOTE, "note"),
    )


def _unbroken(name: str) -> Markup:
    """A name that, if short, stays on one line, however narrow its column."""
    word = Markup('<span style="white-space:nowrap">{}</span>')
    return word.format(name) if len(name) <= SHORT else Markup("<bdi>{}</bdi>").format(clean(name))


def _agreement(comparison: Comparison) -> str:
    """How near predicted steps came to those taken."""
    pairs = [
        (run.convergence.prediction.iterations, run.fit.n_iter)
        for run in comparison.runs
        if run.fit.converged and run.convergence.prediction.iterations and run.fit.n_iter
    ]
    if not pairs:
        return "No run for which theory has a number of steps arrived."
    off = max(abs(told - taken) / taken for told, taken in pairs if told is not None)
    runs = plural(len(pairs), "run")
    if off == 0.0:
        return f"Steps predicted for {runs} that arrived are those taken."
    return f"Steps predicted for {runs} that arrived are at most {percent(off)} off."


def _pictures_section(comparison: Comparison) -> Markup:
    return section(
        "The way down",
        "",
        legend(colours(comparison)),
        side_by_side(
            figure("Gap by gradients taken", gap_by_gradients(comparison)),
            figure("Gap by CPU time", gap_by_time(comparison)),
        ),
        paragraph(CHART_NOTE, "note"),
    )


def _paths_section(comparison: Comparison, names: Sequence[str]) -> Markup:
    if comparison.landscape is None:
        return Markup("")
    return section(
        "Paths",
        "Each run over the contours of F; the grey mark is the minimiser.",
        legend(colours(comparison)),
        figure("", path_map(comparison, names[:2])),
    )


def _curvature_section(record: ConvergenceRecord) -> Markup:
    head = ["columns", "L", "mu", "kappa", "zero to rounding", "gradient descent needs"]
    rows = [
        _curvature_row("as they are", record.as_raw, record.steps_raw),
        _curvature_row("scaled", record.as_scaled, record.steps_scaled),
    ]
    return section(
        "Curvature",
        scaling_words(record),
        table(head, rows, numeric=(1, 2, 3, 4, 5)),
        paragraph(
            "Curvatures are eigenvalues of the Hessian of F at the minimiser: the largest L bounds "
            "the step, the smallest mu sets the pace, and kappa is their ratio.",
            "note",
        ),
    )


def _curvature_row(name: str, found: Conditioning, steps: int | None) -> list[str | Markup]:
    return [
        _unbroken(name),
        number(found.largest, 3),
        number(found.smallest, 3),
        number(found.condition, 3),
        f"{found.spectrum.n_flat:,}",
        "–" if steps is None else step_words(steps),
    ]


def _ends_section(comparison: Comparison) -> Markup:
    pairs = [(run.name, run.convergence.reason) for run in comparison.runs]
    return section("Why each stopped", "", facts(pairs))


def _cures_section(comparison: Comparison) -> Markup:
    found = cure_lines(comparison)
    if not found:
        return section("What would help", "Nothing needs help.")
    return section("What would help", "", facts([(names, cure) for names, cure in found]))


def _data_section(record: ConvergenceRecord) -> Markup:
    shown = list(record.names[:MOST_NAMES])
    left = len(record.names) - len(shown)
    names = ", ".join(clean(name, 40) for name in shown) + (f" and {left:,} more" if left else "")
    pairs = [
        ("File", record.file_name),
        ("Target", record.task.target),
        ("Loss", f"{record.task.family}: {record.task.reason}"),
        ("Columns", names),
        ("Penalty", f"{number(record.alpha, 4)} a squared coefficient, halved; intercepts free"),
        ("Start", "the best constant"),
        *((f"Warning {said.code}", said.message) for said in record.warnings[:MOST_NAMES]),
        ("derivata", derivata.__version__),
    ]
    return section("Data", "", facts(pairs))
