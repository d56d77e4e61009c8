"""The console on a whole stack: people of two organisations sign in at auth, and see their own organisation alone."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from shared.web.scopes import OF_CONSOLE
from tests.console.through import Signed
from tests.support.browser import MOST_MILLISECONDS, needs_browser
from tests.support.receiver import Receiver, always, answer, running
from tests.support.stack import Stack
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def signed(stack: Stack) -> Iterator[Signed]:
    signed = Signed(stack)
    yield signed
    signed.close()


def test_a_person_signs_in_and_sees_their_organisation(stack: Stack, signed: Signed) -> None:
    page = signed.get("/")
    assert page.status_code == 200
    assert "Riviera Emergency Services" in page.text
    assert "Not everything could be asked" not in page.text


def test_the_console_is_an_app_of_the_organisation_with_no_more_than_its_list(stack: Stack, signed: Signed) -> None:
    with stack.client("auth", stack.admin_token) as client:
        apps = client.get("/v1/platform/apps?limit=100").json()["apps"]
    (own,) = [app for app in apps if app["first_party"] and app["name"] == "Knogin console"]
    assert own["token_endpoint_auth_method"] == "private_key_jwt"
    assert set(own["requested_scopes"]) <= set(OF_CONSOLE)
    assert own["governance"]["enforce_pkce"]
    assert not own["governance"]["allow_service_tokens"]


def test_people_of_another_organisation_have_their_own_app(stack: Stack, signed: Signed) -> None:
    other = Signed(stack, stack.other.email, stack.other.password)
    try:
        page = other.get("/").text
        assert "Lakeland Ambulance Trust" in page
        assert "Riviera" not in page
    finally:
        other.close()


def test_after_signing_out_the_grant_is_over_at_auth(stack: Stack) -> None:
    leaving = Signed(stack)
    try:
        assert leaving.post("/sign-out", {}).headers["location"] == "/signed-out"
        assert leaving.get("/").status_code == 303
    finally:
        leaving.close()
    with stack.database("auth", "migrator") as conn:
        row: Any = conn.execute(
            "SELECT revoked_because FROM grants WHERE client_id IN (SELECT client_id FROM apps WHERE common_app = 'console')"
            " ORDER BY grant_id DESC LIMIT 1"
        ).fetchone()
    assert row == ("revoked by the app",)


def test_after_idleness_or_signing_out_nobody_is_let_in_without_the_password(stack: Stack) -> None:
    """Auth's own session in this browser is good for hours."""
    person = Signed(stack, stack.other.email, stack.other.password)
    try:
        with stack.database("console", "migrator") as conn:
            conn.execute(
                "UPDATE sessions SET last_seen_at = last_seen_at - interval '31 minutes'"
                " WHERE session_id = (SELECT max(session_id) FROM sessions)"
            )
        host, page = person.follow("/audit")
        assert (host, 'name="password"' in page.text) == ("auth", True)
    finally:
        person.close()
    leaving = Signed(stack, stack.other.email, stack.other.password)
    try:
        leaving.post("/sign-out", {})
        host, page = leaving.follow("/sign-in")
        assert (host, 'name="password"' in page.text) == ("auth", True)
    finally:
        leaving.close()


def test_access_that_ends_at_auth_ends_the_session(stack: Stack) -> None:
    """The person takes the console's access back, on the page of their account."""
    ended = Signed(stack, stack.other.email, stack.other.password)
    try:
        assert ended.get("/").status_code == 200
        ended.withdraw()
        wait_for(lambda: ended.get("/").status_code == 303, what="the end of the session")
        assert ended.get("/").headers["location"].startswith("/sign-in")
    finally:
        ended.close()


def test_every_address_of_an_organisation_is_closed_to_another(stack: Stack, signed: Signed) -> None:
    """The addresses that its administrator's pages lead to, with ids of apps, webhooks, people, devices, encounters and entries."""
    app = stack.register_app(["webhooks:write"])
    stack.govern(app, approved_events=["incident.created"])
    stack.subscribe(stack.token(app, "webhooks:write"), "https://receiver.example/hook", "incident.created")
    found = walked(signed, 200)
    named = sorted(path for path in found if WITH_ID.search(path))
    for kind in ("/apps/app_", "/webhooks/wh_", "/people/usr_"):
        assert any(path.startswith(kind) for path in named), kind
    other = Signed(stack, stack.other.email, stack.other.password)
    try:
        for path in named:
            # Other tests of this stack leave many apps and webhooks: their addresses are more calls than a minute has.
            answer = answered(other, path)
            shown = answer.text.replace(path, "")
            if path.startswith("/webhook-contacts/"):  # an empty form, which saves nothing
                answer = other.post(path, {"emails": "ops@lakeland.example"})
            # A list with another's id as a filter is an empty list.
            assert answer.status_code in (403, 404, 422) or "?" in path, path
            assert "Riviera" not in shown, path
    finally:
        other.close()


def answered(person: Signed, path: str) -> httpx2.Response:
    """The answer to a call that the limit of calls may delay."""
    return wait_for(lambda: found if (found := person.get(path)).status_code != 429 else None)


WITH_ID = re.compile(r"/[a-z]{2,6}_[0-9a-z]{20,}")


def walked(signed: Signed, most: int) -> set[str]:
    """The addresses that the pages lead to from the front page on; of each kind of page some are opened."""
    found, waiting, opened = {"/"}, ["/"], Counter[str]()
    while waiting and sum(opened.values()) < most:
        path = waiting.pop(0)
        kind = re.sub(r"[a-z]{2,6}_[0-9a-z]{20,}|[0-9a-f-]{20,}", "*", path.partition("?")[0])
        opened[kind] += 1
        if opened[kind] > 3:
            continue
        for link in signed.links(path):
            if link not in found and not link.startswith(("/static", "/shown", "/portal")):
                found.add(link)
                waiting.append(link)
    return found


@pytest.mark.full
def test_the_page_of_a_replay_stays_true_while_its_receiver_fails_and_it_is_stopped_and_resumed(
    stack: Stack, signed: Signed
) -> None:
    """A stop keeps the counts, nothing that waits is lost, and no delivery is sent by the replay twice."""
    number = 6
    app = stack.register_app(["webhooks:write", "argus:epcr:write"])
    stack.govern(app, approved_events=["epcr.*"])
    token = stack.token(app, "webhooks:write argus:epcr:write")
    with running(Receiver()) as receiver, stack.client("api", token) as api:
        webhook = f"/webhooks/{stack.subscribe(token, receiver.url, 'epcr.encounter.created')}"
        for case in range(number):
            body = {"care_model": "prehospital_emergency", "vehicle_id": "AMB-1", "crew_ids": ["usr_1"]}
            made = api.post("/api/v1/epcr/encounters", json=body | {"cad_incident_id": f"replayed-{case}"})
            assert made.status_code == 201, made.text
        # The results are recorded a moment after the requests.
        counted = f"{webhook}/replay?count=1&status=succeeded"
        wait_for(lambda: f"{number} deliveries would be sent again" in signed.get(counted).text, what="the deliveries")
        sent = sorted(receiver.ids())
        receiver.requests.clear()
        receiver.behaviour = always(answer(500))
        begun = signed.post(f"{webhook}/replay", {"status": "succeeded", "per_second": "1"})
        page = begun.headers["location"].partition("?")[0]
        shown = Shown(signed, page)
        wait_for(lambda: shown.read("Failed at the first try") > 0, what="a failure")
        assert signed.post(f"{page}/stop", {}).status_code == 303
        wait_for(lambda: shown.read("Waiting to be sent") == 0, what="the end of the requests in flight")
        failed = shown.read("Failed at the first try")
        assert 0 < failed < number
        assert "Resume the replay" in shown.text
        assert len(receiver.requests) == failed == shown.done(number)
        receiver.behaviour = always(answer(200))
        assert signed.post(f"{page}/resume", {}).status_code == 303
        wait_for(lambda: "Stop the replay" not in shown.load(), what="the end of the replay")
        assert shown.done(number) == number
        assert shown.read("Taken by the receiver") == number - failed
        assert shown.read("Failed at the first try") == failed
        assert sorted(receiver.ids()) == sent


class Shown:
    """The page of a replay. Its counts never go back."""

    def __init__(self, signed: Signed, path: str) -> None:
        self._signed, self._path, self._last = signed, path, 0
        self.text = ""

    def load(self) -> str:
        self.text = self._signed.get(self._path).text
        return self.text

    def read(self, fact: str) -> int:
        """The count of that name, 0 where the page leaves it out."""
        found = re.search(rf"<dt>{fact}</dt><dd>([\d,]+)", self.load())
        return int(found[1].replace(",", "")) if found else 0

    def done(self, of: int) -> int:
        found = re.search(rf"<strong>(\d+) of {of} done</strong>", self.load())
        assert found is not None, self.text
        assert int(found[1]) >= self._last
        self._last = int(found[1])
        return self._last


@pytest.mark.full
@needs_browser
def test_a_person_signs_in_in_a_real_browser(stack: Stack, browser: Browser) -> None:
    """With every cookie rule of a browser: the strict cookie is there after the redirects of the sign-in."""
    context = browser.new_context(locale="it-IT")
    context.set_default_timeout(MOST_MILLISECONDS)
    page = context.new_page()
    base = f"http://{stack.described['hosts']['console']}:{stack.port}"
    page.goto(f"{base}/?from=a-mail")
    page.locator("input[name=email]").fill(stack.tenant.email)
    page.locator("input[name=password]").fill(stack.tenant.password)
    page.locator("button[type=submit]").first.click()
    expect(page.locator("h1")).to_have_text("Panoramica")
    assert page.url == f"{base}/?from=a-mail"
    page.get_by_role("button", name="Esci").click()
    expect(page.locator("h1")).to_have_text("Sei uscito")
    context.close()
