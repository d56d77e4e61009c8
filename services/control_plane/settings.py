"""Control-plane's settings, from the environment alone."""

import msgspec

from shared import settings
from shared.crypto import Keyring
from shared.identity import Verifier


class Settings(msgspec.Struct, frozen=True, kw_only=True):
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

    def __post_init__(self) -> None:
        for name, parse in (("identity_public_keys", Verifier), ("encryption_keys", Keyring.from_text)):
            try:
                parse(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name.upper()}: {error}") from None


def load() -> Settings:
    return settings.load(Settings)
