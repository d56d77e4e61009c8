"""Auth's settings, from the environment alone."""

from shared import settings


class Settings(settings.Service, frozen=True, kw_only=True):
    """`issuer` is the public base URL of the auth host, `api_base_url` the one of the api host; both stand in every token's `aud`."""

    issuer: settings.Origin
    api_base_url: settings.Origin
    stack: str = ""
    dns_resolver: settings.Resolver = ""
    signing_key_bits: int = 2048
    password_checks: settings.Positive = 2
    password_queue: settings.Positive = 100
    refresh_grace_seconds: settings.NotNegative = 30
    key_rotation_days: settings.Positive = 30
    key_activation_seconds: settings.NotNegative = 900
    saml_readers: settings.Count = 2


def load() -> Settings:
    return settings.load(Settings)
