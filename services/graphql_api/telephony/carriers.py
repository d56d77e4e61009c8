"""The settings of each carrier, with checks of their form, and the names of the secret ones."""

import ipaddress
import re
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from shared.web import http

Secret = Annotated[str, Meta(min_length=6, max_length=256)]
Word = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+\Z")]
Port = Annotated[int, Meta(ge=1, le=65_535)]
HOST = re.compile(r"(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]")


class Carrier(http.Body):
    """One carrier's settings. The fields of `secrets` are stored encrypted and never shown."""

    secrets: ClassVar[frozenset[str]]


class Voipms(Carrier, kw_only=True):
    """VoIP.ms: the API's user and its own password; a SIP account or subaccount (`100000`, `100000_sub`) for calls."""

    secrets = frozenset({"api_password", "sip_password"})
    api_username: Annotated[str, Meta(pattern=r"^[^@\s\x00]{1,64}@[^@\s\x00]{1,190}\Z")]
    api_password: Secret
    server: Annotated[str, Meta(pattern=r"^[a-z]+[0-9]*\.voip\.ms\Z")]
    sip_account: Annotated[str, Meta(pattern=r"^[0-9]{5,7}(_[A-Za-z0-9]{1,12})?\Z")] | None = None
    sip_password: Secret | None = None

    def __post_init__(self) -> None:
        if (self.sip_account is None) != (self.sip_password is None):
            raise ValueError("sip_account and sip_password go together")


class Twilio(Carrier, kw_only=True):
    """Twilio: the account, and either its auth token or an API key with its secret."""

    secrets = frozenset({"auth_token", "api_key_secret"})
    account_sid: Annotated[str, Meta(pattern=r"^AC[0-9a-f]{32}\Z")]
    auth_token: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")] | None = None
    api_key_sid: Annotated[str, Meta(pattern=r"^SK[0-9a-f]{32}\Z")] | None = None
    api_key_secret: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{32}\Z")] | None = None
    trunk_sid: Annotated[str, Meta(pattern=r"^TK[0-9a-f]{32}\Z")] | None = None
    region: Annotated[str, Meta(pattern=r"^(us1|ie1|au1)\Z")] | None = None

    def __post_init__(self) -> None:
        if (self.api_key_sid is None) != (self.api_key_secret is None):
            raise ValueError("api_key_sid and api_key_secret go together")
        if (self.auth_token is None) == (self.api_key_sid is None):
            raise ValueError("either auth_token or an API key is needed")


class Telnyx(Carrier, kw_only=True):
    """Telnyx: an API v2 key, the connection calls use, and the key that verifies its webhooks."""

    secrets = frozenset({"api_key"})
    api_key: Annotated[str, Meta(pattern=r"^KEY[A-Za-z0-9_-]{20,120}\Z")]
    connection_id: Annotated[str, Meta(pattern=r"^[0-9]{10,20}\Z")]
    public_key: Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{43}=\Z")] | None = None


class Plivo(Carrier, kw_only=True):
    """Plivo: an account (`MA…`) or subaccount (`SA…`) with its token, and the application that answers."""

    secrets = frozenset({"auth_token"})
    auth_id: Annotated[str, Meta(pattern=r"^(MA|SA)[A-Z0-9]{18}\Z")]
    auth_token: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{40}\Z")]
    application_id: Annotated[str, Meta(pattern=r"^[0-9]{10,20}\Z")] | None = None


class Bandwidth(Carrier, kw_only=True):
    """Bandwidth: the account, API credentials, the voice application and the site numbers are ordered for."""

    secrets = frozenset({"password"})
    account_id: Annotated[str, Meta(pattern=r"^[0-9]{4,12}\Z")]
    username: Word
    password: Secret
    application_id: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\Z")]
    site_id: Annotated[str, Meta(pattern=r"^[0-9]{1,12}\Z")] | None = None


class Sip(Carrier, kw_only=True):
    """Any SIP trunk (RFC 3261). A trunk that registers needs a user and a password; 5061 is the port of TLS, 5060 of the others."""

    secrets = frozenset({"password"})
    host: str
    port: Port | None = None
    transport: Annotated[str, Meta(pattern=r"^(udp|tcp|tls)\Z")] = "tls"
    username: Word | None = None
    password: Secret | None = None
    realm: Word | None = None
    register: bool = True

    def __post_init__(self) -> None:
        check_host(self.host)
        if self.port is None:
            self.port = 5061 if self.transport == "tls" else 5060
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.register and self.username is None:
            raise ValueError("a trunk that registers needs username and password")


class Iax2(Carrier, kw_only=True):
    """IAX2 (RFC 5456), through a gateway on our side of the trunk."""

    secrets = frozenset({"password"})
    gateway_host: str
    port: Port = 4569
    username: Word
    password: Secret
    context: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,80}\Z")] | None = None

    def __post_init__(self) -> None:
        check_host(self.gateway_host)


CARRIERS: dict[str, type[Carrier]] = {
    "voipms": Voipms,
    "twilio": Twilio,
    "telnyx": Telnyx,
    "plivo": Plivo,
    "bandwidth": Bandwidth,
    "sip": Sip,
    "iax2": Iax2,
}


def open_settings(carrier: Carrier) -> dict[str, Any]:
    """The given settings that may be shown."""
    return {name: value for name, value in _given(carrier).items() if name not in carrier.secrets}


def credentials(carrier: Carrier) -> dict[str, Any]:
    """The given settings that may not be shown."""
    return {name: value for name, value in _given(carrier).items() if name in carrier.secrets}


def check_host(host: str) -> None:
    """A fully qualified name or a literal address. Raises ValueError."""
    if HOST.fullmatch(host):
        return
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError("host is neither a fully qualified name nor an address") from None


def _given(carrier: Carrier) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(carrier).items() if value is not None}
