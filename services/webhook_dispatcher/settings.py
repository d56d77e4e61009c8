"""Every setting of this service, from the environment alone."""

import msgspec

from services.webhook_dispatcher import ladder
from services.webhook_dispatcher.addresses import Policy
from shared import settings


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`webhook_*` are this service's own; README.md says what each does."""

    database_url: str
    worker_database_url: str | None = None
    migration_database_url: str | None = None
    redis_url: str
    identity_public_keys: str
    encryption_keys: str
    outbox_resend_seconds: float = 30
    otel_exporter_otlp_endpoint: str = ""
    otel_traces_sampler_arg: float = 1.0
    spans_file: str = ""
    ops_port: int = 0
    log_level: str = "INFO"
    webhook_allowed_networks: str = ""
    webhook_retry_schedule: str = ladder.DEFAULT
    webhook_resolver: str = ""
    webhook_ca_file: str = ""
    webhook_retention_days: int = 30
    webhook_disable_after_days: float = 5
    webhook_senders: int = 1
    webhook_sender_slots: int = 512

    def __post_init__(self) -> None:
        Policy.from_text(self.webhook_allowed_networks)
        ladder.parse_schedule(self.webhook_retry_schedule)
        host, colon, port = self.webhook_resolver.rpartition(":")
        if self.webhook_resolver and not (host and colon and port.isdigit()):
            raise ValueError("WEBHOOK_RESOLVER is <address>:<port> of a DNS server")
        if self.webhook_retention_days < 1 or self.webhook_senders < 1 or self.webhook_sender_slots < 1:
            raise ValueError("WEBHOOK_RETENTION_DAYS, WEBHOOK_SENDERS and WEBHOOK_SENDER_SLOTS are at least 1")


def load() -> Settings:
    return settings.load(Settings)
