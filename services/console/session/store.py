"""Sessions in the database: a MAC of the cookie's id, and the encrypted tokens."""

from datetime import UTC, datetime

import msgspec
from starlette.requests import Request

from services.console.session import cookies, queries
from services.console.session.models import Profile, Row, Sealed, Session, Tokens
from services.console.settings import Settings
from shared.primitives import ids
from shared.primitives.crypto import Keyring, UnreadableCiphertext
from shared.storage import database
from shared.storage.database import AsyncConnection, aset_tenant, transaction
from shared.web.identity import Caller
from shared.web.identity import caller as caller_of

PURPOSE = "console session"
TOUCH_SECONDS = 60
POLL = "x-console-poll"
"""The header of requests that a page sends by itself. They do not prolong a session."""
PREFERENCES = ("tenant_id", "user_id", "language", "theme", "paused")
_decode = msgspec.json.Decoder(Sealed).decode


def _context(session_id: str) -> bytes:
    return f"sessions.sealed {session_id}".encode()


def seal(keyring: Keyring, session_id: str, tokens: Tokens, profile: Profile) -> bytes:
    return keyring.encrypt(msgspec.json.encode(Sealed(tokens, profile)), _context(session_id))


def unseal(keyring: Keyring, session_id: str, sealed: bytes) -> Sealed | None:
    """None if the key that encrypted it is gone, or the bytes are another row's."""
    try:
        return _decode(keyring.decrypt(sealed, _context(session_id)))
    except (UnreadableCiphertext, msgspec.DecodeError):
        return None


def as_caller(request: Request, session: Session) -> Caller:
    """The person, for turns at the database: people of one organisation share its turns, and take turns among themselves."""
    return Caller(tenant_id=session.tenant_id, client_id=session.user_id, address=caller_of(request).address)


async def current(request: Request) -> Session | None:
    """The session of the request's cookie. Notes its use, unless a page sent the request by itself."""
    token = cookies.read(request, cookies.SESSION)
    if len(token) != cookies.TOKEN_LENGTH or not token.isascii():
        return None
    keyring: Keyring = request.state.keyring
    async with transaction(request) as conn:
        row = await database.first(conn, Row, queries.FIND, (keyring.macs(token.encode(), PURPOSE),))
        if row is None:
            return None
        sealed = unseal(keyring, row.session_id, row.sealed)
        if sealed is None:
            return None
        if POLL not in request.headers and (datetime.now(UTC) - row.last_seen_at).total_seconds() > TOUCH_SECONDS:
            await aset_tenant(conn, row.tenant_id)
            await conn.execute(queries.TOUCH, (row.session_id,))
    fields = msgspec.structs.asdict(row) | {"token": token, "tokens": sealed.tokens, "profile": sealed.profile}
    return Session(**{name: fields[name] for name in Session.__struct_fields__})


async def start(request: Request, conn: AsyncConnection, tokens: Tokens, profile: Profile) -> tuple[str, list[Tokens]]:
    """Starts a session. Returns the id for its cookie, which is always new, and the tokens of sessions that it displaced."""
    settings: Settings = request.state.settings
    keyring: Keyring = request.state.keyring
    token, session_id = cookies.new_token(), ids.new_id("ses")
    await aset_tenant(conn, profile.tenant_id)
    row = {
        "session_id": session_id,
        "tenant_id": profile.tenant_id,
        "user_id": profile.user_id,
        "token_mac": keyring.mac(token.encode(), PURPOSE),
        "sealed": seal(keyring, session_id, tokens, profile),
        "idle_seconds": settings.idle_seconds,
        "session_seconds": settings.session_seconds,
    }
    await conn.execute(queries.START, row)
    cursor = await conn.execute(queries.FORGET_OLDEST, (profile.user_id, settings.most_sessions))
    displaced = [unseal(keyring, old_id, sealed) for old_id, sealed in await cursor.fetchall()]
    return token, [old.tokens for old in displaced if old is not None]


async def keep_tokens(request: Request, session: Session, tokens: Tokens, profile: Profile) -> None:
    """Stores refreshed tokens, and the profile with their scopes."""
    async with transaction(request, as_caller(request, session)) as conn:
        await aset_tenant(conn, session.tenant_id)
        sealed = seal(request.state.keyring, session.session_id, tokens, profile)
        await conn.execute(queries.RESEAL, (sealed, session.session_id))
    session.tokens, session.profile = tokens, profile


async def end(request: Request, session: Session) -> None:
    async with transaction(request, as_caller(request, session)) as conn:
        await aset_tenant(conn, session.tenant_id)
        await conn.execute(queries.END, (session.session_id,))


async def prefer(request: Request, session: Session) -> None:
    """Stores the session's language, theme and pause as the person's."""
    async with transaction(request, as_caller(request, session)) as conn:
        await aset_tenant(conn, session.tenant_id)
        await conn.execute(queries.PREFER, {name: getattr(session, name) for name in PREFERENCES})
