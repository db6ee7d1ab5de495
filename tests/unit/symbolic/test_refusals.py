"""What a formula may not hold is refused, with the position of the place."""

import pytest

from derivata.errors import DerivataError, InvalidParameter, NotAvailable, ShapeMismatch
from derivata.symbolic.derive import derive
from derivata.symbolic.verify import DerivationFailed

SHAPES = {"X": "nd", "y": "n", "w": "d", "A": "dd"}


@pytest.mark.parametrize(
    "text, position",
    [
        ("sum(w) + foo(w)", 9),
        ("sum(w) + w.sum()", 9),
        ("np.sum(w)", 0),
        ("sum(w) + w.T.real", 9),
        ("__import__('os').system('ls')", 0),
        ("w@w + 'a'", 6),
        ("sum(w) if w else 2", 0),
        ("[w for w in w]", 0),
        ("(lambda: 1)()", 0),
        ("w@w + (w := 2)", 7),
        ("w@w^2", 0),
        ("w@w // 2", 0),
        ("w@w + w[0]", 6),
        ("w@w + True", 6),
        ("w@w + 2j", 6),
        ("w@w + blah", 6),
        ("w@w + __class__", 6),
        ("w@w + sum", 6),
        ("w@w/0", 0),
        ("w@w + 1e999", 6),
        ("w@w + 9**9**9", 6),
        ("sum(w, 0)", 0),
        ("w@w + sum(w, where=1)", 6),
        ("w@w + sum(*w)", 10),
        ("w@w + eye(2)@w", 6),
    ],
)
def test_a_formula_with_anything_else_is_refused_at_its_position(text, position):
    with pytest.raises(InvalidParameter, match=f"^at position {position}: "):
        derive(text, "w", SHAPES)


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "sum((y - X.T@w)**2)",
            r"at position 9: `X.T@w`: `X.T` is \(d, n\) and `w` is \(d,\): n",
        ),
        (
            "sum(w + y)",
            r"at position 4: `w \+ y`: \(d,\) and \(n,\) \(`w`, `y`\) do not fit",
        ),
        ("sum(y*X)", "n and d are matched|d and n are matched"),
        ("logdet(X) + w@w", r"`logdet\(X\)`: needs a square matrix, not \(n, d\)"),
        ("sum(w, axis=1)", r"axis 1 does not exist: the operand is \(d,\)"),
        ("2@w", "`@` joins vectors and matrices, and one side is a number. Write `\\*`"),
        ("outer(X, w)@w", r"needs two vectors, not \(n, d\) and \(d,\)"),
        ("trace(w)", "needs a square matrix"),
    ],
)
def test_a_shape_error_names_the_operand_and_the_dimension(text, message):
    with pytest.raises(ShapeMismatch, match=message):
        derive(text, "w", SHAPES)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "empty"),
        ("sum(w", "at position [0-9]+: .* cannot be read"),
        ("sum(w)**", "at position [0-9]+: .* cannot be read"),
        ("sum(w*\u03bb)", "at position 6: '\u03bb' is no ASCII character"),
        ("w@w # comment", "at position 4: a comment"),
        ("(" * 150 + "w" + ")" * 150, "at position 100: brackets are nested"),
        ("w@w" + "+1" * 6_000, "has 12003 characters; at most 10000"),
        ("w@w" + "+1" * 150, "nested more than 100 levels"),
        ("-" * 5_000 + "w@w", "nested"),
        ("X@w", r"the loss is \(n,\), not one number; take its `sum` or `mean`"),
        ("3", "`wrt` is 'w', which is no operand of the loss. Its operands are none"),
        ("y@y", "`wrt` is 'w', which is no operand of the loss. Its operands are y"),
        ("sum(w - w)", "is 0 whatever its operands are"),
        ("sum(w > 0)", "the loss does not change with w: its gradient is 0 everywhere"),
        ("y@y + 0*sum(w)", "the loss does not change with w"),
    ],
)
def test_a_text_that_is_no_loss_is_refused(text, message):
    with pytest.raises(InvalidParameter, match=message):
        derive(text, "w", SHAPES)


@pytest.mark.parametrize(
    "shapes, message",
    [
        ({"w": "d", "1x": "n"}, "'1x', which is no name"),
        ({"w": "d", "sum": "n"}, "'sum', a name with a meaning of its own"),
        ({"w": "d", "np": "n"}, "'np', a name with a meaning of its own"),
        ({"w": "d", "if": "n"}, "'if', a name with a meaning of its own"),
        ({"w": 3}, "gives w the shape 3; expected one letter per dimension"),
        ({"w": "d", "d": "n"}, "'d' as an operand and as a dimension"),
    ],
)
def test_shapes_that_are_none_are_refused(shapes, message):
    with pytest.raises(InvalidParameter, match=message):
        derive("w@w", "w", shapes)


@pytest.mark.parametrize(
    "text",
    [
        "*".join(f"sum(w**{k})" for k in range(1, 60)),
        "sum(" + "*".join(f"(w + {k})" for k in range(90)) + ")",
        "sum(" + "tanh(" * 80 + "w" + ")" * 80 + ")",
    ],
)
def test_a_derivative_that_nobody_could_read_is_refused_before_it_takes_minutes(text):
    with pytest.raises(NotAvailable, match="state the loss"):
        derive(text, "w", SHAPES)


def test_a_formula_that_never_has_a_value_is_refused():
    with pytest.raises(NotAvailable, match="no finite value"):
        derive("sum(log(-w**2 - 1))", "w", SHAPES)


def test_another_target_than_numpy_is_refused():
    derivation = derive("w@w", "w", SHAPES)
    with pytest.raises(InvalidParameter, match="code is written for numpy"):
        derivation.code("fortran")


def test_no_text_raises_anything_but_an_error_of_ours():
    import random

    draw = random.Random(0)
    pieces = [
        "w",
        "X",
        "y",
        "(",
        ")",
        "@",
        "+",
        "*",
        "**",
        "sum(",
        ".T",
        ",",
        "2",
        "[:, None]",
        "exp(",
    ]
    for _ in range(1_500):
        text = "".join(draw.choice(pieces) for _ in range(draw.randrange(1, 9)))
        try:
            derive(text, "w", SHAPES)
        except DerivataError as error:
            assert not isinstance(error, DerivationFailed), text
