"""The secrets and service tokens of an app: new ones, shown once, and the end of old ones."""

from datetime import UTC, datetime

from starlette.responses import Response

from services.console.apps import listing, once, timeline
from services.console.apps.models import App, Minted, Rotated, ServiceTokens
from services.console.apps.once import Shown, Value
from services.console.pages.visit import Fault, Visit
from services.console.upstream.errors import Refused

DAY = 86_400
OVERLAPS = (DAY, 7 * DAY, 30 * DAY, 3600, 0)
LIVES = (3600, DAY, 7 * DAY, 30 * DAY)


def seconds_of(text: str, allowed: tuple[int, ...]) -> int:
    """The number in a form's choice; the first of `allowed` for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 and int(text) in allowed else allowed[0]


async def ask_rotation(visit: Visit, *, faults: list[Fault] | None = None) -> Response:
    app = await listing.read(visit)
    chosen = seconds_of(visit.form("overlap"), OVERLAPS)
    context = {"overlaps": OVERLAPS, "chosen": chosen, "line": timeline.line_of(app.secrets)}
    return visit.page("apps/rotate.html", status=409 if faults else 200, faults=faults or [], app=app, **context)


async def rotate(visit: Visit) -> Response:
    overlap = seconds_of(visit.form("overlap"), OVERLAPS)
    body = {"overlap_seconds": overlap} | ({"force": True} if visit.form("force") else {})
    back = f"/apps/{visit.ids['client_id']}"

    async def make() -> Shown:
        answer = await visit.send("POST", listing.path(visit, "/rotate-secret"), body)
        made = answer.read(Rotated)
        values = [Value("client_id", made.client_id), Value("client_secret", made.client_secret, is_secret=True)]
        if overlap and made.previous_secret_expires_at is not None:
            ends = made.previous_secret_expires_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
            values.append(Value("old_secret_ends", ends))
        return Shown("secret", values, back)

    try:
        return await once.only_once(visit, make)
    except Refused as refused:
        return await ask_rotation(visit, faults=once.no_room(visit, refused))


async def ask_end_of_secret(visit: Visit) -> Response:
    app = await listing.read(visit)
    secret = next((one for one in app.secrets if one.id == visit.ids["secret_id"] and one.expires_at is not None), None)
    return visit.page(
        "apps/end_secret.html",
        app=app,
        secret=secret,
        may_end=timeline.old_may_end([one for one in app.secrets if one == secret or one.expires_at is None]),
        status=200 if secret else 404,
    )


async def end_secret(visit: Visit) -> Response:
    await visit.send("DELETE", listing.path(visit, "/secrets/{secret_id}", secret_id=visit.ids["secret_id"]))
    return visit.redirect(f"/apps/{visit.ids['client_id']}", done="secret_ended")


async def list_tokens(visit: Visit) -> Response:
    return await _tokens(visit, await listing.read(visit), [])


async def _tokens(visit: Visit, app: App, faults: list[Fault]) -> Response:
    query = {"cursor": visit.cursor()}
    tokens = await visit.load(listing.path(visit, "/service-tokens"), ServiceTokens, limit=25, **query)
    context = {"app": app, "tokens": tokens, "query": query, "lives": LIVES, "faults": faults}
    chosen = visit.form.every("scopes")
    return visit.page("apps/tokens.html", status=422 if faults else 200, chosen=chosen, **context)


async def mint(visit: Visit) -> Response:
    lives = seconds_of(visit.form("lives"), LIVES[1:] + LIVES[:1])
    scopes = visit.form.every("scopes")
    back = f"/apps/{visit.ids['client_id']}/tokens"
    if not scopes:
        return await _tokens(visit, await listing.read(visit), [Fault("scopes", visit.t("needs_scope"))])

    async def make() -> Shown:
        body = {"scopes": scopes, "expires_in": lives}
        made = (await visit.send("POST", listing.path(visit, "/service-token"), body)).read(Minted)
        ends = made.expires_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        values = [
            Value("token", made.token, is_secret=True),
            Value("ends", ends),
            Value("scopes", " ".join(made.scopes)),
        ]
        return Shown("token", values, back)

    try:
        return await once.only_once(visit, make)
    except Refused as refused:
        if refused.status not in (403, 409, 422):
            raise
        return await _tokens(visit, await listing.read(visit), visit.faults(refused, expires_in="lives"))


async def ask_revocation(visit: Visit) -> Response:
    app = await listing.read(visit)
    return visit.page("apps/revoke_token.html", app=app, token_id=visit.ids["token_id"], now=datetime.now(UTC))


async def revoke(visit: Visit) -> Response:
    await visit.send("DELETE", listing.path(visit, "/service-tokens/{token_id}", token_id=visit.ids["token_id"]))
    return visit.redirect(f"/apps/{visit.ids['client_id']}/tokens", done="token_revoked")
