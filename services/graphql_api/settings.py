"""Settings of graphql-api, from the environment alone."""

import msgspec

from shared import settings


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`webhook_dispatcher_url` is where webhook-dispatcher answers; without it the incident-webhooks bundle is unavailable."""

    database_url: str
    worker_database_url: str | None = None
    migration_database_url: str | None = None
    redis_url: str
    identity_public_keys: str
    encryption_keys: str
    webhook_dispatcher_url: str = ""
    answers_kept_bytes: int = 64 * 1024 * 1024
    facts_kept_days: int = 3_653
    outbox_resend_seconds: float = 30
    otel_exporter_otlp_endpoint: str = ""
    otel_traces_sampler_arg: float = 1.0
    spans_file: str = ""
    ops_port: int = 0
    log_level: str = "INFO"


def load() -> Settings:
    return settings.load(Settings)
