"""Bodies of requests that may have none."""

from typing import TypeVar

from starlette.requests import Request

from shared import http

T = TypeVar("T")


async def optional_body(request: Request, kind: type[T]) -> T:
    """No body means every default, and needs no type."""
    return await http.decode(request, kind) if await http.read_body(request) else kind()
