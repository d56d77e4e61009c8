"""What a forked or started child needs so that it never outlives the stack."""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable
from typing import NamedTuple

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15


class Account(NamedTuple):
    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """The account PostgreSQL runs under when the stack is started by root, which it refuses."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def die_with_parent(number: signal.Signals) -> None:
    """Ask Linux for a signal when the parent goes, however it goes (kill -9 too)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number))


def name_process(name: str) -> None:
    """The short name `ps -o comm` and `top` show; Linux keeps 15 characters of it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NAME, name.encode()[:15])


def start_of_program(parent: int, number: signal.Signals, account: Account | None = None) -> Callable[[], None]:
    """A `preexec_fn`: own process group (Ctrl-C is the supervisor's), other account, death with the parent."""

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
