"""Each process gets only its own settings."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import databases, environment, plan
from deploy.local.plan import Misconfigured, Plan
from deploy.local.state import State
from deploy.local.table import SERVICES


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plan]:
    monkeypatch.setenv("KNOGIN_PORT", "0")
    names = {"gateway": True} | {
        f"{service.name}-{kind}": kind == "web" for service in SERVICES for kind in service.processes
    }
    made = plan.make(State(tmp_path), SERVICES, names)
    made.redis_url = "redis://:password@127.0.0.1:1/0"
    for service in SERVICES:
        url = "postgresql://knogin:superuser@127.0.0.1:1/postgres"
        made.databases[service.name] = databases.described(service, url, made.role_passwords(service))
    yield made
    for listener in made.listeners.values():
        listener.close()


def test_only_the_gateway_can_sign_identities(made: Plan) -> None:
    assert environment.of_gateway(made)["IDENTITY_SIGNING_KEY"] == made.identity_signing_key
    for service in SERVICES:
        settings = environment.of_service(made, service, "web")
        seed = made.identity_signing_key.partition(":")[2]
        assert not any(seed in value for value in settings.values())
        assert settings["IDENTITY_PUBLIC_KEYS"].startswith("local-1:")


def test_no_service_is_told_anothers_database_or_keys(made: Plan) -> None:
    for service in SERVICES:
        values = " ".join(environment.of_service(made, service, "web").values())
        for other in SERVICES:
            known = other is service
            assert (made.databases[other.name].app in values) == known
            assert (made.databases[other.name].worker in values) == known
            assert (made.encryption_keys(other) in values) == known


def test_no_process_that_serves_is_told_the_owner_or_the_superuser(made: Plan) -> None:
    for service in SERVICES:
        for kind in service.processes:
            values = " ".join(environment.of_service(made, service, kind).values())
            assert "superuser" not in values
            assert made.databases[service.name].migrator not in values


def test_secrets_are_made_once_and_kept_from_others(made: Plan) -> None:
    first = made.encryption_keys(SERVICES[0])
    assert made.encryption_keys(SERVICES[0]) == first
    assert (made.state.folder / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_the_environment_of_whoever_starts_the_stack_does_not_leak_in(
    made: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-developer")
    for service in SERVICES:
        assert "AWS_SECRET_ACCESS_KEY" not in environment.of_service(made, service, "web")


def test_settings_can_be_chosen_for_one_service(made: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOGIN_SETTINGS", '{"epcr": {"OUTBOX_RESEND_SECONDS": 1}}')
    resend = {
        service.name: environment.of_service(made, service, "relay")["OUTBOX_RESEND_SECONDS"] for service in SERVICES
    }
    assert resend == {name: "1" if name == "epcr" else "3" for name in resend}


@pytest.mark.parametrize("text", ["{", "[]", '{"epcr": 1}', '{"epcrr": {}}'])
def test_settings_for_nobody_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("KNOGIN_SETTINGS", text)
    with pytest.raises(Misconfigured, match="KNOGIN_SETTINGS"):
        environment.chosen_settings("epcr")


@pytest.mark.parametrize("port", ["http", "-1", "65536", "80.5"])
def test_a_port_that_is_no_port_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("KNOGIN_PORT", port)
    with pytest.raises(Misconfigured, match="KNOGIN_PORT"):
        plan.make(State(tmp_path), SERVICES, {})


@pytest.mark.parametrize("number", ["0", "9", "-1", "two"])
def test_a_number_of_web_processes_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    monkeypatch.setenv("KNOGIN_PORT", "0")
    monkeypatch.setenv("KNOGIN_WEB_PROCESSES", number)
    with pytest.raises(Misconfigured, match="KNOGIN_WEB_PROCESSES"):
        plan.make(State(tmp_path), SERVICES, {})


def test_settings_from_a_file_are_read_again_for_each_process(
    made: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.json"
    monkeypatch.setenv("KNOGIN_SETTINGS", f"@{file}")
    for seconds in ("1", "2"):
        file.write_text(f'{{"epcr": {{"OUTBOX_RESEND_SECONDS": {seconds}}}}}')
        assert environment.chosen_settings("epcr") == {"OUTBOX_RESEND_SECONDS": seconds}


def test_a_settings_file_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOGIN_SETTINGS", f"@{tmp_path / 'absent'}")
    with pytest.raises(Misconfigured, match=r"KNOGIN_SETTINGS names .*absent"):
        environment.chosen_settings("epcr")
