"""The settings of this service."""

from services.webhook_dispatcher.sending import ladder
from services.webhook_dispatcher.sending.addresses import Policy
from shared.process import settings


class Settings(settings.Service, frozen=True, kw_only=True):
    """`webhook_*` are this service's own; README.md describes each."""

    webhook_allowed_networks: str = ""
    webhook_forbidden_networks: str = ""
    webhook_retry_schedule: str = ladder.DEFAULT
    webhook_resolver: settings.Resolver = ""
    webhook_ca_file: settings.ReadableFile = ""
    webhook_retention_days: settings.Count = 30
    webhook_disable_after_days: settings.Positive = 5
    most_webhooks_of_app: settings.Count = 100
    most_webhooks: settings.Count = 2000
    most_consumers_of_app: settings.Count = 20
    most_consumers: settings.Count = 500
    webhook_sender_slots: settings.Count = 1024

    def __post_init__(self) -> None:
        self.policy()
        ladder.parse_schedule(self.webhook_retry_schedule)

    def policy(self) -> Policy:
        """Raises ValueError for a setting that is not networks."""
        return Policy.from_text(self.webhook_allowed_networks, self.webhook_forbidden_networks)


def load() -> Settings:
    return settings.load(Settings)
