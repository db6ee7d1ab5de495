"""Where JAX keeps what it has compiled, and with how many threads it runs.

The first fit of a process would spend most of its time compiling what the last process compiled as
well. `compiled_code_kept` lets JAX keep it in the user's cache folder, one folder for each version
of JAX and kind of processor, around our own compilations only; where the user has set JAX's own
cache, or the folder cannot be written, nothing is changed.

On a processor XLA hands every product of a step to a pool of threads. With the small batches of
training the numbers then wander between the caches of cores: on two cores a step took 1.5 times the
processor time of one thread, and no less time by the clock. So where JAX has not started yet, its
pool is given one thread; set ``PJRT_NPROC`` to have another number.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import jax
from jax.experimental.compilation_cache import compilation_cache

FOLDER = "jax_compilation_cache_dir"
# JAX keeps nothing that compiled in less than a second unless it is told to.
ALSO_SMALL = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}
THREADS = ("PJRT_NPROC", "NPROC")


@contextmanager
def compiled_code_kept() -> Iterator[None]:
    """Within the block JAX keeps compiled code on disk, unless it may not or already does."""
    start_with_one_thread()
    folder = None if getattr(jax.config, FOLDER) else cache_folder()
    if folder is None:
        yield
        return
    before = {name: getattr(jax.config, name) for name in (FOLDER, *ALSO_SMALL)}
    for name, value in {FOLDER: str(folder), **ALSO_SMALL}.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()
    try:
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()


@cache
def start_with_one_thread() -> None:
    """Start JAX with a pool of one thread, if it has not started and nobody asked for more."""
    if any(os.environ.get(name) for name in THREADS):
        return
    os.environ[THREADS[0]] = "1"
    try:
        jax.devices()
    finally:
        del os.environ[THREADS[0]]


def cache_folder() -> Path | None:
    """The folder for code compiled by this JAX for this processor; None if it cannot be written."""
    folder = user_cache() / "derivata" / f"jax-{jax.__version__}-{_processor()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


def user_cache() -> Path:
    """Where the system keeps what programs can make again."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path.home() / ".cache"


@cache
def _processor() -> str:
    """A short name for what instructions the processor has: a home may be shared by machines."""
    known = f"{platform.machine()} {platform.processor()}"
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        lines = [line for line in file if line.startswith(("flags", "Features", "model name"))]
        known = "".join(sorted(set(lines))) or known
    return hashlib.sha256(known.encode()).hexdigest()[:12]
