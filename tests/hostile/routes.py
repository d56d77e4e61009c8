"""The parsers that read a caller's bytes, for each route, by their names in `entries.py`. A body is `json <Kind>`.

A call without a body needs a row only where its endpoint parses more than the query: a header, or a value with a grammar of its own.
The others are derived from the route entries. `test_routes.py` fails for any other route without a row. Every request also goes
through the gateway's parsers (`request head`, `request target`, `host`, `bearer token`), which have their own row, and through the
parser of every service (`identity header`).
"""

from collections.abc import Iterable

from services.auth import routes as auth
from services.console import routes as console
from services.console.pages import registry
from services.control_plane import routes as control_plane
from services.device_ingest import routes as device_ingest
from services.epcr import routes as epcr
from services.graphql_api import routes as graphql_api
from services.webhook_dispatcher import routes as webhook_dispatcher
from shared.operators import routes as operators
from shared.trail import routes as trail
from shared.web.routing import Part

NOTHING: tuple[str, ...] = ()
PAGE = ("query",)
FORM = ("oauth form", "basic credentials", "client assertion")
BROWSER = ("cookies", "accept-language", "query")
BROWSER_FORM = (*BROWSER, "oauth form")
APP = "/v1/platform/apps/{client_id}"
REQUESTS = "/v1/platform/integration-requests"
CONNECTION = "/v1/saml/connections/{connection_id}"
WEBHOOK = "/v1/webhooks/{webhook_id}"
CONSUMER = "/v1/consumers/{consumer_name}"
ENCOUNTERS = "/api/v1/epcr/encounters"
DEVICE = "/api/v1/devices/{device_id}"
PLATFORM = "/api/v1/platform"
VERSIONS = PLATFORM + "/packages/{package_id}/versions"
RELEASE = PLATFORM + "/releases/{release_id}"
AGENT = PLATFORM + "/agents/{agent_id}"
AUTOMATION = PLATFORM + "/automations/{automation_id}"
AUTOMATION_BODY = ("automation filter", "automation template")
PROBES = {("GET", "/livez"): NOTHING, ("GET", "/readyz"): NOTHING}
TRAIL = trail.part("every service")
OPERATORS = operators.part("every service")
ACTS = {("POST", "/v1/operations/{service}/acts"): ("json ActDraft",)}

GATEWAY = (
    "request head",
    "request target",
    "absolute target",
    "host",
    "bearer token",
    "docs headers",
    "console session",
)
AUTH = {
    ("POST", "/v1/oauth/token"): (*FORM, "pkce"),
    ("POST", "/v1/oauth/device_authorization"): (*FORM, "grammars"),
    ("GET", "/device"): (*BROWSER, "user code"),
    ("POST", "/device"): (*BROWSER_FORM, "user code"),
    ("POST", "/v1/oauth/revoke"): (*FORM, "presented token"),
    ("POST", "/v1/oauth/introspect"): (*FORM, "presented token"),
    ("GET", "/v1/oauth/authorize"): (*BROWSER, "pkce", "grammars"),
    ("POST", "/v1/oauth/authorize"): (*BROWSER_FORM, "pkce", "grammars"),
    ("GET", "/.well-known/jwks.json"): NOTHING,
    ("GET", "/v1/auth/jwks.json"): NOTHING,
    ("GET", "/.well-known/oauth-protected-resource"): ("host",),
    ("POST", "/v1/platform/apps"): ("json AppDraft", "json web keys", "grammars"),
    ("PATCH", APP): ("json AppChange", "json web keys", "grammars"),
    ("PATCH", APP + "/governance"): ("query", "json GovernanceChange", "grammars"),
    ("POST", APP + "/rotate-secret"): ("json RotateSecret",),
    ("POST", APP + "/service-token"): ("json ServiceTokenDraft",),
    ("POST", REQUESTS): ("json RequestDraft", "grammars"),
    ("POST", "/v1/platform/sandboxes"): ("json SandboxDraft",),
    ("POST", "/v1/platform/sandboxes/{sandbox_id}/clock"): ("json ClockAdvance",),
    ("PUT", "/v1/platform/users/{user_id}/role"): ("json RoleChange",),
    ("POST", "/v1/platform/invitations"): ("json InvitationDraft", "mail address"),
    ("GET", "/v1/auth/invitation"): BROWSER,
    ("POST", "/v1/auth/invitation"): BROWSER_FORM,
    ("GET", "/v1/auth/sign-in"): BROWSER,
    ("POST", "/v1/auth/sign-in"): BROWSER_FORM,
    ("POST", "/v1/auth/second-factor"): BROWSER_FORM,
    ("POST", "/v1/auth/sign-out"): BROWSER_FORM,
    ("GET", "/v1/auth/sessions"): BROWSER,
    ("POST", "/v1/auth/sessions"): BROWSER_FORM,
    ("GET", "/v1/auth/password"): BROWSER,
    ("POST", "/v1/auth/password"): BROWSER_FORM,
    ("GET", "/v1/auth/authenticator"): BROWSER,
    ("POST", "/v1/auth/authenticator"): BROWSER_FORM,
    ("GET", "/v1/auth/style.css"): NOTHING,
    ("POST", "/v1/saml/connections"): ("json ConnectionDraft", "saml metadata", "certificate"),
    ("POST", "/v1/saml/metadata"): ("json MetadataDraft", "saml metadata", "certificate"),
    ("PATCH", CONNECTION): ("json ConnectionChange", "saml metadata", "certificate"),
    ("POST", CONNECTION + "/domains"): ("json DomainDraft", "grammars"),
    ("PUT", "/v1/saml/policy"): ("json PolicyChange",),
    ("GET", "/v1/saml/{connection}/login"): BROWSER,
    ("POST", "/v1/saml/{connection}/acs"): ("saml form", "saml response", "accept-language"),
    ("GET", "/v1/saml/{connection}/finish"): BROWSER,
    ("POST", "/v1/saml/{connection}/finish"): BROWSER_FORM,
    ("GET", "/v1/saml/{connection}/slo"): ("saml query", "saml inflate", "saml response", "accept-language"),
    ("POST", "/v1/saml/{connection}/slo"): ("saml form", "saml response", "accept-language"),
    ("GET", "/internal/revocations"): ("query",),
    ("POST", "/internal/token-usage"): ("json TokenUses",),
    ("POST", "/internal/refused-calls"): ("json RefusedReport",),
}
WEBHOOK_DISPATCHER = {
    ("POST", "/v1/webhooks"): ("json NewWebhook", "grammars", "automation filter"),
    ("POST", "/v1/webhooks/try-filter"): ("json FilterTrial", "automation filter"),
    ("PUT", WEBHOOK): ("json WebhookChange", "grammars", "automation filter"),
    ("POST", WEBHOOK + "/rotate-signing-key"): ("json RotateSigningKey",),
    ("PUT", "/v1/webhooks/contacts"): ("json ContactsChange", "mail address"),
    ("POST", WEBHOOK + "/replays"): ("query", "json ReplayDraft"),
    ("GET", WEBHOOK + "/replays/{replay_id}"): ("conditional headers",),
    ("GET", "/v1/events"): ("query", "grammars"),
    ("POST", "/v1/consumers"): ("json NewConsumer", "grammars"),
    ("POST", CONSUMER + "/read"): ("json ReadEvents",),
    ("POST", CONSUMER + "/commit"): ("json Commit", "sealed cursor"),
    ("POST", CONSUMER + "/extend"): ("json Extend", "sealed cursor"),
    ("POST", CONSUMER + "/seek"): ("json Seek", "sealed cursor"),
}
GRAPHQL_API = {
    ("POST", "/graphql"): ("json GraphqlRequest", "graphql document", "graphql variables", "grammars"),
    ("GET", "/api/v1/graphql/bundles"): NOTHING,
    ("GET", "/api/v1/acqi/measure-reports"): PAGE,
    ("GET", "/api/v1/acqi/indicators/{name}/encounters"): PAGE,
    ("POST", "/api/v1/acqi/reports"): ("json ReportDraft",),
    ("GET", "/api/v1/acqi/reports"): PAGE,
    ("GET", "/api/v1/acqi/reports/{report_id}"): ("conditional headers",),
    ("DELETE", "/api/v1/acqi/reports/{report_id}"): NOTHING,
    ("GET", "/api/v1/acqi/reports/{report_id}/content"): ("query",),
    ("POST", "/api/v1/acqi/report-schedules"): ("json ScheduleDraft",),
    ("GET", "/api/v1/acqi/report-schedules"): PAGE,
    ("GET", "/api/v1/acqi/report-schedules/{schedule_id}"): NOTHING,
    ("PATCH", "/api/v1/acqi/report-schedules/{schedule_id}"): ("json ScheduleChange",),
    ("DELETE", "/api/v1/acqi/report-schedules/{schedule_id}"): NOTHING,
}
EPCR = {
    ("POST", ENCOUNTERS): ("json EncounterDraft",),
    ("GET", ENCOUNTERS + "/{encounter_id}"): ("query", "conditional headers"),
    ("GET", ENCOUNTERS + "/{encounter_id}/fhir-bundle"): ("query", "conditional headers"),
    ("GET", "/api/v1/epcr/records/{encounter_id}"): ("conditional headers",),
    ("PATCH", "/api/v1/epcr/records/{encounter_id}"): ("json RecordPatch", "conditional headers"),
}
EPCR |= {
    ("POST", "/api/v1/epcr/destinations"): ("json DestinationDraft",),
    ("PATCH", "/api/v1/epcr/destinations/{destination_id}"): ("json DestinationChange",),
    ("PUT", "/api/v1/epcr/sender"): ("json Sender",),
    ("PUT", ENCOUNTERS + "/{encounter_id}/destination"): ("json DestinationNamed",),
    ("GET", ENCOUNTERS + "/{encounter_id}/handover"): ("query", "conditional headers"),
    ("POST", ENCOUNTERS + "/{encounter_id}/handover/emergency"): ("json EmergencyDraft",),
    ("GET", ENCOUNTERS + "/{encounter_id}/outcome"): ("conditional headers",),
    ("POST", ENCOUNTERS + "/{encounter_id}/outcome"): ("query", "json OutcomeDraft", "conditional headers"),
    ("POST", ENCOUNTERS + "/{encounter_id}/outcome-bundle"): ("query", "json OutcomeBundle", "conditional headers"),
    ("GET", "/api/v1/epcr/records/{encounter_id}/outcome"): ("conditional headers",),
}
DEVICE_INGEST = {
    ("POST", "/api/v1/devices/enrol"): ("json DeviceEnrolment",),
    ("PATCH", DEVICE): ("json DeviceChange",),
    ("GET", DEVICE + "/observations"): ("query", "grammars"),
    ("POST", DEVICE + "/observations"): ("json ObservationDraft", "grammars"),
    ("POST", DEVICE + "/observations:batch"): ("json batch", "grammars"),
}
CONTROL_PLANE = {
    ("POST", PLATFORM + "/signing-keys"): ("json SigningKeyDraft",),
    ("POST", PLATFORM + "/packages"): ("json PackageDraft",),
    ("POST", VERSIONS): ("json VersionDraft", "canonical manifest", *AUTOMATION_BODY, "grammars"),
    # Opaque bytes, hashed in a thread and never unpacked.
    ("PUT", VERSIONS + "/{version}/content"): ("package content",),
    ("POST", PLATFORM + "/releases"): ("json ReleaseDraft",),
    ("POST", RELEASE + "/approve"): ("json Decision",),
    ("POST", RELEASE + "/reject"): ("json Decision",),
    ("POST", RELEASE + "/promote"): ("json Decision",),
    ("POST", RELEASE + "/rollback"): ("json Decision",),
    ("POST", PLATFORM + "/agents/enrol"): ("json Enrolment",),
    ("POST", PLATFORM + "/agents/heartbeat"): ("json Heartbeat",),
    ("GET", PLATFORM + "/agents/content/{package_id}/{version}"): ("conditional headers", "grammars"),
    ("POST", PLATFORM + "/agents"): ("json AgentDraft",),
    ("PATCH", AGENT): ("json AgentChange",),
    ("POST", PLATFORM + "/automations"): ("json AutomationDraft", *AUTOMATION_BODY),
    ("PATCH", AUTOMATION): ("json AutomationChange", *AUTOMATION_BODY),
    ("POST", PLATFORM + "/listings"): ("json ListingDraft",),
    ("POST", PLATFORM + "/installations"): ("json Consent",),
}

CONSOLE_PAGE = ("cookies", "console language", "query")
CONSOLE = {
    (route.method, route.path): (*CONSOLE_PAGE, "console form") if route.method == "POST" else CONSOLE_PAGE
    for route in console.UNLISTED
} | {
    ("GET", "/sign-in/done"): (*CONSOLE_PAGE, "console cookie"),
    ("GET", "/static/{name}"): NOTHING,
    ("GET", "/robots.txt"): NOTHING,
    **{
        ("POST", one.page.path): (*CONSOLE_PAGE, "console form of metadata")
        for one in registry.entries()
        if one.page.most_bytes > registry.FORM_BYTES
    },
}


def derived(parts: Iterable[Part]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The rows of the calls that read at most a query."""
    operations = [operation for part in parts for operation in part.operations if operation.errors == "problem"]
    return {
        (operation.method, operation.path): PAGE if operation.query else NOTHING
        for operation in operations
        if not (operation.body or operation.form or operation.has_etag or set(operation.headers) - {"Idempotency-Key"})
    }


SERVICES = {
    "auth": derived(auth.PARTS) | AUTH | PROBES,
    "webhook_dispatcher": derived(webhook_dispatcher.PARTS) | WEBHOOK_DISPATCHER | PROBES,
    "graphql_api": derived(graphql_api.PARTS) | GRAPHQL_API | PROBES,
    "epcr": derived([epcr.PART]) | EPCR | PROBES,
    "device_ingest": derived([device_ingest.PART]) | DEVICE_INGEST | PROBES,
    "control_plane": derived(control_plane.PARTS) | CONTROL_PLANE | PROBES,
    "console": CONSOLE | PROBES,
}
SERVICES = {name: rows | derived([TRAIL, OPERATORS]) | ACTS for name, rows in SERVICES.items()}
EVERYWHERE = ("identity header",)
NAMES = {name for rows in SERVICES.values() for reads in rows.values() for name in reads} | {*GATEWAY, *EVERYWHERE}
