"""The settings of this service."""

from services.webhook_dispatcher.sending import ladder
from services.webhook_dispatcher.sending.addresses import Policy, networks
from shared.process import mail, settings


class Settings(mail.Settings, frozen=True, kw_only=True):
    """`webhook_*` are this service's own; README.md describes each."""

    webhook_allowed_networks: str = ""
    webhook_forbidden_networks: str = ""
    webhook_egress_addresses: str = ""
    webhook_retry_schedule: str = ladder.DEFAULT
    webhook_resolver: settings.Resolver = ""
    webhook_ca_file: settings.ReadableFile = ""
    webhook_retention_days: settings.Count = 30
    webhook_disable_after_days: settings.Positive = 5
    webhook_notice_after_seconds: settings.Positive = 3600
    webhook_stop_reminder_hours: settings.Positive = 24
    most_webhooks_of_app: settings.Count = 100
    most_webhooks: settings.Count = 2000
    most_consumers_of_app: settings.Count = 20
    most_consumers: settings.Count = 500
    most_replays: settings.Count = 20
    webhook_sender_slots: settings.Count = 1024

    def __post_init__(self) -> None:
        self.policy()
        self.egress_addresses()
        ladder.parse_schedule(self.webhook_retry_schedule)
        mail.Settings.__post_init__(self)

    def egress_addresses(self) -> list[str]:
        """Raises ValueError for a setting that is not networks."""
        return [str(network) for network in networks("WEBHOOK_EGRESS_ADDRESSES", self.webhook_egress_addresses)]

    def policy(self) -> Policy:
        """Raises ValueError for a setting that is not networks."""
        return Policy.from_text(self.webhook_allowed_networks, self.webhook_forbidden_networks)


def load() -> Settings:
    return settings.load(Settings)
