"""Checkpoints: resumed training has the bits of the uninterrupted one, others' are refused."""

import os
import signal
from dataclasses import replace

import jax
import numpy as np
import pytest

from derivata.errors import ModelFileError
from derivata.files.model_file import read_state, write_state
from derivata.files.model_state import ModelState
from derivata.neural.checkpoint import Checkpoint
from derivata.neural.losses import SquaredError
from derivata.neural.settings import Training
from derivata.neural.training import train
from derivata.solvers.first_order import Adam
from tests.neural_cases import network, rows

LONG = Training(solver=Adam(step=1e-2), n_epochs=200, batch_size=16)


def fit(settings=LONG, **changes):
    values = {"held_out": rows(seed=8, n_rows=40), "seed": 3} | changes
    net, data = values.pop("net", network()), values.pop("data", rows())
    return train(net, SquaredError(), data, settings, **values)


def interrupt_at(epoch):
    def watch(history):
        if history.n_epochs >= epoch:
            os.kill(os.getpid(), signal.SIGINT)
            signal.getsignal(signal.SIGINT)  # a line for Python to hand the signal over

    return watch


def assert_same(one, other):
    for left, right in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(left, right)


def test_interrupted_and_resumed_training_has_the_bits_of_the_uninterrupted(tmp_path):
    whole = fit()
    path = tmp_path / "training.derivata"
    part = fit(checkpoint=Checkpoint(path), watch=interrupt_at(64))
    assert part.history.reason == "interrupted" and part.history.n_epochs < 200
    rest = fit(checkpoint=Checkpoint(path))
    assert_same(rest.params, whole.params)
    np.testing.assert_array_equal(rest.history.loss, whole.history.loss)
    np.testing.assert_array_equal(rest.history.held_out_loss, whole.history.held_out_loss)
    assert rest.history.best_epoch == whole.history.best_epoch


def test_an_interrupt_in_the_last_epochs_is_marked_and_nothing_is_left_to_do(tmp_path):
    path = tmp_path / "training.derivata"
    marked = fit(checkpoint=Checkpoint(path), watch=interrupt_at(200))
    assert marked.history.reason == "interrupted" and marked.history.n_epochs == 200
    seen = []
    again = fit(checkpoint=Checkpoint(path), watch=seen.append)
    assert not seen and again.history.reason == "finished"
    assert_same(again.params, marked.params)


def test_interrupted_training_gives_the_best_so_far():
    part = fit(watch=interrupt_at(64))
    assert part.history.reason == "interrupted" and "interrupted" in part.history.why
    assert part.history.best_epoch == part.history.held_out_loss.argmin()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_finished_training_is_not_done_again(tmp_path):
    path = tmp_path / "training.derivata"
    first = fit(checkpoint=Checkpoint(path))
    seen = []
    again = fit(checkpoint=Checkpoint(path), watch=seen.append)
    assert not seen
    assert_same(again.params, first.params)


@pytest.mark.parametrize(
    "changes, part",
    [
        ({"data": rows(seed=1)}, "data"),
        ({"held_out": None}, "data"),
        ({"net": network(hidden=(8,))}, "network"),
        ({"settings": replace(LONG, n_epochs=201)}, "settings"),
        ({"settings": replace(LONG, solver=Adam(step=2e-2))}, "settings"),
        ({"seed": 4}, "seed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_checkpoint_of_other_training_is_refused_with_what_differs(tmp_path, changes, part):
    path = tmp_path / "training.derivata"
    fit(checkpoint=Checkpoint(path))
    before = path.read_bytes()
    with pytest.raises(ModelFileError, match=f"other training.*{part}.*Delete it"):
        fit(checkpoint=Checkpoint(path), **changes)
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_version_is_refused(tmp_path):
    path = tmp_path / "training.derivata"
    fit(checkpoint=Checkpoint(path))
    saved = read_state(path)
    mark = saved.state["mark"] | {"version": "derivata 0.0.1, jax 0.1"}
    write_state(path, ModelState(saved.kind, saved.state | {"mark": mark}, saved.arrays))
    with pytest.raises(ModelFileError, match="its version differs"):
        fit(checkpoint=Checkpoint(path))


def test_files_that_are_no_checkpoint_or_damaged_are_refused(tmp_path):
    path = tmp_path / "training.derivata"
    write_state(path, ModelState("LinearRegressor", {}, {}))
    with pytest.raises(ModelFileError, match="holds a LinearRegressor"):
        fit(checkpoint=Checkpoint(path))
    path.unlink()
    fit(checkpoint=Checkpoint(path))
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    with pytest.raises(ModelFileError, match="damaged"):
        fit(checkpoint=Checkpoint(path))
    flipped = bytearray(whole)
    flipped[-3] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(ModelFileError, match="checksum"):
        fit(checkpoint=Checkpoint(path))


@pytest.mark.parametrize("name", ["params/layers/0/weight", "history/loss"])
def test_a_checkpoint_that_lacks_a_part_is_refused(tmp_path, name):
    path = tmp_path / "training.derivata"
    fit(checkpoint=Checkpoint(path))
    saved = read_state(path)
    arrays = {key: array for key, array in saved.arrays.items() if key != name}
    assert len(arrays) < len(saved.arrays)
    write_state(path, ModelState(saved.kind, saved.state, arrays))
    with pytest.raises(ModelFileError, match="lacks a part"):
        fit(checkpoint=Checkpoint(path))


def test_a_folder_that_is_not_there_is_said_and_training_is_not_lost_silently(tmp_path):
    with pytest.raises(ModelFileError, match="does not exist"):
        fit(checkpoint=Checkpoint(tmp_path / "nowhere" / "training.derivata"))
