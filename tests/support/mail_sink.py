"""A mail server on this machine that remembers each mail."""

import asyncio
import email
import email.policy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from deploy.local import mailbox


class Sink:
    """Listens until `stop`."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.port = 0
        self.stopping = asyncio.Event()
        self.ready, self.loop = threading.Event(), asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.ready.wait(30)

    def _take(self, mail: bytes) -> None:
        message = email.message_from_bytes(mail, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)

    def _run(self) -> None:
        async def serve() -> None:
            server = await asyncio.start_server(
                lambda reader, writer: mailbox.converse(reader, writer, self._take), "127.0.0.1"
            )
            self.port = server.sockets[0].getsockname()[1]
            self.ready.set()
            await self.stopping.wait()
            server.close()

        self.loop.run_until_complete(serve())
        self.loop.close()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join()

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self.port}"


class Poisoned(Sink):
    """A mail server that hangs up at mail to one address, as one does that asks that address's own server first."""

    poison = "poison@integrator.example"

    def _take(self, mail: bytes) -> None:
        super()._take(mail)
        if self.mails[-1]["To"] == self.poison:
            raise ConnectionResetError


@contextmanager
def listening() -> Iterator[Sink]:
    sink = Sink()
    try:
        yield sink
    finally:
        sink.stop()


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
