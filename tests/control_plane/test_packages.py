"""Packages: immutable versions, each signed by a key of the app that publishes it, with the content whose digest was signed."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.control_plane import tasks
from services.control_plane.app import create_app
from services.control_plane.settings import Settings
from shared.storage.database import task_transaction
from tests.control_plane.conftest import Inside, Partner
from tests.control_plane.publishing import CONTENT, Publisher, jwk, sign
from tests.support.alone import client_of


@pytest.fixture
def publisher(partner: Partner) -> Publisher:
    return Publisher(partner)


WRITING = ["argus:incidents:write"]


def pointers(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [error["pointer"] for error in answer.json()["errors"]]


def test_a_version_is_announced_filled_read_and_downloaded(publisher: Publisher) -> None:
    announced = publisher.announce("1.4.0-rc.1+build.7")
    assert announced["status"] == "awaiting_content"
    path = f"{publisher.versions}/1.4.0-rc.1+build.7"
    assert publisher.app.get(f"{path}/content").status_code == 404
    published = publisher.app.put(f"{path}/content", CONTENT).json()
    assert published["status"] == "published"
    assert published["size"] == len(CONTENT)
    assert publisher.app.get(path).json() == published
    content = publisher.app.get(f"{path}/content")
    assert content.content == CONTENT
    assert content.headers["content-type"] == "application/octet-stream"
    assert content.headers["content-disposition"] == "attachment"
    assert publisher.app.get(publisher.versions).json()["versions"] == [published]


def test_ten_mebibytes_are_taken_and_a_byte_more_is_not(publisher: Publisher) -> None:
    content = bytes(10 << 20)
    assert publisher.publish("1.0.0", content)["size"] == 10 << 20
    answer = publisher.app.put(f"{publisher.versions}/1.0.0/content", content + b"x")
    assert answer.status_code == 413


def test_a_version_is_published_once(publisher: Publisher) -> None:
    publisher.publish("1.0.0")
    for again in ("1.0.0", "1.0.0+another.build"):
        answer = publisher.app.post(publisher.versions, publisher.signed(again, b"other content"))
        assert answer.status_code == 409
    assert publisher.app.get(f"{publisher.versions}/1.0.0/content").content == CONTENT


def test_of_two_that_publish_one_version_at_once_one_does(publisher: Publisher) -> None:
    drafts = [publisher.signed("2.0.0", content) for content in (b"one", b"two")]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda draft: publisher.app.post(publisher.versions, draft), drafts))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


def test_the_contents_of_an_organisation_have_a_limit_also_when_they_come_at_once(
    partner: Partner, settings: Settings
) -> None:
    limited = create_app(msgspec.structs.replace(settings, package_storage_mib=1))
    with client_of(limited) as http:
        app = Partner(http, partner.tenant_id)
        publisher = Publisher(app)
        halves = [bytes([number]) * (1 << 19) for number in range(3)]
        for number, half in enumerate(halves):
            publisher.announce(f"1.0.{number}", half)
        paths = [f"{publisher.versions}/1.0.{number}/content" for number in range(3)]
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(app.put, paths, halves))
        statuses = [answer.status_code for answer in answers]
        assert sorted(statuses) == [200, 200, 409]
        assert answers[statuses.index(409)].json()["stored_bytes"] == 1 << 20
        stored = statuses.index(200)
        assert app.put(paths[stored], halves[stored]).status_code == 200  # a repeat of the stored content


def test_an_upload_repeated_is_answered_alike_and_stored_once(publisher: Publisher, inside: Inside) -> None:
    announced = publisher.announce()
    path = f"{publisher.versions}/1.0.0/content"
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: publisher.app.put(path, CONTENT), range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert inside.rows("SELECT count(*) FROM contents WHERE version_id = %s", announced["id"]) == [(1,)]


def test_no_statement_can_change_what_was_signed(publisher: Publisher, inside: Inside) -> None:
    version = publisher.publish()
    for change in ("scopes = '{}'", "published_at = now()", "content_sha256 = 'x'", "entry = 'other'"):
        with pytest.raises(psycopg.errors.RaiseException, match="immutable"):
            inside.owner.execute(f"UPDATE versions SET {change} WHERE id = %s", (version["id"],))
    with inside.consumer.pool.connection() as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("UPDATE contents SET body = 'x'")


@pytest.mark.parametrize(
    "swapped",
    [
        {"version": "1.0.1"},
        {"entry": "bin/other"},
        {"scopes": ["argus:incidents:write"]},
        {"scopes": []},
        {"event_types": ["incident.created", "incident.closed"]},
        {"content_sha256": "0" * 64},
    ],
    ids=lambda swapped: next(iter(swapped)),
)
def test_a_manifest_other_than_the_signed_one_is_refused(publisher: Publisher, swapped: dict[str, Any]) -> None:
    answer = publisher.app.post(publisher.versions, publisher.signed() | swapped)
    assert pointers(answer) == ["/signature"]


def test_a_template_other_than_the_signed_one_is_refused(publisher: Publisher) -> None:
    draft = publisher.signed(scopes=WRITING, automations=[template("incident.created")])
    draft["automations"][0]["name"] = "Another"
    assert pointers(publisher.app.post(publisher.versions, draft)) == ["/signature"]


def template(event_type: str) -> dict[str, Any]:
    return {
        "name": "Page the duty officer",
        "trigger": {"event_type": event_type, "filter": {"pointer": "/version", "lt": 2.5}},
        "action": {"kind": "annotate_incident", "incident_id": {"from": "/incident_id"}, "note": "seen"},
    }


def test_numbers_of_a_template_are_signed_and_kept_as_they_were_sent(publisher: Publisher) -> None:
    made = publisher.announce(scopes=WRITING, automations=[template("incident.created")])
    assert made["automations"] == [template("incident.created")]


def test_a_number_no_double_holds_has_no_canonical_form(publisher: Publisher) -> None:
    exact = "0.12345678901234567890123"
    draft = publisher.signed(scopes=WRITING, automations=[template("incident.created")])
    body = json.dumps(draft).replace("2.5", exact)
    answer = publisher.app.call("POST", publisher.versions, content=body, headers={"content-type": "application/json"})
    assert pointers(answer) == ["/automations"]


def test_a_signature_for_one_package_is_none_for_another(publisher: Publisher) -> None:
    elsewhere = publisher.app.made("/packages", {"name": "elsewhere", "kind": "connector"})["id"]
    answer = publisher.app.post(f"/packages/{elsewhere}/versions", publisher.signed())
    assert pointers(answer) == ["/signature"]


def test_a_key_that_is_not_the_apps_own_signs_nothing(publisher: Publisher, other: Partner) -> None:
    colleague = Publisher(publisher.app.colleague(), "of-a-colleague")
    foreign = Publisher(other)
    for key_id, private_key in (
        (colleague.key_id, colleague.private_key),
        (foreign.key_id, foreign.private_key),
        ("sgk_nothing", publisher.private_key),
    ):
        manifest = publisher.manifest(key_id=key_id)
        signature = sign(private_key, publisher.package_id, manifest)
        answer = publisher.app.post(publisher.versions, manifest | {"signature": signature})
        assert pointers(answer) == ["/key_id"]


def test_a_signature_under_another_private_key_is_refused(publisher: Publisher) -> None:
    manifest = publisher.manifest()
    signature = sign(Ed25519PrivateKey.generate(), publisher.package_id, manifest)
    assert pointers(publisher.app.post(publisher.versions, manifest | {"signature": signature})) == ["/signature"]


def test_a_revoked_key_signs_nothing_more(publisher: Publisher) -> None:
    publisher.publish("1.0.0")
    colleague = publisher.app.colleague()
    assert colleague.call("DELETE", f"/signing-keys/{publisher.key_id}").status_code == 204
    assert pointers(publisher.app.post(publisher.versions, publisher.signed("1.0.1"))) == ["/key_id"]
    shown = publisher.app.get(f"/signing-keys/{publisher.key_id}").json()
    assert shown["revoked_at"] is not None
    assert colleague.call("DELETE", f"/signing-keys/{publisher.key_id}").status_code == 204
    assert publisher.app.get(f"/signing-keys/{publisher.key_id}").json() == shown


def test_other_content_than_was_signed_is_refused(publisher: Publisher) -> None:
    publisher.announce()
    path = f"{publisher.versions}/1.0.0/content"
    assert publisher.app.put(path, b"other").status_code == 422
    assert publisher.app.put(path, b"").status_code == 422
    assert publisher.app.get(f"{publisher.versions}/1.0.0").json()["status"] == "awaiting_content"


def test_empty_content_is_refused_also_when_it_was_signed(publisher: Publisher) -> None:
    publisher.announce(content=b"")
    answer = publisher.app.put(f"{publisher.versions}/1.0.0/content", b"")
    assert answer.status_code == 422
    assert "empty" in answer.json()["detail"]


@pytest.mark.parametrize("media", ["application/json", "text/plain", "application/octet-stream; a=b"])
def test_content_of_another_type_is_415(publisher: Publisher, media: str) -> None:
    publisher.announce()
    assert publisher.app.put(f"{publisher.versions}/1.0.0/content", CONTENT, media).status_code == 415


def test_an_announced_version_can_be_withdrawn_and_a_published_one_cannot(publisher: Publisher) -> None:
    publisher.announce()
    assert publisher.app.call("DELETE", f"{publisher.versions}/1.0.0").status_code == 204
    assert publisher.app.get(f"{publisher.versions}/1.0.0").status_code == 404
    publisher.publish()
    assert publisher.app.call("DELETE", f"{publisher.versions}/1.0.0").status_code == 409


def test_content_that_never_came_is_no_longer_awaited_after_a_week(publisher: Publisher, inside: Inside) -> None:
    publisher.publish("1.0.0")
    publisher.announce("1.0.1")
    publisher.announce("1.0.2")
    old = "UPDATE versions SET created_at = now() - interval '8 days' WHERE package_id = %s AND version <> '1.0.2'"
    inside.owner.execute("ALTER TABLE versions DISABLE TRIGGER versions_immutable")
    inside.owner.execute(old, (publisher.package_id,))
    inside.owner.execute("ALTER TABLE versions ENABLE TRIGGER versions_immutable")
    with task_transaction(inside.consumer.pool) as conn:
        tasks.forget_awaiting(conn)
    left = publisher.app.get(publisher.versions).json()["versions"]
    assert [version["version"] for version in left] == ["1.0.2", "1.0.0"]


@pytest.mark.parametrize(
    "version",
    ["1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "1.0.0 ", "1.0.0\n", "1.0.0-ä", "١.0.0"],
)
def test_what_is_not_semantic_versioning_is_422(publisher: Publisher, version: str) -> None:
    assert pointers(publisher.app.post(publisher.versions, publisher.signed(version))) == ["/version"]


@pytest.mark.parametrize("version", ["0.0.0", "1.0.0-alpha.1", "1.0.0-0A.is.legal", "1.0.0+001", "10.20.30-rc.1+b.5"])
def test_every_semantic_version_can_be_published(publisher: Publisher, version: str) -> None:
    assert publisher.publish(version)["version"] == version


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"kind": "edge"}, "/kind"),
        ({"scopes": ["argus:everything"]}, "/scopes/0"),
        ({"scopes": ["platform:apps"]}, "/scopes/0"),
        ({"scopes": ["argus:epcr:clinical"]}, "/scopes/0"),
        ({"scopes": ["argus:acqi:read", "argus:acqi:read"]}, "/scopes"),
        ({"event_types": ["incident.*"]}, "/event_types/0"),
        ({"event_types": ["incident.created", "incident.created"]}, "/event_types"),
        ({"entry": "/bin/start"}, "/entry"),
        ({"entry": "../start"}, "/entry"),
        ({"entry": "a/./b"}, "/entry"),
        ({"entry": "C:start"}, "/entry"),
        ({"entry": "a\\b"}, "/entry"),
        ({"scopes": WRITING, "automations": [template("incident.closed")]}, "/automations/0/trigger/event_type"),
        ({"scopes": WRITING, "automations": [template("incident.created") | {"name": ""}]}, "/automations/0/name"),
        ({"automations": [template("incident.created")]}, "/automations/0/action"),
        ({"automations": [template("incident.created") | {"action": {"kind": "webhook"}}]}, "/automations/0/action"),
        ({"automations": [{"name": "x", "action": {"kind": "webhook"}}]}, "/automations/0/trigger"),
        ({"content_sha256": "A" * 64}, "/content_sha256"),
        ({"unknown": 1}, "/unknown"),
    ],
)
def test_a_manifest_that_does_not_fit_is_422_and_says_where(
    publisher: Publisher, fields: dict[str, Any], pointer: str
) -> None:
    assert pointers(publisher.app.post(publisher.versions, publisher.signed(**fields))) == [pointer]


def test_a_manifest_over_a_mebibyte_is_413(publisher: Publisher) -> None:
    draft = publisher.signed(automations=[template("incident.created") | {"name": "x" * (1 << 20)}])
    assert publisher.app.post(publisher.versions, draft).status_code == 413


def test_a_package_name_is_unique_in_its_organisation_alone(publisher: Publisher, other: Partner) -> None:
    answer = publisher.app.post("/packages", {"name": "case-sync", "kind": "edge"})
    assert answer.status_code == 409
    assert answer.json()["id"] == publisher.package_id
    assert other.post("/packages", {"name": "case-sync", "kind": "edge"}).status_code == 201


@pytest.mark.parametrize("name", ["", "Case", "-x", "x-", "a b", "x" * 64, "x\n", "../x"])
def test_a_package_name_that_is_none_is_422(partner: Partner, name: str) -> None:
    assert pointers(partner.post("/packages", {"name": name, "kind": "edge"})) == ["/name"]


def test_packages_are_listed_newest_first_by_kind_and_page(partner: Partner) -> None:
    made = [
        partner.made("/packages", {"name": f"p{n}", "kind": kind})["id"]
        for n, kind in enumerate(("edge", "connector") * 2)
    ]
    assert [one["id"] for one in partner.get("/packages").json()["packages"]] == made[::-1]
    assert [one["id"] for one in partner.get("/packages?kind=edge").json()["packages"]] == [made[2], made[0]]
    page = partner.get("/packages?limit=3")
    assert 'rel="next"' in page.headers["link"]
    rest = partner.get(f"/packages?limit=3&cursor={page.json()['next_cursor']}").json()
    assert [one["id"] for one in rest["packages"]] == [made[0]]
    assert rest["next_cursor"] is None
    assert partner.get("/packages?kind=other").status_code == 422
    assert partner.get("/packages?cursor=***").status_code == 422


def test_a_create_repeated_with_its_key_is_one_package(partner: Partner) -> None:
    body = {"name": "once", "kind": "edge"}
    first, second = (partner.post("/packages", body, Idempotency_Key="k1") for _ in range(2))
    assert first.json() == second.json()
    assert partner.post("/packages", body | {"name": "twice"}, Idempotency_Key="k1").status_code == 422


@pytest.mark.parametrize(
    ("key", "pointer"),
    [
        ({"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}, "/jwk/x"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "A" * 42 + "B"}, "/jwk/x"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "short"}, "/jwk/x"),
        ({"kty": "OKP", "crv": "X25519", "x": "A" * 43}, "/jwk/crv"),
        ({"kty": "RSA", "crv": "Ed25519", "x": "A" * 43}, "/jwk/kty"),
        (jwk(Ed25519PrivateKey.from_private_bytes(bytes(32))) | {"d": "A" * 43}, "/jwk/d"),
    ],
)
def test_a_key_nobody_should_sign_with_is_422(partner: Partner, key: dict[str, str], pointer: str) -> None:
    assert pointers(partner.post("/signing-keys", {"name": "k", "jwk": key})) == [pointer]


def test_a_key_is_registered_once_and_twenty_are_enough(partner: Partner) -> None:
    key = jwk(Ed25519PrivateKey.generate())
    known = partner.made("/signing-keys", {"name": "k", "jwk": key})["id"]
    again = partner.post("/signing-keys", {"name": "k", "jwk": key})
    assert (again.status_code, again.json()["id"]) == (409, known)
    for _ in range(19):
        partner.made("/signing-keys", {"name": "k", "jwk": jwk(Ed25519PrivateKey.generate())})
    assert partner.post("/signing-keys", {"name": "k", "jwk": jwk(Ed25519PrivateKey.generate())}).status_code == 409
    partner.call("DELETE", f"/signing-keys/{known}")
    assert partner.post("/signing-keys", {"name": "k", "jwk": jwk(Ed25519PrivateKey.generate())}).status_code == 201
    assert len(partner.get("/signing-keys").json()["signing_keys"]) == 21


def test_what_another_tenant_has_is_not_there(publisher: Publisher, other: Partner) -> None:
    publisher.publish()
    for path in (
        f"/packages/{publisher.package_id}",
        publisher.versions,
        f"{publisher.versions}/1.0.0",
        f"{publisher.versions}/1.0.0/content",
        f"/signing-keys/{publisher.key_id}",
    ):
        assert other.get(path).status_code == 404
    assert other.post(publisher.versions, publisher.signed("2.0.0")).status_code == 404
    assert other.put(f"{publisher.versions}/1.0.0/content", CONTENT).status_code == 404
    assert other.call("DELETE", f"{publisher.versions}/1.0.0").status_code == 404
    assert other.call("DELETE", f"/signing-keys/{publisher.key_id}").status_code == 404
    assert other.get("/packages").json()["packages"] == []
    assert other.get("/signing-keys").json()["signing_keys"] == []


@pytest.mark.parametrize(
    "path", ["/packages/x", "/packages/pkg_x/versions", "/packages/x/versions/1.0.0", "/signing-keys/x"]
)
def test_an_id_that_is_none_of_ours_is_404(partner: Partner, path: str) -> None:
    assert partner.get(path).status_code == 404


def test_what_is_done_stands_in_the_audit_trail(publisher: Publisher, inside: Inside) -> None:
    version = publisher.publish()
    rows = inside.rows("SELECT action, client_id FROM audit WHERE tenant_id = %s ORDER BY id", publisher.app.tenant_id)
    actions = ["signing_key.registered", "package.created", "version.announced", "version.published"]
    assert rows == [(action, publisher.app.client_id) for action in actions]
    assert version["content_sha256"] == hashlib.sha256(CONTENT).hexdigest()


READS = ["/packages", "/packages/pkg_x", "/packages/pkg_x/versions", "/packages/pkg_x/versions/1.0.0", "/signing-keys"]
WRITES = [
    ("POST", "/packages"),
    ("POST", "/packages/pkg_x/versions"),
    ("PUT", "/packages/pkg_x/versions/1.0.0/content"),
    ("DELETE", "/packages/pkg_x/versions/1.0.0"),
    ("POST", "/signing-keys"),
    ("DELETE", "/signing-keys/sgk_x"),
]


@pytest.mark.parametrize("path", READS)
def test_reading_needs_the_scope(partner: Partner, path: str) -> None:
    answer = partner.colleague("argus:epcr:write").get(path)
    assert (answer.status_code, answer.json()["scope"]) == (403, "argus:platform:read")


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_writing_needs_the_scope(partner: Partner, method: str, path: str) -> None:
    answer = partner.colleague("argus:platform:read").call(method, path)
    assert (answer.status_code, answer.json()["scope"]) == (403, "argus:platform:write")


@pytest.mark.parametrize("path", ["/packages", "/signing-keys"])
def test_what_is_not_json_is_refused_as_everywhere(partner: Partner, path: str) -> None:
    def send(content: bytes, media: str = "application/json") -> int:
        return partner.call("POST", path, content=content, headers={"content-type": media}).status_code

    assert send(b"{}", "text/plain") == 415
    assert send(b"{") == 400
    assert send(b"[]") == 422
    assert send(b"{}") == 422
    assert send(b'"' + b"x" * (1 << 20) + b'"') == 413
