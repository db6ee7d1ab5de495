"""``derivata evaluate RUN TABLE``: what a fitted model is worth, on its own rows or on others."""

from __future__ import annotations

import click

from derivata.cli.exit_codes import DONE, NOT_CONVERGED

HELP = """Evaluate the model of RUN, a run's folder or its model file, on TABLE.

TABLE has the target column. If it is the table of the fit, every row is judged by a fit without it
(leave-one-out, with its own error), and the fit is examined: rows that decide most, doubtful
labels, errors of its terms, its evidence, what its penalties decide. Rows of another table are
judged by the model, and the score is compared with what the fit promised.

Writes evaluation.html and evaluation.json into the run's folder, or into DIR. Exit codes: 3 if the
table or the model cannot be used, 4 if the folder cannot be written, 5 if written but the rows
could not be judged.
"""


@click.command("evaluate", help=HELP)
@click.argument("run")
@click.argument("table")
@click.option("--out", metavar="DIR", help="Where to write; the run's folder if not given.")
@click.option(
    "--missing", multiple=True, metavar="WORD", help="A word for a missing cell. Repeatable."
)
@click.option("--delimiter", metavar="CHAR", help="Between cells; found if not given.")
@click.option("--decimal", type=click.Choice([".", ","]), help="Decimal mark; found if not given.")
@click.option(
    "--random-state", type=click.IntRange(0, 2**32 - 1), default=0, help="Draws rows to refit."
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one JSON object.")
@click.option("--force", is_flag=True, help="Replace the evaluation that is there.")
def command(
    run: str,
    table: str,
    out: str | None,
    missing: tuple[str, ...],
    delimiter: str | None,
    decimal: str | None,
    random_state: int,
    as_json: bool,
    force: bool,
) -> int:
    """Run ``derivata evaluate``; the exit code."""
    import json

    from derivata.cli.evaluate_told import told
    from derivata.cli.evaluating import EvaluateRequest, evaluate_table
    from derivata.report.evaluation_json import evaluation_as_json

    request = EvaluateRequest(
        run=run,
        table=table,
        out=out,
        missing=missing,
        delimiter=delimiter,
        decimal=decimal,
        random_state=random_state,
        force=force,
    )
    record = evaluate_table(request)
    if as_json:
        click.echo(json.dumps(evaluation_as_json(record), ensure_ascii=True, allow_nan=False))
    else:
        click.echo(told(record, str(request.folder)))
    return DONE if record.run.outer is not None else NOT_CONVERGED
