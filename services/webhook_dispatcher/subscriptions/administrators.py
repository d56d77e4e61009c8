"""An administrator of the organisation works with the webhooks of every app, and reads their consumers."""

from typing import Annotated, Any

from msgspec import Meta

from shared.web import problems
from shared.web.http import Page
from shared.web.identity import Caller

ADMINISTRATOR = "platform:apps"


class AppPage(Page):
    """`client_id` filters by app; another app than the caller's needs the administrator's scope."""

    client_id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class WebhookPage(AppPage):
    """`statistics` adds to each webhook how its first attempts fared, and when its next attempt is due.

    `troubled` leaves those alone that need somebody: that fail, were switched off, or have events that nobody approved.
    """

    statistics: bool = False
    troubled: bool = False


def whose(caller: Caller, page: AppPage) -> dict[str, Any]:
    """The parameters `client_id` and `everyone` of a list. Raises a 403 Problem for another app than the caller's, without the scope."""
    app = app_of(caller, page.client_id)
    return {"client_id": app, "everyone": page.client_id is None and caller.has(ADMINISTRATOR)}


def app_of(caller: Caller, client_id: str | None) -> str:
    """The app that a call is about: the calling one, or another that an administrator names. Raises a 403 Problem without the scope."""
    if client_id in (None, caller.client_id):
        return caller.client_id
    if not caller.has(ADMINISTRATOR):
        raise problems.insufficient_scope(ADMINISTRATOR, caller.deidentification)
    return client_id


def reachable(caller: Caller) -> dict[str, Any]:
    """The parameters of a call about one of them."""
    return {"client_id": caller.client_id, "everyone": caller.has(ADMINISTRATOR)}
