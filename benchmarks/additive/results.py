"""Losses and CPU seconds of each side on each split, measured in a process each, kept as JSON.

A file a table and side, `TABLE.SIDE.json`, written after every split: a run that is cut short
goes on where it stopped. Kept results are used whatever has changed since; `--refresh` says not to.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

CPU_LIMIT = 600  # seconds a fit, with its warm-up


@dataclass(frozen=True)
class Result:
    """One split of one side; `failed` is empty or says why there is no loss."""

    loss: float | None
    seconds: float | None  # CPU: fit and predict, the median of the repeats
    repeats: int
    pace: float  # CPU seconds of a fixed piece of work: how fast the machine was just then
    versions: dict[str, str]
    failed: str = ""


class Cache:
    """Results in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, table: str, side: str) -> Path:
        return self.folder / f"{table}.{re.sub('[^A-Za-z]+', '-', side)}.json"

    def read(self, table: str, side: str) -> dict[int, Result]:
        path = self.path(table, side)
        if not path.exists():
            return {}
        kept = json.loads(path.read_text())["splits"]
        return {int(split): Result(**result) for split, result in kept.items()}

    def keep(self, table: str, side: str, split: int, result: Result) -> None:
        splits = {**self.read(table, side), split: result}
        whole = {
            "table": table,
            "side": side,
            "splits": {str(split): asdict(splits[split]) for split in sorted(splits)},
        }
        path = self.path(table, side)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(whole, indent=1) + "\n")
        part.replace(path)


def measure(table: str, side: str, split: int) -> Result:
    """One split in a fresh process, which is stopped after `CPU_LIMIT` CPU seconds."""
    done = subprocess.run(
        [sys.executable, "-m", "additive.worker", table, side, str(split), str(CPU_LIMIT)],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        return Result(**json.loads(done.stdout.splitlines()[-1]))
    if done.returncode in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return failure(f"stopped after {CPU_LIMIT} CPU s")
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return failure(lines[-1][:300] if lines else f"exit status {done.returncode}")


def failure(reason: str) -> Result:
    return Result(None, None, 0, 0.0, {}, reason)
