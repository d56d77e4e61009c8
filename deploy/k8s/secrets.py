"""Makes every Secret that the processes need, once: `python -m deploy.k8s.secrets > secrets.json`.

Put them into the store that External Secrets reads, one entry for each under its name. Without a store run
`kubectl -n knogin apply -f secrets.json`. Delete the file afterwards: it holds every secret of the platform.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from deploy.compose.__main__ import prefix, settings
from deploy.compose.redis_users import users
from deploy.local.table import SERVICES, Service

ROLES = ("migrator", "app", "worker")


def secrets(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Keys and values of each Secret by its name, from the settings of `deploy.compose`; without the credentials for backups."""
    made = {"gateway": gateway(values), "redis": redis(values)}
    for service in SERVICES:
        for role in ROLES:
            login = {"username": f"{service.database}_{role}", "password": password(values, service, role)}
            made[f"{service.name}-db-{role}"] = login
        made |= of_processes(values, service)
    return made


def gateway(values: Mapping[str, str]) -> dict[str, str]:
    address = f"redis://gateway:{values['GATEWAY_REDIS_PASSWORD']}@redis:6379/0"
    keys = {name: values[name] for name in ("IDENTITY_SIGNING_KEY", "SERVICE_PUBLIC_KEYS")}
    return keys | {"REDIS_URL": address}


def redis(values: Mapping[str, str]) -> dict[str, str]:
    passwords = {service.database: values[f"{prefix(service)}_REDIS_PASSWORD"] for service in SERVICES}
    others = {name: values[f"{name.upper()}_REDIS_PASSWORD"] for name in ("gateway", "monitor")}
    return {"users.acl": users(passwords | others), "monitor-password": others["monitor"]}


def of_processes(values: Mapping[str, str], service: Service) -> dict[str, dict[str, str]]:
    """Each kind of process gets only its own settings: a web process only the app's role, and only `migrate` the migrator's."""
    name = prefix(service)
    common = {
        "DATABASE_URL": database_url(values, service, "app"),
        "REDIS_URL": f"redis://{service.database}:{values[f'{name}_REDIS_PASSWORD']}@redis:6379/0",
        "IDENTITY_PUBLIC_KEYS": values["IDENTITY_PUBLIC_KEYS"],
        "SERVICE_PUBLIC_KEYS": values["SERVICE_PUBLIC_KEYS"],
        **{keys: values[f"{name}_{keys}"] for keys in ("ENCRYPTION_KEYS", *service.keys)},
    }
    signing = {"SERVICE_SIGNING_KEY": values[f"{name}_SIGNING_KEY"]}
    worker = {"WORKER_DATABASE_URL": database_url(values, service, "worker")}
    owner = {"MIGRATION_DATABASE_URL": database_url(values, service, "migrator")}
    return {
        f"{service.name}-web": common | (signing if "web" in service.signing else {}),
        f"{service.name}-worker": common | worker | (signing if "worker" in service.signing else {}),
        f"{service.name}-migrate": common | worker | owner,
    }


def database_url(values: Mapping[str, str], service: Service, role: str) -> str:
    login = f"{service.database}_{role}:{password(values, service, role)}"
    return f"postgresql://{login}@{service.name}-db-rw:5432/{service.database}?sslmode=require"


def password(values: Mapping[str, str], service: Service, role: str) -> str:
    return values[f"{prefix(service)}_{role.upper()}_PASSWORD"]


def manifests(values: Mapping[str, str]) -> list[dict[str, Any]]:
    """The label `cnpg.io/reload` lets the database apply a changed password."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "labels": {"cnpg.io/reload": "true"}},
            "type": "kubernetes.io/basic-auth" if set(data) == {"username", "password"} else "Opaque",
            "stringData": data,
        }
        for name, data in secrets(values).items()
    ]


if __name__ == "__main__":
    made = manifests(settings({}, kid="production-1"))
    json.dump({"apiVersion": "v1", "kind": "List", "items": made}, sys.stdout, indent=2)
