"""Plans the project's statements against tables that are empty but have the statistics of ten million rows."""

import ast
import importlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import psycopg

from deploy.local.table import ROOT

STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
PLACEHOLDER = re.compile(r"%(?:%|s|\((\w+)\)s)")
OPTIONAL = re.compile(r"\(%\((\w+)\)s(?:::\w+(?:\[\])?)? IS NULL OR")
SENDER = frozenset({"decisions", "recording", "sender"})  # of the webhook dispatcher: async, as the worker
CASTS = ("", "::integer", "::interval", "::timestamptz")
TYPELESS = (psycopg.errors.UndefinedFunction, psycopg.errors.DatatypeMismatch, psycopg.errors.IndeterminateDatatype)
ROWS, PAGES, INDEX_PAGES = 10_000_000, 100_000, 30_000
# Of a table by day: the 30 days kept by default, today, and the 8 days made ahead.
DAYS_BACK, DAYS_AHEAD = 30, 8
PARTITIONS = DAYS_BACK + 1 + DAYS_AHEAD
# Tables that always have few rows.
FEW = frozenset({"migrations", "revocation_state", "senders"})
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
        *("telephony_providers", "telephony_routes", "acqi_tenants", "graphql_apps"),
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
    ],
    1000: ["batch", "encounter_id", "device_id"],
    ROWS: ["tenant_id"],
    100_000: ["client_id", "subscription_id", "automation_id"],
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
            yield Statement(f"{module}.{name}", value, tuple(sorted(used.get(name.partition("[")[0], ()))))
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


def _uses(trees: Mapping[Path, ast.Module]) -> dict[str, set[str]]:
    """The roles that use each constant: async functions run as the app, the others as the worker."""
    found: dict[str, set[str]] = {}
    for path, tree in trees.items():
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                is_worker = isinstance(function, ast.FunctionDef) or path.stem in SENDER
                for node in ast.walk(function):
                    name = (
                        node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
                    )
                    if name.lstrip("_").isupper():
                        found.setdefault(name, set()).add("worker" if is_worker else "app")
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
                if path is not None:
                    os.truncate(Path(data, path), pages * 8192)
                conn.execute(LARGE, (name, pages, rows))
        for run, names in RUNS.items():
            conn.execute(
                IN_RUNS, {"configured": list(CONFIGURED), "few": -1 / min(run, 10), "many": -1 / run, "names": names}
            )


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
