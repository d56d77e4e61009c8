"""The gateway: finds the site and the service, checks the token, takes the limit, passes the request on."""

import logging
import time

from starlette.types import Receive, Scope, Send

from gateway import docs, limits, plain_pages, problems, proxy
from gateway.account import Account
from gateway.addresses import Addresses, wider_networks
from gateway.call import Call
from gateway.docs import Docs
from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.identities import Identities
from gateway.issuer import Issuer
from gateway.keys import Keys
from gateway.passes import RATES as PASS_RATES
from gateway.passes import Passes
from gateway.problems import Answer, Refusal
from gateway.refused import RefusedCalls
from gateway.refused_bytes import Payer
from gateway.revocations import Revocations
from gateway.routes import Access, Elsewhere, Route, Site, sites
from gateway.sessions import session_of
from gateway.settings import Settings
from gateway.target import climbs
from gateway.tokens import Invalid, Token, Tokens, TokensUncheckable
from gateway.tracing import Trace
from gateway.upstream import ANONYMOUS, Sender, Upstream
from gateway.usage import Usage
from gateway.watch import Watch
from shared.web import loopback
from shared.web.identity import client_network

AUDIENCES = {
    "auth": "auth",
    "webhooks": "webhook_dispatcher",
    "graphql": "graphql_api",
    "epcr": "epcr",
    "devices": "device_ingest",
    "platform": "control_plane",
    "console": "console",
}
"""The service behind each upstream, as it calls itself: whom the identity header is for."""
log = logging.getLogger(__name__)


class Gateway:
    """Answers requests; `Background` around it is the ASGI application, to be served by `GatewayProtocol` alone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sites = sites(settings)
        origins = {"auth": settings.issuer, "api": settings.api_base_url, "docs": settings.docs_base_url}
        if loopback.is_on_this_machine(settings.issuer):
            # The samples of the pages run in programs, which need not resolve names under `localhost`.
            origins = dict.fromkeys(origins, loopback.at_localhost(settings.issuer))
        self.docs = Docs(origins, figures=docs.numbers(settings.rates(), settings.organisation_times))
        self.account = Account()
        self.addresses = Addresses(settings.trusted_proxies)
        self.identities = Identities(settings.identity_signing_key)
        self.limits = limits.Limits(settings.rates())
        self.upstreams = {
            name: Upstream(
                name,
                url,
                connect_timeout=settings.upstream_connect_timeout,
                patience=settings.upstream_timeout,
                concurrency=settings.upstream_concurrency,
            )
            for name, url in services(settings).items()
        }
        self.issuer = Issuer(settings, self.identities)
        self.revocations = Revocations(
            self.issuer.revocations, settings.revocation_max_staleness, lambda kids: self.keys.announce(kids)
        )
        self.keys = Keys(self.issuer.jwks, lambda: self.tokens.forget(), self.revocations.marks.distrusts)
        self.exchange = Exchange(settings, self.identities, self.revocations)
        audiences = [settings.issuer.rstrip("/"), settings.api_base_url.rstrip("/")]
        self.tokens = Tokens(self.keys, self.revocations, settings.issuer, audiences)
        self.passes = Passes(self.keys, settings.issuer, settings.stack)
        self.usage = Usage(self.issuer.report)
        self.refused = RefusedCalls(self.issuer.report_refused)
        self.watch = Watch(
            head_seconds=settings.client_header_timeout,
            body_seconds=settings.client_body_timeout,
            body_rate=settings.client_body_rate,
            idle_seconds=settings.client_idle_timeout,
            most=settings.client_connections,
            refuse=self._refuse_unread,
            # A trusted proxy has none: it carries the connections of many.
            network_of=lambda address: "" if self.addresses.trusts(address) else client_network(address),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope, receive, send, Trace(self.settings.otel_traces_sampler_arg))
        try:
            await self._serve(call, scope["gateway.host"], scope["path"], scope["client"])
        except Refusal as refusal:
            await self._refuse(call, refusal)
        except Exception as error:
            # Nothing may reach a client as anything but a problem document.
            log.exception("unhandled", exc_info=error, extra={"trace_id": call.trace.trace_id})
            call.reason = "unhandled"
            if call.status:  # an answer had begun
                call.client.break_off()
            else:
                await self._refuse(call, problems.internal())
        finally:
            self.refused.note(call)
            self.account.close_call(call)
            call.client.request_ended()

    async def _serve(self, call: Call, host: str, path: str, peer: tuple[str, int] | None) -> None:
        site = self.sites.get(host)
        if site is None:
            raise problems.misdirected(self.sites)
        if path == "/" and (
            page := self.docs.greet(site.name, call.method, call.target.partition(b"?")[2], call.incoming.passing)
        ):
            call.route = path
            await self._send(call, page)
            return
        found = site.find(path)
        if found is None or climbs(path) or not path.isprintable():
            raise problems.not_found()
        owner, route = found
        if route.upstream == "docs":
            call.route = "/api/docs"
            answer = self.docs.answer(call.method, path, call.target.partition(b"?")[2], call.incoming.passing)
            await self._send(call, answer)
            return
        call.route = route.path or f"({route.upstream})"
        if route.elsewhere is Elsewhere.REDIRECT and owner is not site:
            # A browser goes to the host of the page's cookies.
            if call.method not in ("GET", "HEAD"):
                raise problems.not_found()
            location = owner.base.encode() + call.target
            headers: Headers = [(b"location", location), (b"cache-control", b"no-store"), (b"content-length", b"0")]
            await self._send(call, Answer(302, headers, b""))
            return
        now = time.time()
        address = self.addresses.of(peer[0] if peer else "", call.incoming.forwarded_for)
        identity = await self._admit(call, owner, route, address, now)
        upstream = self.upstreams.get(route.upstream)
        if upstream is None:
            raise problems.on_request(route.upstream)
        if call.length is not None and call.length > route.body:
            raise problems.too_large(route.body)
        if call.length != 0:
            self._let_in(call, route, address, now)
        call.upstream = upstream.name
        sender = Sender(call.tenant_id or ANONYMOUS, call.client_id or client_network(address))
        await proxy.forward(call, upstream, identity, route.body, sender)

    async def _admit(self, call: Call, site: Site, route: Route, address: str, now: float) -> bytes:
        """Checks the token, counts the request against its rate, and returns the identity header."""
        sent = call.incoming.authorization
        if len(sent) > 1:
            raise self._challenge(
                call, site, "invalid_request", "There may be only one Authorization field.", status=400
            )
        if route.access is Access.PUBLIC or (route.access is Access.OPTIONAL and not sent):
            call.incoming.passing += [(b"authorization", value) for value in sent]
            call.answer += self._take_without_token(call, route.rate(call.method), address, now)
            return self.identities.anonymous(address, AUDIENCES[route.upstream], now)
        token = await self._token(call, sent, site, address, now)
        who = token.caller
        call.tenant_id, call.client_id = who.tenant_id, who.client_id
        times = self.settings.organisation_times
        whose = limits.APPS if who.subject == who.client_id else limits.PEOPLE
        together = ((whose + who.tenant_id, times),) if times else ()
        call.answer += self.limits.take(route.rate(call.method), who.client_id, now, together)
        self.usage.used(token, now)
        return self.identities.of(token, address, AUDIENCES[route.upstream], now)

    def _take_without_token(self, call: Call, rate: str, address: str, now: float) -> Headers:
        """Counts by the client's network; where that is used up, by the account and organisation of a known browser's pass.

        At the console it counts by session first, so that one person's requests do not use up the rate of the network they share.
        """
        network, wider = client_network(address), wider_networks(address)
        if rate == "console":
            # Of a network beyond its rate no session gets a count, since it may have invented them.
            is_full = self.limits.full("console_network", network, now, wider) is not None
            session = "" if is_full else session_of(call.incoming.passing)
            taken = self.limits.take(rate, session, now) if session else []
            of_network = self.limits.take("console_network", network, now, wider)
            return taken or of_network
        try:
            return self.limits.take(rate, network, now, wider)
        except Refusal:
            known = self.passes.of(call.incoming.passing, network, wider) if rate in PASS_RATES else None
            if known is None:
                raise
        taken = self.limits.take("account", known.sub, now)
        self.limits.take("organisation", known.org, now)
        return taken

    def _let_in(self, call: Call, route: Route, address: str, now: float) -> None:
        """Notes who pays if the body is refused. Raises Refusal (429) for a large body of a caller that exceeds its budget."""
        if call.client_id:
            call.payer = Payer(self.limits, call.client_id)
        else:
            network, wider = client_network(address), wider_networks(address)
            call.payer = Payer(self.limits, network, wider)
            is_large = call.length is None or call.length > route.free
            if is_large and route.limit in PASS_RATES and call.payer.exceeds(now):
                known = self.passes.of(call.incoming.passing, network, wider)
                call.payer = call.payer if known is None else Payer(self.limits, known.sub)
        call.payer.admit(call.length, route.free, now)

    async def _token(self, call: Call, sent: list[bytes], site: Site, address: str, now: float) -> Token:
        scheme, _, text = sent[0].partition(b" ") if sent else (b"", b"", b"")
        if scheme.lower() != b"bearer" or not text:
            raise self._challenge(call, site)
        try:
            return self.tokens.known(text, site.base) or await self.tokens.verify(text, site.base)
        except Invalid as invalid:
            # Auth gave the token to this app, so the refusal is counted for it.
            call.tenant_id, call.client_id = invalid.tenant_id, invalid.client_id
            # A client whose token ended must learn it, also while others behind the same address guess.
            wider = tuple((f"{invalid.client_id} {network}", times) for network, times in wider_networks(address))
            self.limits.take("guesses", f"{invalid.client_id} {client_network(address)}", now, wider)
            raise self._challenge(call, site, "invalid_token", invalid.description, reason=invalid.reason) from invalid
        except TokensUncheckable:
            raise problems.unavailable("Tokens cannot be checked at the moment; try again.", retry_after=5) from None

    def _challenge(
        self, call: Call, site: Site, error: str = "", description: str = "", *, status: int = 401, reason: str = ""
    ) -> Refusal:
        base = loopback.address(site.base, call.incoming.host.decode("latin-1"))
        return problems.unauthorized(
            f"{base}/.well-known/oauth-protected-resource", error, description, status=status, reason=reason
        )

    async def _refuse(self, call: Call, refusal: Refusal) -> None:
        self.account.count(refusal)
        call.reason = call.reason or refusal.reason or refusal.slug
        if call.route == "(console)":
            answer = plain_pages.answer(refusal, call.trace.trace_id, call.incoming.passing)
        else:
            answer = problems.render(refusal, call.trace.trace_id, to_oauth_client=call.route.startswith("/v1/oauth"))
        if refusal.close and not call.client.refused:
            call.status = answer.status
            body = b"" if call.method == "HEAD" else answer.body
            call.client.conclude(answer._replace(headers=[*answer.headers, *call.answer], body=body))
        else:
            await self._send(call, answer)

    async def _send(self, call: Call, answer: Answer) -> None:
        call.status = answer.status
        body = b"" if call.method == "HEAD" else answer.body
        await call.client.answer(Answer(answer.status, [*answer.headers, *call.answer], body))

    def _refuse_unread(self, refusal: Refusal) -> Answer:
        """The answer to a request that could not be read. It has a trace id too."""
        trace = Trace(0)
        self.account.refused(refusal, trace.trace_id)
        answer = problems.render(refusal, trace.trace_id)
        return answer._replace(headers=[*answer.headers, *trace.answer_headers()])


def services(settings: Settings) -> dict[str, str]:
    """Service URLs by the name the routes use; only those that are set."""
    urls = {
        "auth": settings.gateway_upstream_auth,
        "webhooks": settings.gateway_upstream_webhooks,
        "graphql": settings.gateway_upstream_graphql,
        "epcr": settings.gateway_upstream_epcr,
        "devices": settings.gateway_upstream_devices,
        "platform": settings.gateway_upstream_platform,
        "console": settings.gateway_upstream_console,
    }
    return {name: url for name, url in urls.items() if url}
