"""No statement of the project may read more than a bounded part of a growing table: each is planned against ten million rows.

New statements are found automatically. One that costs more than BOUND needs an index, a bound or a keyset. If its size does not
grow with history, add it to BOUNDED with the reason. Lists, which end in an ORDER BY and a LIMIT, are also planned with many tenants,
and with filters that match nothing, where such a filter is an optional equality of one column.
"""

import ast
import importlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import inf
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from deploy.local import databases as local
from deploy.local.databases import Database
from deploy.local.table import ROOT, SERVICES
from services.auth import tasks as auth_tasks
from services.control_plane import tasks as control_plane_tasks
from services.control_plane.automations import runs
from services.epcr import tasks as epcr_tasks
from services.graphql_api import tasks as graphql_tasks
from shared.storage import jobs
from shared.storage.database import SET_TENANT
from shared.storage.jobs import Kept
from tests.support.cluster import TestDatabases

pytestmark = pytest.mark.full

STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
PLACEHOLDER = re.compile(r"%(?:%|s|\((\w+)\)s)")
OPTIONAL = re.compile(r"\(%\((\w+)\)s(?:::\w+(?:\[\])?)? IS NULL OR")
SENDER = frozenset({"decisions", "recording", "sender"})  # of the webhook dispatcher: async, as the worker
# A filter that a caller may leave out; the column that it compares.
FILTER = re.compile(r"%\((\w+)\)s(?:::\w+)? IS NULL OR (?:\w+\.)?(\w+) = ")
LISTS = re.compile(r"\bORDER BY\b.*\bLIMIT %\(\w+\)s\s*$", re.DOTALL)
CASTS = ("", "::integer", "::interval", "::timestamptz")
TYPELESS = (psycopg.errors.UndefinedFunction, psycopg.errors.DatatypeMismatch, psycopg.errors.IndeterminateDatatype)
ROWS, PAGES, INDEX_PAGES = 10_000_000, 100_000, 30_000
# Of a table by day: the 30 days kept by default, today, and the 8 days made ahead.
DAYS_BACK, DAYS_AHEAD = 30, 8
PARTITIONS = DAYS_BACK + 1 + DAYS_AHEAD
# Tables that always have few rows.
FEW = frozenset({"audit_checks", "begun", "migrations", "operator_figures", "revocation_state", "senders"})
# Caps and the number of tenants bound these tables, not time: they have a hundredth of the other tables' rows.
CONFIGURED = frozenset(
    [
        *(
            "tenants",
            "tenant_limits",
            "apps",
            "app_secrets",
            "users",
            "service_tokens",
            "integration_requests",
            "subscriptions",
        ),
        *("saml_connections", "saml_certificates", "saml_domains", "saml_identities", "saml_policies", "signing_keys"),
        *("chores", "automation_interest", "automations", "devices", "agents", "agent_tenants", "packages", "versions"),
        *("contents", "releases", "release_history", "listings", "installations", "incident_numbers"),
        *("telephony_providers", "telephony_routes", "acqi_tenants", "graphql_apps", "ending_apps", "ending_grants"),
        *(
            "changing_roles",
            "ending_connections",
            "sandboxes",
            "common_apps",
            "operator_acts",
            "app_decisions",
            "refused_calls",
            "replays",
            "replayed",
            "quality_reports",
            "report_schedules",
            "stopped_tenants",
        ),
        "device_codes",
        *("invitations", "invitation_mails", "last_sign_ins"),
        *("consumers", "event_log_heads", "contacts", "mails", "paces"),
        *(
            "destinations",
            "relistings",
            "disclosures_to_list",
            "stored_bytes",
            "stored_observations",
            "device_contacts",
        ),
        "late_links",  # of the encounters of the last minutes
    ]
)
# Rows of a large table per value of such a column.
RUNS = {
    1: ["id", "at", "created_at", "due_at", "encounter_at", "audit_id"],
    20: [
        "user_id",
        "session_id",
        "grant_id",
        "incident_id",
        "delivery_id",
        "event_id",
        "connection_id",
        "message_id",
        "cad_incident_id",
        "incident",
    ],
    1000: ["batch", "encounter_id"],
    ROWS: ["tenant_id"],
    100_000: ["client_id", "subscription_id", "automation_id"],
    1_000_000: ["device_id"],
}
RELATIONS = """
    SELECT c.relname, c.relkind, c.relispartition OR coalesce(t.relispartition, false), pg_relation_filepath(c.oid),
        regexp_replace(coalesce(t.relname, c.relname), '_\\d{8}$', '')
    FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'i') ORDER BY 1
"""
PARTITIONED = """
    SELECT ensure_partition(p.partrelid::regclass, day::date)
    FROM pg_partitioned_table p, generate_series(
        (now() AT TIME ZONE 'UTC')::date - %s, (now() AT TIME ZONE 'UTC')::date + %s, interval '1 day') day
"""
LARGE = """
    SELECT pg_restore_relation_stats('schemaname', 'public', 'relname', %s::text, 'relpages', %s::integer, 'reltuples', %s::real)
"""
FORGET = """
    SELECT pg_clear_attribute_stats('public', c.relname::text, a.attname::text, c.relkind = 'p')
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = ANY(%s)
"""
ONE_LARGE = """
    SELECT pg_restore_attribute_stats('schemaname', 'public', 'relname', c.relname::text, 'attname', a.attname::text,
        'inherited', c.relkind = 'p', 'null_frac', 0::real, 'avg_width', 26, 'n_distinct', 1::real,
        'most_common_vals', '{org_large}'::text, 'most_common_freqs', '{1}'::real[])
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'tenant_id'
"""
FIRST_COLUMN = "SELECT c.relname, pg_get_indexdef(c.oid, 1, true) FROM pg_class c WHERE c.relkind IN ('i', 'I')"
IN_RUNS = """
    SELECT pg_restore_attribute_stats('schemaname', 'public', 'relname', c.relname::text, 'attname', a.attname::text,
        'inherited', c.relkind = 'p', 'null_frac', 0::real, 'avg_width', 26, 'n_distinct',
        CASE WHEN regexp_replace(c.relname, '_\\d{8}$', '') = ANY(%(configured)s) THEN %(few)s ELSE %(many)s END::real)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = ANY(%(names)s)
"""


@dataclass(frozen=True)
class Statement:
    """A statement of one module; `roles` are the roles that run it, as far as the code shows."""

    name: str
    text: str
    roles: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


def statements(package: str) -> Iterator[Statement]:
    """Every statement in a module of the package: constants, tables of constants, and literals in the calls that run them."""
    trees = {path: ast.parse(path.read_text()) for path in sorted((ROOT / package).rglob("*.py"))}
    used = _uses(trees)
    for path, tree in trees.items():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name, value in _constants(module, tree):
            constant = name.partition("[")[0]
            roles = used.get((path, constant), set()) | used.get((None, constant), set())
            yield Statement(f"{module}.{name}", value, tuple(sorted(roles)))
        for line, text in _literals(tree):
            yield Statement(f"{module}:{line}", text, ())


def _constants(module: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    names = [
        node.target.id
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and "LiteralString" in ast.unparse(node.annotation)
    ]
    held = importlib.import_module(module) if names else None
    for name in names:
        value = getattr(held, name)
        found = value.items() if isinstance(value, Mapping) else [("", value)]
        for key, text in found:
            if isinstance(text, str) and STATEMENT.match(text):
                yield (f"{name}[{key}]" if key != "" else name), text


def _literals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("execute"):
            text = node.args[0] if node.args else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str) and STATEMENT.match(text.value):
                yield node.lineno, text.value


def _uses(trees: Mapping[Path, ast.Module]) -> dict[tuple[Path | None, str], set[str]]:
    """The roles that use each constant: async functions run as the app, the others as the worker.

    A name that a module assigns itself is the constant of that module alone; any other may be that of each module.
    """
    found: dict[tuple[Path | None, str], set[str]] = {}
    for path, tree in trees.items():
        own = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                is_worker = isinstance(function, ast.FunctionDef) or path.stem in SENDER
                for node in ast.walk(function):
                    name = (
                        node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
                    )
                    if name.lstrip("_").isupper():
                        place = path if isinstance(node, ast.Name) and name in own else None
                        found.setdefault((place, name), set()).add("worker" if is_worker else "app")
    return found


def asked(text: str) -> Iterator[str]:
    """The statement as the planner sees it: with a page of a hundred rows, and with none or one of its optional filters."""
    optional = dict.fromkeys(OPTIONAL.findall(text))
    for chosen in (None, *optional):
        known = text
        for name in optional.keys() - {chosen}:
            known = known.replace(f"%({name})s", "NULL")
        yield re.sub(r"LIMIT \$\d+", "LIMIT 100", numbered(known))


def numbered(text: str) -> str:
    """The statement with $1, $2, … instead of psycopg's placeholders."""
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        return f"${numbers.setdefault(match[1] or f'{match.start()}', len(numbers) + 1)}"

    return PLACEHOLDER.sub(number, text)


def make_large(admin_url: str) -> None:
    """Lengthens the files of every table and index with holes, and restores the statistics of such large tables."""
    with psycopg.connect(admin_url, autocommit=True) as conn:
        (data,) = conn.execute("SHOW data_directory").fetchone() or ("",)
        conn.execute(PARTITIONED, (DAYS_BACK, DAYS_AHEAD))
        for name, kind, is_part, path, root in conn.execute(RELATIONS).fetchall():
            if root not in FEW:
                share = (PARTITIONS if is_part else 1) * (100 if root in CONFIGURED else 1)
                rows, pages = ROWS // share, (INDEX_PAGES if kind == "i" else PAGES) // share
                if kind == "r":  # autovacuum would find the table empty and say so
                    conn.execute(SQL("ALTER TABLE {} SET (autovacuum_enabled = false)").format(Identifier(name)))
                if path is not None:
                    os.truncate(Path(data, path), pages * 8192)
                conn.execute(LARGE, (name, pages, rows))
        for run, names in RUNS.items():
            in_runs(conn, run, names)


def in_runs(conn: psycopg.Connection[Any], run: int, names: list[str]) -> None:
    """Restores the statistics of columns with `run` rows of a large table per value."""
    few, many = -1 / min(run, 10), -1 / run
    conn.execute(IN_RUNS, {"configured": list(CONFIGURED), "few": few, "many": many, "names": names})


def cost(conn: psycopg.Connection[Any], text: str) -> float:
    """The planner's worst estimate of the cost, in pages that are read in order. Raises the server's error."""
    return max(_planned(conn, variant)["Total Cost"] for variant in asked(text))


def reads_whole(conn: psycopg.Connection[Any], text: str) -> set[str]:
    """The tables with history that the plan reads completely."""
    plans = [_planned(conn, variant) for variant in asked(text)]
    return (
        {
            re.sub(r"_\d{8}$", "", node["Relation Name"])
            for plan in plans
            for node in _nodes(plan)
            if node["Node Type"] == "Seq Scan" and not node["Relation Name"].startswith("pg_")
        }
        - FEW
        - CONFIGURED
    )


def _planned(conn: psycopg.Connection[Any], text: str) -> dict[str, Any]:
    """If a parameter's type does not follow from its place, tries each type that processes send."""
    parameters = sorted(set(re.findall(r"\$\d+", text)))
    problem: psycopg.Error = psycopg.DataError("too many parameters without a type")
    for casts in product(CASTS, repeat=len(parameters) if len(parameters) < 4 else 0):
        types = dict(zip(parameters, casts, strict=False))
        typed = re.sub(r"\$\d+", lambda match: match[0] + types.get(match[0], ""), text)  # noqa: B023 - run at once
        try:
            row = conn.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {typed}".encode(), prepare=False).fetchone()
        except TYPELESS as error:
            problem = error
        else:
            assert row
            return row[0][0]["Plan"]
    raise problem


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


# The cost in pages of reading a few thousand rows through an index; the cheapest way through ten million rows costs 200,000.
BOUND = 50_000
LOOKED_AT = "at most 10,000 rows of a webhook and 10,000 tests, in the order of an index; then a page"
WALKED = "at most 10,000 of one organisation, in the order of an index"
BOUNDED = {
    "services.auth.apps.queries.RECENT_COUNTS": "a week of one app: kinds of calls times days",
    "services.auth.apps.expiring.ENDING_CERTIFICATES": "an organisation has few SAML connections",
    "services.auth.people.queries.USERS": "an organisation's people, of whom there is a limit",
    "services.auth.apps.uses.USES": "a month of a page of apps: kinds of calls and scopes times days",
    "services.auth.apps.uses.REFUSALS": "an app keeps 1,000 events of each of a dozen kinds",
    "services.auth.apps.uses.INCOMPLETE": "an app keeps 1,000 events of each of a dozen kinds",
    "services.auth.keys.queries.LIMIT_OTHER_KEYS": "a handful of signing keys",
    "services.auth.saml.queries.DOMAIN_UNANSWERED": "the domain just looked at, by its key",
    "services.auth.tenants.queries.WITHDRAW_AHEAD": "an operator's command after a clock was wrong",
    "services.control_plane.automations.queries.LOCK_DUE_RUNS": "of each tenant and service 25 due and 200 unanswered runs",
    "services.control_plane.automations.queries.MEASURE": "counts no further than 10,000 three times",
    "services.control_plane.automations.queries.STORE_EVENTS": "at most twice the waiting events that a tenant may have",
    "services.device_ingest.queries.LIST_OBSERVATIONS": "at most 10,000 observations of a device, in the order of an index",
    "services.device_ingest.queries.REACHED": "10,000 observations of a device, in the order of an index",
    "services.device_ingest.queries.TAKE_ANNOUNCEMENTS": "at most 5,000 rows, in the order of an index",
    "services.graphql_api.acqi.queries.FACTS_OF_MONTH": "a month of one tenant, in an operator's rebuilding",
    "services.graphql_api.incidents.queries.COUNT_OPEN": "counts no further than the cap of open incidents",
    "services.graphql_api.incidents.queries.REACHED_OPEN": "the first 10,000 open incidents",
    "services.graphql_api.acqi.queries.FORGET_MONTH": "a month of one tenant: indicators times days",
    "services.graphql_api.acqi.queries.MONTHS_WITH_FACTS": "an operator's command that rebuilds everything",
    "services.webhook_dispatcher.fanout.sandbox.ERASE": "at most 1,000 deliveries of a sandbox, and the rows of each by their keys",
    "services.webhook_dispatcher.fanout.sandbox.ERASE_LOG": "at most 1,000 places of a sandbox's log, and the event of each by its key",
    "services.webhook_dispatcher.history.decision_queries.LEFT": "an operator's command; counts 10,000 for each chore",
    "services.webhook_dispatcher.sending.queries.MEASURE": "the first 10,000 rows; and an end of each webhook's queue",
    "services.webhook_dispatcher.history.endpoints.LISTS[failed]": LOOKED_AT,
    "services.webhook_dispatcher.history.endpoints.LISTS[queued]": LOOKED_AT,
    "services.webhook_dispatcher.history.endpoints.LISTS[retrying]": LOOKED_AT,
    "services.webhook_dispatcher.history.endpoints.REACHED[failed]": LOOKED_AT,
    "services.webhook_dispatcher.history.endpoints.REACHED[retrying]": LOOKED_AT,
    "services.webhook_dispatcher.history.queries.REACHED": LOOKED_AT,
    "services.webhook_dispatcher.history.queries.REACHED_TROUBLED": LOOKED_AT,
    "services.webhook_dispatcher.history.overview_queries.LIST_OF_APPS": "the newest of each of 2,000 webhooks, and a page of those on it",
    "services.webhook_dispatcher.history.overview_queries.LIST_ANSWERED": "the newest 10,000, shared between the webhooks",
    "services.webhook_dispatcher.history.overview_queries.WALK_TROUBLED": WALKED,
    "services.webhook_dispatcher.history.overview_queries.WALK_TROUBLED_ANSWERED": WALKED,
    "services.webhook_dispatcher.history.overview_queries.REACHED_WALKING": WALKED,
    "services.webhook_dispatcher.history.book_queries.READ": "2,000 deliveries and the days of one webhook (tests of its books)",
    "services.webhook_dispatcher.history.queries.LIST_DELIVERIES": LOOKED_AT,
    "services.webhook_dispatcher.history.queries.LIST_QUEUED_DELIVERIES": LOOKED_AT,
    "services.webhook_dispatcher.history.queries.LIST_TROUBLED_DELIVERIES": LOOKED_AT,
    "shared.messaging.relay.CANDIDATES": "its limits are parameters, unknown to the planner; test_road.py counts the rows it reads",
    "shared.storage.audit.WAITING": "the first 100,000 entries that wait for their seal",
    "shared.storage.audit_check.COVERED": "an operator's check of the whole trail, 10,000 entries at a time",
    "shared.storage.audit_check.STRAY_LEAVES": "an operator's check of the whole trail",
    "shared.storage.migrate.OWNER": "the catalogue's roles and databases",
}
# Parts of other statements, not statements themselves.
FRAGMENTS = frozenset(
    {
        "services.auth.invitations.queries._PLACED",
        "services.control_plane.automations.queries._UNANSWERED",
        "services.device_ingest.queries._OF_DEVICE",
        "services.epcr.encounters.queries._PORTION",
        "services.epcr.encounters.queries._SHAPES",
        "services.epcr.encounters.queries._STEPS",
        "services.epcr.handover.queries._DISCLOSURES",
        "services.webhook_dispatcher.history.decision_queries._GIVE_UP_BEGIN",
        "services.webhook_dispatcher.reading.queries._BRANCHES",
        "services.webhook_dispatcher.reading.queries._UNREAD",
        "services.webhook_dispatcher.replays.queries._COUNT_BEGIN",
        "services.webhook_dispatcher.replays.queries._SEND_BEGIN",
        "shared.messaging.relay.CHOSEN",
        "shared.messaging.relay.DUE_ROWS",
        "shared.messaging.relay.MARK_SENT",
        "shared.trail.queries._SHOWN",
        "services.webhook_dispatcher.history.overview_queries._OF_WINDOW",
        "services.webhook_dispatcher.history.overview_queries._SHOWN",
        "services.webhook_dispatcher.history.overview_queries._EACH",
        "services.webhook_dispatcher.history.overview_queries._BEGIN",
        "services.webhook_dispatcher.history.overview_queries._LAST",
        "services.webhook_dispatcher.history.overview_queries._WALK",
        "services.webhook_dispatcher.history.queries._LAST",
        "services.webhook_dispatcher.history.queries._OF_WEBHOOK",
    }
)


class Large:
    """The databases of all services, made on demand, each with the statistics of a year of use."""

    def __init__(self, databases: TestDatabases) -> None:
        self.databases = databases
        self.made: dict[str, Database] = {}
        self.connections: dict[tuple[str, str], psycopg.Connection] = {}

    def connection(self, service: str, role: str) -> psycopg.Connection:
        if service not in self.made:
            self.made[service] = self.databases.fresh(service)
            make_large(self.made[service].admin)
        if (service, role) not in self.connections:
            url = getattr(self.made[service], role)
            self.connections[service, role] = psycopg.connect(url, autocommit=True)
        return self.connections[service, role]

    def close(self) -> None:
        for conn in self.connections.values():
            conn.close()
        for database in self.made.values():
            local.drop(self.databases.cluster.url, database.name)


@pytest.fixture(scope="module")
def large(databases: TestDatabases) -> Iterator[Large]:
    made = Large(databases)
    yield made
    made.close()


def costs(large: Large, statement: Statement, service: str) -> Iterator[tuple[str, float, set[str]]]:
    """For each role that may run it: its cost, and the tables that it reads completely."""
    for role in statement.roles or ("app", "worker"):
        conn = large.connection(service, role)
        try:
            yield role, cost(conn, statement.text), reads_whole(conn, statement.text)
        except psycopg.errors.InsufficientPrivilege:
            continue
        except psycopg.Error as error:
            yield f"{role} cannot be planned, {error}", inf, set()


@pytest.mark.parametrize("service", [service.database for service in SERVICES])
def test_no_statement_of_a_service_grows_with_history(large: Large, service: str) -> None:
    require_bounded(large, service, statements(f"services/{service}"))


def test_no_statement_that_every_service_runs_grows_with_history(large: Large) -> None:
    require_bounded(large, "epcr", statements("shared"))


@pytest.mark.parametrize(
    ("service", "rule"),
    [
        *(("auth", rule) for rule in auth_tasks.KEPT),
        *(("epcr", rule) for rule in (*jobs.KEPT, epcr_tasks.unknown(30))),
        *(("graphql_api", rule) for rule in graphql_tasks.kept(400, 400)),
        *(("control_plane", rule) for rule in (*control_plane_tasks.KEPT, *runs.kept(30))),
    ],
    ids=lambda each: each.table if isinstance(each, Kept) else "",
)
def test_retention_finds_what_is_due_in_order(large: Large, service: str, rule: Kept) -> None:
    """In any other order each portion would scan over the rows that earlier portions deleted."""
    conn = large.connection(service, "worker")
    portion = rule.delete.as_string(conn).replace("%s", "5000")
    assert reads_whole(conn, portion) == set()
    assert cost(conn, portion) < BOUND


SET_TENANT_OF_SESSION = "SELECT set_config('app.tenant_id', %s, false)"
FEW_OF_TENANT = ROWS // 1000
"""Rows of each of a thousand tenants."""


def lists(service: str) -> Iterator[Statement]:
    """The statements of a service that read a page of a list for a caller."""
    for statement in statements(f"services/{service}"):
        is_list = statement.text.lstrip().startswith("SELECT") and LISTS.search(statement.text) is not None
        if is_list and "app" in statement.roles and statement.name not in FRAGMENTS:
            yield statement


@pytest.mark.parametrize("service", [service.database for service in SERVICES])
def test_no_list_reads_the_rows_of_others(large: Large, service: str) -> None:
    """Where there are many tenants, an index whose first column is not fixed leads through the rows of all."""
    admin, conn = large.connection(service, "admin"), large.connection(service, "app")
    in_runs(admin, FEW_OF_TENANT, ["tenant_id"])
    assert walked_by_lists(conn, service) == []
    in_runs(admin, ROWS, ["tenant_id"])


@pytest.mark.parametrize("service", [service.database for service in SERVICES])
def test_no_list_of_a_small_tenant_reads_the_rows_of_one_large(large: Large, service: str) -> None:
    """The policy hides the tenant from the planner, which takes it for one of average size: a list may have to name it once more."""
    admin, conn = large.connection(service, "admin"), large.connection(service, "app")
    admin.execute(ONE_LARGE)
    conn.execute(SET_TENANT_OF_SESSION, ("org_small",))
    assert walked_by_lists(conn, service) == []
    conn.execute(SET_TENANT_OF_SESSION, ("org_large",))
    found = {each.name: cost(conn, each.text) for each in lists(service) if each.name not in BOUNDED}
    assert {name: worst for name, worst in found.items() if worst > BOUND} == {}
    conn.execute(SET_TENANT_OF_SESSION, ("",))
    admin.execute(FORGET, (["tenant_id"],))
    in_runs(admin, ROWS, ["tenant_id"])


def walked_by_lists(conn: psycopg.Connection[Any], service: str) -> list[str]:
    """The lists of a service that read a growing table, or an index of it from an end."""
    first = {name: column.partition(" ")[0] for name, column in conn.execute(FIRST_COLUMN).fetchall()}
    return sorted(
        {
            f"{statement.name}: {walked}"
            for statement in lists(service)
            for text in asked(statement.text)
            for walked in _walked(_planned(conn, text), first)
        }
    )


def _walked(plan: dict[str, Any], first: Mapping[str, str]) -> Iterator[str]:
    """The growing tables that the plan reads whole, and their indexes that it reads from an end."""
    for node in _nodes(plan):
        index = node.get("Index Name")
        table = re.sub(r"_\d{8}$", "", node.get("Relation Name", ""))
        is_fixed = index and re.search(rf"(^|\W){first[index]}\)?(::\w+)? = ", node.get("Index Cond", ""))
        if table not in FEW | CONFIGURED | {""} and not is_fixed and (index or node["Node Type"] == "Seq Scan"):
            yield index or table


@pytest.mark.parametrize("service", [service.database for service in SERVICES])
def test_no_list_grows_with_history_where_a_filter_matches_nothing(large: Large, service: str) -> None:
    """A filter that few rows pass leads through all rows, if no index and no bound is for it."""
    admin, found = large.connection(service, "admin"), list[str]()
    for statement in lists(service):
        columns = sorted({column for _, column in FILTER.findall(statement.text)} - {"tenant_id"})
        if columns:
            in_runs(admin, 1, columns)
            worst = cost(large.connection(service, "app"), statement.text)
            if worst > BOUND and statement.name not in BOUNDED:
                found.append(f"{statement.name}: {worst:,.0f}")
            admin.execute(FORGET, (columns,))
            for run, names in RUNS.items():
                in_runs(admin, run, names)
    assert found == []


READ_WHOLE = "SELECT relname FROM pg_stat_xact_user_tables WHERE seq_scan > 0"
DEVICE = "INSERT INTO devices (id, tenant_id, serial_number, device_class, sandbox) VALUES ('dev_1', 'org_1', 's', 'defib', true)"
READING = """
    INSERT INTO observations (id, tenant_id, device_id, mdc_code, mdc_code10, value, observed_at, recorded_at, flags, test)
    VALUES ('obs_1', 'org_1', 'dev_1', 'MDC_X', 1, 1, now(), now(), '{}', true)
"""


def test_erasing_a_portion_of_a_sandbox_reads_no_observations_of_others(large: Large) -> None:
    """The statements in a function are planned where no other test sees them."""
    conn = large.connection("device_ingest", "admin")
    conn.execute(DEVICE)
    conn.execute(READING)
    with large.connection("device_ingest", "worker").transaction():
        worker = large.connection("device_ingest", "worker")
        worker.execute(SET_TENANT, ("org_1",))
        assert worker.execute("SELECT erase_sandbox_devices(5000)").fetchone() == (True,)
        assert [name for (name,) in worker.execute(READ_WHOLE) if name.startswith("observations_")] == []
    assert conn.execute("SELECT count(*) FROM devices WHERE id = 'dev_1'").fetchone() == (0,)


# Where statistics say that the table is empty, PostgreSQL may run such a subquery again for each row: 1,000,000 times after an outage.
PORTION_BY_IN = re.compile(r"(?<!NOT )\bIN \((?=\s*SELECT\b)((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*)\)")
BOUNDED_END = re.compile(r"\b(LIMIT|OFFSET)\b[^()]*$")


def taken_by_in(text: str) -> bool:
    """Whether rows are chosen by IN from a subquery with a limit of its own; `= ANY (ARRAY(SELECT …))` runs it once."""
    return any(BOUNDED_END.search(found[1]) or taken_by_in(found[1]) for found in PORTION_BY_IN.finditer(text))


def test_a_portion_is_chosen_once_whatever_the_statistics() -> None:
    assert taken_by_in("DELETE FROM t WHERE id IN (SELECT id FROM t WHERE a = coalesce(b, f(1)) ORDER BY id LIMIT 5)")
    assert taken_by_in(
        "DELETE FROM t WHERE id IN (SELECT id FROM t WHERE id IN (SELECT id FROM t OFFSET 5) FOR UPDATE)"
    )
    assert not taken_by_in("DELETE FROM t WHERE id = ANY (ARRAY(SELECT id FROM t LIMIT 5)) AND a IN ('b', 'c')")
    packages = ["shared", *(f"services/{service.database}" for service in SERVICES)]
    assert [str(each) for package in packages for each in statements(package) if taken_by_in(each.text)] == []


def test_a_statement_without_an_index_is_found(large: Large) -> None:
    conn = large.connection("epcr", "worker")
    assert reads_whole(conn, "SELECT * FROM encounters WHERE care_model = %s") == {"encounters"}
    assert cost(conn, "SELECT id FROM encounters ORDER BY updated_at LIMIT 10") > BOUND


def test_nothing_is_excused_that_is_gone() -> None:
    packages = ["shared", *(f"services/{service.database}" for service in SERVICES)]
    known = {statement.name for package in packages for statement in statements(package)}
    assert BOUNDED.keys() | FRAGMENTS <= known


def require_bounded(large: Large, service: str, statements: Iterator[Statement]) -> None:
    found: list[str] = []
    for statement in statements:
        if statement.name in FRAGMENTS or statement.name in BOUNDED:
            continue
        found += [
            f"{statement.name} as {role}: {cost:,.0f} {sorted(whole) or ''}"
            for role, cost, whole in costs(large, statement, service)
            if cost > BOUND or whole
        ]
    if found:
        pytest.fail("\n".join(["statements that grow with history:", *found]), pytrace=False)
