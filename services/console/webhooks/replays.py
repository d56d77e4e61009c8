"""Replays of a webhook: the form, the count before anything is sent, progress, stopping and resuming."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from starlette.responses import Response

from services.console.pages.visit import Fault, Visit
from services.console.upstream.errors import Refused
from services.console.webhooks import forms, words
from services.console.webhooks.models import Replay, ReplayCounted, Replays, Webhook
from services.console.webhooks.views import WEBHOOK, find

REPLAYS = WEBHOOK + "/replays"
STATUSES = ("failed", "succeeded", "retrying")
RATES = ("1", "5", "10", "20", "50", "100")
TEXTS = ("status", "response", "event_type", "event_id", "key", "trace_id")
FIELDS = (*TEXTS, "since", "until", "per_second")
PAGE = 25
LONGEST = 256
CHOICES = {"status": STATUSES, "response": words.RESPONSES}


class Entered(Protocol):
    """Where a field's text comes from: a form or an address."""

    def __call__(self, name: str, /, *, exact: bool) -> str: ...


class Given(msgspec.Struct):
    """The fields as they were entered, the body that they make, and their faults."""

    fields: Mapping[str, str]
    body: dict[str, Any]
    faults: list[Fault]


async def ask_replay(visit: Visit, *, given: Given | None = None, faults: list[Fault] | None = None) -> Response:
    """A filter is chosen first, or comes with the address; then its deliveries are counted."""
    webhook, replays = await visit.together(find(visit, visit.ids["webhook_id"]), load_newest(visit))
    is_counted = bool(visit.query("count")) and given is None
    given = given or given_by(
        visit, lambda name, *, exact: visit.query(name, CHOICES.get(name, ()), LONGEST, exact=exact)
    )
    faults = faults or (given.faults if is_counted else [])
    counted: ReplayCounted | None = None
    if is_counted and not faults:
        path = visit.path_of(REPLAYS, id=visit.ids["webhook_id"])
        try:
            counted = (await visit.send("POST", path, given.body, dry_run="true")).read(ReplayCounted)
        except Refused as refused:
            if refused.status != 422:
                raise
            faults = visit.faults(refused)
    running = None
    if not replays.failure:
        running = next((one for one in replays.value.replays if one.state == "running"), None)
    return visit.page(
        "webhooks/replay.html",
        status=422 if faults else 200,
        faults=faults,
        webhook=webhook,
        given=given.fields,
        chosen={name: value for name, value in given.fields.items() if value},
        counted=counted,
        running=running,
        options=_options(visit, webhook, given),
    )


async def start_replay(visit: Visit) -> Response:
    given = given_by(visit, visit.form)
    if given.faults:
        return await ask_replay(visit, given=given, faults=given.faults)
    try:
        answer = await visit.send("POST", visit.path_of(REPLAYS, id=visit.ids["webhook_id"]), given.body)
    except Refused as refused:
        if refused.status not in (409, 422):
            raise
        return await ask_replay(visit, given=given, faults=visit.faults(refused))
    return visit.redirect(_page_of(visit, answer.read(Replay).id), done="replay_started")


async def show_replay(visit: Visit) -> Response:
    path = visit.path_of(REPLAYS + "/{replay}", id=visit.ids["webhook_id"], replay=visit.ids["replay_id"])
    replay, webhook = await visit.together(visit.get(path, Replay), find(visit, visit.ids["webhook_id"]))
    is_over = replay.state == "finished"
    context: dict[str, Any] = {"notice": ""} if is_over else {}
    return visit.page(
        "webhooks/replay_progress.html",
        webhook=webhook,
        replay=replay,
        gone=max(0, replay.matching - replay.done) if is_over and not replay.more else 0,
        now=datetime.now(UTC),
        tag=words.tag_of_replay(replay),
        seconds=2 if replay.state == "running" or replay.waiting else 30,
        **context,
    )


async def list_replays(visit: Visit) -> Response:
    path = visit.path_of(REPLAYS, id=visit.ids["webhook_id"])
    cursor = visit.cursor()
    webhook, replays = await visit.together(
        find(visit, visit.ids["webhook_id"]), visit.load(path, Replays, limit=PAGE, cursor=cursor)
    )
    rows = (
        [] if replays.failure else [{"replay": one, "tag": words.tag_of_replay(one)} for one in replays.value.replays]
    )
    moves = any(row["replay"].state == "running" for row in rows)
    return visit.page(
        "webhooks/replays.html",
        webhook=webhook,
        replays=replays,
        rows=rows,
        seconds=5 if moves else 30,
        query={"cursor": cursor},
    )


async def stop_replay(visit: Visit) -> Response:
    return await _turn(visit, "stop", "replay_stopped")


async def resume_replay(visit: Visit) -> Response:
    return await _turn(visit, "resume", "replay_resumed")


async def load_newest(visit: Visit) -> Any:
    """The newest replay of the webhook: a running one is the newest, or was resumed."""
    return await visit.load(visit.path_of(REPLAYS, id=visit.ids["webhook_id"]), Replays, limit=PAGE)


def given_by(visit: Visit, entered: Entered) -> Given:
    """The draft of a replay from fields of a form or an address."""
    fields = {name: entered(name, exact=name == "key") for name in FIELDS}
    body: dict[str, Any] = {name: fields[name] for name in TEXTS if fields[name]}
    faults: list[Fault] = []
    for name in ("since", "until"):
        time = forms.time_of(fields[name])
        if fields[name] and time is None:
            faults.append(Fault(name, visit.t("fault_time")))
        elif time is not None:
            body[name] = time
    if fields["trace_id"] and not forms.is_trace(fields["trace_id"]):
        faults.append(Fault("trace_id", visit.t("fault_trace")))
    fields["per_second"] = fields["per_second"] or "10"
    if fields["per_second"] in RATES:
        body["per_second"] = int(fields["per_second"])
    else:
        faults.append(Fault("per_second", visit.t("fault_rate")))
    return Given(fields, body, faults)


def _options(visit: Visit, webhook: Webhook, given: Given) -> dict[str, list[tuple[str, str]]]:
    """The choices of the form. A type that the webhook no longer receives is among them if the address or form names it."""
    anything = [("", visit.t("any"))]
    types: list[str] = list(webhook.events)
    if given.fields["event_type"] and given.fields["event_type"] not in types:
        types.append(given.fields["event_type"])
    return {
        "status": [("", visit.t("any_tried"))] + [(one, visit.t(f"status.{one}")) for one in STATUSES],
        "response": anything + [(one, visit.t(f"answer.{one}")) for one in words.RESPONSES],
        "event_type": anything + [(one, one) for one in types],
        "per_second": [(one, visit.t("per_second", count=int(one))) for one in RATES],
    }


async def _turn(visit: Visit, act: str, done: str) -> Response:
    path = visit.path_of(
        REPLAYS + "/{replay}/{act}", id=visit.ids["webhook_id"], replay=visit.ids["replay_id"], act=act
    )
    await visit.send("POST", path)
    return visit.redirect(_page_of(visit, visit.ids["replay_id"]), done=done)


def _page_of(visit: Visit, replay_id: str) -> str:
    return visit.path_of("/webhooks/{id}/replays/{replay}", id=visit.ids["webhook_id"], replay=replay_id)
