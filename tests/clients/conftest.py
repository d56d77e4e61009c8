import os
from pathlib import Path

import pytest

from tests.clients import node


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the packed TypeScript SDK, shared by all test processes."""
    base = tmp_path_factory.getbasetemp()
    return node.installed(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)
