"""Calls of apps refused with 401, 403 or 429, or by graphql-api with 200, folded by app and reason and reported to auth in batches.

A report has no path and no part of a request: the endpoint is the template of the service's route, or the prefix by which the gateway
knows the service. A lost report loses only counts.
"""

import logging
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from gateway.call import Call
from gateway.connection import UpstreamError
from gateway.fetch import Document
from gateway.metrics import refused_calls_dropped
from gateway.problems import REFUSAL_FIELD
from shared.web.scopes import ALL

STATUSES = frozenset({401, 403, 429})
OF_GRAPHQL = frozenset({"forbidden", "operation-not-approved"})
"""Slugs of refusals that graphql-api answers with 200. Its others are faults of the request, as 422 is."""
EVERY_SECONDS = 10.0
BATCH = 500
MOST = 5_000
"""Kinds of refusals that are held at a time, of all organisations."""
RESERVED = 10
"""Kinds that an organisation has room for also where others fill it; together as many again as `MOST`."""
MOST_OF_TENANT = 250
FURTHER = 50
"""Kinds without endpoint and scope that an organisation has beyond these."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
SLUG = re.compile(r"[a-z][a-z-]{0,39}")
# A service in strange hands must not make auth refuse the reports about everybody's apps.
TEMPLATE = re.compile(r"/[A-Za-z0-9/_{}.-]{0,150}")
# Slugs and reasons that have another name here. A service refuses a token that the gateway took only where it has ended meanwhile.
NAMES = {"limited": "rate", "too-many-requests": "busy", "unauthorized": "revoked"}
OF_STATUS = {401: "revoked", 403: "forbidden", 429: "busy"}
log = logging.getLogger(__name__)


class Kind(NamedTuple):
    tenant_id: str
    client_id: str
    status: int
    reason: str
    endpoint: str
    scope: str


class Tally:
    __slots__ = ("count", "first", "last", "trace_id")

    def __init__(self, now: float) -> None:
        self.count = 0
        self.first = self.last = now
        self.trace_id = ""


class RefusedCalls:
    """`report` posts a batch."""

    def __init__(self, report: Callable[[bytes], Awaitable[Document]]) -> None:
        self._report = report
        self._tallies: dict[Kind, Tally] = {}
        self._of_tenant: Counter[str] = Counter()

    def note(self, call: Call) -> None:
        """Counts a call that ended. Other answers, and calls of nobody known, change nothing."""
        is_refused = call.status in STATUSES or (call.status == 200 and call.refusal[0] in OF_GRAPHQL)
        if not is_refused or not call.client_id:
            return
        now = time.time()
        tally = self._tally(_kind(call), now)
        if tally is None:
            refused_calls_dropped.inc()
            return
        tally.count += 1
        tally.last = now
        tally.trace_id = call.trace.trace_id

    def _tally(self, kind: Kind, now: float) -> Tally | None:
        """None where there is no room. An organisation with many kinds has the further ones without endpoint and scope."""
        for one, most in ((kind, MOST_OF_TENANT), (kind._replace(endpoint="", scope=""), MOST_OF_TENANT + FURTHER)):
            if (tally := self._tallies.get(one)) is not None:
                return tally
            held = self._of_tenant[kind.tenant_id]
            if held < most and len(self._tallies) < (2 * MOST if held < RESERVED else MOST):
                self._of_tenant[kind.tenant_id] += 1
                return self._tallies.setdefault(one, Tally(now))
        return None

    async def flush(self) -> None:
        """Sends the counts. Those that cannot be sent are dropped, so that memory stays bounded in a long outage."""
        tallies, self._tallies, self._of_tenant = self._tallies, {}, Counter()
        rows = [
            kind._asdict()
            | {"count": tally.count, "trace_id": tally.trace_id}
            | {"first_at": datetime.fromtimestamp(tally.first, UTC), "last_at": datetime.fromtimestamp(tally.last, UTC)}
            for kind, tally in tallies.items()
        ]
        for start in range(0, len(rows), BATCH):
            body = msgspec.json.encode({"refusals": rows[start : start + BATCH]})
            try:
                document = await self._report(body)
            except (UpstreamError, OSError) as error:
                log.warning("refused calls not reported: %s", type(error).__name__)
                return
            if document.status >= 300:
                log.warning("refused calls not accepted: %d", document.status)


def _kind(call: Call) -> Kind:
    method = call.method if call.method in METHODS else "OTHER"
    slug, template, scope = call.refusal
    # A service's slug, else the gateway's own reason, else the usual one of the status.
    given = slug or ("" if call.reason.startswith("places_") else call.reason)
    reason = NAMES.get(given, given.replace("-", "_")) if SLUG.fullmatch(given) else OF_STATUS[call.status]
    scope = scope if scope in ALL else ""
    return Kind(call.tenant_id, call.client_id, call.status, reason, f"{method} {template or call.route}", scope)


def read(headers: list[tuple[bytes, bytes]]) -> tuple[str, str, str]:
    """The slug, the route's template and the scope of a service's refusal; "" for those that it does not name."""
    value = next((value for name, value in headers if name == REFUSAL_FIELD), b"").decode("latin-1")
    slug, template, scope = [*value.split(" "), "", "", ""][:3]
    return slug, template if TEMPLATE.fullmatch(template) else "", "" if scope == "-" else scope
