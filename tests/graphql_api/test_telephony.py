"""Telephony: providers with write-only credentials, one default, and the longest route."""

import threading
from typing import Any

import psycopg
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from services.graphql_api.app import create_app
from services.graphql_api.settings import Settings
from services.graphql_api.telephony.resolvers import context_of
from services.graphql_api.transport.documents import Catalogue
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.web.problems import access_on_request
from tests.graphql_api.asking import Asking
from tests.support.alone import client_of, settings_for

TWILIO = {"accountSid": "AC" + "0a" * 16, "authToken": b"5ecre7".hex() + "0" * 20}
SIP = {"host": "trunk.carrier.example", "username": "knogin", "password": "canary-sip-password"}


@pytest.fixture(autouse=True)
def _granted(ask: Asking) -> None:
    ask.grant("telephony-admin")


def provider(ask: Asking, name: str = "Main", carrier: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    given = {"name": name, "carrier": carrier or {"twilio": TWILIO}} | fields
    return ask.data("CreateTelephonyProvider", {"input": given})


def route(ask: Asking, provider_id: str, number: str, target: str = "psap", **fields: Any) -> dict[str, Any]:
    given = {"providerId": provider_id, "phoneNumber": number, "targetSubsystem": target} | fields
    return ask.data("CreateTelephonyRoute", {"input": given})


def test_a_tenant_without_providers_has_none(ask: Asking) -> None:
    assert ask.document("{ telephonyProviders { id } telephonyRoutes { id } }") == {
        "data": {"telephonyProviders": [], "telephonyRoutes": []}
    }


def test_a_provider_shows_its_settings_and_never_its_credentials(ask: Asking) -> None:
    made = provider(ask, carrier={"sip": SIP})
    assert ids.is_id(made["id"], "tpr")
    assert made["carrierType"] == "sip"
    assert made["settings"] == [
        {"name": "host", "value": "trunk.carrier.example"},
        {"name": "port", "value": "5061"},
        {"name": "register", "value": "true"},
        {"name": "transport", "value": "tls"},
        {"name": "username", "value": "knogin"},
    ]
    assert "canary" not in str(ask.data("ListTelephonyProviders"))


def test_credentials_are_encrypted_where_they_stand(ask: Asking, database: Database, settings: Settings) -> None:
    made = provider(ask, carrier={"sip": SIP})
    with psycopg.connect(database.admin) as conn:
        row = conn.execute("SELECT credentials_enc FROM telephony_providers WHERE id = %s", (made["id"],)).fetchone()
    assert row is not None
    keyring = Keyring.from_text(settings.encryption_keys)
    assert keyring.decrypt(row[0], context_of(ask.tenant, made["id"])) == b'{"password":"canary-sip-password"}'


def test_a_new_default_takes_the_place_of_the_old_one(ask: Asking) -> None:
    first = provider(ask, "First", isDefault=True)
    second = provider(ask, "Second", isDefault=True)
    assert {one["name"]: one["isDefault"] for one in ask.data("ListTelephonyProviders")} == {
        "First": False,
        "Second": True,
    }
    change = {"id": first["id"], "expectedVersion": 2, "input": {"isDefault": True}}
    assert ask.data("UpdateTelephonyProvider", change)["isDefault"] is True
    stale = {"id": second["id"], "expectedVersion": 1, "input": {"isActive": False}}
    assert ask.code("UpdateTelephonyProvider", stale) == "CONFLICT"


def test_the_database_itself_refuses_a_second_default(ask: Asking, database: Database) -> None:
    provider(ask, "First", isDefault=True)
    provider(ask, "Second")
    with psycopg.connect(database.admin) as conn, pytest.raises(psycopg.errors.UniqueViolation):
        conn.execute("UPDATE telephony_providers SET is_default = true WHERE tenant_id = %s", (ask.tenant,))


def test_a_default_that_is_not_active_is_refused(ask: Asking) -> None:
    given = {"name": "x", "carrier": {"twilio": TWILIO}, "isDefault": True, "isActive": False}
    assert ask.code("CreateTelephonyProvider", {"input": given}) == "BAD_USER_INPUT"


def test_a_name_is_used_once_in_a_tenant(ask: Asking) -> None:
    provider(ask, "Main")
    given = {"name": "Main", "carrier": {"twilio": TWILIO}}
    assert ask.code("CreateTelephonyProvider", {"input": given}) == "CONFLICT"


def test_an_update_may_replace_credentials_but_not_the_carrier(ask: Asking, database: Database) -> None:
    made = provider(ask, carrier={"sip": SIP})
    change = {"id": made["id"], "expectedVersion": 1, "input": {"carrier": {"twilio": TWILIO}}}
    assert ask.code("UpdateTelephonyProvider", change) == "BAD_USER_INPUT"
    renamed = ask.data("UpdateTelephonyProvider", {"id": made["id"], "expectedVersion": 1, "input": {"name": "Other"}})
    assert (renamed["name"], renamed["settings"], renamed["version"]) == ("Other", made["settings"], 2)
    moved = {"sip": SIP | {"host": "other.carrier.example", "transport": "udp"}}
    change = {"id": made["id"], "expectedVersion": 2, "input": {"carrier": moved}}
    shown = {one["name"]: one["value"] for one in ask.data("UpdateTelephonyProvider", change)["settings"]}
    assert (shown["host"], shown["port"]) == ("other.carrier.example", "5060")


@pytest.mark.parametrize(
    "carrier",
    [
        {},
        {"twilio": TWILIO, "sip": SIP},
        {"twilio": None},
        {"twilio": TWILIO | {"password": "x"}},
        {"unknown": {}},
    ],
)
def test_exactly_one_carrier_is_named_with_fields_of_its_own(ask: Asking, carrier: dict[str, Any]) -> None:
    answer = ask.operation("CreateTelephonyProvider", {"input": {"name": "x", "carrier": carrier}})
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert TWILIO["authToken"] not in str(answer)


def test_a_wrong_credential_is_named_without_its_value(ask: Asking) -> None:
    canary = "canary-credential"
    given = {"name": "x", "carrier": {"twilio": TWILIO | {"authToken": canary}}}
    (error,) = ask.operation("CreateTelephonyProvider", {"input": given})["errors"]
    assert error["extensions"]["errors"][0]["pointer"] == "/input/carrier/twilio/authToken"
    given = {"name": "x", "carrier": {"twilio": TWILIO | {"authToken": [canary]}}}
    answer = ask.operation("CreateTelephonyProvider", {"input": given})
    assert answer["errors"][0]["extensions"]["at"] == "input.carrier.twilio.authToken"
    assert canary not in str(error) + str(answer)


def test_the_longest_route_wins_and_an_exact_number_beats_its_prefix(ask: Asking) -> None:
    main = provider(ask)["id"]
    route(ask, main, "+39*", "municipal")
    route(ask, main, "+39055*", "hospital")
    route(ask, main, "+390551234567*", "transport")
    route(ask, main, "+39 055 123-4567", "psap")
    route(ask, main, "+39066*", "utilities", isActive=False)

    def target(number: str) -> str | None:
        found = ask.data("ResolveTelephonyRoute", {"phoneNumber": number})
        return found and found["targetSubsystem"]

    assert target("+390551234567") == "psap"
    assert target("+3905512345678") == "transport"
    assert target("+390559999999") == "hospital"
    assert target("+390669999999") == "municipal"
    assert target("+353861234567") is None
    assert ask.code("ResolveTelephonyRoute", {"phoneNumber": "112"}) == "BAD_USER_INPUT"


def test_routes_of_an_inactive_provider_are_passed_over(ask: Asking) -> None:
    main, spare = provider(ask, "Main"), provider(ask, "Spare")
    route(ask, main["id"], "+39055*", "hospital")
    route(ask, spare["id"], "+39*", "municipal")
    ask.data("UpdateTelephonyProvider", {"id": main["id"], "expectedVersion": 1, "input": {"isActive": False}})
    found = ask.data("ResolveTelephonyRoute", {"phoneNumber": "+390551234567"})
    assert (found["targetSubsystem"], found["provider"]["name"]) == ("municipal", "Spare")


def test_two_routes_for_the_same_calls_are_refused(ask: Asking) -> None:
    main, spare = provider(ask, "Main")["id"], provider(ask, "Spare")["id"]
    route(ask, main, "+39055*")
    twice = {"providerId": spare, "phoneNumber": "+39 055*", "targetSubsystem": "hospital"}
    assert ask.code("CreateTelephonyRoute", {"input": twice}) == "CONFLICT"
    for given, code in ((main, "CONFLICT"), (spare, None)):
        subaccount = {"providerId": given, "subaccount": "100000_er", "targetSubsystem": "psap"}
        if code is None:
            assert ask.data("CreateTelephonyRoute", {"input": subaccount})["subaccount"] == "100000_er"
        else:
            ask.data("CreateTelephonyRoute", {"input": subaccount})
            assert ask.code("CreateTelephonyRoute", {"input": subaccount}) == code


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"phoneNumber": "+39055*", "subaccount": "x"},
        {"phoneNumber": "055123456"},
        {"phoneNumber": "+0123456789"},
        {"phoneNumber": "+39 055 \0"},
        {"phoneNumber": "+1234567890123456"},
        {"phoneNumber": "*"},
        {"subaccount": "a b"},
        {"subaccount": "a\n"},
    ],
)
def test_a_route_names_one_kind_of_call_in_its_form(ask: Asking, fields: dict[str, str]) -> None:
    given = {"providerId": provider(ask)["id"], "targetSubsystem": "psap"} | fields
    response = ask.raw(json={"query": ask.text("CreateTelephonyRoute"), "variables": {"input": given}})
    if response.status_code == 200:
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    else:
        assert response.status_code == 422


def test_lists_take_the_tenants_own_id_and_no_other(ask: Asking) -> None:
    provider(ask)
    for name in ("ListTelephonyProviders", "ListTelephonyRoutes"):
        assert ask.data(name, {"tenantId": ask.tenant}) == ask.data(name)
        assert ask.code(name, {"tenantId": ask.other_tenant}) == "FORBIDDEN"


def test_a_provider_of_another_tenant_takes_no_routes_and_shows_none(ask: Asking) -> None:
    mine = provider(ask)
    route(ask, mine["id"], "+39055*")
    other: dict[str, Any] = {"tenant": ask.other_tenant, "client_id": ids.new_id("app")}
    ask.grant("telephony-admin", **other)
    given = {"providerId": mine["id"], "phoneNumber": "+39055*", "targetSubsystem": "psap"}
    assert ask.code("CreateTelephonyRoute", {"input": given}, **other) == "BAD_USER_INPUT"
    assert ask.data("ListTelephonyRoutes", {"providerId": mine["id"]}, **other) == []
    assert ask.data("ListTelephonyProviders", **other) == []
    assert ask.data("ResolveTelephonyRoute", {"phoneNumber": "+390551234567"}, **other) is None
    assert ask.code("DeleteTelephonyProvider", {"id": mine["id"]}, **other) == "NOT_FOUND"


def test_routes_are_changed_moved_and_deleted_and_keep_their_provider_from_being_deleted(ask: Asking) -> None:
    main, spare = provider(ask, "Main")["id"], provider(ask, "Spare")["id"]
    made = route(ask, main, "+39055*")
    assert ask.code("DeleteTelephonyProvider", {"id": main}) == "CONFLICT"
    change = {"id": made["id"], "expectedVersion": 1, "input": {"providerId": spare, "targetSubsystem": "hospital"}}
    moved = ask.data("UpdateTelephonyRoute", change)
    assert (moved["providerId"], moved["targetSubsystem"], moved["version"]) == (spare, "hospital", 2)
    assert ask.code("UpdateTelephonyRoute", change) == "CONFLICT"
    assert ask.data("DeleteTelephonyProvider", {"id": main}) == main
    assert ask.data("DeleteTelephonyRoute", {"id": made["id"]}) == made["id"]
    assert ask.code("DeleteTelephonyRoute", {"id": made["id"]}) == "NOT_FOUND"


def test_reading_and_writing_have_scopes_of_their_own(ask: Asking) -> None:
    reader: dict[str, Any] = {"scopes": ["argus:telephony:read"]}
    assert ask.data("ListTelephonyProviders", **reader) == []
    given = {"input": {"name": "x", "carrier": {"twilio": TWILIO}}}
    assert ask.code("CreateTelephonyProvider", given, **reader) == "FORBIDDEN"
    assert ask.code("ListTelephonyProviders", scopes=["argus:acqi:read"]) == "FORBIDDEN"


def test_the_refusal_says_how_telephony_is_asked_for(ask: Asking) -> None:
    stranger: dict[str, Any] = {"scopes": ["argus:acqi:read"]}
    reading = ask.operation("ListTelephonyProviders", **stranger)
    writing = ask.operation("DeleteTelephonyProvider", {"id": ids.new_id("tpr")}, **stranger)
    for answer in (reading, writing):
        told = answer["errors"][0]["extensions"]
        assert (told["code"], told["capability"]) == ("FORBIDDEN", "telephony")
        assert told["request"] == access_on_request("telephony").extra["request"]
    ask.grant("incident-management")
    assert "capability" not in ask.operation("ListIncidents", **stranger)["errors"][0]["extensions"]


def test_every_change_is_audited(ask: Asking, database: Database) -> None:
    made = provider(ask, carrier={"sip": SIP})
    ask.data("UpdateTelephonyProvider", {"id": made["id"], "expectedVersion": 1, "input": {"carrier": {"sip": SIP}}})
    road = route(ask, made["id"], "+39055*")
    ask.data("DeleteTelephonyRoute", {"id": road["id"]})
    ask.data("DeleteTelephonyProvider", {"id": made["id"]})
    with psycopg.connect(database.admin) as conn:
        rows = conn.execute(
            "SELECT action, detail::text FROM audit WHERE tenant_id = %s ORDER BY id", (ask.tenant,)
        ).fetchall()
    assert [row[0] for row in rows] == [
        "telephony.provider.created",
        "telephony.provider.updated",
        "telephony.route.created",
        "telephony.route.deleted",
        "telephony.provider.deleted",
    ]
    assert "canary" not in str(rows)


def test_of_several_who_make_a_default_at_once_one_default_is_left(ask: Asking) -> None:
    made = [provider(ask, f"Carrier {number}") for number in range(4)]
    answers: list[dict[str, Any]] = []

    def promote(one: dict[str, Any]) -> None:
        change = {"id": one["id"], "expectedVersion": 1, "input": {"isDefault": True}}
        answers.append(ask.operation("UpdateTelephonyProvider", change))

    threads = [threading.Thread(target=promote, args=(one,)) for one in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = {error["extensions"]["code"] for answer in answers for error in answer.get("errors", ())}
    assert codes <= {"CONFLICT"}
    assert any("errors" not in answer for answer in answers)
    assert [one["isDefault"] for one in ask.data("ListTelephonyProviders")].count(True) == 1


def test_providers_and_routes_are_bounded(
    database: Database, redis_server: RedisServer, settings: Settings, catalogue: Catalogue
) -> None:
    small = settings_for(Settings, database, redis_server.url, most_telephony_providers=2, most_telephony_routes=2)
    with client_of(create_app(small)) as http:
        ask = Asking(http, settings, catalogue)
        ask.grant("telephony-admin")
        main = provider(ask)
        provider(ask, "Second")
        given = {"input": {"name": "Third", "carrier": {"twilio": TWILIO}}}
        refused = ask.operation("CreateTelephonyProvider", given)["errors"][0]
        assert refused["extensions"]["code"] == "CONFLICT"
        assert (refused["extensions"]["resource"], refused["extensions"]["limit"]) == ("telephony providers", 2)
        route(ask, main["id"], "+447911123451")
        route(ask, main["id"], "+447911123452")
        given = {"input": {"providerId": main["id"], "phoneNumber": "+447911123453", "targetSubsystem": "psap"}}
        refused = ask.operation("CreateTelephonyRoute", given)["errors"][0]
        assert (refused["extensions"]["resource"], refused["extensions"]["limit"]) == ("telephony routes", 2)
