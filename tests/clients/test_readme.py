"""Every block of Python in the SDK's README runs against a platform, with the values that a reader has."""

import re
from pathlib import Path
from typing import Any

import pytest

import knogin
from knogin import models
from tests.clients.test_live import SCOPES, draft
from tests.clients.test_webhooks import BODY, SECRET, signed
from tests.support.stack import Stack
from tests.support.waiting import wait_for

README = Path(__file__).parents[2] / "clients" / "python" / "README.md"
BLOCK = re.compile(r"(?:<!-- runs: (\w+) -->\n)?```python\n(.*?)```", re.DOTALL)
PRINTED = {
    "first": r"Bundle \d+\n",
    "sandbox": r"preparing \d+\n",
    "async": r"\[201\]\n",
    "lists": r"enc_\w+ AMB-42\n(?:.*\n)*\d+\n",
    "webhook": r"encounter enc_1\n",
    "consumer": r"epcr\.\w+\.\w+ enc_\w+ \w+Data\(.+\)\n",
    "graphql": r"\{'name': '\w+', 'numerator': .*\}\n",
    "errors": r"/serial_number \w+ .+\nfor support: [0-9a-f]{32}\n",
    "raw": r"GET 200 [0-9a-f]{32}\nGET 304 [0-9a-f]{32}\n",
}
BLOCKS = dict(BLOCK.findall(README.read_text()))


@pytest.fixture(scope="module")
def reader(stack: Stack) -> dict[str, Any]:
    """The names that a block uses."""
    app = stack.register_app(SCOPES)
    base_url = f"http://{stack.described['hosts']['api']}:{stack.port}"
    stack.govern(app, approved_events=["epcr.*"])
    with knogin.Knogin(app.client_id, app.client_secret, base_url=base_url) as client:
        encounter = client.epcr.create_encounter(draft())
        assert isinstance(encounter, models.epcr.EncounterView)
        wait_for(lambda: list(client.event_log.list_events(key=encounter.id)), what="its event")
    return {
        "ADMIN_CLIENT_ID": stack.tenant.client_id,
        "ADMIN_CLIENT_SECRET": stack.tenant.client_secret,
        "CLIENT_ID": app.client_id,
        "CLIENT_SECRET": app.client_secret,
        "BASE_URL": base_url,
        "ENCOUNTER": encounter.id,
        "SECRET": SECRET,
        "body": BODY,
        "headers": signed(),
        "__name__": "__main__",
    }


def test_every_block_is_named() -> None:
    assert set(BLOCKS) == set(PRINTED)
    assert len(BLOCK.findall(README.read_text())) == len(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_a_block_of_the_readme_runs(name: str, reader: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(BLOCKS[name], f"README.md {name}", "exec"), dict(reader))  # noqa: S102 - our own page
    assert re.fullmatch(PRINTED[name], capsys.readouterr().out)
