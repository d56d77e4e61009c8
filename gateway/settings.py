"""The gateway's settings, all from the environment."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from shared.process import settings
from shared.web.identity import SigningKey


def networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """`10.0.0.0/8,::1` as networks. Raises ValueError for anything else."""
    return [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]


Rate = Annotated[
    str, msgspec.Meta(pattern=r"^(?:[1-9]\d{0,8}/[1-9]\d{0,4}|off)\Z", description="<requests>/<seconds> or off")
]
Bytes = Annotated[
    str, msgspec.Meta(pattern=r"^(?:[1-9]\d{0,8}/[1-9]\d{0,4}|off)\Z", description="<bytes>/<seconds> or off")
]
KEY = settings.Form("<kid>:<base64url of 32 bytes>", SigningKey)
NETWORKS = settings.Form("networks such as 10.0.0.0/8, separated by commas", networks)


class Settings(settings.Process, frozen=True, kw_only=True):
    """Rates are `<requests>/<seconds>` for each client (for each client network on routes without a token), or `off`.

    `rate_limit_console` is for each session of the console, `rate_limit_console_network` for each client network there.
    The host of each base URL is served; `gateway_hosts_*` are other names in its place, separated by commas.
    An organisation's apps together have `organisation_times` the rate of one, and so have its people; 0 is no such limit.
    `refused_bytes_limit` is `<bytes>/<seconds>` of refused bodies, by client or network alike."""

    identity_signing_key: Annotated[str, KEY]
    issuer: settings.Origin
    api_base_url: settings.Origin
    docs_base_url: settings.Origin = ""
    console_base_url: settings.Origin = ""
    stack: str = ""
    gateway_jwks_url: settings.Url
    gateway_upstream_auth: settings.Origin
    gateway_upstream_webhooks: settings.Origin
    gateway_upstream_graphql: settings.Origin
    gateway_upstream_epcr: settings.Origin
    gateway_upstream_devices: settings.Origin
    gateway_upstream_platform: settings.Origin = ""
    gateway_upstream_console: settings.Origin = ""
    gateway_hosts_auth: str = ""
    gateway_hosts_api: str = ""
    gateway_hosts_docs: str = ""
    gateway_hosts_console: str = ""
    redis_url: settings.RedisUrl = ""
    identity_public_keys: settings.PublicKeys = ""
    service_public_keys: settings.ServiceKeys = ""
    trusted_proxies: Annotated[str, NETWORKS] = ""
    revocation_max_staleness: settings.Positive = 300
    rate_limit_token: Rate = "600/60"  # noqa: S105 a rate
    rate_limit_discovery: Rate = "6000/60"
    rate_limit_sign_in: Rate = "1200/60"
    rate_limit_saml: Rate = "1200/60"
    rate_limit_account: Rate = "60/60"
    rate_limit_organisation: Rate = "1200/60"
    rate_limit_agents: Rate = "1200/60"
    rate_limit_guesses: Rate = "1200/60"
    rate_limit_public: Rate = "1200/60"
    rate_limit_console: Rate = "600/60"
    rate_limit_console_network: Rate = "6000/60"
    rate_limit_read: Rate = "3000/60"
    rate_limit_write: Rate = "1200/60"
    rate_limit_ingest: Rate = "12000/60"
    rate_limit_graphql: Rate = "1200/60"
    organisation_times: settings.Whole = 2
    refused_bytes_limit: Bytes = "4194304/60"
    upstream_connect_timeout: settings.Positive = 2
    upstream_timeout: settings.Positive = 30
    upstream_concurrency: settings.Count = 256
    client_header_timeout: settings.Positive = 10
    client_body_timeout: settings.Positive = 60
    client_body_rate: settings.Count = 8192
    client_idle_timeout: settings.Positive = 75
    client_connections: settings.Count = 10_000
    drain_timeout: settings.Whole = 25

    def __post_init__(self) -> None:
        all_names = [name for given in self.hosts().values() for name in dict.fromkeys(given)]
        if twice := sorted({name for name in all_names if all_names.count(name) > 1}):
            raise ValueError(
                f"auth, API, docs and console each have a host of their own, but {', '.join(twice)} is given twice"
            )

    def hosts(self) -> dict[str, list[str]]:
        """The host names of each site."""
        sites = {
            "auth": (self.gateway_hosts_auth, self.issuer),
            "api": (self.gateway_hosts_api, self.api_base_url),
            "docs": (self.gateway_hosts_docs, self.docs_base_url),
            "console": (self.gateway_hosts_console, self.console_base_url),
        }
        return {site: names(given) or names(urlsplit(base).hostname or "") for site, (given, base) in sites.items()}

    def rates(self) -> dict[str, str]:
        """The rate of each route class, and the budget of refused bytes."""
        prefix = "rate_limit_"
        of_classes = {
            name.removeprefix(prefix): getattr(self, name) for name in self.__struct_fields__ if name.startswith(prefix)
        }
        return of_classes | {"refused_bytes": self.refused_bytes_limit}


def names(text: str) -> list[str]:
    return [part.strip().lower() for part in text.split(",") if part.strip()]


def load() -> Settings:
    return settings.load(Settings)
