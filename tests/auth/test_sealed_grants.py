"""A role of auth's database, in strange hands, allows no app anything in another person's name."""

import pytest

from tests.auth.device_support import begun, poll, register_device_app, typed, waited
from tests.auth.forging import ROLES, SCOPES, SEALS, forge, granted, new_person, signed_in, subject
from tests.auth.support import Auth, Browser, redeem, returned


@ROLES
@SEALS
@pytest.mark.parametrize(
    "change",
    [
        "user_id = %(victim)s",
        "scopes = scopes || '{argus:incidents:read}'",
        "second_factor = true",
        "audience = '{https://x.example}'",
    ],
)
def test_a_grant_that_was_changed_gives_no_tokens(auth: Auth, role: str, seal: str, change: str) -> None:
    mine, victim = new_person(auth), new_person(auth)
    app, code, _ = granted(auth, mine)
    tokens = redeem(auth, app, code).json()
    values = {"victim": victim["user_id"], "client": app["client_id"]}
    forge(auth, role, mine["tenant_id"], f"UPDATE grants SET {change}{seal} WHERE client_id = %(client)s", **values)
    answer = auth.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    told = subject(answer)
    assert told.get("sub") in (None, mine["user_id"])
    assert told.get("scope") in (None, SCOPES)
    assert "amr" not in told


@ROLES
@SEALS
def test_a_code_redeems_the_grant_that_it_was_made_for_alone(auth: Auth, role: str, seal: str) -> None:
    mine, victim = new_person(auth), new_person(auth)
    app, code, _ = granted(auth, mine)
    browser = signed_in(auth, victim)
    browser.submit(browser.authorize(app, scope=SCOPES), "/v1/oauth/authorize", decision="allow")
    values = {"victim": victim["user_id"], "mine": mine["user_id"]}
    statement = f"""
        UPDATE codes SET grant_id = (SELECT grant_id FROM grants WHERE user_id = %(victim)s){seal}
        WHERE grant_id = (SELECT grant_id FROM grants WHERE user_id = %(mine)s)
    """
    forge(auth, role, mine["tenant_id"], statement, **values)
    assert subject(redeem(auth, app, code)).get("sub") in (None, mine["user_id"])


@ROLES
@pytest.mark.parametrize("copied", ["seal", "NULL", "'\\x01'"])
def test_a_grant_that_nobody_gave_gives_no_tokens(auth: Auth, role: str, copied: str) -> None:
    """A grant in the victim's name, and the attacker's own code and refresh token moved to it."""
    mine, victim = new_person(auth), new_person(auth)
    app, code, _ = granted(auth, mine)
    columns = "tenant_id, client_id, scopes, audience, offline, seed, expires_at, second_factor"
    for change in ("", ", seal = '\\x01'"):
        statement = f"""
            WITH made AS (
                INSERT INTO grants (grant_id, user_id, {columns}, seal)
                SELECT 'gnt_' || md5(random()::text), %(victim)s, {columns}, {copied} FROM grants WHERE user_id = %(mine)s
                RETURNING grant_id)
            UPDATE codes SET grant_id = made.grant_id{change} FROM made
            WHERE codes.grant_id = (SELECT grant_id FROM grants WHERE user_id = %(mine)s)
        """
        forge(auth, role, mine["tenant_id"], statement, victim=victim["user_id"], mine=mine["user_id"])
    assert subject(redeem(auth, app, code)).get("sub") in (None, mine["user_id"])


@ROLES
def test_a_grant_that_has_ended_and_a_used_code_stay_so(auth: Auth, role: str) -> None:
    mine = new_person(auth)
    app, code, _ = granted(auth, mine)
    tokens = redeem(auth, app, code).json()
    whose = {"client": app["client_id"]}
    forge(auth, role, mine["tenant_id"], "UPDATE codes SET used_at = NULL WHERE client_id = %(client)s", **whose)
    assert redeem(auth, app, code).status_code == 400
    for change in ("revoked_at = NULL", "generation = 0", "created_at = now()"):
        forge(auth, role, mine["tenant_id"], f"UPDATE grants SET {change} WHERE client_id = %(client)s", **whose)
    answer = auth.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert answer.status_code == 400


@ROLES
def test_the_age_of_a_sign_in_stays_as_it_was_when_the_access_was_allowed(auth: Auth, role: str) -> None:
    """The console begins no session on an old sign-in: a writer of the table would keep an idle browser signed in."""
    mine = new_person(auth)
    granted(auth, mine)
    query = "SELECT signed_in_at FROM grants WHERE user_id = %s"
    before = auth.sql(query, mine["user_id"])
    for change in ("now()", "NULL"):
        statement = f"UPDATE grants SET signed_in_at = {change} WHERE user_id = %(user)s"
        forge(auth, role, mine["tenant_id"], statement, user=mine["user_id"])
    assert before != [(None,)]
    assert auth.sql(query, mine["user_id"]) == before


@ROLES
@SEALS
@pytest.mark.parametrize("column", ["device_mac", "user_mac"])
def test_a_person_allows_no_other_device_than_the_one_that_asked(auth: Auth, role: str, seal: str, column: str) -> None:
    """The attacker's device takes the place of the one whose code the person types."""
    app = register_device_app(auth)
    good, bad = begun(auth, app), begun(auth, app)
    devices = "SELECT device_id, device_mac, user_mac FROM device_codes WHERE client_id = %s ORDER BY device_id"
    [(its_id, _, its_user_mac), (my_id, my_mac, _)] = auth.sql(devices, app["client_id"])
    moved = ((my_id, b""), (its_id, my_mac)) if column == "device_mac" else ((its_id, b""), (my_id, its_user_mac))
    change = f"UPDATE device_codes SET {column} = coalesce(nullif(%s, ''::bytea), sha256({column})){seal} WHERE device_id = %s"
    for device_id, mac in moved:
        forge(auth, role, auth.demo["tenant_id"], change, mac, device_id)
    browser = Browser(auth)
    browser.sign_in()
    page = typed(browser, good["user_code"])
    if 'name="decision"' in page.text:
        browser.submit(page, "/device", decision="allow")
    waited(auth, app)
    assert poll(auth, app, bad["device_code"]).status_code == 400


@ROLES
@pytest.mark.parametrize("copied", ["seal", "NULL", "'\\x01'"])
def test_an_app_that_nobody_allowed_asks_the_person(auth: Auth, role: str, copied: str) -> None:
    mine, victim = new_person(auth), new_person(auth)
    app, _, _ = granted(auth, mine)
    statement = f"""
        INSERT INTO consents (tenant_id, user_id, client_id, scopes, seal)
        SELECT tenant_id, %(victim)s, client_id, scopes, {copied} FROM consents WHERE user_id = %(mine)s
    """
    forge(auth, role, mine["tenant_id"], statement, victim=victim["user_id"], mine=mine["user_id"])
    browser = signed_in(auth, victim)
    page = browser.authorize(app, scope=SCOPES)
    assert page.status_code == 200
    answer = browser.submit(page, "/v1/oauth/authorize", decision="allow")
    assert subject(redeem(auth, app, returned(answer)["code"]))["sub"] == victim["user_id"]
    # Remembered from now on, for the scopes that were shown.
    assert browser.authorize(app, scope=SCOPES).status_code == 302
