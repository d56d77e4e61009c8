"""Settings of a child process that end it with the stack, and its end."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15


class Account(NamedTuple):
    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """`nobody` if root starts the stack, because PostgreSQL refuses to run as root; otherwise None."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def die_with_parent(number: signal.Signals) -> None:
    """Lets Linux send this process a signal when its parent ends, even by SIGKILL. Does nothing on other systems."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number))


def name_process(name: str) -> None:
    """Sets the name that `ps -o comm` and `top` show, cut to 15 bytes. Does nothing on other systems than Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NAME, name.encode()[:15])


def end(server: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM, patience: float = 10) -> None:
    """Sends a server `number`, and SIGKILL if it runs `patience` seconds later; waits for its end."""
    if server.poll() is None:
        server.send_signal(number)
        try:
            server.wait(patience)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def start_of_program(parent: int, number: signal.Signals, account: Account | None = None) -> Callable[[], None]:
    """A `preexec_fn`: a session of its own (Ctrl-C reaches only the supervisor), the account, the signal when the parent ends."""

    def prepare() -> None:
        os.setsid()
        if account:
            os.setgroups([account.gid])
            os.setgid(account.gid)
            os.setuid(account.uid)
        # After setuid: the kernel forgets the death signal when credentials change.
        die_with_parent(number)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
