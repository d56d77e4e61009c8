"""Invitations by mail: the way to an account, and attacks on it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY

from services.auth.invitations import endpoints as invitation_endpoints
from services.auth.invitations import links, post, queries
from services.auth.invitations.page_endpoints import name_of
from services.auth.people import roles
from services.auth.tenants import console
from shared.primitives.crypto import base64url_encode, public_jwks
from shared.process import mail
from tests.auth.people_support import (
    ALL_ROLES,
    INVITATIONS,
    Organisation,
    accept,
    link_of,
)
from tests.auth.people_support import (
    post as send,
)
from tests.auth.support import PASSWORD, Auth, Browser, keyring_of
from tests.support.mail_sink import Poisoned, Sink, text_of

EMAIL = "anna@new.example"


@pytest.fixture
def coastal(auth: Auth) -> Organisation:
    return Organisation(auth)


@pytest.fixture(autouse=True)
def idle(auth: Auth) -> None:
    """Without mail, invited people and guesses of tests before."""
    auth.sql("DELETE FROM invitation_mails")
    auth.sql("DELETE FROM invitations")
    auth.sql(
        "DELETE FROM last_sign_ins WHERE user_id IN (SELECT user_id FROM users WHERE email LIKE %s)", "%@new.example"
    )
    auth.sql("DELETE FROM sessions WHERE user_id IN (SELECT user_id FROM users WHERE email LIKE %s)", "%@new.example")
    auth.sql(
        "DELETE FROM known_devices WHERE user_id IN (SELECT user_id FROM users WHERE email LIKE %s)", "%@new.example"
    )
    auth.sql("DELETE FROM users WHERE email LIKE %s", "%@new.example")


def shown(organisation: Organisation, invitation: dict[str, Any]) -> dict[str, Any]:
    return organisation.call("GET", f"{INVITATIONS}/{invitation['id']}").json()


def later(auth: Auth, invitation: dict[str, Any], hours: int = 1) -> None:
    """As if the invitation and its mails were made so long ago."""
    auth.sql(
        "UPDATE invitation_mails SET queued_at = queued_at - make_interval(hours => %s) WHERE invitation_id = %s",
        hours,
        invitation["id"],
    )


@pytest.mark.parametrize("role", ALL_ROLES)
def test_an_invited_person_gets_a_mail_an_account_and_the_role(coastal: Organisation, sink: Sink, role: str) -> None:
    made = coastal.invite(EMAIL, role)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{INVITATIONS}/{made.json()['id']}"
    assert (made.json()["status"], made.json()["mail"], made.json()["sent_at"]) == ("pending", "waiting", None)
    assert send(coastal.auth, sink) == 1
    sent = shown(coastal, made.json())
    assert sent["mail"] == "sent"
    assert sent["sent_at"] is not None
    browser = Browser(coastal.auth)
    done = accept(browser, link_of(sink, EMAIL), name="  Anna \t Rossi ")
    assert done.status_code == 200, done.text
    accepted = shown(coastal, made.json())
    assert accepted["status"] == "accepted"
    user = coastal.call("GET", f"/v1/platform/users/{accepted['user_id']}").json()
    assert (user["name"], user["email"], user["role"], user["has_password"]) == ("Anna Rossi", EMAIL, role, True)
    [(limit,)] = coastal.auth.sql("SELECT scope_limit FROM users WHERE email = %s", EMAIL)
    assert limit == roles.of(role)  # pyright: ignore[reportArgumentType]
    assert browser.sign_in({"email": EMAIL}).status_code == 303
    actions = [action for action, _ in coastal.trail()]
    assert {"invitation.made", "invitation.accepted", "user.created"} <= set(actions)


def test_an_invited_person_signs_in_once_and_is_in_the_console(coastal: Organisation, sink: Sink) -> None:
    """And does not end at the page of their sessions, from which nothing leads on."""
    keys = public_jwks(f"1:{base64url_encode(bytes(32))}")
    with psycopg.connect(coastal.auth.settings.worker_database_url or "") as conn:
        console.register(conn, console.Console(["https://console.example/sign-in/done"], keys))
    try:
        coastal.invite(EMAIL)
        send(coastal.auth, sink)
        browser = Browser(coastal.auth)
        done = accept(browser, link_of(sink, EMAIL))
        assert "to continue to Knogin console" in done.text
        assert "form-action 'self' https://console.example" in done.headers["content-security-policy"]
        signed_in = browser.submit(done, "/v1/auth/sign-in", email=EMAIL, password=PASSWORD)
        assert signed_in.headers["location"] == "https://console.example/"
    finally:
        coastal.auth.sql("DELETE FROM common_apps")


@pytest.mark.parametrize(
    ("language", "words"), [("en", ("Join Coastal Rescue", "auditor")), ("it", ("Entra in", "revisore"))]
)
def test_the_page_names_organisation_address_and_role_in_the_browsers_language(
    coastal: Organisation, sink: Sink, language: str, words: tuple[str, ...]
) -> None:
    coastal.invite(EMAIL, "auditor")
    send(coastal.auth, sink)
    page = Browser(coastal.auth, language).get(link_of(sink, EMAIL))
    assert page.status_code == 200
    assert all(word in page.text for word in (*words, EMAIL))
    assert "<script" not in page.text
    assert page.headers["referrer-policy"] == "no-referrer"


def test_the_mail_is_in_both_languages_and_names_nobody_but_the_organisation(coastal: Organisation, sink: Sink) -> None:
    coastal.invite(EMAIL, "quality_officer")
    send(coastal.auth, sink)
    [message] = sink.mails
    content = text_of(message)
    assert content.count("Coastal Rescue") == content.count("https://auth.knogin.test/v1/auth/invitation") == 2
    assert "quality officer" in content
    assert "responsabile della qualità" in content
    assert (message["To"], message["From"]) == (EMAIL, "invitations@platform.example")
    assert (message["Subject"], message["Auto-Submitted"]) == (post.SUBJECT, "auto-generated")


def test_a_list_of_invitations_is_filtered_by_its_state(coastal: Organisation) -> None:
    pending, withdrawn = coastal.invite(EMAIL).json(), coastal.invite("bea@new.example").json()
    coastal.call("POST", f"{INVITATIONS}/{withdrawn['id']}/withdraw")
    for status, wanted in (("pending", [pending["id"]]), ("withdrawn", [withdrawn["id"]]), ("accepted", [])):
        found = coastal.call("GET", INVITATIONS, params={"status": status}).json()["invitations"]
        assert [one["id"] for one in found] == wanted
    page = coastal.call("GET", INVITATIONS, params={"limit": 1}).json()
    assert [one["id"] for one in page["invitations"]] == [withdrawn["id"]]
    assert page["next_cursor"]


@pytest.mark.parametrize("path", ["", "/resend", "/withdraw"])
def test_an_invitation_of_another_organisation_does_not_exist(coastal: Organisation, path: str) -> None:
    theirs = Organisation(coastal.auth).invite(EMAIL).json()
    assert coastal.call("POST" if path else "GET", f"{INVITATIONS}/{theirs['id']}{path}").status_code == 404
    assert coastal.call("GET", INVITATIONS).json()["invitations"] == []


def test_a_repeated_call_with_one_key_invites_once(coastal: Organisation) -> None:
    key = {"idempotency-key": "invitation-of-anna"}
    first, second = coastal.invite(EMAIL, headers=key), coastal.invite(EMAIL, headers=key)
    assert (first.status_code, second.json()) == (201, first.json())
    assert coastal.auth.sql("SELECT count(*) FROM invitation_mails") == [(1,)]


@pytest.mark.parametrize("plan", ["enable_nestloop", "enable_hashjoin", "enable_mergejoin"])
def test_organisations_take_turns_at_the_mail_under_any_plan(coastal: Organisation, plan: str) -> None:
    """The order of the rows of an UPDATE is its plan's: an organisation's second mail could come before another one's first."""
    other, auth = Organisation(coastal.auth), coastal.auth
    made = [coastal.invite(f"one-{number}@new.example").json()["id"] for number in range(3)]
    made += [other.invite(f"two-{number}@new.example").json()["id"] for number in range(3)]
    for place, invitation in enumerate(reversed(made)):
        moved = "UPDATE invitation_mails SET due_at = now() - interval '1 hour' + %s * interval '1 second' WHERE invitation_id = %s"
        auth.sql(moved, place, invitation)
    with psycopg.connect(auth.settings.worker_database_url or "") as conn:
        for other_plan in {"enable_nestloop", "enable_hashjoin", "enable_mergejoin"} - {plan}:
            conn.execute("SELECT set_config(%s, 'off', true)", (other_plan,))
        taken = [row[1] for row in conn.execute(queries.TAKE, post.PLACES).fetchall()]
        conn.rollback()
    assert taken == [made[index] for index in (5, 2, 4, 1, 3, 0)]


# --- The link ---------------------------------------------------------------------------------------------------------


def test_a_link_is_good_once_also_for_two_browsers_at_once(coastal: Organisation, sink: Sink) -> None:
    coastal.invite(EMAIL, "administrator")
    send(coastal.auth, sink)
    path = link_of(sink, EMAIL)
    pages = [(browser, browser.get(path)) for browser in (Browser(coastal.auth), Browser(coastal.auth))]
    begin = threading.Barrier(2, timeout=60)

    def answer(number: int) -> int:
        browser, page = pages[number]
        begin.wait()
        fields = {"name": f"Anna {number}", "password": PASSWORD, "again": PASSWORD}
        return browser.submit(page, "/v1/auth/invitation", **fields).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(answer, (0, 1), timeout=90)) == [200, 410]
    assert Browser(coastal.auth).get(path).status_code == 410
    assert coastal.auth.sql("SELECT count(*) FROM users WHERE email = %s", EMAIL) == [(1,)]


def test_links_that_are_unknown_used_withdrawn_old_or_replaced_get_one_answer(
    coastal: Organisation, sink: Sink
) -> None:
    auth = coastal.auth
    dead = ["/v1/auth/invitation", "/v1/auth/invitation?invitation=x", f"/v1/auth/invitation?invitation={'A' * 43}"]
    for number in range(4):
        made = coastal.invite(f"p{number}@new.example").json()
        send(auth, sink)
        dead.append(link_of(sink, f"p{number}@new.example"))
        if number == 0:
            assert accept(Browser(auth), dead[-1]).status_code == 200
        elif number == 1:
            coastal.call("POST", f"{INVITATIONS}/{made['id']}/withdraw")
        elif number == 2:
            auth.sql("UPDATE invitations SET expires_at = now() WHERE id = %s", made["id"])
            assert shown(coastal, made)["status"] == "expired"
        else:
            later(auth, made)
            assert coastal.call("POST", f"{INVITATIONS}/{made['id']}/resend").status_code == 200
    answers = [Browser(auth).get(path) for path in dead]
    assert {answer.status_code for answer in answers} == {410}
    assert len({answer.text for answer in answers}) == 1


def test_an_old_link_cannot_be_posted_either(coastal: Organisation, sink: Sink) -> None:
    made = coastal.invite(EMAIL).json()
    send(coastal.auth, sink)
    browser = Browser(coastal.auth)
    page = browser.get(link_of(sink, EMAIL))
    coastal.call("POST", f"{INVITATIONS}/{made['id']}/withdraw")
    done = browser.submit(page, "/v1/auth/invitation", name="Anna", password=PASSWORD, again=PASSWORD)
    assert done.status_code == 410
    assert coastal.auth.sql("SELECT count(*) FROM users WHERE email = %s", EMAIL) == [(0,)]


def test_a_suspended_organisation_takes_nobody_in(coastal: Organisation, sink: Sink) -> None:
    coastal.invite(EMAIL)
    send(coastal.auth, sink)
    coastal.auth.sql("UPDATE tenants SET status = 'suspended' WHERE tenant_id = %s", coastal.tenant_id)
    assert Browser(coastal.auth).get(link_of(sink, EMAIL)).status_code == 410


def test_the_database_holds_no_token_that_opens_an_invitation(coastal: Organisation, sink: Sink) -> None:
    coastal.invite(EMAIL)
    send(coastal.auth, sink)
    token = link_of(sink, EMAIL).rpartition("=")[2]
    rows = coastal.auth.sql(
        "SELECT i::text, m::text FROM invitations i JOIN invitation_mails m ON m.invitation_id = i.id"
    )
    assert rows
    assert not any(token in text for row in rows for text in row)
    assert not any(token in str(detail) for _, detail in coastal.trail())


def test_a_resent_invitation_has_a_new_link_and_a_new_week(coastal: Organisation, sink: Sink) -> None:
    made = coastal.invite(EMAIL).json()
    send(coastal.auth, sink)
    first = link_of(sink, EMAIL)
    again = f"{INVITATIONS}/{made['id']}/resend"
    early = coastal.call("POST", again)
    assert early.status_code == 429
    assert 0 < int(early.headers["retry-after"]) <= invitation_endpoints.WAIT_SECONDS
    later(coastal.auth, made)
    key = {"idempotency-key": "once"}
    resent, repeated = (coastal.call("POST", again, headers=key) for _ in range(2))
    assert (resent.status_code, resent.json()["mail"]) == (200, "waiting")
    assert (repeated.status_code, repeated.json()) == (200, resent.json())
    assert coastal.call("POST", again).status_code == 429
    assert resent.json()["expires_at"] > made["expires_at"]
    assert Browser(coastal.auth).get(first).status_code == 410
    send(coastal.auth, sink)
    second = link_of(sink, EMAIL)
    assert second != first
    assert accept(Browser(coastal.auth), second).status_code == 200
    assert coastal.call("POST", again).status_code == 409
    assert coastal.call("POST", f"{INVITATIONS}/{made['id']}/withdraw").status_code == 409


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"name": " \t "}, "Enter your name"),
        ({"name": "x" * 121}, "Enter your name"),
        ({"password": "short", "again": "short"}, "at least 15"),
        ({"password": "password" * 3, "again": "password" * 3}, "too easy"),
        ({"again": "something else"}, "not the same"),
        ({"csrf": "x"}, "open for too long"),
    ],
)
def test_a_form_that_does_not_fit_keeps_the_link(
    coastal: Organisation, sink: Sink, fields: dict[str, str], word: str
) -> None:
    coastal.invite(EMAIL)
    send(coastal.auth, sink)
    browser, path = Browser(coastal.auth), link_of(sink, EMAIL)
    refused = accept(browser, path, **fields)
    assert refused.status_code == 422
    assert word in refused.text
    assert accept(browser, path).status_code == 200


@pytest.mark.parametrize(
    ("text", "name"),
    [("<script>alert(1)</script>", "<script>alert(1)</script>"), ("A\r\nBcc: x", "A Bcc: x"), ("\u202eevil", "evil")],
)
def test_a_name_is_one_printable_line(text: str, name: str) -> None:
    assert name_of(text) == name


def test_a_name_with_markup_shows_as_text(coastal: Organisation, sink: Sink) -> None:
    coastal.invite(EMAIL)
    send(coastal.auth, sink)
    refused = accept(Browser(coastal.auth), link_of(sink, EMAIL), name='"><script>x</script>', again="no")
    assert "<script" not in refused.text
    assert "&lt;script&gt;" in refused.text


def test_copies_of_one_link_get_few_password_hashes(coastal: Organisation, sink: Sink) -> None:
    made = coastal.invite(EMAIL).json()
    send(coastal.auth, sink)
    browser, path = Browser(coastal.auth), link_of(sink, EMAIL)
    page = browser.get(path)
    coastal.auth.sql("UPDATE tenants SET federation = true WHERE tenant_id = %s", coastal.tenant_id)
    admin = coastal.person()
    coastal.auth.sql("INSERT INTO saml_policies VALUES (%s, true, %s)", coastal.tenant_id, admin.id)
    fields = {"name": "Anna", "password": PASSWORD, "again": PASSWORD}
    answers = [browser.submit(page, "/v1/auth/invitation", **fields).status_code for _ in range(8)]
    assert set(answers[:6]) == {403}
    assert set(answers[6:]) == {429}
    assert shown(coastal, made)["status"] == "pending"


# --- Whose address it is ----------------------------------------------------------------------------------------------


def test_an_invitation_does_not_tell_whether_an_address_has_an_account_elsewhere(
    coastal: Organisation, sink: Sink
) -> None:
    """The answers differ in ids and times alone; the owner of the mailbox learns it on the page."""
    theirs = Organisation(coastal.auth).person()
    known, unknown = coastal.invite(theirs.email), coastal.invite(EMAIL)
    assert known.status_code == unknown.status_code == 201
    differing = {"id", "email", "created_at", "expires_at"}
    assert {k: v for k, v in known.json().items() if k not in differing} == {
        k: v for k, v in unknown.json().items() if k not in differing
    }
    assert send(coastal.auth, sink) == 2
    assert {shown(coastal, one.json())["mail"] for one in (known, unknown)} == {"sent"}
    done = accept(Browser(coastal.auth), link_of(sink, theirs.email))
    assert done.status_code == 409
    assert "has an account already" in done.text
    assert shown(coastal, known.json())["status"] == "pending"
    assert theirs.shown()["name"] != "Anna Rossi"
    assert theirs.can_sign_in()


def test_people_of_the_own_organisation_and_invited_ones_are_not_invited_again(coastal: Organisation) -> None:
    anna = coastal.person()
    again = coastal.invite(anna.email.upper())
    assert (again.status_code, again.json()["id"]) == (409, anna.id)
    made = coastal.invite(EMAIL).json()
    second = coastal.invite(EMAIL.upper(), "administrator")
    assert (second.status_code, second.json()["id"]) == (409, made["id"])


def test_an_organisation_that_refuses_passwords_invites_nobody(coastal: Organisation) -> None:
    admin = coastal.person()
    coastal.auth.sql("UPDATE tenants SET federation = true WHERE tenant_id = %s", coastal.tenant_id)
    coastal.auth.sql("INSERT INTO saml_policies VALUES (%s, true, %s)", coastal.tenant_id, admin.id)
    assert coastal.invite(EMAIL).status_code == 409


# --- Mail -------------------------------------------------------------------------------------------------------------

NOT_ADDRESSES = [
    "anna@new.example\r\nBcc: all@victim.example",
    "anna@new.example\nSubject: x",
    "anna@new.example,all@victim.example",
    "Anna <anna@new.example>",
    "anna@[127.0.0.1]",
    '"a b"@new.example',
    "anna@new.example ",
    "anna@localhost",
    "anna",
]


@pytest.mark.parametrize("email", NOT_ADDRESSES)
def test_a_text_that_would_add_a_header_or_a_recipient_is_no_address(coastal: Organisation, email: str) -> None:
    refused = coastal.invite(email)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/email"


def test_an_organisations_name_adds_no_header_and_no_line(auth: Auth, sink: Sink) -> None:
    evil = Organisation(auth, "Evil\r\nBcc: all@victim.example\r\n\r\nhttps://phish.example")
    evil.invite(EMAIL)
    send(auth, sink)
    [message] = sink.mails
    assert message["Bcc"] is None
    assert message["To"] == EMAIL
    assert not any(line.startswith(("Bcc:", "https://phish")) for line in text_of(message).splitlines())


def test_a_line_break_in_a_header_is_refused() -> None:
    with pytest.raises(ValueError, match="linefeed"):
        mail.compose("a@x.example", "b@x.example", "Hello\nBcc: c@x.example", "1", ["text"])


def test_a_sandboxs_name_which_a_tenant_chooses_is_in_no_mail(auth: Auth, sink: Sink) -> None:
    sandbox = Organisation(auth, "Buy at https://spam.example", environment="sandbox")
    sandbox.invite(EMAIL)
    send(auth, sink)
    assert "spam" not in text_of(sink.mails[0])
    assert post.SANDBOX[0] in text_of(sink.mails[0])


def test_one_organisation_sends_few_mails_to_one_address_however_it_tries(coastal: Organisation) -> None:
    answers = []
    for _ in range(invitation_endpoints.MAILS_OF_ADDRESS + 1):
        answers.append(coastal.invite(EMAIL))
        if answers[-1].status_code == 201:
            coastal.call("POST", f"{INVITATIONS}/{answers[-1].json()['id']}/withdraw")
    assert [answer.status_code for answer in answers] == [201] * invitation_endpoints.MAILS_OF_ADDRESS + [409]
    assert coastal.invite("bea@new.example").status_code == 201


def test_many_organisations_together_send_few_mails_to_one_address_and_do_not_learn_it(auth: Auth, sink: Sink) -> None:
    most = post.PLACES["of_address"]
    organisations = [Organisation(auth) for _ in range(most + 2)]
    made = [organisation.invite(EMAIL) for organisation in organisations]
    assert {one.status_code for one in made} == {201}
    assert send(auth, sink) + send(auth, sink) == most
    assert len(sink.mails) == most
    states = [shown(*pair)["mail"] for pair in zip(organisations, (one.json() for one in made), strict=True)]
    assert sorted(states) == ["sent"] * most + ["waiting"] * 2


def test_others_invitations_to_an_address_do_not_keep_an_organisations_first_one_back(auth: Auth, sink: Sink) -> None:
    """Two organisations, or one with two sandboxes, sent a person five mails a day, and the invitation of the person's own never came."""
    for organisation in (Organisation(auth), Organisation(auth)):
        for _ in range(invitation_endpoints.MAILS_OF_ADDRESS):
            made = organisation.invite(EMAIL).json()["id"]
            send(auth, sink)
            organisation.call("POST", f"{INVITATIONS}/{made}/withdraw")
    for _ in range(3):
        Organisation(auth, "Sandbox", environment="sandbox").invite(EMAIL)
        send(auth, sink)
    before = len(sink.mails)
    assert before == post.PLACES["of_address"] - 1 + post.PLACES["of_sandboxes"]
    own = Organisation(auth)
    invited = own.invite(EMAIL)
    send(auth, sink)
    assert (len(sink.mails), shown(own, invited.json())["mail"]) == (before + 1, "sent")


@pytest.mark.parametrize("name", ["invitations", "invitation_mails_a_day"])
def test_an_organisations_invitations_are_bounded(coastal: Organisation, name: str) -> None:
    coastal.auth.sql("INSERT INTO tenant_limits VALUES (%s, %s, 1)", coastal.tenant_id, name)
    assert coastal.invite(EMAIL).status_code == 201
    refused = coastal.invite("bea@new.example")
    assert (refused.status_code, refused.json()["limit"]) == (409, 1)


def test_mail_that_was_taken_but_not_sent_is_sent_again_with_the_same_link(coastal: Organisation, sink: Sink) -> None:
    """As after a kill of the relay between the mail server's answer and the note of it."""
    coastal.invite(EMAIL)
    send(coastal.auth, sink)
    first = link_of(sink, EMAIL)
    coastal.auth.sql("UPDATE invitation_mails SET done_at = NULL, sent_at = NULL, due_at = now()")
    send(coastal.auth, sink)
    assert (len(sink.mails), link_of(sink, EMAIL)) == (2, first)
    assert sink.mails[0]["Message-ID"] == sink.mails[1]["Message-ID"]
    assert accept(Browser(coastal.auth), first).status_code == 200


def test_a_mail_server_that_is_away_keeps_mail_waiting_and_a_day_later_it_is_given_up(
    coastal: Organisation, sink: Sink
) -> None:
    made = coastal.invite(EMAIL).json()
    assert send(coastal.auth, None) == 0
    assert shown(coastal, made)["mail"] == "waiting"
    assert send(coastal.auth, sink) == 0, "the next attempt is put off"
    coastal.auth.sql("UPDATE invitation_mails SET due_at = now()")
    assert send(coastal.auth, sink) == 1
    other = coastal.invite("bea@new.example").json()
    later(coastal.auth, other, 25)
    assert send(coastal.auth, sink) == 0
    assert shown(coastal, other)["mail"] == "refused"


def test_an_address_at_which_the_mail_server_hangs_up_delays_no_mail_of_others(auth: Auth) -> None:
    """Mails behind it were put off with it, and came due again behind it."""
    first, second = Organisation(auth), Organisation(auth)
    sink = Poisoned()
    first.invite(sink.poison)
    second.invite(EMAIL)
    for number in range(3):
        first.invite(f"cy{number}@new.example")
    assert send(auth, sink) == 4
    assert auth.sql("SELECT attempts, due_at > now() FROM invitation_mails WHERE done_at IS NULL") == [(1, True)]
    sink.stop()
    auth.sql("DELETE FROM invitations WHERE email = %s", sink.poison)


def test_mail_that_no_server_took_is_due_a_minute_later_however_long_the_server_was_away(
    coastal: Organisation, sink: Sink
) -> None:
    coastal.invite(EMAIL)
    for _ in range(7):
        assert send(coastal.auth, None) == 0
        coastal.auth.sql("UPDATE invitation_mails SET due_at = due_at - interval '60 seconds'")
        assert (REGISTRY.get_sample_value("oldest_invitation_mail_seconds") or 0) > 0
    assert send(coastal.auth, sink) == 1


def test_mail_to_an_address_that_had_its_mails_of_a_day_is_not_late(auth: Auth, sink: Sink) -> None:
    for _ in range(6):
        Organisation(auth).invite(EMAIL)
    assert send(auth, sink) == 5
    later_mails = (
        "UPDATE invitation_mails SET queued_at = queued_at - interval '1 hour' WHERE done_at IS NULL RETURNING 1"
    )
    assert auth.sql(later_mails)
    assert send(auth, sink) == 0
    assert REGISTRY.get_sample_value("oldest_invitation_mail_seconds") == 0


def test_mail_that_nobody_has_tried_is_late_too(coastal: Organisation, sink: Sink) -> None:
    for number in range(21):
        assert coastal.invite(f"late{number}@new.example").status_code == 201
    last = "(SELECT id FROM invitation_mails WHERE done_at IS NULL ORDER BY due_at DESC, id DESC LIMIT 1)"
    assert coastal.auth.sql(
        f"UPDATE invitation_mails SET queued_at = queued_at - interval '2 hours' WHERE id = {last} RETURNING 1"
    )
    assert send(coastal.auth, sink) == 20
    assert (REGISTRY.get_sample_value("oldest_invitation_mail_seconds") or 0) > 7000
    assert send(coastal.auth, sink) == 1
    send(coastal.auth, sink)
    assert REGISTRY.get_sample_value("oldest_invitation_mail_seconds") == 0


def test_a_withdrawn_invitation_is_not_sent(coastal: Organisation, sink: Sink) -> None:
    made = coastal.invite(EMAIL).json()
    coastal.call("POST", f"{INVITATIONS}/{made['id']}/withdraw")
    assert send(coastal.auth, sink) == 0
    assert sink.mails == []


def test_tenants_take_turns_at_the_mail(auth: Auth, sink: Sink) -> None:
    loud, quiet = Organisation(auth), Organisation(auth)
    for number in range(25):
        assert loud.invite(f"loud{number}@new.example").status_code == 201
    quiet.invite(EMAIL)
    assert send(auth, sink) == 20
    assert EMAIL in [message["To"] for message in sink.mails]


def test_the_web_process_cannot_mark_mail_as_sent(auth: Auth) -> None:
    with psycopg.connect(auth.settings.database_url) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("UPDATE invitation_mails SET sent_at = now()")


def test_a_link_is_of_one_mail_of_one_invitation(auth: Auth) -> None:

    keyring = keyring_of(auth)
    tokens = {links.token_of(keyring, one, number) for one in ("inv_1", "inv_2") for number in (1, 2, 11)}
    assert len(tokens) == 6
    assert {len(token) for token in tokens} == {43}
