"""The pieces every section of the page is made of, each escaping what it is given."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from derivata.plain_text import clean
from derivata.report.axes import joined

OPEN_ROWS = 20


def section(title: str, lead: str, *body: Markup) -> Markup:
    """A section: its name in the margin, one sentence that says what was found, and the rest."""
    return Markup("<section><h2>{}</h2><div>{}{}</div></section>").format(
        title, paragraph(lead, "lead") if lead else "", joined(body)
    )


def paragraph(words: str, css: str = "") -> Markup:
    """A paragraph of plain words, in which no line breaks before a percent sign."""
    words = words.replace(" %", "\N{NO-BREAK SPACE}%")
    return (
        Markup('<p class="{}">{}</p>').format(css, words)
        if css
        else Markup("<p>{}</p>").format(words)
    )


def figure(title: str, drawing: Markup, note: str = "") -> Markup:
    """A chart with its name above and a note below."""
    below = Markup('<p class="note">{}</p>').format(note) if note else ""
    return Markup("<figure><figcaption>{}</figcaption>{}{}</figure>").format(title, drawing, below)


def side_by_side(*figures: Markup) -> Markup:
    """Figures in columns where the page is wide enough."""
    return Markup('<div class="pair">{}</div>').format(joined(figures))


def two_columns(figures: Sequence[tuple[Markup, float]]) -> Markup:
    """Figures of known heights in two columns, each put where there is more room.

    Where the page is narrow they stand one below the other, in their order.
    """
    columns: tuple[list[Markup], list[Markup]] = [], []
    heights = [0.0, 0.0]
    for place, (drawn, height) in enumerate(figures):
        side = int(heights[1] < heights[0])
        columns[side].append(Markup('<div style="order:{}">{}</div>').format(place, drawn))
        heights[side] += height
    made = [Markup('<div class="column">{}</div>').format(joined(own)) for own in columns]
    return side_by_side(*made)


def table(
    head: Sequence[str], rows: Sequence[Sequence[str | Markup]], numeric: Sequence[int] = ()
) -> Markup:
    """A table of words; the columns at positions ``numeric`` are set flush right."""

    def cells(tag: str, row: Sequence[str | Markup]) -> Markup:
        made = []
        for place, cell in enumerate(row):
            css = Markup(' class="n"') if place in numeric else ""
            if place in numeric and not isinstance(cell, Markup):
                cell = cell.replace("-", "\N{MINUS SIGN}") if cell[-1:].isdigit() else cell
            words = (
                cell if isinstance(cell, Markup) else Markup("<bdi>{}</bdi>").format(clean(cell))
            )
            made.append(Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), css, words))
        return Markup("<tr>{}</tr>").format(joined(made))

    return Markup(
        '<div class="scroll"><table><thead>{}</thead><tbody>{}</tbody></table></div>'
    ).format(cells("th", head), joined([cells("td", row) for row in rows]))


def folded(summary: str, body: Markup, n_rows: int) -> Markup:
    """``body`` behind a line to click if it has more than `OPEN_ROWS` rows."""
    if n_rows <= OPEN_ROWS:
        return body
    return Markup("<details><summary>{}</summary>{}</details>").format(summary, body)


def facts(pairs: Sequence[tuple[str, str]]) -> Markup:
    """Names with what they are, as a list of definitions."""
    items = [
        Markup("<dt>{}</dt><dd><bdi>{}</bdi></dd>").format(name, clean(words, 1000))
        for name, words in pairs
    ]
    return Markup("<dl>{}</dl>").format(joined(items))


def key_figures(pairs: Sequence[tuple[str, str, str]]) -> Markup:
    """A row of numbers to remember: (number, what it is, a note)."""
    items = [
        Markup("<div><b>{}</b><span>{}</span><small>{}</small></div>").format(value, name, note)
        for value, name, note in pairs
    ]
    return Markup('<div class="figures">{}</div>').format(joined(items))


def legend(names: Sequence[tuple[str, str]]) -> Markup:
    """Colours with what they stand for: (class, name)."""
    items = [
        Markup('<span class="key {}">{}</span>').format(css, clean(name, 40)) for css, name in names
    ]
    return Markup('<p class="legend">{}</p>').format(joined(items))
