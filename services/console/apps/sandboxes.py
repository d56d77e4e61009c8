"""Sandboxes that the organisation makes by itself: with a year of invented data, their reset, scenarios and end."""

from datetime import datetime

import msgspec
from starlette.responses import Response

from services.console.apps import once
from services.console.apps.once import Shown, Value
from services.console.pages.visit import Fault, Visit
from services.console.upstream.errors import Refused

SANDBOXES = "/v1/platform/sandboxes"
STATES = ("preparing", "ready", "resetting", "advancing", "deleting", "deleted")
SCENARIOS = ("arrest", "failing_receiver", "revoked_tokens")
ADVANCES = {"hour": 3_600, "ladder": 18_000, "day": 86_400, "week": 604_800, "month": 2_592_000}
"""Seconds by which the clock of a sandbox is advanced, by the names of their texts."""
IN_WORK = ("preparing", "resetting", "advancing", "deleting")


class Sandbox(msgspec.Struct):
    id: str
    tenant_id: str
    name: str
    state: str
    percent: int
    seed: int
    client_id: str
    created_at: datetime
    changed_at: datetime
    advanced_seconds: int = 0

    @property
    def is_in_work(self) -> bool:
        return self.state in IN_WORK


class Sandboxes(msgspec.Struct):
    sandboxes: list[Sandbox]
    next_cursor: str | None = None


class Made(Sandbox, kw_only=True):
    client_secret: str


class Scenario(msgspec.Struct):
    scenario: str
    encounter_id: str | None = None
    incident_id: str | None = None
    device_id: str | None = None
    webhook_id: str | None = None


def _path(visit: Visit, rest: str = "", **ids: str) -> str:
    return visit.path_of(SANDBOXES + "/{sandbox_id}" + rest, sandbox_id=visit.ids["sandbox_id"], **ids)


async def list_sandboxes(visit: Visit) -> Response:
    query = {"state": visit.query("state", STATES), "cursor": visit.cursor()}
    sandboxes = await visit.load(SANDBOXES, Sandboxes, limit=25, **query)
    moves = not sandboxes.failure and any(one.is_in_work for one in sandboxes.value.sandboxes)
    context = {"query": query, "states": STATES, "seconds": 5 if moves else 30}
    return visit.page("apps/sandboxes.html", sandboxes=sandboxes, **context)


async def begin(visit: Visit) -> Response:
    return visit.page("apps/sandbox_new.html", form=visit.form)


async def make(visit: Visit) -> Response:
    name, seed = visit.form("name"), visit.form("seed") or "1"
    body = {"name": name, "seed": int(seed) if seed.isascii() and seed.isdecimal() and len(seed) < 11 else -1}

    async def make_it() -> Shown:
        made = (await visit.send("POST", SANDBOXES, body)).read(Made)
        values = [
            Value("tenant_id", made.tenant_id),
            Value("client_id", made.client_id),
            Value("client_secret", made.client_secret, is_secret=True),
        ]
        return Shown("sandbox", values, f"/sandboxes/{made.id}")

    try:
        return await once.only_once(visit, make_it)
    except Refused as refused:
        if refused.status not in (409, 422):
            raise
        return visit.page("apps/sandbox_new.html", status=422, form=visit.form, faults=visit.faults(refused))


async def read_sandbox(visit: Visit) -> Response:
    found = await visit.get(_path(visit), Sandbox)
    return _one(visit, found, None, [])


def _one(visit: Visit, found: Sandbox, scenario: Scenario | None, faults: list[Fault]) -> Response:
    context = {"sandbox": found, "scenario": scenario, "scenarios": SCENARIOS, "faults": faults}
    return visit.page("apps/sandbox.html", title=found.name, status=409 if faults else 200, **context)


async def run_scenario(visit: Visit) -> Response:
    scenario, ran, faults = visit.form("scenario"), None, list[Fault]()
    try:
        answer = await visit.send("POST", _path(visit, "/scenarios/{scenario}", scenario=scenario))
        ran = answer.read(Scenario)
    except Refused as refused:
        if refused.status != 409:
            raise
        faults = visit.faults(refused)
    return _one(visit, await visit.get(_path(visit), Sandbox), ran, faults)


async def ask_clock(visit: Visit) -> Response:
    return await _clock(visit, [])


async def _clock(visit: Visit, faults: list[Fault]) -> Response:
    found = await visit.get(_path(visit), Sandbox)
    context = {"sandbox": found, "advances": tuple(ADVANCES), "faults": faults}
    return visit.page("apps/sandbox_clock.html", status=422 if faults else 200, **context)


async def advance(visit: Visit) -> Response:
    seconds = ADVANCES.get(visit.form("advance"))
    if seconds is None:
        return await _clock(visit, [Fault("advance", visit.t("choose_advance"))])
    try:
        await visit.send("POST", _path(visit, "/clock"), {"seconds": seconds})
    except Refused as refused:
        if refused.status != 409:
            raise
        return await _clock(visit, visit.faults(refused))
    return visit.redirect(f"/sandboxes/{visit.ids['sandbox_id']}", done="advanced")


async def ask_reset(visit: Visit) -> Response:
    return visit.page("apps/sandbox_end.html", sandbox=await visit.get(_path(visit), Sandbox), act="reset")


async def ask_delete(visit: Visit) -> Response:
    return visit.page("apps/sandbox_end.html", sandbox=await visit.get(_path(visit), Sandbox), act="delete")


async def reset(visit: Visit) -> Response:
    await visit.send("POST", _path(visit, "/reset"))
    return visit.redirect(f"/sandboxes/{visit.ids['sandbox_id']}", done="reset")


async def delete(visit: Visit) -> Response:
    await visit.send("DELETE", _path(visit))
    return visit.redirect("/sandboxes", done="sandbox_deleted")
