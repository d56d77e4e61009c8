"""Writes what docker-compose.yml asks for: `.env` with every secret, and Redis' users. Both are made once and never committed."""

import os
import secrets
from pathlib import Path

import typer

from deploy.compose.redis_users import users
from deploy.local.plan import new_key
from deploy.local.table import ROOT, SERVICES, Service
from shared.identity import SigningKey
from shared.signatures import Signer

ENV = ROOT / ".env"
USERS = ROOT / "deploy" / "compose" / "users.acl"


def main() -> None:
    """Make the secrets of the containers, unless they are there."""
    if ENV.exists():
        raise SystemExit(f"{ENV} is there already; its secrets belong to the volumes made with it")
    signing_key = f"compose-1:{new_key()}"
    own_keys = {service: f"compose-1:{new_key()}" for service in SERVICES}
    settings = {
        "IDENTITY_SIGNING_KEY": signing_key,
        "IDENTITY_PUBLIC_KEYS": SigningKey(signing_key).public_text(),
        **{f"{prefix(service)}_SIGNING_KEY": key for service, key in own_keys.items()},
        "SERVICE_PUBLIC_KEYS": ",".join(Signer(key).public_text(service.database) for service, key in own_keys.items()),
        "GRAFANA_PASSWORD": secrets.token_hex(16),
        "GATEWAY_REDIS_PASSWORD": secrets.token_hex(24),
        **{name: value for service in SERVICES for name, value in of_service(service).items()},
    }
    passwords = {service.database: settings[f"{prefix(service)}_REDIS_PASSWORD"] for service in SERVICES}
    write(ENV, "".join(f"{name}={value}\n" for name, value in settings.items()))
    write(USERS, users(passwords | {"gateway": settings["GATEWAY_REDIS_PASSWORD"]}))
    # Redis' own user in its container has to read it.
    USERS.chmod(0o644)
    typer.echo(f"wrote {ENV.name} and {USERS.relative_to(ROOT)}; now: docker compose up --build --wait")


def of_service(service: Service) -> dict[str, str]:
    roles = ("SUPERUSER", "MIGRATOR", "APP", "WORKER", "REDIS")
    name = prefix(service)
    return {f"{name}_{role}_PASSWORD": secrets.token_hex(24) for role in roles} | {
        f"{name}_{keys}": f"1:{new_key()}" for keys in ("ENCRYPTION_KEYS", *service.keys)
    }


def prefix(service: Service) -> str:
    return service.database.upper()


def write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


if __name__ == "__main__":
    typer.run(main)
