"""The console's settings, from the environment alone."""

from shared.process import settings


class Settings(settings.Service, frozen=True, kw_only=True):
    """`issuer`, `api_base_url`, `docs_base_url` and `console_base_url` are the public base URLs of the gateway's hosts.

    The console calls the platform at `gateway_url`, under the names of these hosts. `client_keys` are its private keys as an OAuth
    client: the first one signs, the public halves of all are registered with auth (`python -m services.console jwks`).
    A session ends after `idle_seconds` without a request of the person, and after `session_seconds` in any case. A person has at most
    `most_sessions`, and sends at most `requests_a_minute`. A call of the platform may take `upstream_seconds` and answer
    `upstream_bytes`; `upstream_at_once` calls run at a time, `upstream_of_person` of them for one person.
    """

    issuer: settings.Origin
    api_base_url: settings.Origin
    docs_base_url: settings.Origin
    console_base_url: settings.Origin
    gateway_url: settings.Origin
    client_keys: settings.Keys
    stack: str = ""
    idle_seconds: settings.Positive = 1800
    session_seconds: settings.Positive = 36_000
    most_sessions: settings.Count = 20
    requests_a_minute: settings.Count = 300
    upstream_seconds: settings.Positive = 8
    upstream_bytes: settings.Count = 4 << 20
    upstream_at_once: settings.Count = 64
    upstream_of_person: settings.Count = 6

    @property
    def is_secure(self) -> bool:
        return self.console_base_url.startswith("https://")


def load() -> Settings:
    return settings.load(Settings)
