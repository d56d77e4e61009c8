"""Pages of signing in and out."""

import time
from typing import Any

import msgspec
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.auth.oauth.clients import read_form
from services.auth.oauth.forms import TemporarilyUnavailable
from services.auth.saml import logout_endpoints, people
from services.auth.saml.models import Federated
from services.auth.signin import (
    cookies,
    factors,
    hashing,
    metrics,
    pages,
    passes,
    passwords,
    queries,
    sessions,
    throttle,
)
from services.auth.signin.models import User
from services.auth.signin.returning import Destination, destination_of, to_organisation, to_sign_in
from services.auth.signin.sessions import Standing
from services.auth.signin.throttle import Attempt
from shared.fairness.places import NoPlace
from shared.storage import audit
from shared.storage.database import AsyncConnection, aset_tenant, transaction
from shared.web.identity import caller as caller_of

PENDING_SECONDS = 300
PENDING_CONTEXT = b"sign-in pending its second factor"
PASSWORD_PURPOSE = "stored password"
# From this number of wrong codes in other devices the person sees a warning.
MANY_WRONG_CODES = 5


class Pending(msgspec.Struct):
    """A sign-in after a correct password: the user, its expiry, the browser, and a MAC of the stored hash."""

    user_id: str
    email: str
    expires_at: float
    browser: str
    password: bytes


async def sign_in_page(request: Request) -> Response:
    """Asks only for the address if the app's organisation has its own sign-in."""
    asked = request.query_params
    destination = await destination_of(request, asked.get("continue", ""))
    fresh, with_password = asked.get("fresh") == "1", asked.get("with") == "password"
    address_first = not with_password and await people.asks_address_first(request, destination.tenant_id)
    return _form(request, destination, address_first=address_first, fresh=fresh)


def _form(
    request: Request,
    destination: Destination,
    status: int = 200,
    *,
    address_first: bool = False,
    fresh: bool = False,
    **context: Any,
) -> Response:
    return pages.render(
        request,
        "sign_in.html",
        status,
        redirects_to=destination.redirect_uri,
        continue_to=destination.path,
        app_name=destination.app_name,
        address_first=address_first,
        fresh=fresh,
        other_way=to_sign_in(destination.path, fresh=fresh, with_password=True),
        **context,
    )


def _to_organisation(
    request: Request, destination: Destination, found: Federated, *, fresh: bool, notice: str = ""
) -> Response:
    """Leads on to the organisation's own sign-in, at once unless there is a notice to read.

    A page and not a redirect, because the content security policy restricts the targets of a form.
    """
    goes_to = to_organisation(found.connection_id, destination.path, fresh=fresh)
    return pages.render(
        request,
        "organisation.html",
        app_name=destination.app_name,
        organisation=found.organisation,
        notice=notice,
        goes_to=goes_to,
        refresh_to="" if notice else goes_to,
    )


async def sign_in(request: Request) -> Response:
    """Counts the attempt, checks the password, and either asks for the second factor or starts a session."""
    values = (await read_form(request)).values
    destination = await destination_of(request, values.get("continue", ""))
    email, words = values.get("email", "")[:254], pages.words(request)
    if not cookies.is_own_form(request, values.get("csrf", "")):
        return _form(request, destination, 403, alert=words["form_expired"], email=email)
    fresh = values.get("fresh") == "1"
    async with transaction(request) as conn:
        found = await people.federation_of(conn, email)
    if values.get("step") == "address":
        if found is not None:
            return _to_organisation(request, destination, found, fresh=fresh)
        return _form(request, destination, email=email, fresh=fresh, notice=words["no_organisation"])
    async with transaction(request) as conn:
        user = await factors.find_user(conn, email)
        standing = await sessions.standing(request, conn, user)
        # If an organisation enforces its own sign-in, only the break-glass user's password works. All its users get that user's limits, so
        # that the limits do not reveal who it is.
        enforced = found is not None and found.enforced
        lenient = standing.break_glass or enforced
        keyring, address = request.state.keyring, caller_of(request).address
        attempt = await throttle.take(conn, keyring, email, address, standing, lenient=lenient)
    if attempt.wait:
        _count(standing, "password_limit")
        return _too_many(request, destination, attempt.wait, email=email)
    password = values.get("password", "")
    right = await _is_right(request, user, password, standing, attempt, lenient=lenient)
    refuses = False
    if user is not None and right:
        async with transaction(request) as conn:
            await aset_tenant(conn, user.tenant_id)
            refuses = await people.refuses_password(conn, user.user_id)
        answer = None if refuses else await _go_on(request, user, password, attempt, destination, standing)
        if answer is not None:
            return answer
    _count(standing, "password_limit" if attempt.slow else "wrong")
    if refuses and not enforced:
        refused = pages.error(request, "organisation_only_help", 403)
    elif attempt.wrong_wait:
        refused = _too_many(request, destination, attempt.wrong_wait, email=email)
    elif found is not None and enforced:
        # One answer for every password but the break-glass user's, so that it does not reveal who that is.
        notice = words["organisation_password"]
        refused = _to_organisation(request, destination, found, fresh=fresh, notice=notice)
    else:
        refused = _form(request, destination, 401, alert=words["wrong_credentials"], email=email, fresh=fresh)
    # After the answer, so that its time does not reveal whether the account exists.
    refused.background = BackgroundTask(_failed, request, user)
    return refused


async def _is_right(
    request: Request, user: User | None, password: str, standing: Standing, attempt: Attempt, *, lenient: bool
) -> bool:
    """Raises NoPlace, and then the attempt does not count. `lenient` also waits in the slow line where the usual one is full."""
    stored, known = user.password_hash if user else None, standing.device is not None
    try:
        if not attempt.slow:
            try:
                return await hashing.verify(request, stored, password, known=known)
            except NoPlace:
                if not lenient or known:
                    raise
        group = (user.tenant_id, standing.colleague) if user is not None and standing.colleague else ("", "")
        return await hashing.verify_slowly(request, stored, password, group)
    except NoPlace:
        async with transaction(request) as conn:
            await throttle.give_back(conn, attempt)
        raise


def _count(standing: Standing, outcome: str) -> None:
    """Counts attempts for break-glass users, for the alarm, and refusals by limits."""
    if standing.break_glass:
        metrics.break_glass.labels(outcome).inc()
    if outcome.endswith("_limit"):
        metrics.refused.labels(outcome).inc()


async def _go_on(
    request: Request, user: User, password: str, attempt: Attempt, destination: Destination, standing: Standing
) -> Response | None:
    """Continues after a correct password, with a hash of today's cost. None if the password was changed meanwhile."""
    if user.password_hash is not None and passwords.needs_rehash(user.password_hash):
        hashed = await hashing.hash_password(request, password)
        async with transaction(request) as conn:
            await aset_tenant(conn, user.tenant_id)
            replaced = await conn.execute(queries.REHASH, (hashed, user.user_id, user.password_hash))
        if not replaced.rowcount:
            return None
        user = msgspec.structs.replace(user, password_hash=hashed)
    if user.totp_secret is None:
        return await _admit(request, user, attempt, destination, standing)
    async with transaction(request) as conn:
        await throttle.give_back(conn, attempt)
    browser, mac = cookies.read(request, cookies.BROWSER), request.state.keyring.mac
    stored = mac((user.password_hash or "").encode(), PASSWORD_PURPOSE)
    pending = Pending(user.user_id, user.email, time.time() + PENDING_SECONDS, browser, stored)
    return _ask_second_factor(request, destination, pages.sealed(request, pending, PENDING_CONTEXT))


def _too_many(request: Request, destination: Destination, seconds: int, **context: Any) -> Response:
    alert = pages.words(request)["too_many"].format(seconds=seconds)
    return _wait(_form(request, destination, 429, alert=alert, **context), seconds)


def _wait(response: Response, seconds: int) -> Response:
    response.headers["retry-after"] = str(seconds)
    return response


async def _failed(request: Request, user: User | None) -> None:
    """Records a wrong password for an existing account in the audit trail."""
    if user is None:
        return
    async with transaction(request) as conn:
        await aset_tenant(conn, user.tenant_id)
        await audit.record(conn, sessions.actor(request, user.tenant_id, user.user_id), "sign_in.failed", user.user_id)


def _ask_second_factor(
    request: Request, destination: Destination, pending: str, status: int = 200, alert: str = ""
) -> Response:
    return pages.render(
        request,
        "second_factor.html",
        status,
        redirects_to=destination.redirect_uri,
        continue_to=destination.path,
        pending=pending,
        alert=alert,
    )


async def second_factor(request: Request) -> Response:
    values = (await read_form(request)).values
    destination = await destination_of(request, values.get("continue", ""))
    words, sealed = pages.words(request), values.get("pending", "")
    pending = pages.unsealed(request, sealed, Pending, PENDING_CONTEXT)
    if (
        pending is None
        or pending.browser != cookies.read(request, cookies.BROWSER)
        or pending.expires_at <= time.time()
        or not cookies.is_own_form(request, values.get("csrf", ""))
    ):
        return _form(request, destination, 403, alert=words["form_expired"])
    async with transaction(request) as conn:
        user = await factors.find_user(conn, pending.email)
        standing = await sessions.standing(request, conn, user)
        keyring, address = request.state.keyring, caller_of(request).address
        attempt = await throttle.take_code(conn, keyring, pending.user_id, address, standing)
    if attempt.wait:
        _count(standing, "code_limit")
        alert = words["too_many"].format(seconds=attempt.wait)
        return _wait(_ask_second_factor(request, destination, sealed, 429, alert), attempt.wait)
    # In a new transaction, because a successful sign-in locks the user and waits for the count.
    async with transaction(request) as conn:
        user = await factors.find_user(conn, pending.email)
        if user is None or not await _is_still_the_password(request, conn, user, pending):
            return _form(request, destination, 403, alert=words["form_expired"])
        used = await factors.use_at_sign_in(request, conn, user, standing, values.get("code", ""))
    if not used:
        _count(standing, "wrong")
        await _failed(request, user)
        stopped = standing.device is None and standing.wrong_codes >= factors.MOST_WRONG_CODES
        alert = words["codes_stopped" if stopped else "wrong_code"]
        return _ask_second_factor(request, destination, sealed, 401, alert)
    admitted = await _admit(request, user, attempt, destination, standing, used)
    return admitted or _form(request, destination, 403, alert=words["form_expired"])


async def _is_still_the_password(request: Request, conn: AsyncConnection, user: User, pending: Pending) -> bool:
    """Whether the password is the same as when it was checked. Locks the user for writing."""
    macs = request.state.keyring.macs((user.password_hash or "").encode(), PASSWORD_PURPOSE)
    await aset_tenant(conn, user.tenant_id)
    return pending.password in macs and await factors.is_unchanged(conn, user, to_write=True)


async def _admit(
    request: Request,
    user: User,
    attempt: Attempt,
    destination: Destination,
    standing: Standing,
    second_factor: str = "",
) -> Response | None:
    """Starts a new session, ends the browser's earlier session, and makes the device a known one.

    None if the user was changed since the check.
    """
    async with transaction(request) as conn:
        await aset_tenant(conn, user.tenant_id)
        # Checked again, because the policy may have changed meanwhile.
        if await people.refuses_password(conn, user.user_id):
            return pages.error(request, "organisation_only_help", 403)
        if not await factors.is_unchanged(conn, user):
            return None
        before = await sessions.current(request, conn)
        if before is not None:
            await conn.execute(queries.END_SESSION, (before.session_id, before.user_id))
        await aset_tenant(conn, user.tenant_id)
        device = await sessions.remember_device(request, conn, user)
        await throttle.succeed(conn, attempt)
        token = await sessions.start(request, conn, user, second_factor=bool(second_factor))
        detail = {"second_factor": second_factor} if second_factor else None
        actor = sessions.actor(request, user.tenant_id, user.user_id)
        await audit.record(conn, actor, "sign_in.succeeded", user.user_id, detail)
    _count(standing, "succeeded")
    response: Response = RedirectResponse(destination.path, 303, pages.headers())
    if standing.wrong_codes >= MANY_WRONG_CODES:
        number, goes_to = standing.wrong_codes, destination.path
        response = pages.render(request, "wrong_codes.html", number=number, goes_to=goes_to)
    await passes.give(request, response, user.tenant_id, user.user_id)
    return sessions.give_device_cookie(request, sessions.signed_in(request, response, token), device)


async def sign_out(request: Request) -> Response:
    values = (await read_form(request)).values
    destination = await destination_of(request, values.get("continue", ""))
    if not cookies.is_own_form(request, values.get("csrf", "")):
        return _form(request, destination, 403, alert=pages.words(request)["form_expired"])
    elsewhere = None
    async with transaction(request) as conn:
        session = await sessions.current(request, conn)
        if session is not None:
            await conn.execute(queries.END_SESSION, (session.session_id, session.user_id))
            elsewhere = await logout_endpoints.begin(conn, request, session, destination.path)
            actor = sessions.actor(request, session.tenant_id, session.user_id)
            await audit.record(conn, actor, "sign_out", session.user_id)
    response: Response = RedirectResponse(to_sign_in(destination.path), 303, pages.headers())
    if elsewhere is not None:
        goes_to = to_sign_in(destination.path)
        response = pages.render(request, "signed_out.html", refresh_to=elsewhere, goes_to=goes_to)
    cookies.take(request, response, cookies.SESSION)
    return response


async def refuse_busy(request: Request, error: Exception) -> Response:
    """503: too many passwords wait for a check, or a part of the service is not available."""
    return _wait(pages.error(request, "busy", 503), hashing.BUSY_SECONDS)


async def refuse_unreadable(request: Request, error: Exception) -> Response:
    """A page for a form that cannot be read (RFC 6749's InvalidRequestError), or not now."""
    if isinstance(error, TemporarilyUnavailable):
        return await refuse_busy(request, error)
    return pages.error(request, "bad_request", getattr(error, "status_code", 400))
