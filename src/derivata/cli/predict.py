"""``derivata predict RUN TABLE -o OUT.csv``: predictions of a table's rows, in their order."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from derivata.cli.exit_codes import DONE, CannotWrite

if TYPE_CHECKING:
    from derivata.estimators.table_model import TableModel


HELP = """Predict every row of TABLE with the model of RUN, a run's folder or its model file.

The output has a row for each of TABLE, in its order: `prediction`, and for classes
`probability:CLASS` each. Columns of TABLE may come in any order, and others are ignored. A cell of
text that a spreadsheet would run as a formula is written with an apostrophe before it.
"""


@click.command("predict", help=HELP)
@click.argument("run")
@click.argument("table")
@click.option(
    "-o", "--out", default="-", show_default=True, metavar="OUT.csv", help="- prints them."
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
    missing: tuple[str, ...],
    delimiter: str | None,
    decimal: str | None,
) -> int:
    """Run ``derivata predict``; the exit code."""
    from derivata.cli.console import heard_warnings
    from derivata.cli.csv_output import csv_chunks, write_chunks
    from derivata.tables import read_table
    from derivata.tables.columns import MISSING_WORDS

    model_file = _model_file(run)
    _refuse_overwriting(out, model_file, table)
    with heard_warnings():
        model = _load(model_file)
        rows = read_table(
            table,
            delimiter=delimiter,
            decimal=decimal,
            missing=MISSING_WORDS | set(model.missing_words) | set(missing),
            categories=model.encoder.categories,
            only=model.columns_needed,
        )
        chunks = csv_chunks(model.predict(rows))
    if out == "-":
        for chunk in chunks:
            sys.stdout.write(chunk)
        return DONE
    write_chunks(chunks, out)
    click.echo(f"{out}: {rows.n_rows:,} predictions of {model.task.target}")
    return DONE


def _model_file(run: str) -> Path:
    from derivata.cli.run_folder import MODEL

    path = Path(run)
    return path / MODEL if path.is_dir() else path


def _load(path: Path) -> TableModel:
    from derivata.errors import ModelFileError
    from derivata.estimators.table_model import TableModel
    from derivata.persistence import load

    model = load(path)
    if not isinstance(model, TableModel):
        raise ModelFileError(
            f"{str(path)!r} holds a {type(model).__name__}, which was fitted to an array and knows "
            "no columns. Use it from Python, or fit the table with `derivata fit`."
        )
    return model


def _refuse_overwriting(out: str, *inputs: str | Path) -> None:
    for path in map(Path, inputs):
        if out != "-" and Path(out).exists() and path.exists() and Path(out).samefile(path):
            raise CannotWrite(f"{out!r} is an input of this command. Write to another file.")
