"""``derivata evaluate``: what is judged, told, written and refused."""

import json
import shutil
import warnings
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from derivata import TableModel, load
from derivata.cli.evaluate_told import told
from derivata.cli.evaluated_rows import known_rows
from derivata.cli.evaluating import (
    EVALUATION_FILES,
    EvaluateRequest,
    evaluate_table,
)
from derivata.cli.fit_analyses import groups_by_words
from derivata.cli.main import run
from derivata.datasets import csv_text
from derivata.errors import InvalidTarget
from derivata.estimators.families import FAMILIES
from derivata.report.evaluation import build_evaluation
from derivata.report.evaluation_json import evaluation_as_json
from derivata.report.evaluation_record import Promise, Refused
from derivata.tables import Table
from derivata.tables.columns import Column
from tests.unit.test_cli import HEAVY, modules_after
from tests.unit.test_report import Page
from tests.unit.test_table_model import family_table

CLASSES = ("logistic", "softmax")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A folder with a model and its table for each family; the summary of a fit that promised."""
    found = {}
    for family in FAMILIES:
        folder = tmp_path_factory.mktemp(family)
        table, options = family_table(family)
        (folder / "table.csv").write_text(csv_text(table))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            TableModel.fit(table, "y", interactions=None, **options).save(folder / "model.derivata")
        promised = {"score_a_row": 0.5, "standard_error": 0.05, "folds": 5}
        (folder / "summary.json").write_text(json.dumps({"outer_score": promised}))
        found[family] = folder
    return found


@pytest.fixture
def copied(fitted, tmp_path):
    """A copy of a family's folder, to write into."""

    def copy(family):
        return shutil.copytree(fitted[family], tmp_path / family)

    return copy


def evaluated(folder, table="table.csv", **options):
    request = EvaluateRequest(str(folder), str(folder / table), **options)
    return evaluate_table(request)


def test_help_imports_nothing_heavy():
    assert not modules_after("evaluate", "--help") & set(HEAVY)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_evaluated_on_its_own_rows_and_on_others(family, copied, capsys):
    folder = copied(family)
    code = run(["evaluate", str(folder), str(folder / "table.csv")])
    heard = capsys.readouterr()
    assert code == 0, heard.err
    assert "The table is that of the fit: the model stands at the minimum" in heard.out
    page = Page((folder / "evaluation.html").read_text())
    assert not page.open and len((folder / "evaluation.html").read_bytes()) < 1_000_000
    for words in ("Score", "Reliability", "Influence", "Terms", "Evidence", "Sensitivity"):
        assert words in page.text
    record = json.loads((folder / "evaluation.json").read_text())
    assert record["data"]["is_training_table"] and record["data"]["rows_judged"] == 150
    assert record["leave_one_out"]["score"] > record["leave_one_out"]["fitted_score"]
    assert (record["spread"] is None) == (family in CLASSES)
    assert (record["label_errors"] is not None) == (family in CLASSES)
    assert bool(record["calibration"].get("rankings")) == (family in CLASSES)

    new, _ = family_table(family, seed=1, n_rows=90)
    (folder / "new.csv").write_text(csv_text(new))
    out = folder / "other"
    assert run(["evaluate", str(folder), str(folder / "new.csv"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "it has 90 rows and the fit had 150" in said
    record = json.loads((out / "evaluation.json").read_text())
    assert not record["data"]["is_training_table"] and record["influence"] is None
    assert record["score"]["promised"] == 0.5


def test_rows_of_the_fit_are_judged_without_themselves(copied):
    record = evaluated(copied("poisson"))
    outer, found = record.run.outer, record.leave_one_out
    mean = record.run.model.model.family.mean(found.outputs)
    np.testing.assert_array_equal(outer.predictions, mean)
    fitted, losses = record.run.model.judge(record.run.rows)
    assert np.abs(outer.predictions - fitted).max() > 1e-3
    # The score is told as outer folds tell theirs: 0 for a prediction that is the target.
    least = record.run.model.model.family.loss().saturated(record.run.rows.y)
    assert found.fitted_score == pytest.approx((losses - least).mean())
    assert record.score == pytest.approx((found.score, found.standard_error), rel=1e-6)
    assert found.optimism > 0


def test_the_checksum_of_the_summary_tells_the_table_of_the_fit(copied):
    folder = copied("logistic")
    record = evaluated(folder)
    summary = {"data": {"sha256": record.run.file_sha256}}
    (folder / "summary.json").write_text(json.dumps(summary))
    record = evaluated(folder, force=True)
    assert record.recognised.endswith("it has the same checksum.")
    assert record.promise is None and record.verdict == ""
    assert "no outer score to compare" in told(record, "here")


def test_a_table_of_as_many_other_rows_is_told_from_the_one_of_the_fit(copied):
    folder = copied("squared")
    other, _ = family_table("squared", seed=3)
    (folder / "other.csv").write_text(csv_text(other))
    record = evaluated(folder, "other.csv")
    assert not record.is_training and "does not stand at the minimum" in record.recognised


def test_words_tell_whether_a_promise_was_kept():
    promise = Promise(0.5, 0.03, 5)
    assert promise.in_words(0.55, 0.04) == "as promised"
    assert promise.in_words(0.65, 0.04) == "worse than promised by 3.0 standard errors"
    assert promise.in_words(0.30, 0.04) == "better than promised by 4.0 standard errors"


def test_an_analysis_that_refuses_leaves_its_sentence(copied):
    record = evaluated(copied("logistic"))
    why = Refused("it may not be had, for a <reason>.")
    broken = replace(
        record,
        calibration=why,
        leave_one_out=why,
        influence=why,
        groups=why,
        label_errors=why,
        evidence=why,
        sensitivity=why,
        errors=why,
        run=replace(record.run, outer=None, outer_missing=why.reason),
    )
    page = Page(build_evaluation(broken))
    assert page.text.count("it may not be had, for a <reason>.") >= 7 and not page.open
    assert told(broken, "here").count("not to be had: it may not be had") >= 5
    assert evaluation_as_json(broken)["evidence"] == {"why_not": why.reason}


def test_the_page_is_safe_whatever_columns_and_labels_are_called(tmp_path):
    rng = np.random.default_rng(0)
    x, evil = rng.standard_normal(120), "<script>alert(1)</script>"
    words = np.array([evil, "</svg>&amp;"], object)
    label = words[(x + rng.logistic(size=120) > 0).astype(int)]
    level = np.array(['"><img src=x>', "b"], object)[rng.integers(0, 2, 120)]
    table = Table((Column("x", x), Column('g"<b>', level), Column(evil, label)))
    (tmp_path / "t.csv").write_text(csv_text(table))
    TableModel.fit(table, evil, interactions=None).save(tmp_path / "model.derivata")
    evaluated(tmp_path, "t.csv")
    html = (tmp_path / "evaluation.html").read_text()
    page = Page(html)
    assert not page.open and not {"script", "img", "link", "iframe"} & set(page.tags)
    assert "alert(1)" in page.text
    assert all(not name.startswith("on") for name, _ in page.attributes)
    for drawing in html.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + drawing.split("</svg>")[0] + "</svg>")


def test_pages_of_very_many_rows_stay_small(tmp_path):
    rng = np.random.default_rng(0)
    n_rows = 2500
    x = rng.standard_normal(n_rows)
    y = np.array(["no", "yes"], object)[(x + rng.logistic(size=n_rows) > 0).astype(int)]
    table = Table((Column("x", x), Column("y", y)))
    TableModel.fit(table, "y", interactions=None).save(tmp_path / "model.derivata")
    (tmp_path / "t.csv").write_text(csv_text(table))
    evaluated(tmp_path, "t.csv")
    assert len((tmp_path / "evaluation.html").read_bytes()) < 150_000


def test_the_link_to_the_report_is_there_only_with_the_report(copied):
    folder = copied("poisson")
    assert "report.html" not in build_evaluation(evaluated(folder))
    (folder / "report.html").write_text("<html>")
    assert 'href="report.html"' in build_evaluation(evaluated(folder, force=True))


def test_groups_are_levels_of_words_that_hold_some_of_the_rows(fitted):
    folder = fitted["squared"]
    table, _ = family_table("squared")
    model = load(folder / "model.derivata")
    groups = groups_by_words(model, known_rows(model, table))
    assert groups and all(name.startswith("town = ") for name in groups)
    for name, rows in groups.items():
        assert (table["town"].values[rows] == name.removeprefix("town = ")).all()


# refusals


def test_classes_that_the_model_does_not_know_are_refused_with_their_line(copied, capsys):
    folder = copied("logistic")
    table, _ = family_table("logistic")
    y = table["y"].values.copy()
    y[4] = "perhaps"
    columns = [c for c in table.columns if c.name != "y"]
    (folder / "bad.csv").write_text(csv_text(Table((*columns, Column("y", y)))))
    assert run(["evaluate", str(folder), str(folder / "bad.csv")]) == 3
    said = capsys.readouterr().err
    assert "line 6" in said and "'perhaps'" in said and "it knows no, yes" in said
    assert not (folder / "evaluation.html").exists()
    with pytest.raises(InvalidTarget):
        known_rows(TableModel.fit(table, "y", interactions=None), Table((*columns, Column("y", y))))


def test_labels_that_look_like_numbers_are_those_of_the_fit(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(100)
    y = (x + rng.logistic(size=100) > 0).astype(float)
    table = Table((Column("x", x), Column("y", y)))
    TableModel.fit(table, "y", family="logistic").save(tmp_path / "model.derivata")
    (tmp_path / "t.csv").write_text(csv_text(table))
    assert evaluated(tmp_path, "t.csv").is_training


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "table.csv").write_text("x,town\n1,P\n"), "y"),
        (lambda folder: (folder / "table.csv").write_text("x,town,y\n1,P,-3\n"), "y"),
        (lambda folder: (folder / "table.csv").write_text(""), "table.csv"),
        (lambda folder: (folder / "table.csv").unlink(), "table.csv"),
        (lambda folder: (folder / "model.derivata").write_bytes(b"broken"), "model.derivata"),
        (lambda folder: (folder / "model.derivata").unlink(), "model.derivata"),
    ],
)
def test_tables_and_models_that_cannot_be_used_end_with_3(change, says, copied, capsys):
    folder = copied("gamma")
    change(folder)
    assert run(["evaluate", str(folder), str(folder / "table.csv")]) == 3
    heard = capsys.readouterr()
    assert says in heard.err and heard.out == "" and heard.err.count("\n") <= 2
    assert not (folder / "evaluation.html").exists()


def test_an_evaluation_is_replaced_only_when_asked(copied, capsys):
    folder = copied("squared")
    command = ["evaluate", str(folder), str(folder / "table.csv")]
    assert run(command) == 0
    first = (folder / "evaluation.json").read_text()
    assert run(command) == 4
    assert "--force" in capsys.readouterr().err
    assert (folder / "evaluation.json").read_text() == first
    assert run([*command, "--force"]) == 0
    files = {path.name for path in folder.iterdir()}
    assert files >= set(EVALUATION_FILES) and not any(name.startswith(".") for name in files)


def test_a_folder_that_cannot_be_made_ends_with_4(copied, capsys):
    folder = copied("squared")
    (folder / "file").write_text("")
    command = ["evaluate", str(folder), str(folder / "table.csv"), "--out", str(folder / "file")]
    assert run(command) == 4
    assert "is a file" in capsys.readouterr().err


def test_json_is_what_is_written(copied, capsys):
    folder = copied("softmax")
    assert run(["evaluate", str(folder), str(folder / "table.csv"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == json.loads((folder / "evaluation.json").read_text())


def test_the_same_evaluation_twice_is_the_same_but_for_its_times(copied):
    folder = copied("poisson")
    first, second = (
        evaluation_as_json(evaluated(folder)),
        evaluation_as_json(evaluated(folder, force=True)),
    )
    first.pop("seconds"), second.pop("seconds")
    assert first == second


def test_one_row_can_be_judged_as_far_as_one_row_goes(copied):
    folder = copied("squared")
    table, _ = family_table("squared")
    (folder / "one.csv").write_text(csv_text(table.take(np.array([3]))))
    record = evaluated(folder, "one.csv")
    assert isinstance(record.calibration, Refused) and "too few" in record.calibration.reason
    assert np.isfinite(record.score[0])
    assert "Not to be had" in Page(build_evaluation(record)).text
