"""The numbers that pages state, from the settings and constants of the code that keeps them. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

import gateway.settings
import services.auth.settings
import services.device_ingest.settings
import services.epcr.settings
import services.webhook_dispatcher.settings
from gateway import routes
from gateway.routes import Site
from services.auth.apps.models import GovernanceChange, RotateSecret, ServiceTokenDraft
from services.auth.apps.rules import LIVE_SECRETS
from services.auth.oauth import devices, tokens
from services.auth.sandboxes.endpoints import MOST_RESETS, MOST_SCENARIOS
from services.auth.sandboxes.models import LONGEST_ADVANCE, MOST_ADVANCED
from services.auth.tasks import KEPT
from services.control_plane.packages.models import MAX_CONTENT
from services.control_plane.settings import Settings as ControlPlane
from services.device_ingest import checks
from services.device_ingest.models import MAX_BATCH
from services.epcr.deidentification import projection
from services.epcr.deidentification.numbers import person_systems
from services.epcr.deidentification.pseudonyms import SHIFT_DAYS
from services.epcr.handover.endpoints import EMERGENCY_HOURS
from services.graphql_api.acqi.suppression import SMALL_CELL
from services.graphql_api.settings import Settings as GraphQL
from services.webhook_dispatcher.notices import mail_queries
from services.webhook_dispatcher.notices import models as notices
from services.webhook_dispatcher.places import LIMITS
from services.webhook_dispatcher.reading import models as reading
from services.webhook_dispatcher.sending import client, ladder, signing
from services.webhook_dispatcher.subscriptions import earlier, faults, headers
from shared.trail import exporting
from shared.web import deprecation, http
from shared.web.routing import Content, Operation


class Bounds(NamedTuple):
    least: int
    most: int
    default: Any


def defaults(settings: type[msgspec.Struct]) -> dict[str, Any]:
    """The default of each field that has one."""
    return {one.name: one.default for one in msgspec.structs.fields(settings) if one.default is not msgspec.NODEFAULT}


AUTH = defaults(services.auth.settings.Settings)
DEVICES = defaults(services.device_ingest.settings.Settings)
EPCR = defaults(services.epcr.settings.Settings)
WEBHOOKS = defaults(services.webhook_dispatcher.settings.Settings)
GATEWAY = defaults(gateway.settings.Settings)
GRAPHQL, PLATFORM = defaults(GraphQL), defaults(ControlPlane)


def figures() -> Mapping[str, Any]:
    """The numbers by their names in the texts."""
    return _of_events() | _of_calls()


def _of_events() -> dict[str, Any]:
    """Those of webhooks, their notices, and consumers."""
    steps = ladder.parse_schedule(ladder.DEFAULT)
    lease = _bounds(reading.ReadEvents, "lease_seconds")
    return {
        "ladder": [short(step) for step in steps],
        "attempts": len(steps) + 1,
        "ladder_days": round(sum(steps) / 86_400, 1),
        "jitter_percent": round(ladder.JITTER * 100),
        "answer_seconds": round(client.DEADLINE),
        "asked_hours": round(ladder.LONGEST_ASKED / 3600),
        "disable_days": WEBHOOKS["webhook_disable_after_days"],
        "webhook_days": WEBHOOKS["webhook_retention_days"],
        "webhooks_of_app": WEBHOOKS["most_webhooks_of_app"],
        "secret_bytes": (signing.SHORTEST, signing.LONGEST),
        "own_headers": headers.MOST,
        "filter_parts": faults.MOST_PARTS,
        "contacts": notices.MOST,
        "mails_of_app": mail_queries.OF_APP,
        "mails_of_tenant": mail_queries.OF_TENANT,
        "consumer_read": reading.MOST_AT_ONCE,
        "consumer_wait": reading.LONGEST_WAIT,
        "consumer_waits": LIMITS["reads"].of_app,
        "lease_seconds": (lease.default, lease.most),
    }


def _of_calls() -> dict[str, Any]:
    """Those of accounts, devices, records and calls."""
    pages = _bounds(http.Page, "limit")
    return {
        "device_minutes": devices.LIFETIME // 60,
        "device_codes": AUTH["most_device_codes"],
        "device_codes_of_tenant": AUTH["most_device_codes_of_tenant"],
        "audit_export": exporting.MOST,
        "sandboxes": AUTH["most_sandboxes"],
        "scenarios": MOST_SCENARIOS,
        "resets": MOST_RESETS,
        "advance_days": LONGEST_ADVANCE // 86_400,
        "advanced_days": MOST_ADVANCED // 86_400,
        "batch": MAX_BATCH,
        "ahead_minutes": round(checks.AHEAD.total_seconds() / 60),
        "behind_days": checks.BEHIND.days,
        "observation_days": DEVICES["observation_retention_days"],
        "devices": DEVICES["most_devices"],
        "readings": EPCR["max_readings"],
        "unknown_seconds": EPCR["unknown_after_seconds"],
        "unknown_days": EPCR["forget_unknown_days"],
        "record_mib": EPCR["max_record_bytes"] / 2**20,
        "stored_gib": EPCR["most_stored_bytes"] // 2**30,
        "emergency_hours": EMERGENCY_HOURS,
        "shift_days": SHIFT_DAYS,
        "oldest_age": projection.OLDEST_AGE_SHOWN,
        "person_systems": ", ".join(f"`{one}`" for one in dict.fromkeys(person_systems().values())),
        "small_cell": SMALL_CELL,
        "incidents": GRAPHQL["most_open_incidents"],
        "page_default": pages.default,
        "page_most": pages.most,
        "body_kib": http.Body.max_bytes // 1024,
        # The gateway that serves the page fills these in.
        "organisation_times": "%organisation:times%",
        "refused_mib": "%refused_bytes:mib%",
        "refused_seconds": "%refused_bytes:seconds%",
        "free_kib": sorted({route.free >> 10 for route in (*routes.AUTH, *routes.API)}),
        "key_hours": 24,
        "head_seconds": GATEWAY["client_header_timeout"],
        "apps": AUTH["most_apps"],
        "service_token_days": _bounds(ServiceTokenDraft, "expires_in").most // 86_400,
        "secret_hours": earlier.OVERLAP_HOURS,
        "live_secrets": LIVE_SECRETS.most,
        "overlap_hours": _bounds(RotateSecret, "overlap_seconds").default // 3600,
        "token_hours": _bounds(GovernanceChange, "access_token_ttl").most // 3600,
        "notice_days": deprecation.NOTICE_DAYS,
        "refresh_days": (tokens.IDLE.days, tokens.LONGEST_FAMILY.days),
    }


def kept() -> list[tuple[str, str, Any]]:
    """The things that the platform keeps, each with a text about the length and its number."""
    days = {one.table: one.days for one in KEPT}
    return [
        ("Events, deliveries and their attempts", "{} days", WEBHOOKS["webhook_retention_days"]),
        ("Observations of devices", "{} days", DEVICES["observation_retention_days"]),
        ("Observations of encounters that are not known, in the record", "{} days", EPCR["forget_unknown_days"]),
        ("Deleted sandboxes, in lists", "{} days", days["sandboxes"]),
        ("Runs of automations", "{} days", PLATFORM["automation_runs_kept_days"]),
        ("Closed incidents and the facts of quality indicators", "{} days", GRAPHQL["facts_kept_days"]),
        ("Refused calls and other events of an app", "{} days", days["app_events"]),
        ("Requests for capabilities that were declined or withdrawn", "{} days", days["integration_requests"]),
        ("Expired service tokens and secrets, in lists", "{} days", days["service_tokens"]),
        ("Answers of calls with an `Idempotency-Key`", "{} hours", 24),
        (
            "Records of encounters, their versions and disclosures",
            "until the organisation's own rule or the law ends it",
            0,
        ),
    ]


def bodies(operations: Iterable[Operation]) -> list[tuple[str, str, int]]:
    """The calls whose bodies may be larger or smaller than those of most: method, path and KiB, the largest last."""
    site = Site("", "", (*routes.AUTH, *routes.API))
    found: list[tuple[str, str, int]] = []
    for one in operations:
        kind = one.form or one.body
        at_door = site.find(one.path.replace("{service}", "auth"))
        if kind is None or at_door is None:
            continue
        # The service's own limit, or that of a body without a form, which the gateway has with some room.
        own = MAX_CONTENT if isinstance(kind, Content) else http.limit_of(kind)
        if (most := min(own, at_door[1].body)) != http.Body.max_bytes:
            found.append((one.method, one.path, most // 1024))
    return sorted(found, key=lambda row: (row[2], row[1], row[0]))


def caps() -> list[tuple[str, Any]]:
    """The highest numbers of things."""
    return [
        ("Apps of an organisation", AUTH["most_apps"]),
        ("Service tokens of an app that are valid", AUTH["most_service_tokens_of_app"]),
        ("Secrets of an app that are valid", LIVE_SECRETS.most),
        ("Secrets, and as many keys, that sign for a webhook", earlier.MOST),
        ("Redirect URIs of an app", AUTH["most_redirect_uris"]),
        ("Requests for capabilities that are not decided", AUTH["most_requests"]),
        ("SAML connections of an organisation", AUTH["most_connections"]),
        ("Webhooks of an app", WEBHOOKS["most_webhooks_of_app"]),
        ("Webhooks of an organisation", WEBHOOKS["most_webhooks"]),
        ("Headers of your own on a webhook", headers.MOST),
        ("Parts of the filter of a webhook", faults.MOST_PARTS),
        ("Contacts of an app, for mail about its webhooks", notices.MOST),
        ("Consumers of an app", WEBHOOKS["most_consumers_of_app"]),
        ("Consumers of an organisation", WEBHOOKS["most_consumers"]),
        ("Running replays of an organisation", WEBHOOKS["most_replays"]),
        ("Sandboxes that an organisation made, at a time", AUTH["most_sandboxes"]),
        ("Sandboxes that an organisation makes in a day", AUTH["most_sandboxes_a_day"]),
        ("Devices of an organisation, retired ones among them", DEVICES["most_devices"]),
        ("Observations that an organisation stores", DEVICES["most_observations"]),
        ("Observations in one batch", MAX_BATCH),
        ("Observations of devices in one encounter", EPCR["max_readings"]),
        ("Open incidents of an organisation", GRAPHQL["most_open_incidents"]),
        ("Reports of indicators that an organisation keeps", GRAPHQL["most_reports"]),
        ("Schedules of reports of an organisation", GRAPHQL["most_report_schedules"]),
        ("Automations of an app", PLATFORM["most_automations_of_app"]),
        ("Edge agents of an organisation", PLATFORM["most_agents"]),
        ("Packages of an organisation", PLATFORM["most_packages"]),
    ]


def short(seconds: float) -> str:
    """`5 s`, `30 min`, `24 h`."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _bounds(kind: type[msgspec.Struct], name: str) -> Bounds:
    """The bounds of a whole number."""
    found = msgspec.inspect.type_info(kind)
    assert isinstance(found, msgspec.inspect.StructType)
    field = next(one for one in found.fields if one.name == name)
    types = field.type.types if isinstance(field.type, msgspec.inspect.UnionType) else (field.type,)
    number = next(one for one in types if isinstance(one, msgspec.inspect.IntType))
    return Bounds(number.ge or 0, number.le or 0, field.default)
