"""One side on one split of one table, measured in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from additive.results import Cache, Result, failure

__all__ = ["Cache", "Result", "measure"]

CPU_LIMIT = 3_600  # seconds a process: twenty trials on a large table are many


def measure(table: str, side: str, split: int) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "neural_sides.worker", table, side, str(split), str(CPU_LIMIT)],
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
