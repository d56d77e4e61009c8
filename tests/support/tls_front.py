"""Ends TLS before a server that knows none: `python -m tests.support.tls_front <its port> <file of key and certificate>`.

Prints its own port. A connection that begins without TLS is passed on too: replicas and Sentinels of a test are plain.
"""

import asyncio
import socket
import ssl
import sys
from contextlib import suppress

LOOPBACK = "127.0.0.1"
HANDSHAKE = b"\x16"
"""The first byte of a connection with TLS."""


async def serve(to: int, certificate: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listening = socket.create_server((LOOPBACK, 0))
    listening.setblocking(False)
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    connections: set[asyncio.Task[None]] = set()
    while True:
        sock, _ = await asyncio.get_running_loop().sock_accept(listening)
        connections.add(task := asyncio.create_task(pass_on(sock, to, context)))
        task.add_done_callback(connections.discard)


async def pass_on(sock: socket.socket, to: int, context: ssl.SSLContext) -> None:
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        is_encrypted = await first_byte(sock) == HANDSHAKE
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        tls = context if is_encrypted else None
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock, ssl=tls)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            inner, outer = await asyncio.open_connection(LOOPBACK, to)
            await asyncio.gather(pump(reader, outer), pump(inner, writer))
        finally:
            writer.close()


async def first_byte(sock: socket.socket) -> bytes:
    while True:
        try:
            return sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            await asyncio.sleep(0.002)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
    finally:
        writer.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
