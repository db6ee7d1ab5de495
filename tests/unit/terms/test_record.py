"""Records from a file: what no rule about types can see is refused too."""

import copy

import numpy as np
import pytest

from derivata.errors import ModelFileError
from derivata.terms import Category, Cyclic, Product, Spline, Surface, term_from_dict

rng = np.random.default_rng(0)
CELLS = {
    "x": rng.normal(size=50),
    "z": rng.normal(size=50),
    "city": rng.choice(np.array(["Bath", "York"], object), 50),
    "shop": rng.choice(np.array(["A", "B"], object), 50),
}
CATEGORY = {"kind": "category", "column": "x", "levels": [], "has_missing": False}
CATEGORY |= {"has_other": False}
BAD = [
    None,
    [],
    {},
    {"kind": "wavelet"},
    {"kind": ["linear"]},
    {"kind": "linear", "column": "x"},
    {"kind": "missing", "column": None},
    CATEGORY,
    CATEGORY | {"levels": "ab"},
    CATEGORY | {"levels": ["a", "a"]},
    CATEGORY | {"levels": [str(i) for i in range(1001)]},
    CATEGORY | {"levels": ["a"], "has_missing": 0},
]


@pytest.mark.parametrize("record", BAD, ids=lambda record: repr(record)[:60])
def test_a_malformed_record_is_refused_with_its_path(record):
    with pytest.raises(ModelFileError, match=r"terms\[7\]"):
        term_from_dict(record, "terms[7]")


def spoil(term, spoiling):
    record = copy.deepcopy(term.fit(CELLS).to_dict())
    assert term_from_dict(copy.deepcopy(record)) == term.fit(CELLS)
    spoiling(record)
    return record


SPOILED = {
    "knots that fall": spoil(Spline("x"), lambda r: r["curve"]["splines"]["knots"].reverse()),
    "knots that repeat": spoil(
        Spline("x"), lambda r: r["curve"]["splines"]["knots"].__setitem__(1, 0.0)
    ),
    "knots beyond the range": spoil(
        Spline("x"), lambda r: r["curve"]["splines"]["knots"].__setitem__(-1, 2.0)
    ),
    "a row of bends too few": spoil(Spline("x"), lambda r: r["curve"]["splines"]["bends"].pop()),
    "a bend too few": spoil(Spline("x"), lambda r: r["curve"]["splines"]["bends"][2].pop()),
    "a slope too few": spoil(Spline("x"), lambda r: r["curve"]["splines"]["slope"].pop()),
    "no bends": spoil(
        Spline("x"),
        lambda r: r["curve"].update(
            splines={"knots": [0.0, 1.0], "bends": [[], []], "value": [], "slope": []}
        ),
    ),
    "an unknown shape": spoil(Spline("x"), lambda r: r.update(monotone="up")),
    "no span": spoil(Spline("x"), lambda r: r["curve"]["standard"].update(span=0.0)),
    "a negative spread": spoil(Spline("x"), lambda r: r["curve"]["standard"].update(spread=-1.0)),
    "no period": spoil(Cyclic("x", 2), lambda r: r["splines"].update(period=0.0)),
    "few periodic knots": spoil(
        Cyclic("x", 2), lambda r: r["splines"].update(coefficients=[[0.0], [0.0]])
    ),
    "no periodic splines": spoil(
        Cyclic("x", 2), lambda r: r["splines"].update(coefficients=[[]] * 5)
    ),
    "no scale": spoil(Product("x", "z"), lambda r: r.update(scale=0.0)),
    "one column twice": spoil(Product("x", "z"), lambda r: r.update(second="x")),
    "words as numbers": spoil(Product("x", "city"), lambda r: r.update(column="city")),
    "a pair twice": spoil(Product("city", "shop"), lambda r: r["pairs"].append(r["pairs"][0])),
    "no pairs": spoil(Product("city", "shop"), lambda r: r.update(pairs=[])),
    "three scales": spoil(Surface("x", "z"), lambda r: r["scales"].append(1.0)),
    "a negative scale": spoil(Surface("x", "z"), lambda r: r["scales"].__setitem__(1, -1.0)),
    "another kind inside": spoil(Surface("x", "city"), lambda r: r["levels"].update(kind="linear")),
    "no levels": spoil(Category("city"), lambda r: r.update(levels=[])),
}


@pytest.mark.parametrize("record", SPOILED.values(), ids=list(SPOILED))
def test_a_record_that_could_not_be_evaluated_is_refused(record):
    with pytest.raises(ModelFileError, match=r"terms\[7\]"):
        term_from_dict(record, "terms[7]")
