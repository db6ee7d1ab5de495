"""The model of a run, named by the run's folder or by the model file itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from derivata.cli.run_folder import MODEL, SUMMARY
from derivata.errors import ModelFileError
from derivata.estimators.table_model import TableModel
from derivata.persistence import load


def model_file_of(run: str) -> Path:
    """The model file of a run's folder, or the path itself if it is none."""
    path = Path(run)
    return path / MODEL if path.is_dir() else path


def load_table_model(path: Path) -> TableModel:
    """Load a table's model.

    Raises
    ------
    ModelFileError                 if the file is damaged, or holds another kind of model
    """
    model = load(path)
    if not isinstance(model, TableModel):
        raise ModelFileError(
            f"{str(path)!r} holds a {type(model).__name__}, which was fitted to an array and knows "
            "no columns. Use it from Python, or fit the table with `derivata fit`."
        )
    return model


def summary_of(model_file: Path) -> dict[str, Any]:
    """The summary that the fit left beside its model; empty if there is none to be read."""
    try:
        found = json.loads((model_file.parent / SUMMARY).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
