"""Stops a test run early, and lists at its end the tests that did not run."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def all_else_fails(session: pytest.Session, what: str) -> Iterator[None]:
    """Ends the run with one failure for a part that does not start, because a thousand tests that need it would fail too."""
    try:
        yield
    except Exception:
        session.shouldstop = f"{what} did not start; the reason stands above"
        raise


def name_what_was_skipped(terminal: pytest.TerminalReporter) -> None:
    """Writes one line for each reason of skipped tests at the end, so that a green run does not hide them."""
    files: dict[str, list[str]] = defaultdict(list)
    for report in terminal.stats.get("skipped", ()):
        path, _, reason = report.longrepr
        files[reason.removeprefix("Skipped: ")].append(report.nodeid.partition("::")[0] or path)
    if files:
        terminal.section("NOT tested here")
    for reason, skipped in files.items():
        terminal.line(f"{len(skipped)} in {', '.join(sorted(set(skipped)))}: {reason}")
