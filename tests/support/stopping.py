"""When a run stops early, and what it says at its end about what it did not do."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def all_else_fails(session: pytest.Session, what: str) -> Iterator[None]:
    """If this does not start, nothing that needs it can pass: the run ends with this one failure instead of a thousand."""
    try:
        yield
    except Exception:
        session.shouldstop = f"{what} did not start; the reason stands above"
        raise


def name_what_was_skipped(terminal: pytest.TerminalReporter) -> None:
    """A section at the end, one line for each reason, so that a green run does not hide what it left out."""
    files: dict[str, list[str]] = defaultdict(list)
    for report in terminal.stats.get("skipped", ()):
        path, _, reason = report.longrepr
        files[reason.removeprefix("Skipped: ")].append(report.nodeid.partition("::")[0] or path)
    if files:
        terminal.section("NOT tested here")
    for reason, skipped in files.items():
        terminal.line(f"{len(skipped)} in {', '.join(sorted(set(skipped)))}: {reason}")
