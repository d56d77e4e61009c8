"""Where a sign-in is kept: one file for each profile, readable by its owner alone, in the folder that XDG names for state.

One process at a time renews a token: it holds a lock of the file system, and looks again before it asks.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ..webhooks import PREFIX
from .failures import USAGE, Failure

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LOCK_SECONDS = 60.0


class SignIn(msgspec.Struct, kw_only=True):
    """A profile's sign-in. Times are of the wall clock, because they outlive the process."""

    base_url: str
    client_id: str = ""
    access_token: str = ""
    refresh_token: str = ""
    scope: str = ""
    obtained_at: float = 0.0
    expires_at: float = 0.0

    def __repr__(self) -> str:
        return f"SignIn({self.base_url!r}, {self.client_id!r})"

    @property
    def is_fresh(self) -> bool:
        """Whether a fifth of the token's life is left. A clock that was set back makes no token fresh."""
        now = time.time()
        return self.obtained_at <= now + 60 and now < self.expires_at - (self.expires_at - self.obtained_at) / 5

    @property
    def lives(self) -> bool:
        return time.time() < self.expires_at - 5


def folder() -> Path:
    """`$XDG_STATE_HOME/knogin`; on Windows below LOCALAPPDATA."""
    named = os.environ.get("XDG_STATE_HOME")
    if named and Path(named).is_absolute():
        return Path(named) / "knogin"
    if os.name == "nt" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "knogin"
    return Path.home() / ".local" / "state" / "knogin"


class Store:
    """The file of one profile."""

    def __init__(self, profile: str) -> None:
        if not _NAME.fullmatch(profile):
            raise Failure(f"{profile!r} is no name of a profile: letters, digits, dots and hyphens.", code=USAGE)
        self.profile = profile
        self.path = folder() / f"{profile}.json"

    def read(self) -> SignIn | None:
        """None without a sign-in. A file that others may read is refused."""
        try:
            content, mode = self.path.read_bytes(), self.path.stat().st_mode
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Failure(f"{self.path} cannot be read: {error.strerror}.", "Check its owner, or delete it.") from None
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise Failure(
                f"Others on this machine can read the tokens in {self.path}.",
                f"Run: knogin logout --local, then: knogin login. Or, if nobody else has: chmod 600 {self.path}",
            )
        try:
            return msgspec.json.decode(content, type=SignIn)
        except msgspec.DecodeError:
            raise Failure(f"{self.path} is damaged.", f"Delete it, then run: knogin login. ({self.path})") from None

    def write(self, sign_in: SignIn) -> None:
        """Replaces the file as a whole, so that no reader finds half of it."""
        self._make_folder()
        self._replace(self.path, msgspec.json.encode(sign_in))

    def _replace(self, path: Path, content: bytes) -> None:
        # mkstemp makes the file with mode 0600.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{self.profile}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise

    def delete(self) -> bool:
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True

    def webhook_secret(self) -> str:
        """The secret with which `listen` signs, the same for ever."""
        path = self.path.with_suffix(".secret")
        with self.locked():
            if not path.exists():
                secret = PREFIX + base64.b64encode(os.urandom(32)).decode()
                self._replace(path, secret.encode())
            return path.read_text("ascii").strip()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Held by one process at a time. A process that ends frees it."""
        self._make_folder()
        path = self.path.with_suffix(".lock")
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            ends_at = time.monotonic() + LOCK_SECONDS
            while not _lock(handle):
                if time.monotonic() > ends_at:
                    raise Failure("Another knogin has been renewing the sign-in for a minute.", f"Is one stuck? {path}")
                time.sleep(0.05)
            yield
        finally:
            os.close(handle)

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(f"{self.path.parent} cannot be made: {error.strerror}.", "Set XDG_STATE_HOME.") from None


def _lock(handle: int) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportPossiblyUnboundVariable]
    except OSError:
        return False
    return True
