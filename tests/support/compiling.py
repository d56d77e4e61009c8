"""Compiles the tests once, before several processes import them at the same time: each of those would compile all of them.

pytest has no public way to do this. Without these functions of its own the tests run as well, each process a few seconds longer.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

TESTS = Path(__file__).parents[1]


def once(config: pytest.Config) -> None:
    """Writes the compiled module of each test file that has none, or an old one, in as many processes as there are cores."""
    files = sorted([*TESTS.rglob("test_*.py"), *TESTS.rglob("conftest.py")])
    missing = [file for file in files if rewrite._read_pyc(file, _compiled(file)) is None]
    cores = os.cpu_count() or 1
    for child in [_started(config, share) for core in range(cores) if (share := missing[core::cores])]:
        os.waitpid(child, 0)


def _compiled(file: Path) -> Path:
    return rewrite.get_cache_dir(file) / f"{file.stem}{rewrite.PYC_TAIL}"


def _started(config: pytest.Config, files: Sequence[Path]) -> int:
    """The id of a new process that compiles the files. A file with a fault is left to the process that imports it."""
    if child := os.fork():
        return child
    try:
        for file in files:
            source_hash, code = rewrite._rewrite_test(file, config)
            _compiled(file).parent.mkdir(exist_ok=True)
            rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, source_hash, _compiled(file))
    finally:
        os._exit(0)
