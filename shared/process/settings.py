"""Settings come only from the environment: each field of a Struct is the variable of the same name in capitals."""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar, get_args
from urllib.parse import urlsplit

import msgspec

SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)


class Malformed(ValueError):
    """The text says how a setting is malformed, without quoting it."""


class Form(NamedTuple):
    """The expected form of a setting in words, and `check`, which raises an exception for any other text."""

    expected: str
    check: Callable[[str], object]


def load(kind: type[SettingsT], environment: Mapping[str, str] | None = None) -> SettingsT:
    """Reads `kind` from the environment. A missing or malformed setting ends the process with one line that names it, never its value."""
    source = os.environ if environment is None else environment
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        text = source.get(field.name.upper())
        if text is not None:
            values[field.name] = _read(field, text)
        elif field.required:
            raise SystemExit(f"setting {field.name.upper()} is missing")
    try:
        return kind(**values)
    except (ValueError, TypeError) as error:
        raise SystemExit(f"settings: {error}") from None


def required(value: str | None, name: str) -> str:
    """The value of a setting that only this kind of process needs. Ends the process with one line if it is not set."""
    if not value:
        raise SystemExit(f"setting {name} is missing")
    return value


def revision() -> str:
    """The revision that this image was built from; the image's recipe sets it."""
    return os.environ.get("REVISION", "unknown")


def _read(field: msgspec.structs.FieldInfo, text: str) -> object:
    try:
        value = msgspec.convert(text, field.type, strict=False)
        if text or field.required:
            for form in _forms(field.type):
                form.check(text)
    except Malformed as error:
        raise SystemExit(
            f"setting {field.name.upper()} is malformed: {error}; expected {_expected(field.type)}"
        ) from None
    except Exception:  # a check may raise anything; its text is not shown, because it may quote a secret
        raise SystemExit(f"setting {field.name.upper()} is malformed: expected {_expected(field.type)}") from None
    return value


def _forms(kind: object) -> list[Form]:
    """The forms of an annotated type, or of the members of a union."""
    own = [each for each in getattr(kind, "__metadata__", ()) if isinstance(each, Form)]
    return own or [form for part in get_args(kind) for form in _forms(part)]


def _expected(kind: object) -> str:
    for form in _forms(kind):
        return form.expected
    for bounds in getattr(kind, "__metadata__", ()):
        words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
        limits = [f"{word} {limit:g}" for name, word in words.items() if (limit := getattr(bounds, name)) is not None]
        return bounds.description or " ".join((get_args(kind)[0].__name__, " and ".join(limits)))
    return getattr(kind, "__name__", str(kind))


def _check_database_url(text: str) -> None:
    from psycopg.conninfo import conninfo_to_dict  # the gateway has no database

    if not conninfo_to_dict(text):  # for an empty text libpq would read its own variables
        raise ValueError


def _check_redis_url(text: str) -> None:
    from shared.process.redis_address import check

    check(text)


def _check_url(*schemes: str) -> Callable[[str], None]:
    def check(text: str) -> None:
        url = urlsplit(text)
        # `url.port` itself raises ValueError for an invalid port.
        if url.scheme not in schemes or not url.hostname or url.port == 0:
            raise ValueError

    return check


def _check_origin(text: str) -> None:
    _check_url("http", "https")(text)
    if set(text.partition("://")[2]) & set("/?#@ "):
        raise ValueError


def _check_public_keys(text: str) -> None:
    from shared.web.identity import Verifier

    Verifier(text, "")


def _check_signing_key(text: str) -> None:
    from shared.primitives.signatures import Signer

    Signer(text)


def _check_service_keys(text: str) -> None:
    from shared.primitives.signatures import PublicKeys as ServiceKeys

    ServiceKeys(text)


def _check_keys(text: str) -> None:
    from shared.primitives.crypto import Keyring

    Keyring.from_text(text)


def _check_resolver(text: str) -> None:
    host, _, port = text.rpartition(":")
    if not host or not 0 < int(port) < 65_536:
        raise ValueError


def _check_level(text: str) -> None:
    if text not in logging.getLevelNamesMapping():
        raise ValueError


def _check_writable(text: str) -> None:
    with Path(text).open("ab"):
        pass


def _check_readable(text: str) -> None:
    with Path(text).open("rb"):
        pass


CENTURY = 100 * 366 * 86_400.0
"""Seconds; a longer wait is a mistake, and some clocks cannot represent it."""
DatabaseUrl = Annotated[str, Form("a PostgreSQL connection string", _check_database_url)]
RedisUrl = Annotated[
    str,
    Form(
        "redis[s]://[user:password@]host[:port][/number]"
        " or sentinel[s]://[user:password@]host[:port][,host[:port]…]/master[/number]",
        _check_redis_url,
    ),
]
Url = Annotated[str, Form("http[s]://host[:port][/path]", _check_url("http", "https"))]
Origin = Annotated[
    str, Form("an http(s) URL of a host alone: no path, query, fragment or slash at its end", _check_origin)
]
PublicKeys = Annotated[str, Form("<kid>:<base64url of 32 bytes>, separated by commas", _check_public_keys)]
SigningKey = Annotated[str, Form("<kid>:<base64url of 32 bytes>", _check_signing_key)]
ServiceKeys = Annotated[str, Form("<service>/<kid>:<base64url of 32 bytes>, separated by commas", _check_service_keys)]
Keys = Annotated[str, Form("<version 1 to 255>:<base64url of 32 bytes>, separated by commas", _check_keys)]
Resolver = Annotated[str, Form("<address>:<port> of a DNS server", _check_resolver)]
LogLevel = Annotated[str, Form("DEBUG, INFO, WARNING, ERROR or CRITICAL", _check_level)]
WritableFile = Annotated[str, Form("a file that can be written", _check_writable)]
ReadableFile = Annotated[str, Form("a file that can be read", _check_readable)]
Positive = Annotated[float, msgspec.Meta(gt=0, le=CENTURY)]
NotNegative = Annotated[float, msgspec.Meta(ge=0, le=CENTURY)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Whole = Annotated[int, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of every process: the targets of its traces, probes, metrics and logs."""

    otel_exporter_otlp_endpoint: Url = ""
    otel_traces_sampler_arg: Share = 1.0
    spans_file: WritableFile = ""
    ops_port: Port = 0
    log_level: LogLevel = "INFO"


class Service(Process, frozen=True, kw_only=True):
    """The settings of every service. Worker and relay need `worker_database_url`; `migrate` also needs `migration_database_url`.

    With `revocations_url` the web process follows auth's revocations in its own name. `identity_audience` is `preferred` while
    gateways of the previous release still run, whose identity headers name no service.

    Processes that sign as this service need `service_signing_key`; those that check signatures need `service_public_keys` of all services.
    The relay appends the signed head of the audit trail to `audit_anchor_file` each `audit_anchor_seconds`.
    """

    database_url: DatabaseUrl
    worker_database_url: DatabaseUrl | None = None
    migration_database_url: DatabaseUrl | None = None
    redis_url: RedisUrl
    identity_public_keys: PublicKeys
    encryption_keys: Keys
    service_signing_key: SigningKey | None = None
    service_public_keys: ServiceKeys | None = None
    revocations_url: Url = ""
    identity_audience: Literal["required", "preferred"] = "required"
    outbox_resend_seconds: Positive = 30
    audit_anchor_seconds: Positive = 60
    audit_anchor_file: WritableFile = ""
