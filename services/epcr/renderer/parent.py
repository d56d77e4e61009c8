"""The web process's side of its renderer: it starts the process with the first long answer, and asks it for one portion at a time.

The first bytes of an answer, and each portion after them, have a turn in one fair line (`fairness.Line`), so that organisations and their
apps share the renderer. The web process's own thread, and the loop, are free meanwhile. Where the renderer ends, the answers in progress
in it break off; the next one starts another.
"""

import asyncio
import logging
import pickle
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from starlette.requests import ClientDisconnect, Request

from services.epcr import metrics
from services.epcr.fhir.encode import UnfitBundle
from services.epcr.renderer.process import LENGTH
from services.epcr.renderer.work import Job, Portion
from shared.process import children
from shared.web import fairness, others, problems
from shared.web.portions import PAUSE
from shared.web.problems import Problem

WALL_SECONDS = 60.0
"""For one portion, with the start of the process: far more than a busy machine needs."""
MODULE = "services.epcr.renderer.process"
PIECE = 128 << 10
"""Bytes of a portion, which may have a megabyte, that are read, held and passed on at a time: some 100 µs of the loop's thread."""
# Until an answer begins: less than the gateway waits for it. Who gets none is asked to try again.
BEGIN_SECONDS = 25.0
UNAVAILABLE = "The answer could not be made; try again."
REST, MOST_REST = 3.0, 0.03
"""After a portion, while the process serves others: a multiple of its time, and seconds at most, since on a busy machine it takes long."""
log = logging.getLogger(__name__)
_decode = msgspec.msgpack.Decoder(Portion).decode


class RendererEnded(Exception):
    """The renderer ended before the answer was whole."""


class RenderingFailed(Exception):
    """The work met an error that is a bug of this service."""


class _Child:
    """A process, and the streams of its socket."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.process = process
        self.numbers = 0
        self._reader = reader
        self._writer = writer

    def send(self, number: int, job: Job | None = None, readings: str | None = None) -> None:
        order = pickle.dumps((number, job, readings), pickle.HIGHEST_PROTOCOL)
        self._writer.write(len(order).to_bytes(LENGTH) + order)

    async def answer(self) -> Portion:
        await self._writer.drain()
        portion = _decode(await self._reader.readexactly(int.from_bytes(await self._reader.readexactly(LENGTH))))
        for start in range(0, portion.size, PIECE):
            portion.pieces.append(await self._reader.readexactly(min(PIECE, portion.size - start)))
        return portion

    async def stop(self) -> None:
        self._writer.transport.abort()
        self.process.kill()
        await asyncio.shield(asyncio.to_thread(self.process.wait))


class Renderer:
    """One process for the long answers of this one."""

    def __init__(self) -> None:
        self.line = fairness.Line(rest=REST, most_rest=MOST_REST, rests=lambda: others.of_this_loop().are_served())
        self._child: _Child | None = None
        self._exchanging = asyncio.Lock()
        self._exchanges: set[asyncio.Task[Portion]] = set()

    async def begun(self, request: Request, job: Job) -> "tuple[Rendering, Portion]":
        """The work with its first bytes, in one turn: if all shared the time before it, none would begin while its caller has patience.

        Raises Problems: 429 and 503 of the line, 503 where the renderer ended or was busy for `BEGIN_SECONDS`; ClientDisconnect; and
        UnfitBundle.
        """
        others.of_this_loop().leave_out(request.scope)
        rendering = Rendering(self, request, job)
        try:
            async with asyncio.timeout(BEGIN_SECONDS), self.line.turn(request):
                portion = await rendering.step()
                while not portion.is_begun:
                    if await request.is_disconnected():
                        raise ClientDisconnect
                    portion = await rendering.step()
        except BaseException as error:
            rendering.end()
            if isinstance(error, (RendererEnded, TimeoutError)):
                raise problems.unavailable(UNAVAILABLE) from None
            raise
        return rendering, portion

    async def whole(self, request: Request, job: Job) -> bytes:
        """The bytes of work that wants no readings. Raises as `begun` does."""
        rendering, portion = await self.begun(request, job)
        written = portion.pieces
        try:
            while not portion.is_last:
                portion = await rendering.portion()
                written += portion.pieces
        except RendererEnded:
            raise problems.unavailable(UNAVAILABLE) from None
        finally:
            rendering.end()
        return b"".join(written)

    async def ask(self, rendering: "Rendering", job: Job | None, readings: str | None) -> Portion:
        """The next portion. Raises RendererEnded.

        The turn of a caller that leaves ends at once: the server cancels it again and again, so that it cannot wait. Its portion is read
        to its end all the same, before the next order is sent.
        """
        exchange = asyncio.create_task(self._exchange(rendering, job, readings))
        self._exchanges.add(exchange)
        exchange.add_done_callback(self._over)
        return await asyncio.shield(exchange)

    def _over(self, exchange: asyncio.Task[Portion]) -> None:
        self._exchanges.discard(exchange)
        if not exchange.cancelled():
            exchange.exception()

    def forget(self, rendering: "Rendering") -> None:
        """Ends the work in the renderer."""
        if self._child is not None and rendering.child is self._child:
            self._child.send(-rendering.number)

    async def _exchange(self, rendering: "Rendering", job: Job | None, readings: str | None) -> Portion:
        """One order and its answer at a time: the bytes of an answer are a patient's, and go to its own client alone."""
        async with self._exchanging:
            try:
                async with asyncio.timeout(WALL_SECONDS):
                    child = rendering.child or await self._running()
                    if rendering.is_over or child is not self._child:
                        raise RendererEnded
                    if rendering.child is None:
                        child.numbers += 1
                        rendering.child, rendering.number = child, child.numbers
                    child.send(rendering.number, job, readings)
                    portion = await child.answer()
                    if portion.number != rendering.number:
                        raise EOFError("an answer of another work")
                    return portion
            except (OSError, EOFError) as error:  # TimeoutError is an OSError, IncompleteReadError an EOFError
                log.warning("a renderer ended: %s", type(error).__name__)
                await self.close()
                metrics.renderers_ended.inc()
                raise RendererEnded from None

    async def _running(self) -> _Child:
        if self._child is not None and self._child.process.poll() is not None:
            log.warning("a renderer ended")
            await self.close()
            metrics.renderers_ended.inc()
        if self._child is None:
            ours, theirs = socket.socketpair()
            with theirs:
                process = await asyncio.to_thread(children.start, MODULE, theirs)
            ours.setblocking(False)
            self._child = _Child(process, *await asyncio.open_unix_connection(sock=ours, limit=PIECE))
        return self._child

    async def close(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.stop()


class Rendering:
    """One work in the renderer. Call `end` when nobody wants its rest."""

    def __init__(self, renderer: Renderer, request: Request, job: Job) -> None:
        self.child: _Child | None = None
        self.number = 0
        self._renderer = renderer
        self.request = request
        self._job: Job | None = job
        self.is_over = False
        metrics.renderings.inc()

    async def portion(self, readings: str | None = None) -> Portion:
        """The next portion, in a turn of its own; it goes on with the `readings` that the last one wanted. Raises as `step` does.

        An admitted work waits again where the line is full.
        """
        while True:
            try:
                async with self._renderer.line.turn(self.request):
                    return await self.step(readings)
            except Problem:
                await asyncio.sleep(PAUSE)

    async def step(self, readings: str | None = None) -> Portion:
        """The next portion, for a caller that has the turn. Raises RendererEnded, UnfitBundle and RenderingFailed."""
        job, self._job = self._job, None
        portion = await self._renderer.ask(self, job, readings)
        if portion.unfit is not None:
            metrics.unfit_bundles.inc()
            error = UnfitBundle(portion.unfit)
            log.error("bundle not sent: %s", error)
            raise error
        if portion.fault:
            raise RenderingFailed(portion.fault)
        return portion

    def end(self) -> None:
        if self.is_over:
            return
        self.is_over = True
        metrics.renderings.dec()
        self._renderer.forget(self)


@asynccontextmanager
async def running() -> AsyncIterator[Renderer]:
    renderer = Renderer()
    try:
        yield renderer
    finally:
        await renderer.close()
