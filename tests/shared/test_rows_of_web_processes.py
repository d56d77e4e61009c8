"""Rows that a web process can write and a worker reads for all organisations are bounded and fair: the threat model names each table."""

import re
from typing import LiteralString

import psycopg

from deploy.local.table import ROOT, SERVICES
from tests.support.cluster import TestDatabases

SECTION = "## Rows that a web process writes and a worker reads for all organisations"
NAMED = re.compile(r"`((?:[a-z-]+|\*)\.[a-z_]+)`")
# A policy for workers alone shows them rows of all tenants.
TABLES: LiteralString = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND has_any_column_privilege(%(web)s, c.oid, 'INSERT')
        AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND %(worker)s::regrole = ANY (p.polroles)
            AND NOT %(web)s::regrole = ANY (p.polroles))
    ORDER BY 1
"""


def rows() -> list[list[str]]:
    """The cells of each row of the threat model's table."""
    model = (ROOT / "docs" / "threat-model.md").read_text()
    lines = model.partition(SECTION)[2].partition("\n## ")[0].splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]


def test_every_table_that_a_web_process_writes_and_a_worker_reads_for_all_has_its_bound_and_its_fairness_named(
    databases: TestDatabases,
) -> None:
    there = set[str]()
    for service in SERVICES:
        with databases.lent(service.name) as database, psycopg.connect(database.admin) as conn:
            roles = {"web": f"{service.database}_app", "worker": f"{service.database}_worker"}
            there |= {f"{service.name}.{name}" for (name,) in conn.execute(TABLES, roles)}
    assert {"webhook-dispatcher.replays", "graphql-api.report_schedules", "epcr.audit"} <= there
    named = list[str]()
    for cells in rows():
        for name in NAMED.findall(cells[0]):
            service, _, table = name.partition(".")
            named += [f"{one.name}.{table}" for one in SERVICES if service in ("*", one.name)]
    assert sorted(named) == sorted(there)


def test_every_row_names_a_reader_a_bound_a_reason_and_a_test() -> None:
    assert len(rows()) > 10
    for cells in rows():
        assert len(cells) == 5
        assert all(cells)
        assert "`test_" in cells[4]
