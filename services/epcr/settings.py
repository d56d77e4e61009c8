"""ePCR's settings, from the environment alone."""

import msgspec

from shared import settings


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`pseudonym_keys` are `<version>:<base64url of 32 bytes>`, the current one first; the web process alone needs them.

    Observations of an encounter that is not known are reported so after `unknown_after_seconds`, and forgotten after
    `forget_unknown_days`; device-ingest keeps its own.
    """

    database_url: str
    worker_database_url: str | None = None
    migration_database_url: str | None = None
    redis_url: str
    identity_public_keys: str
    encryption_keys: str
    pseudonym_keys: str = ""
    unknown_after_seconds: float = 30
    forget_unknown_days: int = 30
    outbox_resend_seconds: float = 30
    otel_exporter_otlp_endpoint: str = ""
    otel_traces_sampler_arg: float = 1.0
    spans_file: str = ""
    ops_port: int = 0
    log_level: str = "INFO"


def load() -> Settings:
    return settings.load(Settings)
