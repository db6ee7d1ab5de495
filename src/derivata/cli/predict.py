"""``derivata predict RUN TABLE -o OUT.csv``: predictions of a table's rows, in their order."""

from __future__ import annotations

import sys

import click

from derivata.cli.exit_codes import DONE

INTERVAL_LEVEL = 0.95

HELP = """Predict every row of TABLE with the model of RUN, a run's folder or its model file.

The output has a row for each of TABLE, in its order: `prediction`, and for classes
`probability:CLASS` each. With `--intervals` also `lower` and `upper`, between which a new
observation lies with that probability (of a quantile: the quantile itself; of classes: each
probability, as `lower:CLASS` and `upper:CLASS`). Columns of TABLE may come in any order, and others
are ignored. A cell of text that a spreadsheet would run as a formula is written with an apostrophe
before it.
"""


@click.command("predict", help=HELP)
@click.argument("run")
@click.argument("table")
@click.option(
    "-o", "--out", default="-", show_default=True, metavar="OUT.csv", help="- prints them."
)
@click.option("--intervals", is_flag=True, help="Add lower and upper bounds.")
@click.option(
    "--interval-level",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    metavar="P",
    help="Probability that the bounds hold; 0.95 if not given. Implies --intervals.",
)
@click.option(
    "--missing", multiple=True, metavar="WORD", help="A word for a missing cell. Repeatable."
)
@click.option("--delimiter", metavar="CHAR", help="Between cells; found if not given.")
@click.option("--decimal", type=click.Choice([".", ","]), help="Decimal mark; found if not given.")
def command(
    run: str,
    table: str,
    out: str,
    intervals: bool,
    interval_level: float | None,
    missing: tuple[str, ...],
    delimiter: str | None,
    decimal: str | None,
) -> int:
    """Run ``derivata predict``; the exit code."""
    from derivata.cli.console import heard_warnings
    from derivata.cli.csv_output import csv_chunks, refuse_overwriting, write_chunks
    from derivata.cli.run_model import load_table_model, model_file_of
    from derivata.tables import read_table
    from derivata.tables.columns import MISSING_WORDS

    model_file = model_file_of(run)
    refuse_overwriting(out, model_file, table)
    with heard_warnings():
        model = load_table_model(model_file)
        rows = read_table(
            table,
            delimiter=delimiter,
            decimal=decimal,
            missing=MISSING_WORDS | set(model.missing_words) | set(missing),
            categories=sorted(model.encoder.texts),
            only=model.columns_needed,
        )
        level = interval_level or (INTERVAL_LEVEL if intervals else None)
        chunks = csv_chunks(model.predict(rows, interval=level))
    if out == "-":
        for chunk in chunks:
            sys.stdout.write(chunk)
        return DONE
    write_chunks(chunks, out)
    click.echo(f"{out}: {rows.n_rows:,} predictions of {model.task.target}")
    return DONE
