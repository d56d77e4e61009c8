"""Device-ingest's settings, from the environment alone."""

import msgspec

from shared import settings


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Concurrent requests share one insert and one commit of up to `group_rows` rows; `group_writers` such groups run at a time.

    `group_rows` of 1 gives every request its own transaction. Observations are kept for `observation_retention_days`.
    """

    database_url: settings.DatabaseUrl
    worker_database_url: settings.DatabaseUrl | None = None
    migration_database_url: settings.DatabaseUrl | None = None
    redis_url: settings.RedisUrl
    identity_public_keys: settings.PublicKeys
    encryption_keys: settings.Keys
    group_rows: int = 500
    group_writers: int = 2
    observation_retention_days: int = 400
    outbox_resend_seconds: settings.Positive = 30
    otel_exporter_otlp_endpoint: settings.Url = ""
    otel_traces_sampler_arg: settings.Share = 1.0
    spans_file: settings.WritableFile = ""
    ops_port: settings.Port = 0
    log_level: settings.LogLevel = "INFO"

    def __post_init__(self) -> None:
        if self.group_rows < 1 or not 1 <= self.group_writers <= 64:
            raise ValueError("GROUP_ROWS is at least 1, GROUP_WRITERS 1 to 64")
        if self.observation_retention_days < 8:
            raise ValueError("OBSERVATION_RETENTION_DAYS is at least 8, since observations may be 7 days late")


def load() -> Settings:
    return settings.load(Settings)
