"""Device-ingest's settings, from the environment alone."""

import msgspec

from shared import settings
from shared.crypto import Keyring
from shared.identity import Verifier


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Concurrent requests share one insert and one commit of up to `group_rows` rows; `group_writers` such groups run at a time.

    `group_rows` of 1 gives every request its own transaction. Observations are kept for `observation_retention_days`.
    """

    database_url: str
    worker_database_url: str | None = None
    migration_database_url: str | None = None
    redis_url: str
    identity_public_keys: str
    encryption_keys: str
    group_rows: int = 500
    group_writers: int = 2
    observation_retention_days: int = 400
    outbox_resend_seconds: float = 30
    otel_exporter_otlp_endpoint: str = ""
    otel_traces_sampler_arg: float = 1.0
    spans_file: str = ""
    ops_port: int = 0
    log_level: str = "INFO"

    def __post_init__(self) -> None:
        for name, parse in (("identity_public_keys", Verifier), ("encryption_keys", Keyring.from_text)):
            try:
                parse(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name.upper()}: {error}") from None
        if self.group_rows < 1 or not 1 <= self.group_writers <= 64:
            raise ValueError("GROUP_ROWS is at least 1, GROUP_WRITERS 1 to 64")
        if self.observation_retention_days < 8:
            raise ValueError("OBSERVATION_RETENTION_DAYS is at least 8, since observations may be 7 days late")


def load() -> Settings:
    return settings.load(Settings)
