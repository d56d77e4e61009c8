"""The end of a call, announced in its answers: `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and the links of both."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import NamedTuple

POLICY = "https://knogin.com/api/docs/deprecations"
# A call is answered for at least so long after its deprecation was announced.
NOTICE_DAYS = 365


class Deprecation(NamedTuple):
    """`since` is the day from which on new programs should not use the call, which may lie ahead; from `sunset` on it may be gone.

    Both days begin at 00:00 UTC. `remedy` is a sentence, `successor` is the path of the call that replaces it."""

    since: date
    sunset: date
    remedy: str
    successor: str = ""

    def headers(self) -> Iterator[tuple[str, str]]:
        """The fields of an answer. `Link` is a field beside others of that name."""
        yield "deprecation", f"@{int(_start(self.since).timestamp())}"
        yield "sunset", format_datetime(_start(self.sunset), usegmt=True)
        links = [f'<{POLICY}>; rel="deprecation"; type="text/html"', f'<{POLICY}>; rel="sunset"; type="text/html"']
        if self.successor:
            links.append(f'<{self.successor}>; rel="successor-version"')
        yield "link", ", ".join(links)


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
