"""``derivata explain RUN TABLE --row K``: what each column adds to the prediction of a row."""

from __future__ import annotations

import sys

import click

from derivata.cli.exit_codes import DONE

MOST_TERMS = 20

HELP = """Explain predictions of rows of TABLE by a model; RUN is a run's folder or its model file.

Rows are counted from 1, the first one below the header. For each one: the prediction, the baseline
(the mean over the rows that the model was fitted to), and what each term adds, which sums up to the
difference, with the error of the sum. Where effects add up on a log scale, what each multiplies by
is printed beside it; `--response` shares out the prediction itself instead: means, or
probabilities. Of more than two classes the predicted one is explained, or that of `--class`.
"""


@click.command("explain", help=HELP)
@click.argument("run")
@click.argument("table")
@click.option(
    "--row", "rows", type=int, multiple=True, metavar="K", help="A row's number. Repeatable."
)
@click.option("--class", "target", metavar="CLASS", help="The class to explain.")
@click.option("--response", is_flag=True, help="Share out means or probabilities.")
@click.option(
    "--top",
    type=click.IntRange(1),
    default=MOST_TERMS,
    show_default=True,
    metavar="N",
    help="Terms to print; the others are summed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every term.")
@click.option(
    "-o", "--out", metavar="OUT.csv", help="Write every term, of all rows if none is given."
)
@click.option(
    "--missing", multiple=True, metavar="WORD", help="A word for a missing cell. Repeatable."
)
@click.option("--delimiter", metavar="CHAR", help="Between cells; found if not given.")
@click.option("--decimal", type=click.Choice([".", ","]), help="Decimal mark; found if not given.")
def command(
    run: str,
    table: str,
    rows: tuple[int, ...],
    target: str | None,
    response: bool,
    top: int,
    as_json: bool,
    out: str | None,
    missing: tuple[str, ...],
    delimiter: str | None,
    decimal: str | None,
) -> int:
    """Run ``derivata explain``; the exit code."""
    if not rows and out is None:
        raise click.UsageError("no row is given: `--row 3`, or `-o OUT.csv` for all of them.")
    from derivata.cli.console import heard_warnings
    from derivata.cli.csv_output import csv_chunks, refuse_overwriting, write_chunks
    from derivata.cli.explain_told import told
    from derivata.cli.explained import as_columns, as_record, explained_rows
    from derivata.cli.run_model import load_table_model, model_file_of
    from derivata.plain_text import plural
    from derivata.tables import read_table
    from derivata.tables.columns import MISSING_WORDS

    model_file = model_file_of(run)
    refuse_overwriting(out or "-", model_file, table)
    with heard_warnings():
        model = load_table_model(model_file)
        cells = read_table(
            table,
            delimiter=delimiter,
            decimal=decimal,
            missing=MISSING_WORDS | set(model.missing_words) | set(missing),
            categories=sorted(model.encoder.texts),
            only=model.columns_needed,
        )
        explained = explained_rows(model, cells, rows, target=target, response=response)
        plain = (sys.stdout.encoding or "utf8").lower().replace("-", "") != "utf8"
        texts = [told(explained, place, top, plain=plain) for place in range(len(rows))]
    if out is not None and out != "-":
        write_chunks(csv_chunks(as_columns(explained)), out)
        click.echo(f"{out}: {plural(len(explained.number), 'prediction')} explained")
    if as_json:
        import json

        record = as_record(explained)
        click.echo(json.dumps(record, indent=2, ensure_ascii=True, allow_nan=False))
    elif out == "-":
        for chunk in csv_chunks(as_columns(explained)):
            sys.stdout.write(chunk)
    elif rows:
        click.echo("\n\n".join(texts))
    return DONE
