"""Control-plane's settings, from the environment alone."""

import re

from shared.process import settings

DEFAULT_SCHEDULE = "5s,30s,2m,10m,1h"
_WAIT = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def parse_schedule(text: str) -> tuple[float, ...]:
    """Seconds before each further attempt, from a text such as `5s,30s,2m`. Raises ValueError."""
    waits = [_WAIT.fullmatch(part.strip()) for part in text.split(",")]
    if not all(waits):
        raise ValueError("AUTOMATION_RETRY_SCHEDULE is waits such as 5s,30s,2m,1h")
    return tuple(float(wait[1]) * _UNITS[wait[2]] for wait in waits if wait)


class Settings(settings.Service, frozen=True, kw_only=True):
    """README.md describes each setting."""

    package_storage_mib: int = 2048
    automation_retry_schedule: str = DEFAULT_SCHEDULE
    automation_runs_per_minute: int = 60
    automation_answer_seconds: int = 900
    automation_runs_kept_days: int = 30
    most_automations_of_app: settings.Count = 100
    most_automations: settings.Count = 1000
    most_runs_per_minute: settings.Count = 1200
    most_unanswered_runs: settings.Count = 200
    most_waiting_events: settings.Count = 5000
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
        parse_schedule(self.automation_retry_schedule)
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name.startswith(("automation_", "agent_", "package_")) and isinstance(value, int) and value < 1:
                raise ValueError(f"{name.upper()} is at least 1")
        if self.agent_stale_seconds >= self.agent_lost_seconds:
            raise ValueError("AGENT_LOST_SECONDS is more than AGENT_STALE_SECONDS")


def load() -> Settings:
    return settings.load(Settings)
