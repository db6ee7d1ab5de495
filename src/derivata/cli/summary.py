"""``derivata summary RUN``: what a model has learned, term by term."""

from __future__ import annotations

import click

from derivata.cli.exit_codes import DONE

LONGEST = 400

HELP = """Print what the model of RUN, a run's folder or its model file, has learned.

A line a term, strongest first: the standard deviation of its effect over the rows, its share of the
variation of the predictions, how many of its coefficients the data decide, and the p-value of its
having no effect.
"""


@click.command("summary", help=HELP)
@click.argument("run")
def command(run: str) -> int:
    """Run ``derivata summary``; the exit code."""
    from derivata.cli.console import heard_warnings
    from derivata.cli.run_model import load_table_model, model_file_of
    from derivata.plain_text import clean

    with heard_warnings():
        model = load_table_model(model_file_of(run))
    click.echo(f"{clean(model.task.target)}: {clean(model.task.reason, LONGEST)}")
    for line in str(model.summary()).splitlines():
        click.echo(clean(line, LONGEST))
    return DONE
