"""A network of the test's own, whose packets can be dropped. A cut connection gets no packet that closes it."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
TABLE = """
table ip chaos {
    chain cut { type filter hook output priority 0; }
}
"""
PROGRAM = shutil.which("nft", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
needed = pytest.mark.skipif(not PROGRAM or os.geteuid() != 0, reason="needs root and nft; Debian's nftables has it")


@contextmanager
def own_network() -> Iterator[None]:
    """Puts this thread and its children into a network namespace of their own. Raises OSError if that is not permitted."""
    with _back_afterwards():
        if LIBC.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "no network namespace of one's own is permitted")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run([str(PROGRAM), "-f", "-"], input=TABLE, text=True, check=True)
        yield


@contextmanager
def inside(namespace: Path) -> Iterator[None]:
    """Moves this thread to a network namespace, given by its file; its later children and threads are there too."""
    with _back_afterwards(), namespace.open() as within:
        if LIBC.setns(within.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        yield


@contextmanager
def _back_afterwards() -> Iterator[None]:
    with Path("/proc/thread-self/ns/net").open() as before:
        try:
            yield
        finally:
            LIBC.setns(before.fileno(), CLONE_NEWNET)


@contextmanager
def cut(*matches: str) -> Iterator[None]:
    """Drops all packets that match, for example `ip daddr 127.0.10.3`; connections are neither closed nor refused."""
    rules = "".join(f"add rule ip chaos cut {match} drop\n" for match in matches)
    subprocess.run([str(PROGRAM), "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run([str(PROGRAM), "flush", "chain", "ip", "chaos", "cut"], check=True)


def to_address(address: str) -> tuple[str, ...]:
    return f"ip daddr {address}", f"ip saddr {address}"


def to_port(port: int) -> tuple[str, ...]:
    return f"tcp dport {port}", f"tcp sport {port}"
