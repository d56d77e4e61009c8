"""Device-ingest's settings, from the environment alone."""

from shared.process import settings


class Settings(settings.Service, frozen=True, kw_only=True):
    """Concurrent requests share one INSERT and one commit of at most `group_rows` rows; `group_writers` groups run at a time.

    With `group_rows` of 1 every request has its own transaction. Observations older than `observation_retention_days` are deleted.
    A tenant has at most `most_devices`, including retired ones, and stores at most `most_observations`, unless an operator set another
    number for it.
    """

    group_rows: int = 500
    group_writers: int = 2
    observation_retention_days: int = 400
    most_devices: settings.Count = 20_000
    most_observations: settings.Count = 250_000_000

    def __post_init__(self) -> None:
        if self.group_rows < 1 or not 1 <= self.group_writers <= 64:
            raise ValueError("GROUP_ROWS is at least 1, GROUP_WRITERS 1 to 64")
        if self.observation_retention_days < 8:
            raise ValueError("OBSERVATION_RETENTION_DAYS is at least 8, since observations may be 7 days late")


def load() -> Settings:
    return settings.load(Settings)
