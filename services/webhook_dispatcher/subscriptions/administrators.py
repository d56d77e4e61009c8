"""An administrator of the organisation reads the webhooks and consumers of every app."""

from typing import Annotated, Any

from msgspec import Meta

from shared.web import problems
from shared.web.http import Page
from shared.web.identity import Caller

ADMINISTRATOR = "platform:apps"


class AppPage(Page):
    """`client_id` filters by app; another app than the caller's needs the administrator's scope."""

    client_id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


def whose(caller: Caller, page: AppPage) -> dict[str, Any]:
    """The parameters `client_id` and `everyone` of a list. Raises a 403 Problem for another app than the caller's, without the scope."""
    if page.client_id in (None, caller.client_id):
        everyone = page.client_id is None and caller.has(ADMINISTRATOR)
        return {"client_id": caller.client_id, "everyone": everyone}
    if not caller.has(ADMINISTRATOR):
        raise problems.insufficient_scope(ADMINISTRATOR, caller.deidentification)
    return {"client_id": page.client_id, "everyone": False}


def readable(caller: Caller) -> dict[str, Any]:
    """The parameters of a read of one of them."""
    return {"client_id": caller.client_id, "everyone": caller.has(ADMINISTRATOR)}
