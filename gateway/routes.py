"""Which service answers what: hosts, path prefixes, whether a token is needed, limits."""

from collections.abc import Iterable
from enum import Enum

import msgspec

from gateway.settings import Settings, names

KIB = 1 << 10
MIB = 1 << 20


class Access(Enum):
    BEARER = "bearer"
    """A valid token, or 401."""
    PUBLIC = "public"
    """Anonymous; `Authorization` goes through, since the service authenticates clients itself."""
    OPTIONAL = "optional"
    """Anonymous without `Authorization`; a token that is there must be valid."""


class Route(msgspec.Struct, frozen=True):
    """A path, or everything below it when `below`. `limit` names the rate of writes; reads of bearer routes take `read`."""

    path: str
    upstream: str
    access: Access = Access.BEARER
    limit: str = "write"
    body: int = MIB
    below: bool = True
    exact: bool = True

    def matches(self, path: str) -> bool:
        if path == self.path:
            return self.exact
        return self.below and path.startswith(self.path + "/")

    def rate(self, method: str) -> str:
        """The rate class of a request."""
        return "read" if self.limit in ("write", "ingest") and method in ("GET", "HEAD") else self.limit


AUTH = (
    Route("/.well-known", "auth", Access.PUBLIC, "discovery", exact=False),
    Route("/v1/oauth/token", "auth", Access.PUBLIC, "token", body=64 * KIB, below=False),
    Route("/v1/oauth/authorize", "auth", Access.PUBLIC, "sign_in", body=64 * KIB),
    Route("/v1/oauth", "auth", Access.PUBLIC, "public", body=64 * KIB, exact=False),
    Route("/v1/auth", "auth", Access.PUBLIC, "sign_in", body=64 * KIB, exact=False),
    Route("/v1/saml", "auth", Access.OPTIONAL, "saml", exact=False),
    Route("/v1/platform", "auth", exact=False),
    Route("/v1/webhooks", "webhooks"),
)
API = (
    Route("/.well-known", "auth", Access.PUBLIC, "discovery", exact=False),
    Route("/graphql", "graphql", limit="graphql", body=128 * KIB, below=False),
    Route("/api/v1/graphql", "graphql", limit="graphql", exact=False),
    Route("/api/v1/epcr", "epcr", exact=False),
    Route("/api/v1/devices", "devices", limit="ingest"),
    # Edge agents have no token: the service knows their codes and credentials.
    Route("/api/v1/platform/agents/enrol", "platform", Access.PUBLIC, "public", body=64 * KIB, below=False),
    Route("/api/v1/platform/agents/heartbeat", "platform", Access.PUBLIC, "public", body=64 * KIB, below=False),
    Route("/api/v1/platform/agents/content", "platform", Access.PUBLIC, "public", exact=False),
    Route("/api/v1/platform", "platform", body=10 * MIB + 64 * 1024, exact=False),
)


class Site:
    """What answers under one base URL. `base` is also the audience a token needs there; the docs site has none."""

    def __init__(self, base: str, routes: Iterable[Route]) -> None:
        self.base = base.rstrip("/")
        self.routes = tuple(routes)

    def find(self, path: str) -> Route | None:
        """The route of a decoded path; the first one that matches."""
        for route in self.routes:
            if route.matches(path):
                return route
        return None


def sites(settings: Settings) -> dict[str, Site]:
    """Sites by host name."""
    auth = Site(settings.issuer, AUTH)
    api = Site(settings.api_base_url, API)
    docs = Site("", ())
    by_host = dict.fromkeys(names(settings.gateway_hosts_auth), auth)
    by_host |= dict.fromkeys(names(settings.gateway_hosts_api), api)
    return by_host | dict.fromkeys(names(settings.gateway_hosts_docs), docs)
