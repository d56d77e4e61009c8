"""Settings of graphql-api, from the environment alone."""

import msgspec

from shared import settings


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`webhook_dispatcher_url` is where webhook-dispatcher answers; without it the incident-webhooks bundle is unavailable."""

    database_url: settings.DatabaseUrl
    worker_database_url: settings.DatabaseUrl | None = None
    migration_database_url: settings.DatabaseUrl | None = None
    redis_url: settings.RedisUrl
    identity_public_keys: settings.PublicKeys
    encryption_keys: settings.Keys
    webhook_dispatcher_url: settings.Origin = ""
    answers_kept_bytes: settings.Whole = 64 * 1024 * 1024
    facts_kept_days: settings.Count = 3_653
    outbox_resend_seconds: settings.Positive = 30
    otel_exporter_otlp_endpoint: settings.Url = ""
    otel_traces_sampler_arg: settings.Share = 1.0
    spans_file: settings.WritableFile = ""
    ops_port: settings.Port = 0
    log_level: settings.LogLevel = "INFO"


def load() -> Settings:
    return settings.load(Settings)
