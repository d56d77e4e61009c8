"""Long work in portions: each takes a turn of its own (`fairness`) in the thread beside the event loop, so that nobody waits for the whole.

The work is an iterator. It may stop after each of its steps, and goes on with the next turn. No transaction may be open around it,
because a connection must not wait for a turn.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from shared.web import fairness
from shared.web.problems import Problem

SECONDS = 0.02
"""A portion ends with the first step after that time."""
BYTES = 256 << 10
"""A portion of bytes ends with the step that makes it so long."""
COUNTS = 1 / 3
"""By which the time of a portion counts for the rest after it: the loop has half of the time. Short portions leave it free between them."""
PAUSE = 0.1
"""Seconds until admitted work asks for its next turn again."""

Step = TypeVar("Step")
Result = TypeVar("Result")


class _Portion(NamedTuple, Generic[Step]):
    steps: list[Step]
    is_last: bool
    error: BaseException | None


async def each(request: Request, steps: Iterator[Step], *, is_admitted: bool = False) -> AsyncIterator[list[Step]]:
    """The steps of one portion after another.

    Raises the Problems of `turn_if_heavy` before the first portion, unless the work was admitted before; ClientDisconnect, before any
    portion, where the client has left; and the errors of the work. Admitted work waits again where the line is full: it waits with
    one portion at a time.
    """
    while True:
        try:
            async with fairness.turn_if_heavy(request, heavy=True):
                portion = await fairness.aside(partial(_portion, steps), counts=COUNTS)
        except Problem:
            if not is_admitted:
                raise
            await asyncio.sleep(PAUSE)
            continue
        is_admitted = True
        if portion.error is not None:
            raise portion.error
        yield portion.steps
        if portion.is_last:
            return


async def finished(
    request: Request, work: Generator[object, None, Result], *, is_heavy: bool = True, is_admitted: bool = False
) -> Result:
    """The generator's result; at once unless it `is_heavy`. Raises as `each` does."""
    if not is_heavy:
        return at_once(work)
    results: list[Result] = []

    def steps() -> Generator[object, None, None]:
        results.append((yield from work))

    async for _ in each(request, steps(), is_admitted=is_admitted):
        pass
    return results[0]


def at_once(work: Generator[object, None, Result]) -> Result:
    """The generator's result, in one go."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


async def result(
    request: Request, work: Callable[[], Result], *, is_heavy: bool = True, is_admitted: bool = False
) -> Result:
    """The result of work of one step; at once unless it `is_heavy`. Raises as `each` does."""

    def one() -> Generator[None, None, Result]:
        yield from ()
        return work()

    return await finished(request, one(), is_heavy=is_heavy, is_admitted=is_admitted)


def in_pieces(response: Response) -> Response:
    """The same answer, sent piece by piece: its memory stays reserved until its client has read nearly all of it."""
    body = bytes(response.body)
    if len(body) <= BYTES:
        return response
    headers = dict(response.headers)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), BYTES):
            yield body[start : start + BYTES]

    return StreamingResponse(pieces(), response.status_code, headers)


def _portion(steps: Iterator[Step]) -> _Portion[Step]:
    until, size = time.perf_counter() + SECONDS, 0
    made: list[Step] = []
    try:
        for step in steps:
            made.append(step)
            size += len(step) if isinstance(step, bytes) else 0
            if size >= BYTES or time.perf_counter() >= until:
                return _Portion(made, False, None)
    except BaseException as error:  # raised where the turn is over: a Problem of the work is none of the line
        return _Portion(made, True, error)
    return _Portion(made, True, None)
