"""Control-plane's settings, from the environment alone."""

import msgspec

from services.control_plane.automations import runs
from shared import settings
from shared.crypto import Keyring
from shared.identity import Verifier


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """README.md says what `package_*`, `automation_*` and `agent_*` do."""

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
    package_storage_mib: int = 2048
    automation_retry_schedule: str = runs.DEFAULT_SCHEDULE
    automation_runs_per_minute: int = 60
    automation_answer_seconds: int = 900
    automation_runs_kept_days: int = 30
    agent_code_seconds: int = 900
    agent_heartbeat_seconds: int = 60
    agent_stale_seconds: int = 180
    agent_lost_seconds: int = 86_400

    def __post_init__(self) -> None:
        for name, parse in (("identity_public_keys", Verifier), ("encryption_keys", Keyring.from_text)):
            try:
                parse(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name.upper()}: {error}") from None
        runs.parse_schedule(self.automation_retry_schedule)
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name.startswith(("automation_", "agent_", "package_")) and isinstance(value, int) and value < 1:
                raise ValueError(f"{name.upper()} is at least 1")
        if self.agent_stale_seconds >= self.agent_lost_seconds:
            raise ValueError("AGENT_LOST_SECONDS is more than AGENT_STALE_SECONDS")


def load() -> Settings:
    return settings.load(Settings)
