"""Settings come only from the environment: each field of a Struct is the variable of the same name in capitals.

`REDIS_URL` is the address of one Redis server, or of the Sentinels that know the primary. `redis://` and `sentinel://` are plain;
`rediss://` and `sentinels://` use TLS, to Sentinels and servers alike. User and password before the `@` are for the server; those for a
Sentinel are parameters. With `ca_file`, only certificates of that authority are valid.
"""

import dataclasses
import logging
import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from shared.primitives import crypto

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
                raise SystemExit(
                    f"setting {field.name.upper()} is malformed: expected {_expected(field.type)}"
                ) from None
            values[field.name] = value
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


REDIS_PORTS = {"redis": 6379, "rediss": 6379, "sentinel": 26379, "sentinels": 26379}
REDIS_TLS = frozenset({"rediss", "sentinels"})
REDIS_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::(?P<port>\d*))?")
REDIS_MASTER = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class RedisAddress:
    """`hosts` is one server, or the Sentinels if `master`, the master's name, is set."""

    scheme: str
    hosts: tuple[tuple[str, int], ...]
    number: int = 0
    master: str = ""
    user: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    sentinel_user: str | None = None
    sentinel_password: str | None = dataclasses.field(default=None, repr=False)
    ca_file: str | None = None

    @property
    def has_tls(self) -> bool:
        return self.scheme in REDIS_TLS

    def __str__(self) -> str:
        """The address without users and passwords."""
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{self.scheme}://{hosts}/{self.master}{'/' if self.master else ''}{self.number}"

    def tls(self) -> ssl.SSLContext | None:
        """Checks certificate and host name. Raises OSError for an unreadable `ca_file`, SSLError for one without a certificate."""
        return ssl.create_default_context(cafile=self.ca_file) if self.has_tls else None


def check_redis_url(text: str) -> None:
    """Raises Malformed for an address that `parse_redis_url` refuses, or if `ca_file` cannot be used on this machine."""
    address = parse_redis_url(text)
    try:
        address.tls()
    except ssl.SSLError:
        raise Malformed("its ca_file holds no certificate") from None
    except OSError:
        raise Malformed("its ca_file cannot be read") from None


def parse_redis_url(text: str) -> RedisAddress:
    """Raises Malformed, whose text names the wrong part but does not quote it."""
    scheme, _, rest = text.partition("://")
    if scheme not in REDIS_PORTS:
        raise Malformed("it begins with none of redis://, rediss://, sentinel:// and sentinels://")
    place = re.split("[/?#]", rest, maxsplit=1)[0]
    if "@" in rest[len(place) :] or "#" in rest:
        raise Malformed("user and password are to be percent-encoded: / as %2F, ? as %3F, # as %23, @ as %40")
    path, _, query = rest[len(place) :].partition("?")
    login, _, hosts = place.rpartition("@")
    user, _, password = login.partition(":")
    is_sentinel = scheme.startswith("sentinel")
    master, number = _redis_names(path, is_sentinel)
    allowed = (["ca_file"] if scheme in REDIS_TLS else []) + (
        ["sentinel_user", "sentinel_password"] if is_sentinel else []
    )
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise Malformed("its parameters are not name=value, separated by &") from None
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise Malformed("it has a parameter twice")
    if not parameters.keys() <= set(allowed):
        raise Malformed(f"of parameters it may have {', '.join(allowed) or 'none'}")
    if not all(parameters.values()):
        raise Malformed("it has a parameter without a value")
    each = hosts.split(",") if is_sentinel else [hosts]
    address = RedisAddress(
        scheme=scheme,
        hosts=tuple(_redis_host(part.strip(), number, REDIS_PORTS[scheme]) for number, part in enumerate(each, 1)),
        number=number,
        master=master,
        user=unquote(user) or None,
        password=unquote(password) or None,
        **parameters,
    )
    if address.sentinel_user and not address.sentinel_password:
        raise Malformed("it has a sentinel_user without a sentinel_password")
    return address


def _redis_host(text: str, number: int, port: int) -> tuple[str, int]:
    match = REDIS_HOST.fullmatch(text)
    if match is None:
        raise Malformed(f"host {number} is not a name or an address, with [ ] around IPv6, and perhaps a port")
    if match["port"] is not None:
        port = int(match["port"] or 0)
    if not 0 < port < 65_536:
        raise Malformed(f"the port of host {number} is not from 1 to 65535")
    return match["name"].strip("[]"), port


def _redis_names(path: str, is_sentinel: bool) -> tuple[str, int]:
    """The master's name, empty without Sentinels, and the number of the database."""
    names = path.strip("/").split("/") if path.strip("/") else []
    master = ""
    if is_sentinel:
        if not names or not REDIS_MASTER.fullmatch(names[0]):
            raise Malformed("no name of a master, of letters, digits and . _ -, follows the Sentinels")
        master = names.pop(0)
    if not names:
        return master, 0
    if len(names) > 1 or not re.fullmatch(r"\d{1,4}", names[0]):
        raise Malformed("its path does not end with the number of a database")
    return master, int(names[0])


def _check_database_url(text: str) -> None:
    from psycopg.conninfo import conninfo_to_dict  # the gateway has no database

    if not conninfo_to_dict(text):  # for an empty text libpq would read its own variables
        raise ValueError


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


def _check_resolver(text: str) -> None:
    host, _, port = text.rpartition(":")
    if not host or not 0 < int(port) < 65_536:
        raise ValueError


CENTURY = 100 * 366 * 86_400.0
"""Seconds; a longer wait is a mistake, and some clocks cannot represent it."""
DatabaseUrl = Annotated[str, Form("a PostgreSQL connection string", _check_database_url)]
RedisUrl = Annotated[
    str,
    Form(
        "redis[s]://[user:password@]host[:port][/number]"
        " or sentinel[s]://[user:password@]host[:port][,host[:port]…]/master[/number]",
        check_redis_url,
    ),
]
Url = Annotated[str, Form("http[s]://host[:port][/path]", _check_url("http", "https"))]
Origin = Annotated[
    str, Form("an http(s) URL of a host alone: no path, query, fragment or slash at its end", _check_origin)
]
PublicKeys = Annotated[str, Form("<kid>:<base64url of 32 bytes>, separated by commas", crypto.identity_keys)]
SigningKey = Annotated[str, Form("<kid>:<base64url of 32 bytes>", crypto.Signer)]
ServiceKeys = Annotated[str, Form("<service>/<kid>:<base64url of 32 bytes>, separated by commas", crypto.PublicKeys)]
Keys = Annotated[str, Form("<version 1 to 255>:<base64url of 32 bytes>, separated by commas", crypto.Keyring.from_text)]
Resolver = Annotated[str, Form("<address>:<port> of a DNS server", _check_resolver)]
LogLevel = Annotated[str, Form("DEBUG, INFO, WARNING, ERROR or CRITICAL", logging.getLevelNamesMapping().__getitem__)]
WritableFile = Annotated[str, Form("a file that can be written", lambda text: Path(text).open("ab").close())]
ReadableFile = Annotated[str, Form("a file that can be read", lambda text: Path(text).open("rb").close())]
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

    With `revocations_url` the web process follows auth's revocations in its own name.

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
    outbox_resend_seconds: Positive = 30
    audit_anchor_seconds: Positive = 60
    audit_anchor_file: WritableFile = ""
