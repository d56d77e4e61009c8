"""Bodies, rows and answers of contacts."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from services.webhook_dispatcher.subscriptions.models import ClientId
from shared.web import http

MOST = 5


class ContactsQuery(http.Body):
    """An administrator may name another app in `client_id`."""

    client_id: ClientId | None = None


class ContactsChange(http.Body):
    """The contacts that replace those before; an empty list removes all. An administrator may name another app in `client_id`."""

    emails: Annotated[list[Annotated[str, Meta(min_length=3, max_length=254)]], Meta(max_length=MOST)]
    client_id: ClientId | None = None


class Contacts(msgspec.Struct):
    """The addresses that get mail about the app's webhooks."""

    emails: list[str]
    updated_at: datetime | None


class ContactsRow(msgspec.Struct):
    """A row of `contacts`; the addresses are encrypted."""

    emails: bytes
    updated_at: datetime
