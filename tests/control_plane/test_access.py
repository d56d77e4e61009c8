"""The gate: no token is 401, no grant is 403 `access-on-request` on every path, and only then does a path say anything of itself."""

import itertools
import time

import httpx2
import msgspec
import time_machine

from services.control_plane.app import PUBLIC, create_app, routes
from services.control_plane.settings import Settings
from shared.primitives import ids
from shared.storage.database import clock
from shared.web.identity import HEADER, Caller, mint
from tests.control_plane.conftest import GRANTED, PLATFORM, Inside, Partner
from tests.support.alone import KEY, client_of
from tests.support.cases import cases
from tests.support.messages import later

PATHS = sorted({route.path for route in routes if route.path.startswith(PLATFORM) and not PUBLIC.fullmatch(route.path)})
EVERY = [*PATHS, f"{PLATFORM}/nothing-here", f"{PLATFORM}/packages/x/y/z"]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def test_without_a_token_it_is_401(http: httpx2.Client) -> None:
    anonymous = {HEADER: mint(Caller(address="192.0.2.1"), KEY, "control_plane")}
    with cases() as every:
        for method, path in itertools.product(METHODS, EVERY):
            with every.case(f"{method} {path}"):
                answer = http.request(method, path, headers=anonymous)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_tenant_without_the_grant_is_told_how_to_ask_for_it(stranger: Partner) -> None:
    with cases() as every:
        for method, path in itertools.product(METHODS, EVERY):
            with every.case(f"{method} {path}"):
                answer = stranger.call(method, path.removeprefix(PLATFORM))
                assert answer.status_code == 403
                told = answer.json()
                assert told["type"].endswith("#access-on-request")
                assert told["capability"] == "platform_api"
                assert told["request"]["path"] == "/v1/platform/integration-requests"
                assert told["request"]["body"] == {"capability": "platform_api"}


def test_a_granted_tenant_is_told_that_a_path_is_not_there(partner: Partner) -> None:
    assert partner.get("/nothing-here").status_code == 404


def test_a_withdrawn_grant_closes_it_again(partner: Partner, inside: Inside) -> None:
    inside.grant(partner.tenant_id, ("argus:telephony:read",), version=later())
    assert partner.get("/nothing-here").status_code == 403


def test_an_older_change_does_not_undo_a_newer_one(partner: Partner, inside: Inside) -> None:
    inside.grant(partner.tenant_id, (), version=1)
    assert partner.get("/nothing-here").status_code == 404


def test_a_suspended_tenant_has_no_grant(partner: Partner, inside: Inside) -> None:
    inside.grant(partner.tenant_id, GRANTED, version=later(), status="suspended")
    assert partner.get("/nothing-here").status_code == 403


def test_a_grant_of_reading_alone_opens_the_gate_too(http: httpx2.Client, inside: Inside) -> None:
    tenant_id = ids.new_id("org")
    inside.grant(tenant_id, ("argus:platform:read",))
    assert Partner(http, tenant_id, "argus:platform:read").get("/nothing-here").status_code == 404


def test_while_the_database_is_away_it_is_503_and_says_when_to_come_back(settings: Settings, partner: Partner) -> None:
    gone = msgspec.structs.replace(settings, database_url="postgresql://nobody@127.0.0.1:9/none")
    with client_of(create_app(gone)) as http:
        answer = Partner(http, partner.tenant_id).get("/packages")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


def test_what_the_gate_knows_of_a_tenant_no_other_tenant_sees(partner: Partner, inside: Inside) -> None:
    sees = "SELECT count(*) FROM tenants WHERE tenant_id = %s"
    with inside.consumer.pool.connection() as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (ids.new_id("org"),))
        assert conn.execute(sees, (partner.tenant_id,)).fetchone() == (0,)


def test_a_service_whose_clock_is_wrong_says_to_try_again(partner: Partner) -> None:
    clock._asked_at = float("-inf")  # a second later
    try:
        with time_machine.travel(time.time() - 600):
            answer = partner.get("/packages")
    finally:
        clock.offset, clock._asked_at = 0.0, float("-inf")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
