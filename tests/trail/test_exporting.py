"""An export is complete and signed, or it shows that it is not."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from deploy.docs.site.pages import SAMPLES
from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from shared.primitives.crypto import base64url_decode, base64url_encode
from shared.trail import exporting
from shared.web.identity import HEADER, Caller, mint
from shared.web.problems import Problem
from tests.support import alone
from tests.support.waiting import wait_for
from tests.trail.conftest import TRAIL, Reader, running
from tests.trail.test_reading import fill

EXPORT = f"{TRAIL}/export"
LONG_AGO = "2020-01-01T00:00:00Z"
LONG_TRANSACTIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start < now() - interval '1 second'
"""


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries of this test are in the export at once."""
    monkeypatch.setattr(exporting, "SETTLED", timedelta(0))


def lines_of(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.content.splitlines()]


def verified(answer: httpx2.Response, keys: list[dict[str, str]]) -> dict[str, Any]:
    """The statement of an export, as a partner checks it. Raises InvalidSignature, and AssertionError for other lines."""
    *_, last = lines_of(answer)
    before = answer.content[: answer.content.rindex(b"\n", 0, -1) + 1] if answer.content.count(b"\n") > 1 else b""
    signed, _, signature = last["signature"].rpartition(".")
    header, payload = (json.loads(base64url_decode(part)) for part in signed.split("."))
    assert (header["alg"], header["typ"]) == ("EdDSA", "audit-export+jws")
    (key,) = [each for each in keys if each["kid"] == header["kid"]]
    Ed25519PublicKey.from_public_bytes(base64url_decode(key["x"])).verify(base64url_decode(signature), signed.encode())
    assert payload["sha256"] == hashlib.sha256(before).hexdigest()
    return payload


def keys_of(reader: Reader) -> list[dict[str, str]]:
    return reader.get(f"{TRAIL}/keys").json()["keys"]


def test_an_export_has_every_entry_oldest_first_and_a_signature_over_all_bytes(reader: Reader) -> None:
    names = [f"dev_{number}" for number in range(7)]
    reader.write(*names)
    answer = reader.get(EXPORT, params={"since": LONG_AGO})
    entries = [line for line in lines_of(answer)[:-1] if not line["action"].startswith("audit.")]
    assert [entry["subject_id"] for entry in entries] == names
    assert entries[0] == reader.entries()[-1]
    statement = verified(answer, keys_of(reader))
    number, last = len(lines_of(answer)) - 1, lines_of(answer)[-2]["id"]
    assert statement.items() >= {
        "service": "device-ingest", "tenant_id": reader.tenant_id, "client_id": reader.client_id, "actor": None,
        "filters": {}, "since": LONG_AGO, "entries": number, "last_id": last, "complete": True,
    }.items()  # fmt: skip
    assert datetime.fromisoformat(statement["until"]) <= datetime.now(UTC)


def test_an_export_of_several_portions_has_each_entry_once(reader: Reader, database: Database) -> None:
    fill(database, reader.tenant_id, 3 * exporting.PORTION)
    answer = reader.get(EXPORT, params={"since": LONG_AGO, "until": "2026-01-01T00:00:00Z"})
    entries = lines_of(answer)[:-1]
    assert [entry["subject_id"] for entry in entries] == [f"dev_{number}" for number in range(3 * exporting.PORTION)]
    assert verified(answer, keys_of(reader))["entries"] == 3 * exporting.PORTION


def test_an_export_of_few_among_many_looks_further_than_one_window(reader: Reader, database: Database) -> None:
    fill(database, reader.tenant_id, 21_000)
    query = {"since": LONG_AGO, "until": "2026-01-01T00:00:00Z", "action": "device.enrol", "subject_id": "dev_20999"}
    assert [line["subject_id"] for line in lines_of(reader.get(EXPORT, params=query))[:-1]] == ["dev_20999"]
    with psycopg.connect(database.admin) as conn:
        conn.execute(
            "UPDATE audit SET actor = 'usr_rare' WHERE tenant_id = %s AND subject_id = 'dev_20999'", (reader.tenant_id,)
        )
    query = {"since": "2025-01-01T05:49:59Z", "until": "2026-01-01T00:00:00Z"}
    assert [line["subject_id"] for line in lines_of(reader.get(EXPORT, params=query))[:-1]] == ["dev_20999"]


def test_an_export_goes_on_where_one_ended(reader: Reader, monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    monkeypatch.setattr(exporting, "MOST", 4)
    fill(database, reader.tenant_id, 6)
    period = {"since": LONG_AGO, "until": "2026-01-01T00:00:00Z"}
    first = reader.get(EXPORT, params=period)
    statement = verified(first, keys_of(reader))
    assert (statement["entries"], statement["complete"]) == (4, False)
    second = reader.get(EXPORT, params=period | {"after": statement["last_id"]})
    assert (
        verified(second, keys_of(reader)).items()
        >= {"entries": 2, "complete": True, "after": statement["last_id"]}.items()
    )
    both = [*lines_of(first)[:-1], *lines_of(second)[:-1]]
    assert [entry["subject_id"] for entry in both] == [f"dev_{number}" for number in range(6)]


def test_an_export_of_nothing_is_signed_too(reader: Reader) -> None:
    answer = reader.get(EXPORT, params={"since": LONG_AGO, "until": "2021-01-01T00:00:00Z"})
    assert verified(answer, keys_of(reader)).items() >= {"entries": 0, "complete": True, "last_id": None}.items()


def test_entries_of_the_last_minute_are_not_exported_while_transactions_may_add_others(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "SETTLED", timedelta(seconds=60))
    reader.write("dev_1")
    answer = reader.get(EXPORT, params={"since": LONG_AGO})
    assert len(lines_of(answer)) == 1
    assert datetime.fromisoformat(verified(answer, keys_of(reader))["until"]) <= datetime.now(UTC) - timedelta(
        seconds=60
    )
    refused = reader.get(EXPORT, params={"since": datetime.now(UTC).isoformat()})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "since")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"dev_1", b"dev_9"),
        lambda text: text[text.index(b"\n") + 1 :],
        lambda text: text.replace(b"usr_1", b"usr_2", 1),
        lambda text: b"\n" + text,
    ],
)
def test_a_changed_export_does_not_verify(reader: Reader, change: Any) -> None:
    reader.write("dev_0", "dev_1")
    answer = reader.get(EXPORT, params={"since": LONG_AGO})
    changed = httpx2.Response(200, content=change(answer.content), headers=answer.headers)
    keys = keys_of(reader)
    verified(answer, keys)
    with pytest.raises((AssertionError, json.JSONDecodeError)):
        verified(changed, keys)


def test_a_statement_signed_by_another_key_does_not_verify(reader: Reader) -> None:
    answer = reader.get(EXPORT, params={"since": LONG_AGO})
    keys = [key | {"x": base64url_encode(b"\1" * 32)} for key in keys_of(reader)]
    with pytest.raises((InvalidSignature, ValueError)):
        verified(answer, keys)


def test_keys_of_older_encryption_keys_stay_listed_and_their_exports_verify(
    reader: Reader, database: Database, redis_server: RedisServer
) -> None:
    before = reader.get(EXPORT, params={"since": LONG_AGO})
    newer = f"2:{base64url_encode(bytes([9] * 32))},{alone.ENCRYPTION_KEYS}"
    with running(database, redis_server, encryption_keys=newer) as http:
        later = Reader(http, reader.tenant_id)
        keys = keys_of(later)
        assert len(keys) == 2
        verified(before, keys)
        verified(later.get(EXPORT, params={"since": LONG_AGO}), keys)
        answer = later.get(EXPORT, params={"since": LONG_AGO})
        assert header_of(answer)["kid"] == keys[0]["kid"] != header_of(before)["kid"]


def header_of(answer: httpx2.Response) -> dict[str, str]:
    header: dict[str, str] = json.loads(base64url_decode(lines_of(answer)[-1]["signature"].split(".")[0]))
    return header


def test_everybody_may_fetch_the_keys_which_hold_nothing_private(reader: Reader) -> None:
    nobody = Caller(address="203.0.113.9")
    answer = reader.http.get(f"{TRAIL}/keys", headers={HEADER: mint(nobody, alone.KEY, "device_ingest")})
    assert answer.status_code == 200
    assert [set(key) for key in answer.json()["keys"]] == [{"kid", "x", "kty", "crv", "alg", "use"}]


def test_an_export_leaves_an_entry(reader: Reader) -> None:
    reader.get(EXPORT, params={"since": LONG_AGO, "action": "device.enrol"})
    reader.get(EXPORT, params={"since": LONG_AGO, "action": "device.enrol"})
    noted = [entry for entry in reader.get(TRAIL).json()["entries"] if entry["action"] == "audit.export"]
    (filters,) = [entry["detail"]["filters"] for entry in noted]
    assert (filters["action"], filters["since"][:13]) == ("device.enrol", "2020-01-01T00")
    assert filters["until"] != "given"


def test_head_sends_no_export(reader: Reader) -> None:
    answer = reader.call("HEAD", EXPORT, params={"since": LONG_AGO})
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"", "application/x-ndjson")


# Attacks


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({}, "since"),
        ({"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since"),
        ({"since": LONG_AGO, "after": "aud_1"}, "after"),
        ({"since": LONG_AGO, "after": "dev_" + "0" * 26}, "after"),
        ({"since": LONG_AGO, "cursor": "x"}, "cursor"),
    ],
)
def test_a_wrong_question_is_refused_before_the_first_line(reader: Reader, query: dict[str, str], pointer: str) -> None:
    answer = reader.get(EXPORT, params=query)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


def test_an_export_has_no_entry_of_another_organisation(reader: Reader, other: Reader) -> None:
    other.write("dev_theirs")
    theirs = other.entries()[0]["id"]
    reader.write("dev_mine")
    found = lines_of(reader.get(EXPORT, params={"since": LONG_AGO}))[:-1]
    assert [entry["subject_id"] for entry in found] == ["dev_mine"]
    refused = reader.get(EXPORT, params={"since": LONG_AGO, "after": theirs})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "after")


@pytest.fixture
def large(database: Database, reader: Reader) -> str:
    """More than the buffers between a service and a client hold."""
    fill(database, reader.tenant_id, 60_000)
    return "2026-01-01T00:00:00Z"


@pytest.fixture
def kept_open(reader: Reader, large: str) -> Iterator[httpx2.Response]:
    """An export whose client reads its head and then nothing."""
    with reader.http.stream(
        "GET", EXPORT, params={"since": LONG_AGO, "until": large}, headers=reader.headers()
    ) as answer:
        assert answer.status_code == 200
        yield answer


def test_exports_kept_open_hold_no_connection_and_stop_nobody_else(
    reader: Reader, other: Reader, kept_open: httpx2.Response, database: Database
) -> None:
    with reader.http.stream("GET", EXPORT, params={"since": LONG_AGO}, headers=reader.headers()) as second:
        assert second.status_code == 200
        refused = reader.get(EXPORT, params={"since": LONG_AGO})
        assert (refused.status_code, "retry-after" in refused.headers) == (429, True)
        with psycopg.connect(database.admin) as conn:

            def idle() -> bool:
                return conn.execute(LONG_TRANSACTIONS).fetchone() == (0,)

            wait_for(idle)
        assert reader.get(TRAIL).status_code == 200
        assert len(lines_of(other.get(EXPORT, params={"since": LONG_AGO}))) >= 1


def test_the_place_of_an_export_whose_client_left_is_free_again(reader: Reader, large: str) -> None:
    for _ in range(3):
        with reader.http.stream(
            "GET", EXPORT, params={"since": LONG_AGO, "until": large}, headers=reader.headers()
        ) as answer:
            assert answer.status_code == 200
        wait_for(lambda: reader.call("HEAD", EXPORT, params={"since": LONG_AGO}).status_code == 200)

    def free() -> bool:
        return reader.get(EXPORT, params={"since": LONG_AGO, "until": "2021-01-01T00:00:00Z"}).status_code == 200

    wait_for(free)
    assert free()


def test_an_export_that_takes_too_long_ends_without_a_signature(
    reader: Reader, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "SECONDS", -1.0)
    fill(database, reader.tenant_id, 2 * exporting.PORTION)
    *entries, last = lines_of(reader.get(EXPORT, params={"since": LONG_AGO, "until": "2026-01-01T00:00:00Z"}))
    assert len(entries) == exporting.PORTION
    assert last.keys() == {"broken_off"}


def test_an_export_ends_when_its_token_is_revoked(
    reader: Reader, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.web.identity import Verifier

    fill(database, reader.tenant_id, 2 * exporting.PORTION)
    monkeypatch.setattr(Verifier, "is_revoked", lambda *_: True)
    *entries, last = lines_of(reader.get(EXPORT, params={"since": LONG_AGO, "until": "2026-01-01T00:00:00Z"}))
    assert (len(entries), last) == (exporting.PORTION, {"broken_off": exporting.REVOKED})


def test_exports_of_many_organisations_at_once_are_bounded() -> None:
    places = exporting.Places()
    left = [places.enter(Caller(tenant_id=f"org_{number}")) for number in range(exporting.AT_ONCE)]
    for tenant in ("org_0", "org_new"):
        with pytest.raises(Problem) as refused:
            places.enter(Caller(tenant_id=tenant))
        assert refused.value.status == 429
    for leave in left:
        leave()
    assert places.enter(Caller(tenant_id="org_new"))


def test_an_organisation_with_its_sandboxes_leaves_places_to_others() -> None:
    places, refused = exporting.Places(), 0
    sandboxes = [Caller(tenant_id=f"org_sandbox{number}", environment="sandbox") for number in range(3)]
    for caller in [Caller(tenant_id="org_1"), *sandboxes] * 2:
        try:
            places.enter(caller)
        except Problem:
            refused += 1
    assert refused == 4
    for number in range(3):
        assert places.enter(Caller(tenant_id=f"org_other{number}"))


def test_organisations_with_two_exports_leave_the_last_place_to_another() -> None:
    places = exporting.Places()
    for number in range(3):
        for _ in range(2):
            places.enter(Caller(tenant_id=f"org_{number}"))
    places.enter(Caller(tenant_id="org_3"))
    with pytest.raises(Problem):
        places.enter(Caller(tenant_id="org_3"))
    assert places.enter(Caller(tenant_id="org_new"))


def test_the_sample_of_the_guide_verifies_an_export_and_refuses_a_changed_one(reader: Reader) -> None:
    reader.write("dev_1")
    names: dict[str, Any] = {"__name__": "sample"}
    exec(compile((SAMPLES / "audit.py").read_text(), "audit.py", "exec"), names)  # noqa: S102 - our own sample
    keys = {key["kid"]: key["x"] for key in keys_of(reader)}
    for query in ({"since": LONG_AGO}, {"since": LONG_AGO, "until": "2021-01-01T00:00:00Z"}):
        answer = reader.get(EXPORT, params=query)
        assert names["verify"](answer.content, keys) == verified(answer, keys_of(reader))
    export = reader.get(EXPORT, params={"since": LONG_AGO}).content
    with pytest.raises(ValueError, match="not those that were signed"):
        names["verify"](export.replace(b"dev_1", b"dev_2"), keys)
