"""A network of the test's own, whose packets can be dropped. A cut connection gets no packet that closes it."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

CLONE_NEWNET = 0x40000000
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
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    if libc.unshare(CLONE_NEWNET) != 0:
        os.close(before)
        raise OSError(ctypes.get_errno(), "no network namespace of one's own is permitted")
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run([str(PROGRAM), "-f", "-"], input=TABLE, text=True, check=True)
        yield
    finally:
        libc.setns(before, CLONE_NEWNET)
        os.close(before)


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
