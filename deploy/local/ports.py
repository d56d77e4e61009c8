"""Listening sockets and free ports on 127.0.0.1."""

import socket

import psutil

LOOPBACK = "127.0.0.1"
BACKLOG = 512


class PortTaken(Exception):
    """The port asked for is in use; the text names the holder where the system tells it."""


def listen(port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises PortTaken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTaken(f"port {port} is taken{_holder(port)}: stop it, or choose another with KNOGIN_PORT") from error
    return listener


def listen_preferably(port: int) -> socket.socket:
    """The port used last time when it is still free, so that addresses survive a restart."""
    try:
        return listen(port)
    except PortTaken:
        return listen(0)


def free_port(preferred: int = 0) -> int:
    """A port for a program that opens its own socket."""
    with listen_preferably(preferred) as listener:
        return port_of(listener)


def port_of(listener: socket.socket) -> int:
    return listener.getsockname()[1]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _holder(port: int) -> str:
    try:
        return _process_on(port)
    except (psutil.Error, OSError):
        return ""


def _process_on(port: int) -> str:
    for connection in psutil.net_connections("inet"):
        listening = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
        if listening and connection.pid:
            return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""
