"""Formulas: each piece becomes the term it asks for, or is refused with a cure."""

import sys

import numpy as np
import pytest

from derivata import (
    AdditiveClassifier,
    AdditiveRegressor,
    Category,
    Cyclic,
    Date,
    Linear,
    Product,
    Spline,
    Surface,
    load,
)
from derivata.errors import DerivataError, InvalidParameter, NotAvailable, TableError
from derivata.estimators.formula import terms_from_formula

pytest.importorskip("formulaic")

KINDS = {
    "age": "numeric",
    "income": "numeric",
    "hour": "numeric",
    "city": "text",
    "shop": "text",
    "day": "date",
    "my col": "numeric",
    "a.b": "numeric",
    "größe": "numeric",
    "s(x)": "text",
}
READ = {
    "age": (Linear("age"),),
    "city": (Category("city"),),
    "day": (Date("day"),),
    "C(city)": (Category("city"),),
    "s(age)": (Spline("age"),),
    "s(age, k=8)": (Spline("age", 8),),
    "s(age, 8)": (Spline("age", 8),),
    "bs(age, df=8) + cr(income)": (Spline("age", 8), Spline("income")),
    "cc(hour, 24)": (Cyclic("hour", 24),),
    "cc(hour, period=24, k=6)": (Cyclic("hour", 24, n_basis=6),),
    "cc(hour, 24) + cc(hour, 168) + s(hour)": (
        Cyclic("hour", 24),
        Cyclic("hour", 168),
        Spline("hour"),
    ),
    "age:city": (Product("age", "city"),),
    "C(city):age": (Product("city", "age"),),
    "age*city": (Linear("age"), Category("city"), Product("age", "city")),
    "s(age) + C(city) + C(city):C(shop)": (
        Spline("age"),
        Category("city"),
        Product("city", "shop"),
    ),
    "age/city": (Linear("age"), Product("age", "city")),
    "(age + income + city)**2 - age:income": (
        Linear("age"),
        Product("age", "city"),
        Linear("income"),
        Product("income", "city"),
        Category("city"),
    ),
    "ti(age, income)": (Surface("age", "income"),),
    "ti(age, city, k=7)": (Surface("age", "city", 7),),
    "te(age, income, k=7)": (Spline("age"), Spline("income"), Surface("age", "income", 7)),
    "te(city, age)": (Category("city"), Spline("age"), Surface("city", "age")),
    "te(age, income) + income": (Spline("age"), Surface("age", "income"), Linear("income")),
    "te(age, income) + te(age, hour)": (
        Spline("age"),
        Spline("income"),
        Surface("age", "income"),
        Spline("hour"),
        Surface("age", "hour"),
    ),
    "1 + age": (Linear("age"),),
    "age + 1": (Linear("age"),),
    "-1 + age + 1": (Linear("age"),),
    "~ age": (Linear("age"),),
    "age + age": (Linear("age"),),
    "age:city + city:age": (Product("age", "city"),),
    "\n  age +\n  s( income,k = 8 )\n": (Linear("age"), Spline("income", 8)),
    "`my col` + s(`a.b`) + a.b:größe": (Linear("my col"), Spline("a.b"), Product("a.b", "größe")),
    "te(`my col`, `a.b`)": (Spline("my col"), Spline("a.b"), Surface("my col", "a.b")),
    "`s(x)`": (Category("s(x)"),),
}


@pytest.mark.parametrize(("formula", "terms"), READ.items(), ids=[repr(key) for key in READ])
def test_a_formula_is_its_terms(formula, terms):
    assert terms_from_formula(formula, KINDS) == terms


def test_a_dot_is_every_column():
    kinds = {"age": "numeric", "my col": "numeric", "city": "text"}
    alone = (Linear("age"), Linear("my col"), Category("city"))
    assert terms_from_formula(".", kinds) == alone
    assert terms_from_formula(". + age:city - city", kinds) == (*alone[:2], Product("age", "city"))


REFUSED = {
    # The intercept, the target, and what is empty
    "age - 1": "the intercept is always there: leave out `- 1` and `0`",
    "0 + age": "the intercept is always there",
    "-1": "the intercept is always there",
    "y ~ age": "the target is given to `fit` as `y`: write what is right of `~` alone",
    "age ~ ": "the target is given to `fit`",
    "age | city": "has several parts",
    "": "names no column",
    "1": "names no column",
    # What is no term
    "log(age)": r"`log\(age\)` in `terms` .* none of C\(\), s\(\), .* add the result to the table",
    "np.exp(age)": r"`np.exp\(age\)` in `terms` .* transform no columns",
    "I(age + income)": r"`I\(age \+ income\)` in `terms`",
    "{age + 1}": r"`age \+ 1` in `terms`",
    "poly(age, 2)": r"`poly\(age, 2\)` in `terms`",
    "age.abs()": r"`age.abs\(\)` in `terms`",
    "__import__('os')": r"`__import__\('os'\)` in `terms`",
    "age:log(income)": r"`log\(income\)` in `terms`",
    # Arguments
    "s()": r"s\(\) takes the name of one column first",
    "s('age')": r"s\(\) takes the name of one column first, without quotes",
    "s(age, income)": r"s\(\) takes the name of one column",
    "s(log(age))": r"s\(\) takes the name of one column",
    "te(age)": r"te\(\) takes the names of two columns",
    "te(age, income, hour)": r"te\(\) takes the names of two columns",
    "s(*age)": r"s\(\) takes the name of one column",
    "s(age, k=income)": r"`s\(age, k=income\)` in `terms` has an argument that is no number",
    "s(age, bs='cr')": r"`s\(age, bs='cr'\)` in `terms`: after its columns it takes `k` or `df`",
    "s(age, **k)": "has an argument that is no number",
    "s(age, 8, 9)": "after its columns it takes `k` or `df`",
    "s(age, 8, k=9)": "after its columns it takes `k` or `df`",
    "s(age, k=8, df=8)": "`k` and `df` are the same; give one",
    "s(age, k=3)": r"`s\(age, k=3\)` in `terms`: `n_basis` is 3, expected .* from 4 to 200",
    "s(age, k='8')": "`n_basis` is '8'",
    "ti(age, income, k=99)": "`n_basis` is 99",
    "ti(age, age)": r"`ti\(age, age\)` in `terms`: column 'age' is named twice",
    "cc(hour)": r"`cc\(hour\)` in `terms`: say after what 'hour' repeats: `cc\(hour, 24\)`",
    "cc(hour, -24)": "`period` is -24",
    "C(city, 3)": "after its columns it takes nothing",
    "C(age)": r"`C\(age\)` .* column 'age' holds numbers.*`frame\['age'\].astype\(str\)`",
    "C(age):city": "column 'age' holds numbers",
    # Products
    "age:city:shop": "`age:city:shop` in `terms` is a product of 3; products are of two columns",
    "age*income*city": "is a product of 3",
    "s(age):city": r"product with `s\(age\)`; .* write `ti\(a, b\)`",
    "2:age": "product with a number. Leave 2 out",
    "day:age": "'day', which holds dates. Add a column of numbers or words",
    # The same twice
    "age + s(age)": r"`age` and `s\(age\)` in `terms` are both about 'age'. Keep the richer",
    "s(age) + s(age, k=8)": "are both about 'age'",
    "city + C(city)": "are both about 'city'",
    "age:income + ti(income, age)": "are both about 'income' and 'age'",
    "cc(hour, 24) + cc(hour, 24, k=5)": "are both about 'hour'",
    # What formulaic does not parse
    "age income": "is no formula: Missing operator between `age` and `income`.$",
    "age +": "is no formula: Operator",
    "s(age": "is no formula: Formula ended before",
    "s(age income)": "is no formula: invalid syntax",
    "age == 3": "is no formula",
    "'age'": "is no formula",
    "3 * age": "is no formula",
}


@pytest.mark.parametrize(("formula", "match"), REFUSED.items(), ids=[repr(key) for key in REFUSED])
def test_what_is_no_term_is_refused_with_a_cure(formula, match):
    with pytest.raises(InvalidParameter, match=match) as refusal:
        terms_from_formula(formula, KINDS)
    assert "\x1b" not in str(refusal.value)


@pytest.mark.parametrize(
    "formula", ["agee", "s(agee)", "agee:city", "C(agee):city", "te(agee, city)"]
)
def test_a_column_that_is_not_there_is_named_with_the_nearest(formula):
    with pytest.raises(TableError, match="`terms` names column 'agee'.* Did you mean 'age'"):
        terms_from_formula(formula, KINDS)


def test_without_formulaic_the_cure_is_named(monkeypatch):
    for name in ("formulaic", "formulaic.errors", "formulaic.parser"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(NotAvailable, match=r"formulaic: `pip install 'derivata\[formula\]'`, or"):
        terms_from_formula("age", KINDS)


def draw(n_rows=200, seed=0):
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(20, 60, n_rows),
            "my col": rng.normal(size=n_rows),
            "city": rng.choice(["Bath", "York"], n_rows),
        }
    )
    y = np.sin(frame["age"] / 6) + frame["my col"] * (frame["city"] == "York")
    return frame, y + 0.1 * rng.normal(size=n_rows)


def test_a_regressor_with_a_formula_is_the_one_with_its_terms(tmp_path):
    frame, y = draw()
    options = {"interactions": None, "alpha": 1.0}
    formula = AdditiveRegressor("s(age, k=9) + `my col`*city", **options).fit(frame, y)
    terms = [Spline("age", 9), Linear("my col"), Category("city"), Product("my col", "city")]
    listed = AdditiveRegressor(terms, **options).fit(frame, y)
    assert formula.terms_ == listed.terms_
    np.testing.assert_array_equal(formula.predict(frame), listed.predict(frame))
    assert formula.terms == "s(age, k=9) + `my col`*city"  # what was given stays
    formula.save(tmp_path / "model.derivata")
    loaded = load(tmp_path / "model.derivata")
    np.testing.assert_array_equal(loaded.predict(frame), formula.predict(frame))


def test_a_classifier_takes_a_formula_too():
    frame, y = draw()
    model = AdditiveClassifier("s(age) + city", interactions=None, alpha=1.0).fit(frame, y > 0)
    assert [term.label for term in model.terms_] == ["age", "city"]


def test_columns_of_an_array_are_x0_and_so_on():
    X = np.random.default_rng(0).normal(size=(50, 2))
    model = AdditiveRegressor("x0 + s(x1)", interactions=None, alpha=1.0).fit(X, X[:, 0])
    assert [term.label for term in model.terms_] == ["x0", "x1"]


def test_an_estimator_says_what_is_wrong_with_its_formula():
    frame, y = draw()
    for formula in ("y ~ age", "log(age)", "agee", ""):
        with pytest.raises(DerivataError, match="`terms`"):
            AdditiveRegressor(formula).fit(frame, y)
