"""The README's commands, snippet, links and table are real."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_leads_somewhere(link):
    assert (ROOT / link).exists()


def test_the_python_snippets_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    printed = ["effective parameters", "effective parameters", "approximation error", "kappa"]
    for snippet, words in zip(snippets, printed, strict=True):
        exec(compile(snippet, "README.md", "exec"), {})
        assert words in capsys.readouterr().out
    assert (tmp_path / "model.derivata").exists()


def test_the_table_is_the_one_that_the_benchmark_prints():
    harness = (ROOT / "benchmarks" / "harness.py").read_text()
    (head,) = re.findall(r'print\("(\| work .*?)"\)', harness)
    table = README.split("<!-- begin: ./dev bench tuning -->")[1].split("<!-- end -->")[0]
    assert head in table
    # Every part of the benchmark has at least a line, and each says whether it was reached.
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 15
    assert all(re.search(r"\| (yes|\*\*no\*\*) \|$", row) for row in rows)
