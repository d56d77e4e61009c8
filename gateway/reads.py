"""Small reads from a connection: its parser handles all bytes of a read before any flow control, and asyncio reads 256 KiB at once."""

import asyncio
from typing import Generic, TypeVar

READ = 32 * 1024
"""Bytes of one read."""

Reader = TypeVar("Reader", bound=asyncio.Protocol)


class SmallReads(asyncio.BufferedProtocol, Generic[Reader]):
    """Reads at most `READ` bytes at a time for `protocol`."""

    _buffer = memoryview(bytearray(READ))

    def __init__(self, protocol: Reader) -> None:
        self.protocol = protocol
        self.connection_made = protocol.connection_made
        self.connection_lost = protocol.connection_lost
        self.eof_received = protocol.eof_received
        self.pause_writing = protocol.pause_writing
        self.resume_writing = protocol.resume_writing

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.protocol.data_received(bytes(self._buffer[:nbytes]))
