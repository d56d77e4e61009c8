"""Every setting of this service, from the environment alone."""

import msgspec

from services.webhook_dispatcher import ladder
from services.webhook_dispatcher.addresses import Policy
from shared import settings


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`webhook_*` are this service's own; README.md says what each does."""

    database_url: settings.DatabaseUrl
    worker_database_url: settings.DatabaseUrl | None = None
    migration_database_url: settings.DatabaseUrl | None = None
    redis_url: settings.RedisUrl
    identity_public_keys: settings.PublicKeys
    encryption_keys: settings.Keys
    outbox_resend_seconds: settings.Positive = 30
    otel_exporter_otlp_endpoint: settings.Url = ""
    otel_traces_sampler_arg: settings.Share = 1.0
    spans_file: settings.WritableFile = ""
    ops_port: settings.Port = 0
    log_level: settings.LogLevel = "INFO"
    webhook_allowed_networks: str = ""
    webhook_retry_schedule: str = ladder.DEFAULT
    webhook_resolver: settings.Resolver = ""
    webhook_ca_file: settings.ReadableFile = ""
    webhook_retention_days: settings.Count = 30
    webhook_disable_after_days: settings.Positive = 5
    webhook_senders: settings.Count = 1
    webhook_sender_slots: settings.Count = 512

    def __post_init__(self) -> None:
        Policy.from_text(self.webhook_allowed_networks)
        ladder.parse_schedule(self.webhook_retry_schedule)


def load() -> Settings:
    return settings.load(Settings)
