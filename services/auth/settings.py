"""Auth's settings, from the environment alone."""

from shared.process import mail, settings


class Settings(mail.Settings, frozen=True, kw_only=True):
    """`issuer` is the public base URL of the auth host, `api_base_url` of the api host; both are in every token's `aud`.

    `most_*` limit the things of a tenant, an app or a person; README.md lists them.
    """

    issuer: settings.Origin
    api_base_url: settings.Origin
    stack: str = ""
    dns_resolver: settings.Resolver = ""
    signing_key_bits: int = 2048
    most_apps: settings.Count = 500
    most_apps_a_day: settings.Count = 1000
    most_redirect_uris: settings.Count = 20
    most_jwks_keys: settings.Count = 5
    most_service_tokens: settings.Count = 2000
    most_service_tokens_of_app: settings.Count = 100
    most_consents: settings.Count = 500
    most_grants: settings.Count = 20
    most_device_codes: settings.Count = 1000
    most_device_codes_of_tenant: settings.Count = 5000
    most_requests: settings.Count = 100
    most_connections: settings.Count = 10
    most_domains: settings.Count = 50
    most_users: settings.Count = 20_000
    most_invitations: settings.Count = 200
    most_invitation_mails_a_day: settings.Count = 100
    most_sandboxes: settings.Count = 3
    most_sandboxes_a_day: settings.Count = 20
    password_checks: settings.Count = 2
    password_queue: settings.Count = 100
    refresh_grace_seconds: settings.NotNegative = 30
    key_rotation_days: settings.Positive = 30
    key_activation_seconds: settings.NotNegative = 900
    saml_readers: settings.Count = 2


def load() -> Settings:
    return settings.load(Settings)
