"""Noticing a peer that is gone without a word: its machine lost its power, or the network between is cut.

Nothing would say so on a connection that waits for an answer or for news: it would wait for hours.
"""

import socket
from collections.abc import Mapping
from typing import Any

IDLE_SECONDS, BETWEEN_SECONDS, QUESTIONS = 5, 2, 3
UNHEARD_SECONDS = 10
"""For so long what was sent may stay without the kernel of the peer confirming it."""
CONNECT_SECONDS = 3
KEEPALIVE: Mapping[int, int] = {
    getattr(socket, name): value
    for name, value in (
        ("TCP_KEEPIDLE", IDLE_SECONDS),
        ("TCP_KEEPINTVL", BETWEEN_SECONDS),
        ("TCP_KEEPCNT", QUESTIONS),
        ("TCP_USER_TIMEOUT", UNHEARD_SECONDS * 1000),
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
    "tcp_user_timeout": UNHEARD_SECONDS * 1000,
}
"""Parameters of a connection; of several servers in a connection string each is given `connect_timeout`."""
