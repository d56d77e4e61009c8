"""Settings: read once from the environment; a wrong one is named, and never shown."""

import msgspec
import pytest

from shared import settings


class Example(msgspec.Struct, kw_only=True):
    database_url: str
    worker_database_url: str | None = None
    outbox_resend_seconds: float = 30
    ops_port: int = 0
    enabled: bool = False


def test_each_field_is_the_variable_of_its_name() -> None:
    environment = {
        "DATABASE_URL": "postgresql://x",
        "OPS_PORT": "9000",
        "OUTBOX_RESEND_SECONDS": "0.5",
        "ENABLED": "true",
    }
    loaded = settings.load(Example, environment | {"UNRELATED": "x"})
    assert loaded == Example(database_url="postgresql://x", ops_port=9000, outbox_resend_seconds=0.5, enabled=True)


def test_the_environment_of_the_process_is_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://y")
    assert settings.load(Example).database_url == "postgresql://y"


def test_a_missing_setting_ends_the_process_with_its_name() -> None:
    with pytest.raises(SystemExit, match=r"^setting DATABASE_URL is missing$"):
        settings.load(Example, {})


@pytest.mark.parametrize("value", ["hunter2", "", "1.5"])
def test_a_malformed_setting_is_named_without_its_value(value: str) -> None:
    with pytest.raises(SystemExit) as ended:
        settings.load(Example, {"DATABASE_URL": "x", "OPS_PORT": value})
    assert str(ended.value) == "setting OPS_PORT is malformed: expected int"


def test_a_setting_that_one_kind_of_process_needs_is_named_by_it() -> None:
    assert settings.required("x", "WORKER_DATABASE_URL") == "x"
    for missing in (None, ""):
        with pytest.raises(SystemExit, match="WORKER_DATABASE_URL is missing"):
            settings.required(missing, "WORKER_DATABASE_URL")
