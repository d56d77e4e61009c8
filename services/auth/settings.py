"""Auth's settings, from the environment alone."""

import msgspec

from shared import settings


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`issuer` is the public base URL of the auth host, `api_base_url` the one of the api host; both stand in every token's `aud`."""

    database_url: settings.DatabaseUrl
    worker_database_url: settings.DatabaseUrl | None = None
    migration_database_url: settings.DatabaseUrl | None = None
    redis_url: settings.RedisUrl
    identity_public_keys: settings.PublicKeys
    encryption_keys: settings.Keys
    issuer: settings.Origin
    api_base_url: settings.Origin
    stack: str = ""
    dns_resolver: settings.Resolver = ""
    signing_key_bits: int = 2048
    refresh_grace_seconds: settings.NotNegative = 30
    key_rotation_days: settings.Positive = 30
    key_activation_seconds: settings.NotNegative = 900
    outbox_resend_seconds: settings.Positive = 30
    otel_exporter_otlp_endpoint: settings.Url = ""
    otel_traces_sampler_arg: settings.Share = 1.0
    spans_file: settings.WritableFile = ""
    ops_port: settings.Port = 0
    log_level: settings.LogLevel = "INFO"


def load() -> Settings:
    return settings.load(Settings)
