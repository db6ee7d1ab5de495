"""``derivata fit TABLE --target COL --out DIR``: a tuned model, a report and a summary."""

from __future__ import annotations

import json
from typing import Any

import click

from derivata.cli.exit_codes import DONE, NOT_CONVERGED

FAMILIES = (
    "auto",
    "squared",
    "huber",
    "logistic",
    "softmax",
    "poisson",
    "negative-binomial",
    "gamma",
    "tweedie",
    "quantile",
)


class PairCount(click.ParamType):
    """A number of pairs of columns, ``auto`` or ``none``."""

    name = "pairs"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | int | None:
        """The number, "auto", or None for none."""
        if value in ("auto", "none", None):
            return "auto" if value == "auto" else None
        if isinstance(value, int) or (value.isascii() and value.isdigit()):
            return int(value)
        self.fail(f"{value!r} is none of 'auto', 'none' and a number of pairs.", param, ctx)


HELP = """Fit and tune a model of TABLE: CSV (plain or gzip) or Parquet.

Writes DIR/model.derivata, DIR/report.html and DIR/summary.json, all three or none. The family of
the model is told from the target. Numbers become curves, words categories, and pairs of columns
surfaces where that proves worth having, each with penalties of its own, tuned by the derivative of
the evidence. Missing numbers and words need no treatment.

Exit codes: 3 if the table cannot be used, 4 if DIR cannot be written, 5 if written but not
converged; `derivata --help` lists all.
"""


@click.command("fit", help=HELP)
@click.argument("table")
@click.option("--target", required=True, metavar="COL", help="The column to predict.")
@click.option("--out", required=True, metavar="DIR", help="Where the run is written.")
@click.option(
    "--family",
    type=click.Choice(FAMILIES),
    default="auto",
    show_default=True,
    help="What the target is; the reason for the choice is printed. Numbers: squared, huber (with "
    "outliers), quantile. Classes: logistic, softmax. Counts: poisson, negative-binomial. Amounts: "
    "gamma (> 0), tweedie (>= 0).",
)
@click.option(
    "--level",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    metavar="Q",
    help="Which quantile the family quantile predicts; 0.5 if not given.",
)
@click.option(
    "--interactions",
    type=PairCount(),
    default="auto",
    show_default=True,
    metavar="auto|none|N",
    help="How many pairs of columns may get a surface; each must prove worth having.",
)
@click.option("--weights", metavar="COL", help="Row weights; 0 leaves the row out.")
@click.option("--exposure", metavar="COL", help="What counts or amounts were gathered over.")
@click.option("--drop", multiple=True, metavar="COL", help="Leave this column out. Repeatable.")
@click.option("--category", multiple=True, metavar="COL", help="Read as words. Repeatable.")
@click.option(
    "--missing", multiple=True, metavar="WORD", help="A word for a missing cell. Repeatable."
)
@click.option("--delimiter", metavar="CHAR", help="Between cells; found if not given.")
@click.option("--decimal", type=click.Choice([".", ","]), help="Decimal mark; found if not given.")
@click.option("--drop-missing-target", is_flag=True, help="Leave out rows without a target.")
@click.option(
    "--folds",
    type=click.IntRange(2, 100),
    default=5,
    show_default=True,
    help="Outer folds that the whole procedure is judged by.",
)
@click.option(
    "--random-state", type=click.IntRange(0, 2**32 - 1), default=0, help="Deals the folds."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option("--force", is_flag=True, help="Replace the run in DIR.")
def command(as_json: bool, **options: Any) -> int:
    """Run ``derivata fit``; the exit code."""
    from derivata.cli.fitting import FitRequest, fit_table
    from derivata.cli.telling import told

    request = FitRequest(**options)
    record, summary = fit_table(request)
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=True, allow_nan=False))
    else:
        click.echo(told(record, request.out))
    return DONE if record.converged else NOT_CONVERGED
