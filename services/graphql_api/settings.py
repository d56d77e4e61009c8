"""Settings of graphql-api, from the environment alone."""

from shared import settings


class Settings(settings.Service, frozen=True, kw_only=True):
    """`webhook_dispatcher_url` is where webhook-dispatcher answers; without it the incident-webhooks bundle is unavailable.

    With it, `identity_exchange_url` is where the gateway exchanges a caller's identity for one that webhook-dispatcher takes.
    """

    webhook_dispatcher_url: settings.Origin = ""
    identity_exchange_url: settings.Url = ""
    answers_kept_bytes: settings.Whole = 64 * 1024 * 1024
    facts_kept_days: settings.Count = 3_653
    most_telephony_providers: settings.Count = 50
    most_telephony_routes: settings.Count = 1000


def load() -> Settings:
    return settings.load(Settings)
