"""Reports the last use of service tokens to auth in batches; a lost report loses only a timestamp."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec

from gateway.connection import UpstreamError
from gateway.fetch import Document
from gateway.tokens import Token

EVERY_SECONDS = 10.0
AGAIN_SECONDS = 60.0
BATCH = 500
SERVICE = "service"
log = logging.getLogger(__name__)


class Use(msgspec.Struct, frozen=True):
    jti: str
    client_id: str
    tenant_id: str
    at: datetime


class Usage:
    """`report` posts a batch. A service token is recorded at most once a minute."""

    def __init__(self, report: Callable[[bytes], Awaitable[Document]]) -> None:
        self._report = report
        self._uses: list[Use] = []

    def used(self, token: Token, now: float) -> None:
        if token.caller.token_use != SERVICE or now - token.reported_at < AGAIN_SECONDS:
            return
        token.reported_at = now
        who = token.caller
        self._uses.append(Use(who.token_id or "", who.client_id, who.tenant_id, datetime.fromtimestamp(now, UTC)))

    async def flush(self) -> None:
        """Sends the recorded uses. Uses that cannot be sent are dropped, so that memory stays bounded in a long outage."""
        uses, self._uses = self._uses, []
        for start in range(0, len(uses), BATCH):
            body = msgspec.json.encode({"uses": uses[start : start + BATCH]})
            try:
                document = await self._report(body)
            except (UpstreamError, OSError) as error:
                log.warning("token usage not reported: %s", type(error).__name__)
                return
            if document.status >= 300:
                log.warning("token usage not accepted: %d", document.status)
