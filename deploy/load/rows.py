"""Rows as the services write them in a week of use. Each id is made from its number and its time."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.epcr.encounters import store
from services.epcr.outcomes import store as outcomes
from services.epcr.outcomes.models import OutcomeDraft, Survival
from services.epcr.records.models import Record
from services.webhook_dispatcher.fanout import event_types, intake
from services.webhook_dispatcher.sending import signing
from services.webhook_dispatcher.sending.signing import Vault
from shared.messaging.messages import EncounterFacts
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.web import http

SCOPES = ["webhooks:write", "argus:epcr:write", "argus:devices:write", "argus:incidents:write"]
EVENTS = ["incident.*"]
EVENT = "incident.updated"
# In the copy of the control plane alone: each organisation may list its runs there.
PLATFORM = [*SCOPES, "argus:platform:read"]
BUNDLES = ["incident-management"]
DEVICES = 5
# Every observation belongs to an encounter; all of an encounter come from one device.
CODE, CODE10, UNIT = "MDC_PULS_OXIM_PULS_RATE", 149530, "/min"
# The organisation of `make demo` is large: it has most encounters and every waiting delivery.
LARGE = 0
# Of so many encounters one is bound for a destination, is read there (twice), and has an outcome.
BOUND, READ, REPORTED = 2, 4, 20
DESTINATIONS = 3
CARE_MODEL = "prehospital_emergency"
FACTS = "graphql_api.encounter_facts.v1"
SPAN = timedelta(days=6)
# A reader sees no place of a tenant without a head.
DAYS = """
    SELECT ensure_partition('event_log', day::date)
    FROM generate_series((now() AT TIME ZONE 'UTC')::date - 8, (now() AT TIME ZONE 'UTC')::date, interval '1 day') day
"""
HEADS = "INSERT INTO event_log_heads (tenant_id) SELECT DISTINCT tenant_id FROM apps ON CONFLICT DO NOTHING"

Row = tuple[Any, ...]
Rows = Iterator[tuple[Row | None, ...]]

EPCR = "epcr"


@dataclass(frozen=True)
class Sizes:
    """The total number of rows of each kind; `large` is how many of the encounters are those of the large organisation.

    `entries` are those of each service's audit trail. `past` are deliveries that the large organisation's webhook received before those
    that wait; `devices` and `runs` (of an automation) are the large organisation's.
    """

    tenants: int = 1_000
    delivered: int = 1_000_000
    past: int = 1
    waiting: int = 2_000_000
    encounters: int = 1_200_000
    large: int = 1_000_000
    readings: int = 10_000_000
    outbox: int = 1_000_000
    revocations: int = 100_000
    entries: int = 1_000_000
    devices: int = 5_000
    runs: int = 2_000_000

    def scaled(self, factor: float) -> "Sizes":
        """At least two organisations and one row of each kind."""
        counts = {name: max(1, round(getattr(self, name) * factor)) for name in self.__dataclass_fields__}
        return Sizes(**counts | {"tenants": max(2, counts["tenants"])})

    def with_large(self, number: int) -> "Sizes":
        """The large organisation has so many encounters, and the others together as many as before."""
        return replace(self, large=number, encounters=self.encounters - self.large + number)


@dataclass(frozen=True)
class Table:
    """A table of one service's database and the columns to load."""

    service: str
    name: str
    columns: str


@dataclass(frozen=True)
class Step:
    """`rows` yields `number` times a row, or None, for each table. `after` runs in the transaction of each portion."""

    title: str
    number: int
    tables: tuple[Table, ...]
    rows: Callable[["World"], Rows]
    after: tuple[tuple[str, str], ...] = ()


@dataclass
class World:
    """The values that the rows share; `until` is the end of the week, on the whole hour."""

    sizes: Sizes
    until: datetime
    epcr_keys: Keyring
    webhook_keys: Keyring
    receiver: str
    large: str
    sequence: int = 0
    vault: Vault = field(init=False)

    def __post_init__(self) -> None:
        self.vault = Vault(self.webhook_keys)

    def at(self, number: int, of: int) -> datetime:
        """The time of number `number` out of `of`, spread evenly over the week."""
        return self.until - SPAN + timedelta(milliseconds=number * SPAN / timedelta(milliseconds=1) // of)

    def tenant(self, number: int) -> str:
        return self.large if number == LARGE else ids.id_of("org", made(self.until - SPAN, number))

    def app(self, number: int) -> str:
        return ids.id_of("app", made(self.until - SPAN, number))

    def webhook(self, number: int) -> str:
        return ids.id_of("wh", made(self.until - SPAN, number))

    def device(self, number: int) -> str:
        return ids.id_of("dev", made(self.until - SPAN, number))

    def device_of(self, tenant: int, number: int) -> int:
        """The number of one of the tenant's devices, for any number."""
        if tenant == LARGE:
            return number % self.sizes.devices
        return self.sizes.devices + (tenant - 1) * DEVICES + number % DEVICES

    def destination(self, number: int) -> str:
        return ids.id_of("dst", made(self.until - SPAN, number))

    def encounter(self, number: int) -> tuple[str, datetime, int]:
        """The encounter's id, its start and the number of its tenant."""
        at = self.at(number, self.sizes.encounters)
        large, every = self.sizes.large, self.sizes.encounters
        is_of_large = (number + 1) * large // every > number * large // every
        tenant = LARGE if is_of_large else 1 + number % (self.sizes.tenants - 1)
        return ids.id_of("enc", made(at, number)), at, tenant

    def versions(self, number: int) -> int:
        """The number of versions of an encounter; each has a message for graphql-api, and the newest are not acknowledged."""
        return max(1, (self.sizes.outbox - number - 1) // self.sizes.encounters + 1)


def made(at: datetime, number: int) -> UUID:
    """A UUIDv7 of that millisecond (RFC 9562 §5.7), the same each time."""
    mixed = number * 0x9E3779B97F4A7C15 & ((1 << 62) - 1)
    return UUID(int=round(at.timestamp() * 1000) << 80 | 7 << 76 | (number & 0xFFF) << 64 | 0b10 << 62 | mixed)


def tenants(world: World) -> Rows:
    sizes, began = world.sizes, world.until - SPAN
    version = round(began.timestamp() * 1000)
    for number in range(sizes.tenants):
        tenant, app, name = world.tenant(number), world.app(number), f"Load {number}"
        delivered = (sizes.delivered - number + sizes.tenants - 1) // (sizes.tenants - 1)
        webhook = world.webhook(number)
        secret = f"secret of {webhook}"
        stopped = number == LARGE
        yield (
            None if stopped else (tenant, f"load-{number}", name, SCOPES, BUNDLES, version, began),
            (app, tenant, name, ["authorization_code", "refresh_token"], ["https://load.example/back"], SCOPES, "none",
                EVENTS, BUNDLES, app, version, began, began),
            None if stopped else (tenant, version, name, "active", "production", PLATFORM),
            (tenant, app, version, "active", EVENTS, BUNDLES, SCOPES),
            (tenant, app, version, "active", EVENTS),
            (webhook, tenant, app, f"{world.receiver}/loaded/{number}", EVENTS, EVENTS, world.vault.seal_secret(webhook, secret),
                signing.fingerprint(signing.signing_key(secret)), sizes.past + sizes.waiting if stopped else delivered,
                1 if stopped else 16,
                not stopped, "failing" if stopped else None, world.until if stopped else None, began, began),
            (app, tenant, version, "active", BUNDLES),
            (app, tenant, version, "active", app, "exact"),
        )  # fmt: skip


def devices(world: World) -> Rows:
    began, sizes = world.until - SPAN, world.sizes
    for tenant in range(sizes.tenants):
        for index in range(sizes.devices if tenant == LARGE else DEVICES):
            number = world.device_of(tenant, index)
            yield ((world.device(number), world.tenant(tenant), f"LOAD-{number}", "multiparameter", began, began),)


def number_of_devices(sizes: Sizes) -> int:
    return sizes.devices + (sizes.tenants - 1) * DEVICES


def events(
    world: World, first: int, places: range, of: int, tenant_of: Callable[[int], int]
) -> Iterator[tuple[Row, Row, Row, str]]:
    """For each event its row and its place in the log, the row of its delivery without the result columns, and the delivery's id.

    `places` are those in a week with `of` such events. In the log, places are numbered up to 0, before those of events that the stack has
    had already. Three events have one key.
    """
    data = event_types.catalogue()[EVENT].example
    before = world.sizes.delivered + world.sizes.past + world.sizes.waiting
    others = max(1, world.sizes.tenants - 1)
    for index in places:
        at, tenant = world.at(index, of), tenant_of(index)
        event, delivery = (ids.id_of(prefix, made(at, first + index)) for prefix in ("evt", "dlv"))
        sequence = index + 1 if tenant == LARGE else index // others + 1
        kept, key = intake.time_of(event), ids.id_of("inc", made(world.until - SPAN, index // others // 3))
        yield (
            (
                event,
                kept,
                world.tenant(tenant),
                EVENT,
                intake.body(EVENT, at, data),
                at,
                [intake.EVERY_APP],
                EVENT,
                key,
            ),
            (world.tenant(tenant), at, sequence - before, intake.EVERY_APP, EVENT, key, event, kept),
            (delivery, kept, world.tenant(tenant), world.webhook(tenant), event, kept, EVENT, sequence),
            delivery,
        )


def delivered(world: World) -> Rows:
    others, number = max(1, world.sizes.tenants - 1), world.sizes.delivered
    return _made(world, events(world, 0, range(number), number, lambda index: 1 + index % others))


def past(world: World) -> Rows:
    sizes = world.sizes
    made = events(world, sizes.delivered, range(sizes.past), sizes.past + sizes.waiting, lambda _: LARGE)
    return _made(world, made)


def _made(world: World, rows: Iterator[tuple[Row, Row, Row, str]]) -> Rows:
    for event, place, delivery, delivery_id in rows:
        sent, url = place[1] + timedelta(milliseconds=40), f"{world.receiver}/loaded"
        yield (
            event,
            place,
            (*delivery, "succeeded", 1, sent),
            (delivery_id, sent, delivery[2], 1, url, "{}", "127.0.0.1", 200, "{}", "ok", 12.5),
        )


def waiting(world: World) -> Rows:
    sizes = world.sizes
    number = sizes.past + sizes.waiting
    for event, place, delivery, _ in events(world, sizes.delivered, range(sizes.past, number), number, lambda _: LARGE):
        yield event, place, (*delivery, "queued", 0, None), (*delivery, place[1])


def encounters(world: World) -> Rows:
    for number in range(world.sizes.encounters):
        encounter, at, tenant = world.encounter(number)
        contents, whose = Record(anchor=at), (world.tenant(tenant), encounter)
        record = store.seal(contents, world.epcr_keys, *whose)
        brief = store.seal_brief(store.Brief.of(contents), world.epcr_keys, *whose)
        named = (encounter, world.tenant(tenant), CARE_MODEL, "in_progress")
        version = world.versions(number)
        yield (
            (
                *named,
                f"vehicle-{number % 7}",
                f"CAD-{number}",
                1,
                version,
                version + 1,
                record,
                at,
                world.until,
                at,
                1,
                patient(number),
                brief,
            ),
        )


def patient(number: int) -> bytes | None:
    """The basis of the patient's pseudonyms, which each encounter that is bound for a destination has; three encounters share one."""
    return hashlib.sha256(f"patient {number // (3 * BOUND)}".encode()).digest() if number % BOUND == 0 else None


def destinations(world: World) -> Rows:
    for number in range(world.sizes.tenants * DESTINATIONS):
        tenant = number // DESTINATIONS
        named = (
            world.destination(number),
            world.tenant(tenant),
            f"Hospital {number}",
            f"LOAD-{number}",
            "urn:load",
            "emergency_department",
        )
        yield ((*named, world.app(tenant), "provision_of_care", 30),)


def handovers(world: World) -> Rows:
    """The present destination of a share of the encounters, two disclosures to it, and its outcome."""
    trace = "0" * 32
    for number in range(0, world.sizes.encounters, BOUND):
        encounter, at, tenant = world.encounter(number)
        whose, app = world.tenant(tenant), world.app(tenant)
        to = world.destination(tenant * DESTINATIONS + number // BOUND % DESTINATIONS)
        outcome = OutcomeDraft(visit_number=f"V-{number}", survival=Survival(survived_to_discharge="yes"))
        read = (
            whose,
            encounter,
            1,
            world.versions(number),
            world.versions(number) + 1,
            to,
            app,
            "TREAT",
            "provision_of_care",
        )
        yield (
            (encounter, 1, whose, to, app, trace, at),
            *(
                (ids.id_of("dsc", made(at, 2 * number + again)), *read, form, ["times"], "en", bytes(32), trace, at)
                if number % READ == 0 else None
                for again, form in enumerate(("json", "pdf"))
            ),
            (encounter, 1, whose, 1, to, outcomes.seal(outcome, world.epcr_keys, whose, encounter), app, trace, at)
            if number % REPORTED == 0 else None,
        )  # fmt: skip


def readings(world: World) -> Rows:
    """Each encounter has equally many, one a second from its own device."""
    total, per_encounter = world.sizes.readings, -(-world.sizes.readings // world.sizes.encounters)
    number = 0
    for index in range(world.sizes.encounters):
        encounter, began, tenant = world.encounter(index)
        device, whose = world.device(world.device_of(tenant, index)), world.tenant(tenant)
        for second in range(min(per_encounter, total - number)):
            # Observations of two overlapping encounters of one device differ in their milliseconds.
            at = began + timedelta(seconds=second, milliseconds=index % 997)
            measured = (CODE, CODE10, 60 + number % 60, UNIT, at)
            reading = ids.id_of("obs", made(at, number))
            yield (
                (reading, whose, device, *measured, at, encounter, "linked", "{}", False),
                (reading, whose, encounter, device, "multiparameter", *measured, world.versions(index) + 1, at),
            )
            number += 1


def versions(world: World) -> Rows:
    """The versions of all encounters in turn, the first `sizes.outbox` with an unacknowledged message for graphql-api."""
    sizes, total = world.sizes, max(world.sizes.outbox, world.sizes.encounters)
    for number in range(total):
        encounter, began, tenant = world.encounter(number % sizes.encounters)
        version, whose, at = number // sizes.encounters + 1, world.tenant(tenant), max(began, world.at(number, total))
        record = store.seal(Record(anchor=began), world.epcr_keys, whose, encounter)
        written = (encounter, version, whose, CARE_MODEL, "in_progress", False)
        facts = EncounterFacts(
            encounter_id=encounter, version=version, day=began.date(), status="in_progress",
            care_model=CARE_MODEL, response="emergency",
        )  # fmt: skip
        message = (made(at, number), whose, "graphql_api", FACTS, http.encode(facts).decode(), at, at)
        yield (*written, record, world.app(tenant), None, "0" * 32, at), message if number < sizes.outbox else None


def revocations(world: World) -> Rows:
    for number in range(world.sizes.revocations):
        tenant, at = number % world.sizes.tenants, world.at(number, world.sizes.revocations)
        token, moment = made(at, number), round(at.timestamp() * 1000) + 1
        named = ("token", str(token), world.tenant(tenant), world.app(tenant))
        yield ((*named, moment, moment, datetime.now(UTC) + timedelta(days=1), world.sequence + number + 1),)


def clinical_steps(sizes: Sizes) -> list[Step]:
    disclosed = (
        "id, tenant_id, encounter_id, identity, version, revision, destination_id, client_id, purpose, legal_basis, content, sections,"
        " language, digest, trace_id, disclosed_at"
    )
    disclosures = Table(EPCR, "disclosures", disclosed)
    reading = "mdc_code, mdc_code10, value, unit_code, observed_at"
    return [
        Step("encounters", sizes.encounters, (
            Table(EPCR, "encounters", "id, tenant_id, care_model, status, vehicle_id, cad_incident_id, patient_number, version,"
                " revision, record, created_at, updated_at, anchor, pseudonym_version, patient_basis, brief"),
        ), encounters, after=((EPCR, "DELETE FROM late_links WHERE xmin = pg_current_xact_id()::xid"),)),
        Step("readings", sizes.readings, (
            Table("device-ingest", "observations", f"id, tenant_id, device_id, {reading}, recorded_at,"
                " encounter_id, encounter_link, flags, test"),
            Table(EPCR, "observations", f"id, tenant_id, encounter_id, device_id, device_class, {reading}, revision, received_at"),
        ), readings),
        Step("versions, and messages for a dead consumer", max(sizes.outbox, sizes.encounters), (
            Table(EPCR, "encounter_versions", "encounter_id, version, tenant_id, care_model, status, amended, record, client_id,"
                " actor, trace_id, written_at"),
            Table(EPCR, "outbox", "id, tenant_id, consumer, name, body, created_at, send_at"),
        ), versions),
        Step("destinations", sizes.tenants * DESTINATIONS, (
            Table(EPCR, "destinations", "id, tenant_id, name, code, code_system, type, client_id, legal_basis, readable_days"),
        ), destinations),
        Step("handovers", -(-sizes.encounters // BOUND), (
            Table(EPCR, "encounter_destinations", "encounter_id, position, tenant_id, destination_id, named_by, trace_id, named_at"),
            disclosures,
            disclosures,
            Table(EPCR, "outcomes", "encounter_id, version, tenant_id, identity, destination_id, content, client_id, trace_id,"
                " recorded_at"),
        ), handovers),
    ]  # fmt: skip


def steps(sizes: Sizes) -> list[Step]:
    hooks = "webhook-dispatcher"
    event = Table(hooks, "events", "id, at, tenant_id, type, body, accepted_at, audiences, kind, key")
    place = Table(hooks, "event_log", "tenant_id, at, position, audience, kind, key, event_id, event_at")
    delivery = "id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence"
    deliveries = Table(hooks, "deliveries", f"{delivery}, status, attempt, attempted_at")
    queued = delivery.replace("id, at", "delivery_id, delivery_at", 1) + ", due_at"
    attempts = (
        "delivery_id, at, tenant_id, number, url, request_headers, address, response_status, response_headers, response_body,"
        " duration_ms"
    )
    return [
        Step("organisations", sizes.tenants, (
            Table("auth", "tenants", "tenant_id, key, name, granted_scopes, graphql_bundles, version, created_at"),
            Table("auth", "apps", "client_id, tenant_id, name, grant_types, redirect_uris, requested_scopes,"
                " token_endpoint_auth_method, approved_events, graphql_bundles, pseudonym_domain, version, created_at, updated_at"),
            Table("control-plane", "tenants", "tenant_id, version, name, status, environment, granted_scopes"),
            Table("control-plane", "apps", "tenant_id, client_id, version, status, approved_events, graphql_bundles,"
                " requested_scopes"),
            Table(hooks, "apps", "tenant_id, client_id, version, status, approved_events"),
            Table(hooks, "subscriptions", "id, tenant_id, client_id, url, events, live_events, secret, secret_fingerprint,"
                " last_sequence, concurrency, enabled, disabled_reason, disabled_at, created_at, updated_at"),
            Table("graphql-api", "graphql_apps", "client_id, tenant_id, version, status, bundles"),
            Table(EPCR, "apps", "client_id, tenant_id, version, status, pseudonym_domain, deidentification"),
        ), tenants, ((hooks, DAYS), (hooks, HEADS))),
        Step("devices", number_of_devices(sizes), (
            Table("device-ingest", "devices", "id, tenant_id, serial_number, device_class, enrolled_at, updated_at"),
        ), devices),
        Step("deliveries made", sizes.delivered, (event, place, deliveries, Table(hooks, "attempts", attempts)), delivered),
        Step("deliveries made to the large organisation", sizes.past, (event, place, deliveries, Table(hooks, "attempts", attempts)), past),
        Step("deliveries waiting", sizes.waiting, (event, place, deliveries, Table(hooks, "queue", queued)), waiting),
        *clinical_steps(sizes),
        Step("revocations", sizes.revocations, (
            Table("auth", "watermarks", "kind, id, tenant_id, client_id, not_before_ms, made_before_ms, expires_at, sequence"),
        ), revocations),
    ]  # fmt: skip
