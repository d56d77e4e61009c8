"""Everything that can be set, from the environment alone."""

import ipaddress
import re
from typing import Annotated

import msgspec

from shared import settings
from shared.identity import SigningKey

Url = Annotated[str, msgspec.Meta(pattern=r"^https?://[A-Za-z0-9.\-\[\]:]+$")]
"""An origin without path: `http://auth.localhost:8080`."""

RATE = re.compile(r"(?:[1-9]\d{0,8}/[1-9]\d{0,4}|off)")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Rates are `<requests>/<seconds>` for each client (or address, where nobody is authenticated), or `off`."""

    identity_signing_key: str
    issuer: Url
    api_base_url: Url
    gateway_jwks_url: str
    gateway_upstream_auth: Url
    gateway_upstream_webhooks: Url
    gateway_upstream_graphql: Url
    gateway_upstream_epcr: Url
    gateway_upstream_devices: Url
    gateway_upstream_platform: str = ""
    gateway_hosts_auth: str = "auth.knogin.com"
    gateway_hosts_api: str = "api.knogin.com"
    gateway_hosts_docs: str = "knogin.com"
    redis_url: str = ""
    trusted_proxies: str = ""
    revocation_max_staleness: float = 300
    rate_limit_token: str = "600/60"  # noqa: S105 a rate
    rate_limit_public: str = "1200/60"
    rate_limit_read: str = "3000/60"
    rate_limit_write: str = "1200/60"
    rate_limit_ingest: str = "12000/60"
    rate_limit_graphql: str = "1200/60"
    upstream_connect_timeout: float = 2
    upstream_timeout: float = 30
    upstream_concurrency: int = 256
    client_header_timeout: float = 10
    client_body_timeout: float = 60
    client_idle_timeout: float = 75
    client_connections: int = 10_000
    drain_timeout: int = 25
    otel_exporter_otlp_endpoint: str = ""
    otel_traces_sampler_arg: float = 1.0
    spans_file: str = ""
    ops_port: int = 0
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        _check("IDENTITY_SIGNING_KEY", "<kid>:<base64url of 32 bytes>", SigningKey, self.identity_signing_key)
        _check("TRUSTED_PROXIES", "networks separated by commas", networks, self.trusted_proxies)
        for name, rate in self.rates().items():
            if not RATE.fullmatch(rate):
                raise ValueError(f"RATE_LIMIT_{name.upper()} is malformed: expected <requests>/<seconds> or off")

    def rates(self) -> dict[str, str]:
        """The rate of each route class."""
        prefix = "rate_limit_"
        return {
            name.removeprefix(prefix): getattr(self, name) for name in self.__struct_fields__ if name.startswith(prefix)
        }


def networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """`10.0.0.0/8,::1` as networks. Raises ValueError for anything else."""
    return [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]


def names(text: str) -> list[str]:
    return [part.strip().lower() for part in text.split(",") if part.strip()]


def load() -> Settings:
    return settings.load(Settings)


def _check(name: str, expected: str, parse: object, text: str) -> None:
    try:
        parse(text)  # pyright: ignore[reportCallIssue]
    except ValueError:
        raise ValueError(f"{name} is malformed: expected {expected}") from None
