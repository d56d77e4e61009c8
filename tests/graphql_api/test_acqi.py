"""Quality indicators end to end: facts in, figures out, each worked out a second way."""

import random
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import psycopg
import pytest
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from deploy.local.databases import Database
from services.epcr.encounters.facts import facts_of
from services.graphql_api.__main__ import cli
from services.graphql_api.acqi import counting, months
from services.graphql_api.acqi.definitions import NO_EXCLUSION, UNKNOWN_DRUG
from services.graphql_api.acqi.indicators import BY_NAME, INDICATORS, PARTS, judgements, outcomes_of
from services.graphql_api.settings import Settings
from services.graphql_api.tasks import expire
from services.graphql_api.transport.documents import Catalogue
from shared.messaging.messages import EncounterFacts
from shared.process.settings import required
from shared.storage.database import Connection, open_tasks_pool, set_tenant
from tests.graphql_api import population, second_way
from tests.graphql_api.asking import Asking
from tests.support.messages import received
from tests.support.waiting import wait_for

NAMES = [indicator.name for indicator in INDICATORS]
COMPARED = ("numerator", "denominator", "value", "p90", "excluded", "unknown")
NOTHING = {"numerator": 0, "denominator": 0, "value": None, "p90": None, "excluded": 0, "unknown": 0}
WHOLE = ("2026-01-01", "2026-07-01")
ROOT = Path(__file__).parents[2]
# Their version 2 is of an earlier change.
UNKNOWN_DRUGS = {
    *("stemi_care_bundle", "hypoglycaemia_treated", "hypoxia_oxygen", "seizure_benzo", "asthma_beta_agonist"),
    "nontransport_vitals",
}


@pytest.fixture(autouse=True)
def _granted(ask: Asking) -> None:
    ask.grant("acqi-reporting")


def report(ask: Asking, first: str, after: str, **more: Any) -> dict[str, dict[str, Any]]:
    variables = {"from": f"{first}T00:00:00Z", "to": f"{after}T00:00:00Z"} | more
    return {metric["name"]: metric for metric in ask.data("AcqiReport", variables)}


def figures(ask: Asking, first: str, after: str) -> dict[str, dict[str, Any]]:
    return {name: {key: one[key] for key in COMPARED} for name, one in report(ask, first, after).items()}


def expected(encounters: list[dict[str, Any]], first: str, after: str) -> dict[str, dict[str, Any]]:
    counted = second_way.tally(encounters, first, after)
    return {name: {key: counted.get(name, NOTHING)[key] for key in COMPARED} for name in NAMES}


def eventually(ask: Asking, wanted: dict[str, dict[str, Any]], first: str, after: str) -> None:
    """An answer may be a tenth of a second old."""
    try:
        wait_for(lambda: figures(ask, first, after) == wanted)
    except AssertionError:
        assert figures(ask, first, after) == wanted


def send(ask: Asking, encounters: list[dict[str, Any]], chance: random.Random) -> None:
    """In batches of any size and order."""
    waiting = encounters[:]
    chance.shuffle(waiting)
    while waiting:
        size = chance.randint(1, 60)
        ask.count(*[population.facts(one) for one in waiting[:size]])
        waiting = waiting[size:]


def export(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings as an operator's command finds them."""
    for field, value in msgspec.structs.asdict(settings).items():
        if value is not None:
            monkeypatch.setenv(field.upper(), str(value))


@pytest.fixture(scope="module")
def counted(http: httpx2.Client, settings: Settings, catalogue: Catalogue) -> Asking:
    """Of a tenant whose 1,000 encounters are counted."""
    ask = Asking(http, settings, catalogue)
    ask.grant("acqi-reporting")
    send(ask, population.encounters(), random.Random(1))
    return ask


@pytest.mark.parametrize(
    ("first", "after"),
    [WHOLE, ("2026-03-01", "2026-04-01"), ("2026-02-25", "2026-04-17"), ("2026-03-10", "2026-03-11")],
)
def test_every_indicator_gives_what_plain_loops_over_1000_encounters_give(
    counted: Asking, first: str, after: str
) -> None:
    eventually(counted, expected(population.encounters(), first, after), first, after)


def test_the_population_exercises_every_clause_of_every_indicator() -> None:
    sums = second_way.tally(population.encounters(), *WHOLE)
    assert sorted(sums) == sorted(NAMES)
    assert {one.name for one in INDICATORS if one.is_time} == second_way.MINUTES
    for indicator in INDICATORS:
        one = sums[indicator.name]
        assert one["denominator"] >= 10, indicator.name
        if not indicator.is_time:
            assert 0 < one["numerator"] < one["denominator"], indicator.name
        if indicator.exclusion not in (NO_EXCLUSION, UNKNOWN_DRUG):
            assert one["excluded"] > 0, indicator.name


def test_an_indicators_cases_are_within_those_of_the_one_that_it_names() -> None:
    for encounter in population.encounters():
        counted = outcomes_of(judgements(population.facts(encounter)))
        for name in counted:
            holder = BY_NAME[name].within or BY_NAME[name].part_of
            assert holder is None or holder in counted, name
        for parts in PARTS.values():
            assert sum(part.name in counted for part in parts) <= 1


def test_a_day_is_that_of_the_facts() -> None:
    for one in population.encounters(count=100):
        record = population.golden.encounter(one["record"], updated_at=population.LATER)
        assert facts_of(record, []).day.isoformat() == one["day"]


def test_corrections_in_any_order_leave_what_the_last_versions_say(ask: Asking) -> None:
    chance = random.Random(2)
    first = population.encounters(count=200)
    second = [population.corrected(one, number) for number, one in enumerate(first) if number % 2]
    third = [population.corrected(one, number + 1000) for number, one in enumerate(second) if number % 2]
    send(ask, [*first, *second, *third, *second[:20], *first[:20]], chance)
    newest = {one["encounter_id"]: one for one in [*first, *second, *third]}
    eventually(ask, expected(list(newest.values()), *WHOLE), *WHOLE)


def test_an_encounter_corrected_to_another_day_moves_between_days_and_months(ask: Asking) -> None:
    one = population.finished(3, day="2026-03-31")
    ask.count(population.facts(one))
    ask.count(population.facts(one | {"version": 2, "day": "2026-04-01"}))
    eventually(ask, expected([], "2026-03-01", "2026-04-01"), "2026-03-01", "2026-04-01")
    eventually(ask, expected([], "2026-03-31", "2026-04-01"), "2026-03-31", "2026-04-01")
    moved = one | {"day": "2026-04-01"}
    eventually(ask, expected([moved], "2026-04-01", "2026-04-02"), "2026-04-01", "2026-04-02")
    eventually(ask, expected([moved], "2026-04-01", "2026-05-01"), "2026-04-01", "2026-05-01")


def test_more_facts_of_the_same_version_replace_the_fewer_ones(ask: Asking) -> None:
    one = population.finished(3, day="2026-03-31")
    first = msgspec.structs.replace(population.facts(one), extent=1, dispatch_category=None, transported=None)
    later = msgspec.structs.replace(population.facts(one), extent=2)
    for facts in (first, later, first):
        ask.count(facts)
    eventually(ask, expected([one], "2026-03-31", "2026-04-01"), "2026-03-31", "2026-04-01")
    ask.count(msgspec.structs.replace(first, version=2, status="cancelled"))
    eventually(ask, expected([], "2026-03-31", "2026-04-01"), "2026-03-31", "2026-04-01")


def crew(number: int, minutes: float | None, version: int = 1, **more: Any) -> EncounterFacts:
    """One crew's encounter at the incident of all of them; it arrived `minutes` after the call."""
    call = datetime(2026, 3, 31, 23, 55, tzinfo=UTC)
    times = {"call": call} if minutes is None else {"call": call, "on_scene": call + timedelta(minutes=minutes)}
    # The first two are counted in March, the others in April.
    day = "2026-03-31" if number < 3 else "2026-04-01"
    made = population.facts(population.finished(number, day=day, incident="cad_of_all"))
    return msgspec.structs.replace(
        made, encounter_id=f"enc_{number:026d}", version=version, extent=1, times=times, **more
    )


def of_incident(ask: Asking) -> dict[str, tuple[int, Any]]:
    """Denominator and value of the response of incidents, in March and in April."""
    spans = {"march": ("2026-03-01", "2026-04-01"), "april": ("2026-04-01", "2026-05-01")}
    found = {name: figures(ask, *span)["incident_response_time"] for name, span in spans.items()}
    return {name: (one["denominator"] + one["unknown"], one["value"]) for name, one in found.items()}


def test_an_incident_counts_once_with_the_first_crew_on_scene(ask: Asking) -> None:
    """In any order in which crews finish, correct and cancel their records."""
    steps: list[tuple[list[EncounterFacts], dict[str, tuple[int, Any]]]] = [
        ([crew(1, 9)], {"march": (1, 9.0), "april": (0, None)}),
        ([crew(2, None), crew(3, 12)], {"march": (1, 9.0), "april": (0, None)}),
        ([crew(4, 7)], {"march": (0, None), "april": (1, 7.0)}),
        # The second patient of the same crew.
        ([crew(5, 7)], {"march": (0, None), "april": (1, 7.0)}),
        ([crew(4, 15, 2), crew(5, 15, 2)], {"march": (1, 9.0), "april": (0, None)}),
        # A late message of a former version changes nothing.
        ([crew(4, 7), crew(1, 6, 2)], {"march": (1, 6.0), "april": (0, None)}),
        ([crew(1, 6, 3, status="cancelled")], {"march": (0, None), "april": (1, 12.0)}),
        ([crew(3, 12, 2, response="event_medical")], {"march": (0, None), "april": (1, 15.0)}),
        ([crew(number, None, 9) for number in (2, 4, 5)], {"march": (1, None), "april": (0, None)}),
    ]
    for number, (batch, wanted) in enumerate(steps):
        ask.count(*batch)
        wait_for(lambda wanted=wanted: of_incident(ask) == wanted, what=f"step {number}")
    for month in (date(2026, 3, 1), date(2026, 4, 1)):
        with ask.worker() as conn:
            months.rebuild_month(conn, ask.tenant, month)
    # No answer of a list is kept, so that this is from after the rebuild.
    answer = ask.raw(
        "GET",
        "/api/v1/acqi/indicators/incident_response_time/encounters",
        params={"from_date": "2026-03-01", "to_date": "2026-05-01", "population": "unknown"},
        headers={"x-knogin-identity": ask.identity(scopes=["argus:acqi:read", "argus:epcr:read"])},
    )
    assert [one["encounter_id"] for one in answer.json()["encounters"]] == [f"enc_{2:026d}"]
    assert of_incident(ask) == steps[-1][1]


def test_a_number_that_a_dispatch_system_uses_again_is_another_incident(ask: Asking) -> None:
    """Crews of one number are at one incident where their days are at most two apart, in any order, and after a rebuild too."""
    faults: list[str] = []
    first = msgspec.structs.replace(crew(1, 9), day=date(2026, 3, 30))
    later = {
        number: msgspec.structs.replace(crew(number, 5), day=day)
        for number, day in ((2, date(2026, 4, 1)), (3, date(2026, 7, 7)), (4, date(2025, 9, 30)), (5, date(2026, 7, 8)))
    }
    unknown = msgspec.structs.replace(crew(6, None), day=date(2026, 3, 29))
    # The crew of 1 April arrived before that of 30 March, by their clocks; those of 7 and 8 July at the same time.
    spans = {"march": ("2026-03-01", "2026-04-01"), "april": ("2026-04-01", "2026-05-01")}
    spans |= {"july": ("2026-07-01", "2026-08-01"), "before": ("2025-09-01", "2025-10-01")}
    wanted = {"march": 0, "april": 1, "july": 1, "before": 1}

    def found() -> dict[str, int]:
        read = {name: figures(ask, *span)["incident_response_time"] for name, span in spans.items()}
        return {name: one["denominator"] + one["unknown"] for name, one in read.items()}

    for batch in ([later[3], first], [later[2], unknown], [later[5], later[4]]):
        ask.count(*batch)
    wait_for(lambda: found() == wanted, what=f"{wanted}, and not {found()}")
    for month in (date(2025, 9, 1), date(2026, 3, 1), date(2026, 4, 1), date(2026, 7, 1)):
        with ask.worker() as conn:
            months.rebuild_month(conn, ask.tenant, month)
    faults += [f"after a rebuild: {found()}"] if found() != wanted else []
    assert faults == []


def test_two_workers_count_an_incident_once(ask: Asking) -> None:
    batches = [[crew(number, 20 - number), crew(number, 18 - number, 2)] for number in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda batch: ask.count(*batch), batches))
    wait_for(lambda: of_incident(ask) == {"march": (0, None), "april": (1, 10.0)}, what="the earliest of eight")


@pytest.mark.full
def test_rebuilding_puts_right_whatever_was_wrong(
    ask: Asking, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    encounters = population.encounters(count=200)
    send(ask, encounters, random.Random(3))
    with psycopg.connect(database.admin) as conn:
        conn.execute("UPDATE acqi_aggregates SET met = met + 3, bins = '{5}' WHERE tenant_id = %s", (ask.tenant,))
        conn.execute("DELETE FROM acqi_aggregates WHERE tenant_id = %s AND indicator = 'trauma_vitals'", (ask.tenant,))
        conn.execute('UPDATE acqi_facts SET outcomes = \'{"no_such": "met"}\' WHERE tenant_id = %s', (ask.tenant,))
    export(settings, monkeypatch)
    result = CliRunner().invoke(cli, ["rebuild-acqi", "--tenant", ask.tenant])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[-1] == "200 encounters in all"
    assert [line.split()[1] for line in lines[:-1]] == ["2026-02:", "2026-03:", "2026-04:"]
    eventually(ask, expected(encounters, *WHOLE), *WHOLE)
    # The stored outcomes of encounters are right again too: a correction subtracts exactly those.
    corrected = [population.corrected(one, number) for number, one in enumerate(encounters)]
    send(ask, corrected, random.Random(4))
    eventually(ask, expected(corrected, *WHOLE), *WHOLE)


@pytest.mark.full
def test_a_sparkline_has_twelve_months_with_the_gaps_visible(ask: Asking) -> None:
    encounters = population.encounters()
    send(ask, encounters, random.Random(5))
    metrics = report(ask, "2026-04-03", "2026-04-05")
    months = [f"2025-{month:02d}" for month in range(5, 13)] + [f"2026-{month:02d}" for month in range(1, 5)]
    for name, one in metrics.items():
        assert [point["periodStart"] for point in one["sparkline"]] == [f"{month}-01T00:00:00Z" for month in months]
        for month, point in zip(months, one["sparkline"], strict=True):
            wanted = expected(encounters, f"{month}-01", f"{month}-32")[name]
            assert {key: point[key] for key in ("numerator", "denominator", "value")} == {
                key: wanted[key] for key in ("numerator", "denominator", "value")
            }


def test_another_tenants_encounters_count_for_nobody_else(ask: Asking) -> None:
    ask.count(*[population.facts(one) for one in population.encounters(count=50)])
    other = ask.document(
        "query($from: DateTime!, $to: DateTime!) { acqiMetrics(fromDate: $from, toDate: $to) { denominator } }",
        {"from": "2026-01-01T00:00:00Z", "to": "2026-07-01T00:00:00Z"},
        tenant=ask.other_tenant,
    )
    assert {metric["denominator"] for metric in other["data"]["acqiMetrics"]} == {0}


def test_small_cells_are_withheld_where_the_tenant_says_so(
    ask: Asking, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    encounters = population.encounters(count=400)
    send(ask, encounters, random.Random(6))
    march = ("2026-03-01", "2026-04-01")
    assert not any(one["suppressed"] for one in report(ask, *march).values())
    export(settings, monkeypatch)
    assert CliRunner().invoke(cli, ["suppress-small-cells", ask.tenant, "--on"]).exit_code == 0
    wait_for(lambda: any(one["suppressed"] for one in report(ask, *march).values()))
    hidden = 0
    for name, one in report(ask, *march).items():
        truth = expected(encounters, *march)[name]
        small = 0 < truth["numerator"] < 5 or 0 < truth["denominator"] - truth["numerator"] < 5
        shares = BY_NAME[name].within or BY_NAME[name].part_of
        assert one["suppressed"] is small or (one["suppressed"] and shares)
        if one["suppressed"]:
            hidden += 1
            assert {one[key] for key in ("numerator", "denominator", "value", "ci95Low", "ci95High", "p90")} == {None}
        else:
            assert one["numerator"] == truth["numerator"]
        for key in ("excluded", "unknown"):
            assert one[key] == (None if 0 < truth[key] < 5 else truth[key]) or (one[key] is None and shares)
        counts = [point["numerator"] for point in one["sparkline"]]
        assert not {1, 2, 3, 4} & {count for count in counts if count is not None}
    assert hidden
    assert CliRunner().invoke(cli, ["suppress-small-cells", ask.tenant, "--off"]).exit_code == 0
    wait_for(lambda: not any(one["suppressed"] for one in report(ask, *march).values()))


@pytest.mark.full
def test_subtracting_ranges_from_each_other_tells_no_small_count(
    ask: Asking, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """March alone, February to March and so on: wherever two answers differ by whole months, no difference is from 1 to 4."""
    encounters = population.encounters(count=120)
    send(ask, encounters, random.Random(9))
    export(settings, monkeypatch)
    assert CliRunner().invoke(cli, ["suppress-small-cells", ask.tenant, "--on"]).exit_code == 0
    wait_for(lambda: any(one["suppressed"] for one in report(ask, "2026-03-01", "2026-04-01").values()))
    firsts = [f"2026-{month:02d}-01" for month in range(1, 8)]
    answers = {
        (first, after): report(ask, first, after)
        for number, first in enumerate(firsts)
        for after in firsts[number + 1 :]
    }
    differences = 0
    for name in NAMES:
        for key in ("numerator", "excluded", "unknown"):
            shown = {span: one[name][key] for span, one in answers.items() if one[name][key] is not None}
            for (first, after), larger in shown.items():
                for (start, end), smaller in shown.items():
                    if first == start or after == end:
                        differences += 1
                        assert not 0 < larger - smaller < 5, (name, key, first, after, start, end)
    assert differences > 1_000
    day = ask.operation("AcqiReport", {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"})
    (error,) = day["errors"]
    assert (error["extensions"]["code"], "whole calendar months" in error["message"]) == ("BAD_USER_INPUT", True)


def test_chosen_indicators_come_alone_in_the_usual_order(ask: Asking) -> None:
    chosen = report(ask, "2026-03-01", "2026-03-15", names=["syncope_ecg", "rosc_survival", "syncope_ecg"])
    assert list(chosen) == ["rosc_survival", "syncope_ecg"]


@pytest.mark.full
def test_many_workers_and_a_rebuild_at_once_count_everything_once(ask: Asking, settings: Settings) -> None:
    first = population.encounters(count=160)
    second = [population.corrected(one, number) for number, one in enumerate(first)]
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            send(ask, [*first[number::2], *second[number % 2 :: 2]], random.Random(number))
        except Exception as error:
            failures.append(error)

    def rebuild_all() -> None:
        pool = open_tasks_pool(required(settings.worker_database_url, "WORKER_DATABASE_URL"), max_size=4)
        try:
            for _ in range(3):
                months.rebuild(pool, ask.tenant, lambda *_: None)
        except Exception as error:
            failures.append(error)
        finally:
            pool.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    threads.append(threading.Thread(target=rebuild_all))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    eventually(ask, expected(second, *WHOLE), *WHOLE)


@pytest.mark.full
def test_retention_takes_whole_months_and_what_stays_can_still_be_corrected(ask: Asking) -> None:
    keeping = (datetime.now(UTC).date() - date(2026, 3, 15)).days
    encounters = population.encounters(count=300)
    send(ask, encounters, random.Random(7))
    eventually(ask, expected(encounters, *WHOLE), *WHOLE)
    with ask.worker() as conn:
        expire(conn, keeping, keeping)
    kept = [one for one in encounters if one["day"] >= "2026-03-01"]
    assert len(kept) < len(encounters)
    # An incident whose first crew is forgotten counts for no other one.
    eventually(ask, expected(encounters, "2026-03-01", WHOLE[1]), *WHOLE)
    eventually(ask, expected(encounters, "2026-03-01", "2026-03-11"), "2026-02-10", "2026-03-11")
    ask.count(*[population.facts(one | {"version": 9, "status": "cancelled"}) for one in kept])
    eventually(ask, expected([], *WHOLE), *WHOLE)


def test_an_encounter_moved_out_of_a_month_while_it_is_rebuilt_is_counted_once(ask: Asking, settings: Settings) -> None:
    one = population.finished(3, day="2026-03-31")
    moved = one | {"version": 2, "day": "2026-04-01"}
    ask.count(population.facts(one))
    pool = open_tasks_pool(required(settings.worker_database_url, "WORKER_DATABASE_URL"), max_size=4)
    rebuilding = threading.Thread(target=months.rebuild, args=(pool, ask.tenant, lambda *_: None))
    with ask.worker() as conn:
        counting.store(conn, [received(ask.tenant, population.facts(moved))])
        rebuilding.start()
        wait_for(lambda: _is_held_up(conn), what="the rebuild to wait for the correction")
    rebuilding.join()
    pool.close()
    for first, after in (("2026-03-01", "2026-04-01"), ("2026-03-31", "2026-04-01"), ("2026-04-01", "2026-05-01")):
        eventually(ask, expected([moved], first, after), first, after)


def test_retention_passes_over_an_encounter_that_a_batch_moves_out_of_an_expiring_month(
    ask: Asking, settings: Settings
) -> None:
    """The batch locks encounters in the order of ids, retention month by month: they would wait for each other."""
    first, last = population.finished(3, day="2026-02-10"), population.finished(4, day="2026-01-10")
    assert first["encounter_id"] < last["encounter_id"]
    ask.count(population.facts(last))
    ask.count(population.facts(first))
    moved = [one | {"version": 2, "day": "2026-04-02"} for one in (first, last)]
    keeping = (datetime.now(UTC).date() - date(2026, 3, 15)).days
    failures: list[Exception] = []

    def work(job: Callable[[Connection], object]) -> None:
        try:
            with ask.worker() as conn:
                job(conn)
        except Exception as error:
            failures.append(error)

    batch = [received(ask.tenant, population.facts(one)) for one in moved]
    correcting = threading.Thread(target=work, args=(lambda conn: counting.store(conn, batch),))
    with ask.worker() as conn:
        set_tenant(conn, ask.tenant)
        conn.execute("SELECT FROM acqi_facts WHERE encounter_id = %s FOR UPDATE", (first["encounter_id"],))
        correcting.start()
        wait_for(lambda: _waiting(conn) == 1, what="the batch to wait for its first encounter")
        work(partial(expire, days=keeping, reports_days=keeping))
    correcting.join()
    assert failures == []
    eventually(ask, expected(moved, *WHOLE), *WHOLE)


def _waiting(conn: Connection) -> int:
    """How many connections wait for a lock."""
    conn.execute("SELECT pg_stat_clear_snapshot()")
    row = conn.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    assert row is not None
    return row[0]


def _is_held_up(conn: Connection) -> bool:
    """Whether another connection waits for this one."""
    row = conn.execute(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    ).fetchone()
    return row is not None and row[0] > 0


# More than a portion, all older than those of the other tenant.
MANY_OLD = """
    INSERT INTO acqi_facts (tenant_id, encounter_id, version, day, facts, outcomes)
    SELECT %(tenant_id)s, 'enc_' || number, 1, %(day)s, '{}', '{}' FROM generate_series(1, 6000) number
"""


def test_a_tenant_whose_months_cannot_be_deleted_holds_up_no_other(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping = (datetime.now(UTC).date() - date(2026, 3, 15)).days
    encounters, first = population.encounters(count=60), min(ask.tenant, "org_zzz")
    for tenant in (ask.tenant, "org_zzz"):
        with ask.worker() as conn:
            counting.store(conn, [received(tenant, population.facts(one)) for one in encounters])
            conn.execute(
                MANY_OLD, {"tenant_id": tenant, "day": date(2025, 12, 1) if tenant == first else date(2026, 1, 1)}
            )
    real = months._delete_portion

    def forget(conn: Connection, tenant_id: str, month: date) -> bool:
        """A statement of the first tenant is cancelled, after it has deleted a portion."""
        progress = real(conn, tenant_id, month)
        if tenant_id == first:
            raise psycopg.errors.QueryCanceled
        return progress

    monkeypatch.setattr(months, "_delete_portion", forget)
    with ask.worker() as conn:
        expire(conn, keeping, keeping)
    assert expired_tenants(ask) == [first]
    monkeypatch.setattr(months, "_delete_portion", real)
    with ask.worker() as conn:
        expire(conn, keeping, keeping)
    assert expired_tenants(ask) == []


SLOW_DISK = """
    CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN old; END $$;
    CREATE TRIGGER slowly BEFORE DELETE ON acqi_facts FOR EACH ROW EXECUTE FUNCTION slowly()
"""


def test_portions_that_are_cut_off_at_the_time_out_become_smaller(
    ask: Asking, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping, passes = (datetime.now(UTC).date() - date(2026, 3, 15)).days, 0
    monkeypatch.setattr(months, "PORTION", 8)
    with psycopg.connect(database.admin) as admin:
        admin.execute(MANY_OLD.replace("6000", "6"), {"tenant_id": ask.tenant, "day": date(2025, 12, 1)})
        admin.execute(SLOW_DISK)
    try:
        while expired_tenants(ask) and passes < 10:
            passes += 1
            with psycopg.connect(database.worker, options="-c statement_timeout=350ms") as conn:
                months.expire(conn, keeping)
    finally:
        with psycopg.connect(database.admin) as admin:
            admin.execute("DROP FUNCTION slowly CASCADE")
    assert expired_tenants(ask) == []


def test_a_pass_of_retention_ends_in_time_and_shows_how_far_behind_it_is(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = (datetime.now(UTC).date() - date(2026, 3, 15)).days
    with ask.worker() as conn:
        counting.store(conn, [received(ask.tenant, population.facts(one)) for one in population.encounters(count=60)])
    monkeypatch.setattr(months, "PORTION", 7)

    def after_a_pass() -> tuple[int, float | None]:
        with ask.worker() as conn:
            months.expire(conn, days, seconds=0)
            [(left,)] = conn.execute("SELECT count(*) FROM acqi_facts WHERE day < '2026-03-01'").fetchall()
        return left, REGISTRY.get_sample_value("retention_overdue_seconds", {"table": "acqi_facts"})

    left, overdue = after_a_pass()
    assert left > 0
    assert (overdue or 0) > 86_400
    for _ in range(60):
        if left:
            fewer, overdue = after_a_pass()
            assert fewer < left
            left = fewer
    assert (left, overdue) == (0, 0)


def expired_tenants(ask: Asking) -> list[str]:
    with ask.worker() as conn:
        rows = conn.execute("SELECT DISTINCT tenant_id FROM acqi_facts WHERE day < '2026-03-01'").fetchall()
    return [tenant for (tenant,) in rows]


def test_the_table_of_corrected_definitions_shows_what_they_give_now() -> None:
    rows = re.findall(r"^\| `(\w+)` \|(.+)\|$", (ROOT / "docs" / "indicator-changes.md").read_text(), re.MULTILINE)
    assert {name for name, _ in rows} == {one.name for one in INDICATORS if one.version != "1"} - UNKNOWN_DRUGS
    tallies = second_way.tally([one for one in population.encounters() if not one["test"]], *WHOLE)
    for name, cells in rows:
        one = tallies[name]
        share = f"{one['numerator']} of {one['denominator']} ({100 * one['value']:.1f} %)"
        assert [cell.strip() for cell in cells.split("|")[3:6]] == [share, str(one["excluded"]), str(one["unknown"])]
