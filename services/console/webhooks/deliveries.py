"""Deliveries: the list of all with its filters, and the inspector of one."""

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from starlette.responses import Response

from services.console.pages import links
from services.console.pages.visit import Fault, Visit
from services.console.webhooks import charts, forms, words
from services.console.webhooks.models import AppDelivery, Deliveries, History, Queued, Webhook, Webhooks
from services.console.webhooks.views import WEBHOOK, find, load_apps, names_with
from shared.messaging.event_types import catalogue

STATUSES = ("succeeded", "retrying", "failed", "queued")
PAGE = 50
WINDOW = timedelta(days=1)
"""The part of the past that one call looks at."""
CLOCKS = timedelta(minutes=15)
"""By which a delivery's time may be before that of its webhook, for wrong clocks."""
LOOKS = 5
"""How many pages of the API one page may ask for while nothing is found: each looks at a part of the past."""
SHOWN = 64 << 10
"""Characters of a body that a page shows."""


async def list_deliveries(visit: Visit) -> Response:
    query: dict[str, str] = {
        "status": visit.query("status", STATUSES),
        "response": visit.query("response", words.RESPONSES),
        "event_type": visit.query("event_type", tuple(catalogue())),
        "cursor": visit.cursor(),
    }
    query |= {name: visit.query(name, most=128) for name in ("client_id", "webhook_id", "event_id", "trace_id")}
    query |= {name: visit.query(name, most=25) for name in ("since", "until")}
    faults: list[Fault] = []
    times: dict[str, str | None] = {}
    for name in ("since", "until"):
        times[name] = forms.time_of(query[name])
        if query[name] and times[name] is None:
            faults.append(Fault(name, visit.t("fault_time")))
    if query["trace_id"] and not forms.is_trace(query["trace_id"]):
        faults.append(Fault("trace_id", visit.t("fault_trace")))
    apps = await load_apps(visit)
    names = await names_with(visit, apps, query["client_id"])
    context: dict[str, Any] = {"query": query, "apps": apps, "names": names, "faults": faults}
    anything = [("", visit.t("any"))]
    context["options"] = {
        "status": anything + [(one, visit.t(f"status.{one}")) for one in STATUSES],
        "response": anything + [(one, visit.t(f"answer.{one}")) for one in words.RESPONSES],
        "event_type": anything + [(one, one) for one in catalogue()],
    }
    if faults:
        return visit.page("webhooks/deliveries.html", status=422, found=None, groups=[], next_cursor="", **context)
    times["since"] = times["since"] or await _made(visit, query["webhook_id"])
    found = await visit.load("/v1/deliveries", Deliveries, limit=PAGE, **(query | times))
    looks = 1
    while looks < LOOKS and not found.failure and not found.value.deliveries and found.value.next_cursor:
        further = query | times | {"cursor": found.value.next_cursor}
        found = await visit.load("/v1/deliveries", Deliveries, limit=PAGE, **further)
        looks += 1
    groups = [] if found.failure else grouped(found.value.deliveries)
    next_cursor = "" if found.failure else found.value.next_cursor or ""
    if not groups and next_cursor and not query["cursor"] and await _are_none(visit, query, looks):
        next_cursor = ""
    return visit.page("webhooks/deliveries.html", found=found, groups=groups, next_cursor=next_cursor, **context)


async def _made(visit: Visit, webhook_id: str) -> str | None:
    """When the webhook was made, a little before: it has no older deliveries, and no page looks for them."""
    if not webhook_id:
        return None
    webhook = await visit.load(visit.path_of(WEBHOOK, id=webhook_id), Webhook)
    if webhook.failure:
        return None
    return (webhook.value.created_at - CLOCKS).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


async def _are_none(visit: Visit, query: dict[str, str], looks: int) -> bool:
    """Whether nothing can be further back: there is no webhook, or each is younger than the days that were looked at.

    A filter may have ended a look before its day was over.
    """
    webhooks = await visit.load("/v1/webhooks", Webhooks, limit=100, client_id=query["client_id"])
    if webhooks.failure or webhooks.value.next_cursor:
        return False
    begins = datetime.now(UTC) - WINDOW * (looks - 1)
    is_filtered = any(value for name, value in query.items() if name not in ("client_id", "webhook_id"))
    return all(one.created_at > begins and not is_filtered for one in webhooks.value.webhooks)


def grouped(deliveries: list[AppDelivery]) -> list[dict[str, Any]]:
    """Deliveries that follow each other and are of one event, with their tags."""
    return [
        {
            "event_id": event_id,
            "event_type": rows[0].event_type,
            "at": rows[0].created_at,
            "rows": [{"delivery": one, "tag": words.tag_of_delivery(one)} for one in rows],
        }
        for event_id, rows in ((key, list(group)) for key, group in groupby(deliveries, lambda one: one.event_id))
    ]


async def show_delivery(visit: Visit) -> Response:
    webhook_id, delivery_id = visit.ids["webhook_id"], visit.ids["delivery_id"]
    path = visit.path_of(WEBHOOK + "/deliveries/{delivery}", id=webhook_id, delivery=delivery_id)
    history, webhook = await visit.together(visit.get(path, History), find(visit, webhook_id))
    attempts = charts.by_time(history.attempts)
    moves = history.status in ("queued", "retrying") and (not attempts or history.next_attempt_at is None)
    newest = attempts[-1] if attempts else None
    body = history.request_body
    context: dict[str, Any] = {
        "history": history,
        "webhook": webhook,
        "tag": words.tag_of_delivery(history),
        "is_test": history.id.startswith("dlv_test_"),
        "marks": charts.marks_of(history),
        "width": charts.WIDTH,
        "attempts": [
            {
                "attempt": one,
                "kind": charts.kind_of(one),
                "verdict": words.verdict_of(one.response_status, one.error),
                "bars": charts.phases_of(one.timings_ms),
                "url": links.without_values(one.url),
            }
            for one in reversed(attempts)
        ],
        "verdict": words.verdict_of(newest.response_status, newest.error) if newest is not None else "",
        "body": body[:SHOWN] if body is not None else None,
        "is_cut": body is not None and len(body) > SHOWN,
        "command": "",
        "live_seconds": 2 if moves else 10,
    }
    if history.status in ("succeeded", "failed"):
        context["notice"] = ""  # "on its way" is over
    if newest is not None and newest.url and body is not None and len(body) <= SHOWN:
        context["command"] = words.curl(newest.url, newest.request_headers, body)
    return visit.page("webhooks/delivery.html", title=history.event_type, **context)


async def resend(visit: Visit) -> Response:
    webhook_id, delivery_id = visit.ids["webhook_id"], visit.ids["delivery_id"]
    path = visit.path_of(WEBHOOK + "/deliveries/{delivery}/retry", id=webhook_id, delivery=delivery_id)
    await visit.send("POST", path)
    return visit.redirect(_inspector(visit, webhook_id, delivery_id), done="resent")


async def ask_test(visit: Visit) -> Response:
    webhook = await find(visit, visit.ids["webhook_id"])
    return visit.page("webhooks/test.html", webhook=webhook)


async def send_test(visit: Visit) -> Response:
    """Sends a test and leads to its inspector, which moves until the receiver has answered."""
    webhook_id = visit.ids["webhook_id"]
    queued = (await visit.send("POST", visit.path_of(WEBHOOK + "/test", id=webhook_id))).read(Queued)
    return visit.redirect(_inspector(visit, webhook_id, queued.delivery_id), done="test_sent")


def _inspector(visit: Visit, webhook_id: str, delivery_id: str) -> str:
    return visit.path_of("/webhooks/{id}/deliveries/{delivery}", id=webhook_id, delivery=delivery_id)
