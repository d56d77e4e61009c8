"""Asks a process whether it is ready, without waiting for the answer."""

import selectors
import socket
import time

from deploy.local.ports import LOOPBACK

PATIENCE = 10.0
PAUSE = 0.1


class Probe:
    """`GET /readyz` on one port. The socket is open before its process serves it, so the request may wait there."""

    def __init__(self, selector: selectors.BaseSelector, port: int) -> None:
        self._selector = selector
        self._port = port
        self._socket: socket.socket | None = None
        self._asked_at = 0.0

    def ready(self) -> bool:
        """Sends the request if none is open. True when the answer is 200."""
        now = time.monotonic()
        if self._socket is None:
            if now - self._asked_at >= PAUSE:
                self._ask(now)
            return False
        try:
            answer = self._socket.recv(256)
        except BlockingIOError:
            if now - self._asked_at < PATIENCE:
                return False
            answer = b""
        except ConnectionError:
            answer = b""
        self.close()
        return answer.split(b" ")[1:2] == [b"200"]

    def close(self) -> None:
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None

    def _ask(self, now: float) -> None:
        self._asked_at = now
        question = socket.socket()
        question.settimeout(0.5)
        try:
            question.connect((LOOPBACK, self._port))
            question.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        except OSError:
            question.close()
            return
        question.setblocking(False)
        self._selector.register(question, selectors.EVENT_READ)
        self._socket = question
