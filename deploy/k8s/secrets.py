"""Makes every Secret that the processes need, once: `python -m deploy.k8s.secrets [address of Redis] > secrets.json`.

The address is `REDIS_URL` without a login, `redis://redis:6379/0` if not given; with `sentinel[s]://` the Secret `redis` also has the
users of replicas and Sentinels.

Put them into the store that External Secrets reads, one entry for each under its name. Without a store run
`kubectl -n knogin apply -f secrets.json`. Delete the file afterwards: it holds every secret of the platform.
"""

import json
import sys
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from deploy.compose.__main__ import prefix, settings
from deploy.compose.redis_users import sentinel_users, users
from deploy.local.table import SERVICES, Service
from shared.process.settings import Malformed, parse_redis_url

ROLES = ("migrator", "app", "worker")
ONE_REDIS = "redis://redis:6379/0"
OF_SENTINELS = ("REPLICA_REDIS_PASSWORD", "SENTINEL_REDIS_PASSWORD", "SENTINEL_PASSWORD")


def with_redis(values: Mapping[str, str], address: str = ONE_REDIS) -> dict[str, str]:
    """`values` with the address of Redis, and passwords of replicas and Sentinels where it names some. Raises Malformed."""
    read = parse_redis_url(address)
    if read.user or read.password or read.sentinel_password:
        raise Malformed("it has a login, which each process is given here")
    passwords = {name: token_hex(24) for name in OF_SENTINELS} if read.master else {}
    return {**passwords, **values, "REDIS_ADDRESS": address}


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
    keys = {name: values[name] for name in ("IDENTITY_SIGNING_KEY", "SERVICE_PUBLIC_KEYS")}
    return keys | {"REDIS_URL": redis_url(values, "gateway", values["GATEWAY_REDIS_PASSWORD"])}


def redis(values: Mapping[str, str]) -> dict[str, str]:
    passwords = {service.database: values[f"{prefix(service)}_REDIS_PASSWORD"] for service in SERVICES}
    others = {name: values[f"{name.upper()}_REDIS_PASSWORD"] for name in ("gateway", "monitor")}
    made = {"monitor-password": others["monitor"]}
    if "SENTINEL_PASSWORD" in values:
        others |= {name: values[f"{name.upper()}_REDIS_PASSWORD"] for name in ("replica", "sentinel")}
        made |= {f"{name}-password": others[name] for name in ("replica", "sentinel")}
        made["sentinel-users.acl"] = sentinel_users(values["SENTINEL_PASSWORD"])
    return made | {"users.acl": users(passwords | others)}


def redis_url(values: Mapping[str, str], user: str, password: str) -> str:
    scheme, _, place = values.get("REDIS_ADDRESS", ONE_REDIS).partition("://")
    url = f"{scheme}://{user}:{password}@{place}"
    if "SENTINEL_PASSWORD" not in values:
        return url
    return f"{url}{'&' if '?' in place else '?'}sentinel_user=platform&sentinel_password={values['SENTINEL_PASSWORD']}"


def of_processes(values: Mapping[str, str], service: Service) -> dict[str, dict[str, str]]:
    """Each kind of process gets only its own settings: a web process only the app's role, and only `migrate` the migrator's."""
    name = prefix(service)
    common = {
        "DATABASE_URL": database_url(values, service, "app"),
        "REDIS_URL": redis_url(values, service.database, values[f"{name}_REDIS_PASSWORD"]),
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
    try:
        values = with_redis(settings({}, kid="production-1"), *sys.argv[1:])
    except Malformed as error:
        raise SystemExit(f"the address of Redis is malformed: {error}") from None
    made = manifests(values)
    json.dump({"apiVersion": "v1", "kind": "List", "items": made}, sys.stdout, indent=2)
