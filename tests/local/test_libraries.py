"""A newcomer's `make up` installs the locked packages alone: what the stack imports has to be among them."""

import re
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from deploy.local.libraries import LIBRARIES

LOCK = Path(__file__).parents[2] / "requirements.lock"


@pytest.fixture(scope="module")
def distributions_of() -> Mapping[str, list[str]]:
    """What is installed by top-level module; reading it takes half a second."""
    return packages_distributions()


def _canonical(name: str) -> str:
    """As PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_that_is_imported_ahead_is_locked_for_running_not_only_for_developing(
    library: str, distributions_of: Mapping[str, list[str]]
) -> None:
    locked = {_canonical(name) for name in re.findall(r"^([\w.-]+)==", LOCK.read_text(), re.MULTILINE)}
    distributions = {_canonical(name) for name in distributions_of[library.split(".")[0]]}
    assert distributions & locked
