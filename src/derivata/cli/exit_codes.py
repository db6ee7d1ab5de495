"""Exit codes of the command line, and the two errors that only it has."""

from __future__ import annotations

import click

DONE = 0
INTERNAL = 1
USAGE = 2
BAD_DATA = 3
CANNOT_WRITE = 4
NOT_CONVERGED = 5
INTERRUPTED = 130
BROKEN_PIPE = 141
TERMINATED = 143


class CannotWrite(click.ClickException):
    """The run or the output cannot be written."""

    exit_code = CANNOT_WRITE


class Terminated(BaseException):
    """SIGTERM came; not an Exception, so that nothing on the way takes it for a fault."""
