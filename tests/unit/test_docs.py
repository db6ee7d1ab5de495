"""The pages under docs/ say what is so: names exist, links lead somewhere, snippets run."""

import doctest
import inspect
import json
import math
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import derivata
from derivata import errors
from derivata.curvature.iterative import IterativeInverse
from derivata.datasets import csv_text, simulate
from derivata.tables.columns import MISSING_WORDS
from tests.test_floors import FLOORS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
MATHS = sorted((DOCS / "math").glob("*.md"))
ALL = [*PAGES, *sorted(ROOT.glob("*.md"))]
NAME = re.compile(r"`(derivata(?:\.\w+)+)`")
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def of(pages):
    return pytest.mark.parametrize("page", pages, ids=[str(p.relative_to(ROOT)) for p in pages])


@cache
def read(page):
    return page.read_text(encoding="utf-8")


def exists(name):
    """Whether a full name leads to a module or to something in one."""
    parts = name.split(".")
    for split in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:split]))
        except ImportError:
            continue
        for part in parts[split:]:
            if not hasattr(found, part) and part not in getattr(found, "__annotations__", {}):
                return False
            found = getattr(found, part, None)
        return True
    return False


def test_every_page_that_the_source_names_exists():
    named = {
        page
        for path in Path(derivata.__file__).parent.rglob("*.py")
        for page in re.findall(r"docs/[\w/]+\.md", path.read_text(encoding="utf-8"))
    }
    assert named
    assert not [page for page in sorted(named) if not (ROOT / page).is_file()]


@of(MATHS)
def test_every_page_of_mathematics_names_the_functions_that_compute_it(page):
    assert NAME.search(read(page))


@of(ALL)
def test_every_name_on_a_page_exists(page):
    assert not [name for name in sorted(set(NAME.findall(read(page)))) if not exists(name)]


@of(ALL)
def test_files_named_on_a_page_exist(page):
    named = re.findall(r"`((?:docs|tests|benchmarks|src|requirements)/[\w./]+\w)`", read(page))
    assert not [name for name in named if not (ROOT / name).exists()]


@of(ALL)
def test_links_lead_somewhere(page):
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", read(page))):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead


@cache
def anchors(page):
    """What the headings of a page are called in links, on GitHub and in Sphinx alike."""
    titles = re.findall(r"^#+ (.+)$", BLOCK.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@of([page for page in PAGES if ">>> " in read(page)])
def test_the_snippets_of_a_page_run_and_print_what_it_says(page):
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", read(page), re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(code, {}, page.stem, str(page), 0)
    told = []
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    outcome = doctest.DocTestRunner(optionflags=flags).run(test, out=told.append)
    assert outcome.attempted and not outcome.failed, "".join(told)


def test_every_page_is_in_a_table_of_contents():
    listed = {DOCS / "index.md"}
    for page in PAGES:
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```", read(page), re.M | re.S):
            entries = [line for line in block.split() if not line.startswith(":")]
            listed |= {(page.parent / entry).with_suffix(".md") for entry in entries}
    assert not set(PAGES) - listed


# What a page says in numbers that the code decides: a sentence, and where its numbers stand.
WORDS = {2: "two", 3: "three", 5: "five", 8: "eight"}
QUOTED = {
    "math/losses.md": [("cap the exponent at {:g}", "losses.counts.LARGEST_EXPONENT")],
    "math/families.md": [
        ("to a relative $10^{{{:e}}}$. Each fit", "estimators.families.common.SETTLED"),
        ("counts as settled within {:%}", "estimators.families.quantile.SETTLED_WIDTH"),
        ("$\\delta = {:g}\\, s$", "estimators.families.huber.CORNER"),
        ("then $10^{{{:e}}}$, where", "estimators.families.negative_binomial.LARGEST_THETA"),
        ("at most {:,} evenly spaced rows", "estimators.families.tweedie.MOST_ROWS"),
        (
            "on a bound, {:g} or {:g}.",
            "estimators.families.tweedie.SMALLEST_POWER",
            "estimators.families.tweedie.LARGEST_POWER",
        ),
        ("that is beyond {:g}, the", "estimators.families.tweedie_density.FARTHEST_PEAK"),
        ("where {:g} or more", "estimators.families.tweedie_density.FARTHEST_MEAN_NUMBER"),
        (
            "exceeds {:g}, and $X^2 - f$ exceeds {:g} standard",
            "estimators.families.poisson.LARGEST_RATIO",
            "estimators.families.poisson.SURE",
        ),
        ("by {:g} Gauss–Hermite nodes", "estimators.families.mixture.NODES"),
        ("{:g} even nodes", "estimators.families.mixture.EVEN_NODES"),
    ],
    "math/inverse.md": [
        ("more than {:,} parameters", "curvature.inverse.LARGEST_DENSE"),
        ("10^{{{:e}}} H_{{jj}}", "curvature.pseudo.SINGULAR_PIVOT"),
    ],
    "math/solvers.md": [
        ("10^{{{:e}}}\\, t\\, \\nabla F", "solvers.result.SUFFICIENT_DECREASE"),
        ("relative gradient exceeds {:g}", "solvers.result.FAR"),
        ("more than {:%} of it", "solvers.result.LEAST_FALL"),
        ("a precision of $10^{{{:e}}}$ for the fit", "estimators.base.PRECISION"),
        ("its tolerance is $10^{{{:e}}}$", "tuning.automatic.FOLD_TOLERANCE"),
        ("more than {:g} parameters in several", "estimators.base.MANY_BLOCKS"),
        ("random sample of {:g} rows a parameter", "solvers.sampled.ROWS_PER_PARAM"),
        ("of one row in {:g} if that is more", "solvers.sampled.SHARE"),
    ],
    "math/first_order.md": [
        ("longest of its first {:,} steps", "solvers.pace.COMPARED"),
        ("factor of {} to ten", "solvers.pace.LEAST_FACTOR"),
        ("after {:g}, 16, 32", "solvers.pace.FIRST_LOOK"),
        ("gradient is above {:g} is given up", "solvers.descent.FAR"),
        ("Up to {:,} parameters all eigenvalues", "curvature.spectrum.LARGEST_DENSE"),
        ("at most {:g} steps of two passes", "curvature.spectrum.MOST_VECTORS"),
        ("values, up to {:g} parameters", "function_objective.MOST_BY_VALUES"),
        ("gradients, up to {:,} parameters", "function_objective.MOST_BY_GRADIENTS"),
    ],
    "math/convergence.md": [
        ("first {:,} steps", "convergence.modes.SCANNED"),
        ("Beyond {:,} parameters there is", "curvature.spectrum.LARGEST_DENSE"),
        ("($10^{{{:e}}}$ of $F$)", "convergence.observed.ROUNDING"),
    ],
    "math/sparse_penalties.md": [
        ("at most {:g} new ones a step", "solvers.proximal.FEWEST_JOINING"),
        ("for {:g} drawn at random", "criteria.support.EXAMINED"),
        ("if at most {:%} of the rows change", "criteria.support.LARGEST_SHARE"),
        ("else {} folds are, of distinct rows", "tuning.sparse.N_FOLDS"),
        ("from {:,} rows on", "tuning.sparse.MANY_ROWS"),
        ("Below {:g} distinct rows", "tuning.sparse.FEWEST_ROWS"),
        ("at steps of {:g} in", "tuning.sparse_path.STEP"),
        (
            "after {:g} points above the best, or {:g} alike",
            "tuning.sparse_path.RISING",
            "tuning.sparse_path.FLAT",
        ),
    ],
    "math/constraints.md": [
        ("$10^{{{:e}}}$ of its diagonal", "solvers.constrained.RIDGE"),
        ("More than {:,} parameters are refused", "curvature.inverse.LARGEST_DENSE"),
    ],
    "math/evidence.md": [
        ("a relative $10^{{{:e}}}$ of outputs", "criteria.evidence.ROUNDING"),
        ("above $10^{{{:e}}}$ is refused", "criteria.evidence.LARGEST_GRADIENT"),
        ("\\tau = {:g}", "tuning.by_evidence.PULL"),
        ("with $r = {:g}$", "tuning.by_evidence.RATE"),
        ("to steps of {:g}", "tuning.by_evidence.COARSE_STEP"),
        ("more than one penalty in {:g} rows, that", "tuning.by_evidence.ROWS_PER_PENALTY"),
        ("more than one penalty in {:g} rows, penalties", "tuning.by_evidence.FEWEST_ROWS"),
        ("both, else {:g} folds", "tuning.left_out.FOLDS"),
        ("counts as known to {:g}.", "tuning.search.LEAST_CURVATURE"),
        ("no more than {:,} parameters", "curvature.inverse.LARGEST_DENSE"),
    ],
    "math/tabulated.md": [
        ("more than {:g} times the rows", "designs.tabulated.LARGEST_PAIRS"),
        ("than {:g} times the root of the rows", "tables.encoded_table.CODES_A_ROOT"),
        ("below $10^{{{:e}}}$ multiplications", "tables.encoded_table.SMALL_PRODUCT"),
        ("at a speed {:g} times", "tables.encoded_table.PRODUCT_SPEED"),
        ("From {:,} rows on", "estimators.additive_surfaces.MANY_ROWS"),
        ("the medians of {:g} parts", "tables.distinct.PARTS"),
    ],
    "math/additive.md": [
        ("than one in {:g} rows all stay straight", "tables.term_choice.ROWS_A_COLUMN"),
        ("{:g} at most (`n_basis`)", "tables.table_encoder.N_BASIS"),
        ("would have more than {:g}.", "tables.term_choice.MOST_FUNCTIONS"),
        ("or {:g} rounds have passed", "estimators.additive_tuning.SHAPE_ROUNDS"),
        ("kept up to {:,} parameters", "estimators.additive_fit.LARGEST_COVARIANCE"),
        ("fewer than {:g} effective parameters", "estimators.term_summary.NO_PARAMETER"),
        ("less than $10^{{{:e}}}$ of the variation", "estimators.term_summary.NO_SHARE"),
    ],
    "math/interactions.md": [
        ("into at most {:g} cells", "estimators.interactions.CELLS"),
        ("Beyond {:g} columns", "estimators.interactions.MOST_COLUMNS"),
        ("one feature in {:g} rows", "estimators.additive_surfaces.ROWS_A_FEATURE"),
        ("more than {:%} of its features", "estimators.additive_surfaces.USED"),
        ("fewer than {:g} effective", "estimators.additive_surfaces.LEAST_PARAMETERS"),
        ("one in {:g} rows, nothing", "estimators.additive_surfaces.ROWS_A_PENALTY"),
    ],
    "math/implicit.md": [
        ("$r > 10^{{{:e}}}$", "criteria.leave_one_out.LARGEST_GRADIENT"),
        ("A correction of more than {:%} of the value", "implicit.LARGEST_CORRECTION"),
    ],
    "math/leave_one_out.md": [
        ("only the {:g} rows", "criteria.trust.EXAMINED"),
        ("above $10^{{{:e}}}$ is refused", "criteria.leave_one_out.LARGEST_GRADIENT"),
        ("kept above $10^{{{:e}}}$", "criteria.left_out.SMALLEST_RESIDUAL_SHARE"),
    ],
    "math/resampling.md": [("deals {:g} such parts", "criteria.resampling.HOLD_OUT_PARTS")],
    "math/tuning.md": [
        ("[m - {:g},\\ m + {:g}]", "tuning.search.BELOW", "tuning.search.ABOVE"),
        ("the start is $m - {:g}$", "tuning.scale.START_BELOW"),
        (
            "within {:g} of the lower bound or {:g} of the upper",
            "tuning.search.NEAR_LOWER",
            "tuning.search.NEAR_UPPER",
        ),
        (
            "({:g} at first, {:g} at most)",
            "tuning.search.FIRST_RADIUS",
            "tuning.search.LARGEST_RADIUS",
        ),
        ("less than $10^{{{:e}}}$ nats times", "tuning.search.NEGLIGIBLE"),
        ("exceeds {:%} of the criterion", "implicit.LARGEST_CORRECTION"),
        ("less than $10^{{{:e}}}$ of their curvature", "tuning.problem.SATURATED"),
        (
            "raised by {:g}, up to {:g} times",
            "tuning.problem.STRONGER",
            "tuning.problem.STRONGER_TRIES",
        ),
        ("a step longer than {:g} it is forgotten", "tuning.trust_region.TRANSFERABLE"),
        ("The {:g} rows of largest leverage", "criteria.frozen.EXACT_ROWS"),
        ("at least {:g} rows a parameter", "criteria.frozen.ROWS_PER_PARAM"),
        ("(steps down to {:g})", "tuning.guarded.COARSE_STEP"),
        ("one penalty in {:g} rows", "tuning.guarded.ROWS_PER_PENALTY"),
        ("Below {:g} rows, too few to be dealt to folds", "tuning.guarded.FEWEST_ROWS"),
        ("{} outer folds among", "tuning.guarded.OUTER_FOLDS"),
        ("at a speed {} times that of passes", "criteria.choice.PRODUCT_SPEED"),
        ("about {:g} passes each", "criteria.choice.PASSES"),
        ("predicted to take {} times as long", "criteria.choice.WORTH"),
        ("take over from where the fit stands: {} folds", "criteria.choice.N_FOLDS"),
        ("from {:,} rows on", "tuning.automatic.MANY_ROWS"),
        ("costs more than {:g} values with their gradients", "tuning.automatic.DEAR_STEP"),
    ],
    "math/diagnostics.md": [
        ("below $10^{{{:e}}}$ of their curvature", "diagnostics.UNPENALISED"),
        ("$\\lambda < 10^{{{:e}}}$", "diagnostics.FLAT"),
        ("(below $10^{{{:e}}}$ of the largest", "diagnostics.SPANNED"),
        ("Up to {:g} directions are named", "diagnostics.NAMED_DIRECTIONS"),
        ("below $10^{{{:e}}}$ of a typical one", "diagnostics.NO_RESIDUAL"),
        ("more than {:%} of $(n-1)/n$", "estimators.extremes.RULING_SHARE"),
        ("the line is $10^{:e}$ standard deviations", "estimators.extremes.SPARSE_DISTANCE"),
        ("fewer than {:g} steps of their own", "estimators.validation.FEWEST_STEPS"),
        ("fewer than {:g} rows extremes", "estimators.messages.FEWEST_ROWS"),
    ],
    "how_to/tables.md": [
        ("Beyond {:,} levels", "terms.category.MAX_LEVELS"),
        ("3 to {:g} different words", "tables.task_choice.MAX_CLASSES"),
        (
            "3 ≤ k ≤ {:g}, {} rows or more",
            "tables.task_choice.MAX_LABELS",
            "tables.task_choice.MIN_ROWS_A_LABEL",
        ),
        ("(skewness above {:g})", "tables.task_choice.MIN_SKEWNESS"),
    ],
}


class Number(float):
    """Formats as pages write numbers: ``:e`` the power of ten, ``:%`` per cent, plain in words."""

    def __format__(self, spec):
        if spec == "e":
            return str(round(math.log10(self)))
        if spec == "%":
            return f"{100 * self:g} %"
        if spec == "":
            return WORDS[int(self)]
        return format(int(self) if self == int(self) else float(self), spec)


@pytest.mark.parametrize(
    ("page", "sentence"), [(p, s) for p, sentences in QUOTED.items() for s in sentences]
)
def test_numbers_that_the_code_decides_are_those_on_the_page(page, sentence):
    template, *places = sentence
    values = []
    for place in places:
        module, _, name = place.rpartition(".")
        values.append(Number(getattr(import_module(f"derivata.{module}"), name)))
    expected = template.format(*values)
    says_so = expected in " ".join(read(DOCS / page).split())
    assert says_so, f"docs/{page} should say: {expected}"


def test_the_tolerance_of_conjugate_gradients_is_that_on_the_page():
    tolerance = inspect.signature(IterativeInverse).parameters["tolerance"].default
    says = f"a relative residual of $10^{{{Number(tolerance):e}}}$ unless told otherwise"
    assert says in " ".join(read(DOCS / "math" / "inverse.md").split())


def test_the_drawing_of_the_floors_has_every_room_on_its_floor():
    drawing = read(DOCS / "architecture.md").split("```")[1]
    drawn = {}
    for part in drawing.split("────────\n"):
        rooms = re.findall(r"[a-z_]+", part)
        drawn |= dict.fromkeys(rooms, int(re.search(r"F(\d)", part)[1]))
    here = {path.stem for path in Path(derivata.__file__).parent.iterdir() if path.stem in FLOORS}
    assert here
    assert {room: drawn.get(room) for room in here} == {room: FLOORS[room] for room in here}


def all_modules():
    """Every module of the package, but the ``__init__`` of packages."""
    source = Path(derivata.__file__).parent
    paths = sorted(path.relative_to(source) for path in source.rglob("*.py"))
    return [path.with_suffix("").parts for path in paths if path.stem != "__init__"]


def test_the_drawing_of_the_floors_has_every_module_in_its_room():
    drawing = read(DOCS / "architecture.md").split("```")[1]
    # A room begins in the fifth column, after the floor's name; what is in it may take more lines.
    rooms = re.split(r"^(?:F\d  |    )(?=\w)", drawing, flags=re.MULTILINE)
    inside = {room.split("/")[0]: set(re.findall(r"\w+", room)) for room in rooms if "/" in room}
    drawn = set(re.findall(r"\w+", drawing))
    absent = [
        ".".join(module)
        for module in all_modules()
        if module[-1] not in (drawn if len(module) == 1 else inside.get(module[0], ()))
    ]
    assert not absent


def test_every_module_has_a_section_under_rooms():
    told = "".join(read(page) for page in (DOCS / "rooms").glob("*.md"))
    sections = set(re.findall(r"^\.\. automodule:: derivata\.([\w.]+)$", told, re.MULTILINE))
    assert not {".".join(module) for module in all_modules()} - sections


MESSAGES = DOCS / "how_to" / "messages.md"
KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, (errors.DerivataError, errors.DerivataWarning))
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_and_warning_has_a_line_that_says_the_cure(kind):
    if kind is errors.DerivataWarning:
        assert "`DerivataWarning`" in read(MESSAGES)
        return
    code = getattr(kind, "code", None)
    start = f"| {code} | `{kind.__name__}` | " if code else f"| `{kind.__name__}` | "
    assert start in read(MESSAGES)


def test_every_code_on_the_page_of_messages_exists():
    codes = {kind.code for kind in KINDS if issubclass(kind, errors.DerivataWarning)}
    assert set(re.findall(r"\bD\d{3}\b", read(MESSAGES))) == codes - {"D000"}


def test_every_public_name_is_on_the_page_of_reference():
    page = read(DOCS / "how_to" / "reference.md")
    assert not [name for name in derivata.__all__ if f":: derivata.{name}\n" not in page]


TABLES = DOCS / "how_to" / "tables.md"


def test_every_exit_code_is_on_the_page_of_tables():
    from derivata.cli import exit_codes

    codes = [value for name, value in vars(exit_codes).items() if name.isupper()]
    section = read(TABLES).split("## Exit codes")[1]
    told = set(map(int, re.findall(r"\b\d+\b", re.sub(r"`[^`]*`", "", section))))
    assert set(codes) == told


def test_every_option_of_the_command_line_is_on_the_page_of_tables():
    from derivata.cli import demo, fit, predict

    options = {
        name
        for command in (fit.command, predict.command, demo.command)
        for option in command.params
        for name in option.opts
        if name.startswith("--")
    }
    assert not [option for option in sorted(options) if option not in read(TABLES)]


def test_every_word_for_a_missing_cell_is_on_the_page_of_tables():
    assert not [word for word in MISSING_WORDS if word and f"`{word}`" not in read(TABLES)]


@pytest.mark.parametrize("family", ["squared", "logistic", "poisson"])
def test_every_field_of_the_summary_is_on_the_page_of_tables(family, tmp_path):
    from derivata.cli.fitting import FitRequest, fit_table

    drawn = simulate(family, 60, 2)
    path = tmp_path / "table.csv"
    path.write_text(csv_text(drawn.table), encoding="utf-8")
    request = FitRequest(str(path), drawn.target, str(tmp_path / "run"), family=family, folds=3)
    summary = fit_table(request)[1]
    json.dumps(summary)
    section = read(TABLES).split("## summary.json")[1].split("## Exit codes")[0]
    told = set(re.findall(r"`([\w.]+)`", section))
    missing = []
    for key, value in summary.items():
        for name in value if isinstance(value, dict) else ():
            # In full, or beside the name of what it is part of.
            if f"{key}.{name}" not in told and not {key, name} <= told:
                missing.append(f"{key}.{name}")
        if not isinstance(value, dict) and key not in told:
            missing.append(key)
    assert not missing
