"""Every parser and regular expression that reads a caller's bytes, with a call, the most bytes that reach it, and its worst inputs.

A new endpoint needs a row in `routes.py`, which names one of these. The worst input may cost at most `most` times as much as decoding
a harmless JSON body of the same size (of 64 KiB, if fewer bytes reach the parser).
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
import msgspec
from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser

import gateway.docs
import services.auth.apps.models
import services.auth.apps.refused
import services.auth.invitations.models
import services.auth.people.models
import services.auth.requests.models
import services.auth.revocations.endpoints
import services.auth.saml.models
import services.auth.sandboxes.models
import services.control_plane.agents.models
import services.control_plane.automations.models
import services.control_plane.marketplace.models
import services.control_plane.packages.models
import services.control_plane.releases.models
import services.device_ingest.models
import services.epcr.handover.models
import services.epcr.outcomes.fhir
import services.epcr.outcomes.models
import services.epcr.records.models
import services.graphql_api.reports.models
import services.graphql_api.transport.endpoints
import services.webhook_dispatcher.notices.models
import services.webhook_dispatcher.reading.models
import services.webhook_dispatcher.replays.models
import services.webhook_dispatcher.subscriptions.models
import shared.operators.models
from gateway import framing, headers, sessions, target
from gateway.problems import Refusal as GatewayRefusal
from services.auth.apps import credentials
from services.auth.apps import rules as app_rules
from services.auth.oauth import clients, devices, forms, server, tokens
from services.auth.oauth.tokens import read_access_token
from services.auth.requests import rules as request_rules
from services.auth.saml import assertions, documents, messages, metadata
from services.auth.saml.assertions import Expected
from services.auth.saml.documents import MessageRefused
from services.auth.signin import texts
from services.console.pages import texts as console_texts
from services.console.pages import visit as console_pages
from services.console.people import routes as console_people
from services.console.session import endpoints as console_signin
from services.control_plane import contents
from services.control_plane.automations import expressions
from services.control_plane.packages import canonical, rules
from services.device_ingest import nomenclature, units
from services.epcr.encounters import representations
from services.graphql_api import errors, schema
from services.graphql_api.telephony import carriers, numbers
from services.graphql_api.transport import documents as graphql_documents
from services.graphql_api.transport.plans import Planner
from services.webhook_dispatcher.reading import cursors as log_cursors
from services.webhook_dispatcher.sending import addresses, signing
from services.webhook_dispatcher.subscriptions import headers as custom_headers
from shared.messaging import filters
from shared.primitives.crypto import Keyring, base64url_encode
from shared.process import mail as mail_server
from shared.process import telemetry
from shared.web import http, identity, strict_json
from shared.web.problems import Problem
from tests.hostile.shapes import FORM, JSON, XML, Shape, as_base64, deflated, listed, numbered, repeated

KIB = 1 << 10
MIB = 1 << 20
URL = 8 * KIB
HEAD = 32 * KIB


@dataclasses.dataclass(frozen=True)
class Entry:
    """`read` parses bytes, and raises one of `refusals` for invalid ones. At most `limit` bytes reach it."""

    name: str
    read: Callable[[bytes], object]
    limit: int
    shapes: Mapping[str, Shape]
    refusals: tuple[type[BaseException], ...] = (Problem,)
    most: float = 6


def text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda body: read(body.decode("latin-1"))


# JSON bodies, each with the limit of its kind

KINDS: dict[str, Any] = {
    kind.__name__: kind
    for module, names in (
        (services.auth.apps.models, "AppDraft AppChange GovernanceChange RotateSecret ServiceTokenDraft"),
        (services.auth.invitations.models, "InvitationDraft"),
        (services.auth.people.models, "RoleChange"),
        (services.auth.revocations.endpoints, "TokenUses"),
        (services.auth.apps.refused, "RefusedReport"),
        (services.auth.saml.models, "ConnectionDraft ConnectionChange MetadataDraft DomainDraft PolicyChange"),
        (services.auth.sandboxes.models, "SandboxDraft ClockAdvance"),
        (services.control_plane.agents.models, "AgentDraft AgentChange Enrolment Heartbeat"),
        (services.control_plane.automations.models, "AutomationDraft AutomationChange"),
        (services.control_plane.marketplace.models, "ListingDraft Consent"),
        (services.control_plane.packages.models, "PackageDraft SigningKeyDraft VersionDraft"),
        (services.control_plane.releases.models, "ReleaseDraft Decision"),
        (services.device_ingest.models, "DeviceChange ObservationDraft"),
        (services.epcr.handover.models, "DestinationChange DestinationDraft DestinationNamed EmergencyDraft Sender"),
        (services.epcr.outcomes.fhir, "OutcomeBundle"),
        (services.epcr.outcomes.models, "OutcomeDraft"),
        (services.epcr.records.models, "EncounterDraft RecordPatch"),
        (services.graphql_api.reports.models, "ReportDraft ScheduleChange ScheduleDraft"),
        (services.graphql_api.transport.endpoints, "GraphqlRequest"),
        (services.webhook_dispatcher.notices.models, "ContactsChange"),
        (shared.operators.models, "ActDraft"),
        (services.webhook_dispatcher.reading.models, "NewConsumer ReadEvents Commit Extend Seek"),
        (services.webhook_dispatcher.replays.models, "ReplayDraft"),
        (services.webhook_dispatcher.subscriptions.models, "FilterTrial NewWebhook RotateSigningKey WebhookChange"),
    )
    for kind in (getattr(module, name) for name in names.split())
}
KINDS["DeviceEnrolment"] = services.device_ingest.models.Enrolment
KINDS["RequestDraft"] = services.auth.requests.models.ANY_REQUEST


def shapes_of(kind: Any) -> dict[str, Shape]:
    """The worst bodies of any JSON, and for each field of the kind bodies with many and with long values."""
    made = dict(JSON)
    if not isinstance(kind, type):
        return made
    for field in msgspec.structs.fields(kind):
        before = b'{"%s":' % field.encode_name.encode()
        made[f"objects as {field.encode_name}"] = listed(b"{}", before + b"[", b"]}")
        made[f"members of {field.encode_name}"] = numbered(b'"%x":{}', before + b"{", b"}}")
        made[f"spaces as {field.encode_name}"] = repeated(b" ", before + b'"', b'"}')
        made[f"letters as {field.encode_name}"] = repeated(b"a", before + b'"', b'"}')
        made[f"filters as {field.encode_name}"] = lambda size, before=before: (
            before + b'{"not":' * min(size // 16, 60) + b"1" + b"}" * min(size // 16, 60) + b"}"
        )
    return made


def json_entries() -> Iterator[Entry]:
    for name, kind in KINDS.items():
        yield Entry(f"json {name}", decoding(kind), http.limit_of(kind), shapes_of(kind), most=8)


def decoding(kind: Any) -> Callable[[bytes], object]:
    return lambda body: http.decode_bytes(body, kind)


def batch(body: bytes) -> None:
    """Reads like `POST …/observations:batch`: the envelope, then each item by itself."""
    kind = services.device_ingest.models.ObservationBatch
    value = strict_json.parse(body, by_item=True)
    for item in http.convert(value, kind).observations:
        try:
            http.convert_item(item, services.device_ingest.models.ObservationDraft)
        except Problem as problem:
            problem.document()


BATCH = {
    "empty items": listed(b"{}", b'{"observations":[', b"]}"),
    "items of the wrong type": listed(b"1", b'{"observations":[', b"]}"),
    "500 items, many unknown fields": lambda size: (
        b'{"observations":['
        + b",".join([b"{" + b",".join(b'"f%x":1' % n for n in range(size // 6000)) + b"}"] * 500)
        + b"]}"
    ),
    "500 items, a long unit": lambda size: (
        b'{"observations":['
        + b",".join([b'{"mdc_code":"x","unit_code":"' + b"a" * (size // 510) + b'"}'] * 500)
        + b"]}"
    ),
}

# GraphQL

_schema = schema.build()
_planner = Planner(_schema, graphql_documents.load(_schema))


def plan(body: bytes) -> None:
    _planner._plan(body.decode())


ACQI = b'acqiMetrics(fromDate:"2026-01-01T00:00:00Z",toDate:"2026-02-01T00:00:00Z")'
GRAPHQL: Mapping[str, Shape] = {
    "one field often": repeated(b"a ", b"{", b"}"),
    "a documented field's value often": repeated(b"value ", b"{" + ACQI + b"{", b"}}"),
    "a documented field often": repeated(ACQI + b"{value}", b"{", b"}"),
    "providers' ids": repeated(b"id ", b"{telephonyProviders{", b"}}"),
    "deep": lambda size: b"{a" * (size // 3) + b"}" * (size // 3),
    "deep lists": lambda size: b"{a(x:" + b"[" * (size // 2) + b"]" * (size // 2) + b")}",
    "deep objects": lambda size: b"{a(x:" + b"{a:" * (size // 4) + b"1" + b"}" * (size // 4) + b")}",
    "a long number": repeated(b"1", b"{telephonyProviders(first:", b"){id}}"),
    "a long name": repeated(b"a", b"{", b"}"),
    "escapes": repeated(b"\\u0041", b'{a(x:"', b'")}'),
    "a block string": repeated(b"\n  a", b'{a(x:"""', b'""")}'),
    "comments": repeated(b"#\n", b"", b"{a}"),
    "commas": repeated(b",", b"", b"{a}"),
    "variables": lambda size: b"query(" + b" ".join(b"$a%x:Int" % n for n in range(size // 10)) + b"){a}",
    "directives": repeated(b"@include(if:true)", b"{a", b"}"),
    "spreads": repeated(b"...a ", b"{", b"}fragment a on Query{" + ACQI + b"{value}}"),
    "fragments of fragments": lambda size: (
        b"{...f0}" + b"".join(b"fragment f%d on Query{...f%d ...f%d}" % (n, n + 1, n + 1) for n in range(size // 34))
    ),
    "fragments with one field": lambda size: (
        b"{"
        + ACQI
        + b"{"
        + b" ".join(b"...f%d" % n for n in range(size // 60))
        + b"}}"
        + b"".join(b"fragment f%d on AcqiMetric{value value value}" % n for n in range(size // 60))
    ),
    "names": listed(b'"a"', b"{" + ACQI[:-1] + b",names:[", b"]){value}}"),
}


def variables(body: bytes) -> None:
    wanted = http.decode_bytes(body, services.graphql_api.transport.endpoints.GraphqlRequest)
    wanted.checked_variables()


# Requests and headers


def request_with(query: bytes = b"", fields: list[tuple[bytes, bytes]] | None = None) -> Request:
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": query, "headers": fields or []}
    return Request(scope | {"server": ("a", 80), "scheme": "http"})


class Filtered(http.Page):
    status: str | None = None
    since: http.Timestamp | None = None


def page(query: bytes) -> None:
    asked = request_with(query)
    http.page_after(asked, http.query(asked, Filtered))


def sealed_cursor(body: bytes) -> None:
    asked = request_with()
    asked.state.keyring = Keyring({1: bytes(32)})
    value = body.decode("latin-1")
    for read in (
        log_cursors.open_sealed,
        lambda *given: log_cursors.open_handed(given[0], identity.Caller(), "a", given[1]),
    ):
        try:
            read(asked, value)
        except log_cursors.UnreadableCursor:
            continue


def basic(body: bytes) -> None:
    clients.read_credentials(Headers({"authorization": "Basic " + body.decode("latin-1")}), forms.Form({}, ()))


def client_assertion(body: bytes) -> None:
    values = {"client_assertion": body.decode("latin-1"), "client_assertion_type": clients.ASSERTION_TYPE}
    clients.read_credentials(Headers({}), forms.Form(values, ()))
    clients._signed_claims(values["client_assertion"], [{"kid": "a"}])


def token(header: Shape, payload: Shape | None = None) -> Shape:
    """A JWT with that body as its header or payload."""

    def made(size: int) -> bytes:
        parts = [header(size * 3 // 4 - 32), payload(16) if payload else b"{}", b"x"]
        return b".".join(base64url_encode(part).encode() for part in parts)

    return made


TOKENS = {f"header: {name}": token(shape) for name, shape in JSON.items()} | {"dots": repeated(b".")}
HEADERS = {
    "spaces": repeated(b" ", b"en", b"!"),
    "commas": repeated(b","),
    "quotes": repeated(b'"'),
    "tags": repeated(b'"a",'),
    "open tags": repeated(b'"a'),
    "weights": repeated(b";q=0.", b"application/fhir+json"),
    "spaces before a weight": repeated(b" ", b"a;", b"q"),
    "zeros": repeated(b"0", b"gzip;q=0."),
    "gzips": repeated(b"gzip ;"),
    "digits": repeated(b"1", b"bytes=", b"-"),
    "tabs": repeated(b"\t,", b"bytes=", b"1-2"),
}


def docs_headers(body: bytes) -> None:
    value = body.decode("latin-1")
    asked = {b"accept-encoding": value, b"if-none-match": value, b"accept-language": value, b"accept": value}
    gateway.docs.language(body, asked)
    gateway.docs.wants_json(asked)
    gateway.docs.wants_html(asked)
    gateway.docs.respond(gateway.docs.File(b"text/html", b"a", b"b"), asked)


def conditional(body: bytes) -> None:
    value = body.decode("latin-1")
    http.is_known([value], '"a"')
    representations.wants_fhir([value])
    representations.require_match([value, "*"], 1) if value == "*" else None
    fields = [(name, body) for name in (b"if-match", b"if-none-match", b"range", b"if-range")]
    contents.wanted(request_with(b"", fields[2:]), "a" * 64, 100)
    contents.wanted(request_with(b"", fields[:1]), "a" * 64, 100)


def head(body: bytes) -> None:
    fields = [
        (name, body[: HEAD // 4]) for name in (b"connection", b"x-forwarded-for", b"authorization", b"traceparent")
    ]
    headers.Incoming(fields + [(b"x-%d" % number, b"") for number in range(96)])
    framing.read([(b"host", b"a"), (b"content-length", body)], "1.1")


def cookies(body: bytes) -> None:
    cookie_parser(body.decode("latin-1"))


_console_keys = Keyring.from_text("1:" + base64url_encode(bytes(32)))


def console_cookie(body: bytes) -> None:
    console_signin.read_begun(_console_keys, body.decode("latin-1"))


_verifier = identity.Verifier("a:" + base64url_encode(bytes(32)), "epcr")

# Fields with their own grammar


def filter_of(body: bytes) -> None:
    kind = services.control_plane.automations.models.AutomationDraft
    draft = http.decode_bytes(body, kind)
    assert draft.trigger.filter is not None
    filters.filter_errors(draft.trigger.filter, "/trigger/filter")


def template_of(body: bytes) -> None:
    expressions.template_errors(strict_json.parse(body, values=8192), "/action/fields")


def draft(inner: bytes, action: bytes = b'{"kind":"webhook"}') -> bytes:
    return b'{"name":"a","action":' + action + b',"trigger":{"event_type":"incident.created","filter":' + inner + b"}}"


FILTERS = {
    "wide": lambda size: draft(listed(b'{"pointer":"/a","eq":1}', b'{"any":[', b"]}")(size)),
    "nested": lambda size: draft(b'{"all":[' * 40 + listed(b'{"pointer":"/a"}')(size)[1:-1] + b"]}" * 40),
    "values": lambda size: draft(listed(b"1", b'{"pointer":"/a","in":[', b"]}")(size)),
    "steps": lambda size: draft(repeated(b"/a", b'{"pointer":"', b'","exists":true}')(size)),
}
DIGITS = {
    "digits": repeated(b"1"),
    "plus and digits": repeated(b"1", b"+"),
    "dashes": repeated(b"-"),
    "dots": repeated(b"."),
    "letters": repeated(b"a"),
    "labels": repeated(b"a."),
    "hyphens": repeated(b"a-"),
    "spaces": repeated(b" ", b"a", b"!"),
    "carets": repeated(b"^"),
    "slashes": repeated(b"/", b"https://a"),
    "brackets": repeated(b"[", b"https://"),
    "colons": repeated(b":", b"https://a"),
    "at signs": repeated(b"@", b"a"),
    "percent signs": repeated(b"%", b"https://a/"),
    "semver": repeated(b"1.", b"1.0.0-"),
    "builds": repeated(b"a.", b"1.0.0+"),
}


def grammars(body: bytes) -> None:
    """All grammars of fields in bodies of at most 64 KiB."""
    value = body.decode("latin-1")
    app_rules.problem_with_redirect(value)
    rules.SEMVER.fullmatch(value)
    request_rules._DOMAIN.fullmatch(value[:253])
    request_rules._ADDRESS.fullmatch(value[:254])
    custom_headers.objection({"x-a": value})
    units.refusal(value, ["%"])
    tokens.read_refresh(value)
    telemetry.context_of(value[:512])
    for read in (nomenclature.find, addresses.parse, numbers.number, numbers.pattern, carriers.check_host):
        try:
            read(value)
        except (nomenclature.UnknownCode, addresses.RefusedTarget, errors.Refusal, ValueError):
            continue
    try:
        signing.signing_key("whsec_" + value)
    except signing.UnusableSecret:
        return


def challenge(body: bytes) -> None:
    server._CHALLENGE.fullmatch(body.decode("latin-1"))
    server._VERIFIER.fullmatch(body.decode("latin-1"))


def key_set(body: bytes) -> None:
    value = strict_json.parse(body, values=4096)
    if isinstance(value, dict):
        credentials.problem_with_jwks(value, 5)


RSA = b'{"kty":"RSA","kid":"a","e":"AQAB","n":"'
KEYS = {
    "keys": listed(b'{"kty":"RSA"}', b'{"keys":[', b"]}"),
    "a huge modulus": repeated(b"_", b'{"keys":[' + RSA, b'"}]}'),
    "a huge exponent": repeated(b"_", b'{"keys":[{"kty":"RSA","n":"AQAB","e":"', b'"}]}'),
    "members": numbered(b'"%x":1', b'{"keys":[{"kty":"RSA",', b"}]}"),
    "an odd curve": repeated(b"a", b'{"keys":[{"kty":"EC","crv":"P-256","y":"a","x":"', b'"}]}'),
}


def canonical_bytes(body: bytes) -> None:
    canonical.encode(strict_json.parse(body))


# XML is read in a process of its own, which has limits too

EXPECTED = Expected("i", "a", "https://a/acs", [])
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def saml_response(body: bytes) -> None:
    assertions.verify(body, EXPECTED, NOW)


def saml_form(body: bytes) -> None:
    values = forms.parse_body(
        forms.CONTENT_TYPE, b"SAMLResponse=" + body.replace(b"+", b"%2B"), escapes=len(body)
    ).values
    saml_response(messages.decode_base64(values.get("SAMLResponse", "")))


XML_REFUSALS = (MessageRefused, OAuth2Error)
BASE64 = {name: as_base64(shape) for name, shape in XML.items()}

PEM = b"-----BEGIN CERTIFICATE-----"
COOKIES = {
    "semicolons": repeated(b";"),
    "quotes": repeated(b'"', b"a="),
    "backslashes": repeated(b"\\", b'a="', b'"'),
    "octals": repeated(b"\\101", b'a="', b'"'),
    "pairs": repeated(b"a=b;"),
}
JWT_ERRORS = (OAuth2Error, jwt.PyJWTError, ValueError, RecursionError)
GATEWAY_ONLY = (GatewayRefusal,)


def introspected(body: bytes) -> None:
    read_access_token(body.decode("latin-1"), [{"kid": "a"}], "i", expired_too=True)


def pasted(body: bytes) -> None:
    metadata.read(body.decode("latin-1"), plain_http=False)


ENTRIES = [
    *json_entries(),
    Entry("json batch", batch, 512 * KIB, {**JSON, **BATCH}, most=30),
    Entry("package content", lambda body: hashlib.sha256(body).digest(), 10 * MIB, {"zeros": repeated(b"\0")}, most=20),
    Entry("graphql document", plan, graphql_documents.MAX_LENGTH, GRAPHQL, (errors.Refusal,), most=20),
    Entry("graphql variables", variables, 128 * KIB, JSON, (Problem, errors.Refusal)),
    Entry("query", page, URL, {**FORM, "cursor": repeated(b"a", b"cursor=")}),
    Entry("oauth form", lambda body: forms.parse_body(forms.CONTENT_TYPE, body), forms.MAX_BYTES, FORM, (OAuth2Error,)),
    Entry("sealed cursor", sealed_cursor, URL, DIGITS),
    Entry("basic credentials", basic, HEAD, {name: as_base64(one) for name, one in FORM.items()}, (OAuth2Error,)),
    Entry("client assertion", client_assertion, clients.MAX_JWT, TOKENS, JWT_ERRORS),
    Entry("presented token", introspected, clients.MAX_JWT, TOKENS),
    Entry("bearer token", jwt.get_unverified_header, URL, TOKENS, JWT_ERRORS),
    Entry("identity header", text(_verifier.verify), HEAD, {**DIGITS, "dots": repeated(b".", b"a")}),
    Entry("pkce", challenge, forms.MAX_BYTES, DIGITS),
    Entry("user code", text(devices.read_user_code), forms.MAX_BYTES, DIGITS),
    Entry("json web keys", key_set, http.SMALL, {**JSON, **KEYS}, most=12),
    Entry("saml response", saml_response, documents.MAX_BYTES, XML, XML_REFUSALS, most=40),
    Entry("saml form", saml_form, 512 * KIB, {**BASE64, **FORM}, XML_REFUSALS, most=40),
    Entry("saml query", text(lambda query: messages.from_query(query, [])), URL, FORM, XML_REFUSALS),
    Entry(
        "saml inflate",
        messages.inflate,
        URL,
        {"zeros": deflated(repeated(b"\0")), "noise": repeated(b"\xa5Z")},
        XML_REFUSALS,
    ),
    Entry("saml metadata", pasted, documents.MAX_BYTES, XML, XML_REFUSALS, most=40),
    Entry(
        "certificate",
        text(metadata.read_certificate),
        16 * KIB,
        {**DIGITS, "PEM": repeated(b"A", PEM)},
        (metadata.Unusable,),
    ),
    Entry("accept-language", text(texts.language), HEAD, HEADERS),
    Entry("docs headers", docs_headers, HEAD, HEADERS),
    Entry("conditional headers", conditional, HEAD, HEADERS, most=20),
    Entry("cookies", cookies, HEAD, COOKIES, most=12),
    Entry("request head", head, HEAD, {**HEADERS, **DIGITS}, GATEWAY_ONLY),
    Entry("request target", lambda body: target.parse(b"/" + body, b"a"), URL, {**DIGITS, **FORM}, GATEWAY_ONLY),
    Entry("absolute target", lambda body: target.parse(b"http://" + body, b"a"), URL, DIGITS, GATEWAY_ONLY),
    Entry("host", target.host_name, HEAD, DIGITS, GATEWAY_ONLY),
    Entry(
        "mail address", text(mail_server.is_address), http.SMALL, {**DIGITS, "words": repeated(b"a.", b"a@")}, most=12
    ),
    Entry("automation filter", filter_of, 128 * KIB, FILTERS, most=12),
    Entry("automation template", template_of, 128 * KIB, JSON),
    Entry("canonical manifest", canonical_bytes, 512 * KIB, JSON, (Problem, ValueError), most=20),
    Entry(
        "console session", lambda body: sessions.session_of([(b"cookie", body)]), HEAD, {**COOKIES, **DIGITS}, most=12
    ),
    Entry("console form", console_pages.parse_form, console_pages.FORM_BYTES, FORM, (ValueError,), most=12),
    Entry(
        "console form of metadata",
        lambda body: console_pages.parse_form(body, console_people.METADATA),
        console_people.METADATA,
        FORM,
        (ValueError,),
        most=12,
    ),
    Entry("console cookie", console_cookie, HEAD, DIGITS),
    Entry("console language", text(console_texts.accepted), HEAD, HEADERS),
    Entry("grammars", grammars, http.SMALL, DIGITS, most=40),
]
