"""The house stands: imports go down, and each outside library is known to its own rooms only.

The floors are those of the architecture page. A new module or package joins ``FLOORS`` on the
lowest floor that has what it needs below it.
"""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import derivata

SOURCE = Path(derivata.__file__).parent

# Room (a module or a package directly under derivata) -> floor.
FLOORS = {
    # F0: words that everything speaks; files and locks, which know nothing of mathematics
    "contracts": 0,
    "errors": 0,
    "lazy": 0,
    "row_grid": 0,
    "double_precision": 0,  # numbers of rows that compiled functions see
    "plain_text": 0,
    "files": 0,
    "persistence": 0,  # states of any class, found by its name: knows none of them
    # F1: rows, parameters, matrices, columns; strangers to each other
    "losses": 1,
    "penalties": 1,
    "designs": 1,
    "terms": 1,
    # F2
    "predictors": 2,
    # F3
    "objective": 3,
    "gradient_check": 3,
    "function_objective": 3,
    # F4
    "curvature": 4,
    "executors": 4,
    "solvers": 4,
    # F5: everything derived from an expansion
    "implicit": 5,
    "removal": 5,
    "covariance": 5,
    "certified": 5,
    "integrals": 5,
    "scoring": 5,
    "convergence": 5,
    "attribution": 5,
    "expectation": 5,
    "comparison": 5,
    "diagnostics": 5,
    "criteria": 5,
    "tuning": 5,
    "images": 5,
    "neural": 5,  # networks: described, trained, judged; the estimators are on F6
    "symbolic": 5,
    # F6: what users hand in and get back
    "tables": 6,
    "estimators": 6,
    "adapters": 6,
    "evaluation": 6,
    "datasets": 6,
    "known_effects": 6,
    # F7
    "report": 7,
    "cli": 7,
}
STRANGERS = {room for room, floor in FLOORS.items() if floor == 1}

# Outside library -> who may import it, as paths below derivata; a path stands for all below it.
SKLEARN_ROOMS = ("estimators/", "adapters/", "datasets.py")
JAX_ROOMS = (
    "double_precision.py",
    "losses/autodiff.py",
    "losses/compiled.py",
    "predictors/autodiff.py",
    "predictors/compiled.py",
    "neural/",
)
SYMPY_ROOMS = ("symbolic/", "losses/symbolic.py")
ALLOWED = {
    "sklearn": SKLEARN_ROOMS,
    "jax": JAX_ROOMS,
    "jaxlib": JAX_ROOMS,
    "optax": JAX_ROOMS,
    "sympy": SYMPY_ROOMS,
    # scikit-learn's own, so it costs nothing beside it
    "narwhals": ("estimators/", "tables/frame_reader.py"),
    "click": ("cli/",),
    "rich": ("cli/", "estimators/neural_progress.py"),
    # An extra, which parses and nothing else
    "formulaic": ("estimators/formula.py",),
    # Never: pickles are programs, and there is no network at run time.
    "pickle": (),
    "joblib": (),
    "cloudpickle": (),
    "shelve": (),
    "marshal": (),
    "urllib": (),
    "http": (),
    "requests": (),
}
# Frames are the user's own libraries: met inside the functions that read them, never on import.
FRAME_ROOMS = ("tables/",)
FRAMES = ("pandas", "polars", "pyarrow")
HEAVY = ("sklearn", "jax", "sympy", "narwhals", *FRAMES)


@cache
def modules():
    return sorted(SOURCE.rglob("*.py"))


def place(path):
    """Path below derivata, with forward slashes."""
    return path.relative_to(SOURCE).as_posix()


def room(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@cache
def imports(path):
    """(module, line, whether it runs when the file is imported) for every import of a file.

    Imports under ``if TYPE_CHECKING:`` never run and are left out; ``import_module("...")`` counts.
    """
    found = []

    def visit(node, eager):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                visit(child, eager)
            return
        if isinstance(node, ast.Import):
            found.extend((name.name, node.lineno, eager) for name in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place(path)}:{node.lineno}: relative import; name it in full"
            found.append((node.module, node.lineno, eager))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            if isinstance(node.args[0], ast.Constant):
                found.append((node.args[0].value, node.lineno, eager))
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, eager and not inside)

    visit(ast.parse(path.read_text(encoding="utf-8")), True)
    return tuple(found)


def own_imports(path):
    """Rooms of derivata that a file imports, with the line."""
    for name, line, _ in imports(path):
        parts = name.split(".")
        if parts[0] == "derivata":
            yield (parts[1] if len(parts) > 1 else "__init__"), line


def test_every_module_has_its_floor():
    unknown = {room(path) for path in modules()} - set(FLOORS) - {"__init__"}
    assert not unknown, (
        f"{sorted(unknown)} have no floor: register each in FLOORS of tests/test_floors.py, on the "
        "lowest floor that has what it imports below it, and on the page that draws the house."
    )


def test_imports_never_go_up():
    breaches = [
        f"{place(path)}:{line} (floor {FLOORS[room(path)]}) imports {other} (floor {FLOORS[other]})"
        for path in modules()
        if room(path) in FLOORS
        for other, line in own_imports(path)
        if FLOORS.get(other, 0) > FLOORS[room(path)]
    ]
    assert not breaches, "imports only go down:\n" + "\n".join(breaches)


def test_rooms_of_the_first_floor_are_strangers():
    # A loss never sees parameters, a penalty never sees rows.
    breaches = [
        f"{place(path)}:{line} imports {other}"
        for path in modules()
        if room(path) in STRANGERS
        for other, line in own_imports(path)
        if other in STRANGERS - {room(path)}
    ]
    assert not breaches, "losses, penalties, designs and terms do not meet:\n" + "\n".join(breaches)


def test_rooms_do_not_import_each_other_in_circles():
    below = {name: set() for name in FLOORS}
    for path in modules():
        if room(path) in FLOORS:
            below[room(path)] |= {other for other, _ in own_imports(path)} - {room(path)}
    reached = {}

    def everything_below(name, way=()):
        assert name not in way, "a circle of imports: " + " -> ".join([*way, name])
        if name not in reached:
            sets = [everything_below(other, (*way, name)) for other in sorted(below[name])]
            reached[name] = below[name].union(*sets)
        return reached[name]

    below["__init__"] = set()  # it imports lazily
    for name in sorted(below):
        everything_below(name)


@pytest.mark.parametrize("library", ALLOWED)
def test_each_outside_library_stays_in_its_rooms(library):
    # Inside functions too: a lazy import is still a dependency.
    breaches = [
        f"{place(path)}:{line}"
        for path in modules()
        for name, line, _ in imports(path)
        if name.split(".")[0] == library and not place(path).startswith(ALLOWED[library] or ("?",))
    ]
    where = ", ".join(ALLOWED[library]) or "nothing"
    assert not breaches, f"only {where} may import {library}:\n" + "\n".join(breaches)


def test_libraries_of_frames_are_imported_only_by_the_functions_that_read_them():
    breaches = [
        f"{place(path)}:{line} imports {name}" + (" when it is imported" if eager else "")
        for path in modules()
        for name, line, eager in imports(path)
        if name.split(".")[0] in FRAMES
        and (eager or not place(path).startswith((*FRAME_ROOMS, "estimators/")))
    ]
    assert not breaches, "frames belong to the readers of tables:\n" + "\n".join(breaches)


def loaded_by(statement):
    """Top-level names in sys.modules after a statement in a fresh interpreter."""
    script = f"import sys\n{statement}\nprint(' '.join({{m.split('.')[0] for m in sys.modules}}))"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_importing_derivata_loads_no_library():
    assert not loaded_by("import derivata") & {"numpy", "scipy", *HEAVY}


def test_the_command_line_loads_no_library_before_a_command_runs():
    # `derivata --help` has .15 s; NumPy alone takes that long.
    assert not loaded_by("import derivata.cli.main") & {"numpy", "scipy", *HEAVY}


def test_the_numerical_floors_load_no_heavy_library():
    statement = (
        "import derivata.tuning.automatic, derivata.diagnostics, derivata.tables.table_encoder"
    )
    assert not loaded_by(statement) & set(HEAVY)
