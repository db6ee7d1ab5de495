"""Compiled code is kept in the user's cache folder, and nowhere else, and never at a price."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from derivata.neural import device

TRAIN = """
import numpy as np, jax
from derivata.neural.losses import SquaredError
from derivata.neural.settings import Training
from derivata.neural.training import train
from tests.neural_cases import network, rows
found = train(network(), SquaredError(), rows(), Training(n_epochs=2, batch_size=16))
print(found.history.loss[-1].hex(), jax.config.jax_compilation_cache_dir)
"""


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[3],
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_second_process_finds_what_the_first_compiled(tmp_path):
    first = run(TRAIN, XDG_CACHE_HOME=str(tmp_path))
    kept = {path: path.read_bytes() for path in tmp_path.rglob("jit_run_epochs*-cache")}
    assert len(kept) == 1
    assert run(TRAIN, XDG_CACHE_HOME=str(tmp_path)) == first
    assert {path: path.read_bytes() for path in tmp_path.rglob("jit_run_epochs*-cache")} == kept
    assert first[1] == "None"  # the user's own compilations are not kept unasked


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_no_cache_and_no_error(tmp_path):
    tmp_path.chmod(0o500)
    run(TRAIN, XDG_CACHE_HOME=str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_the_folder_is_no_cache_and_no_error(tmp_path, monkeypatch):
    (tmp_path / "derivata").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert device.cache_folder() is None
    with device.compiled_code_kept():
        assert jax.config.jax_compilation_cache_dir is None


def test_the_settings_of_jax_are_put_back(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    names = ("jax_compilation_cache_dir", *device.ALSO_SMALL)
    before = [getattr(jax.config, name) for name in names]
    with pytest.raises(RuntimeError), device.compiled_code_kept():
        assert jax.config.jax_compilation_cache_dir.startswith(str(tmp_path))
        raise RuntimeError
    assert [getattr(jax.config, name) for name in names] == before


def test_a_cache_of_the_users_own_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "ours"))
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "theirs"))
    try:
        with device.compiled_code_kept():
            assert jax.config.jax_compilation_cache_dir == str(tmp_path / "theirs")
    finally:
        jax.config.update("jax_compilation_cache_dir", None)
    assert not (tmp_path / "ours").exists()


def test_importing_estimators_and_predicting_load_no_jax(tmp_path):
    code = """
import sys
import numpy as np
import derivata.estimators.neural
from derivata.neural.network import Network, Inputs
net = Network(3, 1)
net.apply(net.init(np.random.default_rng(0)), Inputs(np.zeros((2, 3)), np.zeros((2, 0), int)))
print("jax" in sys.modules)
"""
    assert run(code) == ["False"]
