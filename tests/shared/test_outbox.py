"""Messages between services: none is lost, each has its effect once, and a bad one stops no other."""

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import psycopg
import pytest
from kombu.exceptions import KombuError
from redis import Redis, RedisError

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from shared.messaging import broker, crowding, dead_letters, outbox, relay, worker
from shared.messaging.authenticity import Envelope, Refusal, Sealed
from shared.messaging.messages import Received
from shared.primitives.ids import uuid7
from shared.storage.database import Connection, task_transaction
from tests.shared.support import (
    ACKS,
    QUEUE,
    acknowledging,
    consuming,
    effect,
    effects,
    link,
    publish,
    relay_of,
    running,
    scalar,
    unacknowledged,
    worker_of,
)
from tests.support.messages import sealed
from tests.support.waiting import PATIENCE, wait_for

ROOM = crowding.Room(calls=5, bytes=crowding.MAX_BYTES, again=True)
DUE_NOW = "UPDATE outbox SET send_at = now() WHERE acknowledged_at IS NULL"


def execute(database: Database, statement: Any) -> None:
    with psycopg.connect(database.admin) as conn:
        conn.execute(statement)


def envelopes(database: Database) -> list[Envelope]:
    with psycopg.connect(database.admin) as conn:
        rows = conn.execute(
            "SELECT id, tenant_id, created_at, traceparent, body::text FROM outbox ORDER BY id"
        ).fetchall()
    return [Envelope(id, tenant, at, trace, msgspec.Raw(body.encode())) for id, tenant, at, trace, body in rows]


def batch(of: list[Envelope]) -> Sealed:
    return sealed("epcr", "device_ingest", of)


def test_a_message_has_its_effect_and_is_acknowledged(producer: Database, consumer: Database, redis_url: str) -> None:
    publish(producer, link("enc_1"), link("enc_2"))
    with (
        consuming("device_ingest", consumer, redis_url),
        acknowledging(producer, redis_url),
        running(relay_of(producer, redis_url)),
    ):
        wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (2, 2)


def test_a_message_of_a_transaction_rolled_back_was_never_there(producer: Database, redis_url: str) -> None:
    with psycopg.connect(producer.app) as conn:
        conn.execute("SELECT set_config('app.tenant_id', 'org_1', true)")
        outbox.add_sync(conn, "org_1", link())
        conn.rollback()
    assert relay_of(producer, redis_url).send_due() == 0


def test_a_message_sent_many_times_has_its_effect_once(producer: Database, consumer: Database, redis_url: str) -> None:
    publish(producer, link("enc_1"), link("enc_2"))
    sender = relay_of(producer, redis_url)
    for _ in range(5):
        sender.send_due()
        execute(producer, DUE_NOW)
    with consuming("device_ingest", consumer, redis_url), acknowledging(producer, redis_url):
        wait_for(lambda: unacknowledged(producer) == 0)
        wait_for(lambda: Redis.from_url(redis_url).llen(QUEUE) == 0)
    assert effects(consumer) == (2, 2)


def test_a_message_twice_in_one_batch_has_its_effect_once(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    publish(producer, link())
    worker_of("device_ingest", consumer, redis_url).consumer.consume(*batch(envelopes(producer) * 2))
    assert effects(consumer) == (1, 1)


def test_a_tenant_whose_message_waits_for_a_lock_delays_the_others_of_its_batch_once(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than a message without a lock takes on a busy machine.
    monkeypatch.setattr(worker, "SLOW_SECONDS", 2.0)
    tried: list[int] = []

    def handle(conn: Connection, received: Sequence[Received[Any]]) -> None:
        if any(message.tenant_id == "org_locked" for message in received):
            tried.append(len(received))
            conn.execute("SET LOCAL lock_timeout = '2s'; LOCK TABLE effects IN EXCLUSIVE MODE")
        effect(conn, received)

    publish(producer, *(link(f"enc_{number}") for number in range(5)), tenant="org_locked")
    publish(producer, *(link(f"enc_{number}") for number in range(3)), tenant="org_free")
    with psycopg.connect(consumer.admin) as conn:
        conn.execute("LOCK TABLE effects IN ROW EXCLUSIVE MODE")
        worker_of("device_ingest", consumer, redis_url, handle).consumer.consume(*batch(envelopes(producer)))
    assert tried == [8, 1]
    assert effects(consumer) == (3, 3)


def test_each_tenant_of_a_batch_that_failed_has_a_try_before_one_has_its_second(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "ONE_BY_ONE_SECONDS", 0.5)

    def handle(conn: Connection, received: Sequence[Received[Any]]) -> None:
        if any(message.tenant_id == "org_slow" for message in received):
            time.sleep(0.3)
            raise psycopg.errors.QueryCanceled
        effect(conn, received)

    publish(producer, *(link(f"enc_{number}") for number in range(5)), tenant="org_slow")
    publish(producer, link("enc_free"), tenant="org_free")
    worker_of("device_ingest", consumer, redis_url, handle).consumer.consume(*batch(envelopes(producer)))
    assert effects(consumer) == (1, 1)


def test_a_message_of_a_batch_that_failed_is_acknowledged_before_the_next_is_tried(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    happened: list[str] = []

    def handle(conn: Connection, received: Sequence[Received[Any]]) -> None:
        happened.append(" ".join(message.tenant_id for message in received))
        if received[-1].tenant_id == "org_bad":
            raise ValueError
        effect(conn, received)

    publish(producer, link("enc_1"), tenant="org_good")
    publish(producer, link("enc_2"), tenant="org_bad")
    taken = worker_of("device_ingest", consumer, redis_url, handle).consumer
    taken.acknowledgements = worker.Acknowledgements(lambda *_: happened.append("acknowledged"))
    taken.consume(*batch(envelopes(producer)))
    assert happened == ["org_good org_bad", "org_good", "acknowledged", "org_bad"]


def test_a_batch_that_fails_is_taken_one_by_one_for_a_bounded_time(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "ONE_BY_ONE_SECONDS", 0.0)

    def handle(conn: Connection, received: Sequence[Received[Any]]) -> None:
        raise psycopg.errors.LockNotAvailable

    publish(producer, link("enc_1"), link("enc_2"))
    taken = worker_of("device_ingest", consumer, redis_url, handle).consumer
    monkeypatch.setattr(taken, "_settle", lambda *_: pytest.fail("one was tried after the time"))
    taken.consume(*batch(envelopes(producer)))
    with Redis.from_url(redis_url) as redis:
        assert redis.llen(ACKS) == 0


def test_two_workers_with_the_same_batch_have_its_effects_once(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    publish(producer, *(link(f"enc_{number}") for number in range(50)))
    same = envelopes(producer)
    worker = worker_of("device_ingest", consumer, redis_url).consumer
    both = [threading.Thread(target=worker.consume, args=batch(order)) for order in (same, same[::-1])]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert effects(consumer) == (50, 50)


def test_messages_in_a_redis_that_was_emptied_are_sent_again(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    publish(producer, link("enc_1"), link("enc_2"), link("enc_3"))
    with (
        running(relay_of(producer, redis_url)),
        acknowledging(producer, redis_url),
        Redis.from_url(redis_url) as redis,
    ):
        wait_for(lambda: redis.llen(QUEUE) > 0)
        redis.flushall()
        with consuming("device_ingest", consumer, redis_url):
            wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (3, 3)


def test_redis_emptied_under_running_workers_stops_nothing(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    with (
        consuming("device_ingest", consumer, redis_url),
        acknowledging(producer, redis_url),
        running(relay_of(producer, redis_url)),
        Redis.from_url(redis_url) as redis,
    ):
        for number in range(5):
            publish(producer, link(f"enc_{number}"))
            redis.flushall()
        wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (5, 5)


def poisoned(conn: Connection, received: Sequence[Received[Any]]) -> None:
    if any(message.body.encounter_id == "enc_poison" for message in received):
        raise RuntimeError("a name nobody should read")
    effect(conn, received)


def too_slow(conn: Connection, received: Sequence[Received[Any]]) -> None:
    for message in received:
        if message.body.encounter_id == "enc_poison":
            conn.execute("SET LOCAL statement_timeout = '20ms'")
            conn.execute("SELECT pg_sleep(10)")
    effect(conn, received)


@pytest.mark.parametrize("handle", [poisoned, too_slow])
def test_a_poison_message_is_laid_aside_after_five_tries_and_its_mates_never_wait(
    producer: Database, consumer: Database, redis_url: str, handle: Any
) -> None:
    publish(producer, link("enc_1"), link("enc_poison"), link("enc_2"))
    with consuming("device_ingest", consumer, redis_url, handle), acknowledging(producer, redis_url):
        sender = relay_of(producer, redis_url, outbox_resend_seconds=0.05)
        sender.send_due()
        wait_for(lambda: unacknowledged(producer) == 1)
        assert effects(consumer) == (2, 2)
        with running(sender):
            wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (2, 2)
    with psycopg.connect(consumer.admin) as conn:
        row = conn.execute(
            "SELECT tenant_id, producer, name, body ->> 'encounter_id', error FROM dead_letters"
        ).fetchone()
        attempts = conn.execute("SELECT attempts FROM failures").fetchone()
    assert row is not None
    assert row[:4] == ("org_1", "epcr", "device_ingest.encounter_links.v1", "enc_poison")
    assert "nobody should read" not in row[4]
    # A copy that was on its way when the message died fails once more.
    assert attempts is not None
    assert dead_letters.MAX_FAILURES <= attempts[0] <= dead_letters.MAX_FAILURES + 1


def test_a_dead_letter_is_revived_once_its_cause_is_gone(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    publish(producer, link("enc_poison"))
    [dead] = envelopes(producer)
    broken = worker_of("device_ingest", consumer, redis_url, poisoned).consumer
    for tries in range(1, dead_letters.MAX_FAILURES + 1):
        assert dead_letters.newest(broken.pool, 10) == []
        broken.consume(*batch([dead]))
        assert scalar(consumer.admin, "SELECT attempts FROM failures") == tries
    with pytest.raises(RuntimeError):
        broken.revive(str(dead.id))
    assert [row[0] for row in dead_letters.newest(broken.pool, 10)] == [str(dead.id)]

    mended = worker_of("device_ingest", consumer, redis_url).consumer
    assert mended.revive(str(dead.id))
    assert dead_letters.newest(mended.pool, 10) == []
    assert effects(consumer) == (1, 1)
    assert not mended.revive(str(dead.id))
    mended.consume(*batch([dead]))
    assert effects(consumer) == (1, 1)


FORGED: dict[str, dict[str, str]] = {
    "of a producer that does not make it": {"producer": "control_plane"},
    "of no service": {"producer": "epcr_2"},
    "of no organisation": {"tenant_id": "platform"},
    "for another consumer": {"body": '{"name": "epcr.app_changed.v1", "client_id": "app_1", "version": 1}'},
    "of no kind": {"body": '{"name": "device_ingest.nothing.v1"}'},
    "of no form": {"body": '{"name": 1}'},
}


@pytest.mark.parametrize("how", FORGED)
def test_a_dead_letter_that_its_producer_cannot_have_sent_is_not_applied(
    consumer: Database, redis_url: str, how: str
) -> None:
    """The role of a worker writes dead letters, which have no signature. An operator who is made to replay one believes its row."""
    row = {"id": str(uuid7()), "tenant_id": "org_1", "producer": "epcr", "body": msgspec.json.encode(link()).decode()}
    with psycopg.connect(consumer.worker) as conn:
        conn.execute(
            """INSERT INTO dead_letters (message_id, tenant_id, producer, name, body, occurred_at, error)
               VALUES (%(id)s, %(tenant_id)s, %(producer)s, %(body)s::jsonb ->> 'name', %(body)s::jsonb, now(), 'e')""",
            row | FORGED[how],
        )
    worker = worker_of("device_ingest", consumer, redis_url).consumer
    with pytest.raises(Refusal):
        worker.revive(row["id"])
    assert effects(consumer) == (0, 0)
    assert [letter[0] for letter in dead_letters.newest(worker.pool, 10)] == [row["id"]]
    worker.close()


UNSTORABLE: dict[str, dict[str, Any]] = {
    "U+0000 in its body": {"body": b'"x":"\\u0000"'},
    "a number with 400,000 digits": {"body": b'"x":1e400000'},
    "a time after the year 9999 in some zone": {"occurred_at": datetime(9999, 12, 31, 23, tzinfo=UTC)},
    "a time that is none in UTC": {"occurred_at": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12)))},
    "U+0000 in its trace": {"traceparent": "00-\0"},
}


@pytest.mark.parametrize("fault", UNSTORABLE)
def test_a_poison_message_that_postgresql_cannot_store_is_laid_aside_and_its_mates_are_acknowledged(
    producer: Database, consumer: Database, redis_url: str, fault: str
) -> None:
    publish(producer, link("enc_1"), link("enc_poison"))
    mate, dead = envelopes(producer)
    body = bytes(dead.body)[:-1] + b", " + bytes(UNSTORABLE[fault].get("body", b'"x":1')) + b"}"
    dead = msgspec.structs.replace(dead, **(UNSTORABLE[fault] | {"body": msgspec.Raw(body)}))
    broken = worker_of("device_ingest", consumer, redis_url, poisoned).consumer
    with acknowledging(producer, redis_url):
        for _ in range(dead_letters.MAX_FAILURES):
            broken.consume(*batch([mate, dead]))
        wait_for(lambda: unacknowledged(producer) == 0)
    assert [(row[0], row[3]) for row in dead_letters.newest(broken.pool, 10)] == [
        (str(dead.id), "device_ingest.encounter_links.v1")
    ]
    mended = worker_of("device_ingest", consumer, redis_url).consumer
    assert mended.revive(str(dead.id))
    assert effects(consumer) == (2, 2)


def test_a_failure_that_cannot_be_counted_keeps_no_mate_from_being_acknowledged(
    producer: Database, consumer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> bool:
        raise RuntimeError("not counted")

    monkeypatch.setattr(dead_letters, "count_failure", fails)
    publish(producer, link("enc_poison"), link("enc_1"))
    worker = worker_of("device_ingest", consumer, redis_url, poisoned).consumer
    with acknowledging(producer, redis_url):
        worker.consume(*batch(envelopes(producer)))
        wait_for(lambda: unacknowledged(producer) == 1)


def test_a_message_nobody_here_knows_yet_waits_for_the_consumer_that_will(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    publish(producer, link("enc_1"), link("enc_2"))
    execute(
        producer,
        """UPDATE outbox SET body = jsonb_set(body, '{name}', '"device_ingest.new.v9"') WHERE body ->> 'encounter_id' = 'enc_2'""",
    )
    worker = worker_of("device_ingest", consumer, redis_url).consumer
    for _ in range(dead_letters.MAX_FAILURES):
        worker.consume(*batch(envelopes(producer)))
    assert effects(consumer) == (1, 1)
    assert dead_letters.newest(worker.pool, 10) == []
    with acknowledging(producer, redis_url):
        wait_for(lambda: unacknowledged(producer) == 1)


def test_a_message_without_a_handler_is_laid_aside(producer: Database, consumer: Database, redis_url: str) -> None:
    publish(producer, link())
    worker = worker_of("device_ingest", consumer, redis_url).consumer
    worker.handlers = {}
    for _ in range(dead_letters.MAX_FAILURES):
        worker.consume(*batch(envelopes(producer)))
    assert [row[3] for row in dead_letters.newest(worker.pool, 10)] == ["device_ingest.encounter_links.v1"]


def test_a_consumer_that_was_down_catches_up(producer: Database, consumer: Database, redis_url: str) -> None:
    with running(relay_of(producer, redis_url)), acknowledging(producer, redis_url):
        for number in range(10):
            publish(producer, link(f"enc_{number}"))
        wait_for(lambda: scalar(producer.admin, "SELECT min(attempts) FROM outbox") >= 2)
        assert unacknowledged(producer) == 10
        with consuming("device_ingest", consumer, redis_url):
            wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (10, 10)


def test_a_lost_acknowledgement_costs_one_more_sending_and_no_second_effect(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    publish(producer, link())
    with consuming("device_ingest", consumer, redis_url), Redis.from_url(redis_url) as redis:
        sender = relay_of(producer, redis_url)
        sender.send_due()
        wait_for(lambda: redis.llen(ACKS) == 1)
        assert effects(consumer) == (1, 1)
        redis.delete(ACKS)
        with acknowledging(producer, redis_url), running(sender):
            wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (1, 1)
    assert scalar(producer.admin, "SELECT attempts FROM outbox") >= 2


def test_a_consumer_without_its_database_leaves_messages_for_later(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    publish(producer, link())
    worker = worker_of("device_ingest", consumer, redis_url).consumer
    worker.pool.close()
    worker.consume(*batch(envelopes(producer)))
    with Redis.from_url(redis_url) as redis:
        assert redis.llen(ACKS) == 0
    assert effects(consumer) == (0, 0)
    assert scalar(consumer.admin, "SELECT count(*) FROM failures") == 0


def test_a_thousand_messages_travel_in_few_calls(producer: Database, redis_url: str) -> None:
    publish(producer, *(link(f"enc_{number}") for number in range(1_000)))
    assert relay_of(producer, redis_url).send_due() == 1_000
    with Redis.from_url(redis_url) as redis:
        assert redis.llen(QUEUE) == 5


class Pauses(threading.Event):
    """Replaces the relay's `stopping`: each pause lasts until the test ends it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float | None] = []
        self.over = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout)
        self.over.wait(30)
        return self.is_set()


def test_what_is_written_while_a_relay_keeps_its_pace_goes_out_in_one_call(
    producer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    hand_over = relay.hand_over

    def counting(celery: Any, signer: Any, service: str, consumer: str, rows: list[relay.Row]) -> None:
        calls.append(len(rows))
        hand_over(celery, signer, service, consumer, rows)

    monkeypatch.setattr(relay, "hand_over", counting)
    # The messages are never acknowledged here; with this interval a slow machine does not send them again during the test.
    one = relay_of(producer, redis_url, outbox_resend_seconds=3600)
    pauses = one.stopping = Pauses()
    with Redis.from_url(redis_url) as redis, running(one):
        redis.lpush(broker.bell_key(one.service), "1")
        wait_for(lambda: pauses.asked)
        for number in range(3):
            publish(producer, link(f"enc_{number}"))
            redis.lpush(broker.bell_key(one.service), "1")
        pauses.over.set()
        # Waits for the commit of the claim, not for the queue: a call is in the queue before that.
        wait_for(lambda: scalar(producer.admin, "SELECT count(*) FROM outbox WHERE attempts = 1") == 3)
    assert calls == [3]
    assert pauses.asked[0] is not None
    assert 0 <= pauses.asked[0] <= relay.PACE_SECONDS


def test_the_bell_wakes_the_jobs_that_rest(producer: Database, redis_url: str) -> None:
    one = relay_of(producer, redis_url)
    rung: list[int] = []
    one.rung = lambda: rung.append(1)
    with Redis.from_url(redis_url) as redis, running(one):
        redis.lpush(broker.bell_key(one.service), "1")
        wait_for(lambda: rung)


def test_a_call_holds_about_half_a_mebibyte(producer: Database, redis_url: str) -> None:
    publish(producer, *(link("x" * 100_000) for _ in range(12)))
    sender = relay_of(producer, redis_url)
    with sender.pool.connection() as conn:
        sizes = [sum(len(row.body) for row in call) for call in sender._claim(conn, "device_ingest", ROOM)]
        conn.rollback()
    assert len(sizes) == 3
    assert max(sizes) <= relay.CALL_BYTES


def test_a_message_larger_than_a_call_still_travels(producer: Database, consumer: Database, redis_url: str) -> None:
    publish(producer, link("x" * (relay.CALL_BYTES * 2)), link("enc_small"))
    with (
        consuming("device_ingest", consumer, redis_url),
        acknowledging(producer, redis_url),
        running(relay_of(producer, redis_url)),
    ):
        wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (2, 2)


def test_a_queue_half_full_gets_nothing_a_second_time_and_a_full_one_nothing_at_all(
    producer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowding, "MAX_CALLS", 4)
    sender = relay_of(producer, redis_url, outbox_resend_seconds=3_600)
    with Redis.from_url(redis_url) as redis:
        for number in range(3):
            publish(producer, link(f"enc_{number}"))
            assert sender.send_due() == 1
        assert redis.llen(QUEUE) == 3
        execute(producer, DUE_NOW)
        assert sender.send_due() == 0
        publish(producer, link("enc_new"))
        assert sender.send_due() == 1
        publish(producer, link("enc_one_too_many"))
        assert sender.send_due() == 0
        redis.delete(QUEUE)
        execute(producer, DUE_NOW)
        assert sender.send_due() == 5


def test_sending_again_backs_off(producer: Database, redis_url: str) -> None:
    """Not without end: a consumer that is back after a long outage would miss messages for as long again."""
    publish(producer, link())
    sender = relay_of(producer, redis_url, outbox_resend_seconds=100)
    waits: list[float] = []
    for _ in range(9):
        sender.send_due()
        waits.append(float(scalar(producer.admin, "SELECT extract(epoch FROM send_at - now()) FROM outbox")))
        execute(producer, DUE_NOW)
    for number, wait in enumerate(waits):
        assert wait == pytest.approx(100 * min(2**number, 4), rel=0.15)


def test_a_message_sent_again_for_weeks_holds_up_no_other(producer: Database, redis_url: str) -> None:
    publish(producer, link("enc_old"))
    execute(producer, "UPDATE outbox SET attempts = 100000")
    publish(producer, link("enc_new"))
    assert relay_of(producer, redis_url).send_due() == 2


def test_a_relay_says_whether_it_sends(producer: Database, own_redis: RedisServer) -> None:
    relay, port = relay_of(producer, own_redis.url), own_redis.port
    with running(relay):
        wait_for(relay.working.is_set)
        own_redis.stop()
        wait_for(lambda: not relay.working.is_set())
        own_redis.start(port)
        wait_for(relay.working.is_set)
    assert not relay.working.is_set()


def test_waiting_for_others_in_vain_never_makes_a_dead_letter(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    def at_a_row_of_others(conn: Connection, received: Sequence[Received[Any]]) -> None:
        conn.execute("SET LOCAL lock_timeout = '10ms'")
        effect(conn, received)

    publish(producer, link())
    worker = worker_of("device_ingest", consumer, redis_url, at_a_row_of_others).consumer
    with psycopg.connect(consumer.admin) as others:
        others.execute("LOCK TABLE effects")
        for _ in range(dead_letters.MAX_FAILURES + 1):
            worker.consume(*batch(envelopes(producer)))
    assert dead_letters.newest(worker.pool, 10) == []
    worker.consume(*batch(envelopes(producer)))
    assert effects(consumer) == (1, 1)


def test_two_relays_side_by_side_send_each_message_once(producer: Database, consumer: Database, redis_url: str) -> None:
    patient = {"outbox_resend_seconds": 3_600}
    with (
        running(relay_of(producer, redis_url, **patient)),
        running(relay_of(producer, redis_url, **patient)),
        consuming("device_ingest", consumer, redis_url),
        acknowledging(producer, redis_url),
    ):
        for _ in range(20):
            publish(producer, *(link(f"enc_{number}") for number in range(100)))
        wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (2_000, 2_000)
    assert scalar(producer.admin, "SELECT max(attempts) FROM outbox") == 1


def test_a_relay_without_redis_waits_and_goes_on(
    producer: Database, consumer: Database, own_redis: RedisServer
) -> None:
    port = own_redis.port
    with running(relay_of(producer, own_redis.url)) as sender:
        own_redis.stop()
        publish(producer, link("enc_1"), link("enc_2"))
        wait_for(lambda: not sender.stopping.is_set() and unacknowledged(producer) == 2)
        own_redis.start(port)
        own_redis.wait()
        with consuming("device_ingest", consumer, own_redis.url), acknowledging(producer, own_redis.url):
            wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (2, 2)


def test_a_broker_that_refuses_leaves_the_rows_as_they_were(producer: Database, own_redis: RedisServer) -> None:
    publish(producer, link())
    sender = relay_of(producer, own_redis.url)
    own_redis.stop()
    with pytest.raises((KombuError, RedisError)):
        sender.send_due()
    assert scalar(producer.admin, "SELECT attempts FROM outbox") == 0


def test_workers_go_on_after_redis_was_away(producer: Database, consumer: Database, own_redis: RedisServer) -> None:
    port = own_redis.port
    with (
        consuming("device_ingest", consumer, own_redis.url),
        acknowledging(producer, own_redis.url),
        running(relay_of(producer, own_redis.url)),
    ):
        publish(producer, link("enc_1"))
        wait_for(lambda: unacknowledged(producer) == 0)
        own_redis.stop()
        publish(producer, link("enc_2"))
        own_redis.start(port)
        own_redis.wait()
        wait_for(lambda: unacknowledged(producer) == 0)
    assert effects(consumer) == (2, 2)


def test_tasks_that_begin_together_share_one_pool(consumer: Database, redis_url: str) -> None:
    worker = worker_of("device_ingest", consumer, redis_url).consumer
    gate = threading.Barrier(8, timeout=PATIENCE)
    pools: list[Any] = []

    def first_task() -> None:
        gate.wait()
        pools.append(worker.pool)

    threads = [threading.Thread(target=first_task) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, pools))) == 1


def test_what_waits_for_the_commit_runs_after_it_and_never_after_a_rollback(consumer: Database, redis_url: str) -> None:
    pool = worker_of("device_ingest", consumer, redis_url).consumer.pool
    seen: list[int] = []

    def look() -> None:
        seen.append(scalar(consumer.admin, "SELECT count(*) FROM inbox"))

    insert = "INSERT INTO inbox (message_id, tenant_id) VALUES (gen_random_uuid(), 'org_1')"
    with pytest.raises(psycopg.errors.DivisionByZero), task_transaction(pool) as conn:  # noqa: PT012 - rolls back
        conn.execute(insert)
        conn.after_commit(look)
        conn.execute("SELECT 1 / 0")
    assert seen == []
    with task_transaction(pool) as conn:
        conn.execute(insert)
        conn.after_commit(look)
        assert seen == []
    assert seen == [1]
    with task_transaction(pool):
        pass
    assert seen == [1]


def test_a_message_left_by_a_task_wakes_its_services_relay(
    producer: Database, consumer: Database, redis_url: str
) -> None:
    def answer(conn: Connection, received: Sequence[Received[Any]]) -> None:
        for message in received:
            conn.execute("SELECT set_config('app.tenant_id', %s, true)", (message.tenant_id,))
            outbox.add_sync(conn, message.tenant_id, link())

    publish(producer, link())
    worker_of("device_ingest", consumer, redis_url, answer).consumer.consume(*batch(envelopes(producer)))
    with Redis.from_url(redis_url) as redis:
        assert redis.llen(broker.bell_key("device_ingest")) == 1
    assert unacknowledged(consumer) == 1


def test_what_is_sent_again_after_a_restore_is_done_in_portions(
    producer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million rows at once took longer than a statement may, and then none was sent."""
    monkeypatch.setattr(outbox, "PORTION", 2)
    publish(producer, *[link()] * 6)
    old, waiting, *_ = [each.id for each in envelopes(producer)]
    execute(producer, "UPDATE outbox SET acknowledged_at = now(), attempts = 3, send_at = now() + interval '1 year'")
    with psycopg.connect(producer.admin) as conn:
        conn.execute("UPDATE outbox SET created_at = now() - interval '1 day' WHERE id = %s", (old,))
        conn.execute("UPDATE outbox SET acknowledged_at = NULL WHERE id = %s", (waiting,))
    with psycopg.connect(producer.worker) as conn:
        assert outbox.replay(conn, datetime.now(UTC) - timedelta(hours=1)) == 4
        assert outbox.replay(conn, datetime.now(UTC) - timedelta(hours=1)) == 0
    assert unacknowledged(producer) == 5
    assert scalar(producer.admin, "SELECT count(*) FROM outbox WHERE attempts = 0 AND send_at <= now()") == 4


# A role of a process writes rows that the relay cannot send.

ROW = "INSERT INTO outbox (id, tenant_id, consumer, name, body) VALUES (gen_random_uuid(), 'org_1', 'device_ingest', 'n', '{}')"


def as_role(database: Database, kind: str, statement: Any) -> None:
    with psycopg.connect(getattr(database, kind)) as conn:
        conn.execute("SELECT set_config('app.tenant_id', 'org_1', true)")
        conn.execute(statement)


@pytest.mark.parametrize("kind", ["app", "worker"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("created_at", "'infinity'"),
        ("send_at", "'-infinity'"),
        ("attempts", "2147483647"),
        ("acknowledged_at", "now()"),
    ],
)
def test_no_role_says_when_a_message_was_written_or_sent(
    producer: Database, kind: str, column: str, value: str
) -> None:
    statement = ROW.replace("body)", f"body, {column})").replace("'{}')", f"'{{}}', {value})")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role(producer, kind, statement)


@pytest.mark.parametrize(
    "change",
    [
        ("'{}'", "jsonb_build_object('x', repeat('x', 4300000))"),
        ("'{}'", "('[' || repeat('1e100000,', 42) || '1]')::jsonb"),
        ("'org_1',", "repeat('x', 2000),"),
        ("'n'", "repeat('n', 300)"),
    ],
)
@pytest.mark.parametrize("kind", ["app", "worker"])
def test_no_role_writes_a_message_too_long_to_be_sent(producer: Database, kind: str, change: tuple[str, str]) -> None:
    tenant = "x" * 2000 if change[1].startswith("repeat('x'") else "org_1"
    with psycopg.connect(getattr(producer, kind)) as conn:
        conn.execute("SELECT set_config('app.tenant_id', %s, true)", (tenant,))
        with pytest.raises(psycopg.errors.CheckViolation):
            conn.execute(ROW.replace(*change).encode())


@pytest.mark.parametrize("kind", ["app", "worker"])
@pytest.mark.parametrize("change", ["created_at = 'infinity'", "body = '{}'", "consumer = 'auth'"])
def test_no_role_changes_a_message_that_was_written(producer: Database, kind: str, change: str) -> None:
    publish(producer, link())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role(producer, kind, f"UPDATE outbox SET {change}".encode())


def test_a_worker_dates_no_message_where_no_relay_reads_it(producer: Database) -> None:
    publish(producer, link())
    for value in ("-infinity", "infinity", "0044-03-15 BC", "12000-01-01"):
        with pytest.raises(psycopg.errors.CheckViolation):
            as_role(producer, "worker", f"UPDATE outbox SET send_at = '{value}'".encode())


UNREADABLE = {
    "a time that is infinite": "created_at = 'infinity'",
    "a time after the year 9999": "created_at = '12000-01-01'",
    "a time before the year 1": "created_at = '0044-03-15 BC'",
    "a long body": "body = jsonb_build_object('x', repeat('x', 20000000))",
    "a body of long numbers": "body = ('[' || repeat('1e100000,', 299) || '1]')::jsonb",
}


@pytest.mark.parametrize("unreadable", UNREADABLE)
def test_a_row_of_old_that_cannot_be_sent_becomes_a_dead_letter_and_holds_up_no_other(
    producer: Database, redis_url: str, unreadable: str
) -> None:
    publish(producer, link("enc_bad"))
    execute(producer, "UPDATE outbox SET attempts = 2147483647")
    _without_limits(producer, f"UPDATE outbox SET send_at = '-infinity', {UNREADABLE[unreadable]}")
    publish(producer, link("enc_good"))
    sender = relay_of(producer, redis_url, outbox_resend_seconds=3_600)
    sent = sender.send_due() + sender.send_due()
    assert sent == 1
    assert scalar(producer.admin, "SELECT count(*) FROM outbox") == 1
    with psycopg.connect(producer.admin) as conn:
        letters = conn.execute("SELECT tenant_id, producer, error FROM dead_letters").fetchall()
    assert [(tenant, by) for tenant, by, _ in letters] == [("org_1", "epcr")]
    assert letters[0][2].startswith("it was not sent: ")


def test_other_consumers_get_theirs_in_the_turn_in_which_a_row_cannot_be_read(
    producer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(producer, link())
    execute(
        producer,
        """INSERT INTO outbox (id, tenant_id, consumer, name, body)
           VALUES (gen_random_uuid(), 'org_1', 'graphql_api', 'graphql_api.encounter_facts.v1', '{}')""",
    )
    _without_limits(producer, "UPDATE outbox SET created_at = 'infinity' WHERE consumer = 'device_ingest'")
    assert relay_of(producer, redis_url).send_due() == 1
    assert scalar(producer.admin, "SELECT attempts FROM outbox") == 1


def _without_limits(database: Database, statement: str) -> None:
    """Writes as before the outbox had limits."""
    limits = ["created_at_is_finite", "send_at_is_finite", "body_is_short"]
    with psycopg.connect(database.admin) as conn:
        rules = [
            scalar(
                database.admin,
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s AND conrelid = 'outbox'::regclass",
                name,
            )
            for name in limits
        ]
        for name in limits:
            conn.execute(f"ALTER TABLE outbox DROP CONSTRAINT {name}".encode())
        conn.execute(statement.encode())
        for name, rule in zip(limits, rules, strict=True):
            conn.execute(f"ALTER TABLE outbox ADD CONSTRAINT {name} {rule} NOT VALID".encode())
