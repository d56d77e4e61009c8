"""Options that detect a silent peer: its machine lost power, or the network between is cut.

Without them a connection that waits for an answer or a notification would wait for hours.
"""

import socket
from collections.abc import Mapping
from typing import Any

IDLE_SECONDS, BETWEEN_SECONDS, QUESTIONS = 5, 2, 3
UNCONFIRMED_SECONDS = 10
"""Seconds after which sent data that the peer's kernel has not confirmed ends the connection."""
CONNECT_SECONDS = 3
KEEPALIVE: Mapping[int, int] = {
    getattr(socket, name): value
    for name, value in (
        ("TCP_KEEPIDLE", IDLE_SECONDS),
        ("TCP_KEEPINTVL", BETWEEN_SECONDS),
        ("TCP_KEEPCNT", QUESTIONS),
        ("TCP_USER_TIMEOUT", UNCONFIRMED_SECONDS * 1000),
    )
    if hasattr(socket, name)  # Linux has all of them
}
REDIS: Mapping[str, Any] = {"socket_keepalive": True, "socket_keepalive_options": KEEPALIVE}
"""Options of a Redis client."""
POSTGRES: Mapping[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": IDLE_SECONDS,
    "keepalives_interval": BETWEEN_SECONDS,
    "keepalives_count": QUESTIONS,
    "tcp_user_timeout": UNCONFIRMED_SECONDS * 1000,
}
"""Parameters of a connection; `connect_timeout` applies to each server in a connection string."""
