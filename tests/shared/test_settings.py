"""Settings: read once from the environment; a wrong one is named but never shown."""

from pathlib import Path

import msgspec
import pytest

from shared.process import settings


class Example(msgspec.Struct, kw_only=True):
    database_url: settings.DatabaseUrl
    worker_database_url: settings.DatabaseUrl | None = None
    outbox_resend_seconds: settings.Positive = 30
    ops_port: int = 0
    enabled: bool = False
    redis_url: settings.RedisUrl = ""
    endpoint: settings.Url = ""
    issuer: settings.Origin = ""
    public_keys: settings.PublicKeys = ""
    keys: settings.Keys = ""
    resolver: settings.Resolver = ""
    log_level: settings.LogLevel = "INFO"
    spans_file: settings.WritableFile = ""
    ca_file: settings.ReadableFile = ""
    share: settings.Share = 1
    port: settings.Port = 0
    whole: settings.Whole = 0
    count: settings.Count = 1
    wait: settings.NotNegative = 0


URL = {"DATABASE_URL": "postgresql://x"}
KEY = "k" * 43


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
        settings.load(Example, URL | {"OPS_PORT": value})
    assert str(ended.value) == "setting OPS_PORT is malformed: expected int"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql:/app:hunter2@127.0.0.1:5432/x"),
        ("DATABASE_URL", ""),
        ("WORKER_DATABASE_URL", "hunter2"),
        ("REDIS_URL", "hunter2"),
        ("REDIS_URL", "http://127.0.0.1"),
        ("REDIS_URL", "redis://:hunter2@127.0.0.1:port"),
        ("ENDPOINT", "hunter2"),
        ("ENDPOINT", "http://"),
        ("ISSUER", "https://a.example/"),
        ("ISSUER", "https://hunter2@a.example"),
        ("ISSUER", "ftp://a.example"),
        ("PUBLIC_KEYS", "hunter2"),
        ("PUBLIC_KEYS", "kid:hunter2"),
        ("KEYS", "hunter2"),
        ("KEYS", f"0:{KEY}"),
        ("KEYS", f"1:{KEY},1:{KEY}"),
        ("RESOLVER", "127.0.0.1"),
        ("RESOLVER", "127.0.0.1:99999"),
        ("LOG_LEVEL", "hunter2"),
        ("SPANS_FILE", "/nowhere/hunter2"),
        ("CA_FILE", "/nowhere/hunter2"),
        ("OUTBOX_RESEND_SECONDS", "0"),
        ("OUTBOX_RESEND_SECONDS", "inf"),
        ("SHARE", "1.01"),
        ("PORT", "65536"),
        ("WHOLE", "-1"),
        ("COUNT", "0"),
        ("WAIT", "nan"),
    ],
)
def test_a_setting_of_another_form_is_named_without_its_value(name: str, value: str) -> None:
    with pytest.raises(SystemExit) as ended:
        settings.load(Example, URL | {name: value})
    said = str(ended.value)
    assert said.startswith(f"setting {name} is malformed: ")
    assert "expected " in said
    assert ("hunter2" in said, "Annotated" in said, "\n" in said) == (False, False, False)


def test_settings_of_their_form_are_taken_and_an_optional_one_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    given = URL | {
        "WORKER_DATABASE_URL": "host=/run/postgresql dbname=x",
        "REDIS_URL": "rediss://user:p%2Fw@redis.example:6380/1",
        "ENDPOINT": "http://collector:4318/v1/traces",
        "ISSUER": "https://[::1]:8443",
        "KEYS": f"2:{KEY}, 1:{'A' * 43}",
        "RESOLVER": "[::1]:53",
        "SPANS_FILE": str(tmp_path / "spans"),
        "CA_FILE": str(tmp_path / "ca.pem"),
    }
    loaded = msgspec.structs.asdict(settings.load(Example, given))
    assert {name: loaded[name.lower()] for name in given} == given
    assert settings.load(Example, URL | dict.fromkeys(set(given) - set(URL), "")).redis_url == ""


def test_a_setting_that_one_kind_of_process_needs_is_named_by_it() -> None:
    assert settings.required("x", "WORKER_DATABASE_URL") == "x"
    for missing in (None, ""):
        with pytest.raises(SystemExit, match="WORKER_DATABASE_URL is missing"):
            settings.required(missing, "WORKER_DATABASE_URL")
