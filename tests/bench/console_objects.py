"""The objects that the bench's organisation needs for pages of one thing, made as people make them: by the API and the console's forms."""

import re
from typing import Any

from tests.auth.federation import CONNECTIONS, metadata_of, usual_signer
from tests.console.through import Signed
from tests.support.stack import Stack
from tests.support.waiting import wait_for

PATIENCE = 900
DAY = 86_400
REQUESTS = "/v1/platform/integration-requests"
SANDBOXES = "/v1/platform/sandboxes"
QUARTER = re.compile(r'value="(quarter [0-9-]+)"')


def addresses(stack: Stack, administrator: Signed, operator: Signed) -> dict[str, str]:
    """Makes the objects, waits until they are ready, and returns the addresses of their pages by area and name."""
    return (
        _of_app(stack, administrator)
        | _of_sandbox(stack)
        | _of_federation(stack, administrator, operator)
        | _of_quality(administrator)
        | _of_person(administrator)
    )


def fresh_secret(administrator: Signed, app: str) -> str:
    """The address of the page that shows a new service token of this app, once. An app has room for 100 tokens."""
    return _posted(administrator, f"{app}/tokens", scopes="webhooks:write", lives="3600")


def fresh_webhook_secret(administrator: Signed, webhook: str) -> str:
    """The address of the page that shows a new secret of this webhook, once."""
    return _posted(administrator, f"{webhook}/keys", what="secret", force="1")


def _of_app(stack: Stack, administrator: Signed) -> dict[str, str]:
    """An app with a second secret beside the first, a service token, and a portal link."""
    app = stack.register_app(["webhooks:write"])
    stack.govern(app, allow_service_tokens=True)
    page = f"/apps/{app.client_id}"
    with stack.client("auth", stack.admin_token) as client:
        path = f"/v1/platform{page}"
        client.post(f"{path}/rotate-secret", json={"overlap_seconds": DAY}).raise_for_status()
    fresh_secret(administrator, page)
    _posted(administrator, f"{page}/links", note="The developer", lives=str(DAY))
    return {
        "apps.one": page,
        "apps.end_secret": _link(administrator, page, "/end"),
        "apps.tokens": f"{page}/tokens",
        "apps.revoke_token": _link(administrator, f"{page}/tokens", "/revoke"),
        "apps.links": f"{page}/links",
        "apps.revoke_link": _link(administrator, f"{page}/links", "/revoke"),
    }


def _of_sandbox(stack: Stack) -> dict[str, str]:
    """A sandbox with its year of invented data, which takes some minutes on a busy machine."""
    with stack.client("auth", stack.admin_token) as client:
        made = client.post(SANDBOXES, json={"name": "Rehearsals", "seed": 1})
        path = f"{SANDBOXES}/{made.raise_for_status().json()['id']}"
        wait_for(lambda: client.get(path).json()["state"] == "ready", PATIENCE, "the sandbox")
    page = path.removeprefix("/v1/platform")
    return {"apps.sandbox": page} | {f"apps.sandbox_{name}": f"{page}/{name}" for name in ("clock", "reset", "delete")}


def _of_federation(stack: Stack, administrator: Signed, operator: Signed) -> dict[str, str]:
    """A SAML connection, after an operator has granted federation."""
    with stack.client("auth", stack.admin_token) as client:
        asked = client.post(REQUESTS, json={"capability": "federation"}).raise_for_status().json()
        reason = {"reason": "In their contract"}
        _posted(operator, f"/operators/ask/auth/integration_request.approve/{asked['id']}", **reason)
        path = f"{REQUESTS}/{asked['id']}"
        wait_for(lambda: client.get(path).json()["status"] == "approved", what="the grant of federation")
        metadata = metadata_of("https://idp.example/metadata", usual_signer())
        draft = {"name": "Our identity provider", "metadata_xml": metadata}
        # On a busy machine auth refuses a document whose reading takes too long.
        made = wait_for(
            lambda: answer if (answer := client.post(CONNECTIONS, json=draft)).is_success else None,
            what="the connection",
        )
        page = f"/people/federation/{made.json()['id']}"
    _posted(administrator, page, act="claim", domain="bench.example")
    return {"people.connection": page, "people.disable": f"{page}/disable", "people.delete": f"{page}/delete"}


def _of_quality(administrator: Signed) -> dict[str, str]:
    """The report of a quarter with its files, and a schedule."""
    new = "/quality/reports/new"
    period = QUARTER.search(administrator.get(new).text)
    assert period is not None
    page = _posted(administrator, new, period=period[1])
    wait_for(lambda: f'href="{page}/file' in administrator.get(page).text, PATIENCE, "the report")
    schedule = {"every": "month", "day": "5", "time_zone": "Europe/Rome", "period": "month"}
    schedules = _posted(administrator, "/quality/schedules/new", **schedule)
    return {
        "quality.report": page,
        "quality.report_file": f"{page}/file",
        "quality.delete_report": f"{page}/delete",
        "quality.delete_schedule": _link(administrator, schedules, "/delete"),
    }


def _of_person(administrator: Signed) -> dict[str, str]:
    """Another person of the organisation, with a session: nobody ends their own access."""
    page = _link(administrator, "/people?search=person-1@load.example", "", "/people/usr_")
    acts = ("role", "leave", "enable", "sessions")
    named = {f"people.{name}": f"{page}/{name}" for name in acts}
    session = _link(administrator, page, "", f"{page}/sessions/")
    return named | {"people.person": page, "people.second_factor": f"{page}/second-factor", "people.session": session}


def _posted(signed: Signed, path: str, **form: Any) -> str:
    """The address that the form leads to, without its notice."""
    answer = signed.post(path, form)
    assert answer.status_code == 303, (path, answer.status_code, answer.text)
    return answer.headers["location"].partition("?")[0]


def _link(signed: Signed, page: str, end: str, start: str = "") -> str:
    """The first link of a page that begins and ends so."""
    links = [link for link in signed.links(page) if link.endswith(end) and link.startswith(start)]
    assert links, page
    return links[0]
