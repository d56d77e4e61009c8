"""Attacks on the console: stolen data, frames, links, other people's sessions, floods of one person."""

import re
from pathlib import Path

import httpx2
import psycopg
import pytest
from playwright.sync_api import Browser, expect
from psycopg import sql

from services.console.pages import limits, links, registry
from services.console.session import cookies
from shared.primitives.crypto import Keyring, base64url_encode
from tests.console.conftest import Console, running
from tests.console.platform import HOSTILE, Person, Platform
from tests.support.alone import ENCRYPTION_KEYS
from tests.support.browser import needs_browser
from tests.support.cases import cases


def dump(console: Console) -> str:
    """Every value of every row that the console stores, as its owner reads it."""
    with psycopg.connect(console.database.migrator) as conn:
        tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        every = [sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table)) for (table,) in tables]
        return "\n".join(str(row) for query in every for row in conn.execute(query).fetchall())


READ = [entry for entry in registry.entries() if entry.page.read is not None]


@pytest.mark.full
def test_a_secret_in_a_receiver_s_address_is_on_no_page(console: Console) -> None:
    """Everybody who may see webhooks would have it. The page on which the address is edited needs it."""
    console.platform.secret = "hush-6f1d"
    try:
        with cases() as every:
            for entry in READ:
                with every.case(f"{entry.area.name}.{entry.page.name}"):
                    text = console.signed_in().get(entry.example).text
                    assert ("hush-6f1d" in text) is ((entry.area.name, entry.page.name) == ("webhooks", "edit"))
                console.as_usual()
    finally:
        console.platform.secret = ""


def test_a_dump_of_the_database_holds_no_usable_token_and_no_name(console: Console) -> None:
    person = Person(name="Carla Verdi", email="carla@riviera.example")
    browser = console.signed_in(person)
    session = browser.cookies.get(cookies.name_of(console.settings, cookies.SESSION)) or ""
    text = dump(console)
    held = [token for token, holder in console.platform.tokens.items() if holder is person]
    held += [token for token, holder in console.platform.refreshes.items() if holder is person]
    assert held
    for secret in (*held, session, "Carla", "carla@"):
        assert secret not in text
        assert secret.encode().hex() not in text
    assert person.user_id in text


def test_tokens_of_a_row_do_not_open_in_another(console: Console) -> None:
    """A writer of the table cannot put one person's tokens under another's cookie."""
    mine, others = Person(), Person()
    browser = console.signed_in(mine)
    console.signed_in(others)
    with psycopg.connect(console.database.migrator) as conn:
        conn.execute(
            "UPDATE sessions SET sealed = (SELECT sealed FROM sessions WHERE user_id = %s) WHERE user_id = %s",
            (others.user_id, mine.user_id),
        )
    assert browser.get("/").headers["location"] == "/sign-in"


def test_a_new_key_in_front_leaves_sessions_open(console: Console, redis_server: object) -> None:
    browser = console.signed_in()
    old = ENCRYPTION_KEYS
    newer = Keyring.from_text(f"2:{base64url_encode(b'2' * 32)},{old}")
    token = browser.cookies.get(cookies.name_of(console.settings, cookies.SESSION)) or ""
    assert Keyring.from_text(old).mac(token.encode(), "console session") in newer.macs(
        token.encode(), "console session"
    )


@pytest.mark.parametrize("path", ["/", "/signed-out", "/no-such-page", "/sign-in/done"])
def test_no_page_is_shown_in_a_frame_or_runs_foreign_script(console: Console, path: str) -> None:
    answer = console.signed_in().get(path)
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<[^>]+\s(on[a-z]+|style)=", answer.text)


@pytest.mark.full
def test_no_page_of_any_area_is_shown_in_a_frame(console: Console) -> None:
    """Pages that act and files too."""
    with cases() as every:
        for entry in registry.entries():
            browser = console.signed_in()
            answers = [browser.get(entry.example), browser.post(entry.example, headers={"origin": console.url})]
            for answer in answers:
                with every.case(f"{answer.request.method} {entry.area.name}.{entry.page.name}"):
                    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
                    assert answer.headers["x-frame-options"] == "DENY"
                    assert answer.headers["cache-control"] == "no-store"
                    assert answer.headers["x-content-type-options"] == "nosniff"
            console.as_usual()


@pytest.mark.full
@needs_browser
def test_no_address_of_a_partner_becomes_a_link_that_runs(console: Console, browser: Browser) -> None:
    """Every address in every answer is a `javascript:` one."""
    console.platform.scripts = True
    context = browser.new_context()
    context.add_cookies(console.cookies(Person()))
    page = context.new_page()
    try:
        for entry in registry.entries():
            if entry.page.read is not None and entry.page.is_html:
                page.goto(console.url + entry.example)
                assert (
                    page.locator("[href^='javascript:' i], [src^='javascript:' i], [action^='javascript:' i]").count()
                    == 0
                )
    finally:
        console.platform.scripts = False
        context.close()


@pytest.mark.parametrize(
    ("site", "shown"), [("same-origin", True), ("none", False), ("cross-site", False), ("same-site", False)]
)
def test_a_link_from_elsewhere_shows_no_notice_in_the_consoles_name(console: Console, site: str, shown: bool) -> None:
    """Such as: all access of this person has ended."""
    browser = console.signed_in()
    page = browser.get("/people/invitations?done=invited", headers={"sec-fetch-site": site}).text
    assert ("The invitation is on its way." in page) is shown


@pytest.mark.parametrize("path", ["/people/invitations?done=invited", "/people/invitations?%64one=invited"])
def test_a_notice_survives_no_way_around_through_the_sign_in(console: Console, path: str) -> None:
    stranger = console.browser()
    assert "invited" not in stranger.get(path).headers["location"]
    assert "invited" not in stranger.get(path, headers={"sec-fetch-site": "cross-site"}).text
    answer = console.finish(stranger, Person(), console.begin(stranger, path)["state"])
    assert "invited" not in answer.text


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/a?done=x", "/a"),
        ("/a?b=1&done=x&c=%20", "/a?b=1&c=%20"),
        ("/a?undone=x", "/a?undone=x"),
        ("/a?%64one=x&done", "/a"),
        ("/a", "/a"),
    ],
)
def test_the_notice_is_taken_out_of_an_address(path: str, left: str) -> None:
    assert links.without_notice(path) == left


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/", True),
        ("/apps?status=active", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("https://evil.example", False),
        ("javascript:alert(1)", False),
        ("/sign-out", False),
        ("/a\nb", False),
        ("/" + "a" * 3000, False),
        ("", False),
        ("/é", False),
    ],
)
def test_only_own_pages_are_gone_on_to(path: str, own: bool) -> None:
    assert links.is_own_page(path) is own


def test_names_that_are_markup_are_text(console: Console, browser: Browser) -> None:
    """The person's and the organisation's names come from identity providers."""
    person = Person(name=HOSTILE, tenant_name=HOSTILE, email=HOSTILE)
    context = browser.new_context()
    context.add_cookies(console.cookies(person))
    page = context.new_page()
    page.goto(console.url)
    expect(page.locator("h1")).to_have_count(1)
    assert page.title() != "caught"
    assert page.locator("img").count() == 0
    context.close()


test_names_that_are_markup_are_text = needs_browser(test_names_that_are_markup_are_text)


def test_no_session_is_seen_in_another_tenants_transaction(console: Console) -> None:
    mine = Person()
    console.signed_in(mine)
    with psycopg.connect(console.database.app) as conn:
        assert conn.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
        conn.execute("SELECT set_config('app.tenant_id', 'org_other', true)")
        assert conn.execute("SELECT count(*) FROM sessions WHERE user_id = %s", (mine.user_id,)).fetchone() == (0,)


def test_a_person_has_a_bounded_number_of_sessions_and_the_oldest_ends(console: Console) -> None:
    person = Person()
    browsers = [console.signed_in(person) for _ in range(console.settings.most_sessions + 1)]
    assert browsers[0].get("/").status_code == 303
    assert browsers[-1].get("/").status_code == 200
    assert any(person.user_id in token for token in console.platform.given_back)


def test_a_person_who_floods_is_told_to_wait_and_others_are_not(
    console: Console, console_database: object, redis_server: object
) -> None:
    with running(console.database, console.settings.redis_url, Platform(), requests_a_minute=5) as small:
        flooding, other = small.signed_in(), small.signed_in()
        statuses = [flooding.get("/").status_code for _ in range(12)]
        assert 429 in statuses
        assert other.get("/").status_code == 200


def test_the_table_of_counts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_COUNTED", 100)
    now = [0.0]
    limiter = limits.Limiter(1, clock=lambda: now[0])
    assert limiter.take("a") == 0
    assert limiter.take("a") > 0
    for number in range(1000):
        now[0] += 1
        limiter.take(str(number))
    assert len(limiter._counts) <= 160


def test_logs_and_pages_hold_no_token(console: Console, capfd: pytest.CaptureFixture[str]) -> None:
    person = Person()
    browser = console.signed_in(person)
    page = browser.get("/").text
    output = "".join(capfd.readouterr())
    for token in (*console.platform.tokens, *console.platform.refreshes):
        assert token not in page
        assert token not in output


def test_the_script_is_small_and_evaluates_nothing() -> None:
    script = (Path(links.__file__).parent / "static" / "console.js").read_text()
    assert len(script) < 6_500
    assert not re.search(r"\beval\b|new Function|innerHTML|document\.write", script)


def test_a_page_of_another_origin_reads_nothing(console: Console) -> None:
    browser: httpx2.Client = console.signed_in(origin="https://evil.example")
    answer = browser.get("/")
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
