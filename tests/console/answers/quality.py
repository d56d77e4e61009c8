"""Answers about quality indicators: a share, a time, one that is withheld, and one without cases."""

from typing import Any

MONTHS = [f"2025-{number:02d}-01T00:00:00Z" for number in range(4, 13)] + [
    f"2026-{number:02d}-01T00:00:00Z" for number in range(1, 4)
]


def metric(name: str, *, unit: str = "1", **members: Any) -> dict[str, Any]:
    return {
        "name": name,
        "description": "As the API describes it.",
        "definitionVersion": "2",
        "value": 0.3125,
        "unit": unit,
        "numerator": 15,
        "denominator": 48,
        "excluded": 2,
        "unknown": 1,
        "ci95Low": 0.1992,
        "ci95High": 0.4534,
        "p90": None,
        "suppressed": False,
        "sparkline": [
            {"periodStart": start, "numerator": 3 + place % 4, "denominator": 16, "value": (3 + place % 4) / 16}
            for place, start in enumerate(MONTHS)
        ],
    } | members


WITHHELD: dict[str, Any] = {"value": None, "numerator": None, "denominator": None, "ci95Low": None, "ci95High": None}
METRICS = [
    metric("rosc_at_hospital"),
    metric(
        "response_time",
        unit="min",
        value=8.4,
        numerator=1204,
        denominator=1204,
        ci95Low=None,
        ci95High=None,
        p90=15.2,
        sparkline=[
            {"periodStart": start, "numerator": 100, "denominator": 100, "value": 8.0 + place / 10}
            for place, start in enumerate(MONTHS)
        ],
    ),
    metric(
        "survival_utstein",
        suppressed=True,
        **WITHHELD,
        sparkline=[{"periodStart": start, "numerator": None, "denominator": None, "value": None} for start in MONTHS],
    ),
    metric(
        "tbi_monitored",
        value=None,
        numerator=0,
        denominator=0,
        ci95Low=None,
        ci95High=None,
        sparkline=[{"periodStart": start, "numerator": 0, "denominator": 0, "value": None} for start in MONTHS],
    ),
    metric("of_tomorrow"),
]


def definition(name: str, group: str, unit: str = "1") -> dict[str, str]:
    return {
        "name": name,
        "group": group,
        "version": "2",
        "description": f"Spontaneous circulation, described as {name}.",
        "inclusion": "Out-of-hospital cardiac arrests",
        "exclusion": "none",
        "differs": "in nothing that is intended",
        "unit": unit,
        "improves": "increase" if unit == "1" else "decrease",
        "source": "IHE QORE CPR-7",
    }


DEFINITIONS = [
    definition("rosc_at_hospital", "arrests"),
    definition("survival_utstein", "arrests"),
    definition("response_time", "system", "min"),
    definition("tbi_monitored", "injuries"),
]
ID = "enc_01m88d0qxrfeab348dr2e8tvk{}"
BEHIND: list[dict[str, Any]] = [
    {"encounter_id": ID.format("a"), "day": "2026-03-09", "outcome": "met", "minutes": None, "reason": None},
    {"encounter_id": ID.format("b"), "day": "2026-03-07", "outcome": "not_met", "minutes": None, "reason": None},
    {"encounter_id": ID.format("c"), "day": "2026-03-05", "outcome": "measured", "minutes": 8.4, "reason": None},
    {"encounter_id": ID.format("d"), "day": "2026-03-04", "outcome": "excluded", "minutes": None, "reason": "by_crew"},
    {"encounter_id": ID.format("e"), "day": "2026-03-03", "outcome": "excluded", "minutes": None, "reason": None},
    {"encounter_id": ID.format("f"), "day": "2026-03-02", "outcome": "unknown", "minutes": None, "reason": None},
]
ANSWERS = {
    "GET /api/docs/{language}/catalogues/indicators.json": {"language": "en", "indicators": DEFINITIONS},
    "GET /api/v1/acqi/indicators/{name}/encounters": {"encounters": BEHIND, "next_cursor": "b3RoZXI"},
}
REPORT: dict[str, Any] = {
    "id": "rep_01jdkfx3c8e2r9v5m7q4t6w0ya",
    "state": "ready",
    "period": "quarter",
    "from_date": "2026-07-01",
    "to_date": "2026-10-01",
    "names": ["rosc_at_hospital"],
    "schedule_id": "sch_01jdkfx3c8e2r9v5m7q4t6w0yb",
    "sandbox": False,
    "withheld": True,
    "created_at": "2026-11-25T03:47:00Z",
    "made_at": "2026-11-25T03:47:01Z",
    "expires_at": "2027-12-30T03:47:00Z",
}
WAITING = REPORT | {"id": REPORT["id"][:-1] + "b", "state": "waiting", "withheld": None, "made_at": None}
FAILED = WAITING | {"id": REPORT["id"][:-1] + "c", "state": "failed", "schedule_id": None, "names": None}
SCHEDULE: dict[str, Any] = {
    "id": "sch_01jdkfx3c8e2r9v5m7q4t6w0yb",
    "every": "quarter",
    "day": 5,
    "time_zone": "Europe/Rome",
    "period": "quarter",
    "names": None,
    "paused": False,
    "sandbox": False,
    "created_at": "2026-10-20T08:12:00Z",
    "next_run_at": "2027-01-05T05:00:00Z",
    "last_run_at": "2026-10-05T04:00:01Z",
    "last_report_id": REPORT["id"],
    "last_error": "too_many_reports",
}
SCHEDULED = [
    SCHEDULE,
    SCHEDULE
    | {"id": SCHEDULE["id"][:-1] + "c", "every": "week", "day": 1, "period": "month", "paused": True}
    | {"next_run_at": None, "last_error": None},
    SCHEDULE
    | {"id": SCHEDULE["id"][:-1] + "d", "every": "month", "period": "year", "last_run_at": None}
    | {"last_report_id": None, "last_error": None},
]
ANSWERS |= {
    "GET /api/v1/acqi/reports": {"reports": [WAITING, REPORT, FAILED], "next_cursor": "b3RoZXI"},
    "GET /api/v1/acqi/reports/{report_id}": REPORT,
    "GET /api/v1/acqi/report-schedules": {"schedules": SCHEDULED, "next_cursor": "b3RoZXI"},
    "GET /api/v1/acqi/report-schedules/{schedule_id}": SCHEDULE,
}
