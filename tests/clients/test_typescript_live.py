"""The TypeScript SDK against a running platform: an integrator's first day, through each host."""

from pathlib import Path

import pytest

from tests.clients import node
from tests.support.stack import Stack

pytestmark = [node.needed, pytest.mark.full]


@pytest.mark.parametrize(
    ("host", "own_fetch"), [("api", False), ("auth", False), ("localhost", True)], ids=["api", "auth", "fetch"]
)
def test_an_integrators_first_day(host: str, own_fetch: bool, stack: Stack, project: Path) -> None:
    """The client finds *.localhost by itself; every `fetch` finds localhost."""
    named = {
        "BASE_URL": f"http://{stack.described['hosts'].get(host, host)}:{stack.port}",
        "ADMIN_TOKEN": stack.admin_token,
    }
    more = {"OWN_FETCH": "1"} if own_fetch else {}
    assert node.run(project, "live", **named, **more) == "a day"
