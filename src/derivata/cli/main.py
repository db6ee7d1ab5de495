"""``derivata``: the group of commands, each imported only when it is run.

Nothing here may import NumPy, so that ``derivata --help`` is as quick as Python itself; a test
reads the list of modules. Every way a command can end is turned into an exit code in `main`:

    0    done
    1    a fault of derivata's own: please report it
    2    the command line is wrong
    3    the table or the model file cannot be used
    4    the run cannot be written, or another process writes it
    5    done and written, but the fit or its tuning did not converge
    130  interrupted (Ctrl-C), 143 terminated: no half-written file is left
    141  whoever read the output closed it
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType

import click

from derivata import __version__
from derivata.cli.exit_codes import (
    BAD_DATA,
    BROKEN_PIPE,
    INTERNAL,
    INTERRUPTED,
    TERMINATED,
    USAGE,
    CannotWrite,
    Terminated,
)
from derivata.errors import DerivataError, InvalidParameter
from derivata.plain_text import clean

EXIT_CODES = """\b
Environment:
  OMP_NUM_THREADS=N   threads for linear algebra; 1 if not set
  DERIVATA_DEBUG=1    show where a fault arose

\b
Exit codes:
  0    done
  1    a fault of derivata's own
  2    the command line is wrong
  3    the table or the model file cannot be used
  4    the run cannot be written, or another process is writing it
  5    done and written, but the fit or its tuning did not converge
  130  interrupted (143: terminated); no half-written file is left
  141  whoever read the output closed it
"""

COMMANDS = {
    "fit": ("derivata.cli.fit", "Fit and tune a model of a table; write it with a report."),
    "predict": ("derivata.cli.predict", "Predict the rows of a table with a fitted model."),
    "explain": ("derivata.cli.explain", "Explain predictions of rows, column by column."),
    "evaluate": ("derivata.cli.evaluate", "Judge a model on its own rows, left out, or on others."),
    "summary": ("derivata.cli.summary", "Print what a fitted model has learned, term by term."),
    "converge": ("derivata.cli.converge", "Run solvers side by side, theory against practice."),
    "demo": ("derivata.cli.demo", "Fit bundled tables, beside scikit-learn's own tuned models."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and first lines, and imports one when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order they are listed."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        return import_module(COMMANDS[cmd_name][0]).command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


HELP = """\b
Fit, tune and explain models of tables with derivatives:
  derivata fit houses.csv --target price --out run/
  derivata predict run/ new.csv -o predictions.csv --intervals
  derivata explain run/ new.csv --row 3
  derivata evaluate run/ houses.csv
  derivata summary run/
  derivata converge houses.csv --target price
"""


@click.group(
    cls=LazyGroup,
    help=HELP,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="derivata", message="%(prog)s %(version)s")
def cli() -> None:
    """The group of commands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of this process.

    Returns
    -------
    code : int
        As listed in this module; ``sys.exit(main())`` is what the console script does.
    """
    _survive_any_terminal()
    _compute_on_one_thread()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain once more when it closes what nobody reads.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line without touching the process: no signal handlers, no streams.

    Returns
    -------
    code : int

    Raises
    ------
    BrokenPipeError                whoever read the output closed it
    """
    debug = bool(os.environ.get("DERIVATA_DEBUG"))
    if "_DERIVATA_COMPLETE" in os.environ:  # a shell asks what could follow
        cli.main(prog_name="derivata")
    try:
        # Not cli.main(), which ends the process itself when its output is closed.
        with cli.make_context(
            "derivata", list(sys.argv[1:] if arguments is None else arguments)
        ) as ctx:
            return int(cli.invoke(ctx) or 0)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        raise
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted; no half-written file is left.", INTERRUPTED)
    except Terminated:
        return _say("terminated; no half-written file is left.", TERMINATED)
    except (Exception, MemoryError) as error:
        if debug and not isinstance(error, click.UsageError):
            raise
        return _explain(error)


def _explain(error: Exception) -> int:
    """Say in one paragraph what stopped the command; the exit code."""
    if isinstance(error, click.UsageError):
        error.show()
        return USAGE
    if isinstance(error, click.ClickException):
        return _say(error.format_message(), error.exit_code)
    if isinstance(error, InvalidParameter):
        return _say(str(error), USAGE)
    if isinstance(error, DerivataError):
        return _say(str(error), BAD_DATA)
    if isinstance(error, MemoryError):
        return _say(
            "not enough memory for this table. Leave columns out (`--drop`), or use a machine "
            f"with more. ({error})",
            BAD_DATA,
        )
    return _say(
        f"a fault of derivata's own, {type(error).__name__}: {error}. Run it again with "
        "DERIVATA_DEBUG=1 in the environment to see where, and please report it.",
        INTERNAL,
    )


def _say(message: str, code: int) -> int:
    click.echo(f"derivata: {clean(' '.join(message.splitlines()), 4000)}", err=True)
    return code


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _compute_on_one_thread() -> None:
    """Let BLAS, which NumPy has yet to load, use one thread unless the user asked for more.

    The same bits then come out on every machine. And a fit is a thousand small products: on two
    cores with another process busy, threads that wait for one another made digits 18 times slower.
    """
    wanted = os.environ.setdefault("OMP_NUM_THREADS", "1")
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, wanted)


def _survive_any_terminal() -> None:
    """Print what a terminal cannot show as an escape, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
        if encoding != "utf8" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # pyright: ignore


__all__ = ["CannotWrite", "cli", "main", "run"]

if __name__ == "__main__":
    sys.exit(main())
