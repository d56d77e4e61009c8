"""The TypeScript SDK in a web page: its modules load as they are, and calls, errors and webhooks work."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clients import node
from tests.clients.stub import ENCOUNTER, HTML, Answering, Asked, Stub, stub
from tests.clients.test_webhooks import BODY, SECRET, signed
from tests.support.browser import needs_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [node.needed, needs_browser, pytest.mark.full]
SCRIPT = """async ([body, headers, secret]) => {
  const { Knogin, problems, webhooks } = await import('/sdk/index.js');
  const client = new Knogin({ token: 'token-1', baseUrl: location.origin });
  const draft = { care_model: 'prehospital_emergency', vehicle_id: 'AMB-1', crew_ids: [], cad_incident_id: 'cad_1' };
  const made = await client.epcr.createEncounter(draft);
  const missing = await client.epcr.getEncounter('enc_2').catch((error) => error instanceof problems.NotFound);
  const moved = new TextDecoder().decode(await client.saml.getSamlMetadata('samlc_1'));
  const event = await webhooks.verify(body, headers, secret);
  return [made.id, missing, moved, event.data.encounter_id];
}"""


@pytest.fixture
def platform(project: Path) -> Iterator[Stub]:
    """A platform whose own pages load the SDK."""
    modules = project / "node_modules" / "knogin" / "dist" / "esm"
    faults = [HTML]

    def answer(asked: Asked) -> Answering:
        if asked.path == "/":
            return Answering(200, b"<title>page</title>", {"content-type": "text/html"})
        if asked.path.startswith("/sdk/"):
            module = modules / asked.path.removeprefix("/sdk/")
            return Answering(200, module.read_bytes(), {"content-type": "text/javascript"})
        if asked.path == "/v1/saml/samlc_1/metadata":
            return Answering(302, b"", {"location": "/moved"})
        if asked.path == "/moved":
            return Answering(200, b"<xml/>", {"content-type": "application/xml"})
        if asked.method == "POST":
            return faults.pop() if faults else Answering(201, json.dumps(ENCOUNTER).encode())
        return Answering(404, b"nothing")

    with stub() as started:
        started.unchecked = answer
        yield started


def test_a_page_calls_the_platform(platform: Stub, browser: "Browser") -> None:
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{platform.port}/")
    found = page.evaluate(SCRIPT, [BODY.decode(), signed(), SECRET])
    assert found == ["enc_1", True, "<xml/>", "enc_1"]
    posts = [asked for asked in platform.calls if asked.method == "POST"]
    assert len({asked.headers["idempotency-key"] for asked in posts}) == 1
    assert {asked.headers["authorization"] for asked in posts} == {"Bearer token-1"}
    assert all("knogin" not in asked.headers["user-agent"] for asked in posts)  # its own would need a preflight
    page.close()
