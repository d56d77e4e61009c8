"""Auth's settings, from the environment alone."""

import msgspec

from shared import settings


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`issuer` is the public base URL of the auth host, `api_base_url` the one of the api host; both stand in every token's `aud`."""

    database_url: str
    worker_database_url: str | None = None
    migration_database_url: str | None = None
    redis_url: str
    identity_public_keys: str
    encryption_keys: str
    issuer: str
    api_base_url: str
    stack: str = ""
    dns_resolver: str = ""
    signing_key_bits: int = 2048
    refresh_grace_seconds: float = 30
    key_rotation_days: float = 30
    key_activation_seconds: float = 900
    outbox_resend_seconds: float = 30
    otel_exporter_otlp_endpoint: str = ""
    otel_traces_sampler_arg: float = 1.0
    spans_file: str = ""
    ops_port: int = 0
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        host, colon, port = self.dns_resolver.rpartition(":")
        if self.dns_resolver and not (host and colon and port.isdigit()):
            raise ValueError("DNS_RESOLVER is <address>:<port> of a DNS server, or empty")
        for name in ("issuer", "api_base_url"):
            scheme, separator, host = getattr(self, name).partition("://")
            if scheme not in ("https", "http") or not separator or not host or set(host) & set("/?#@ "):
                raise ValueError(f"{name.upper()} is an http(s) URL of a host alone: no path, query, fragment or slash")


def load() -> Settings:
    return settings.load(Settings)
