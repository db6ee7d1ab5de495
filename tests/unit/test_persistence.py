"""A model that was saved comes back equal, from a file whose bytes depend on nothing else."""

import json
import math
import subprocess
import sys
import types
from importlib import import_module

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from derivata import persistence
from derivata.errors import InvalidParameter, ModelFileError
from derivata.files import strict_json
from derivata.files.model_file import read_state, write_state
from derivata.files.model_state import ModelState
from derivata.files.strict_json import from_json, to_json


def example_state():
    rng = np.random.default_rng(0)
    return ModelState(
        kind="LinearRegressor",
        state={
            "params": {"alpha": "tune", "fit_intercept": True, "max_iter": 60},
            "feature_names": ["age", 'quoted "name"', "größe", "\u202etxt", "</script>", "\ud800"],
            "alpha": 0.1,
            "offset": None,
        },
        arrays={
            "coef": rng.normal(size=(3, 2)),
            "intercept": np.array(-0.0),
            "levels": np.array([1, -(2**63), 2**63 - 1]),
            "codes": np.arange(5, dtype=np.int8),
            "active": np.array([True, False, True]),
            "small": np.array([np.nan, np.inf, -np.inf], dtype=np.float32),
            "nothing": np.zeros((0, 4)),
        },
    )


def assert_same(one, other):
    assert one.kind == other.kind
    assert one.state == other.state
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        back = other.arrays[name]
        assert back.shape == array.shape and back.dtype == array.dtype.newbyteorder("=")
        native = array.astype(back.dtype)
        assert back.tobytes() == native.tobytes(), name  # bits, so that NaN and -0.0 count


def test_a_saved_state_comes_back_equal(tmp_path):
    write_state(tmp_path / "model.derivata", example_state())
    assert_same(example_state(), read_state(tmp_path / "model.derivata"))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
dtypes = st.sampled_from(["<f8", ">f8", "<f4", ">f4", "<i8", ">i8", "|i1", "|b1"])
some_arrays = dtypes.flatmap(
    lambda dtype: hnp.arrays(
        dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
    )
)


@settings(max_examples=150, deadline=None)
@given(
    state=st.dictionaries(st.text(max_size=5), json_values, max_size=4),
    arrays=st.dictionaries(
        st.from_regex(r"[A-Za-z][A-Za-z0-9_./-]{0,9}", fullmatch=True), some_arrays, max_size=4
    ),
)
def test_every_state_comes_back_equal(tmp_path_factory, state, arrays):
    path = tmp_path_factory.mktemp("round") / "model.derivata"
    saved = ModelState("Kind", state, arrays)
    write_state(path, saved)
    assert_same(saved, read_state(path))
    first_bytes = path.read_bytes()
    write_state(path, read_state(path))
    assert path.read_bytes() == first_bytes


def test_equal_states_give_equal_bytes_in_whatever_order_they_were_built(tmp_path):
    one = example_state()
    other = ModelState(
        one.kind,
        dict(reversed(one.state.items())),
        {name: array.copy(order="F") for name, array in reversed(one.arrays.items())},
    )
    write_state(tmp_path / "one", one)
    write_state(tmp_path / "other", other)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_strided_or_read_only_array_is_saved_as_its_values(tmp_path):
    strided = np.arange(20.0)[::-3]
    read_only = np.arange(3.0)
    read_only.flags.writeable = False
    write_state(tmp_path / "m", ModelState("K", {}, {"strided": strided, "read_only": read_only}))
    back = read_state(tmp_path / "m").arrays
    np.testing.assert_array_equal(back["strided"], strided)
    np.testing.assert_array_equal(back["read_only"], read_only)


def test_loaded_arrays_can_be_written_to(tmp_path):
    write_state(tmp_path / "m", example_state())
    arrays = read_state(tmp_path / "m").arrays
    assert all(array.flags.writeable and array.flags.aligned for array in arrays.values())


def test_the_safetensors_package_reads_a_model_file(tmp_path):
    path = tmp_path / "model.derivata"
    write_state(path, example_state())
    for name, array in safetensors.numpy.load_file(path).items():
        assert array.tobytes() == example_state().arrays[name].tobytes()
    with safetensors.safe_open(path, framework="numpy") as file:
        document = json.loads(file.metadata()["derivata"])
    assert (document["format"], document["format_version"]) == ("derivata", 1)
    assert document["kind"] == "LinearRegressor"


def test_arrays_lie_at_multiples_of_their_item_size(tmp_path):
    path = tmp_path / "model.derivata"
    write_state(path, example_state())
    length = int.from_bytes(path.read_bytes()[:8], "little")
    header = json.loads(path.read_bytes()[8 : 8 + length])
    del header["__metadata__"]
    sizes = {"F64": 8, "I64": 8, "F32": 4, "I8": 1, "BOOL": 1}
    for entry in header.values():
        assert (8 + length + entry["data_offsets"][0]) % sizes[entry["dtype"]] == 0


def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


def test_a_state_as_deep_as_allowed_comes_back_and_a_deeper_one_is_refused(tmp_path):
    state = ModelState("K", {"deep": nested(62)}, {})
    write_state(tmp_path / "m", state)
    assert_same(state, read_state(tmp_path / "m"))
    with pytest.raises(InvalidParameter, match="nested more than 64 deep"):
        ModelState("K", {"deep": nested(63)}, {})


def test_a_state_that_holds_itself_is_refused():
    state = {}
    state["again"] = state
    with pytest.raises(InvalidParameter, match="hold itself"):
        ModelState("K", state, {})


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"alpha": math.nan}, r"state\['alpha'\]` is nan.*None"),
        ({"path": [1.0, -math.inf]}, r"state\['path'\]\[1\]` is -inf"),
        ({"shape": (1, 2)}, "is a tuple.*Use a list"),
        ({"n": np.int64(3)}, "is a int64.*Convert"),
        ({"coef": np.zeros(2)}, "is a ndarray.*Put it in `arrays`"),
        ({"when": {1, 2}}, "is a set"),
        ({"blob": b"x"}, "is a bytes"),
        ({"levels": {1: "a"}}, "has the key 1, a int.*list of pairs"),
        ({"seed": 2**1024}, "is an int of 1025 bits"),
        ([], "must be dicts, got list and dict"),
    ],
)
def test_a_state_that_json_would_change_is_refused_with_its_place(state, says):
    with pytest.raises(InvalidParameter, match=says):
        ModelState("K", state, {})


@pytest.mark.parametrize(
    ("name", "array", "says"),
    [
        ("coef", [1.0], "plain NumPy array, got list"),
        ("coef", np.ma.masked_array([1.0], [True]), "got MaskedArray.*mask would be lost"),
        ("names", np.array(["a"], dtype=object), "has dtype object"),
        ("names", np.array(["a"]), "has dtype <U1.*list in `state`"),
        ("coef", np.zeros(2, np.float16), "has dtype float16"),
        ("coef", np.zeros(2, complex), "has dtype complex128"),
        ("rows", np.zeros(2, [("a", float)]), "has dtype"),
        ("coef", np.zeros((1,) * 33), "has 33 dimensions"),
        ("__metadata__", np.zeros(2), "names in `arrays`"),
        ("", np.zeros(2), "names in `arrays`"),
        ("a b", np.zeros(2), "names in `arrays`"),
        (3, np.zeros(2), "names in `arrays`"),
    ],
)
def test_an_array_that_would_lose_something_is_refused_with_its_name(name, array, says):
    with pytest.raises(InvalidParameter, match=says):
        ModelState("K", {}, {name: array})


@pytest.mark.parametrize("kind", ["", "os.system", "a:b", "../x", 3, None])
def test_a_kind_is_a_plain_name(kind):
    with pytest.raises(InvalidParameter, match="`kind` must be a plain name"):
        ModelState(kind, {}, {})


def test_a_state_of_too_much_json_is_refused_before_the_old_file_is_touched(tmp_path):
    write_state(tmp_path / "m", example_state())
    before = (tmp_path / "m").read_bytes()
    with pytest.raises(ModelFileError, match=r"MiB of JSON; at most 16 MiB.*`arrays`"):
        write_state(tmp_path / "m", ModelState("K", {"text": "x" * 2**24}, {}))
    assert (tmp_path / "m").read_bytes() == before


@given(json_values)
def test_only_one_text_stands_for_a_value(value):
    text = to_json(value)
    assert from_json(text) == value
    assert to_json(from_json(text)) == text


@pytest.mark.parametrize(
    ("text", "depth"),
    [("1", 0), ("[]", 1), ('["[[[["]', 1), ('[{"a":[]}]', 3), ('["\\"[[",[]]', 2), ('"[[[[', 0)],
)
def test_brackets_in_strings_are_not_nesting(text, depth):
    assert strict_json._depth(text) == depth


class Toy:
    """An estimator as `save` and `load` see one."""

    def __init__(self, coef):
        self.coef = coef

    def to_state(self):
        return ModelState("Toy", {"n": len(self.coef)}, {"coef": self.coef})

    @classmethod
    def from_state(cls, state):
        if state.state["n"] != len(state.arrays["coef"]):
            raise ValueError("n is wrong")
        return cls(state.arrays["coef"])


@pytest.fixture
def toy(monkeypatch):
    module = types.ModuleType("derivata_toy")
    module.Toy = Toy
    monkeypatch.setattr(Toy, "__module__", "derivata_toy")
    monkeypatch.setitem(sys.modules, "derivata_toy", module)
    monkeypatch.setitem(persistence.KINDS, "Toy", "derivata_toy:Toy")
    return Toy(np.arange(3.0))


def test_a_saved_model_is_loaded_as_its_class(toy, tmp_path):
    persistence.save(toy, tmp_path / "model.derivata")
    model = persistence.load(str(tmp_path / "model.derivata"))
    assert type(model) is Toy
    np.testing.assert_array_equal(model.coef, toy.coef)


def test_a_class_that_is_not_ours_is_not_saved(toy, tmp_path):
    class Toy(type(toy)):  # the same name, but load would give the other one
        pass

    for model in (Toy(np.zeros(2)), object(), {"coef": 1}, None):
        with pytest.raises(InvalidParameter, match="derivata saves only its own estimators"):
            persistence.save(model, tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_importing_persistence_imports_no_estimator():
    code = (
        "import sys, derivata.persistence as p;"
        "print([m for m in sys.modules if m.startswith(('sklearn', 'derivata.estimators'))])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_kind_names_a_class_that_can_be_saved():
    pytest.importorskip("derivata.estimators.linear")
    for kind, where in persistence.KINDS.items():
        module, _, name = where.partition(":")
        assert name == kind
        cls = getattr(import_module(module), name)
        assert callable(cls.to_state) and callable(cls.from_state)
