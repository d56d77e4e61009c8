"""The operator's commands for integration requests."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Annotated, TypeVar

import msgspec
import typer

from services.auth.requests import deciding, seeding
from services.auth.requests.models import RequestRow, Status
from services.auth.settings import Settings, load
from services.auth.tenants.commands import refusals_in_one_line, show
from services.auth.tenants.operations import OperationRefused
from shared.storage.database import AsyncConnection

T = TypeVar("T")
RequestId = Annotated[str, typer.Argument(help="The request's id, ireq_…")]
ApiUrl = Annotated[str | None, typer.Option(help="Where the API answers; API_BASE_URL unless it says otherwise.")]
cli = typer.Typer(no_args_is_help=True, help="Integration requests of tenants: read them, approve, decline.")


@cli.command(name="list")
def list_requests(
    status: Annotated[Status | None, typer.Option(help="Only these; `pending` is what waits for you.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
) -> None:
    """List requests, oldest first: id, tenant, capability, status, creation time."""
    for request in _operate(load(), lambda conn: deciding.requests(conn, status, tenant)):
        made = request.created_at.strftime("%Y-%m-%d %H:%M:%SZ")
        show(request.id, request.tenant_id, request.capability, request.status, made)


@cli.command(name="show")
def show_request(request: RequestId) -> None:
    """Show all fields of one request."""
    _describe(_operate(load(), lambda conn: deciding.find(conn, request)))


@cli.command()
def approve(
    request: RequestId,
    reason: Annotated[str | None, typer.Option(help="What the tenant reads beside the decision.")] = None,
    api: ApiUrl = None,
) -> None:
    """Open the capability at once. A sandbox's demo data is written afterwards, through the API."""
    settings = load()
    decided = _operate(settings, lambda conn: deciding.approve(conn, request, reason))
    _describe(decided)
    if decided.demo_client_id is not None:
        _seed(settings, request, api)


@cli.command()
def decline(
    request: RequestId,
    reason: Annotated[str, typer.Option(help="Why; the tenant reads it, and may ask again.")],
) -> None:
    """Decline the request."""
    if not reason.strip():
        raise SystemExit("--reason says why; the tenant reads it")
    _describe(_operate(load(), lambda conn: deciding.decline(conn, request, reason)))


@cli.command()
def seed(request: RequestId, api: ApiUrl = None) -> None:
    """Write the demo data of an approved sandbox, where `approve` could not or was interrupted."""
    _seed(load(), request, api)


def _operate(settings: Settings, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """One transaction. A refused operation ends the command with one line."""

    async def run() -> T:
        async with deciding.operating(settings) as conn:
            return await work(conn)

    with refusals_in_one_line():
        return asyncio.run(run())


def _seed(settings: Settings, request_id: str, api: str | None) -> None:
    try:
        token = asyncio.run(seeding.begin(settings, request_id))
        with closing(seeding.Api(api or settings.api_base_url, token)) as reached:
            seeding.write(reached)
        asyncio.run(seeding.finish(settings, request_id))
    except OperationRefused as refused:
        raise SystemExit(f"demo data not written: {refused}; try again: requests seed {request_id}") from None
    show("demo data written")


def _describe(request: RequestRow) -> None:
    """One line per field. Texts of the tenant are in JSON, so that they cannot control the terminal."""
    for name, value in msgspec.structs.asdict(request).items():
        if value is not None:
            text = (
                value if isinstance(value, str) and name.endswith(("id", "by")) else msgspec.json.encode(value).decode()
            )
            show(f"{name:18}", text)
