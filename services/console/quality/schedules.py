"""The pages of schedules of reports: the list with the next runs, making one, pausing, resuming and deleting it."""

from starlette.responses import Response

from services.console.pages.visit import Fault, Visit
from services.console.quality.models import Schedule, Schedules
from services.console.quality.reports import MAKE, PAGE
from services.console.upstream.errors import Refused
from shared.primitives.time_zones import zone_of

SCOPE = MAKE
SCHEDULES = "/api/v1/acqi/report-schedules"
SCHEDULE = SCHEDULES + "/{id}"
EVERY = ("month", "quarter", "week")
PERIODS = ("month", "quarter", "year")
MOST_DAYS = {"week": 7, "month": 28}
DEFAULTS = {"every": "month", "day": "5", "time_zone": "Europe/Rome", "period": "month"}
LIST = "/quality/schedules"


async def list_schedules(visit: Visit) -> Response:
    cursor = visit.cursor()
    found = await visit.load(SCHEDULES, Schedules, limit=PAGE, cursor=cursor or None)
    return visit.page("quality/schedules.html", found=found, query={"cursor": cursor}, changes=visit.may(SCOPE))


async def ask_schedule(visit: Visit, *, faults: list[Fault] | None = None) -> Response:
    return visit.page(
        "quality/new_schedule.html",
        status=422 if faults else 200,
        faults=faults or [],
        given={name: visit.form(name) or value for name, value in DEFAULTS.items()},
        every=[(one, visit.t(f"every.{one}")) for one in EVERY],
        periods=[(one, visit.t(f"of.{one}")) for one in PERIODS],
    )


async def make_schedule(visit: Visit) -> Response:
    day = visit.form("day")
    most = MOST_DAYS["week" if visit.form("every") == "week" else "month"]
    faults: list[Fault] = []
    if not (day.isascii() and day.isdigit() and len(day) <= 2 and 1 <= int(day) <= most):
        faults.append(Fault("day", visit.t("fault.day")))
    try:
        zone_of(visit.form("time_zone"))
    except ValueError:
        faults.append(Fault("time_zone", visit.t("fault.time_zone")))
    if faults:
        return await ask_schedule(visit, faults=faults)
    body = {name: visit.form(name) for name in ("every", "time_zone", "period")} | {"day": int(day)}
    try:
        await visit.send("POST", SCHEDULES, body)
    except Refused as refused:
        if refused.status not in (409, 422):
            raise
        # The platform's faults in the words of the form.
        own = {"day": "fault.day", "time_zone": "fault.time_zone"}
        faults = [
            Fault(one.field, visit.t(own[one.field])) if one.field in own else one for one in visit.faults(refused)
        ]
        return await ask_schedule(visit, faults=faults)
    return visit.redirect(LIST, done="schedule_made")


async def pause(visit: Visit) -> Response:
    return await _turn(visit, paused=True)


async def resume(visit: Visit) -> Response:
    return await _turn(visit, paused=False)


async def ask_delete(visit: Visit) -> Response:
    schedule = await visit.get(visit.path_of(SCHEDULE, id=visit.ids["schedule_id"]), Schedule)
    return visit.page("quality/delete_schedule.html", schedule=schedule)


async def delete_schedule(visit: Visit) -> Response:
    await visit.send("DELETE", visit.path_of(SCHEDULE, id=visit.ids["schedule_id"]))
    return visit.redirect(LIST, done="schedule_deleted")


async def _turn(visit: Visit, *, paused: bool) -> Response:
    await visit.send("PATCH", visit.path_of(SCHEDULE, id=visit.ids["schedule_id"]), {"paused": paused})
    return visit.redirect(LIST, done="schedule_paused" if paused else "schedule_resumed")
