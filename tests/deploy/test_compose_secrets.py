"""`make compose-env` makes the settings of docker-compose.yml, and never changes a setting with which a volume was made."""

import re
from pathlib import Path

import pytest
import yaml

from deploy.compose import __main__ as compose
from deploy.local.table import ROOT, SERVICES
from shared.primitives.crypto import Signer
from shared.web.identity import SigningKey


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout for the files that the command writes."""
    monkeypatch.setattr(compose, "ROOT", tmp_path)
    monkeypatch.setattr(compose, "FOLDER", tmp_path)
    return tmp_path


def settings(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines())


def test_every_secret_that_compose_asks_for_is_made_and_readable_by_its_owner_alone(folder: Path) -> None:
    compose.main()
    asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert asked <= settings(folder).keys()
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600


def test_a_second_run_adds_what_is_missing_and_changes_nothing_else(folder: Path) -> None:
    compose.main()
    first = settings(folder)
    kept = [
        f"{name}={value}" for name, value in first.items() if name not in ("EPCR_MONITOR_PASSWORD", "EPCR_SIGNING_KEY")
    ]
    (folder / ".env").write_text("\n".join(["GATEWAY_PUBLISH=0.0.0.0:80", *kept]) + "\n")
    compose.main()
    second = settings(folder)
    assert second["GATEWAY_PUBLISH"] == "0.0.0.0:80"
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"EPCR_MONITOR_PASSWORD", "EPCR_SIGNING_KEY", "SERVICE_PUBLIC_KEYS"}


def test_public_keys_are_those_of_the_private_ones(folder: Path) -> None:
    compose.main()
    made = settings(folder)
    assert made["IDENTITY_PUBLIC_KEYS"] == SigningKey(made["IDENTITY_SIGNING_KEY"]).public_text()
    for service in SERVICES:
        key = made[f"{service.database.upper()}_SIGNING_KEY"]
        assert Signer(key).public_text(service.database) in made["SERVICE_PUBLIC_KEYS"]


def test_a_predecessor_of_a_public_key_stays(folder: Path) -> None:
    compose.main()
    made = settings(folder)
    both = f"compose-0:AAAA,{made['IDENTITY_PUBLIC_KEYS']}"
    text = (
        (folder / ".env")
        .read_text()
        .replace(f"\nIDENTITY_PUBLIC_KEYS={made['IDENTITY_PUBLIC_KEYS']}\n", f"\nIDENTITY_PUBLIC_KEYS={both}\n")
    )
    (folder / ".env").write_text(text)
    compose.main()
    assert settings(folder)["IDENTITY_PUBLIC_KEYS"] == both


def test_files_made_from_secrets_follow_them(folder: Path) -> None:
    compose.main()
    (folder / "users.acl").unlink()
    compose.main()
    assert "user monitor on #" in (folder / "users.acl").read_text()


def test_the_exporter_has_another_password_at_each_database(folder: Path) -> None:
    """Prometheus names the module by the label `service` of the target."""
    compose.main()
    modules = yaml.safe_load((folder / "postgres-exporter.yml").read_text())["auth_modules"]
    passwords = {name: module["userpass"]["password"] for name, module in modules.items()}
    assert len({*passwords.values()}) == len(SERVICES)
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    made = settings(folder)
    for service in SERVICES:
        variable = f"{service.database.upper()}_MONITOR_PASSWORD"
        assert passwords[service.name] == made[variable]
        assert variable in composed[f"{service.name}-db"]["environment"]["MONITOR_PASSWORD"]
    jobs = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    [databases] = [job for job in jobs if job["job_name"] == "databases"]
    assert {"source_labels": ["service"], "target_label": "__param_auth_module"} in databases["relabel_configs"]
    assert {target["labels"]["service"] for target in databases["static_configs"]} == passwords.keys()
