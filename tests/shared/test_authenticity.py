"""A consumer accepts only messages that their producer signed and may send, even if attackers can write into its queues."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from prometheus_client import REGISTRY
from redis import Redis

from deploy.local.databases import Database
from shared.messaging import authenticity
from shared.messaging.authenticity import Sealed
from shared.messaging.broker import MAX_CALL_BYTES, Call
from shared.messaging.messages import acknowledgements_queue
from shared.primitives import ids
from shared.primitives.crypto import PublicKeys
from tests.shared.support import (
    ACKS,
    QUEUE,
    acknowledging,
    consuming,
    effects,
    link,
    publish,
    relay_of,
    running,
    unacknowledged,
    worker_of,
)
from tests.support.messages import PUBLIC_KEYS, acknowledgement, envelope, sealed, signer, signing_key
from tests.support.waiting import wait_for

DAY = 24 * 3600


def message(body: dict[str, Any] | None = None, tenant_id: str = "org_1", **changes: Any) -> dict[str, Any]:
    """A message in its wire form; by default one that epcr may send to device-ingest."""
    link_body = {
        "name": "device_ingest.encounter_links.v1",
        "encounter_id": "enc_1",
        "link": "linked",
        "observation_ids": ["obs_1"],
    }
    return envelope(tenant_id, body or link_body) | changes


def refused(reason: str, producer: str) -> float:
    labels = {"reason": reason, "producer": producer}
    return REGISTRY.get_sample_value("messages_refused_total", labels) or 0


def resealed(
    call: Sealed, key_of: str, purpose: authenticity.Purpose = "batch", receiver: str = "device_ingest"
) -> Sealed:
    """The call with a signature by another service's key, or for another purpose or receiver."""
    return call._replace(signature=signer(key_of).sign(purpose, call.sender, receiver, str(call.sent_ns), call.text))


def sent_at(call: Sealed, seconds_ago: float) -> Sealed:
    return resealed(call._replace(sent_ns=time.time_ns() - int(seconds_ago * 1e9)), call.sender)


GOOD = sealed("epcr", "device_ingest", [message()])
FORGED: dict[str, tuple[Any, str, str]] = {
    "nothing": ((), "malformed", "unknown"),
    "unsigned, as a version before sent it": (("epcr", time.time_ns(), GOOD.text), "malformed", "unknown"),
    "an empty signature": (GOOD._replace(signature=""), "signature", "epcr"),
    "another key of the right name": (resealed(GOOD, "device_ingest"), "signature", "epcr"),
    "a key id nobody has": (GOOD._replace(signature="k9." + GOOD.signature.partition(".")[2]), "signature", "epcr"),
    "a changed text": (GOOD._replace(text=GOOD.text.replace("enc_1", "enc_2")), "signature", "epcr"),
    "a changed time": (GOOD._replace(sent_ns=GOOD.sent_ns + 1), "signature", "epcr"),
    "a changed sender": (GOOD._replace(sender="auth"), "signature", "auth"),
    "a sender that is no service": (GOOD._replace(sender="x" * 1000), "signature", "unknown"),
    "an acknowledgement's signature": (resealed(GOOD, "epcr", purpose="acknowledgement"), "signature", "epcr"),
    "meant for another": (resealed(GOOD, "epcr", receiver="graphql_api"), "signature", "epcr"),
    "older than a day": (sent_at(GOOD, DAY + 60), "stale", "epcr"),
    "from the time before time": (sent_at(GOOD, time.time()), "stale", "epcr"),
    "a day ahead": (sent_at(GOOD, -DAY), "early", "epcr"),
    "a time that is none": (GOOD._replace(sent_ns="now"), "malformed", "unknown"),
    "a negative time": (GOOD._replace(sent_ns=-1), "malformed", "unknown"),
    "a time too long": (GOOD._replace(sent_ns=10**30), "malformed", "unknown"),
    "no JSON": (authenticity.seal(signer("epcr"), "batch", "epcr", "device_ingest", "{"), "malformed", "epcr"),
    "deep JSON": (authenticity.seal(signer("epcr"), "batch", "epcr", "device_ingest", "[" * 5000), "malformed", "epcr"),
    "an envelope without a tenant": (sealed("epcr", "device_ingest", [{"id": str(ids.uuid7())}]), "malformed", "epcr"),
    "too many": (sealed("epcr", "device_ingest", [message()] * 1001), "malformed", "epcr"),
    "a kind of another producer": (sealed("device_ingest", "device_ingest", [message()]), "kind", "device_ingest"),
    "a kind of no producer": (sealed("epcr", "device_ingest", [message({"name": "x.y.v1"})]), "kind", "epcr"),
    "a kind for another consumer": (
        sealed("epcr", "device_ingest", [message({"name": "graphql_api.encounter_facts.v1", "version": 1})]), "kind", "epcr",
    ),
    "no kind": (sealed("epcr", "device_ingest", [message({"a": 1})]), "malformed", "epcr"),
    "no tenant": (sealed("epcr", "device_ingest", [message(tenant_id="")]), "tenant", "epcr"),
    "a tenant that is none": (sealed("epcr", "device_ingest", [message(tenant_id="org_1'; --")]), "tenant", "epcr"),
    "the platform": (sealed("epcr", "device_ingest", [message(tenant_id="platform")]), "tenant", "epcr"),
    "a tenant and a line": (sealed("epcr", "device_ingest", [message(tenant_id="org_1\n")]), "tenant", "epcr"),
}  # fmt: skip


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_batch_has_no_effect_is_not_acknowledged_and_is_counted(
    consumer: Database, redis_url: str, what: str
) -> None:
    call, reason, producer = FORGED[what]
    before = refused(reason, producer)
    worker = worker_of("device_ingest", consumer, redis_url).consumer
    worker.consume(*call)
    assert refused(reason, producer) > before
    assert effects(consumer) == (0, 0)
    with psycopg.connect(consumer.admin) as conn:
        for table in ("inbox", "failures", "dead_letters"):
            assert conn.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    with Redis.from_url(redis_url) as redis:
        assert redis.llen(ACKS) == 0


def test_a_refused_message_refuses_itself_alone(consumer: Database, redis_url: str) -> None:
    worker = worker_of("device_ingest", consumer, redis_url).consumer
    good, bad = message(), message(tenant_id="nobody")
    worker.consume(*sealed("epcr", "device_ingest", [bad, good]))
    assert effects(consumer) == (1, 1)
    with Redis.from_url(redis_url) as redis:
        [acknowledgement] = redis.lrange(ACKS, 0, -1)
    call = msgspec.json.decode(acknowledgement, type=Call)
    assert json.loads(str(call.args[2])) == [good["id"]]


@pytest.mark.parametrize("apart", [-600, 600])
def test_clocks_ten_minutes_apart_lose_nothing(consumer: Database, redis_url: str, apart: float) -> None:
    worker_of("device_ingest", consumer, redis_url).consumer.consume(*sent_at(GOOD, apart))
    assert effects(consumer) == (1, 1)


def test_a_copy_of_a_batch_does_nothing_a_second_time(consumer: Database, redis_url: str) -> None:
    worker = worker_of("device_ingest", consumer, redis_url).consumer
    for _ in range(3):
        worker.consume(*GOOD)
    assert effects(consumer) == (1, 1)


STATES: list[tuple[str, str, dict[str, Any]]] = [
    ("auth", "epcr", {"name": "epcr.app_changed.v1"}),
    ("auth", "webhook_dispatcher", {"name": "webhook_dispatcher.app_changed.v1"}),
    ("auth", "graphql_api", {"name": "graphql_api.app_changed.v1"}),
    ("auth", "control_plane", {"name": "control_plane.app_changed.v1"}),
    ("auth", "control_plane", {"name": "control_plane.tenant_changed.v1"}),
    ("control_plane", "webhook_dispatcher", {"name": "webhook_dispatcher.automation_interest.v1"}),
    ("epcr", "graphql_api", {"name": "graphql_api.encounter_facts.v1"}),
]


def objection(producer: str, consumer: str, body: dict[str, Any], tenant_id: str = "org_1") -> str | None:
    [envelope] = authenticity.envelopes(sealed(producer, consumer, [message(body, tenant_id)]))
    return authenticity.objection(producer, consumer, envelope)


@pytest.mark.parametrize(("producer", "consumer", "body"), STATES, ids=lambda value: str(value)[-40:])
def test_a_version_from_the_future_is_refused(producer: str, consumer: str, body: dict[str, Any]) -> None:
    now = time.time_ns() // 1_000_000
    if "app_changed" in body["name"] or "tenant" in body["name"]:
        assert objection(producer, consumer, body | {"version": now}) is None
        assert objection(producer, consumer, body | {"version": now + 10 * 60_000}) is None
        assert objection(producer, consumer, body | {"version": now + 20 * 60_000}) == "version"
    else:
        assert objection(producer, consumer, body | {"version": 1_000_000}) is None
        assert objection(producer, consumer, body | {"version": now}) == "version"
    assert objection(producer, consumer, body | {"version": 4 * 10**18}) == "version"
    assert objection(producer, consumer, body | {"version": -1}) == "version"
    assert objection(producer, consumer, body | {"version": "1"}) == "malformed"


DATED = [
    ("auth", "control_plane", {"name": "control_plane.authority_ended.v1"}, "ended_at"),
    ("epcr", "webhook_dispatcher", {"name": "webhook_dispatcher.event.v1", "type": "epcr.encounter.created"}, "timestamp"),
    ("webhook_dispatcher", "control_plane", {"name": "control_plane.event.v1"}, "timestamp"),
    ("control_plane", "webhook_dispatcher", {"name": "webhook_dispatcher.automation_delivery.v1"}, "timestamp"),
]  # fmt: skip


@pytest.mark.parametrize(("producer", "consumer", "body", "field"), DATED, ids=lambda value: str(value)[-40:])
def test_a_time_ahead_of_every_clock_is_refused(producer: str, consumer: str, body: dict[str, Any], field: str) -> None:
    """The platform would believe it for good: an authority that ended then stops all that is authorised until then."""
    now = datetime.now(UTC)
    for minutes, reason in (
        (-60 * 24 * 365, None),
        (0, None),
        (10, None),
        (20, "early"),
        (60 * 24 * 365 * 70, "early"),
    ):
        moment = (now + timedelta(minutes=minutes)).isoformat()
        assert objection(producer, consumer, body | {field: moment}) == reason
    assert objection(producer, consumer, body | {field: now.replace(tzinfo=None).isoformat()}) == "malformed"
    assert objection(producer, consumer, body | {field: 1}) == "malformed"


def test_a_day_that_has_not_begun_anywhere_is_refused() -> None:
    body = {"name": "graphql_api.encounter_facts.v1", "version": 1}
    soon = datetime.now(UTC) + timedelta(minutes=10)
    for day, reason in ((soon, None), (soon - timedelta(days=400), None), (soon + timedelta(days=2), "early")):
        assert objection("epcr", "graphql_api", body | {"day": day.date().isoformat()}) == reason


def test_nobody_announces_an_event_of_another_service() -> None:
    for producer, types in authenticity.EVENT_TYPES.items():
        for owner, of_owner in authenticity.EVENT_TYPES.items():
            for type in of_owner:
                body = {"name": "webhook_dispatcher.event.v1", "type": type, "data": {}}
                assert objection(producer, "webhook_dispatcher", body) == (None if owner == producer else "kind")
        assert types
    for type in ("automation.fired", "incident.new", ""):
        body = {"name": "webhook_dispatcher.event.v1", "type": type, "data": {}}
        assert objection("graphql_api", "webhook_dispatcher", body) == "kind"


def test_a_message_that_names_another_tenant_than_its_envelope_is_refused() -> None:
    changed = {"name": "control_plane.tenant_changed.v1", "version": 1}
    assert objection("auth", "control_plane", changed | {"tenant_id": "org_1"}) is None
    assert objection("auth", "control_plane", changed | {"tenant_id": "org_2"}) == "tenant"
    created = {"name": "webhook_dispatcher.event.v1", "type": "epcr.encounter.created"}
    assert objection("epcr", "webhook_dispatcher", created | {"data": {"organization_id": "org_1"}}) is None
    assert objection("epcr", "webhook_dispatcher", created | {"data": {"organization_id": "org_2"}}) == "tenant"


def outbox_ids(database: Database) -> list[str]:
    with psycopg.connect(database.admin) as conn:
        return [id for (id,) in conn.execute("SELECT id::text FROM outbox")]


@pytest.mark.parametrize("forger", ["graphql_api", "webhook_dispatcher", "auth", "epcr"])
def test_nobody_acknowledges_what_was_sent_to_another(producer: Database, redis_url: str, forger: str) -> None:
    publish(producer, link())
    worker = worker_of("epcr", producer, redis_url).consumer
    ids = outbox_ids(producer)
    worker.acknowledge(*acknowledgement(forger, ids))
    worker.acknowledge(*acknowledgement(forger, ids)._replace(sender="device_ingest"))
    worker.acknowledge(*sealed("device_ingest", "epcr", []))
    worker.acknowledge(*acknowledgement("device_ingest", ["no id"]))
    worker.acknowledge(*acknowledgement("device_ingest", ids, receiver="auth"))
    worker.acknowledge(ids)
    assert unacknowledged(producer) == 1
    worker.acknowledge(*acknowledgement("device_ingest", ids))
    assert unacknowledged(producer) == 0


GARBAGE: list[bytes] = [
    b"", b"x", b"\xff\xfe", b"{}", b"[]", b"null", b"{" * 5000, b"[" * 100_000, b'{"task":1,"args":[]}',
    b'{"task":"consume","args":{"a":1}}', b'{"task":"consume","args":[{"__type__":"datetime"}]}',
    b'{"task":"consume","args":[1e999]}', b'{"task":"consume","args":[' + b"9" * 5000 + b"]}",
    b'{"task":"acknowledge","args":[]}', b'{"task":"celery.backend_cleanup","args":[]}',
    b'{"task":"celery.map","args":["consume"]}', b'{"task":"webhook_dispatcher.send","args":[]}',
    b'{"body":"W1tdLHt9LHt9XQ==","headers":{"task":"consume","id":"1","eta":"2099-01-01T00:00:00"},"properties":{}}',
    b'{"body":"x","content-type":"application/x-python-serialize","headers":{},"properties":{"delivery_tag":"1"}}',
    b'{"task":"consume","args":[]}', b'{"task":"consume","args":["epcr"],"eta":"2099-01-01T00:00:00"}',
    b'{"task":"consume","args":["' + b"x" * MAX_CALL_BYTES + b'"]}',
]  # fmt: skip


def test_garbage_in_a_queue_stops_no_worker_and_no_message(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    """Celery's own parser fails at the first of these and ends the worker."""
    before = refused("malformed", "epcr")
    with (
        consuming("device_ingest", consumer, redis_url),
        acknowledging(producer, redis_url),
        Redis.from_url(redis_url) as redis,
    ):
        for item in GARBAGE:
            redis.lpush(QUEUE, item)
        publish(producer, link())
        with running(relay_of(producer, redis_url)):
            wait_for(lambda: unacknowledged(producer) == 0)
        assert redis.llen(QUEUE) == 0
    assert effects(consumer) == (1, 1)
    assert refused("malformed", "epcr") - before >= len(GARBAGE) - 4


def test_a_flood_of_one_producer_starves_no_other(consumer: Database, redis_url: str) -> None:
    """Its own acknowledgement queue is used in place of another producer's. The worker takes calls of both queues in turn."""
    own = acknowledgements_queue("device_ingest", "epcr")
    flood = msgspec.json.encode(Call("consume", list(sealed("epcr", "device_ingest", []))))
    with Redis.from_url(redis_url) as redis:
        redis.lpush(QUEUE, *([flood] * 5_000))
        redis.lpush(own, msgspec.json.encode(Call("acknowledge", list(acknowledgement("epcr", [], "device_ingest")))))
        with consuming("device_ingest", consumer, redis_url):
            wait_for(lambda: redis.llen(own) == 0)
            left: Any = redis.llen(QUEUE)
        assert left > 4_000


@pytest.fixture
def rotating() -> dict[str, str]:
    """Public keys in which epcr has only its old key, both keys, or only the new one."""
    others = [entry for entry in PUBLIC_KEYS.split(",") if not entry.startswith("epcr/")]
    old, new = (authenticity.Signer(signing_key("epcr", kid)).public_text("epcr") for kid in ("test-1", "test-2"))
    return {name: ",".join([*others, *live]) for name, live in {"old": [old], "both": [old, new], "new": [new]}.items()}


def test_a_rotated_key_signs_beside_the_old_one_until_that_is_removed(
    consumer: Database, redis_url: str, rotating: dict[str, str]
) -> None:
    fresh = authenticity.Signer(signing_key("epcr", "test-2"))

    def takes(listed: str, by: authenticity.Signer) -> bool:
        worker = worker_of("device_ingest", consumer, redis_url).consumer
        worker._keys = PublicKeys(rotating[listed])
        before = effects(consumer)
        text = msgspec.json.encode([message()]).decode()
        worker.consume(*authenticity.seal(by, "batch", "epcr", "device_ingest", text))
        return effects(consumer) != before

    assert takes("old", signer("epcr"))
    assert not takes("old", fresh)
    assert takes("both", signer("epcr"))
    assert takes("both", fresh)
    assert takes("new", fresh)
    assert not takes("new", signer("epcr"))


def test_what_an_older_version_left_in_its_queue_is_ignored_and_sent_anew_by_the_new_road(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    """In a roll-out the old relay may put an unsigned batch into the queue named as the consumer. Its row is still in the outbox."""
    publish(producer, link())
    with psycopg.connect(producer.admin, autocommit=True) as conn:
        row: Any = conn.execute("SELECT id::text, body FROM outbox").fetchone()
        conn.execute("UPDATE outbox SET attempts = 1")  # as the old relay left it, and due again
    left = json.dumps(
        {"body": json.dumps([["epcr", [message(row[1], id=row[0])]], {}, {}]), "headers": {"task": "consume"}}
    )
    with Redis.from_url(redis_url) as redis:
        redis.lpush("device_ingest", left)
        try:
            with consuming("device_ingest", consumer, redis_url), acknowledging(producer, redis_url):
                with running(relay_of(producer, redis_url)):
                    wait_for(lambda: effects(consumer) == (1, 1))
                    wait_for(lambda: unacknowledged(producer) == 0)
                assert redis.llen("device_ingest") == 1
                assert effects(consumer) == (1, 1)
        finally:
            redis.delete("device_ingest")
