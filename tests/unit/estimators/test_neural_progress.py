"""The bar of training: on a terminal, on standard error, and nowhere else."""

import io
import sys

import numpy as np
import pytest

from derivata.estimators.neural_progress import progress
from derivata.neural.history import History


class Terminal(io.StringIO):
    def isatty(self):
        return True


def history(n_epochs):
    return History(np.full(n_epochs, 0.25), np.full(n_epochs, 0.5), np.zeros(n_epochs))


def test_a_terminal_shows_epoch_and_losses(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with progress(True, 10) as watch:
        watch(history(4))
        watch(history(10))
    shown = terminal.getvalue()
    assert "10/10" in shown and "0.25" in shown and "0.5" in shown
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("verbose, stream", [(False, Terminal()), (True, io.StringIO())])
def test_nothing_is_shown_unasked_or_where_there_is_no_terminal(monkeypatch, verbose, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    with progress(verbose, 10) as watch:
        assert watch is None
    assert stream.getvalue() == ""
