"""Portal links: the pages that one opens, and every way in which it opens nothing."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from services.console.apps import twofold
from services.console.apps.portal import links
from services.console.pages import registry
from services.console.pages.limits import Limiter
from services.console.session import cookies
from shared.primitives.crypto import Keyring
from shared.primitives.ids import is_id, uuid7
from tests.console.conftest import Console
from tests.console.platform import Answer, Person
from tests.console.test_people import user as person

APP = "app_01m88d0q5rekasgwnts2cwwdh6"
TOKEN = "ey.service.token"
ENDS = "2099-01-01T00:00:00Z"


@pytest.fixture
def administrator(console: Console) -> Iterator[httpx2.Client]:
    with closing(console.signed_in()) as browser:
        yield browser


def make(console: Console, administrator: httpx2.Client, *, ends: str = ENDS, **form: str) -> str:
    """A link as its page shows it: the text after `link=`."""
    minted = {"id": "tok_01m88d0q5rekasgwnts2cwwdh6", "token": TOKEN, "scopes": ["webhooks:read"], "expires_at": ends}
    console.platform.overrides["POST /v1/platform/apps/{client_id}/service-token"] = Answer(minted, 201)
    fields = {"note": "Developer of the connector", "lives": "86400", "once": str(uuid7())} | form
    answer = console.post(administrator, f"/apps/{APP}/links", fields)
    assert answer.status_code == 303, answer.text
    shown = administrator.get(answer.headers["location"]).text
    assert "over a channel that only they read" in shown  # and not "into no mail", as for the secret of a program
    address = shown.partition("/portal?link=")[2]
    return address.partition("<")[0].partition('"')[0]


def present(console: Console, text: str, **headers: str) -> tuple[httpx2.Client, httpx2.Response]:
    """Another person's browser in which the link was opened by its button."""
    browser = console.browser()
    sent = {"origin": console.url, "sec-fetch-site": "same-origin"} | headers
    return browser, browser.post("/portal", data={"link": text}, headers=sent)


def sign_out(console: Console, browser: httpx2.Client) -> httpx2.Response:
    csrf = cookies.form_token(
        Keyring.from_text(console.settings.encryption_keys),
        browser.cookies.get(cookies.name_of(console.settings, cookies.SESSION)) or "",
    )
    sent = {"origin": console.url, "sec-fetch-site": "same-origin"}
    return browser.post("/sign-out", data={"csrf": csrf}, headers=sent)


def status_of(console: Console, text: str) -> int:
    """The status with which one more browser opens the link."""
    browser, answer = present(console, text)
    browser.close()
    return answer.status_code


def id_of(text: str) -> str:
    return text.partition(".")[0]


def sql(console: Console, statement: Any, *parameters: Any) -> list[Any]:
    with psycopg.connect(console.database.migrator) as conn:
        cursor = conn.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def test_a_link_is_for_one_app_and_expires(console: Console, administrator: httpx2.Client) -> None:
    text = make(console, administrator, lives="604800")
    assert console.platform.asked("POST")[-1] == f"/v1/platform/apps/{APP}/service-token"
    assert is_id(id_of(text), "plk")
    page = administrator.get(f"/apps/{APP}/links").text
    assert "Developer of the connector" in page
    assert text.partition(".")[2] not in page


def test_an_opened_link_sees_the_webhooks_of_its_app_and_nothing_else(
    console: Console, administrator: httpx2.Client
) -> None:
    browser, answer = present(console, make(console, administrator))
    assert (answer.status_code, answer.headers["location"]) == (303, "/webhooks")
    before = len(console.platform.calls)
    for entry in registry.entries():
        if entry.page.read is None or entry.area.name == "webhooks":
            continue
        got = browser.get(entry.example)
        if entry.page.path == "/":
            assert got.headers["location"] == "/webhooks"
        else:
            assert got.status_code == 403, entry.page.path
        assert 'href="/apps"' not in got.text
    assert len(console.platform.calls) == before, "a page outside the link asked the platform"
    browser.close()


def test_a_portal_session_posts_no_form_of_other_areas(console: Console, administrator: httpx2.Client) -> None:
    browser, _ = present(console, make(console, administrator))
    csrf = cookies.form_token(
        Keyring.from_text(console.settings.encryption_keys),
        browser.cookies.get(cookies.name_of(console.settings, cookies.SESSION)) or "",
    )
    before = len(console.platform.calls)
    for path in (f"/apps/{APP}/delete", f"/apps/{APP}/rotate", f"/apps/{APP}/links", "/sandboxes/new"):
        fields = {"csrf": csrf, "note": "x", "confirmed": "1", "once": str(uuid7())}
        answer = browser.post(path, data=fields, headers={"origin": console.url, "sec-fetch-site": "same-origin"})
        assert answer.status_code == 403
    assert len(console.platform.calls) == before
    browser.close()


def test_following_the_link_opens_nothing_before_the_button(console: Console, administrator: httpx2.Client) -> None:
    """Scanners of mail follow links: they start no session, and count as no opening."""
    text = make(console, administrator)
    browser = console.browser()
    answer = browser.get("/portal", params={"link": text})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert sql(console, "SELECT opened FROM portal_links WHERE link_id = %s", id_of(text)) == [(0,)]
    browser.close()


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
def test_another_site_opens_no_link_in_a_persons_browser(
    console: Console, administrator: httpx2.Client, headers: dict[str, str]
) -> None:
    browser, answer = present(console, make(console, administrator), **headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    browser.close()


def test_a_guessed_link_opens_nothing(console: Console, administrator: httpx2.Client) -> None:
    text = make(console, administrator)
    link_id, _, secret = text.partition(".")
    other = secret[:-2] + ("AA" if secret[-2:] != "AA" else "BB")
    for guess in (
        "",
        "x",
        link_id,
        f"{link_id}.",
        f"{link_id}.{other}",
        f"plk_x.{secret}",
        f"{text}x",
        "é" * 50,
        "y" * 9000,
    ):
        browser, answer = present(console, guess)
        assert answer.status_code == 403, guess
        assert "set-cookie" not in answer.headers
        browser.close()


def test_an_expired_link_opens_nothing(console: Console, administrator: httpx2.Client) -> None:
    text = make(console, administrator)
    sql(console, "UPDATE portal_links SET expires_at = clock_timestamp() WHERE link_id = %s", id_of(text))
    browser, answer = present(console, text)
    assert answer.status_code == 403
    browser.close()


def test_a_developer_whose_link_is_over_is_not_led_to_a_sign_in(console: Console, administrator: httpx2.Client) -> None:
    """They have no account: the page says whom to ask. A person who has one finds the sign-in there, and directly the next time."""
    console.platform.tokens[TOKEN] = Person(scopes=("webhooks:read",))
    text = make(console, administrator)
    browser, _ = present(console, text)
    assert browser.get("/webhooks").status_code == 200
    assert "/v1/auth/sessions" not in browser.get("/webhooks").text  # the page of an account, which they have none of
    gone = Answer({"type": "https://knogin.com/api/docs#not-found"}, 404)
    console.platform.overrides["DELETE /v1/platform/apps/{client_id}/service-tokens/{token_id}"] = gone
    console.post(administrator, f"/apps/{APP}/links/{id_of(text)}/revoke", {"confirmed": "1"})
    polled = browser.get("/webhooks", headers={"x-console-poll": "1"})
    assert polled.status_code == 401
    page = browser.get("/webhooks")
    assert (page.status_code, "Ask the organisation that gave it to you" in page.text) == (403, True)
    assert 'href="/sign-in"' in page.text
    assert browser.get("/webhooks").headers["location"].startswith("/sign-in")
    browser.close()


def test_a_developer_whose_page_was_idle_reads_whom_to_ask(console: Console, administrator: httpx2.Client) -> None:
    """The script of the page leads to the end of a session; a sign-in is of no use to them."""
    text = make(console, administrator)
    browser, _ = present(console, text)
    sql(
        console,
        "UPDATE sessions SET last_seen_at = last_seen_at - interval '31 minutes' WHERE user_id = %s RETURNING 1",
        id_of(text),
    )
    page = browser.get("/signed-out?why=ended&to=/webhooks")
    assert (page.status_code, "Ask the organisation that gave it to you" in page.text) == (403, True)
    browser.close()


def test_who_signs_out_of_a_link_is_asked_to_sign_in_afterwards(console: Console, administrator: httpx2.Client) -> None:
    console.platform.tokens[TOKEN] = Person(scopes=("webhooks:read",))
    browser, _ = present(console, make(console, administrator))
    assert browser.cookies.get(cookies.name_of(console.settings, cookies.PORTAL)) == "1"
    assert sign_out(console, browser).headers["location"] == "/signed-out"
    assert browser.get("/webhooks").headers["location"].startswith("/sign-in")
    browser.close()


def test_a_session_of_a_link_is_over_when_the_link_is(console: Console, administrator: httpx2.Client) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=60)
    text = make(console, administrator, ends=soon.isoformat())
    browser, answer = present(console, text)
    assert answer.status_code == 303
    [(expires_at,)] = sql(console, "SELECT expires_at FROM sessions WHERE user_id = %s", id_of(text))
    assert expires_at <= soon
    browser.close()


def test_a_revoked_link_opens_nothing_and_its_open_pages_end(console: Console, administrator: httpx2.Client) -> None:
    text = make(console, administrator)
    browser, _ = present(console, text)
    ended: list[str] = []

    def revoked(request: Any) -> Answer:
        ended.append(request.url.path)
        return Answer(None, 204)

    console.platform.overrides["DELETE /v1/platform/apps/{client_id}/service-tokens/{token_id}"] = revoked
    answer = console.post(administrator, f"/apps/{APP}/links/{id_of(text)}/revoke", {"confirmed": "1"})
    assert answer.headers["location"].endswith("done=link_revoked")
    assert ended == [f"/v1/platform/apps/{APP}/service-tokens/tok_01m88d0q5rekasgwnts2cwwdh6"]
    assert browser.get("/preferences-of-nobody").status_code == 404
    closed = browser.get("/")
    assert (closed.status_code, "This link opens nothing" in closed.text) == (403, True)
    assert browser.get("/").headers["location"] == "/sign-in"
    again, refused = present(console, text)
    assert refused.status_code == 403
    assert sql(console, "SELECT sealed FROM portal_links WHERE link_id = %s", id_of(text)) == [(None,)]
    browser.close()
    again.close()


def test_a_link_that_is_revoked_while_it_is_opened_starts_no_session(
    console: Console, administrator: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The opening had found a good link, and started a session after the revocation had ended those that it saw."""
    text = make(console, administrator)
    find = links.find

    async def found_just_before_it_is_revoked(conn: Any, keyring: Any, text: str) -> Any:
        found = await find(conn, keyring, text)
        sql(
            console,
            "UPDATE portal_links SET revoked_at = clock_timestamp() WHERE link_id = %s RETURNING 1",
            id_of(text),
        )
        return found

    monkeypatch.setattr(links, "find", found_just_before_it_is_revoked)
    assert status_of(console, text) == 403
    assert sql(console, "SELECT count(*) FROM sessions WHERE user_id = %s", id_of(text)) == [(0,)]


def test_a_link_whose_token_is_gone_already_can_be_revoked(console: Console, administrator: httpx2.Client) -> None:
    text = make(console, administrator)
    gone = Answer({"type": "https://knogin.com/api/docs#not-found"}, 404)
    console.platform.overrides["DELETE /v1/platform/apps/{client_id}/service-tokens/{token_id}"] = gone
    assert console.post(administrator, f"/apps/{APP}/links/{id_of(text)}/revoke", {}).status_code == 303
    assert status_of(console, text) == 403


def test_another_organisation_neither_sees_nor_revokes_a_link(console: Console, administrator: httpx2.Client) -> None:
    text = make(console, administrator)
    with closing(console.signed_in(Person())) as other:
        assert id_of(text) not in other.get(f"/apps/{APP}/links").text
        answer = console.post(other, f"/apps/{APP}/links/{id_of(text)}/revoke", {"confirmed": "1"})
        assert answer.headers["location"].endswith("done=no_link")
    assert status_of(console, text) == 303


def test_a_link_is_revoked_through_its_own_app_alone(console: Console, administrator: httpx2.Client) -> None:
    text = make(console, administrator)
    other = {"client_id": "app_01m88d0q5rekasgwnts2cwwdh7"}
    known = console.platform._given("GET", f"/v1/platform/apps/{APP}", Person())
    console.platform.overrides["GET /v1/platform/apps/{client_id}"] = known | other
    answer = console.post(administrator, f"/apps/{other['client_id']}/links/{id_of(text)}/revoke", {})
    assert answer.headers["location"].endswith("done=no_link")
    assert status_of(console, text) == 303


def test_a_link_that_is_opened_over_a_persons_session_ends_it_with_its_grant(
    console: Console, administrator: httpx2.Client
) -> None:
    text, person = make(console, administrator), Person()
    browser = console.signed_in(person)
    sent = {"origin": console.url, "sec-fetch-site": "same-origin"}
    assert browser.post("/portal", data={"link": text}, headers=sent).status_code == 303
    held = [token for token, holder in console.platform.refreshes.items() if holder is person]
    assert held
    assert set(held) <= set(console.platform.given_back)
    assert sql(console, "SELECT count(*) FROM sessions WHERE user_id = %s", person.user_id) == [(0,)]


def test_signing_out_of_a_portal_leaves_the_link_good(console: Console, administrator: httpx2.Client) -> None:
    text = make(console, administrator)
    browser, _ = present(console, text)
    assert sign_out(console, browser).status_code == 303
    assert TOKEN not in console.platform.given_back
    assert status_of(console, text) == 303
    browser.close()


def test_neither_the_database_nor_the_link_alone_gives_the_token(
    console: Console, administrator: httpx2.Client
) -> None:
    text = make(console, administrator)
    link_id, _, secret = text.partition(".")
    [(row, sealed)] = sql(console, "SELECT portal_links::text, sealed FROM portal_links WHERE link_id = %s", link_id)
    assert TOKEN not in row
    assert secret not in row
    keyring, context = Keyring.from_text(console.settings.encryption_keys), f"portal_links.sealed {link_id}"
    assert TOKEN.encode() in (twofold.unseal(keyring, secret, bytes(sealed), context) or b"")
    stranger = Keyring({1: bytes([7] * 32)})
    assert twofold.unseal(stranger, secret, bytes(sealed), context) is None
    assert twofold.unseal(keyring, "x" * 43, bytes(sealed), context) is None
    assert twofold.unseal(keyring, secret, bytes(sealed), "portal_links.sealed plk_other") is None


def test_a_new_key_of_the_server_leaves_links_good() -> None:
    old = Keyring({1: bytes(32)})
    sealed = twofold.seal(old, "secret", b"value", "place")
    assert twofold.unseal(Keyring({2: bytes([1] * 32), 1: bytes(32)}), "secret", sealed, "place") == b"value"
    assert twofold.unseal(Keyring({2: bytes([1] * 32)}), "secret", sealed, "place") is None


def test_a_link_needs_a_note_and_shows_it_as_text(console: Console, administrator: httpx2.Client) -> None:
    refused = console.post(administrator, f"/apps/{APP}/links", {"note": "", "once": str(uuid7())})
    assert refused.status_code == 422
    make(console, administrator, note="<img src=x onerror=alert(1)>")
    assert "<img src=x" not in administrator.get(f"/apps/{APP}/links").text


def test_rules_that_forbid_service_tokens_are_shown_with_the_form(
    console: Console, administrator: httpx2.Client
) -> None:
    detail = "The governance of this app does not allow service tokens."
    refused = Answer({"type": "https://knogin.com/api/docs#forbidden", "detail": detail}, 403)
    console.platform.overrides["POST /v1/platform/apps/{client_id}/service-token"] = refused
    answer = console.post(administrator, f"/apps/{APP}/links", {"note": "x", "once": str(uuid7())})
    assert answer.status_code == 422
    assert detail in answer.text


def test_guesses_of_one_network_wait(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limiter, "take", lambda _limiter, _network: 7)
    browser, answer = present(console, "x")
    assert answer.status_code == 429
    assert "7 seconds" in answer.text
    browser.close()


def test_the_page_of_a_link_tells_no_other_site(console: Console) -> None:
    browser = console.browser()
    answer = browser.get("/portal", params={"link": "plk_x.secret"})
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"
    browser.close()


LIVE = "GET /v1/platform/apps/{client_id}/service-tokens"


def test_a_link_whose_token_is_over_is_not_called_good(console: Console, administrator: httpx2.Client) -> None:
    """Its maker left, or the app was disabled and enabled: auth ended the token, and the link opens nothing."""
    note = f"Link of {uuid7()}"
    make(console, administrator, note=note)
    token = {"id": "tok_01m88d0q5rekasgwnts2cwwdh6", "scopes": [], "created_at": ENDS, "expires_at": ENDS}
    token |= {"last_used_at": None, "grant_id": "grt_1"}
    for given, state in (
        ({"service_tokens": [token], "next_cursor": None}, "Good"),
        ({"service_tokens": [], "next_cursor": None}, "Ended with its app or its maker"),
        ({"service_tokens": [], "next_cursor": "x"}, "Not known at the moment"),
        (Answer({}, 503), "Not known at the moment"),
    ):
        console.platform.overrides[LIVE] = given
        row = administrator.get(f"/apps/{APP}/links").text.partition(note)[2].partition("</tr>")[0]
        assert state in row


def test_the_end_of_an_app_or_of_a_person_names_the_links_that_end(console: Console) -> None:
    maker = Person()
    with closing(console.signed_in(maker)) as browser:
        make(console, browser, note="Developer <of> bees")
        ended = dict.fromkeys(("sessions", "grants", "refresh_tokens", "service_tokens", "invitations"), 0)
        user = person() | {"user_id": maker.user_id}
        for act in ("disable", "delete"):
            page = browser.get(f"/apps/{APP}/{act}").text
            assert "One portal link ends, for: Developer &lt;of&gt; bees" in page
        left = {"user": user, "ended": ended, "dry_run": True}
        console.platform.overrides["POST /v1/platform/users/{user_id}/leave"] = left
        console.platform.overrides["GET /v1/platform/users/{user_id}"] = user
        page = browser.get(f"/people/{maker.user_id}/leave").text
        assert "One portal link that this person made ends, for: Developer &lt;of&gt; bees" in page
    with closing(console.signed_in()) as stranger:
        assert "portal link ends" not in stranger.get(f"/apps/{APP}/disable").text


def test_a_link_that_is_not_made_keeps_the_entered_values(console: Console, administrator: httpx2.Client) -> None:
    form = {"note": "n" * 121, "may_write": "1", "lives": "2592000"}
    page = console.post(administrator, f"/apps/{APP}/links", form)
    assert page.status_code == 422
    assert f'value="{form["note"]}"' in page.text
    assert 'name="may_write" value="1" checked' in page.text
    assert '<option value="2592000" selected>' in page.text
