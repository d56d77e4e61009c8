"""Settings of graphql-api, only from the environment."""

from shared.process import settings


class Settings(settings.Service, frozen=True, kw_only=True):
    """`webhook_dispatcher_url` is the address of webhook-dispatcher; without it the bundle incident-webhooks is unavailable.

    With it, `identity_exchange_url` is the gateway's address for exchanging a caller's identity for one for webhook-dispatcher.
    """

    webhook_dispatcher_url: settings.Origin = ""
    identity_exchange_url: settings.Url = ""
    answers_kept_bytes: settings.Whole = 64 * 1024 * 1024
    facts_kept_days: settings.Count = 3_653
    most_telephony_providers: settings.Count = 50
    most_telephony_routes: settings.Count = 1000
    most_open_incidents: settings.Count = 20_000
    reports_kept_days: settings.Count = 400
    most_reports: settings.Count = 500
    most_report_schedules: settings.Count = 20
    most_timeline_entries: settings.Count = 1000


def load() -> Settings:
    return settings.load(Settings)
