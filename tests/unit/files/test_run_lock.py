"""One writer a run folder, and a dead one holds nothing."""

import json
import os
import socket
import subprocess
import sys

import pytest

from derivata.errors import ModelFileError
from derivata.files import run_lock as module
from derivata.files.run_lock import LOCK_NAME, run_lock

HOLD = """
import sys, time
from derivata.files.run_lock import run_lock
with run_lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""

# Takes the lock many times; while it holds it, no other process may be inside.
CONTEND = """
import os, signal, sys, time
from derivata.errors import ModelFileError
from derivata.files.run_lock import run_lock
folder, dies = sys.argv[1], sys.argv[2] == "dies"
inside = os.path.join(folder, "inside")
for _ in range(40):
    while True:
        try:
            with run_lock(folder):
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
                time.sleep(0.0005)
                os.unlink(inside)
                if dies:
                    os.kill(os.getpid(), signal.SIGKILL)
            break
        except ModelFileError:
            time.sleep(0.0002)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_lock_names_its_owner_and_is_gone_afterwards(tmp_path):
    with run_lock(tmp_path) as path:
        assert path == tmp_path / LOCK_NAME
        owner = json.loads(path.read_text())
        assert owner == {"host": socket.gethostname(), "pid": os.getpid()}
    assert not list(tmp_path.iterdir())


def test_a_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), run_lock(tmp_path):
        raise ZeroDivisionError
    with run_lock(tmp_path):
        pass


def test_a_second_process_is_told_who_holds_the_folder_and_what_to_do(tmp_path, holder):
    with pytest.raises(ModelFileError) as caught, run_lock(tmp_path):
        pass
    for part in (repr(str(tmp_path)), f"process {holder.pid} on", socket.gethostname(), "remove"):
        assert part in str(caught.value)
    assert (tmp_path / LOCK_NAME).exists()


def test_the_same_process_cannot_hold_it_twice(tmp_path):
    with run_lock(tmp_path):
        with pytest.raises(ModelFileError, match="this very process"), run_lock(tmp_path):
            pass
        assert (tmp_path / LOCK_NAME).exists()


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / LOCK_NAME).exists()
    with run_lock(tmp_path) as path:
        assert json.loads(path.read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("words", ["", "not JSON", "[]", '{"pid": 1', '{"host": "x", "pid": "y"}'])
@pytest.mark.skipif(module.fcntl is None, reason="needs flock")
def test_a_stale_lock_is_taken_over_whatever_it_says(tmp_path, words):
    (tmp_path / LOCK_NAME).write_text(words)
    with run_lock(tmp_path) as path:
        assert json.loads(path.read_text())["pid"] == os.getpid()


@pytest.mark.skipif(module.fcntl is None, reason="without flock two may race for a stale lock")
def test_of_many_processes_one_is_inside_also_while_owners_die(tmp_path):
    processes = [
        subprocess.Popen([sys.executable, "-c", CONTEND, str(tmp_path), "dies" if n < 3 else ""])
        for n in range(8)
    ]
    codes = [process.wait(120) for process in processes]
    assert codes == [-9, -9, -9, 0, 0, 0, 0, 0]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ModelFileError, match="does not exist. Create it first"):
        with run_lock(tmp_path / "missing"):
            pass


@pytest.fixture
def no_flock(monkeypatch):
    class Refusing:
        LOCK_EX = LOCK_NB = 0

        @staticmethod
        def flock(descriptor, operation):
            raise OSError(38, "Function not implemented")

    monkeypatch.setattr(module, "fcntl", Refusing)


def test_without_flock_a_lock_still_excludes(tmp_path, no_flock):
    with run_lock(tmp_path):
        with pytest.raises(ModelFileError, match="this very process"), run_lock(tmp_path):
            pass
    with run_lock(tmp_path):
        pass


def test_without_flock_a_lock_is_stale_if_its_process_is_gone_from_this_machine(tmp_path, no_flock):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    stale = {"host": socket.gethostname(), "pid": ended.pid}
    (tmp_path / LOCK_NAME).write_text(json.dumps(stale))
    with run_lock(tmp_path):
        pass


@pytest.mark.parametrize(
    "owner",
    [{"host": "elsewhere", "pid": 2**22 + 5}, {"pid": 1}, {}, {"host": socket.gethostname()}],
)
def test_without_flock_what_may_live_is_not_taken_over(tmp_path, no_flock, owner):
    (tmp_path / LOCK_NAME).write_text(json.dumps(owner))
    with pytest.raises(ModelFileError, match="If you are sure that nothing writes there"):
        with run_lock(tmp_path):
            pass
    assert json.loads((tmp_path / LOCK_NAME).read_text()) == owner
