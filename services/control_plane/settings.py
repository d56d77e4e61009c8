"""Control-plane's settings, from the environment alone."""

from services.control_plane.automations import runs
from shared import settings


class Settings(settings.Service, frozen=True, kw_only=True):
    """README.md says what `package_*`, `automation_*` and `agent_*` do, and of what there are at most `most_*`."""

    package_storage_mib: int = 2048
    automation_retry_schedule: str = runs.DEFAULT_SCHEDULE
    automation_runs_per_minute: int = 60
    automation_answer_seconds: int = 900
    automation_runs_kept_days: int = 30
    most_automations_of_app: settings.Count = 100
    most_automations: settings.Count = 1000
    most_agents: settings.Count = 5000
    most_packages: settings.Count = 200
    most_versions: settings.Count = 1000
    most_signing_keys: settings.Count = 20
    most_releases: settings.Count = 5000
    most_listings: settings.Count = 1000
    most_installations: settings.Count = 1000
    agent_code_seconds: int = 900
    agent_heartbeat_seconds: int = 60
    agent_stale_seconds: int = 180
    agent_lost_seconds: int = 86_400

    def __post_init__(self) -> None:
        runs.parse_schedule(self.automation_retry_schedule)
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name.startswith(("automation_", "agent_", "package_")) and isinstance(value, int) and value < 1:
                raise ValueError(f"{name.upper()} is at least 1")
        if self.agent_stale_seconds >= self.agent_lost_seconds:
            raise ValueError("AGENT_LOST_SECONDS is more than AGENT_STALE_SECONDS")


def load() -> Settings:
    return settings.load(Settings)
