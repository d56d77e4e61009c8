"""HTTP endpoints of one service's audit trail."""

from starlette.requests import Request
from starlette.responses import Response

from shared.primitives import ids
from shared.storage.database import IN_ORDER, first, found, page_of, tenant_transaction
from shared.trail import queries, reading, signing
from shared.trail.exporting import MEDIA, Export, Places, Streamed
from shared.trail.models import (
    AuditFilter,
    AuditKeys,
    ExportQuery,
    Row,
    Seal,
    SealedEntry,
    Verification,
)
from shared.trail.reading import END, PREFIX, Asked
from shared.web import http, problems
from shared.web.identity import Caller


class Trail:
    """The endpoints of the service `own`, which answers for its own trail alone: the gateway sends each name to its service."""

    def __init__(self, own: str) -> None:
        self.own = own
        self.places = Places()

    async def list_audit_entries(self, request: Request, caller: Caller, service: str, page: AuditFilter) -> Response:
        self._require(service)
        asked, last = Asked.of(caller, page, page.until), http.page_after(request, page)
        async with tenant_transaction(request, caller) as conn:
            before = END if last is None else await reading.place_of(conn, last)
            if before is None:
                raise http.foreign_cursor()
            await reading.note(conn, caller, "audit.read", self.own, reading.filters_of(page))
            await conn.execute(IN_ORDER)
            parameters, reached = asked.parameters(page.limit + 1, before=before), None
            query = queries.NEWEST_FIRST[asked.follows]
            rows, fitting = await page_of(conn, Row, query, parameters, page, reading.LARGEST)
            if len(rows) <= page.limit:
                reached = await reading.reached_by(conn, asked, queries.REACHED_DOWN, parameters)
        if reached is not None:
            # An entry that came meanwhile has moved the end of the window.
            rows = [row for row in rows if (row.at, row.id) >= reached]
        end = None if reached is None else ids.id_of(PREFIX, reached.id)
        entries = [reading.shown(row) for row in rows]
        return http.listed(request, "entries", entries, fitting, lambda entry: entry.id, reached=end)

    async def read_audit_entry(self, request: Request, caller: Caller, service: str, entry_id: str) -> SealedEntry:
        self._require(service)
        if not ids.is_id(entry_id, PREFIX):
            raise problems.not_found()
        id = ids.uuid_of(entry_id)
        async with tenant_transaction(request, caller) as conn:
            await reading.note(conn, caller, "audit.read", self.own, {"id": "given"})
            row = await found(conn, Row, queries.FIND, (id,))
            seal = await first(conn, Seal, queries.SEAL, (id,)) or Seal()
        entry = reading.shown(row)
        values = {name: getattr(entry, name) for name in entry.__struct_fields__}
        return SealedEntry(**values, sealed_at=seal.sealed_at, checked=seal.checked)

    async def read_audit_verification(self, request: Request, caller: Caller, service: str) -> Verification:
        self._require(service)
        async with tenant_transaction(request, caller) as conn:
            return await reading.verification(conn, self.own)

    async def export_audit_entries(
        self, request: Request, caller: Caller, service: str, asked: ExportQuery
    ) -> Response:
        self._require(service)
        export = Export(request, caller, self.own, asked)
        if request.method == "HEAD":
            return Response(headers={"cache-control": "no-store"}, media_type=MEDIA)
        leave = self.places.enter(caller)
        try:
            return Streamed(export.lines(await export.begin()), leave)
        except BaseException:
            leave()
            raise

    async def list_audit_keys(self, request: Request, service: str) -> AuditKeys:
        self._require(service)
        return signing.keys(request.state.keyring)

    def _require(self, service: str) -> None:
        """Raises a 404 Problem for the name of another service."""
        if service != self.own:
            raise problems.not_found()
