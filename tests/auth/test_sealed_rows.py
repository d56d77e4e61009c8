"""A role of auth's database, in strange hands, makes nobody somebody else: no row that SQL alone changed, copied or made up counts."""

import psycopg
import pytest

from tests.auth.forging import FRESH, ROLES, SEALS, forge, new_person, shown, signed_in
from tests.auth.support import PASSWORD, Auth, Browser
from tests.auth.test_authenticator import Enrolled
from tests.auth.test_sealed_passwords import write
from tests.auth.test_sign_in import new_link

MINE = "the attacker knows this one"


@ROLES
@SEALS
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_session_that_was_moved_to_another_person_opens_nothing(
    auth: Auth, role: str, seal: str, elsewhere: bool
) -> None:
    mine, victim = new_person(auth, auth.other if elsewhere else None), new_person(auth)
    browser = signed_in(auth, mine)
    [(session_id, mac)] = auth.sql("SELECT session_id, token_mac FROM sessions WHERE user_id = %s", mine["user_id"])
    forge(
        auth,
        role,
        mine["tenant_id"],
        f"UPDATE sessions SET user_id = %s{seal} WHERE session_id = %s",
        victim["user_id"],
        session_id,
    )
    assert victim["email"] not in shown(browser)
    # As a row of its own, with the seal of the attacker's or none.
    for copied in ("seal", "NULL", FRESH):
        forge(
            auth,
            "worker",
            "",
            f"""
            WITH mine AS (DELETE FROM sessions WHERE token_mac = %s RETURNING *)
            INSERT INTO sessions (session_id, tenant_id, user_id, token_mac, expires_at, signed_in_at, seal)
            SELECT session_id, %s, %s, token_mac, now() + interval '1 hour', signed_in_at, {copied} FROM mine
            """,
            mac,
            victim["tenant_id"],
            victim["user_id"],
        )
        assert victim["email"] not in shown(browser)


@ROLES
@pytest.mark.parametrize(
    "change",
    ["second_factor = true", "signed_in_at = now() + interval '1 minute'", "expires_at = now() + interval '1 year'"],
)
def test_a_session_proves_no_more_than_its_person_has_shown(auth: Auth, role: str, change: str) -> None:
    mine = new_person(auth)
    browser = signed_in(auth, mine)
    for seal in ("", ", seal = '\\x01'"):
        statement = f"UPDATE sessions SET {change}{seal} WHERE user_id = %s"
        forge(auth, role, mine["tenant_id"], statement, mine["user_id"])
    [(second_factor, fresh, long)] = auth.sql(
        "SELECT second_factor, signed_in_at > now(), expires_at > now() + interval '1 day' FROM sessions WHERE user_id = %s",
        mine["user_id"],
    )
    assert not shown(browser) or not (second_factor or fresh or long)


@ROLES
def test_a_session_that_has_ended_stays_ended(auth: Auth, role: str) -> None:
    mine = new_person(auth)
    browser = signed_in(auth, mine)
    write(auth, role, mine["tenant_id"], "UPDATE sessions SET ended_at = now() WHERE user_id = %s", mine["user_id"])
    forge(auth, role, mine["tenant_id"], "UPDATE sessions SET ended_at = NULL WHERE user_id = %s", mine["user_id"])
    assert not shown(browser)


@ROLES
@SEALS
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_link_to_choose_a_password_chooses_nobody_elses(auth: Auth, role: str, seal: str, elsewhere: bool) -> None:
    mine, victim = new_person(auth, auth.other if elsewhere else None), new_person(auth)
    link = new_link(auth, mine)
    forge(
        auth,
        role,
        "" if role == "worker" else mine["tenant_id"],
        f"UPDATE password_links SET user_id = %s, tenant_id = %s{seal} WHERE user_id = %s",
        victim["user_id"],
        victim["tenant_id"],
        mine["user_id"],
    )
    forge(
        auth,
        role,
        mine["tenant_id"],
        f"UPDATE password_links SET user_id = %s{seal} WHERE user_id = %s",
        victim["user_id"],
        mine["user_id"],
    )
    browser = Browser(auth)
    page = browser.get(link)
    assert victim["email"] not in page.text
    if page.status_code == 200:
        browser.submit(page, "/v1/auth/password", password=MINE, again=MINE)
    assert Browser(auth).sign_in(victim, password=MINE).status_code != 303
    assert Browser(auth).sign_in(victim, password=PASSWORD).status_code == 303


@ROLES
@SEALS
@pytest.mark.parametrize("change", ["totp_secret = NULL", "totp_secret = '\\x01'"])
def test_an_authenticator_is_taken_away_by_its_person_or_an_administrator_alone(
    auth: Auth, role: str, seal: str, change: str
) -> None:
    victim = new_person(auth)
    assert Enrolled(signed_in(auth, victim)).done.status_code == 200
    statement = f"UPDATE users SET {change}{seal.replace('seal', 'factor_seal')} WHERE user_id = %s"
    forge(auth, role, victim["tenant_id"], statement, victim["user_id"])
    stolen = Browser(auth)
    stolen.sign_in(victim)
    assert not shown(stolen)


def test_no_web_process_gives_a_person_another_address_or_organisation(auth: Auth) -> None:
    victim = new_person(auth)
    for change in (
        "email = 'x@partner.example'",
        f"tenant_id = '{auth.demo['tenant_id']}', user_id = 'usr_x'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            write(
                auth,
                "web",
                victim["tenant_id"],
                f"UPDATE users SET {change} WHERE user_id = %s",
                victim["user_id"],
            )
