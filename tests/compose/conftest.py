"""The platform in containers, once for all tests of this folder."""

from collections.abc import Iterator

import pytest

from deploy.local.table import SERVICES
from tests.compose import stand_ins
from tests.compose.engine import Engine, NoEngine, running
from tests.compose.platform import Platform
from tests.support import stopping


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    try:
        with running(prepare=stand_ins.prepare) as engine:
            yield engine
    except NoEngine as reason:
        pytest.exit(f"docker-compose.yml was NOT tried: {reason}", returncode=1)


@pytest.fixture(scope="session")
def platform(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Platform]:
    """Built and up; how long that took it says in `seconds_to_start`."""
    platform = Platform(engine, tmp_path_factory.mktemp("checkout"))
    with stopping.all_else_fails(request.session, "docker-compose.yml"):
        if engine.own:
            stand_ins.build(engine, tmp_path_factory.mktemp("stand-ins"))
        platform.copy()
        # One process of each service: the others run the same image.
        platform.compose("build", "gateway", *(f"{service.name}-web" for service in SERVICES))
    try:
        with stopping.all_else_fails(request.session, "docker-compose.yml"):
            platform.up()
        yield platform
    finally:
        platform.compose("down", "--volumes", "--timeout", "60")
