"""The work of a renderer: a generator that is made from plain content, without settings, keys of the service, or a database.

It yields None as long as nothing may be sent, then the bytes of the answer. With `Wants` it asks for readings, which it is sent as JSON.
It may return the last bytes. The renderer stops it after any of its steps and goes on with it in another turn.
"""

from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec


class Wants(NamedTuple):
    """The next readings of the source of that number, after that time and id."""

    source: int
    after: tuple[datetime, str] | None


Work = Generator[bytes | Wants | None, Any, bytes | None]
Job = Callable[[], Work]
"""Makes the work in the renderer. It is pickled: a `partial` of a function of a module, with plain content."""


class Portion(msgspec.Struct, array_like=True):
    """The steps of one turn: their bytes in `pieces`, and whether bytes may be sent yet (`is_begun`).

    Between the processes `size` bytes follow the portion, which has no pieces itself. `unfit` are the reasons of an UnfitBundle. `fault`
    is another error, by its type and places: its text may quote a value. `number` is that of the work.
    """

    pieces: list[bytes] = []
    is_begun: bool = False
    wants: Wants | None = None
    is_last: bool = False
    unfit: list[str] | None = None
    fault: str = ""
    number: int = 0
    size: int = 0
