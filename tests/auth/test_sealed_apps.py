"""A role of auth's database, in strange hands, makes no app of another organisation its own, and gives none more rights."""

import json

import pytest

from shared.primitives.ids import new_id
from tests.auth.forging import ROLES, SEALS, forge, subject
from tests.auth.support import Auth
from tests.auth.test_private_key_jwt import KEY, ask, assertion, public_jwk


@ROLES
@SEALS
@pytest.mark.parametrize(
    "change",
    [
        "tenant_id = %(victim)s",
        "requested_scopes = requested_scopes || '{argus:telephony:read}'",
        "deidentification = 'exact'",
        "access_token_ttl = 80000",
        "status = 'active'",
    ],
)
def test_an_app_is_of_no_other_organisation_and_may_no_more_than_was_decided(
    auth: Auth, role: str, seal: str, change: str
) -> None:
    app = auth.register(["argus:epcr:read"])
    path = f"/v1/platform/apps/{app['client_id']}"
    if "deidentification" in change:
        mode = {"deidentification": "shifted", "approved_events": ["app.secret_rotated"]}
        assert auth.admin("PATCH", f"{path}/governance", json=mode).status_code == 200
    elif "status" in change:
        assert auth.admin("POST", f"{path}/disable").status_code == 200
    else:
        assert auth.token(app).status_code == 200
    statement = f"UPDATE apps SET {change}{seal} WHERE client_id = %(client)s"
    values = {"victim": auth.other["tenant_id"], "client": app["client_id"]}
    for tenant_id in (auth.demo["tenant_id"], ""):
        if tenant_id or role == "worker":
            forge(auth, role, tenant_id, statement, **values)
    told = subject(auth.token(app))
    assert "status" not in change or not told
    assert told.get("tenant_id") in (None, auth.demo["tenant_id"])
    assert told.get("scope") in (None, "argus:epcr:read")
    assert told.get("deidentification") in (None, "exact" if "deid" not in change else "shifted")
    assert not told or told["exp"] - told["iat"] == 3600


@ROLES
@SEALS
def test_an_app_has_no_key_that_it_was_not_given(auth: Auth, role: str, seal: str) -> None:
    """The attacker's public key in the row of another organisation's app."""
    app = auth.register(["argus:epcr:read"])
    statement = f"""
        UPDATE apps SET token_endpoint_auth_method = 'private_key_jwt', jwks = %(jwks)s::jsonb{seal} WHERE client_id = %(client)s
    """
    jwks = json.dumps({"keys": [public_jwk(KEY)]})
    forge(auth, role, auth.demo["tenant_id"], statement, jwks=jwks, client=app["client_id"])
    assert ask(auth, assertion(app)).status_code == 401
    # And no administrator who changes the app gives the row a good seal.
    auth.admin("PATCH", f"/v1/platform/apps/{app['client_id']}", json={"name": "Another name"})
    assert ask(auth, assertion(app)).status_code == 401


@ROLES
@pytest.mark.parametrize("copied", ["seal", "NULL", "'\\x01'"])
def test_an_app_that_nobody_registered_gets_no_token(auth: Auth, role: str, copied: str) -> None:
    """A copy of the attacker's own app, with its key, in another organisation."""
    fields = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public_jwk(KEY)]}}
    mine, made_up = auth.register(["argus:epcr:read"], **fields), new_id("app")
    columns = "name, first_party, grant_types, redirect_uris, requested_scopes, token_endpoint_auth_method, jwks, pseudonym_domain, version"
    [row] = auth.sql(f"SELECT {columns}, seal FROM apps WHERE client_id = %s", mine["client_id"])
    places = ", ".join(["%s"] * 6 + ["%s::jsonb"] + ["%s"] * 2)
    values = [made_up, auth.other["tenant_id"], *row[:6], json.dumps(row[6]), *row[7:9]]
    forge(
        auth,
        role,
        auth.other["tenant_id"],
        f"INSERT INTO apps (client_id, tenant_id, {columns}, seal) VALUES (%s, %s, {places}, "
        + (copied if copied != "seal" else "%s")
        + ")",
        *values,
        *([row[-1]] if copied == "seal" else []),
    )
    app = {"client_id": made_up}
    assert ask(auth, assertion(app)).status_code == 401


@ROLES
def test_a_secret_of_one_app_is_none_of_another(auth: Auth, role: str) -> None:
    mine, victim = auth.register(["argus:epcr:read"]), auth.register(["argus:epcr:read"])
    statement = "UPDATE app_secrets SET client_id = %(victim)s WHERE client_id = %(mine)s"
    forge(auth, role, auth.demo["tenant_id"], statement, victim=victim["client_id"], mine=mine["client_id"])
    assert auth.token(victim, client_secret=mine["client_secret"]).status_code == 401


@ROLES
def test_a_deleted_app_and_an_ended_secret_stay_so(auth: Auth, role: str) -> None:
    app = auth.register(["argus:epcr:read"])
    path, old = f"/v1/platform/apps/{app['client_id']}", dict(app)
    assert auth.admin("POST", f"{path}/rotate-secret", json={"overlap_seconds": 0}).status_code == 200
    whose = {"client": app["client_id"]}
    forge(
        auth,
        role,
        auth.demo["tenant_id"],
        "UPDATE app_secrets SET expires_at = NULL WHERE client_id = %(client)s",
        **whose,
    )
    assert auth.token(old).status_code == 401
    assert auth.admin("DELETE", path).status_code == 204
    forge(auth, role, auth.demo["tenant_id"], "UPDATE apps SET status = 'active' WHERE client_id = %(client)s", **whose)
    assert auth.sql("SELECT status FROM apps WHERE client_id = %s", app["client_id"]) == [("deleted",)]
