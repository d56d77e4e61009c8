"""Webhooks of an organisation, or of one app in its portal: the list with health, and one webhook."""

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from services.console.pages import links
from services.console.pages.visit import Loaded, Visit
from services.console.webhooks import forms, words
from services.console.webhooks.models import App, Apps, Books, Contacts, Health, Replay, Replays, Webhook, Webhooks

ADMINISTRATOR = "platform:apps"
WEBHOOK = "/v1/webhooks/{id}"
PAGE = 25


async def list_webhooks(visit: Visit) -> Response:
    query = {"client_id": visit.query("client_id"), "cursor": visit.cursor()}
    webhooks, apps = await visit.together(
        visit.load("/v1/webhooks", Webhooks, limit=PAGE, statistics="true", **query), load_apps(visit)
    )
    names = await names_with(visit, apps, query["client_id"])
    rows: list[dict[str, Any]] = []
    if not webhooks.failure:
        rows = [
            {
                "webhook": one,
                "tag": words.tag_of_webhook(one),
                "shares": words.shares_of(one),
                "url": links.without_values(one.url),
            }
            for one in webhooks.value.webhooks
        ]
    return visit.page("webhooks/list.html", webhooks=webhooks, rows=rows, apps=apps, names=names, query=query)


async def show_webhook(visit: Visit) -> Response:
    webhook_id = visit.ids["webhook_id"]
    webhook = await find(visit, webhook_id)
    health, replays, contacts, apps = await visit.together(
        visit.load(visit.path_of(WEBHOOK + "/health", id=webhook_id), Health),
        visit.load(visit.path_of(WEBHOOK + "/replays", id=webhook_id), Replays, limit=5),
        visit.load("/v1/webhooks/contacts", Contacts, client_id=webhook.client_id),
        load_apps(visit),
    )
    if not health.failure:
        webhook.statistics = health.value.statistics
    context: dict[str, Any] = {
        "webhook": webhook,
        "tag": words.tag_of_webhook(
            webhook, None if health.failure else health.value.last_success_at or health.value.last_test_at
        ),
        "health": health,
        "shares": words.shares_of(webhook),
        "error_word": "",
        "recovers": webhook.runs
        and not health.failure
        and words.recovers(health.value.failing_since, datetime.now(UTC)),
        "replay": None if replays.failure else newest_of(replays.value.replays),
        "filter_text": forms.shown_filter(webhook.filter),
        "contacts": contacts,
        "names": await names_with(visit, apps, webhook.client_id),
    }
    if not health.failure and (error := health.value.last_error):
        # The platform's words of an answer end with its status.
        digits = error.rpartition(" ")[2]
        has_status = error.startswith(("http_status", "redirect")) and digits.isascii() and digits.isdigit()
        context["error_word"] = words.verdict_of(int(digits) if has_status else None, error)
    return visit.page("webhooks/webhook.html", title=links.without_values(webhook.url), **context)


def newest_of(replays: list[Replay]) -> Replay | None:
    """The running replay, or the newest one."""
    return next((one for one in replays if one.state == "running"), next(iter(replays), None))


async def show_books(visit: Visit) -> Response:
    webhook = await find(visit, visit.ids["webhook_id"])
    books = await visit.load(visit.path_of(WEBHOOK + "/reconciliation", id=webhook.id), Books)
    return visit.page("webhooks/books.html", webhook=webhook, books=books)


async def find(visit: Visit, webhook_id: str) -> Webhook:
    """The webhook of the address. Raises Refused, such as 404 for one of another organisation or app."""
    return await visit.get(visit.path_of(WEBHOOK, id=webhook_id), Webhook)


async def load_apps(visit: Visit) -> Loaded[Apps]:
    """The apps that an administrator may work for; none in an app's portal."""
    if not visit.may(ADMINISTRATOR):
        return Loaded(Apps([]))
    return await visit.load("/v1/platform/apps", Apps, limit=100)


async def find_app(visit: Visit, apps: Loaded[Apps], client_id: str) -> App | None:
    """The app of an administrator's organisation: the list has the newest alone, so another one is read by itself."""
    found = app_of(apps, client_id)
    if found is not None or apps.failure or not client_id or not visit.may(ADMINISTRATOR):
        return found
    one = await visit.load(visit.path_of("/v1/platform/apps/{id}", id=client_id), App)
    return one.value if one.failure is None and one.value.client_id == client_id else None


async def names_with(visit: Visit, apps: Loaded[Apps], client_id: str) -> dict[str, str]:
    """The names of the newest apps, and of the one that the address names."""
    app = await find_app(visit, apps, client_id)
    return names_of(apps) | ({app.client_id: app.name} if app is not None else {})


def names_of(apps: Loaded[Apps]) -> dict[str, str]:
    return {} if apps.failure else {app.client_id: app.name for app in apps.value.apps}


def app_of(apps: Loaded[Apps], client_id: str) -> App | None:
    return None if apps.failure else next((app for app in apps.value.apps if app.client_id == client_id), None)
