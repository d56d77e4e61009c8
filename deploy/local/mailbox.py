"""A mail server for `make up`: it takes every mail from this machine, sends none on, and writes each into a file to look at."""

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local import ports
from deploy.local.children import end, start_of_program
from deploy.local.postgres import ServerFailed

START_SECONDS = 30
LONGEST = 1 << 20
# The newest files that stay.
KEPT = 200


class Mailbox:
    """The process of the server. Its files are `<number>.eml` in `folder`, the newest with the highest number."""

    name = "mail"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "mailbox.log"
        self.port = 0
        self.server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"smtp+plain://{ports.LOOPBACK}:{self.port}"

    def start(self, preferred_port: int = 0) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = ports.free_port(preferred_port)
        self.launch()

    def launch(self) -> None:
        """Start it on the port it has."""
        with self.log.open("ab") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", __name__, str(self.port), str(self.folder)],
                stdout=log,
                stderr=log,
                cwd=Path(__file__).resolve().parents[2],
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                preexec_fn=start_of_program(os.getpid(), signal.SIGTERM),
            )

    @property
    def running(self) -> bool:
        return self.server is not None and self.server.poll() is None

    def wait(self) -> None:
        """Return when the server answers; raise ServerFailed when it does not."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.running:
            try:
                socket.create_connection((ports.LOOPBACK, self.port), 5).close()
            except OSError:
                time.sleep(0.03)
            else:
                return
        self.stop()
        raise ServerFailed(f"the mailbox did not start; see {self.log}")

    def stop(self) -> None:
        if self.server:
            end(self.server)
        self.server = None


def write_to(folder: Path) -> Callable[[bytes], None]:
    """Writes each mail into a file of its own and deletes the oldest ones."""

    def write(mail: bytes) -> None:
        known = sorted(int(path.stem) for path in folder.glob("*.eml") if path.stem.isdecimal())
        (folder / f"{known[-1] + 1 if known else 1}.eml").write_bytes(mail)
        for number in known[: max(0, len(known) + 1 - KEPT)]:
            (folder / f"{number}.eml").unlink(missing_ok=True)

    return write


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, take: Callable[[bytes], None]) -> None:
    """One client's session (RFC 5321), without authentication and TLS."""

    async def say(line: str) -> None:
        writer.write(f"{line}\r\n".encode())
        await writer.drain()

    try:
        await say("220 mailbox")
        while line := await reader.readline():
            match line.strip()[:4].upper():
                case b"EHLO":
                    await say("250-mailbox\r\n250-8BITMIME\r\n250 SIZE 1048576")
                case b"DATA":
                    await say("354 end with a dot")
                    take(await _mail(reader))
                    await say("250 taken")
                case b"QUIT":
                    await say("221 bye")
                    return
                case b"HELO" | b"MAIL" | b"RCPT" | b"RSET" | b"NOOP":
                    await say("250 ok")
                case _:
                    await say("502 not here")
    except (ConnectionError, ValueError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _mail(reader: asyncio.StreamReader) -> bytes:
    """The lines up to the dot, without the dots that hide others (§4.5.2)."""
    lines: list[bytes] = []
    size = 0
    while (line := await reader.readline()).rstrip(b"\r\n") != b".":
        if not line:
            raise ConnectionResetError
        size += len(line)
        if size <= LONGEST:
            lines.append(line.removeprefix(b"."))
    return b"".join(lines)


async def serve(port: int, folder: Path) -> None:
    take = write_to(folder)
    server = await asyncio.start_server(lambda reader, writer: converse(reader, writer, take), ports.LOOPBACK, port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(serve(given.port, given.folder))
