"""A role of auth's database, in strange hands, gives nobody more rights, and lets nobody in again who was sent away."""

from typing import Any

import psycopg
import pytest

from services.auth.people.roles import of
from shared.primitives.ids import PLATFORM_TENANT, new_id
from tests.auth.federation import Connection
from tests.auth.forging import ROLES, SEALS, forge, granted, new_person, signed_in, subject
from tests.auth.people_support import Organisation
from tests.auth.support import Auth, Browser, claims_of, redeem, register_web_app, returned
from tests.auth.test_common_apps import CONSOLE
from tests.auth.test_common_apps import redeem as redeem_of_console
from tests.auth.test_operators import OPERATE, Operating, scopes_of
from tests.auth.test_operators import operator as operator
from tests.auth.test_sealed_passwords import write
from tests.auth.test_sealed_saml import signed_in_as
from tests.auth.test_seals import relay

WANTED = "webhooks:write"
MORE = [
    "role = 'administrator', scope_limit = NULL",
    "role = NULL, scope_limit = NULL, roles = '{}'",
    "role = NULL, scope_limit = '{webhooks:write}'",
]
COPIED = "status, role, roles, scope_limit, rights_version, rights_seal"


def sealed(seal: str) -> str:
    return seal.replace("seal", "rights_seal") + (", rights_version = rights_version + 1" if seal else "")


def auditor(auth: Auth) -> dict[str, Any]:
    mine = new_person(auth)
    auth.sql("UPDATE users SET role = 'auditor', scope_limit = %s WHERE user_id = %s", of("auditor"), mine["user_id"])
    return mine


def gets(auth: Auth, browser: Browser) -> bool:
    """Whether an app gets the wanted scope in the name of the browser's person."""
    app = register_web_app(auth, [WANTED])
    page = browser.authorize(app, scope=WANTED)
    if page.status_code != 200:
        return False
    code = returned(browser.submit(page, "/v1/oauth/authorize", decision="allow")).get("code", "")
    return WANTED in subject(redeem(auth, app, code)).get("scope", "")


@ROLES
@SEALS
@pytest.mark.parametrize("change", MORE)
def test_rights_that_sql_alone_gave_allow_nothing(auth: Auth, role: str, seal: str, change: str) -> None:
    mine = auditor(auth)
    before = signed_in(auth, mine)
    statement = f"UPDATE users SET {change}{sealed(seal)} WHERE user_id = %s"
    forge(auth, role, mine["tenant_id"], statement, mine["user_id"])
    assert not gets(auth, before)
    after = Browser(auth)
    assert after.sign_in(mine).status_code != 303 or not gets(auth, after)


@ROLES
@SEALS
def test_a_grant_beyond_the_role_is_not_refreshed_with_a_role_that_sql_alone_gave(
    auth: Auth, role: str, seal: str
) -> None:
    mine = new_person(auth)
    app, code, _ = granted(auth, mine)
    tokens = redeem(auth, app, code).json()
    auth.sql("UPDATE users SET role = 'auditor', scope_limit = %s WHERE user_id = %s", of("auditor"), mine["user_id"])
    statement = f"UPDATE users SET role = 'administrator', scope_limit = NULL{sealed(seal)} WHERE user_id = %s"
    forge(auth, role, mine["tenant_id"], statement, mine["user_id"])
    answer = auth.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@ROLES
@SEALS
def test_a_person_who_was_sent_away_is_let_in_by_an_administrator_alone(auth: Auth, role: str, seal: str) -> None:
    coastal = Organisation(auth)
    coastal.person()
    mine = coastal.person("auditor")
    assert coastal.call("POST", f"{mine.path}/leave").status_code == 200
    statement = f"UPDATE users SET status = 'active'{sealed(seal)} WHERE user_id = %s"
    forge(auth, role, coastal.tenant_id, statement, mine.id)
    assert not mine.can_sign_in()
    assert coastal.call("POST", f"{mine.path}/enable").status_code == 200
    assert mine.can_sign_in()


@ROLES
@pytest.mark.parametrize("change", ["left", "narrowed"])
def test_an_older_copy_of_somebodys_rights_does_not_come_back(auth: Auth, role: str, change: str) -> None:
    coastal = Organisation(auth)
    coastal.person()
    mine = coastal.person()
    assert relay(auth) > 0
    [copied] = auth.sql(f"SELECT {COPIED} FROM users WHERE user_id = %s", mine.id)
    assert copied[-1] is not None
    if change == "left":
        assert coastal.call("POST", f"{mine.path}/leave").status_code == 200
    else:
        assert coastal.call("PUT", f"{mine.path}/role", json={"role": "auditor"}).status_code == 200
    statement = f"UPDATE users SET ({COPIED}) = (%s, %s, %s, %s, %s, %s) WHERE user_id = %s"
    forge(auth, role, coastal.tenant_id, statement, *copied, mine.id)
    forge(
        auth,
        role,
        coastal.tenant_id,
        f"UPDATE users SET ({COPIED}) = (%s, %s, %s, %s, rights_version + 1, %s) WHERE user_id = %s",
        *copied[:4],
        copied[-1],
        mine.id,
    )
    if change == "left":
        assert not mine.can_sign_in()
    else:
        answer = mine.call("PUT", f"{coastal.person('auditor').path}/role", json={"role": "administrator"})
        assert answer.status_code == 403


@ROLES
@SEALS
def test_a_role_that_sql_alone_gave_reaches_nobody(auth: Auth, role: str, seal: str) -> None:
    """With a token that is older than the own role."""
    coastal = Organisation(auth)
    coastal.person()
    mine, other = coastal.person("auditor"), coastal.person("auditor")
    statement = f"UPDATE users SET role = 'administrator', scope_limit = NULL{sealed(seal)} WHERE user_id = %s"
    forge(auth, role, coastal.tenant_id, statement, mine.id)
    assert mine.call("PUT", f"{other.path}/role", json={"role": "administrator"}).status_code == 403
    invited = mine.call("POST", "/v1/platform/invitations", json={"email": "x@new.example", "role": "administrator"})
    assert invited.status_code in (403, 409)  # without mail there are no invitations


@ROLES
@pytest.mark.parametrize("seal", ["NULL", "'\\x01'"])
def test_a_person_whom_sql_alone_made_has_no_rights(auth: Auth, works: Connection, role: str, seal: str) -> None:
    """For the attacker's own first sign-in through the organisation's identity provider."""
    assert works.call("PATCH", json={"default_role": "auditor"}).status_code == 200
    email = f"me@{works.domain}"
    statement = f"""
        INSERT INTO users (user_id, tenant_id, email, name, rights_seal) VALUES (%(id)s, %(tenant)s, %(email)s, 'Me', {seal})
    """
    values = {"id": new_id("usr"), "tenant": auth.demo["tenant_id"], "email": email}
    forge(auth, role, auth.demo["tenant_id"], statement, **values)
    change = f"UPDATE users SET role = 'administrator', rights_seal = {seal} WHERE email = %(email)s"
    forge(auth, role, auth.demo["tenant_id"], change, **values)
    browser = Browser(auth)
    signed_in_as(works, browser, email, "me")
    assert not gets(auth, browser)


@ROLES
def test_roles_of_an_identity_provider_come_from_there_alone(auth: Auth, works: Connection, role: str) -> None:
    mapping = {"crew": ["argus:epcr:read"], "chief": [WANTED]}
    attributes = {"email": [f"anna@{works.domain}"], "displayName": ["Anna"], "groups": ["crew"]}
    changed = {"attribute_mapping": {"roles": "groups"}, "role_mapping": mapping}
    assert works.call("PATCH", json=changed).status_code == 200
    assert signed_in_as(works, Browser(auth), f"anna@{works.domain}", "anna", attributes=attributes)
    statement = """
        UPDATE users SET roles = '{chief,crew}', rights_version = rights_version + 1, rights_seal = '\\x01' WHERE email = %(email)s
    """
    forge(auth, role, auth.demo["tenant_id"], statement, email=f"anna@{works.domain}")
    assert works.call("PATCH", json={"role_mapping": mapping | {"other": [WANTED]}}).status_code == 200
    limit = auth.sql("SELECT scope_limit, status FROM users WHERE email = %s", f"anna@{works.domain}")
    assert limit == [([], "disabled")]


def test_a_person_with_forged_rights_has_none_until_an_administrator_gives_some(auth: Auth) -> None:
    coastal = Organisation(auth)
    coastal.person()
    mine = coastal.person("auditor")
    statement = """
        UPDATE users SET role = 'administrator', scope_limit = NULL, rights_version = rights_version + 1, rights_seal = '\\x01'
        WHERE user_id = %s
    """
    forge(auth, "web", coastal.tenant_id, statement, mine.id)
    assert not mine.can_sign_in()
    assert coastal.call("POST", f"{mine.path}/enable").status_code == 200
    limit = "SELECT role, scope_limit, octet_length(rights_seal) FROM users WHERE user_id = %s"
    assert auth.sql(limit, mine.id) == [(None, [], 43)]
    assert coastal.call("PUT", f"{mine.path}/role", json={"role": "integrator"}).status_code == 200
    assert auth.sql(limit, mine.id) == [("integrator", of("integrator"), 43)]
    assert mine.can_sign_in()


@ROLES
@SEALS
def test_nobody_operates_the_platform_by_sql_alone(operator: Operating, role: str, seal: str) -> None:
    auth = operator.auth
    auth.sql("UPDATE users SET role = 'administrator', scope_limit = NULL WHERE email = %s", operator.email)
    browser = operator.browser()
    statement = f"UPDATE users SET role = 'operator', scope_limit = %(limit)s{sealed(seal)} WHERE email = %(email)s"
    forge(auth, role, PLATFORM_TENANT, statement, limit=of("operator"), email=operator.email)
    back = returned(browser.authorize(CONSOLE, scope=None))
    if "code" in back:
        answer = redeem_of_console(auth, back)
        assert answer.status_code != 200 or not OPERATE & scopes_of(claims_of(answer.json()["access_token"]))


@ROLES
@pytest.mark.parametrize(
    "statement", ["DELETE FROM users WHERE user_id = %s", "UPDATE users SET user_id = 'usr_x' WHERE user_id = %s"]
)
def test_no_process_puts_a_person_in_anothers_place(auth: Auth, role: str, statement: str) -> None:
    person = new_person(auth)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        write(auth, role, person["tenant_id"], statement, person["user_id"])
