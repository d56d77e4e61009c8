"""SQL of the trail as an organisation reads it, as the app's role: row-level security shows it the entries of its own tenant alone.

Each list follows one index in order (`database.IN_ORDER`). Rows are compared, and not their columns, so that no other index fits; the
lengths are those of the index. A statement looks at `WINDOW` entries of that index at most, with any other filters.
"""

from collections.abc import Mapping
from typing import LiteralString

WINDOW = 10_000
"""Entries of an index that one page looks through."""
COLUMNS: Mapping[str, LiteralString] = {
    "trace_id": "trace_id",
    "subject_id": "subject_id",
    "actor": "actor",
    "client_id": "client_id",
    "action": "action",
}
"""The filters with an index, the one that leaves fewest entries first."""

_SHOWN: LiteralString = "SELECT id, at, action, subject_id, client_id, actor, trace_id, detail::text AS detail"
_OTHERS: LiteralString = """
    (%(trace_id)s::text IS NULL OR trace_id = %(trace_id)s) AND (%(subject_id)s::text IS NULL OR subject_id = %(subject_id)s)
    AND (%(actor)s::text IS NULL OR actor = %(actor)s) AND (%(client_id)s::text IS NULL OR client_id = %(client_id)s)
    AND (%(action)s::text IS NULL OR action = %(action)s)
"""


def _between(column: LiteralString) -> LiteralString:
    """The entries of one value of `column` between two places in the order of time; a place is a time and an id."""
    if not column:
        return (
            "tenant_id = %(tenant_id)s AND octet_length(tenant_id) <= 256"
            " AND (at, id) > (%(low_at)s, %(low_id)s) AND (at, id) < (%(high_at)s, %(high_id)s)"
        )
    return (
        f"tenant_id = %(tenant_id)s AND octet_length(tenant_id) <= 256 AND octet_length({column}) <= 256"
        f" AND ({column}, at, id) > (%({column})s, %(low_at)s, %(low_id)s)"
        f" AND ({column}, at, id) < (%({column})s, %(high_at)s, %(high_id)s)"
    )


def _order(column: LiteralString, way: LiteralString, of: LiteralString = "") -> LiteralString:
    return f"{of}{column} {way}, {of}at {way}, {of}id {way}" if column else f"{of}at {way}, {of}id {way}"


def _listed(column: LiteralString, way: LiteralString) -> LiteralString:
    # Both orders are the same, and of the columns, not of the texts cut from them: nothing is sorted, and a full page ends the scan.
    window = f"SELECT * FROM audit WHERE {_between(column)} ORDER BY {_order(column, way)} LIMIT 10000"
    return f"{_SHOWN} FROM ({window}) AS one WHERE {_OTHERS} ORDER BY {_order(column, way, 'one.')} LIMIT %(limit)s"


def _reached(column: LiteralString, way: LiteralString) -> LiteralString:
    return f"SELECT at, id FROM audit WHERE {_between(column)} ORDER BY {_order(column, way)} OFFSET 9999 LIMIT 1"


_EACH: Mapping[str, LiteralString] = {"": "", **COLUMNS}
NEWEST_FIRST: Mapping[str, LiteralString] = {name: _listed(column, "DESC") for name, column in _EACH.items()}
"""A page, by the filter whose index it follows."""
REACHED_DOWN: Mapping[str, LiteralString] = {name: _reached(column, "DESC") for name, column in _EACH.items()}
"""The last entry that such a page looked at; no row where the index ended before."""
OLDEST_FIRST: Mapping[str, LiteralString] = {name: _listed(column, "ASC") for name, column in _EACH.items()}
REACHED_UP: Mapping[str, LiteralString] = {name: _reached(column, "ASC") for name, column in _EACH.items()}

FIND: LiteralString = f"{_SHOWN} FROM audit WHERE id = %s"
PLACE: LiteralString = "SELECT at, id FROM audit WHERE id = %s"
SEAL: LiteralString = "SELECT sealed_at, checked FROM seal_of_entry(%s)"
CHECKED: LiteralString = """
    SELECT checked_at, sealed_until, encode(checked_hash, 'hex') AS head, broken FROM audit_checks
"""
# True once for each reader, question and hour.
NOTE: LiteralString = """
    INSERT INTO audit_reads (tenant_id, digest, hour) VALUES (%s, %s, date_trunc('hour', now()))
    ON CONFLICT DO NOTHING RETURNING true
"""
