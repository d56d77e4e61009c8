"""The platform in containers, once for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.table import SERVICES
from tests.compose import stand_ins
from tests.compose.engine import Engine, NoEngine, running
from tests.compose.platform import Platform


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    try:
        with running(prepare=stand_ins.prepare) as engine:
            yield engine
    except NoEngine as reason:
        pytest.exit(f"docker-compose.yml was NOT tried: {reason}", returncode=1)


@pytest.fixture(scope="session")
def platform(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Built and up; how long that took it says in `seconds_to_start`."""
    folder: Path = tmp_path_factory.mktemp("checkout")
    if engine.own:
        stand_ins.build(engine, tmp_path_factory.mktemp("stand-ins"))
    platform = Platform(engine, folder)
    platform.copy()
    # One process of each service: the others run the same image.
    platform.compose("build", "gateway", *(f"{service.name}-web" for service in SERVICES))
    try:
        platform.up()
        yield platform
    finally:
        platform.compose("down", "--volumes", "--timeout", "60")
