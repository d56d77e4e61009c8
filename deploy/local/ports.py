"""Listening sockets and free ports on this machine alone."""

import errno
import itertools
import random
import socket

import psutil

LOOPBACK, LOOPBACK_6 = "127.0.0.1", "::1"
BACKLOG = 512
# Below the range of source ports of outgoing connections, so that no connection takes a port while
# the program that listens on it restarts.
FREE_PORTS = range(20_000, 32_000)
# In order from a random port. A given port is free until its program listens, so a random choice for each program could give the
# same port to a second program, of this stack or of another that starts at the same time.
_FIRST = random.choice(FREE_PORTS)
_following = itertools.cycle([*range(_FIRST, FREE_PORTS.stop), *range(FREE_PORTS.start, _FIRST)])


class PortTaken(Exception):
    """The port is taken or not allowed; the text names the process that has it, if the system shows that."""


def listen(port: int, address: str = LOOPBACK) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises PortTaken."""
    if port == 0:
        for free in itertools.islice(_following, 200):
            try:
                return listen(free)
            except PortTaken:
                continue
        raise PortTaken(f"no free port between {FREE_PORTS.start} and {FREE_PORTS.stop}")
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        why = (
            f"is taken{_holder(port)}: stop it"
            if error.errno == errno.EADDRINUSE
            else f"cannot be used ({error.strerror})"
        )
        raise PortTaken(f"port {port} {why}, or choose another with KNOGIN_PORT") from error
    return listener


def listen_at_localhost(port: int) -> list[socket.socket]:
    """Listening sockets on 127.0.0.1 and, where this machine has IPv6, on ::1: where `localhost` is both, some programs try one alone.

    Port 0 takes one that is free on both. Raises PortTaken."""
    while True:
        listener = listen(port)
        if not _has_ipv6():
            return [listener]
        try:
            return [listener, listen(port_of(listener), LOOPBACK_6)]
        except PortTaken:
            listener.close()
            if port:
                raise


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as tried:
            tried.bind((LOOPBACK_6, 0))
        return True
    except OSError:
        return False


def listen_preferably(port: int) -> socket.socket:
    """Listens on `port` if it is free, otherwise on any, so that addresses stay the same after a restart."""
    try:
        return listen(port)
    except PortTaken:
        return listen(0)


def free_port(preferred: int = 0) -> int:
    """A port for a program that opens its own socket: `preferred` if it is free, otherwise a new one at each call."""
    with listen_preferably(preferred) as listener:
        return port_of(listener)


def port_of(listener: socket.socket) -> int:
    return listener.getsockname()[1]


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("inet"):
            listening = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if listening and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
        return ""
    except (psutil.Error, OSError):
        return ""
