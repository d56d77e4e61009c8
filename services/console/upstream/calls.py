"""Calls of the platform in the name of a signed-in person: with a token that is renewed in time, once for all tabs."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

import httpx2
import msgspec
from starlette.requests import Request

from services.console.session import store
from services.console.session.models import Session
from services.console.upstream.errors import Refused, SessionEnded, UpstreamFailure
from services.console.upstream.gateway import Answer, Gateway, Person
from services.console.upstream.oauth import OAuth
from shared.web.identity import caller as caller_of


class Flights:
    """At most one renewal of a session's tokens at a time, since a refresh token is good once."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, session_id: str) -> asyncio.Lock:
        lock = self._locks.get(session_id)
        if lock is None:
            lock = self._locks[session_id] = asyncio.Lock()
        return lock


def person_of(request: Request, session: Session) -> Person:
    return Person(session.tenant_id, session.user_id, caller_of(request).address)


async def call(
    request: Request,
    session: Session,
    method: str,
    path: str,
    *,
    query: Mapping[str, str | int | None] | None = None,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Raises Refused, Unavailable, or SessionEnded."""
    gateway: Gateway = request.state.gateway
    person = person_of(request, session)
    token = await _fresh(request, session)
    try:
        return await gateway.send(person, method, path, token=token, query=query, body=body, headers=headers)
    except Refused as refused:
        if refused.status != 401:
            raise
    # The token has ended before its time. A call that was refused had no effect, so it may be sent again.
    token = await _fresh(request, session, instead_of=token)
    try:
        return await gateway.send(person, method, path, token=token, query=query, body=body, headers=headers)
    except Refused as refused:
        if refused.status == 401:
            raise SessionEnded from None
        raise


async def read_documentation(request: Request, session: Session, path: str) -> Answer:
    """A file of the docs host, which is public: no token is sent. Raises Refused or Unavailable."""
    gateway: Gateway = request.state.gateway
    return await gateway.send(Person(session.tenant_id, session.user_id), "GET", path, host="docs")


@asynccontextmanager
async def stream(
    request: Request, session: Session, path: str, *, query: Mapping[str, str | int | None], seconds: float
) -> AsyncIterator[httpx2.Response]:
    """The answer of a GET whose body is read bit by bit. Raises Refused, Unavailable, or SessionEnded."""
    gateway: Gateway = request.state.gateway
    token = await _fresh(request, session)
    async with gateway.stream(person_of(request, session), path, token=token, query=query, seconds=seconds) as answer:
        yield answer


async def _fresh(request: Request, session: Session, instead_of: str = "") -> str:
    """An access token that does not end soon, and is not `instead_of`. Raises SessionEnded if auth renews it no more."""
    if time.time() < session.tokens.renew_at and session.tokens.access != instead_of:
        return session.tokens.access
    flights: Flights = request.state.flights
    lock = flights.of(session.session_id)
    async with lock:
        # Another request of the session may have renewed it meanwhile.
        stored = await store.current(request)
        if stored is None:
            raise SessionEnded
        session.tokens, session.profile = stored.tokens, stored.profile
        if time.time() < session.tokens.renew_at and session.tokens.access != instead_of:
            return session.tokens.access
        if not session.tokens.refresh:
            raise SessionEnded
        await _renew(request, session, may_wait=session.tokens.access != instead_of)
    return session.tokens.access


async def _renew(request: Request, session: Session, *, may_wait: bool) -> None:
    oauth: OAuth = request.state.oauth
    try:
        tokens, scopes = await oauth.refresh(person_of(request, session), session.tokens)
    except Refused:
        raise SessionEnded from None
    except UpstreamFailure:
        if may_wait:  # the present token is good for some seconds
            return
        raise
    profile = msgspec.structs.replace(session.profile, scopes=scopes) if scopes else session.profile
    await store.keep_tokens(request, session, tokens, profile)
