"""A person's consent and the grant that follows from it, the same for authorization codes and for devices."""

import hmac
import secrets
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from starlette.requests import Request

from services.auth.apps import scopes
from services.auth.oauth import authorization, queries, tokens
from services.auth.oauth.clients import Client
from services.auth.oauth.tokens import NewCode
from services.auth.people import roles as people
from services.auth.people.rights import Rights
from services.auth.saml import queries as saml_queries
from services.auth.signin import sessions, texts
from services.auth.signin.models import Session
from shared.primitives import ids
from shared.primitives.crypto import Keyring, base64url_encode
from shared.storage import audit, database
from shared.storage.caps import Cap, is_full
from shared.storage.database import AsyncConnection

AFTER_CODE_SECONDS = 300
"""A grant lives for this time after its code, until the code is redeemed, also one that allows refresh tokens."""
# The purpose of the MAC over the content of a consent page.
SHOWN_PURPOSE = "consent shown"


class Asked(NamedTuple):
    """The access that a person is asked for. `about` is a further subject of the page, such as the id of a device's request."""

    client: Client
    scopes: list[str]
    audience: list[str]
    about: str = ""


class Limits(Rights, frozen=True, kw_only=True):
    """The rights of a signed-in person. `awaited_mapping`: a changed one of roles that the relay has not applied to the person yet."""

    awaited_mapping: dict[str, list[str]] | None


async def beyond_roles(conn: AsyncConnection, session: Session, wanted: Sequence[str]) -> list[str] | None:
    """The wanted scopes beyond the person's roles; None if the session has just ended, or ends because no role is left."""
    person = await database.first(conn, Limits, saml_queries.SCOPE_LIMIT, (session.session_id, session.user_id))
    if person is None or not person.is_active:
        return None
    beyond = scopes.beyond(people.limit_of(person.role, person.scope_limit), wanted)
    if person.awaited_mapping is not None:
        if not set(person.roles) & set(person.awaited_mapping):
            return None
        # Both limits count until then: the mapping takes rights away, and gives none.
        beyond += scopes.beyond(scopes.of_roles(person.roles, person.awaited_mapping), wanted)
    if not session.second_factor:
        beyond += [scope for scope in wanted if scope in scopes.OPERATORS]
    return list(dict.fromkeys(beyond))


def shown_scopes(request: Request, asked: Asked) -> list[str]:
    """The scopes in the words of the browser's language."""
    words = texts.SCOPES[texts.language(request.headers.get("accept-language", ""))]
    return [words[scope] for scope in asked.scopes]


def shown_mac(keyring: Keyring, asked: Asked, session: Session) -> str:
    """The proof that the page was shown, for its form."""
    return base64url_encode(keyring.mac(_what_is_shown(asked, session), SHOWN_PURPOSE))


def was_shown(keyring: Keyring, asked: Asked, session: Session, proof: str) -> bool:
    macs, given = keyring.macs(_what_is_shown(asked, session), SHOWN_PURPOSE), proof.encode("utf-8", "replace")
    return any(hmac.compare_digest(base64url_encode(mac).encode(), given) for mac in macs)


def _what_is_shown(asked: Asked, session: Session) -> bytes:
    """The person and the content of the consent page. Between page and answer the app may be renamed or get other scopes."""
    row = asked.client.row
    about = [asked.about] if asked.about else []
    return msgspec.json.encode([session.user_id, row.client_id, row.name, row.deidentification, asked.scopes, *about])


async def is_full_of_consents(request: Request, conn: AsyncConnection, asked: Asked, session: Session) -> bool:
    """Whether the person has consented to as many other apps as one may."""
    cap = Cap("consents", request.state.settings.most_consents, "A person")
    parameters = (session.user_id, asked.client.row.client_id)
    return await is_full(conn, cap, session.user_id, queries.COUNT_OTHER_CONSENTS, parameters)


async def remember(request: Request, conn: AsyncConnection, asked: Asked, session: Session) -> None:
    """Stores the consent."""
    client_id = asked.client.row.client_id
    consent = {"tenant_id": session.tenant_id, "user_id": session.user_id, "client_id": client_id}
    await conn.execute(queries.GIVE_CONSENT, consent | {"scopes": asked.scopes})
    actor = sessions.actor(request, session.tenant_id, session.user_id)
    detail = {"scopes": asked.scopes} | ({"device": asked.about} if asked.about else {})
    await audit.record(conn, actor, "consent.given", client_id, detail)


async def remember_common(conn: AsyncConnection, asked: Asked, session: Session) -> None:
    """Stores that the person uses a common app, and locks the row for `insert`. Nobody was asked, so the audit trail has no consent."""
    consent = {"tenant_id": session.tenant_id, "user_id": session.user_id, "client_id": asked.client.row.client_id}
    await conn.execute(queries.GIVE_CONSENT, consent | {"scopes": asked.scopes})


async def insert(request: Request, conn: AsyncConnection, asked: Asked, session: Session, code: NewCode) -> None:
    """Makes a grant with its code, and room for it. The consent must be locked."""
    client, grant_id = asked.client, ids.new_id("gnt")
    offline = authorization.wants_offline(asked.scopes, client)
    # The first refresh token prolongs an offline grant.
    lives = code.lives + AFTER_CODE_SECONDS + (0 if offline else client.row.access_token_ttl)
    tenant = {"tenant_id": session.tenant_id, "client_id": client.row.client_id, "grant_id": grant_id}
    grant = {
        "user_id": session.user_id,
        "scopes": asked.scopes,
        "audience": asked.audience,
        "offline": offline,
        "seed": secrets.token_bytes(32),
        "second_factor": session.second_factor,
        "signed_in_at": session.signed_in_at,
    }
    await conn.execute(queries.INSERT_GRANT, tenant | grant | {"lives": lives})
    await conn.execute(queries.INSERT_CODE, tenant | code._asdict() | {"code_mac": code.mac})
    await tokens.make_room(conn, session.user_id, client.row.client_id, request.state.settings.most_grants)
