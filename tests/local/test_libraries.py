"""A newcomer's `make up` installs the locked packages alone: what the stack imports has to be among them."""

import re
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from deploy.local.libraries import LIBRARIES

LOCK = Path(__file__).parents[2] / "requirements.lock"


def _canonical(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_that_is_imported_ahead_is_locked_for_running_not_only_for_developing(library: str) -> None:
    locked = {_canonical(name) for name in re.findall(r"^([\w.-]+)==", LOCK.read_text(), re.MULTILINE)}
    distributions = {_canonical(name) for name in packages_distributions()[library.split(".")[0]]}
    assert distributions & locked
