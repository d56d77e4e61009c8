"""A newcomer's `make up` installs only the locked packages, so the stack may import no others."""

import re
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from deploy.local.libraries import LIBRARIES

LOCK = Path(__file__).parents[2] / "requirements.lock"


@pytest.fixture(scope="module")
def distributions_of() -> Mapping[str, list[str]]:
    """Installed packages by top-level module; reading them takes half a second."""
    return packages_distributions()


def _canonical(name: str) -> str:
    """The name as in PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_that_is_imported_ahead_is_locked_for_running_not_only_for_developing(
    library: str, distributions_of: Mapping[str, list[str]]
) -> None:
    locked = {_canonical(name) for name in re.findall(r"^([\w.-]+)==", LOCK.read_text(), re.MULTILINE)}
    distributions = {_canonical(name) for name in distributions_of[library.split(".")[0]]}
    assert distributions & locked
