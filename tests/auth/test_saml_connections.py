"""Connections, domains and the policy: what a tenant's admin may set up, and what is refused."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from services.auth.saml import domains, metadata
from services.auth.saml.documents import METADATA, POST, SIGNATURE, MessageRefused, tag
from services.auth.saml.routes import METADATA_EXAMPLE
from shared.primitives import ids
from tests.auth.federation import CONNECTIONS, Connection, metadata_of, open_federation, usual_signer
from tests.auth.identity_provider import new_signer
from tests.auth.support import Auth, Browser
from tests.support.keys import rsa_key
from tests.support.name_server import NameServer

ENTITY = "https://idp.example/metadata"
METADATA_READ = "/v1/saml/metadata"
UNKNOWN = "samlc_0123456789abcdefghjkmnpqrs"


@pytest.fixture
def works(auth: Auth) -> Iterator[Connection]:
    connection = Connection(auth, auth.demo)
    yield connection
    connection.remove()


def draft(**fields: Any) -> dict[str, Any]:
    return {"name": "Works", "metadata_xml": metadata_of(ENTITY, usual_signer())} | fields


def explicit(**fields: Any) -> dict[str, Any]:
    described = {
        "name": "Works",
        "entity_id": ENTITY,
        "sso_url": "https://idp.example/sso",
        "certificates": [usual_signer().pem],
    }
    return described | fields


def pointers(answer: Any) -> list[str]:
    return [error["pointer"] for error in answer.json().get("errors", [])]


# --- Who may -----------------------------------------------------------------------------------------------------------

CALLS = [
    ("GET", CONNECTIONS),
    ("POST", CONNECTIONS),
    ("POST", METADATA_READ),
    ("GET", f"{CONNECTIONS}/{UNKNOWN}"),
    ("PATCH", f"{CONNECTIONS}/{UNKNOWN}"),
    ("DELETE", f"{CONNECTIONS}/{UNKNOWN}"),
    ("GET", f"{CONNECTIONS}/{UNKNOWN}/events"),
    ("GET", f"{CONNECTIONS}/{UNKNOWN}/users"),
    ("DELETE", f"{CONNECTIONS}/{UNKNOWN}/users/usr_1"),
    ("POST", f"{CONNECTIONS}/{UNKNOWN}/domains"),
    ("GET", f"{CONNECTIONS}/{UNKNOWN}/domains/works.example"),
    ("DELETE", f"{CONNECTIONS}/{UNKNOWN}/domains/works.example"),
    ("POST", f"{CONNECTIONS}/{UNKNOWN}/domains/works.example/prove"),
    ("GET", "/v1/saml/policy"),
    ("PUT", "/v1/saml/policy"),
]
BODIES: dict[tuple[str, str], Any] = {
    ("POST", CONNECTIONS): {"name": "x"},
    ("POST", METADATA_READ): {"metadata_xml": "x"},
    ("PATCH", f"{CONNECTIONS}/{UNKNOWN}"): {"name": "x"},
    ("POST", f"{CONNECTIONS}/{UNKNOWN}/domains"): {"domain": "works.example"},
    ("PUT", "/v1/saml/policy"): {"enforced": False},
}


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_who_has_no_token_scope_or_capability_is_told_which(auth: Auth, method: str, path: str) -> None:
    body = {"json": BODIES[method, path]} if (method, path) in BODIES else {}
    assert auth.call(method, path, **body).status_code == 401
    open_federation(auth, auth.demo)
    missing = auth.call(method, path, auth.caller(["webhooks:write"]), **body)
    assert (missing.status_code, missing.json()["scope"]) == (403, "platform:apps")
    open_federation(auth, auth.other, is_open=False)
    for scope in ("platform:apps", "webhooks:write"):
        gated = auth.call(method, path, auth.caller([scope], auth.other), **body)
        assert gated.status_code == 403
        assert gated.json()["type"].endswith("#access-on-request")
        assert gated.json()["capability"] == "federation"


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if UNKNOWN in call[1]])
def test_another_tenants_connection_is_not_there(auth: Auth, works: Connection, method: str, path: str) -> None:
    open_federation(auth, auth.other)
    body = {"json": BODIES[method, path]} if (method, path) in BODIES else {}
    for id in (works.id, UNKNOWN, "x", "samlc_" + "z" * 26):
        answer = auth.call(method, path.replace(UNKNOWN, id), auth.caller(tenant=auth.other), **body)
        assert answer.status_code == 404, answer.text
    assert works.call("GET").status_code == 200
    shown = auth.call("GET", CONNECTIONS, auth.caller(tenant=auth.other)).json()["connections"]
    assert works.id not in [one["id"] for one in shown]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CONNECTIONS),
        ("POST", METADATA_READ),
        ("PATCH", CONNECTIONS + "/{id}"),
        ("POST", CONNECTIONS + "/{id}/domains"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(works: Connection, method: str, path: str) -> None:
    path = path.format(id=works.id)
    assert works.call(method, path, content=b"{", headers={"content-type": "application/json"}).status_code == 400
    assert works.call(method, path, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    assert works.call(method, path, json={"unheard": 1}).status_code == 422
    large = works.call(method, path, content=b" " * (1 << 21), headers={"content-type": "application/json"})
    assert large.status_code == 413


# --- Making one ------------------------------------------------------------------------------------------------------


def test_pasted_metadata_makes_a_connection(auth: Auth, works: Connection) -> None:
    made = works.described
    assert made["id"].startswith("samlc_")
    assert made["entity_id"] == works.entity_id
    base = works.entity_id.removesuffix("/metadata")
    assert (made["sso_url"], made["slo_url"]) == (base + "/sso", base + "/slo")
    (pinned,) = made["certificates"]
    assert (len(pinned["fingerprint"]), pinned["is_valid"], pinned["last_used_at"]) == (64, True, None)
    assert made["service_provider"]["acs_url"] == f"{auth.settings.issuer}/v1/saml/{works.id}/acs"
    assert works.call("GET").json() == made
    listed = works.call("GET", CONNECTIONS).json()["connections"]
    assert made in listed
    assert "PRIVATE" not in str(made)


def test_the_same_can_be_said_field_by_field(works: Connection) -> None:
    made = works.call("POST", CONNECTIONS, json=explicit(certificates=[usual_signer().pem, new_signer().pem]))
    assert made.status_code == 201
    assert made.headers["location"] == f"{CONNECTIONS}/{made.json()['id']}"
    assert len(made.json()["certificates"]) == 2
    works.call("DELETE", made.headers["location"])


def test_the_private_key_is_stored_encrypted(auth: Auth, works: Connection) -> None:
    ((stored,),) = auth.sql("SELECT own_key FROM saml_connections WHERE connection_id = %s", works.id)
    assert b"PRIVATE KEY" not in bytes(stored)


def test_a_call_repeated_with_its_key_makes_one_connection(works: Connection) -> None:
    headers = {"idempotency-key": f"key-{time.time_ns()}"}
    first, second = (works.call("POST", CONNECTIONS, json=draft(), headers=headers) for _ in range(2))
    assert first.json() == second.json()
    works.call("DELETE", first.headers["location"])


def test_an_organisation_has_room_for_ten(auth: Auth, works: Connection) -> None:
    rows = auth.sql("SELECT connection_id FROM saml_connections WHERE tenant_id = %s", auth.demo["tenant_id"])
    for number in range(auth.settings.most_connections - len(rows)):
        auth.sql(
            """INSERT INTO saml_connections (connection_id, tenant_id, name, entity_id, sso_url, own_key, own_certificate)
            VALUES (%s, %s, 'full', 'x', 'x', '', '')""",
            f"samlc_full{number}",
            auth.demo["tenant_id"],
        )
    assert works.call("POST", CONNECTIONS, json=draft()).status_code == 409
    auth.sql("DELETE FROM saml_connections WHERE name = 'full'")


SMALL = rsa_key(0, bits=1024)  # to be refused
UNUSABLE: list[tuple[str, Callable[[], str]]] = [
    ("no certificate", lambda: "x"),
    ("not base64", lambda: "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----"),
    ("a key", lambda: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
    ("two in one", lambda: usual_signer().pem * 2),
    ("expired", lambda: new_signer(days=(-30, -1)).pem),
    ("1024 bits", lambda: new_signer(key=SMALL).pem),
    ("a small curve", lambda: new_signer(key=ec.generate_private_key(ec.SECP224R1())).pem),
]


@pytest.mark.parametrize("text", [row[1] for row in UNUSABLE], ids=[row[0] for row in UNUSABLE])
def test_a_certificate_that_cannot_be_pinned_is_named(works: Connection, text: Callable[[], str]) -> None:
    answer = works.call("POST", CONNECTIONS, json=explicit(certificates=[usual_signer().pem, text()]))
    assert (answer.status_code, pointers(answer)) == (422, ["/certificates/1"])


REFUSED_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"sso_url": "http://idp.example/sso"}, "/sso_url"),
    ({"sso_url": "https://user:secret@idp.example/sso"}, "/sso_url"),
    ({"sso_url": "https://idp.example/sso#x"}, "/sso_url"),
    ({"sso_url": "javascript:alert(1)"}, "/sso_url"),
    ({"sso_url": "https://idp.example/\r\nset-cookie: a=b"}, "/sso_url"),
    ({"sso_url": "https://idp.example:99999/"}, "/sso_url"),
    ({"sso_url": "https:///sso"}, "/sso_url"),
    ({"sso_url": "https://idp .example/"}, "/sso_url"),
    ({"slo_url": "ftp://idp.example/"}, "/slo_url"),
    ({"entity_id": "a\tb"}, "/entity_id"),
    ({"name": "a\u0007b"}, "/name"),
    ({"role_mapping": {"desk": ["webhooks:write"]}}, "/attribute_mapping/roles"),
    ({"attribute_mapping": {"roles": "g"}, "role_mapping": {"a/b": ["no:such"]}}, "/role_mapping/a~1b/0"),
    ({"certificates": []}, "/certificates"),
    ({"certificates": ["x"] * 3}, "/certificates"),
    ({"name_id_format": "transient"}, "/name_id_format"),
    ({"metadata_xml": "<x/>"}, "/entity_id"),
]


@pytest.mark.parametrize(("fields", "pointer"), REFUSED_FIELDS)
def test_a_field_that_does_not_fit_is_named(works: Connection, fields: dict[str, Any], pointer: str) -> None:
    answer = works.call("POST", CONNECTIONS, json=explicit(**fields))
    assert answer.status_code == 422, answer.text
    assert pointer in pointers(answer)


def test_what_is_missing_is_named(works: Connection) -> None:
    answer = works.call("POST", CONNECTIONS, json={"name": "Works"})
    assert (answer.status_code, pointers(answer)) == (422, ["/entity_id", "/sso_url", "/certificates"])


# --- Reading metadata before it is used ----------------------------------------------------------------------------------


def test_the_example_of_the_contract_is_metadata_that_a_reader_can_paste(works: Connection) -> None:
    read = works.call("POST", METADATA_READ, json={"metadata_xml": METADATA_EXAMPLE})
    assert read.status_code == 200, read.text
    assert read.json()["sso_url"] == "https://idp.integrator.example/sso"
    made = works.call("POST", CONNECTIONS, json=draft(metadata_xml=METADATA_EXAMPLE))
    assert made.status_code == 201, made.text
    assert works.call("DELETE", f"{CONNECTIONS}/{made.json()['id']}").status_code == 204


def test_metadata_is_read_as_a_connection_would_get_it(works: Connection) -> None:
    next_signer = new_signer()
    before = works.call("GET").json()
    read = works.call("POST", METADATA_READ, json={"metadata_xml": metadata_of(works.entity_id, next_signer)})
    assert read.status_code == 200, read.text
    found = read.json()
    assert [found[name] for name in ("entity_id", "sso_url", "slo_url")] == [
        before[name] for name in ("entity_id", "sso_url", "slo_url")
    ]
    assert works.call("GET").json() == before
    changed = works.call("PATCH", json={"metadata_xml": metadata_of(works.entity_id, next_signer)}).json()
    assert [one["fingerprint"] for one in changed["certificates"]] == [
        one["fingerprint"] for one in found["certificates"]
    ]
    assert changed["certificates"][0]["not_after"] == found["certificates"][0]["not_after"]


def test_certificates_are_read_without_metadata(works: Connection) -> None:
    read = works.call("POST", METADATA_READ, json={"certificates": [usual_signer().pem] * 2})
    assert (read.status_code, len(read.json()["certificates"]), read.json()["sso_url"]) == (200, 1, "")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"metadata_xml": "<x/>"}, "/metadata_xml"),
        ({"metadata_xml": ""}, "/metadata_xml"),
        ({"certificates": ["x"]}, "/certificates/0"),
        ({"certificates": []}, "/certificates"),
        ({}, "/metadata_xml"),
        ({"metadata_xml": "<x/>", "certificates": ["x"]}, "/metadata_xml"),
    ],
)
def test_metadata_that_cannot_be_read_is_refused(works: Connection, body: dict[str, Any], pointer: str) -> None:
    answer = works.call("POST", METADATA_READ, json=body)
    assert (answer.status_code, pointers(answer)) == (422, [pointer])


# --- Certificates that end soon ------------------------------------------------------------------------------------------


def ending(works: Connection, **fields: Any) -> list[Any]:
    caller = works.auth.caller(tenant=works.tenant, **fields)
    answer = works.auth.call("GET", "/v1/platform/ending-credentials?within=864000", caller)
    assert answer.status_code == 200, answer.text
    return [one for one in answer.json()["certificates"] if one["connection_id"] == works.id]


def test_a_certificate_that_ends_soon_or_has_ended_is_listed_until_it_has_a_successor(works: Connection) -> None:
    assert ending(works) == []
    soon = new_signer(days=(-30, 5))
    assert works.call("PATCH", json={"certificates": [soon.pem]}).status_code == 200
    (found,) = ending(works)
    assert (found["connection_name"], found["last_used_at"]) == ("Works", None)
    works.auth.sql(
        "UPDATE saml_certificates SET not_after = now() - interval '1 day' WHERE connection_id = %s", works.id
    )
    assert [one["fingerprint"] for one in ending(works)] == [found["fingerprint"]]
    assert works.call("PATCH", json={"certificates": [soon.pem, usual_signer().pem]}).status_code == 200
    assert ending(works) == []


def test_who_may_not_read_connections_sees_no_certificate(auth: Auth, works: Connection) -> None:
    works.call("PATCH", json={"certificates": [new_signer(days=(-30, 5)).pem]})
    person = ids.new_id("usr")
    assert ending(works, subject=person) == []
    assert len(ending(works, subject=person, scopes=frozenset(["platform:apps", "platform:people:write"]))) == 1
    works.call("PATCH", json={"status": "disabled"})
    assert ending(works) == []
    works.call("PATCH", json={"status": "active"})
    open_federation(auth, auth.demo, is_open=False)
    assert ending(works) == []
    answer = auth.call("GET", "/v1/platform/ending-credentials", auth.caller(tenant=auth.other))
    assert works.id not in answer.text


def changed_metadata(change: Callable[[Any], Any]) -> str:
    root = etree.fromstring(metadata_of(ENTITY, usual_signer()))
    change(root)
    return etree.tostring(root).decode()


def without(name: str, **attributes: str) -> Callable[[Any], None]:
    def change(root: Any) -> None:
        for found in list(root.iter(tag(METADATA, name))):
            if all(found.get(key) == value for key, value in attributes.items()):
                found.getparent().remove(found)

    return change


def with_plain_http(root: Any) -> None:
    for found in root.iter(tag(METADATA, "SingleSignOnService")):
        found.set("Location", "http://idp.example/sso")


BAD_METADATA = [
    "",
    "x",
    "<x/>",
    '<!DOCTYPE x [<!ENTITY a "b">]>' + metadata_of(ENTITY, usual_signer()),
    '<!DOCTYPE x SYSTEM "file:///etc/passwd">' + metadata_of(ENTITY, usual_signer()),
    metadata_of("", usual_signer()),
    metadata_of(ENTITY),
    metadata_of(ENTITY, usual_signer(), new_signer(), new_signer()),
    metadata_of(ENTITY, new_signer(key=SMALL)),
    metadata_of(ENTITY, usual_signer(), validUntil="2020-01-01T00:00:00Z"),
    metadata_of(ENTITY, usual_signer(), validUntil="soon"),
    metadata_of(ENTITY, usual_signer()).replace("IDPSSODescriptor", "SPSSODescriptor"),
    metadata_of(ENTITY, usual_signer()).replace("SAML:2.0:protocol", "SAML:1.1:protocol"),
    changed_metadata(without("SingleSignOnService")),
    changed_metadata(without("SingleSignOnService", Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect")),
    changed_metadata(with_plain_http),
    f'<md:EntitiesDescriptor xmlns:md="{METADATA}"/>',
    f'<md:EntitiesDescriptor xmlns:md="{METADATA}">{metadata_of(ENTITY, usual_signer()) * 2}</md:EntitiesDescriptor>',
]


@pytest.mark.parametrize("text", BAD_METADATA, ids=range(len(BAD_METADATA)))
def test_metadata_that_cannot_be_used_is_refused(works: Connection, text: str) -> None:
    answer = works.call("POST", CONNECTIONS, json=draft(metadata_xml=text))
    assert (answer.status_code, pointers(answer)) == (422, ["/metadata_xml"])


def test_metadata_of_one_among_entities_is_read() -> None:
    text = f'<md:EntitiesDescriptor xmlns:md="{METADATA}">{metadata_of(ENTITY, usual_signer())}</md:EntitiesDescriptor>'
    assert metadata.read(text, plain_http=False).entity_id == ENTITY


def test_an_identity_provider_without_logout_has_none() -> None:
    assert metadata.read(metadata_of(ENTITY, usual_signer(), slo=False), plain_http=False).slo_url == ""


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=300))
def test_no_text_breaks_the_reading_of_metadata(text: str) -> None:
    with pytest.raises(MessageRefused):
        metadata.read(text, plain_http=False)


def test_other_keys_than_rsa_and_elliptic_ones_are_refused() -> None:
    key: Any = ed25519.Ed25519PrivateKey.generate()
    assert not hasattr(key, "key_size")
    with pytest.raises(ValueError, match="neither"):
        metadata.read_certificate(edwards_certificate(key))


def edwards_certificate(key: Any) -> str:
    now, name = datetime.now(UTC), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now.replace(year=now.year + 1))
    return builder.sign(key, None).public_bytes(Encoding.PEM).decode()


# --- Our metadata -----------------------------------------------------------------------------------------------------


def test_our_metadata_says_where_and_how_to_answer(works: Connection) -> None:
    answer = Browser(works.auth).get(works.path("metadata"))
    assert answer.headers["content-type"] == "application/samlmetadata+xml"
    root: Any = etree.fromstring(answer.content)
    mine = works.described["service_provider"]
    assert root.get("entityID") == mine["entity_id"]
    role = root.find(tag(METADATA, "SPSSODescriptor"))
    assert (role.get("WantAssertionsSigned"), role.get("AuthnRequestsSigned")) == ("true", "true")
    consumer = role.find(tag(METADATA, "AssertionConsumerService"))
    assert (consumer.get("Binding"), consumer.get("Location")) == (POST, mine["acs_url"])
    certificate = root.find(f".//{tag(SIGNATURE, 'X509Certificate')}").text
    assert certificate in mine["certificate"].replace("\n", "")


@pytest.mark.parametrize("id", [UNKNOWN, "x", "%00", "a" * 5000])
def test_there_is_no_metadata_of_nothing(auth: Auth, id: str) -> None:
    assert auth.call("GET", f"/v1/saml/{id}/metadata").status_code == 404


# --- Changing ----------------------------------------------------------------------------------------------------------


def test_a_change_changes_what_it_names(works: Connection) -> None:
    new = new_signer()
    changed = works.call("PATCH", json={"name": "Works 2", "certificates": [new.pem]}).json()
    assert (changed["name"], changed["entity_id"]) == ("Works 2", works.entity_id)
    assert [one["pem"] for one in changed["certificates"]] == [new.pem]
    assert works.call("PATCH", json={}).json()["name"] == "Works 2"


def test_new_metadata_replaces_all_that_stands_in_it(works: Connection) -> None:
    new = new_signer()
    changed = works.call(
        "PATCH", json={"metadata_xml": metadata_of("https://new.example/metadata", new, slo=False)}
    ).json()
    assert (changed["sso_url"], changed["slo_url"]) == ("https://new.example/sso", "")
    assert [one["pem"] for one in changed["certificates"]] == [new.pem]


def test_a_mapping_is_checked_against_what_stands(works: Connection) -> None:
    assert works.call("PATCH", json={"role_mapping": {"a": ["webhooks:read"]}}).status_code == 422
    both = {"attribute_mapping": {"roles": "g"}, "role_mapping": {"a": ["webhooks:read"]}}
    assert works.call("PATCH", json=both).status_code == 200
    assert works.call("PATCH", json={"attribute_mapping": {"roles": ""}}).status_code == 422


# --- Domains ------------------------------------------------------------------------------------------------------------


def test_a_domain_is_claimed_shown_and_proven(works: Connection, name_server: NameServer) -> None:
    domain = f"works{time.time_ns()}.example"
    claimed = works.call("POST", "domains", json={"domain": domain.upper() + "."})
    assert claimed.status_code == 201
    record = claimed.json()["dns_record"]
    assert (record["type"], record["name"]) == ("TXT", f"_knogin-challenge.{domain}")
    assert works.call("GET", f"domains/{domain}").json() == claimed.json()
    assert works.call("POST", "domains", json={"domain": domain}).status_code == 409
    for texts in (["another"], [record["value"] + "x"], []):
        name_server.texts[record["name"]] = texts
        early = works.call("POST", f"domains/{domain}/prove")
        assert (early.status_code, record["name"] in early.json()["detail"]) == (409, True)
    name_server.texts[record["name"]] = None
    assert works.call("POST", f"domains/{domain}/prove").status_code == 503
    name_server.texts[record["name"]] = [record["value"]]
    proven = works.call("POST", f"domains/{domain}/prove").json()
    assert proven["status"] == "proven"
    assert works.call("POST", f"domains/{domain}/prove").json() == proven
    assert works.call("GET").json()["domains"] == [proven]
    assert works.call("DELETE", f"domains/{domain}").status_code == 204
    assert works.call("GET", f"domains/{domain}").status_code == 404


def test_an_unanswered_name_is_a_domain_not_proven(works: Connection) -> None:
    domain = f"nowhere{time.time_ns()}.example"
    works.call("POST", "domains", json={"domain": domain})
    assert works.call("POST", f"domains/{domain}/prove").status_code == 409


def test_a_domain_belongs_to_who_has_proven_it(auth: Auth, works: Connection, name_server: NameServer) -> None:
    domain = works.prove(name_server)
    theirs = Connection(auth, auth.other)
    try:
        claimed = theirs.call("POST", "domains", json={"domain": domain})
        assert claimed.status_code == 201, "a claim hinders nobody, and is hindered by nobody"
        record = claimed.json()["dns_record"]
        assert theirs.call("POST", f"domains/{domain}/prove").status_code == 409, "the first one's token is not theirs"
        name_server.texts[record["name"]] = [record["value"]]
        taken = theirs.call("POST", f"domains/{domain}/prove")
        assert (taken.status_code, "Another organisation" in taken.json()["detail"]) == (409, True)
        assert works.call("DELETE", f"domains/{domain}").status_code == 204
        assert theirs.call("POST", f"domains/{domain}/prove").status_code == 200
    finally:
        theirs.remove()


@pytest.mark.parametrize(
    "domain",
    [
        "works",
        "wörks.example",
        "-a.example",
        "a..example",
        "a b.example",
        "1.2.3.4",
        "x" * 64 + ".example",
        "a_b.example",
    ],
)
def test_what_is_no_domain_is_refused(works: Connection, domain: str) -> None:
    answer = works.call("POST", "domains", json={"domain": domain})
    assert (answer.status_code, pointers(answer)) == (422, ["/domain"])


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("a@Works.Example", "works.example"),
        (" a@works.example. ", "works.example"),
        ("a@b@works.example", None),
        ("a@works\u3002example", None),
        ("a@wor\u212as.example", None),
        ("a@W\u00d6rks.example", "xn--wrks-5qa.example"),
        ("a@xn--wrks-5qa.example", "xn--wrks-5qa.example"),
        ("a@wörks.example", "xn--wrks-5qa.example"),
        ("a", None),
        ("@works.example", None),
        ("a@", None),
        ("a@" + "ö" * 70 + ".example", None),
        ("a@works", None),
    ],
)
def test_the_domain_of_an_address(email: str, domain: str | None) -> None:
    assert domains.of_email(email) == domain


@given(st.text())
def test_any_text_has_a_domain_that_a_claim_may_name_or_none(email: str) -> None:
    for text in (email, f"a@{email}"):
        domain = domains.of_email(text)
        assert (domain is None) == (domains.objection_to(text.strip()) is not None)
        assert domain is None or domains.of_email(f"b@{domain}") == domain
