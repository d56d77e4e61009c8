"""Maps hosts and path prefixes to services, with the access rule and limits of each path."""

from collections.abc import Iterable, Mapping
from enum import Enum

import msgspec

from gateway.settings import Settings
from shared.web import loopback

KIB = 1 << 10
MIB = 1 << 20


class Access(Enum):
    BEARER = "bearer"
    """A valid token, or 401."""
    PUBLIC = "public"
    """Anonymous; `Authorization` is passed on, because the service authenticates clients itself."""
    OPTIONAL = "optional"
    """Anonymous without `Authorization`; if a token is sent, it must be valid."""


class Elsewhere(Enum):
    """The answer to a path on the host of the other site."""

    SAME = "same"
    """The same as on its own host."""
    REDIRECT = "redirect"
    """A page that sets cookies: reads are redirected to its own host, anything else is 404."""
    NONE = "none"
    """404: pages that nobody but a browser on its own host opens."""


class Route(msgspec.Struct, frozen=True):
    """One path (`with_path`) and the paths below it (`with_subpaths`). `body` is in bytes.

    `limit` names the rate class; reads of a `write` or `ingest` route count as `read`.
    Bodies of up to `free` bytes always pass the budget of refused bytes.
    """

    path: str
    upstream: str
    access: Access = Access.BEARER
    limit: str = "write"
    body: int = MIB
    free: int = 16 * KIB
    with_subpaths: bool = True
    with_path: bool = True
    elsewhere: Elsewhere = Elsewhere.SAME

    def matches(self, path: str) -> bool:
        if path == self.path:
            return self.with_path
        return self.with_subpaths and path.startswith(self.path + "/")

    def rate(self, method: str) -> str:
        """The rate class of a request."""
        return "read" if self.limit in ("write", "ingest") and method in ("GET", "HEAD") else self.limit


def trails(services: Mapping[str, str]) -> tuple[Route, ...]:
    """The audit trail and the operators' calls of each service, by its public name, at its upstream.

    Everybody may fetch the keys that sign exports.
    """
    return tuple(
        route
        for name, upstream in services.items()
        for route in (
            Route(f"/v1/audit/{name}/keys", upstream, Access.PUBLIC, "discovery", with_subpaths=False),
            Route(f"/v1/audit/{name}", upstream),
            Route(f"/v1/operations/{name}", upstream, body=64 * KIB, with_path=False),
        )
    )


AUTH = (
    Route("/.well-known", "auth", Access.PUBLIC, "discovery", with_path=False),
    Route("/v1/oauth/token", "auth", Access.PUBLIC, "token", body=64 * KIB, with_subpaths=False),
    Route(
        "/v1/oauth/authorize",
        "auth",
        Access.PUBLIC,
        "sign_in",
        body=64 * KIB,
        with_subpaths=False,
        elsewhere=Elsewhere.REDIRECT,
    ),
    # The page that people open by hand to allow a device.
    Route(
        "/device", "auth", Access.PUBLIC, "sign_in", body=64 * KIB, with_subpaths=False, elsewhere=Elsewhere.REDIRECT
    ),
    Route("/v1/oauth", "auth", Access.PUBLIC, "public", body=64 * KIB, with_path=False),
    Route("/v1/auth/jwks.json", "auth", Access.PUBLIC, "discovery", with_subpaths=False),
    Route("/v1/auth", "auth", Access.PUBLIC, "sign_in", body=64 * KIB, with_path=False, elsewhere=Elsewhere.NONE),
    Route("/v1/saml/connections", "auth", Access.OPTIONAL, "saml"),
    Route("/v1/saml/metadata", "auth", Access.OPTIONAL, "saml"),
    Route("/v1/saml/policy", "auth", Access.OPTIONAL, "saml"),
    # A genuine answer with 150 groups has some 26 KiB: nobody behind the same address shall shut its sender out.
    Route("/v1/saml", "auth", Access.OPTIONAL, "saml", free=32 * KIB, with_path=False, elsewhere=Elsewhere.REDIRECT),
    Route("/v1/platform", "auth", with_path=False),
    Route("/v1/webhooks", "webhooks"),
    Route("/v1/deliveries", "webhooks", with_subpaths=False),
    Route("/v1/events", "webhooks"),
    Route("/v1/consumers", "webhooks"),
    *trails(
        {
            "auth": "auth",
            "webhook-dispatcher": "webhooks",
            "graphql-api": "graphql",
            "epcr": "epcr",
            "device-ingest": "devices",
            "control-plane": "platform",
        }
    ),
)
API = (
    Route("/.well-known", "auth", Access.PUBLIC, "discovery", with_path=False),
    Route("/graphql", "graphql", limit="graphql", body=128 * KIB, with_subpaths=False),
    Route("/api/v1/graphql", "graphql", limit="graphql", with_path=False),
    Route("/api/v1/acqi", "graphql", limit="graphql", with_path=False),
    Route("/api/v1/epcr", "epcr", with_path=False),
    Route("/api/v1/devices", "devices", limit="ingest"),
    # Edge agents have no token: the service knows their codes and credentials.
    Route("/api/v1/platform/agents/enrol", "platform", Access.PUBLIC, "agents", body=64 * KIB, with_subpaths=False),
    Route("/api/v1/platform/agents/heartbeat", "platform", Access.PUBLIC, "agents", body=64 * KIB, with_subpaths=False),
    Route("/api/v1/platform/agents/content", "platform", Access.PUBLIC, "agents", with_path=False),
    Route("/api/v1/platform", "platform", body=10 * MIB + 64 * 1024, with_path=False),
)
# Every path of its host: pages for people, whom it knows by their cookies.
CONSOLE = (Route("", "console", Access.PUBLIC, "console", body=384 * KIB),)
# Every path of its host, answered by the gateway itself.
DOCS = (Route("", "docs", Access.PUBLIC),)


class Site:
    """The routes under one base URL. `base` is also the audience that a token needs for them; the docs site has neither.

    The host of a site also answers the paths of the `others`, so that a client needs one base URL."""

    def __init__(self, name: str, base: str, routes: Iterable[Route]) -> None:
        self.name = name
        self.base = base.rstrip("/")
        self.routes = tuple(routes)
        self.others: tuple[Site, ...] = ()

    def find(self, path: str) -> "tuple[Site, Route] | None":
        """The site and the route of a decoded path; the first one that matches, those of this site first."""
        for site in (self, *self.others):
            for route in site.routes:
                if route.matches(path):
                    return None if site is not self and route.elsewhere is Elsewhere.NONE else (site, route)
        return None


def sites(settings: Settings) -> dict[str, Site]:
    """Sites by host name."""
    auth = Site("auth", settings.issuer, AUTH)
    api = Site("api", settings.api_base_url, API)
    docs = Site("docs", "", DOCS)
    console = Site("console", "", CONSOLE)
    auth.others, api.others = (api,), (auth,)
    hosts = settings.hosts()
    by_host = {name: site for site in (auth, api, docs, console) for name in hosts[site.name]}
    if loopback.is_on_this_machine(settings.issuer):
        # By path, for programs that do not resolve names under `localhost`. Not the console, whose paths begin at the root: people
        # open it in a browser, which does.
        together = Site("local", settings.issuer, AUTH)
        together.others = (api, docs)
        by_host = dict.fromkeys(loopback.NAMES, together) | by_host
    return by_host
