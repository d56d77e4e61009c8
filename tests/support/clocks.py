"""A process whose clock is wrong."""

from datetime import datetime, timedelta, tzinfo
from types import ModuleType

import pytest


class _Ahead(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + timedelta(days=31)


def run_ahead(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
    """The clock by which these modules date is a month ahead."""
    for module in modules:
        monkeypatch.setattr(module, "datetime", _Ahead, raising=False)
