"""Passes a file of the platform on to the browser, bit by bit: an export may be larger than the memory of this process."""

import logging
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.console.pages import render, serve
from services.console.pages.visit import Failure, Visit
from services.console.upstream import calls
from services.console.upstream.errors import Refused, SessionEnded, UpstreamFailure

SECONDS = 600.0
log = logging.getLogger(__name__)


class Download(Response):
    """A file named `name`. An answer other than 200 becomes a page. One that breaks off ends the connection, which the browser reports."""

    def __init__(self, visit: Visit, path: str, query: Mapping[str, str | int | None], name: str, media: str) -> None:
        super().__init__(None, 200)
        self.visit, self.path, self.query = visit, path, query
        headers = render.HEADERS | {"content-type": media, "content-disposition": f'attachment; filename="{name}"'}
        self.fields = [(key.encode(), value.encode("latin-1")) for key, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit, has_begun = self.visit, False
        try:
            async with calls.stream(
                visit.request, visit.session, self.path, query=self.query, seconds=SECONDS
            ) as answer:
                await send({"type": "http.response.start", "status": 200, "headers": self.fields})
                has_begun = True
                if visit.request.method != "HEAD":
                    async for part in answer.aiter_bytes():
                        await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except (UpstreamFailure, SessionEnded) as error:
            if has_begun:
                log.warning("a download broke off: %s", type(error).__name__)
                return
            request, session = visit.request, visit.session
            if isinstance(error, SessionEnded):
                failed = serve.signed_out(request, "ended")
            else:
                status = error.status if isinstance(error, Refused) and error.status in (403, 404, 409, 422) else 503
                detail = error.detail if isinstance(error, Refused) else ""
                failed = serve.message(request, session, "", status, failure=Failure(error), detail=detail)
            await failed(scope, receive, send)
