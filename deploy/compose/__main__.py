"""Writes the files that docker-compose.yml needs: `.env` with every secret, and two files made from it. Never commit them."""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

import typer

from deploy.compose.redis_users import users
from deploy.local.plan import new_key
from deploy.local.table import ROOT, SERVICES, Service
from shared.primitives.crypto import Signer
from shared.web.identity import SigningKey

FOLDER = ROOT / "deploy" / "compose"
EXPORTER = """\
  {service}:
    type: userpass
    userpass: {{username: monitor, password: {password}}}
    options: {{sslmode: disable}}
"""
"""Prometheus names the service as the module of its database."""


def main() -> None:
    """Make the secrets of the containers. Existing ones stay, because the volumes were made with them."""
    env = ROOT / ".env"
    lines = env.read_text().splitlines() if env.exists() else []
    kept = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    made = {name: value for name, value in settings(kept).items() if kept.get(name) != value}
    lines = [line for line in lines if line.partition("=")[0] not in made]
    write(env, "\n".join([*lines, *(f"{name}={value}" for name, value in made.items())]) + "\n", 0o600)
    write_files(kept | made, FOLDER)
    typer.echo(f"{len(made)} settings written to .env; now: docker compose up --build --wait")


def settings(kept: Mapping[str, str], kid: str = "compose-1") -> dict[str, str]:
    """Every secret by its name; those in `kept` do not change. Public keys are computed from the private ones."""

    def secret(name: str, make: Callable[[], str] = lambda: secrets.token_hex(24)) -> str:
        return kept.get(name) or make()

    signing_key = secret("IDENTITY_SIGNING_KEY", lambda: f"{kid}:{new_key()}")
    own_keys = {
        service.database: secret(f"{prefix(service)}_SIGNING_KEY", lambda: f"{kid}:{new_key()}") for service in SERVICES
    }
    return {
        "IDENTITY_SIGNING_KEY": signing_key,
        "IDENTITY_PUBLIC_KEYS": merged(kept.get("IDENTITY_PUBLIC_KEYS", ""), [SigningKey(signing_key).public_text()]),
        **{f"{name.upper()}_SIGNING_KEY": key for name, key in own_keys.items()},
        "SERVICE_PUBLIC_KEYS": merged(
            kept.get("SERVICE_PUBLIC_KEYS", ""), [Signer(key).public_text(name) for name, key in own_keys.items()]
        ),
        **{name: secret(name) for name in ("GRAFANA_PASSWORD", "GATEWAY_REDIS_PASSWORD", "MONITOR_REDIS_PASSWORD")},
        **{name: secret(name, lambda value=value: value) for service in SERVICES for name, value in new(service)},
    }


def merged(kept: str, derived: list[str]) -> str:
    """The public keys in `kept` and in `derived`. While a key is being replaced, the old public key stays in `kept`."""
    by_id = {key.partition(":")[0]: key for key in [*filter(None, kept.split(",")), *derived]}
    return ",".join(by_id.values())


def new(service: Service) -> list[tuple[str, str]]:
    """Fresh passwords and keys of one service."""
    name = prefix(service)
    passwords = [f"{name}_{role}_PASSWORD" for role in ("SUPERUSER", "MIGRATOR", "APP", "WORKER", "MONITOR", "REDIS")]
    keys = [f"{name}_{keys}" for keys in ("ENCRYPTION_KEYS", *service.keys)]
    return [(each, secrets.token_hex(24)) for each in passwords] + [(each, f"1:{new_key()}") for each in keys]


def write_files(settings: Mapping[str, str], folder: Path) -> None:
    """Writes Redis' users and the exporter's passwords, each in the format of its program."""
    passwords = {service.database: settings[f"{prefix(service)}_REDIS_PASSWORD"] for service in SERVICES}
    others = {name: settings[f"{name.upper()}_REDIS_PASSWORD"] for name in ("gateway", "monitor")}
    # Readable by all, because these programs run as other users in their containers.
    write(folder / "users.acl", users(passwords | others), 0o644)
    modules = [
        EXPORTER.format(service=service.name, password=settings[f"{prefix(service)}_MONITOR_PASSWORD"])
        for service in SERVICES
    ]
    write(folder / "postgres-exporter.yml", "".join(["auth_modules:\n", *modules]), 0o644)


def prefix(service: Service) -> str:
    return service.database.upper()


def write(path: Path, text: str, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    path.chmod(mode)


if __name__ == "__main__":
    typer.run(main)
