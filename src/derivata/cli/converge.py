"""``derivata converge TABLE --target COL``: solvers side by side, theory against practice."""

from __future__ import annotations

import json
from typing import Any

import click

FAMILIES = ("auto", "squared", "logistic", "softmax", "poisson", "gamma")
SOLVERS = (
    "gradient-descent",
    "momentum",
    "nesterov",
    "adagrad",
    "rmsprop",
    "adam",
    "amsgrad",
    "lbfgs",
    "newton",
)

HELP = """Run solvers side by side on the linear model of TABLE, and hold each against theory.

Prints how the model is conditioned before and after scaling, the largest stable step, steps and
rates predicted and observed, why each run stopped, and what would help. With --out writes
DIR/convergence.html with pictures and DIR/convergence.json, both or neither.

The loss is told from the target as `derivata fit` does. A step beyond its bound is refused before
it runs.
"""


@click.command("converge", help=HELP)
@click.argument("table")
@click.option("--target", required=True, metavar="COL", help="The column to predict.")
@click.option(
    "--solver",
    multiple=True,
    type=click.Choice(SOLVERS),
    help="A solver to run. Repeatable; all but adagrad and amsgrad if not given.",
)
@click.option(
    "--family", type=click.Choice(FAMILIES), default="auto", show_default=True, help="The loss."
)
@click.option(
    "--alpha",
    type=click.FloatRange(min=0.0),
    default=1.0,
    show_default=True,
    help="Strength of the penalty on coefficients, alpha / 2 |w|^2.",
)
@click.option(
    "--step",
    type=click.FloatRange(min=0.0, min_open=True),
    help="Step of gradient descent, momentum and Nesterov, and of others named by --solver; the "
    "best one by theory if not given.",
)
@click.option(
    "--max-iter",
    type=click.IntRange(1, 10_000_000),
    default=2_000,
    show_default=True,
    help="Largest number of steps of each solver.",
)
@click.option(
    "--tol",
    type=click.FloatRange(min=0.0, max=1.0, min_open=True),
    default=1e-8,
    show_default=True,
    help="A run arrives when its relative gradient is at most this.",
)
@click.option("--no-scale", is_flag=True, help="Leave the columns and the target as they are.")
@click.option("--out", metavar="DIR", help="Write a page with pictures and a JSON file.")
@click.option("--drop", multiple=True, metavar="COL", help="Leave this column out. Repeatable.")
@click.option("--category", multiple=True, metavar="COL", help="Read as words. Repeatable.")
@click.option(
    "--missing", multiple=True, metavar="WORD", help="A word for a missing cell. Repeatable."
)
@click.option("--delimiter", metavar="CHAR", help="Between cells; found if not given.")
@click.option("--decimal", type=click.Choice([".", ","]), help="Decimal mark; found if not given.")
@click.option("--drop-missing-target", is_flag=True, help="Leave out rows without a target.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON object.")
@click.option("--force", is_flag=True, help="Run a step that will diverge; replace the run in DIR.")
def command(as_json: bool, no_scale: bool, **options: Any) -> int:
    """Run ``derivata converge``; the exit code."""
    from derivata.cli.converge_told import told
    from derivata.cli.converging import ConvergeRequest, converge_table

    request = ConvergeRequest(scale=not no_scale, **options)
    record, code = converge_table(request)
    if as_json:
        click.echo(json.dumps(record.to_dict(), ensure_ascii=True, allow_nan=False))
    else:
        click.echo(told(record, request.out))
    return code
